"""The checks: every solution is right, every stub untried, typical mistakes get their hint, and nothing ever raises."""

import sys

import numpy as np
import pytest
import torch
from answers import ALSO_RIGHT, MISTAKES, SOLUTIONS, Later, forgotten_return, half_a_stub, variation

from helpers.exercises import check


def verdict(name, answer, capsys):
    capsys.readouterr()
    answer = answer.answer() if type(answer) is Later else answer
    assert getattr(check, name)(answer) is None
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_solution_is_right(name, capsys):
    assert verdict(name, SOLUTIONS[name], capsys).startswith("right: ")


@pytest.mark.parametrize("name, answer", ALSO_RIGHT)
def test_other_ways_to_be_right(name, answer, capsys):
    assert verdict(name, answer, capsys) == verdict(name, SOLUTIONS[name], capsys)


def test_total_variation_as_in_the_report_is_right_too(capsys):
    answer = lambda pixels: sum(d.square().sum() for d in variation(pixels)).sqrt()  # noqa: E731
    assert verdict("total_variation_loss", answer, capsys).startswith(
        "right: the report's L2 norm, 0 for a plain colour"
    )
    one_axis = lambda pixels: variation(pixels)[0].square().sum().sqrt()  # noqa: E731
    assert not verdict("total_variation_loss", one_axis, capsys).startswith("right")


def test_every_check_is_tested_and_described():
    checks = {name for name in dir(check) if not name.startswith("_")}
    assert checks == SOLUTIONS.keys() == MISTAKES.keys()
    for name in checks:
        assert getattr(check, name).__doc__
        assert len(MISTAKES[name]) >= (1 if name == "grid" else 4)  # the grid has one wrong answer, and unknown ones


def stub(x): ...


def stub_on_a_line_of_its_own(x, y=1): ...  # write this


def stub_with_docstring(x):
    """What to write."""


def stub_with_both(x: int) -> int:
    """What to write."""
    ...


STUBS = [..., (..., ...), stub, stub_on_a_line_of_its_own, stub_with_docstring, stub_with_both]


@pytest.mark.parametrize("answer", STUBS, ids=lambda stub: getattr(stub, "__name__", str(stub)))
@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_stub_is_not_tried_yet(name, answer, capsys):
    assert verdict(name, answer, capsys) == "not tried yet"


def five_with_docstring(x):
    """Not a stub: in some versions of Python its bytecode is a stub's, and only the constant differs."""
    return 5


@pytest.mark.parametrize("answer", [five_with_docstring, forgotten_return, half_a_stub, lambda x: 5, (..., 1), ()])
def test_what_is_no_stub_is_not_taken_for_one(answer, capsys):
    assert verdict("gram_matrix", answer, capsys).startswith("not yet: ")


@pytest.mark.parametrize("name, hint", [(name, hint) for name, wrong in MISTAKES.items() for hint in wrong])
def test_typical_mistakes_get_their_hint(name, hint, capsys):
    said = verdict(name, MISTAKES[name][hint], capsys)
    assert said.startswith("not yet: ")
    assert hint in said
    assert len(said.splitlines()) <= 2


class Hostile:
    """Fails at whatever is asked of it."""

    def __getattribute__(self, name):
        raise SystemExit(name)

    def __eq__(self, other):
        raise SystemExit("==")

    __hash__ = None


def leave(*inputs):
    sys.exit(3)


def recurse(*inputs):
    return recurse(*inputs)


def wordy(*inputs):
    print("looking at", len(inputs))
    raise ValueError("line one\nline two\nline three")


def wreck(*inputs):
    torch.manual_seed(123)
    torch.set_grad_enabled(False)
    for value in inputs:
        if isinstance(value, torch.Tensor):
            value.zero_()
    return torch.full((), torch.nan)


ANSWERS = [
    None, 5, -1, float("nan"), float("inf"), "a text", True, b"", [], {}, (1,), (1, 2, 3), ((), (), ()), {"conv1_1": 1},
    object, Hostile(), (Hostile(),) * 3, [[Hostile()]] * 3, torch.ones(2), np.ones(2), len, print, int,
    lambda: 1, lambda *x: x, lambda *x: x[0], lambda *x: "text", lambda *x: {}, lambda *x: Hostile(),
    lambda *x: torch.full((2, 3, 3), torch.inf), lambda *x: torch.tensor(torch.nan, requires_grad=True),
    lambda *x: torch.ones(2, 3, 3, dtype=torch.complex64), lambda *x: torch.ones(2, 3, 3, device="meta"),
    lambda *x: np.array(["a", "b"]), lambda *x: np.full((4, 6, 3), np.nan), lambda *x: torch.ones(0),
    lambda *x: (i for i in range(3)), leave, recurse, wordy, wreck,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("name", SOLUTIONS)
def test_no_answer_raises_or_is_taken_for_right(name, capsys):
    for answer in ANSWERS:
        assert "not yet: " in verdict(name, answer, capsys), answer


def test_an_error_is_told_in_one_line_with_its_place(capsys):
    said = verdict("gram_matrix", wordy, capsys)
    assert said.splitlines()[-1].startswith("not yet: it raised ValueError in line ")
    assert said.endswith(": line one")
    line = wordy.__code__.co_firstlineno + 2
    assert f"in line {line} of its cell" in said


def test_an_interrupt_passes(capsys):
    def interrupted(features):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.gram_matrix(interrupted)


def test_an_answer_does_not_touch_the_notebooks_state(capsys):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check.gram_matrix(wreck)
    assert torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)


def test_a_check_works_where_gradients_are_off(capsys):
    with torch.no_grad():
        assert verdict("style_loss", SOLUTIONS["style_loss"], capsys).startswith("right")
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_verdict_is_the_same_every_time(name, capsys):
    wrong = next(iter(MISTAKES[name].values()))
    assert verdict(name, wrong, capsys) == verdict(name, wrong, capsys)
