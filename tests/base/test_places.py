"""A checkout that a class shares and that belongs to somebody else: what is made goes to a folder of one's own."""

import os
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
    assert (shared / "docs" / "studio_during.jpg").exists()
    notebook.write_text("my work")
    door.main([])
    assert notebook.read_text() == "my work"


def test_an_environment_is_not_made_where_nothing_can_be_written(shared, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(installation, "COMPLETE", tmp_path / "complete")
    monkeypatch.setattr(installation, "missing", lambda: ["torch>=2.4,<3"])
    with pytest.raises(SystemExit):
        installation.environment()
    assert "lacks what the notebooks need (torch>=2.4,<3)" in capsys.readouterr().err
