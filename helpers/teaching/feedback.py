"""How a check tests an answer: it runs it on copies, compares, and says in a line or two what is right or wrong.

A check (helpers/exercises/) returns a text on what is right, or raises NotYet; `exercise` prints either. Whatever an
answer does, the notebook goes on.
"""

import functools
from collections.abc import Callable, Mapping
from inspect import isfunction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Array = Tensor | np.ndarray


class NotYet(Exception):
    """What an answer got, what was expected, and a hint; printed after 'not yet: '."""


def exercise(check: Callable[[Any], str]) -> Callable[[Any], None]:
    """Turns a check, which returns a text or raises NotYet, into one that prints its verdict and never raises.

    For methods of a class that serves as a namespace: they take the answer and no `self`. Ctrl-C is still passed on.
    """

    @functools.wraps(check)
    def verdict(answer: Any) -> None:
        print(_verdict(check, answer))

    return staticmethod(verdict)


def assert_right(check: Callable[[Any], None], answer: Any) -> None:
    """Raises AssertionError with the verdict of an exercise's check, such as `check.gram_matrix`, unless it is "right".

    For programs that grade: they count what raises, not what is printed. Nothing is printed here.
    """
    verdict = _verdict(check.__wrapped__, answer)
    if not verdict.startswith("right: "):
        raise AssertionError(verdict)


def _verdict(check: Callable[[Any], str], answer: Any) -> str:
    try:
        if is_stub(answer):
            return "not tried yet"
        # Whatever the answer does to torch's random numbers or grad mode, the notebook's are as before.
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            return f"right: {check(answer)}"
    except NotYet as problem:
        return f"not yet: {problem}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an object can do anything when it is looked at
        return f"not yet: this could not be looked at, it raised {type(error).__name__}."


def is_stub(answer: Any) -> bool:
    """Whether an answer is still `...`, a function with nothing else in its body, or a tuple or list of such alone."""
    if isinstance(answer, tuple | list):
        return len(answer) > 0 and all(map(is_stub, answer))
    return answer is ... or (isfunction(answer) and _body(answer) in STUBS)


def _body(function: Callable) -> tuple:
    """A function's bytecode and constants, without its docstring."""
    code = function.__code__
    return code.co_code, tuple(value for value in code.co_consts if value != function.__doc__)


def _stub(): ...


def _stub_with_docstring():
    """A docstring shifts the numbering of the constants."""
    ...


STUBS = _body(_stub), _body(_stub_with_docstring)


def call(function: Any, hint: str = "", **inputs: Any) -> Any:
    """Calls a learner's function with copies of the inputs, in their order, and returns its result.

    Raises NotYet if it is no function, fails (`hint` follows the reason), changes an input, or returns None or `...`.
    """
    if not callable(function):
        raise NotYet(f"got a value of type {_kind(function)}, expected a function.\nGive its name, without ().")
    copies = {name: _copy(value) for name, value in inputs.items()}
    try:
        result = function(*copies.values())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise NotYet(f"it raised {_reason(error)}\n{hint}".strip()) from None
    for name, value in inputs.items():
        if not _same(copies[name], value):
            raise NotYet(f"it changed its argument `{name}`, expected it to stay as it was.\nWork on a copy: .clone().")
    if result is None:
        raise NotYet("it returned nothing, expected a value.\nIs there a `return` at its end?")
    if result is ...:
        raise NotYet("it returned `...`, expected a value.\nPut your code in the place of every `...`.")
    return result


def _reason(error: BaseException) -> str:
    """'ValueError in line 3 of its cell: math domain error'"""
    frame = error.__traceback__.tb_next  # the first frame is that of `call`
    where = f" in line {frame.tb_lineno} of its cell" if frame else ""
    message = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}{where}: {message}" if message else f"{type(error).__name__}{where}."


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()  # gradients still reach the original
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(value: Any, original: Any) -> bool:
    if isinstance(original, dict):
        return value.keys() == original.keys() and all(_same(value[key], original[key]) for key in original)
    if isinstance(original, Tensor):
        return value.requires_grad == original.requires_grad and torch.equal(value, original)
    return not isinstance(original, np.ndarray) or np.array_equal(value, original)


