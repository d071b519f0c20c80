"""A guard around a run: it stops a run that diverges, and says what to do if the memory runs out."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.engine.memory import explained_memory, reused

EXPLODED = 1e8  # a loss that has grown to this many times its first value does not recover


class DivergedError(TeachingError):
    """The loss became NaN or infinite, or exploded. `image` is the last good image, (1, 3, H, W)."""

    def __init__(self, message: str, image: Tensor):
        super().__init__(message)
        self.image = image


def in_our_modes(generator: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Decorator: the generator computes without inference mode and autocast, wherever its caller has them on.

    A `with` inside the generator would not do: between two steps its modes would be the caller's.
    """

    @wraps(generator)
    def run(*args: Any, **options: Any) -> Iterator[Any]:
        steps, end = generator(*args, **options), object()
        while True:
            no_cpu, no_gpu = (torch.autocast(device, enabled=False) for device in ("cpu", "cuda"))
            with torch.inference_mode(False), no_cpu, no_gpu:
                step = next(steps, end)
            if step is end:
                return
            yield step

    return run


def guarded(run: Iterable[Any], image: Tensor) -> Iterator[Any]:
    """Yields the steps of a run unchanged; each has an `iteration`, an `image`, a `loss` and a `learning_rate`.

    image: (1, 3, H, W), the image that the run starts from.
    Raises DivergedError with the last good image, and TeachingError if the memory is not enough.
    """
    return reused(_guarded(iter(run), image))


def _guarded(run: Iterator[Any], good: Tensor) -> Iterator[Any]:
    good, first_loss = good.detach(), None  # one name, for under another the first image would stay to the end
    while True:
        with explained_memory(good):
            step = next(run, None)
        if step is None:
            return
        first_loss = step.loss if first_loss is None else first_loss
        if not (abs(step.loss) <= EXPLODED * max(abs(first_loss), 1)) or not step.image.isfinite().all():
            raise DivergedError(
                f"The run diverged at iteration {step.iteration}: the loss is {step.loss:.3g}. The likely cause is a "
                f"weight or a learning rate that is too large (it was {step.learning_rate:.3g}). Divide it by 10; add "
                "some tv weight, or use Adam, which is more patient than L-BFGS. The last good image is kept.",
                good,
            )
        good = step.image
        yield step
