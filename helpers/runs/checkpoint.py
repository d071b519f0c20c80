"""The checkpoint of a run: what is kept of it on disk while it goes on, so that it can go on after a cut.

It lies beside the run's result, results/content--style--1.checkpoint, from the run's beginning to its end.
"""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from helpers.base.errors import TeachingError
from helpers.engine.state_files import load_state, save_state
from helpers.losses import Weights, report_switch
from helpers.runs.settings import Settings
from helpers.transfer import NO_IMAGE, StateDict, Step

SUFFIX = ".checkpoint"
INTERVAL = 10  # seconds between two checkpoints
ABANDONED = 60  # seconds after which a temporary file is nobody's any more

held: set[Path] = set()  # the checkpoints of the runs in this process


@dataclass(frozen=True)
class Run:
    """What a checkpoint tells of a run."""

    state_dict: StateDict  # empty before the first iteration
    settings: Settings
    record: list[Step]  # without images

    @property
    def iteration(self) -> int:
        """How many iterations are over."""
        return self.state_dict.get("iteration", 0)


class Keeper:
    """Writes a run's checkpoint now and then, and takes it away when the picture is finished.

    picture: the path of the run's result.
    """

    def __init__(self, picture: Path):
        self.path = picture.with_suffix(SUFFIX)
        self._written = time.monotonic()
        held.add(self.path)

    @property
    def due(self) -> bool:
        """Whether the last one was written INTERVAL ago."""
        return time.monotonic() - self._written >= INTERVAL

    def keep(self, state_dict: StateDict, settings: Settings, record: Sequence[Step] = ()) -> None:
        """Replaces the checkpoint; raises TeachingError where it cannot be written, and the earlier one stays."""
        self._written = time.monotonic()
        steps = [_as_json(step) for step in record]
        save_state(self.path, state_dict, recipe=settings.recipe(), record=steps, owner=owner(os.getpid()))

    def release(self) -> None:
        """The run has ended early: leaves the checkpoint to whoever goes on with it."""
        held.discard(self.path)

    def remove(self) -> None:
        """The picture is finished: takes the checkpoint away, and what a killed process left half written."""
        self.release()
        self.path.unlink(missing_ok=True)
        for left in self.path.parent.glob(f".{self.path.stem}.*"):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink(missing_ok=True)


def load_run(path: str | Path) -> Run:
    """The run that a checkpoint tells of; raises TeachingError for a file that is missing, damaged or not of a run."""
    state_dict, notes = load_state(path)
    try:
        record = [_from_json(told) for told in notes["record"]]
        run = Run(state_dict, _settings(notes, state_dict.get("iteration", 0)), record)
        if record and len(record) != run.iteration:
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error) if isinstance(error, TeachingError) else "its notes are not those of a run."
        raise TeachingError(f"'{path}' is damaged: {reason} Start the run anew.") from None
    return run


def owner(process: int) -> str | None:
    """A name for a process that no later one gets, or None where it has ended."""
    try:
        return f"{socket.gethostname()} {process} {psutil.Process(process).create_time():.0f}"
    except psutil.Error:
        return None


def _settings(notes: Mapping[str, Any], iteration: int) -> Settings:
    """A run's settings. Before version 2 the studio told in a note of its own that a schedule was still to come."""
    settings = Settings.from_recipe(notes["recipe"])
    to_come = notes["recipe"].get("studio_schedule") is True and iteration <= report_switch(settings.steps)
    return replace(settings, schedule="report") if to_come else settings


def _as_json(step: Step) -> dict[str, Any]:
    numbers = ("iteration", "loss", "seconds", "content", "style", "tv", "learning_rate")
    weights = {name: getattr(step.weights, name) for name in ("content", "style", "tv")}
    told = {name: getattr(step, name) for name in numbers}
    return {**told, "layers": step.layers, "weights": {**weights, "layers": dict(step.weights.layers)}}


def _from_json(told: Mapping[str, Any]) -> Step:
    return Step(**{**told, "image": NO_IMAGE, "weights": Weights(**told["weights"])})
