"""What was changed while a run went on: told from its record, and followed when it is repeated.

A recipe names the weights and the learning rate at the first iteration, and then a list of changes, each with the
iteration from which it holds: {"iteration": 120, "style_weight": 320.0}.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from typing import Any

from helpers.errors import TeachingError
from helpers.losses import Weights
from helpers.transfer import Schedule, Step

TERMS = {"content_weight": "content", "style_weight": "style", "tv_weight": "tv"}  # a recipe's key -> Weights' name
COUNTED = {"size": "pixels", "iteration": "iterations"}  # in a caption, before what is
SAID = (*TERMS, "optimizer", "network", "start", "seed")
KNOWN = (*TERMS, "layer", "learning_rate")
EXAMPLE = '{"iteration": 120, "style_weight": 320.0}'


def in_force(step: Step) -> dict[str, Any]:
    """The weights and the learning rate of an iteration, under a recipe's keys."""
    weights = {key: getattr(step.weights, name) for key, name in TERMS.items()}
    layers = [[name, weight] for name, weight in step.weights.layers.items()]
    return {**weights, "layer": layers, "learning_rate": step.learning_rate}


def told(record: Sequence[Step]) -> dict[str, Any]:
    """The first iteration's weights and learning rate, and the later changes, for a recipe."""
    states = [in_force(step) for step in record]
    changes = [
        {"iteration": step.iteration} | {key: value for key, value in now.items() if value != before[key]}
        for step, (before, now) in zip(record[1:], pairwise(states), strict=True)
        if now != before
    ]
    return {**states[0], "changes": changes}


def outcome(step: Step) -> dict[str, Any]:
    """How far a run came, and its losses there before their weights, for the recipe of its picture."""
    losses = {"total": step.loss, "content": step.content, "style": step.style, "tv": step.tv}
    return {"iteration": step.iteration, "losses": losses}


def caption(recipe: dict[str, Any]) -> str:
    """A recipe in two lines, to stand under its picture: what was asked for, and what came out."""
    counts = [f"{recipe[name]} {unit}" for name, unit in COUNTED.items() if name in recipe]
    said = [f"{name.replace('_', ' ')} {_short(recipe[name])}" for name in SAID if name in recipe]
    losses = [f"{name} {value:.3g}" for name, value in recipe.get("losses", {}).items()]
    return " · ".join(counts + said) + ("\nlosses: " + " · ".join(losses) if losses else "")


def followed(weights: Schedule, changes: Sequence[dict[str, Any]]) -> Schedule:
    """A schedule with a recipe's changes made on top: each holds from its iteration on."""

    def changed(iteration: int) -> Weights:
        w = weights(iteration)
        for change in changes:
            if change["iteration"] <= iteration:
                terms = {name: change[key] for key, name in TERMS.items() if key in change}
                w = replace(w, **terms, layers={**w.layers, **dict(change.get("layer", []))})
        return w

    return changed


def followed_rate(rate: float, changes: Sequence[dict[str, Any]]) -> Callable[[int], float]:
    """The learning rate likewise, as a function of the iteration."""
    moves = [(0, rate), *((c["iteration"], c["learning_rate"]) for c in changes if "learning_rate" in c)]
    return lambda iteration: [value for begin, value in moves if begin <= iteration][-1]


def check_changes(changes: object) -> None:
    """Raises TeachingError where a list of changes, which may have been written by hand, is not one."""
    if not isinstance(changes, list):
        raise TeachingError(f"The recipe's changes are a list such as [{EXAMPLE}], not {changes!r}.")
    for change in changes:
        if not isinstance(change, dict) or not _whole(change.get("iteration")):
            raise TeachingError(f"Each of the recipe's changes names its iteration, as {EXAMPLE} does; got {change!r}.")
        if unknown := change.keys() - {"iteration", *KNOWN}:
            raise TeachingError(f"A change in the recipe has {sorted(unknown)[0]!r}; it may have {', '.join(KNOWN)}.")
        rate = change.get("learning_rate", 1)
        if not isinstance(rate, int | float) or not (isfinite(rate) and rate > 0):
            raise TeachingError(f"The learning rate must be a number above 0; a change in the recipe has {rate!r}.")
        layers = change.get("layer", [])
        if not isinstance(layers, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in layers):
            raise TeachingError(f'Layers in a recipe are written [["conv1_1", 0.5], ...]; a change has {layers!r}.')
    followed(lambda _: Weights(), changes)(max((change["iteration"] for change in changes), default=0))


def check_restarts(restarts: object) -> None:
    """Raises TeachingError where the iterations at which the optimizer began anew are not a rising list of them."""
    if not isinstance(restarts, list) or not all(map(_whole, restarts)) or restarts != sorted(set(restarts)):
        raise TeachingError(f"The recipe's restarts are rising iterations, such as [100, 250]; got {restarts!r}.")


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _whole(number: object) -> bool:
    return isinstance(number, int) and number >= 1
