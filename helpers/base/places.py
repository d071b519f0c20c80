"""Where the project's files are, and where results go. Standard library only: it runs before the installation."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
NOTEBOOKS = ROOT / "notebooks"


def working_folder(root: Path) -> Path:
    """The project's folder; or ~/style-transfer if the user may not write to it, as on a shared server."""
    return root if os.access(str(root), os.W_OK) else Path.home() / "style-transfer"


def display_path(path: Path) -> str:
    """A path as messages show it: relative to the project's folder if it lies inside, else in full."""
    return str(path.relative_to(ROOT)) if ROOT in path.parents else str(path)


WORK = working_folder(ROOT)
RESULTS = WORK / "results"
OWN = WORK / "data"  # the user's own pictures, in content/ and style/ like ours
