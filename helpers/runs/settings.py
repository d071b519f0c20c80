"""Every setting of a run in one place: its default, its range, its help text and its check.

The command line's options are made from `Settings`; a recipe is its JSON; the studio and the gallery make changed
copies with `dataclasses.replace`; and it can be sent to another machine.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from helpers.base.errors import TeachingError
from helpers.base.numbers import checked_seed, is_positive, is_real, is_whole
from helpers.base.pictures import CONTENTS, STYLES
from helpers.engine.image_files import MIN_SIDE
from helpers.engine.optimizers import OPTIMIZERS, STEPS
from helpers.engine.precision import PRECISIONS
from helpers.engine.scales import MOST_SCALES
from helpers.losses import Weights, report_schedule, report_switch
from helpers.manner import COLOURS
from helpers.regions import SHAPES
from helpers.runs.pairs import checked_layers, checked_regions, checked_shares, layer_weight, region, style_share
from helpers.statistics import STATISTICS
from helpers.vgg import CONTENT_LAYER, check_layers

VERSION = 2  # of the recipe format; recipes of version 1 do not state it
TERMS = {"content_weight": "content", "style_weight": "style", "tv_weight": "tv"}  # a setting -> Weights' name for it
CHANGEABLE = (*TERMS, "layer", "learning_rate")  # what may change while a run goes on
EXAMPLE = '{"iteration": 120, "style_weight": 320.0}'

DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True)
class Option:
    """The rules for a setting's values, and the texts of its command-line option."""

    help: str = ""
    kind: type = str  # of its values: str, int, float, bool, or tuple for pairs
    least: float | None = None  # of a number; None means that it has to be above 0
    most: float | None = None
    choices: Sequence[str] = ()
    may_be_none: bool = False
    metavar: str | None = None
    parse: Callable[[str], tuple[str, Any]] | None = None  # of a pair: what was typed -> the pair
    check: Callable[[Any], tuple[tuple[str, Any], ...]] | None = None  # of all pairs


def setting(default: Any, help: str, kind: type = str, **more: Any) -> Any:
    """A field of Settings, with its Option in the metadata."""
    return field(default=default, metadata={"option": Option(help, kind, **more)})


