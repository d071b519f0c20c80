"""The handout for a class: the lessons without outputs and solutions, or with the solutions in place.

    python3 -m helpers handout                  # results/handout.zip
    python3 -m helpers handout --solutions      # results/solutions.zip

Both are made from the notebooks of this project. An exercise's stub has the tag "exercise"; its check comes
next, and then a cell with the tag "solution", which holds the code and its explanation, folded.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.parser import Parser
from helpers.base.places import NOTEBOOKS, ROOT

# What the lessons need to run anywhere, and what README.md shows.
NEEDED = (
    "README.md", "LICENSE", "requirements.txt", "pyproject.toml", "helpers", "data", "docs/*.jpg", "docs/report/*",
    "docs/hand.md", "docs/install.md", "docs/online.md", "docs/speed.md", "docs/testing.md", "binder/*",
)  # fmt: skip

INSTRUCTOR = re.compile(r"^## For the instructor\n.*?(?=^## )", re.S | re.M)
FOLDED = re.compile(r"^```python\n(.*?)\n```\n*(.*?)\s*</details>", re.S | re.M)


def exercises(notebook: NotebookNode) -> list[tuple[NotebookNode, NotebookNode, NotebookNode]]:
    """Every exercise as its three cells: the stub, the check, the solution."""
    cells = notebook.cells
    return [tuple(cells[i : i + 3]) for i, cell in enumerate(cells) if "exercise" in _tags(cell)]


def cleared(notebook: NotebookNode) -> NotebookNode:
    """The notebook, changed in place, without outputs and execution counts."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def for_students(notebook: NotebookNode) -> NotebookNode:
    """The notebook, changed in place, without outputs and solutions."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in _tags(cell)]
    return cleared(notebook)


def solved(notebook: NotebookNode) -> NotebookNode:
    """The notebook, changed in place: no outputs, every solution in its stub's place, its explanation after the check.

    Raises TeachingError for a lesson whose solutions were taken out.
    """
    for stub, _, solution in exercises(notebook):
        if "solution" not in _tags(solution):
            raise TeachingError("These lessons came without solutions; ask where they came from for those with them.")
        stub.source, explanation = FOLDED.search(solution.source).groups()
        solution.source = explanation
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return cleared(notebook)


def write(folder: Path, solutions: bool = False, notebooks_only: bool = False) -> None:
    """Fills a folder with the lessons and, unless `notebooks_only`, with everything that they need."""
    change = solved if solutions else for_students
    (folder / "notebooks").mkdir(parents=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = change(nbformat.read(path, as_version=4))
        nbformat.write(notebook, folder / "notebooks" / path.name)
    if solutions:  # the guide for teaching contains answers
        shutil.copy(NOTEBOOKS / "README.md", folder / "notebooks")
    if notebooks_only:
        return
    for pattern in NEEDED:
        for path in sorted(ROOT.glob(pattern)):
            target = folder / path.relative_to(ROOT)
            if path.is_dir():
                shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy(path, target)
    if not solutions:  # the guide is left out, and so is the section that leads to it
        readme = (folder / "README.md").read_text(encoding="utf-8")
        (folder / "README.md").write_text(INSTRUCTOR.sub("", readme), encoding="utf-8")


def handout(out: Path, solutions: bool = False, notebooks_only: bool = False) -> Path:
    """Makes a handout: a zip file if `out` ends in .zip, else a folder; returns its path.

    An earlier zip file is replaced. Raises TeachingError for a folder that is not empty, because it may hold somebody's
    work, and if nothing can be written.
    """
    try:
        if out.suffix.lower() != ".zip":
            if out.exists() and (not out.is_dir() or any(out.iterdir())):
                raise TeachingError(f"'{out}' is there already, and somebody may have worked in it. Name a new folder.")
            write(out, solutions, notebooks_only)
            return out
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / out.stem, solutions, notebooks_only)
            archive = shutil.make_archive(f"{folder}/packed", "zip", folder, out.stem)
            write_whole(out, Path(archive).read_bytes())
    except OSError as error:
        raise TeachingError(f"'{out}' could not be written: {error.strerror}.") from None
    return out


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong."""
    options = Parser(
        prog="python3 -m helpers handout",
        description="Makes what a class is given: the lessons without outputs and solutions, ready to run.",
    )
    add = options.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="a .zip or a folder (default: results/handout.zip)")
    add("--solutions", action="store_true", help="with the solutions in place (default: results/solutions.zip)")
    add("--notebooks-only", action="store_true", help="for a machine on which the project is installed")
    try:
        typed = options.parse_args(arguments)
        out = typed.out or places.RESULTS / ("solutions.zip" if typed.solutions else "handout.zip")
        print(handout(out, typed.solutions, typed.notebooks_only))
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])
