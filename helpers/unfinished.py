"""Runs that were cut off: what is kept of one on disk while it goes on, and found again afterwards.

Each has a file beside its result, results/content--style--1.checkpoint, from its beginning to its end. The file also
keeps the result's name from being taken by another run.
"""

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from helpers.checkpoint import State, load_checkpoint, save_checkpoint
from helpers.errors import TeachingError
from helpers.losses import Weights
from helpers.places import RESULTS
from helpers.transfer import NO_IMAGE, Step

SUFFIX = ".checkpoint"
INTERVAL = 10  # seconds between two checkpoints
STALE = 60  # seconds after which a temporary file is nobody's any more


held: set[Path] = set()  # the checkpoints of runs in this process


@dataclass(frozen=True)
class Run:
    """What a checkpoint tells of a run."""

    state: State
    recipe: dict[str, Any]
    record: list[Step]  # without images
    restarts: list[int]


class Keeper:
    """Writes a run's checkpoint now and then, and takes it away when the picture is finished."""

    def __init__(self, picture: Path):
        self.path = picture.with_suffix(SUFFIX)
        self._written = time.monotonic()
        held.add(self.path)

    @property
    def due(self) -> bool:
        """Whether the last one was written INTERVAL ago."""
        return time.monotonic() - self._written >= INTERVAL

    def keep(
        self, state: State, recipe: dict[str, Any], record: Sequence[Step] = (), restarts: Sequence[int] = ()
    ) -> None:
        """Replaces the checkpoint; raises TeachingError where it cannot be written, and the earlier one stays."""
        self._written = time.monotonic()
        steps = [_told(step) for step in record]
        save_checkpoint(
            self.path, state, recipe=recipe, record=steps, restarts=list(restarts), owner=owner(os.getpid())
        )

    def release(self) -> None:
        """The run has ended before its end: leaves the checkpoint to whoever goes on with it."""
        held.discard(self.path)

    def remove(self) -> None:
        """The picture is finished: takes the checkpoint away, and what a killed process left half written."""
        self.release()
        self.path.unlink(missing_ok=True)
        for left in self.path.parent.glob(f".{self.path.stem}.*"):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)


def reserved(names: Path, suffix: str) -> Path:
    """names--n.suffix with the first n that no other file and no run has; its checkpoint reserves it.

    Raises TeachingError where nothing can be written.
    """
    try:
        names.parent.mkdir(parents=True, exist_ok=True)
        for n in count(1):
            path = names.with_name(f"{names.name}--{n}{suffix}")
            with suppress(FileExistsError):
                path.with_suffix(SUFFIX).touch(exist_ok=False)
                if not path.exists():
                    return path
                path.with_suffix(SUFFIX).unlink()
    except OSError as error:
        raise TeachingError(
            f"Nothing can be written into '{names.parent}': {error.strerror}. Free some space, or copy the project "
            "to a folder of yours."
        ) from None


def load_run(path: str | Path) -> Run:
    """Raises TeachingError for a file that is missing, damaged or not of a run."""
    state, notes = load_checkpoint(path)
    try:
        record = [_step(told) for told in notes["record"]]
        run = Run(state, dict(notes["recipe"]), record, [int(restart) for restart in notes["restarts"]])
        if record and len(record) != state.iteration:
            raise ValueError
    except (KeyError, TypeError, ValueError, TeachingError):
        raise TeachingError(f"'{path}' is damaged: its notes are not those of a run. Start the run anew.") from None
    return run


def last_run() -> Path | None:
    """The newest checkpoint in results/ whose process has ended."""
    # One that is empty has just been reserved.
    ended = [path for path in RESULTS.glob(f"*{SUFFIX}") if path.stat().st_size and not _in_use(path)]
    return max(ended, key=lambda path: path.stat().st_mtime, default=None)


def owner(process: int) -> str | None:
    """A name for a process that no later one gets, or None where it has ended."""
    try:
        return f"{socket.gethostname()} {process} {psutil.Process(process).create_time():.0f}"
    except psutil.Error:
        return None


def _in_use(path: Path) -> bool:
    try:
        named = load_checkpoint(path)[1]["owner"]
        host, process, _ = named.split(" ")
        if (host, int(process)) == (socket.gethostname(), os.getpid()):
            return path in held
        return host != socket.gethostname() or owner(int(process)) == named
    except (TeachingError, KeyError, ValueError, AttributeError):
        return False


def _told(step: Step) -> dict[str, Any]:
    numbers = ("iteration", "loss", "seconds", "content", "style", "tv", "learning_rate")
    weights = {name: getattr(step.weights, name) for name in ("content", "style", "tv")}
    told = {name: getattr(step, name) for name in numbers}
    return {**told, "layers": step.layers, "weights": {**weights, "layers": dict(step.weights.layers)}}


def _step(told: dict[str, Any]) -> Step:
    return Step(**{**told, "image": NO_IMAGE, "weights": Weights(**told["weights"])})
