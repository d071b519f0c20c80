"""What the tests of the notebooks share: the notebooks that there are, one after another."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture(params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def path(request) -> Path:
    """A notebook's path."""
    return request.param


@pytest.fixture
def cells(path) -> list[nbformat.NotebookNode]:
    """A notebook's cells."""
    return nbformat.read(path, as_version=4).cells


@pytest.fixture
def lessons() -> list[Path]:
    """The paths of all notebooks, in order."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))
