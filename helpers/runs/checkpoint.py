"""The checkpoint of a run: a file that is updated while the run goes on, so that it can be resumed if it is cut off.

It lies beside the run's result, as results/content--style--1.checkpoint, until the picture is finished.
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
from helpers.engine.threads import limit_threads
from helpers.losses import Weights, report_switch
from helpers.runs.settings import Settings
from helpers.transfer import NO_IMAGE, StateDict, Step

SUFFIX = ".checkpoint"
INTERVAL = 10  # seconds between two checkpoints, and twenty times as long as writing one takes where that is more
ABANDONED = 60  # seconds after which a temporary file counts as left behind

open_checkpoints: set[Path] = set()  # the paths of the checkpoints of runs in this process


@dataclass(frozen=True)
class Run:
    """A run as its checkpoint describes it."""

    state_dict: StateDict  # empty before the first iteration
    settings: Settings
    record: list[Step]  # without images
    threads: int | None = None  # that torch used; None where an older version did not note it

    @property
    def iteration(self) -> int:
        """How many iterations are done."""
        return self.state_dict.get("iteration", 0)

    @property
    def caveat(self) -> str:
        """What has to be said before the run goes on: that it begins anew, or not quite as it was; or ""."""
        if not self.iteration:
            return "The run had not finished an iteration; it begins anew."
        now = limit_threads()  # sums over another number of threads differ in the last bit
        if self.threads in (None, now):
            return ""
        return (
            f"The run began with {self.threads} threads and goes on with {now}, so the picture will not be the same to "
            f"the last bit. OMP_NUM_THREADS={self.threads} makes it so."
        )


class Keeper:
    """Writes a run's checkpoint, and deletes it when the picture is finished.

    picture: the path of the run's result.
    """

    def __init__(self, picture: Path):
        self.path = picture.with_suffix(SUFFIX)
        self._written, self._took = time.monotonic(), 0.0
        open_checkpoints.add(self.path)

    @property
    def due(self) -> bool:
        """Whether the last checkpoint is at least INTERVAL old (before the first one: the Keeper itself)."""
        return time.monotonic() - self._written >= INTERVAL * max(1.0, 2 * self._took)

    def keep(self, state_dict: StateDict, settings: Settings, record: Sequence[Step] = ()) -> None:
        """Writes a new checkpoint over the last; raises TeachingError, and keeps the last one, if that fails."""
        began = self._written = time.monotonic()
        steps = [_as_json(step) for step in record]
        save_state(self.path, state_dict, recipe=settings.recipe(), record=steps, owner=owner(os.getpid()),
                   threads=limit_threads())  # fmt: skip
        self._written = time.monotonic()
        self._took = self._written - began

    def release(self) -> None:
        """Call it when the run has ended early: the checkpoint stays on disk, and the run may be resumed."""
        open_checkpoints.discard(self.path)

    def remove(self) -> None:
        """Call it when the picture is finished: deletes the checkpoint, and half-written files of a killed process."""
        self.release()
        self.path.unlink(missing_ok=True)
        for leftover in self.path.parent.glob(f".{self.path.stem}.*"):
            if time.time() - leftover.stat().st_mtime > ABANDONED:
                leftover.unlink(missing_ok=True)


def load_run(path: str | Path) -> Run:
    """Reads the run in a checkpoint; raises TeachingError for a file that is missing, damaged or not a run's."""
    state_dict, notes = load_state(path)
    try:
        record = [_from_json(values) for values in notes["record"]]
        run = Run(state_dict, _settings(notes, state_dict.get("iteration", 0)), record, notes.get("threads"))
        if record and len(record) != run.iteration:
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error) if isinstance(error, TeachingError) else "its notes are not those of a run."
        raise TeachingError(f"'{path}' is damaged: {reason} Start the run anew.") from None
    return run


def owner(process: int) -> str | None:
    """A name for a process that no later process will have; None if it has ended."""
    try:
        return f"{socket.gethostname()} {process} {psutil.Process(process).create_time():.0f}"
    except psutil.Error:
        return None


def _settings(notes: Mapping[str, Any], iteration: int) -> Settings:
    """A run's settings. Before version 2 the studio noted separately that the schedule's change was still to come."""
    settings = Settings.from_recipe(notes["recipe"])
    to_come = notes["recipe"].get("studio_schedule") is True and iteration <= report_switch(settings.steps)
    return replace(settings, schedule="report") if to_come else settings


def _as_json(step: Step) -> dict[str, Any]:
    numbers = ("iteration", "loss", "seconds", "content", "style", "tv", "learning_rate")
    weights = {name: getattr(step.weights, name) for name in ("content", "style", "tv")}
    values = {name: getattr(step, name) for name in numbers}
    return {**values, "layers": step.layers, "weights": {**weights, "layers": dict(step.weights.layers)}}


def _from_json(values: Mapping[str, Any]) -> Step:
    return Step(**{**values, "image": NO_IMAGE, "weights": Weights(**values["weights"])})
