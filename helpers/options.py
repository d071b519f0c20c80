"""The options of `render`: as typed, as a recipe tells them, or as the checkpoint of a run does."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.errors import TeachingError
from helpers.images import CONTENTS, STYLES, load_recipe
from helpers.losses import Weights
from helpers.recipe import check_changes, check_restarts
from helpers.transfer import PRECISIONS
from helpers.unfinished import SUFFIX, last_run, load_run
from helpers.vgg import CONTENT_LAYER

LAST = "the last one"  # the run that --resume goes on with where none is named


PASSING = {"recipe", "resume", "run", "out", "every", "film", "compare"}  # options that the picture does not depend on


class Parser(argparse.ArgumentParser):
    """Answers a wrong option in one line."""

    def error(self, message: str) -> None:
        raise TeachingError(f"{message} (`{self.prog} --help` lists the options)")


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
    add("--resume", nargs="?", const=LAST, metavar="FILE.checkpoint",
        help="go on with a run that was cut off, bit for bit (default: the last one in results/)")  # fmt: skip
    add(
        "--film",
        action="store_true",
        help="also save how it came about, as an animated WebP of 5 MB at most; with --resume, from there on",
    )
    add("--compare", action="store_true", help="also save content, style and result side by side, with the recipe")
    add("--precision", default="auto", choices=PRECISIONS, help="in which the network computes; auto: the faster")
    # These have no option: only a run in the studio makes them.
    options.set_defaults(changes=[], restarts=[])
    return options


def settings(arguments: Sequence[str]) -> argparse.Namespace:
    """The options given, over those of a recipe or a checkpoint if one is named, over the defaults.

    `run` is the run to go on with, or None. Raises TeachingError, in one line, for whatever makes no sense.
    """
    given, run = parser().parse_args(arguments), None
    if given.recipe and given.resume:
        raise TeachingError("--recipe and --resume both bring their settings; give one of them.")
    if given.recipe:
        _, given = _over(load_recipe(given.recipe), f"The recipe in '{given.recipe}'", arguments)
    elif given.resume:
        path = last_run() if given.resume == LAST else Path(given.resume).with_suffix(SUFFIX)
        if path is None:
            raise TeachingError("There is no run to go on with: every run in results/ was finished, or is going on.")
        run = load_run(path)
        was, given = _over(run.recipe, f"The checkpoint '{path}'", arguments)
        _check_unchanged(was, given, path)
        given.out = path.with_suffix(".png")
    given.run = run
    for name in ("every", "steps", "until"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise TeachingError(f"--{name} is a number of iterations from 1 up, not {getattr(given, name)}.")
    if abs(given.seed) >= 10**18:
        raise TeachingError(f"--seed is a whole number of 18 digits at most; got {given.seed}.")
    if given.out and given.out.suffix.lower() != ".png":
        raise TeachingError(f"--out names a PNG file, which keeps the recipe too; '{given.out}' does not end in .png.")
    return given


def recipe_of(given: argparse.Namespace) -> dict[str, Any]:
    """What the picture is to carry: the options that make it what it is."""
    return {name: value for name, value in vars(given).items() if name not in PASSING}


def _over(
    recipe: dict[str, Any], source: str, arguments: Sequence[str]
) -> tuple[argparse.Namespace, argparse.Namespace]:
    """What a recipe says, checked as if it had been typed; and what the arguments make of it.

    A recipe may come from anybody. So of files it can name only the bundled ones; others have to be typed again.
    """
    options = parser()
    options.set_defaults(content=None, style=None, network=None)
    typed = options.parse_args(arguments)
    for name, bundled in (("content", CONTENTS), ("style", STYLES), ("network", ("compact", "imagenet"))):
        if getattr(typed, name) is None and str(recipe.get(name, next(iter(bundled)))) not in bundled:
            how = "type --network FILE as well" if name == "network" else "type both: render CONTENT STYLE ..."
            raise TeachingError(f"{source} names {recipe[name]!r} as its {name}, which is not one of ours; {how}")
    recipe = {name: value for name, value in recipe.items() if name in vars(options.parse_args([])).keys() - PASSING}
    changes, restarts = recipe.pop("changes", []), recipe.pop("restarts", [])
    check_changes(changes)
    check_restarts(restarts)
    options = parser()
    options.set_defaults(changes=changes, restarts=restarts)
    was = options.parse_args(_as_typed(recipe))
    options.set_defaults(**{name: getattr(was, name) for name in recipe})
    return was, options.parse_args(arguments)


def _as_typed(recipe: dict[str, Any]) -> list[str]:
    """A recipe as the arguments that it stands for."""
    arguments = []
    for name, value in recipe.items():
        option = f"--{name.replace('_', '-')}"
        if value is None or value is False:
            continue
        if value is True and name == "single_scale":
            arguments.append(option)
        elif name == "layer" and isinstance(value, list) and all(isinstance(p, list) and len(p) == 2 for p in value):
            arguments += [f"{option}={layer}={weight}" for layer, weight in value]
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            arguments += [] if name in ("content", "style") else [f"{option}={value}"]
        else:
            raise TeachingError(f"The recipe's {name} is {value!r}, which makes no sense there.")
    pictures = [str(recipe[name]) for name in ("content", "style") if name in recipe]
    return [*arguments, "--", *pictures] if len(pictures) == 2 else arguments


def _check_unchanged(was: argparse.Namespace, given: argparse.Namespace, path: Path) -> None:
    """A run goes on with what it began with; its pictures and network are told apart by their contents, later."""
    for name in vars(was).keys() - PASSING - {"content", "style", "network"}:
        if getattr(was, name) != getattr(given, name):
            raise TeachingError(
                f"--{name.replace('_', '-')} is {getattr(given, name)!r}, and the run in '{path}' began with "
                f"{getattr(was, name)!r}. Leave the option out, or leave out --resume to start another run."
            )
