"""The lessons' exercises as assignments for two programs that run and grade what students hand in.

One is nbgrader (https://nbgrader.readthedocs.io), the other otter-grader (https://otter-grader.readthedocs.io). A
lesson that has exercises is an assignment, and an exercise a question, worth one point for each dot of its difficulty.
What grades it is the lesson's own check, through `assert_right`; what students get is the lesson as in the handout.

Either program wants to be told where a solution begins and ends, and leaves it out of what it gives to students. The
solution follows the stub in the same cell, so that the stub is left exactly as the lesson has it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_raw_cell

from helpers.base.places import NOTEBOOKS
from helpers.teaching.lessons import attach_pictures, code_and_explanation, exercises, for_students

DIFFICULTY = re.compile(r"^([●○]{3}) · \d+ minutes$", re.M)
LESSON = re.compile(r"\]\((\d\d_\w+)\.ipynb\)")

NBGRADER_CONFIG = """\
c = get_config()

c.CourseDirectory.course_id = "style_transfer"
# The stub that students fill in stands above the solution, so nothing has to be put into the solution's place.
c.ClearSolutions.code_stub = {"python": ""}
# Seconds that a cell may take. Some cells of lessons 4 to 6 paint for a minute, or longer on a busy machine.
c.Execute.timeout = 600
"""

# Students need not have otter-grader: they have the lesson's checks, and hand in the notebook itself.
OTTER_CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
init_cell: false
check_all_cell: false
export_cell: false
tests:
  ok_format: false
"""

GRADED = """\
from helpers.exercises import check
from helpers.teaching.feedback import assert_right

assert_right(check.{name}, {answer})"""


class Question(NamedTuple):
    """An exercise as a program grades it: two of its cells, the solution's code, and what its check is asked."""

    stub: NotebookNode
    check: NotebookNode
    code: str
    name: str  # the check's
    answer: str  # an expression, such as "(my_line, mended)"
    points: int

    @property
    def graded(self) -> str:
        """Code that raises AssertionError unless the answer is right."""
        return GRADED.format(name=self.name, answer=self.answer)


def questions(notebook: NotebookNode) -> list[Question]:
    """The exercises of a lesson; raises TeachingError for one whose solutions were taken out."""
    found = []
    for stub, check, solution in exercises(notebook):
        call = ast.parse(check.source).body[0].value  # check.name(answer)
        above = "\n\n".join(cell.source for cell in notebook.cells[: notebook.cells.index(stub)])
        dots = DIFFICULTY.findall(above)[-1]
        code, _ = code_and_explanation(solution)
        found.append(Question(stub, check, code, call.func.attr, ast.unparse(call.args[0]), dots.count("●")))
    return found


def for_nbgrader(notebook: NotebookNode) -> NotebookNode:
    """A lesson, changed in place, as `nbgrader generate_assignment` reads it.

    The check's cell is what is graded. Its hidden part raises, which stays out of what students get: there an exercise
    that is not solved yet would end *Run All Cells*.
    """
    for question in questions(notebook):
        stub, check = question.stub, question.check
        stub.source += f"\n### BEGIN SOLUTION\n\n\n{question.code}\n### END SOLUTION"
        stub.metadata.nbgrader = _nbgrader(f"{question.name}-answer", solution=True)
        check.source += f"\n### BEGIN HIDDEN TESTS\n{question.graded}\n### END HIDDEN TESTS"
        check.metadata.nbgrader = _nbgrader(question.name, grade=True, locked=True, points=question.points)
    return for_students(notebook)


def for_otter(notebook: NotebookNode, name: str) -> NotebookNode:
    """A lesson, changed in place, as `otter assign` reads it; what students hand in has to be of the assignment `name`.

    What is graded is a test that otter-grader runs after the check's cell.
    """
    for question in questions(notebook):
        stub, at = question.stub, notebook.cells.index(question.stub)
        stub.source += f"\n# BEGIN SOLUTION NO PROMPT\n\n\n{question.code}\n# END SOLUTION"
        names = [node.id for node in ast.walk(ast.parse(question.answer)) if isinstance(node, ast.Name)]
        test = f"def test_{question.name}({', '.join(names)}):\n{indent(question.graded, '    ')}"
        notebook.cells[at : at + 2] = [
            new_raw_cell(f"# BEGIN QUESTION\nname: {question.name}\npoints: {question.points}\ncheck_cell: false"),
            new_raw_cell("# BEGIN SOLUTION"), stub, new_raw_cell("# END SOLUTION"),
            new_raw_cell("# BEGIN TESTS"), new_code_cell(test), new_raw_cell("# END TESTS"),
            question.check,
            new_raw_cell("# END QUESTION"),
        ]  # fmt: skip
    notebook.cells.insert(0, new_raw_cell(OTTER_CONFIG.format(name=name)))
    return for_students(notebook)


def write_nbgrader(folder: Path) -> None:
    """Fills a folder with a course for nbgrader: its configuration, and a source folder for each assignment.

    Raises TeachingError for lessons whose solutions were taken out.
    """
    assignments = {name: for_nbgrader(notebook) for name, notebook in _lessons()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(NBGRADER_CONFIG, encoding="utf-8")
    for name, notebook in assignments.items():
        for cell in notebook.cells:  # every assignment has a folder of its own
            cell.source = LESSON.sub(r"](../\1/\1.ipynb)", cell.source)
        (folder / "source" / name).mkdir(parents=True)
        nbformat.write(notebook, folder / "source" / name / f"{name}.ipynb")


def write_otter(folder: Path) -> None:
    """Fills a folder with a notebook for each assignment, as `otter assign` reads it.

    Raises TeachingError for lessons whose solutions were taken out.
    """
    assignments = {name: for_otter(notebook, name) for name, notebook in _lessons()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, notebook in assignments.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")


def _lessons() -> Iterator[tuple[str, NotebookNode]]:
    """The lessons that have exercises, each with its name, and with its pictures inside: it will stand elsewhere."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if not exercises(notebook):
            continue
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                attach_pictures(cell, NOTEBOOKS)
        yield path.stem, notebook


def _nbgrader(grade_id: str, **kind: bool | int) -> dict[str, bool | int | str]:
    """A cell's metadata in nbgrader's schema 3."""
    return {"schema_version": 3, "grade_id": grade_id, "grade": False, "solution": False, "locked": False, **kind}