def expect(got: Any, right: Array, mistakes: Mapping[str, Array | list[Array]] | None = None) -> None:
    """Raises NotYet unless `got` agrees with `right` in type, shape and (to four digits) values.

    mistakes: hint -> the result of that mistake, or a list of results. The first one that agrees with `got` gives the
        hint; if the shape of `got` is wrong, it is enough that the shapes agree.
    """
    if not isinstance(got, type(right)):
        hint = "Only tensors carry gradients." if isinstance(right, Tensor) else ".numpy() makes an array of a tensor."
        raise NotYet(f"got a value of type {_kind(got)}, expected {_kind(right)}.\n{hint}")
    values, target = _numbers(got), _numbers(right)
    fits = values.shape == target.shape
    if fits and torch.allclose(values, target, rtol=1e-4, atol=1e-6):
        return
    difference = f"{_difference(values, target)}." if fits else _shapes(values.shape, target.shape)
    for hint, candidates in (mistakes or {}).items():
        for candidate in map(_numbers, candidates if isinstance(candidates, list) else [candidates]):
            if values.shape == candidate.shape and (not fits or torch.allclose(values, candidate, rtol=1e-4)):
                raise NotYet(f"{difference}\n{hint}")
    raise NotYet(difference)


def _kind(value: Any) -> str:
    return type(value).__name__


def _numbers(value: Array) -> Tensor:
    return torch.as_tensor(value).detach().cpu().double()


def _shapes(got: torch.Size, target: torch.Size) -> str:
    expected = f"shape {tuple(target)}" if target else "a single number, shape ()"
    return f"got shape {tuple(got)}, expected {expected}."


def _difference(values: Tensor, target: Tensor) -> str:
    """'got 4 at [0, 1], expected 3', for the first position where they differ."""
    if not values.isfinite().all():
        return "got NaN or infinite values, expected numbers"
    where = torch.nonzero(~torch.isclose(values, target, rtol=1e-4, atol=1e-6))[0].tolist()
    at = f" at {where}" if where else ""
    return f"got {values[tuple(where)].item():.4g}{at}, expected {target[tuple(where)].item():.4g}"


def expect_gradient(loss: Callable[[Tensor], Tensor], value: Tensor) -> None:
    """Raises NotYet unless the gradient of a scalar function is right at `value`.

    It is compared with finite differences, (f(x + h d) - f(x - h d)) / 2h, along one direction d.
    """
    x = value.clone().requires_grad_()
    result = loss(x)
    gradient = torch.autograd.grad(result, x, allow_unused=True)[0] if result.requires_grad else None
    if gradient is None:
        raise NotYet(
            "the result has no gradient with respect to the argument, expected one.\n"
            "It is lost by .item(), .detach(), .data, .numpy(), torch.no_grad() and torch.tensor(...)."
        )
    direction = torch.arange(value.numel()).cos().view(value.shape)
    h = 1e-2
    numerical = (loss(value + h * direction) - loss(value - h * direction)).item() / (2 * h)
    slope = (gradient * direction).sum().item()
    if not abs(slope - numerical) <= 0.02 * abs(numerical) + 1e-4:
        raise NotYet(
            f"got a gradient of {slope:.2g} in a direction in which the result changes by {numerical:.2g}, expected "
            "the same.\nA .detach() or torch.no_grad() cuts off a part of it."
        )


def number(answer: Any) -> float:
    """The answer as a float; raises NotYet if it is not a number."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number):
        raise NotYet(f"got a value of type {_kind(answer)}, expected a number.")
    return float(answer)


def unchanged(network: nn.Module, state: dict[str, Tensor]) -> bool:
    """Whether a network's weights equal the state dict `state`, and still require no gradient."""
    frozen = not any(parameter.requires_grad for parameter in network.parameters())
    return frozen and _same(network.state_dict(), state)
