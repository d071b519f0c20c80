"""nbgrader and otter-grader themselves: an export, what students get of it, what they hand in, and their marks."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from helpers.base.places import NOTEBOOKS, ROOT
from helpers.commands import handout
from helpers.teaching.grading import questions
from helpers.teaching.lessons import for_students

LESSON = "01_utilities"  # the one that is run soonest
ANSWERS = ROOT / "tests" / "exercises"
# What the second student gets wrong; of the lesson's three exercises the first is right and the last is not tried.
MISTAKE = {"im_convert": "clip them"}
UNTRIED = {"white_picture"}


def run(*command: str | Path, cwd: Path) -> str:
    """What `python -m command` prints, in one of the two programs; it has to succeed."""
    # nbgrader calls alembic by its name; a kernel imports the mistakes of tests/exercises/answers.py.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = os.pathsep.join([str(ROOT), str(ANSWERS)])
    environment = os.environ | {"PATH": path, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", *map(str, command)], cwd=cwd, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def lesson() -> NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{LESSON}.ipynb", as_version=4)


def all_right(name: str, stub: str, answer: str, solution: str) -> str:
    return solution


def with_a_mistake(name: str, stub: str, answer: str, solution: str) -> str:
    if name in UNTRIED:
        return stub
    mistake = f"from answers import MISTAKES\n\n{answer} = MISTAKES['{name}']['{MISTAKE.get(name)}']"
    return mistake if name in MISTAKE else solution


STUDENTS = {"ada": all_right, "ben": with_a_mistake}


def hand_in(given: Path, filled: Callable[..., str], out: Path) -> Path:
    """What a student hands in: the notebook that was given, with every stub replaced; returns its path."""
    notebook = nbformat.read(given, as_version=4)
    for question in questions(lesson()):
        (cell,) = (cell for cell in notebook.cells if cell.source.strip() == question.stub.source)
        cell.source = filled(question.name, question.stub.source, question.answer, question.code)
    out.parent.mkdir(parents=True)
    nbformat.write(notebook, out)
    return out


def points(*but: str) -> int:
    return sum(question.points for question in questions(lesson()) if question.name not in but)


def sources(notebook: NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course of nbgrader, in which the lesson was given out, handed in by two students, and graded."""
    folder = tmp_path_factory.mktemp("nbgrader") / "course"
    assert handout.main(["--nbgrader", str(folder)]) == 0
    run("nbgrader", "generate_assignment", LESSON, cwd=folder)
    name = f"{LESSON}/{LESSON}.ipynb"
    for student, filled in STUDENTS.items():
        hand_in(folder / "release" / name, filled, folder / "submitted" / student / name)
    run("nbgrader", "autograde", LESSON, cwd=folder)
    return folder


def test_nbgrader_gives_out_the_lesson_as_in_the_handout(course):
    given = nbformat.read(course / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
    expected = [(kind, text.replace("(02_layers.ipynb)", "(../02_layers/02_layers.ipynb)"))
                for kind, text in sources(for_students(lesson()))]  # fmt: skip
    assert sources(given) == expected


def test_nbgrader_gives_points_for_what_is_right(course):
    run("nbgrader", "export", cwd=course)
    with (course / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == LESSON}
    assert {student: float(row["score"]) for student, row in rows.items()} == {
        "ada": points(),
        "ben": points(*MISTAKE, *UNTRIED),
    }
    assert {float(row["max_score"]) for row in rows.values()} == {points()}


def test_nbgrader_shows_the_verdicts_as_feedback(course):
    run("nbgrader", "generate_feedback", LESSON, cwd=course)
    ada, ben = ((course / "feedback" / name / LESSON / f"{LESSON}.html").read_text() for name in STUDENTS)
    assert "AssertionError" not in ada
    assert "not yet: " not in ada
    assert "clip them" in ben
    assert "not tried yet" in ben


@pytest.fixture(scope="module")
def assigned(tmp_path_factory) -> Path:
    """What `otter assign` makes of the lesson."""
    folder = tmp_path_factory.mktemp("otter") / "export"
    assert handout.main(["--otter", str(folder)]) == 0
    run("otter", "assign", "--no-run-tests", f"{LESSON}.ipynb", "assigned", cwd=folder)
    return folder / "assigned"


def test_otter_gives_out_the_lesson_as_in_the_handout(assigned):
    given = nbformat.read(assigned / "student" / f"{LESSON}.ipynb", as_version=4)
    assert sources(given) == sources(for_students(lesson()))


@pytest.mark.parametrize("student", STUDENTS)
def test_otter_gives_points_for_what_is_right(assigned, student, tmp_path):
    name = f"{LESSON}.ipynb"
    submission = hand_in(assigned / "student" / name, STUDENTS[student], tmp_path / student / name)
    (autograder,) = (assigned / "autograder").glob("*.zip")
    run("otter", "run", "-a", autograder, "-o", tmp_path, submission, cwd=tmp_path)
    tests = {test["name"]: test for test in json.loads((tmp_path / "results.json").read_text())["tests"]}
    for question in questions(lesson()):
        wrong = student == "ben" and question.name in MISTAKE | dict.fromkeys(UNTRIED)
        assert tests[question.name]["max_score"] == question.points
        assert tests[question.name]["score"] == (0 if wrong else question.points)
        if wrong:
            assert MISTAKE.get(question.name, "not tried yet") in tests[question.name]["output"]
