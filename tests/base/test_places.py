"""A checkout that a class shares and that belongs to somebody else: what is made goes to a folder of one's own."""

import json
import os
import re
from pathlib import Path

import pytest

from helpers import __main__ as door
from helpers.base import installation, places


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The project as somebody sees it who may not write to it, and whose home is empty."""
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and may(path, mode))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    own = places.working_folder(places.ROOT)
    monkeypatch.setattr(installation, "WORK", own)
    monkeypatch.setattr(door, "WORK", own)
    return own


def test_one_may_work_in_a_folder_of_ones_own():
    assert places.working_folder(places.ROOT) == places.ROOT == places.WORK


def test_elsewhere_a_folder_at_home_is_used(shared, tmp_path):
    assert shared == tmp_path / "style-transfer"


def test_jupyterlab_opens_copies_which_are_never_replaced(shared, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(door, "run", lambda *command, folder: opened.append((command, folder)))
    door.main(["--no-browser"])
    notebook = shared / "notebooks" / "00_start_here.ipynb"
    ((command, folder),) = opened
    assert (command[0], command[-1], folder) == ("jupyterlab", "--no-browser", shared)
    assert f"--ServerApp.root_dir={shared}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command
    assert f"your notebooks and results are in {shared}" in capsys.readouterr().err
    notebook.write_text("my work")
    door.main([])
    assert notebook.read_text() == "my work"


def test_the_copies_show_every_picture(shared):
    shown = {
        picture
        for lesson in door.lessons().glob("*.ipynb")
        for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        for picture in re.findall(r"\]\(\.\./([^)]+\.jpg)\)", "".join(cell["source"]))
    }
    assert {"docs/studio_during.jpg", "docs/report/monet-vgg19.jpg", "data/content/landscape.jpg"} <= shown
    assert [picture for picture in shown if not (shared / picture).exists()] == []


def test_on_a_hub_a_student_begins_with_a_copy_of_lesson_0(shared, monkeypatch):
    began = []
    monkeypatch.setattr(door, "run", lambda *command, folder: began.append((command, folder)))
    monkeypatch.setattr(door.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:1")
    door.hub(["--debug"])
    opened = "--ServerApp.default_url=/lab/tree/notebooks/00_start_here.ipynb"
    assert began == [(("jupyterhub.singleuser", opened, f"--ServerApp.root_dir={shared}", "--debug"), shared)]
    assert (shared / "notebooks" / "00_start_here.ipynb").exists()


def test_what_a_hub_starts_says_what_it_lacks(shared, monkeypatch, capsys):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_URL", raising=False)
    with pytest.raises(SystemExit):
        door.hub([])
    assert "A JupyterHub starts this for each of its students" in capsys.readouterr().err
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(door.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        door.hub([])
    assert '-m pip install -e ".[hub]"`' in capsys.readouterr().err
    assert not shared.exists()


def test_an_environment_is_not_made_where_nothing_can_be_written(shared, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(installation, "COMPLETE", tmp_path / "complete")
    monkeypatch.setattr(installation, "missing", lambda: ["torch>=2.4,<3"])
    with pytest.raises(SystemExit):
        installation.environment()
    assert "lacks what the notebooks need (torch>=2.4,<3)" in capsys.readouterr().err
