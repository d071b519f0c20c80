"""The notebooks also run outside of pytest, as a learner's `jupyter nbconvert --execute` runs them."""

import subprocess
import sys
from pathlib import Path

import nbformat

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "01_utilities.ipynb"


def test_a_lesson_executes_under_nbconvert(tmp_path):
    execute = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", f"--output-dir={tmp_path}"]
    subprocess.run([*execute, str(LESSON)], check=True, capture_output=True)
    executed = nbformat.read(tmp_path / LESSON.name, as_version=4)
    nbformat.validate(executed)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
