"""One run of a style transfer that can be paused, stopped and taken back to an earlier image.

It drives the loop of transfer.py, in its own thread or, until the end, in the foreground.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

from torch import Tensor, nn

from helpers.engine.threads import release_workers
from helpers.runs.checkpoint import Run
from helpers.runs.film import Film
from helpers.runs.painting import Continuation
from helpers.runs.recipe import changes_in
from helpers.transfer import StateDict, Step

SNAPSHOTS = 10  # about how many Steps are kept of a run, to go back to


class Stopped(Exception):
    """Raised inside the network, to leave an iteration halfway."""


class Session:
    """A run of `steps` iterations, and its result so far.

    begin: (image, done, state_dict) -> the Steps that follow, after `done` iterations have led to `image`; a run
        starts with (None, 0, {}). state_dict: from an earlier run, to resume it as if it had not ended; else empty.
    model: the network that the run uses; a run can be stopped after each of its layers, in the middle of an iteration.
    watch: called after each iteration with its Step. changed: called when the run begins, when it is paused, and when
        it ends by itself. Both are called in the thread of the run.
    cut_off: a run that ended early, to resume.

    `step` is the last Step, or None; `record` has all Steps up to it, without their images; `error` is the exception
    that ended the run, or None. `restarts` are the iterations after which the optimizer started afresh, from the image
    alone: where the run went on after a stop or a step back. A pause has no such effect.
    """

    def __init__(
        self,
        begin: Continuation,
        steps: int,
        model: nn.Module,
        watch: Callable[[Step], None] = lambda step: None,
        changed: Callable[[], None] = lambda: None,
        cut_off: Run | None = None,
    ):
        self.begin, self.steps, self.model, self.watch, self.changed = begin, steps, model, watch, changed
        self.step: Step | None = None
        self.record: list[Step] = []
        self.snapshots: list[Step] = []
        self.film = Film(steps)
        self.restarts: list[int] = []
        self.error: Exception | None = None
        self.thread: threading.Thread | None = None
        self._state_dict: StateDict = {}  # to resume from; empty if there is only an image to go on from
        if cut_off and cut_off.record:
            self.record, self._state_dict = [*cut_off.record], cut_off.state_dict
            self.restarts = [restart for restart in cut_off.settings.restarts if restart < cut_off.iteration]
            state_dict = cut_off.state_dict
            self.step = replace(self.record[-1], image=state_dict["image"], state_dict=lambda: state_dict)
            self.snapshots.append(self.step)
            self.film.add(self.step)
        self._lock = threading.RLock()  # one command at a time; the run itself never waits for it
        self._stopping, self._going, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._idle.set()

    @property
    def iteration(self) -> int:
        """How many iterations have led to the image."""
        return self.step.iteration if self.step else 0

    @property
    def status(self) -> str:
        """'ready', 'running', 'paused', 'stopped', 'done' or 'failed'."""
        if not self._idle.is_set():
            return "running" if self._going.is_set() else "paused"
        if self.error:
            return "failed"
        if not self.step:
            return "ready"
        return "stopped" if self.iteration < self.steps else "done"

    @property
    def earlier(self) -> list[Step]:
        """The snapshots of earlier iterations than the present one."""
        return [step for step in self.snapshots if step.iteration < self.iteration]

    def resume(self) -> None:
        """Starts the run or goes on with it: after a pause as if there had been none, else from the image."""
        with self._lock:
            if self.status == "paused":
                self._going.set()
            elif self.status in ("ready", "stopped", "failed"):
                self._prepare()
                release_workers()  # the run's thread has its own
                self.thread = threading.Thread(target=self._work, name="style transfer", daemon=True)
                self.thread.start()

    def run(self) -> None:
        """Starts the run or goes on with it, in the calling thread, and returns when it has ended."""
        with self._lock:
            self.stop()
            if self.status == "done":
                return
            self._prepare()
        self._work()

    def run_beside(self, handle: Callable[[], None]) -> None:
        """As `run`, but the calling thread handles events meanwhile, and does all that `watch` and `changed` do.

        handle: called again and again, to handle what has come in since.
        """
        calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        watch, changed = self.watch, self.changed
        self.watch, self.changed = lambda step: calls.put(lambda: watch(step)), lambda: calls.put(changed)
        try:
            self.resume()
            thread = self.thread
            while thread.is_alive() or not calls.empty():
                handle()
                while not calls.empty():
                    calls.get()()
                time.sleep(0.02)
        finally:
            self.watch, self.changed = watch, changed
            self.stop()

    def pause(self) -> None:
        """Pauses the run after its present iteration."""
        with self._lock:
            self._going.clear()

    def stop(self) -> None:
        """Ends the run, if need be in the middle of an iteration, and waits for its thread; the image stays."""
        with self._lock:
            self._stopping.set()
            self._going.set()
            self._idle.wait()
            if self.thread:
                self.thread.join()
                self.thread = None

    def back(self) -> bool:
        """Stops the run, and goes back to the last earlier snapshot; returns whether there was one."""
        with self._lock:
            self.stop()
            earlier = self.earlier
            if earlier:
                self.step, self.snapshots, self.error = earlier[-1], earlier, None
                self.record = self.record[: self.iteration]
                self.film.cut(self.iteration)
                self.restarts = [iteration for iteration in self.restarts if iteration < self.iteration]
            return bool(earlier)

    def changed_settings(self) -> dict[str, Any]:
        """The run's weights and learning rate, their changes so far, and its restarts, under the names of Settings."""
        restarts = [restart for restart in self.restarts if restart < self.iteration]
        return {**changes_in(self.record[: self.iteration]), "restarts": restarts}

    def _prepare(self) -> None:
        if self.iteration and not self._state_dict and self.iteration not in self.restarts:
            self.restarts.append(self.iteration)
        self.error = None
        self._stopping.clear()
        self._going.set()
        self._idle.clear()

    def _work(self) -> None:
        hooks = [layer.register_forward_hook(self._leave_if_stopped) for layer in self.model.children()]
        try:
            self.changed()
            state_dict, self._state_dict = self._state_dict, {}
            for step in self.begin(self.step and self.step.image, self.iteration, state_dict):
                self._keep(step)
                self.watch(step)
                if not self._going.is_set():
                    self.changed()
                    self._going.wait()
                if self._stopping.is_set():
                    break
        except Stopped:
            pass
        except Exception as error:  # of any kind: the studio shows it, where a thread would only log it
            self.error = error
        finally:
            for hook in hooks:
                hook.remove()
            self._idle.set()
        if not self._stopping.is_set():
            self.changed()

    def _keep(self, step: Step) -> None:
        self.record.append(step.noted)
        if step.iteration % max(1, self.steps // SNAPSHOTS) == 0:
            self.snapshots.append(step)
        self.film.add(step)
        self.step = step

    def _leave_if_stopped(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Runs after each layer in the forward pass, and makes `check` run in the backward pass."""

        def check(_: Tensor | None = None) -> None:
            if self._stopping.is_set():
                raise Stopped

        check()
        if output.requires_grad:
            output.register_hook(check)
