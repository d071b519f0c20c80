"""The comparison of outputs notices what it should, and nothing else; with the project's own settings."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "notebooks" / "01_utilities.ipynb"  # the cheapest one that computes something

GRAM_OF_ONES = """\
import torch
from helpers.losses import gram_matrix

print(gram_matrix(torch.ones(1, 2, 3, 4)).tolist())"""


def differing(notebook: Path, project: Path = ROOT) -> str:
    """The name of the first cell whose output is not what the notebook holds, with the helpers of `project`; or ''."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--color=no"]
    environment = os.environ | {"PYTHONPATH": str(project)}
    run = subprocess.run(
        [*command, str(notebook), "-c", str(ROOT / "pyproject.toml")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    if run.returncode == 0:
        return ""
    known = "Cell outputs differ", "does not look as it is stored", "is far from the stored"
    assert any(reason in run.stdout for reason in known), run.stdout + run.stderr
    return re.search(r"^FAILED .*::(Cell \d+)", run.stdout, re.M).group(1)


def changed(notebook: Path, to: Path, old: str, new: str) -> Path:
    """A copy of a notebook in which the first output that holds `old` has `new` there instead."""
    copy = nbformat.read(notebook, as_version=4)
    outputs = [output for cell in copy.cells for output in cell.get("outputs", []) if old in output.get("text", "")]
    outputs[0].text = outputs[0].text.replace(old, new)
    nbformat.write(copy, to)
    return to


@pytest.fixture
def changed_project(tmp_path):
    """A function that copies the project and changes one formula in it."""

    def change(file: str, old: str, new: str) -> Path:
        project = tmp_path / "project"
        for folder in ("helpers", "data"):
            shutil.copytree(ROOT / folder, project / folder)
        source = (project / file).read_text(encoding="utf-8")
        assert source.count(old) == 1
        (project / file).write_text(source.replace(old, new), encoding="utf-8")
        return project

    return change


@pytest.fixture
def tiny(tmp_path):
    """A notebook of one cell, which prints a Gram matrix."""
    output = new_output("stream", name="stdout", text="[[[12.0, 12.0], [12.0, 12.0]]]\n")
    cells = [new_code_cell(GRAM_OF_ONES, outputs=[output], execution_count=1)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "tiny.ipynb")
    return tmp_path / "tiny.ipynb"


def test_what_is_the_same_passes(tiny):
    assert differing(tiny) == ""


def test_a_changed_formula_is_noticed(tiny, changed_project):
    formula = "gram_product(maps)"
    assert differing(tiny, changed_project("helpers/losses.py", formula, f"{formula} / 2")) == "Cell 0"


def test_a_changed_number_is_noticed_in_a_lesson(tmp_path):
    assert differing(changed(LESSON, tmp_path / "lesson.ipynb", "1,179,648", "1,179,649")) == "Cell 1"


@pytest.mark.parametrize("stored, cell", [("3.1", ""), ("5.0", "Cell 0")])
def test_a_measured_number_may_be_a_little_off(tmp_path, stored, cell):
    output = new_output("stream", name="stdout", text=f"about ≈ {stored}\n")
    cells = [new_code_cell('print("about ≈ 3.3")', outputs=[output], execution_count=1)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "tiny.ipynb")
    assert differing(tmp_path / "tiny.ipynb") == cell


def test_a_changed_figure_is_noticed(tmp_path):
    """What a lesson's first two figures show is exchanged in the stored notebook."""
    copy = nbformat.read(LESSON, as_version=4)
    first, second = [
        output.data
        for cell in copy.cells
        for output in cell.get("outputs", [])
        if "image/jpeg" in output.get("data", {})
    ][:2]
    first["image/jpeg"], second["image/jpeg"] = second["image/jpeg"], first["image/jpeg"]
    nbformat.write(copy, tmp_path / "lesson.ipynb")
    assert differing(tmp_path / "lesson.ipynb") == "Cell 3"


def test_a_changed_formula_is_noticed_in_a_lesson(changed_project):
    formula = "image = image * STD + MEAN"
    assert differing(LESSON, changed_project("helpers/images.py", formula, f"{formula} / 2"))
