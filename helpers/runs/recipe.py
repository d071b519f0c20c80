"""Recipes, which a picture carries: its settings, the changes while it was painted, and what came out."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from helpers.base.errors import TeachingError
from helpers.base.numbers import is_real
from helpers.engine.image_files import decode
from helpers.runs.judge import figures_in, verdict
from helpers.runs.settings import DEFAULT_WEIGHTS, TERMS
from helpers.transfer import Step

UNITS = {"size": "pixels", "iteration": "iterations"}  # shown in a caption after these numbers
NAMED = (*TERMS, "optimizer", "network", "start", "seed")  # shown in a caption with their names


def load_recipe(path: str | Path) -> dict[str, Any]:
    """The recipe that `save_image` stored in a PNG; raises TeachingError if there is none, or it is damaged."""
    text = getattr(decode(path), "text", {}).get("recipe")
    if text is None:
        raise TeachingError(f"'{path}' carries no recipe; only pictures that this project saved as PNG do.")
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TeachingError(f"The recipe in '{path}' is damaged ({error}).") from None
    if not isinstance(recipe, dict):
        raise TeachingError(f"The recipe in '{path}' is not a table of settings but a {type(recipe).__name__}.")
    return recipe


def changeable(step: Step) -> dict[str, Any]:
    """The weights and the learning rate of an iteration, under the settings' names."""
    weights = {key: getattr(step.weights, name) for key, name in TERMS.items()}
    # Settings hold what differs from the default weights, so a layer that is missing here has to be written as 0.
    layers = {**step.weights.layers, **{n: 0.0 for n in DEFAULT_WEIGHTS.layers if n not in step.weights.layers}}
    return {**weights, "layer": [[*pair] for pair in layers.items()], "learning_rate": step.learning_rate}


def changes_in(record: Sequence[Step]) -> dict[str, Any]:
    """The weights and learning rate of a run: those of its first iteration, and the later `changes`.

    record: the Steps from the first on, at least one. Each change names the iteration from which it holds:
    {"iteration": 120, "style_weight": 320.0}.
    """
    values = [changeable(step) for step in record]
    changes = [
        {"iteration": step.iteration} | {key: value for key, value in now.items() if value != before[key]}
        for step, (before, now) in zip(record[1:], pairwise(values), strict=True)
        if now != before
    ]
    return {**values[0], "changes": changes}


def outcome(step: Step, judgement: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The iteration that a run reached and its losses there, for a recipe: the total, and the unweighted terms.

    judgement: what `judged` in judge.py said of the picture, if it was asked.
    """
    losses = {"total": step.loss, "content": step.content, "style": step.style, "tv": step.tv}
    return {"iteration": step.iteration, "losses": losses} | ({"judged": judgement} if judgement else {})


def losses_in(recipe: Mapping[str, Any]) -> dict[str, float]:
    """The losses in a recipe, by name; a recipe may come from anybody, so what is no number is left out."""
    losses = recipe.get("losses")
    return {str(k): v for k, v in losses.items() if is_real(v)} if isinstance(losses, Mapping) else {}


def caption(recipe: Mapping[str, Any]) -> str:
    """A recipe in up to three lines, to be shown under its picture: settings, losses, and what the judge says."""
    counts = [f"{recipe[name]} {unit}" for name, unit in UNITS.items() if name in recipe]
    named = [f"{name.replace('_', ' ')} {_short(recipe[name])}" for name in NAMED if name in recipe]
    losses = [f"{name} {value:.3g}" for name, value in losses_in(recipe).items()]
    lines = [" · ".join(counts + named), "losses: " + " · ".join(losses) if losses else ""]
    return "\n".join(filter(None, [*lines, verdict(figures_in(recipe))]))


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
