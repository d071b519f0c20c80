"""The run that settings ask for: the settings' way into the loop."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from torch import Tensor

from helpers.losses import Weights
from helpers.runs.estimate import check_memory
from helpers.runs.settings import Settings
from helpers.transfer import AVERAGE, Rate, Schedule, StateDict, Step, coarse_to_fine
from helpers.vgg import VGG19, load_vgg19

# (image, done, state_dict) -> the iterations that follow when `done` are over and led to the image, or from the state
# of a run that was cut off; (None, 0, {}) begins.
Continuation = Callable[[Tensor | None, int, StateDict], Iterator[Step]]


def painting(settings: Settings, content: Tensor, style: Tensor, state_dict: StateDict | None = None) -> Iterator[Step]:
    """The iterations of a run: from its beginning, or on from the state of one that was cut off.

    content, style: (1, 3, H, W), the pictures that the settings name.
    Raises TeachingError where the memory is not enough, or the state is of another run.
    """
    model = load_vgg19(settings.network, settings.pooling)
    check_memory(model, tuple(content.shape[2:]), settings.optimizer)

    def continuation(image: Tensor | None, done: int, state_dict: StateDict) -> Iterator[Step]:
        weights, rate = settings.weights_at, settings.learning_rate_at
        return begin(settings, content, style, model, weights, rate, image, done, state_dict)

    last = settings.last_iteration
    ends = [*(iteration for iteration in settings.restarts if iteration < last), last]
    return in_parts(continuation, ends, state_dict or {})


def begin(
    settings: Settings,
    content: Tensor,
    style: Tensor,
    model: VGG19,
    weights: Weights | Schedule,
    learning_rate: Rate,
    image: Tensor | None = None,
    done: int = 0,
    state_dict: StateDict | None = None,
) -> Iterator[Step]:
    """A part of a run, with weights and learning rates that may be somebody else's (the studio's sliders)."""
    return coarse_to_fine(
        content,
        style,
        model,
        weights,
        steps=settings.steps,
        start=settings.start if image is None else image,
        optimizer=settings.optimizer,
        learning_rate=learning_rate,
        content_layer=settings.content_layer,
        average=AVERAGE if settings.optimizer == "adam" else 0.0,
        seed=settings.seed,
        scales=settings.scales,
        begin=done,
        precision=settings.precision,
        resume=state_dict,
    )


def in_parts(continuation: Continuation, ends: Sequence[int], state_dict: StateDict) -> Iterator[Step]:
    """A run that begins anew, from its picture, after each of the iterations `ends` but the last, where it ends.

    state_dict: to go on from.
    """
    image, done = state_dict.get("image"), state_dict.get("iteration", 0)
    if done == ends[-1]:
        next(
            continuation(image, done, state_dict), None
        )  # nothing is left to do, but whether it is this run is checked
    if done in ends:
        state_dict = {}
    for end in ends:
        if end > done:
            for step in islice(continuation(image, done, state_dict), end - done):
                yield step
            image, done, state_dict = step.image, end, {}
