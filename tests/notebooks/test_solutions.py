"""Every exercise as a learner meets it, in the lessons and in what a class is given of them."""

import nbformat
import pytest

from helpers.teaching.lessons import FOLDED, exercises, for_students, solved


@pytest.fixture
def verdict(cells, tmp_path, monkeypatch, capsys):
    """Runs an answer and the check below it, in one world for a notebook, and returns the last line."""
    monkeypatch.chdir(tmp_path)  # an answer may write a file
    names = {}
    exec(cells[1].source, names)  # the imports

    def verdict(answer, check):
        capsys.readouterr()
        exec(answer, names)
        exec(check, names)
        return capsys.readouterr().out.splitlines()[-1]

    return verdict


def test_stubs_are_untried_and_solutions_are_right(path, verdict):
    for stub, check, solution in exercises(nbformat.read(path, as_version=4)):
        assert verdict(stub.source, check.source) == "not tried yet"
        assert verdict(FOLDED.search(solution.source)[1], check.source).startswith("right: ")


@pytest.mark.parametrize(("change", "said"), [(for_students, "not tried yet"), (solved, "right: ")])
def test_they_are_so_in_a_handout(path, verdict, change, said):
    handed_out = change(nbformat.read(path, as_version=4))
    nbformat.validate(handed_out)
    assert len(exercises(handed_out)) == len(exercises(nbformat.read(path, as_version=4)))
    for stub, check, *_ in exercises(handed_out):
        assert verdict(stub.source, check.source).startswith(said)


def test_a_handout_gives_no_solution_away(path):
    notebook = nbformat.read(path, as_version=4)
    solutions = [FOLDED.search(solution.source)[1] for _, _, solution in exercises(notebook)]
    given = "\n".join(cell.source for cell in for_students(notebook).cells)
    assert "<details>" not in given
    assert not [code for code in solutions if code in given]


@pytest.mark.parametrize("change", [for_students, solved])
def test_a_handout_was_never_run(path, change):
    for cell in change(nbformat.read(path, as_version=4)).cells:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")
