"""`python3 -m helpers render`: one picture, from the command line."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from helpers.errors import TeachingError
from helpers.images import CONTENTS, RESULTS, STYLES, load_image, load_recipe, save_image
from helpers.losses import Weights, report_schedule
from helpers.recipe import check_changes, check_restarts, followed, followed_rate
from helpers.transfer import LEARNING_RATES, SHARES, Rate, Schedule, Step, coarse_to_fine
from helpers.vgg import CONTENT_LAYER, VGG19, load_vgg19


class Parser(argparse.ArgumentParser):
    """Answers a wrong option in one line."""

    def error(self, message: str) -> None:
        raise TeachingError(f"{message} (`python3 -m helpers render --help` lists the options)")


def layer_weight(text: str) -> tuple[str, float]:
    """'conv1_1=0.5' -> ("conv1_1", 0.5)"""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a layer's weight is written conv1_1=0.5, not '{text}'") from None


def parser() -> Parser:
    """The options; their names without dashes are the keys of a recipe."""
    weights = Weights()
    options = Parser(
        prog="python3 -m helpers render",
        description="Paints a photograph in the style of a picture, and saves it with its recipe in results/.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = options.add_argument
    add("content", nargs="?", default="landscape", help=f"a picture's path, or one of {', '.join(CONTENTS)}")
    add("style", nargs="?", default="van_gogh", help=f"a picture's path, or one of {', '.join(STYLES)}")
    add("--size", type=int, default=768, metavar="PIXELS", help="long side of the result")
    add("--steps", type=int, default=400, metavar="N", help="iterations, over all scales")
    add("--network", default="compact", help="compact, imagenet (VGG-19 itself, 548 MB), or a file of weights")
    add("--pooling", default="avg", choices=("avg", "max"))
    add("--content-weight", type=float, default=weights.content, metavar="W")
    add("--style-weight", type=float, default=weights.style, metavar="W")
    add("--tv-weight", type=float, default=weights.tv, metavar="W", help="total variation: more is smoother")
    add("--layer", type=layer_weight, action="append", default=[], metavar="NAME=W",
        help="weight of one style layer, for example conv1_1=0.5; can be repeated")  # fmt: skip
    add("--content-layer", default=CONTENT_LAYER, metavar="NAME", help="a deeper layer leaves the style more freedom")
    add("--optimizer", default="adam", choices=("adam", "lbfgs"))
    add("--learning-rate", type=float, metavar="R", help="Adam's, as a share of black to white (default: 0.05)")
    add("--start", default="noise", choices=("noise", "content", "style"))
    add("--schedule", default="none", choices=("none", "report"), help="report: other style weights after 250")
    add("--single-scale", action="store_true", help="all iterations at full size, instead of coarse to fine")
    add("--seed", type=int, default=0, metavar="N", help="of the random start")
    add("--until", type=int, metavar="N", help="stop after this iteration of --steps (default: the last)")
    add("--every", type=int, default=50, metavar="N", help="iterations between two lines of losses and two saves")
    add("--out", type=Path, metavar="FILE.png", help="default: results/CONTENT--STYLE--1.png, 2, ...")
    add("--recipe", type=Path, metavar="FILE.png", help="take the settings from a picture made before")
    # These have no option: only a run in the studio makes them.
    options.set_defaults(changes=[], restarts=[])
    return options


def settings(arguments: Sequence[str]) -> argparse.Namespace:
    """The options given, over those of a recipe if one is named, over the defaults."""
    options = parser()
    given = options.parse_args(arguments)
    if given.recipe:
        known = vars(given).keys() - {"recipe", "out", "every"}
        recipe = {key: value for key, value in load_recipe(given.recipe).items() if key in known}
        recipe["layer"] = [tuple(pair) for pair in recipe.get("layer", [])]
        check_changes(recipe.get("changes", []))
        check_restarts(recipe.get("restarts", []))
        options.set_defaults(**recipe)
        given = options.parse_args(arguments)
    if given.every < 1:
        raise TeachingError(f"--every is a number of iterations from 1 up, not {given.every}.")
    if given.steps < 1:
        raise TeachingError(f"--steps is a number of iterations from 1 up, not {given.steps}.")
    if given.until is not None and given.until < 1:
        raise TeachingError(f"--until is an iteration from 1 up, not {given.until}.")
    if given.out and given.out.suffix.lower() != ".png":
        raise TeachingError(f"--out names a PNG file, which keeps the recipe too; '{given.out}' does not end in .png.")
    return given


def next_result(given: argparse.Namespace, suffix: str = ".png") -> Path:
    """results/content--style--n.png with the first n that is free."""
    n, names = 1, f"{Path(given.content).stem}--{Path(given.style).stem}"
    while (path := RESULTS / f"{names}--{n}{suffix}").exists():
        n += 1
    return path


def begin(
    given: argparse.Namespace,
    content: Tensor,
    style: Tensor,
    model: VGG19,
    weights: Weights | Schedule,
    learning_rate: Rate | None,
    image: Tensor | None = None,
    done: int = 0,
) -> Iterator[Step]:
    """The run that the settings ask for; from an image on, where `done` of its iterations led to that."""
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
    )


def in_parts(run: Callable[[Tensor | None, int], Iterator[Step]], ends: Sequence[int]) -> Iterator[Step]:
    """A run that begins anew, from its picture, after each of the iterations `ends` but the last, where it ends."""
    image, done = None, 0
    for end in ends:
        for step in islice(run(image, done), end - done):
            yield step
        image, done = step.image, end


def render(given: argparse.Namespace) -> Path:
    """Paints with the settings given, and returns the path of the picture."""
    content = load_image(given.content, given.size)
    style = load_image(given.style, given.size)
    weights = Weights(given.content_weight, given.style_weight, given.tv_weight)
    weights = replace(weights, layers={**weights.layers, **dict(given.layer)})
    schedule = report_schedule(weights) if given.schedule == "report" else lambda _: weights
    model = load_vgg19(given.network, given.pooling)
    out = given.out or next_result(given)
    recipe: dict[str, Any] = {k: v for k, v in vars(given).items() if k not in ("out", "recipe", "every")}
    last = min(given.until or given.steps, given.steps)
    rate = LEARNING_RATES[given.optimizer] if given.learning_rate is None else given.learning_rate
    schedule, rate = followed(schedule, given.changes), followed_rate(rate, given.changes)
    run = in_parts(
        lambda image, done: begin(given, content, style, model, schedule, rate, image, done),
        [*(iteration for iteration in given.restarts if iteration < last), last],
    )
    step = None
    try:
        for step in tqdm(run, total=last, unit="it", disable=None, dynamic_ncols=True):
            if step.iteration % given.every == 0 or step.iteration == last:
                tqdm.write(str(step), file=sys.stdout)
                save_image(step.image, out, recipe | {"iteration": step.iteration})
    except BaseException as reason:
        if step is not None:
            save_image(step.image, out, recipe | {"iteration": step.iteration})
            print(f"Stopped at iteration {step.iteration}; the picture so far is in {out}", file=sys.stderr)
        if isinstance(reason, KeyboardInterrupt):
            sys.exit(130)
        raise
    return out


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong with the input."""
    try:
        print(render(settings(arguments)))
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
