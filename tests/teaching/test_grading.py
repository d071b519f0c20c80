"""The lessons as nbgrader and otter-grader read them: complete, valid, and with every exercise graded once."""

import re
from collections import Counter

import nbformat
import pytest

from helpers.base.errors import TeachingError
from helpers.base.places import NOTEBOOKS
from helpers.exercises import check
from helpers.teaching import grading
from helpers.teaching.feedback import assert_right
from helpers.teaching.lessons import for_students

SOLUTION = re.compile(r"\n#+ BEGIN SOLUTION.*?# END SOLUTION", re.S)
HIDDEN = re.compile(r"\n### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.S)
LESSONS = ["01_utilities", "02_layers", "03_losses", "04_optimizer", "05_results", "06_going_further"]
CHECKS = [name for name in dir(check) if not name.startswith("_")]


def lesson(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course for nbgrader: a lesson's name -> its notebook."""
    folder = tmp_path_factory.mktemp("nbgrader")
    grading.write_nbgrader(folder)
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted(folder.glob("source/*/*.ipynb"))}


@pytest.fixture(scope="module")
def masters(tmp_path_factory):
    """What `otter assign` reads: a lesson's name -> its notebook."""
    folder = tmp_path_factory.mktemp("otter")
    grading.write_otter(folder)
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}


def cells_of_nbgrader(notebook):
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_a_right_answer_passes_and_prints_nothing(capsys):
    assert_right(check.area, 4)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer, verdict", [(16, "not yet: got 16, expected another factor"), (..., "not tried yet")])
def test_any_other_answer_raises_its_verdict(answer, verdict):
    with pytest.raises(AssertionError, match=verdict):
        assert_right(check.area, answer)


def test_every_lesson_with_exercises_is_an_assignment(course, masters):
    assert list(course) == list(masters) == LESSONS


def test_the_points_are_the_dots():
    points = {question.name: question.points for name in LESSONS for question in grading.questions(lesson(name))}
    assert points.keys() == set(CHECKS)
    assert (points["shapes"], points["style_loss"], points["transfer_loop"]) == (1, 2, 3)
    assert set(points.values()) == {1, 2, 3}


def test_what_is_asked_is_what_the_lesson_asks():
    for name in LESSONS:
        for question in grading.questions(lesson(name)):
            assert question.check.source == f"check.{question.name}({question.answer})"


def test_nbgrader_has_an_answer_and_a_test_for_every_exercise(course):
    ids = Counter(cell.metadata.nbgrader.grade_id for nb in course.values() for cell in cells_of_nbgrader(nb))
    assert ids == Counter([*CHECKS, *(f"{name}-answer" for name in CHECKS)])
    for notebook in course.values():
        nbformat.validate(notebook)
        cells = cells_of_nbgrader(notebook)
        for answer, test in zip(cells[::2], cells[1::2], strict=True):
            assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.grade
            assert test.metadata.nbgrader.grade and test.metadata.nbgrader.locked
            assert test.metadata.nbgrader.points in (1, 2, 3)


def test_nbgrader_finds_its_metadata_valid(course):
    pytest.importorskip("nbgrader")
    from nbgrader.nbgraderformat import MetadataValidator

    for notebook in course.values():
        MetadataValidator().validate_nb(notebook)


@pytest.mark.parametrize("name", LESSONS)
def test_without_solutions_and_hidden_tests_it_is_the_lesson_of_the_handout(name, course):
    links = re.compile(r"\]\((?!https?:|#)[^)]*\)")  # pictures are inside, and other lessons in other folders
    given = [links.sub("", HIDDEN.sub("", SOLUTION.sub("", cell.source))) for cell in course[name].cells]
    assert given == [links.sub("", cell.source) for cell in for_students(lesson(name)).cells]


@pytest.mark.parametrize("kind", ["course", "masters"])
def test_pictures_are_inside_and_nothing_was_run(kind, request):
    for notebook in request.getfixturevalue(kind).values():
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert "](../docs" not in cell.source and "](../data" not in cell.source
            for name in re.findall(r"\]\(attachment:(.+?)\)", cell.source):
                assert name in cell.attachments
            assert not cell.get("outputs")


def test_a_solution_is_right_and_a_stub_is_not_in_the_cells_that_are_graded(course):
    cells = cells_of_nbgrader(course["03_losses"])
    for answer, test in zip(cells[::2], cells[1::2], strict=True):
        names = {}
        exec(lesson("03_losses").cells[1].source, names)  # the imports
        exec(answer.source, names)
        exec(test.source, names)
        exec(SOLUTION.sub("", answer.source), names)
        with pytest.raises(AssertionError, match="not tried yet"):
            exec(test.source, names)


def test_otter_has_a_question_for_every_exercise(masters):
    raw = [cell.source for nb in masters.values() for cell in nb.cells if cell.cell_type == "raw"]
    found = re.findall(r"^# BEGIN QUESTION\nname: (\w+)\npoints: [123]\n", "\n".join(raw), re.M)
    assert Counter(found) == Counter(CHECKS)
    assert [text.splitlines()[1] for text in raw if text.startswith("# ASSIGNMENT CONFIG")] == [
        f"name: {name}" for name in LESSONS
    ]


def test_an_otter_test_takes_the_answers_by_their_names(masters):
    names = {"check": check}
    (test,) = (cell for cell in masters["01_utilities"].cells if cell.source.startswith("def test_white_picture("))
    exec(test.source, names)
    with pytest.raises(AssertionError, match="it is not line A"):
        names["test_white_picture"](my_line="A", mended=lambda pixels: pixels)


def test_lessons_without_solutions_are_refused(tmp_path, monkeypatch):
    nbformat.write(for_students(lesson("01_utilities")), tmp_path / "01_utilities.ipynb")
    monkeypatch.setattr(grading, "NOTEBOOKS", tmp_path)
    with pytest.raises(TeachingError, match="came without solutions"):
        grading.write_nbgrader(tmp_path / "course")
    with pytest.raises(TeachingError, match="came without solutions"):
        grading.write_otter(tmp_path / "masters")