@dataclass(frozen=True)
class Settings:
    """The settings of a run, which `begin` in painting.py hands to the loop.

    Raises TeachingError, with the setting's name, for a value that makes no sense.
    """

    content: str = setting("landscape", f"a picture's path, or one of {', '.join(CONTENTS)}")
    style: str = setting("van_gogh", f"a picture's path, or one of {', '.join(STYLES)}")
    size: int = setting(768, "long side of the result", int, least=MIN_SIDE, metavar="PIXELS")
    # None for these two becomes what suits the other settings, so that they always have a value.
    steps: int | None = setting(None, f"iterations, over all scales (default: {STEPS['lbfgs']}; with adam "
                                f"{STEPS['adam']})", int, least=1, may_be_none=True, metavar="N")  # fmt: skip
    network: str = setting("compact", "compact, imagenet (VGG-19 itself, 548 MB), or a file of weights")
    pooling: str = setting("avg", "of the network", choices=("avg", "max"))
    content_weight: float = setting(DEFAULT_WEIGHTS.content, "how much the photograph's shapes count", float, least=0,
                                    metavar="W")  # fmt: skip
    style_weight: float = setting(DEFAULT_WEIGHTS.style, "how much the painting's manner counts", float, least=0,
                                  metavar="W")  # fmt: skip
    tv_weight: float = setting(DEFAULT_WEIGHTS.tv, "total variation: more is smoother", float, least=0, metavar="W")
    # (name, weight) for each style layer whose weight is not the default.
    layer: tuple[tuple[str, float], ...] = setting(
        (), "weight of one style layer, for example conv1_1=0.5; can be repeated", tuple, metavar="NAME=W",
        parse=layer_weight, check=checked_layers
    )  # fmt: skip
    content_layer: str = setting(CONTENT_LAYER, "a deeper layer leaves the style more freedom", metavar="NAME")
    optimizer: str | None = setting(None, "lbfgs needs fewer iterations, adam is patient (default: lbfgs; on a single "
                                    "scale adam)", choices=tuple(OPTIMIZERS), may_be_none=True)  # fmt: skip
    learning_rate: float | None = setting(
        None, "Adam's, as a share of black to white (default: 0.05), or the share that L-BFGS takes of its steps "
        "(default: 1)", float, may_be_none=True, metavar="R"
    )  # fmt: skip
    start: str = setting("noise", "what the image is at first", choices=("noise", "content", "style"))
    schedule: str = setting(
        "none", "report: other style weights after five eighths of the iterations", choices=("none", "report")
    )
    statistic: str = setting("gram", "what of the style's responses is matched", choices=tuple(STATISTICS))
    colours: str = setting(
        "style", "whose: the style's, the content's, or the style's after they were fitted to the content's",
        choices=COLOURS
    )  # fmt: skip
    style_scale: float = setting(1.0, "how large the strokes are, from 0.25 to 4", float, least=0.25, most=4,
                                 metavar="F")  # fmt: skip
    style_share: tuple[tuple[str, float], ...] = setting(
        (), "another style and its share, where the first one's is 1, for example monet=0.5; can be repeated", tuple,
        metavar="STYLE=S", parse=style_share, check=checked_shares
    )  # fmt: skip
    region: tuple[tuple[str, str], ...] = setting(
        (), "a style for a part of the picture: a mask, white inside, or one of " + ", ".join(SHAPES) + ", and the "
        "style, for example 'upper half=monet'; can be repeated", tuple, metavar="MASK=STYLE", parse=region,
        check=checked_regions
    )  # fmt: skip
    keep: str | None = setting(None, "a mask or shape inside which the photograph stays as it is", may_be_none=True,
                               metavar="MASK")  # fmt: skip
    sharp_borders: bool = setting(False, "no style bleeds over the border of a mask", bool)
    single_scale: bool = setting(False, "the report's loop: all iterations at full size", bool)
    seed: int = setting(0, "of the random start", int, metavar="N")
    until: int | None = setting(
        None, "stop after this iteration of --steps (default: the last)", int, least=1, may_be_none=True, metavar="N"
    )
    precision: str = setting("auto", "in which the network computes; auto: the faster one", choices=PRECISIONS)
    # These two have no option, because only a run in the studio makes them: what was changed while it went on, and the
    # iterations after which the optimizer started afresh from the image.
    changes: tuple[Mapping[str, Any], ...] = ()
    restarts: tuple[int, ...] = ()

    def __post_init__(self):
        for name, option in options():
            object.__setattr__(self, name, _checked(name, getattr(self, name), option))
        if self.optimizer is None:
            object.__setattr__(self, "optimizer", "adam" if self.single_scale else "lbfgs")
        if self.steps is None:
            object.__setattr__(self, "steps", STEPS[self.optimizer])
        check_layers([self.content_layer])
        object.__setattr__(self, "changes", _checked_changes(self.changes))
        object.__setattr__(self, "restarts", _checked_restarts(self.restarts))
        self.weights_at(self.steps)

    @property
    def last_iteration(self) -> int:
        """The iteration at which the run ends."""
        return min(self.until or self.steps, self.steps)

    @property
    def scales(self) -> int:
        """The largest number of sizes at which the run paints."""
        return 1 if self.single_scale else MOST_SCALES

    @property
    def weights(self) -> Weights:
        """The weights that the run begins with."""
        layers = {**DEFAULT_WEIGHTS.layers, **dict(self.layer)}
        return Weights(**{name: getattr(self, key) for key, name in TERMS.items()}, layers=layers)

    def weights_at(self, iteration: int) -> Weights:
        """The weights at an iteration: each change holds from its own iteration on; the schedule comes after them."""
        weights = self.weights
        for change in self.changes:
            if change["iteration"] <= iteration:
                terms = {name: change[key] for key, name in TERMS.items() if key in change}
                weights = replace(weights, **terms, layers={**weights.layers, **dict(change.get("layer", ()))})
        return report_schedule(weights, report_switch(self.steps))(iteration) if self.schedule == "report" else weights

    def learning_rate_at(self, iteration: int) -> float:
        """The learning rate at an iteration, with the changes up to there."""
        rate = OPTIMIZERS[self.optimizer].LEARNING_RATE if self.learning_rate is None else self.learning_rate
        moves = [c for c in self.changes if "learning_rate" in c and c["iteration"] <= iteration]
        return moves[-1]["learning_rate"] if moves else rate

    def recipe(self) -> dict[str, Any]:
        """The settings as a dictionary that JSON can hold, with the version of its format."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        pairs = {name: [list(pair) for pair in plain[name]] for name, option in options() if option.kind is tuple}
        lists = {"changes": [dict(change) for change in self.changes], "restarts": list(self.restarts)}
        return {"version": VERSION, **plain, **pairs, **lists}

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any]) -> "Settings":
        """The settings in a recipe, whose other entries are ignored; raises TeachingError for an unknown version."""
        version = recipe.get("version", 1)
        if version not in (1, VERSION):
            raise TeachingError(f"The recipe is of version {version!r}, and this project reads 1 and {VERSION}.")
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in recipe.items() if name in known})


def options() -> list[tuple[str, Option]]:
    """(name, Option) for each setting that has an option."""
    return [(f.name, f.metadata["option"]) for f in fields(Settings) if "option" in f.metadata]


def add_options(parser: argparse.ArgumentParser, pictures: bool = True) -> None:
    """Adds an option for each setting to a parser.

    pictures: whether to add content and style too, which are positional arguments.
    """
    for name, option in options():
        if name in ("content", "style") and not pictures:
            continue
        default = getattr(Settings, name)
        text = f"{option.help} (default: {default})" if default not in (None, False, ()) else option.help
        flag = f"--{name.replace('_', '-')}"
        if name in ("content", "style"):
            parser.add_argument(name, nargs="?", default=argparse.SUPPRESS, help=text)
        elif option.kind is bool:
            parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=text)
        elif option.kind is tuple:
            parser.add_argument(flag, action="append", type=option.parse, default=argparse.SUPPRESS, help=text,
                                metavar=option.metavar)  # fmt: skip
        else:
            parser.add_argument(flag, type=option.kind, choices=option.choices or None, default=argparse.SUPPRESS,
                                help=text, metavar=option.metavar)  # fmt: skip


def typed_over(settings: Settings, typed: argparse.Namespace | Mapping[str, Any]) -> Settings:
    """The settings, overridden by what was typed; the layers' weights are merged, not replaced."""
    typed = vars(typed) if isinstance(typed, argparse.Namespace) else typed
    changed = {name: typed[name] for name, _ in options() if name in typed}
    # What the settings left to be chosen is chosen anew.
    if settings.steps == STEPS[settings.optimizer]:
        changed.setdefault("steps", None)
    if settings.optimizer == Settings(single_scale=settings.single_scale).optimizer:
        changed.setdefault("optimizer", None)
    if "layer" in changed:
        changed["layer"] = tuple({**dict(settings.layer), **dict(changed["layer"])}.items())
    return replace(settings, **changed)


