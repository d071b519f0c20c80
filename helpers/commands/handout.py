"""The handout for a class: the lessons without outputs and solutions, with the solutions in place, or to be graded.

    python3 -m helpers handout                  # results/handout.zip
    python3 -m helpers handout --solutions      # results/solutions.zip
    python3 -m helpers handout --nbgrader       # results/nbgrader.zip
    python3 -m helpers handout --otter          # results/otter.zip

All are made from the notebooks of this project.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import nbformat

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.parser import Parser
from helpers.base.places import NOTEBOOKS, ROOT
from helpers.teaching.grading import write_nbgrader, write_otter
from helpers.teaching.lessons import for_students, solved

# What the lessons need to run anywhere, and what README.md shows.
NEEDED = (
    "README.md", "LICENSE", "requirements.txt", "pyproject.toml", "helpers", "data", "docs/*.jpg", "docs/report/*",
    "docs/hand.md", "docs/install.md", "docs/online.md", "docs/speed.md", "docs/testing.md", "binder/*",
)  # fmt: skip

KINDS = {
    "solutions": "with the solutions in place (default: results/solutions.zip)",
    "nbgrader": "as a course for nbgrader: nbgrader_config.py, and source/ with an assignment a lesson (default: "
    "results/nbgrader.zip)",
    "otter": "as notebooks for `otter assign` of otter-grader, one a lesson (default: results/otter.zip)",
}

INSTRUCTOR = re.compile(r"^## For the instructor\n.*?(?=^## )", re.S | re.M)


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


def handout(out: Path, write: Callable[[Path], None] = write) -> Path:
    """Makes a handout: a zip file if `out` ends in .zip, else a folder, which `write` fills; returns its path.

    An earlier zip file is replaced. Raises TeachingError for a folder that is not empty, because it may hold somebody's
    work, and if nothing can be written.
    """
    try:
        if out.suffix.lower() != ".zip":
            if out.exists() and (not out.is_dir() or any(out.iterdir())):
                raise TeachingError(f"'{out}' is there already, and somebody may have worked in it. Name a new folder.")
            write(out)
            return out
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / out.stem)
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
        epilog="The last two are for the instructor: students get what nbgrader or otter-grader makes of them. Their "
        "questions are the exercises, worth one to three points each, and they are graded by the lessons' own checks. "
        "docs/teaching.md has the commands from here to the marks.",
    )
    add = options.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="a .zip or a folder (default: results/handout.zip)")
    add("--notebooks-only", action="store_true", help="for a machine on which the project is installed")
    kinds = options.add_mutually_exclusive_group()
    for kind, text in KINDS.items():
        kinds.add_argument(f"--{kind}", dest="kind", action="store_const", const=kind, help=text)
    try:
        typed = options.parse_args(arguments)
        if typed.notebooks_only and typed.kind in ("nbgrader", "otter"):
            options.error(f"--{typed.kind} has nothing but notebooks anyway; leave --notebooks-only out")
        fill = {"nbgrader": write_nbgrader, "otter": write_otter}.get(typed.kind) or partial(
            write, solutions=typed.kind == "solutions", notebooks_only=typed.notebooks_only
        )
        print(handout(typed.out or places.RESULTS / f"{typed.kind or 'handout'}.zip", fill))
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
