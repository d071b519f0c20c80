"""Argument checks for the functions of the lessons, kept here so that the lessons' files can be about the method."""

from typing import Any

from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.numbers import is_positive, is_share, is_whole
from helpers.engine.optimizers import OPTIMIZERS, Adam

MAX_RATE = 1e30  # float32, in which the pixels are kept, could not hold a much larger step


def as_batch(image: Any) -> Tensor:
    """(3, H, W) or (1, 3, H, W) -> (1, 3, H, W); raises TeachingError for anything else."""
    if not isinstance(image, Tensor):
        raise TeachingError(
            f"Expected an image tensor, got {type(image).__name__}; load_image(path) makes one from a file."
        )
    batch = image.unsqueeze(0) if image.dim() == 3 else image
    if batch.dim() != 4 or batch.shape[:2] != (1, 3) or 0 in batch.shape:
        raise TeachingError(f"Expected an image tensor (1, 3, H, W), got {tuple(image.shape)}.")
    return batch


def as_float_batch(image: Any, name: str) -> Tensor:
    """Like `as_batch`, and converted to float32; also raises TeachingError for integer, NaN or infinite values."""
    image = as_batch(image)
    if not image.is_floating_point() or not image.isfinite().all():
        raise TeachingError(
            f"The {name} has values that are not finite numbers ({image.dtype}); load_image(path) makes an image "
            "tensor from a file."
        )
    return image.float()


def check_start(start: Any, content: Tensor) -> bool:
    """Whether `start` is an image tensor; False means that it is "noise", "content" or "style".

    Raises TeachingError for any other value, and for an image tensor whose size is not the content's.
    """
    if not isinstance(start, Tensor):
        if not isinstance(start, str) or start not in ("noise", "content", "style"):
            raise TeachingError(f"Unknown start {start!r}; it is 'noise', 'content', 'style' or an image tensor.")
        return False
    if as_batch(start).shape != content.shape:
        raise TeachingError(
            f"The start is {tuple(start.shape)} and the content {tuple(content.shape)}; they must agree."
        )
    return True


def check_poolings(image: Tensor, deepest: str) -> None:
    """Raises TeachingError for an image that is not (B, 3, H, W), or too small to reach the layer `deepest`."""
    if image.dim() != 4 or image.shape[1] != 3:
        raise TeachingError(f"Expected an image tensor (B, 3, H, W), got {tuple(image.shape)}.")
    smallest = 2 ** (int(deepest[4]) - 1)
    if min(image.shape[2:]) < smallest:
        raise TeachingError(
            f"An image of {image.shape[3]} x {image.shape[2]} pixels vanishes in the poolings before {deepest}; "
            f"it needs at least {smallest} on each side."
        )


def check_same_shape(got: Tensor, wanted: Tensor, what: str) -> None:
    """Raises TeachingError if two responses, or two Gram matrices, differ in shape. what: their name in the message."""
    if got.shape != wanted.shape:
        raise TeachingError(
            f"The two {what} differ in shape, {tuple(got.shape)} and {tuple(wanted.shape)}: they must come from the "
            "same layer and network, and responses also from pictures of one size (load_image(path, shape=content))."
        )


def check_loop(steps: Any, optimizer: Any, average: Any, betas: Any) -> None:
    """Raises TeachingError for arguments of the loop that make no sense."""
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise TeachingError(f"Unknown optimizer {optimizer!r}; it is 'adam' or 'lbfgs'.")
    if not is_whole(steps, 0):
        raise TeachingError(f"steps is the number of iterations, a whole number from 0 up; got {steps!r}.")
    if not is_share(average):
        raise TeachingError(f"average must be from 0 (off) to just under 1; got {average!r}.")
    if betas is not None and not (isinstance(betas, tuple) and len(betas) == 2 and all(map(is_share, betas))):
        raise TeachingError(f"betas are two numbers from 0 to just under 1, such as {Adam.BETAS}; got {betas!r}.")


def positive_rate(learning_rate: Any) -> float:
    """The learning rate as a float; raises TeachingError unless it is a finite number above 0."""
    if not is_positive(learning_rate):
        raise TeachingError(f"The learning rate must be a number above 0; got {learning_rate!r}.")
    if learning_rate > MAX_RATE:
        raise TeachingError(f"The learning rate must be {MAX_RATE:g} at most; got {learning_rate!r}.")
    return float(learning_rate)
