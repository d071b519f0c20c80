"""Where things are, and where what is made here goes. Standard library only, for the command line begins with it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
NOTEBOOKS = ROOT / "notebooks"


def working_folder(root: Path) -> Path:
    """The project's own folder; or, where this user may not write there, as on a server, ~/style-transfer."""
    return root if os.access(str(root), os.W_OK) else Path.home() / "style-transfer"


def shown(path: Path) -> str:
    """A path as it is told: from the project's folder on, if it is in there."""
    return str(path.relative_to(ROOT)) if ROOT in path.parents else str(path)


WORK = working_folder(ROOT)
RESULTS = WORK / "results"
OWN = WORK / "data"  # pictures of one's own, in content/ and style/ like ours
