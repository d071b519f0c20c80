"""What a class is given: complete, ready to run, and never over somebody's work."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.commands import handout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A handout for students."""
    return handout.handout(tmp_path_factory.mktemp("handout") / "class")


def run(*arguments, cwd):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "helpers", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_it_holds_what_the_lessons_need_and_no_answers(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"README.md", "LICENSE", "helpers/losses.py", "data/weights/compact.safetensors"} <= names
    assert len([name for name in names if name.startswith("notebooks/") and name.endswith(".ipynb")]) == 7
    assert not any("__pycache__" in name or name.startswith(("tests", ".git", "results/")) for name in names)
    assert "notebooks/README.md" not in names
    readme = (folder / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme)
    assert links
    assert [link for link in links if not (folder / link).exists()] == []


def test_a_picture_can_be_painted_in_it(folder, tmp_path):
    done = run("render", "landscape", "monet", "--size", 48, "--steps", 2, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / "results" / "landscape--monet--1.png")


def test_a_lesson_runs_in_it_from_top_to_bottom(folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(folder))
    notebook = nbformat.read(folder / "notebooks" / "01_utilities.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder / "notebooks"}}).execute()
    printed = [output.text for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output]
    assert printed.count("not tried yet\n") == 3


def test_what_cannot_be_made_of_a_handout_is_one_line(folder):
    refused = run("handout", "--solutions", cwd=folder)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "These lessons came without solutions" in refused.stderr
    shown = run("slides", 0, "--out", folder / "slides", cwd=folder)
    assert shown.returncode == 0, shown.stderr


def test_a_zip_file_holds_one_folder_and_is_replaced(tmp_path):
    out = tmp_path / "solutions.zip"
    out.write_bytes(b"an earlier one")
    assert handout.main([str(out), "--solutions"]) == 0
    with zipfile.ZipFile(out) as packed:
        names = packed.namelist()
        assert {name.split("/")[0] for name in names} == {"solutions"}
        assert "solutions/notebooks/README.md" in names
        assert "solutions/helpers/losses.py" in names
        lesson = nbformat.reads(packed.read("solutions/notebooks/02_layers.ipynb").decode(), as_version=4)
    assert any(cell.source == "my_field = 156" for cell in lesson.cells)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    (tmp_path / "work.txt").write_text("somebody's")
    assert handout.main([str(tmp_path), "--notebooks-only"]) == 2
    assert "is there already, and somebody may have worked in it" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["work.txt"]


def test_the_notebooks_alone(tmp_path):
    assert handout.main([str(tmp_path / "mine"), "--notebooks-only"]) == 0
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notebooks"]


@pytest.mark.parametrize(
    "kind, file", [("nbgrader", "source/06_going_further/06_going_further.ipynb"), ("otter", "06_going_further.ipynb")]
)
def test_assignments_for_a_program_that_grades(kind, file, results):
    assert handout.main([f"--{kind}"]) == 0
    with zipfile.ZipFile(results / f"{kind}.zip") as packed:
        assert f"{kind}/{file}" in packed.namelist()


def test_two_kinds_at_once_are_one_line(capsys):
    assert handout.main(["--otter", "--solutions"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_where_nothing_can_be_written(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert handout.main([str(tmp_path / "file" / "out.zip")]) == 2
    assert "could not be written" in capsys.readouterr().err
