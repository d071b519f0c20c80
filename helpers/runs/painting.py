"""Runs the loop with the arguments that a Settings describes."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from torch import Tensor

from helpers.losses import Weights
from helpers.runs.estimate import needs_tiles
from helpers.runs.settings import Settings
from helpers.runs.sources import Sources
from helpers.transfer import Rate, Schedule, StateDict, Step, coarse_to_fine
from helpers.vgg import VGG19, load_vgg19

# (image, done, state_dict) -> the iterations that follow: those after the state dict, or, if that is empty, those after
# `done` iterations have led to the image. (None, 0, {}) starts a run from its beginning.
Continuation = Callable[[Tensor | None, int, StateDict], Iterator[Step]]


IN_TILES = "The whole picture would not fit into the memory that is free, so it is painted in tiles: a little slower."


def painting(
    settings: Settings,
    sources: Sources,
    state_dict: StateDict | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Step]:
    """The iterations of a run: from its beginning, or from the state dict of a run that was cut off.

    sources: what the settings name, from `load_sources`. say: called with IN_TILES where that is so.
    Raises TeachingError if the memory is not enough, or the state dict is of another run.
    """
    model = load_vgg19(settings.network, settings.pooling)
    tiled = in_tiles(settings, sources, model, state_dict or {})
    if tiled:
        say(IN_TILES)

    def continuation(image: Tensor | None, done: int, state_dict: StateDict) -> Iterator[Step]:
        weights, rate = settings.weights_at, settings.learning_rate_at
        return begin(settings, sources, model, weights, rate, image, done, state_dict, tiled)

    last = settings.last_iteration
    ends = [*(iteration for iteration in settings.restarts if iteration < last), last]
    return in_parts(continuation, ends, state_dict or {})


def in_tiles(settings: Settings, sources: Sources, model: VGG19, state_dict: StateDict) -> bool:
    """Whether a run is painted in tiles; what began in tiles goes on in tiles, so that it goes on bit for bit.

    Raises TeachingError if the memory is not enough.
    """
    needed = needs_tiles(model, tuple(sources.content.shape[2:]), settings.optimizer, settings.statistic)
    return needed or state_dict.get("tiled") is True


def begin(
    settings: Settings,
    sources: Sources,
    model: VGG19,
    weights: Weights | Schedule,
    learning_rate: Rate,
    image: Tensor | None = None,
    done: int = 0,
    state_dict: StateDict | None = None,
    tiled: bool = False,
) -> Iterator[Step]:
    """A part of a run, with the arguments that the settings say; weights and learning rate are the caller's choice.

    image: (1, 3, H, W), to go on from after `done` iterations; None begins as the settings say.
    state_dict: of an earlier run, to resume it instead. tiled: what `in_tiles` says.
    """
    return coarse_to_fine(
        sources.content,
        sources.styles,
        model,
        weights,
        steps=settings.steps,
        start=settings.start if image is None else image,
        optimizer=settings.optimizer,
        learning_rate=learning_rate,
        content_layer=settings.content_layer,
        seed=settings.seed,
        scales=settings.scales,
        begin=done,
        precision=settings.precision,
        tiled=tiled,
        resume=state_dict,
        manner=sources.manner,
    )


def in_parts(continuation: Continuation, ends: Sequence[int], state_dict: StateDict) -> Iterator[Step]:
    """A run whose optimizer starts afresh, from the image alone, after each iteration in `ends`; the last ends the run.

    ends: rising iterations. state_dict: where to go on from; empty for a run from the beginning.
    """
    image, done = state_dict.get("image"), state_dict.get("iteration", 0)
    if done == ends[-1]:
        # No iteration is left, but this checks that the state dict is of this run.
        next(continuation(image, done, state_dict), None)
    if done in ends:
        state_dict = {}
    for end in ends:
        if end > done:
            for step in islice(continuation(image, done, state_dict), end - done):
                yield step
            image, done, state_dict = step.image, end, {}