def _checked(name: str, value: Any, option: Option) -> Any:
    """A setting's value, converted to a plain Python type; raises TeachingError if it is not valid."""
    if value is None and option.may_be_none:
        return None
    if option.kind is tuple:
        return option.check(value)
    if option.kind is bool:
        if isinstance(value, bool):
            return value
        raise TeachingError(f"{name} is true or false; got {value!r}.")
    if option.kind is str:
        if not isinstance(value, str) or (option.choices and value not in option.choices):
            hint = f"it is {' or '.join(map(repr, option.choices))}" if option.choices else "it is a name or a path"
            raise TeachingError(f"Unknown {name} {value!r}; {hint}.")
        return value
    if name == "seed":
        return checked_seed(value)
    fits = is_whole if option.kind is int else is_real
    inside = fits(value, option.least) if option.least is not None else is_positive(value)
    if inside and (option.most is None or value <= option.most):
        return option.kind(value)
    kind = "a whole number" if option.kind is int else "a number"
    up = "up" if option.most is None else f"to {option.most}"
    limits = "above 0" if option.least is None else f"from {option.least} {up}"
    raise TeachingError(f"{name} is {kind} {limits}; got {value!r}.")


def _checked_changes(changes: Any) -> tuple[dict[str, Any], ...]:
    """Checks a list of changes, which may have been written by hand."""
    if not isinstance(changes, list | tuple):
        raise TeachingError(f"The recipe's changes are a list such as [{EXAMPLE}], not {changes!r}.")
    result = []
    for change in changes:
        if not isinstance(change, Mapping) or not is_whole(change.get("iteration"), 1):
            raise TeachingError(f"Each of the recipe's changes names its iteration, as {EXAMPLE} does; got {change!r}.")
        if unknown := change.keys() - {"iteration", *CHANGEABLE}:
            raise TeachingError(
                f"A change in the recipe has {sorted(map(str, unknown))[0]!r}; it may have {', '.join(CHANGEABLE)}."
            )
        plain = {"iteration": int(change["iteration"])}
        for name, option in options():
            if name in change:
                plain[name] = _checked(name, change[name], replace(option, may_be_none=False))
        result.append(plain)
    return tuple(result)


def _checked_restarts(restarts: Any) -> tuple[int, ...]:
    """Checks that restarts are rising iterations."""
    if (
        not isinstance(restarts, list | tuple)
        or not all(is_whole(number, 1) for number in restarts)
        or list(restarts) != sorted(set(restarts))
    ):
        raise TeachingError(f"The recipe's restarts are rising iterations, such as [100, 250]; got {restarts!r}.")
    return tuple(int(number) for number in restarts)
