"""`python3 -m helpers render`: one picture, from the command line."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from helpers.checkpoint import BEGINNING, State
from helpers.errors import TeachingError
from helpers.estimate import check_memory
from helpers.film import Film
from helpers.images import CONTENTS, STYLES, load_image, load_recipe, save_image
from helpers.losses import Weights, report_schedule
from helpers.options import recipe_of, settings
from helpers.places import RESULTS
from helpers.recipe import caption, followed, followed_rate, outcome
from helpers.transfer import LEARNING_RATES, NO_IMAGE, SHARES, DivergedError, Rate, Schedule, Step, coarse_to_fine
from helpers.unfinished import Keeper, reserved
from helpers.vgg import VGG19, load_vgg19


def next_result(given: argparse.Namespace, suffix: str = ".png") -> Path:
    """results/content--style--n.png with the first n that is free, and reserved."""
    return reserved(RESULTS / f"{Path(given.content).stem}--{Path(given.style).stem}", suffix)


def begin(
    given: argparse.Namespace,
    content: Tensor,
    style: Tensor,
    model: VGG19,
    weights: Weights | Schedule,
    learning_rate: Rate | None,
    image: Tensor | None = None,
    done: int = 0,
    state: State = BEGINNING,
) -> Iterator[Step]:
    """The run that the settings ask for: from the beginning, from an image that `done` iterations led to, or from the
    state of one that ended early.
    """
    return coarse_to_fine(
        content,
        style,
        model,
        weights,
        steps=given.steps,
        start=given.start if image is None else image,
        optimizer=given.optimizer,
        learning_rate=learning_rate,
        content_layer=given.content_layer,
        average=0.9 if given.optimizer == "adam" else 0,
        seed=given.seed,
        scales=1 if given.single_scale else len(SHARES),
        begin=done,
        precision=given.precision,
        resume=state,
    )


def in_parts(
    run: Callable[[Tensor | None, int, State], Iterator[Step]], ends: Sequence[int], state: State = BEGINNING
) -> Iterator[Step]:
    """A run that begins anew, from its picture, after each of the iterations `ends` but the last, where it ends.

    state: to go on from.
    """
    image, done = state.tensors.get("image"), state.iteration
    if done in ends:
        state = BEGINNING
    for end in ends:
        if end > done:
            for step in islice(run(image, done, state), end - done):
                yield step
            image, done, state = step.image, end, BEGINNING


def painting(given: argparse.Namespace, content: Tensor, style: Tensor) -> Iterator[Step]:
    """The iterations of a run with the settings given; raises TeachingError where they make no sense together."""
    weights = Weights(given.content_weight, given.style_weight, given.tv_weight)
    weights = replace(weights, layers={**weights.layers, **dict(given.layer)})
    schedule = report_schedule(weights) if given.schedule == "report" else lambda _: weights
    rate = LEARNING_RATES[given.optimizer] if given.learning_rate is None else given.learning_rate
    schedule, rate = followed(schedule, given.changes), followed_rate(rate, given.changes)
    model = load_vgg19(given.network, given.pooling)
    check_memory(model, tuple(content.shape[2:]), given.optimizer)
    last = last_iteration(given)
    return in_parts(
        lambda image, done, state: begin(given, content, style, model, schedule, rate, image, done, state),
        [*(iteration for iteration in given.restarts if iteration < last), last],
        given.run.state if given.run else BEGINNING,
    )


def last_iteration(given: argparse.Namespace) -> int:
    """Where a run with these settings ends."""
    return min(given.until or given.steps, given.steps)


def render(given: argparse.Namespace) -> list[Path]:
    """Paints with the settings given, and returns the paths of the picture and of what else was asked for."""
    content, style = load_image(given.content, given.size), load_image(given.style, given.size)
    film = Film(given.steps)
    out = _finished(painting(given, content, style), given, film)
    made = [out]
    if given.film:
        made.append(film.save(out.with_suffix(".webp"), load_image(out, given.size)))
    if given.compare:
        from helpers.plots import comparison, save_figure  # late, for Matplotlib takes its time

        names = Path(given.content).stem, Path(given.style).stem, "result"
        images = dict(zip(names, (content, style, load_image(out, given.size)), strict=True))
        figure = comparison(images, caption(load_recipe(out)))
        made.append(save_figure(figure, out.with_name(f"{out.stem}--compare.png")))
    return made


def _finished(run: Iterator[Step], given: argparse.Namespace, film: Film) -> Path:
    """Follows a run to its end, with a picture, a checkpoint and a line of losses now and then."""
    last = last_iteration(given)
    out, recipe, record = given.out or next_result(given), recipe_of(given), given.run.record if given.run else []
    keeper, step = Keeper(out), None

    def keep(state: State) -> None:
        with warned("If the run were cut off now, it could not be resumed."):
            keeper.keep(state, recipe, record, given.restarts)

    def save() -> None:
        save_image(step.image, out, recipe | outcome(step))

    if not given.run:
        keep(BEGINNING)
    try:
        for step in tqdm(run, initial=len(record), total=last, unit="it", disable=None, dynamic_ncols=True):
            record.append(replace(step, image=NO_IMAGE, state=State))
            if given.film:
                film.add(step)
            if step.iteration == last:
                tqdm.write(str(step), file=sys.stdout)
                save()
            elif step.iteration % given.every == 0:
                tqdm.write(str(step), file=sys.stdout)
                with warned("The run goes on."):
                    save()
                keep(step.state())
            elif keeper.due:
                keep(step.state())
    except BaseException as reason:
        if step is not None:
            with warned("The picture so far is not saved."):
                save()
                print(f"Stopped at iteration {step.iteration}; the picture so far is in {out}", file=sys.stderr)
            keep(step.state())
        if isinstance(reason, DivergedError) or (step is None and not given.run):
            keeper.remove()
        if isinstance(reason, KeyboardInterrupt):
            ours = given.content in CONTENTS and given.style in STYLES
            typed = "" if ours else f"{shlex.quote(given.content)} {shlex.quote(given.style)} "
            again = f"python3 -m helpers render {typed}--resume {shlex.quote(str(keeper.path))}"
            print(f"`{again}` goes on from there.", file=sys.stderr)
            sys.exit(130)
        raise
    finally:
        keeper.release()
    keeper.remove()
    return out


@contextmanager
def warned(consequence: str) -> Iterator[None]:
    """Something that may fail without ending the run: then says why, and what follows from it."""
    try:
        yield
    except TeachingError as error:
        print(f"{error} {consequence}", file=sys.stderr)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong with the input."""
    try:
        print(*render(settings(arguments)), sep="\n")
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
