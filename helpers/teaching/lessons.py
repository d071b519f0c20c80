"""A lesson as a notebook: its exercises, and the lesson as a class is given it, without solutions or with them.

An exercise's stub has the tag "exercise"; its check comes next, and then a cell with the tag "solution", which holds
the code and its explanation, folded.
"""

import base64
import mimetypes
import re
from pathlib import Path

from nbformat import NotebookNode

from helpers.base.errors import TeachingError

FOLDED = re.compile(r"^```python\n(.*?)\n```\n*(.*?)\s*</details>", re.S | re.M)


def exercises(notebook: NotebookNode) -> list[tuple[NotebookNode, NotebookNode, NotebookNode]]:
    """Every exercise as its three cells: the stub, the check, the solution."""
    cells = notebook.cells
    return [tuple(cells[i : i + 3]) for i, cell in enumerate(cells) if "exercise" in _tags(cell)]


def code_and_explanation(solution: NotebookNode) -> tuple[str, str]:
    """What a solution's cell holds; raises TeachingError where the solution was taken out of the lesson."""
    if "solution" not in _tags(solution):
        raise TeachingError("These lessons came without solutions; ask where they came from for those with them.")
    return FOLDED.search(solution.source).groups()


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
        stub.source, solution.source = code_and_explanation(solution)
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return cleared(notebook)


def attach_pictures(cell: NotebookNode, folder: Path) -> None:
    """Attaches to a Markdown cell the pictures that it shows from files."""
    for name in re.findall(r"!\[[^]]*\]\((?!\w+:)([^)\s]+)\)", cell.source):
        kind, picture = mimetypes.guess_type(name)[0], (folder / name).read_bytes()
        cell.setdefault("attachments", {})[Path(name).name] = {kind: base64.b64encode(picture).decode()}
        cell.source = cell.source.replace(f"({name})", f"(attachment:{Path(name).name})")


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])
