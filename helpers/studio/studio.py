"""The live studio: choose, press Start, and move the sliders while the picture is being painted.

    Studio("landscape", "van_gogh")          # in a cell: the widgets
    Studio("landscape", "van_gogh").run()    # the same, at once and to the end

Its widgets stand around a Session, whose thread does nothing to them but assign traits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.pictures import name_in_recipe
from helpers.base.places import display_path
from helpers.base.units import duration
from helpers.engine.memory import free_memory
from helpers.engine.optimizers import OPTIMIZERS, STEPS
from helpers.engine.precision import best_device
from helpers.engine.private import views
from helpers.engine.threads import release_workers
from helpers.images import load_image, save_image
from helpers.losses import Weights, report_switch, turned_round
from helpers.plots import loss_curves, pictures, show
from helpers.runs.checkpoint import INTERVAL, SUFFIX, Keeper, Run, load_run
from helpers.runs.estimate import Cost, forecast, measured
from helpers.runs.judge import judged, verdict
from helpers.runs.painting import IN_TILES, begin, in_tiles
from helpers.runs.recipe import outcome
from helpers.runs.results import last_run, next_result
from helpers.runs.settings import Settings
from helpers.runs.sources import foreign_files, load_sources, load_style
from helpers.studio.chooser import uploaded
from helpers.studio.front_end import compute_aside, events_while_busy, reachable_while_busy, take_place, watch_views
from helpers.studio.panel import SIZES, Panel, note
from helpers.studio.session import Session
from helpers.studio.still import Still
from helpers.transfer import Step
from helpers.vgg import VGG19, load_vgg19

NOT_SHOWN = (
    "This page does not show what is painted in the background. If the picture stands still, press Stop, then run "
    "studio.run() in a cell: it paints while the cell runs."
)


class Studio(Still, widgets.VBox):
    """Widgets around one style transfer, which act on it while it goes on.

    content, style: a picture's name or path; None means the landscape and Van Gogh's manner.
    size: the long side, in pixels. steps: the number of iterations; None means what the optimizer needs.
    start: "noise", "content" or "style". network: "compact", "imagenet" or a file. optimizer: "lbfgs" or "adam"; None
    means L-BFGS, and Adam on a single scale.
    weights: the sliders' initial values; None means Weights(). schedule: whether the report's schedule is on.
    single_scale: paint in full size alone instead of coarse to fine. seed: of the noise.

    Every button has a method: start, pause, resume, stop, back, save, film, go_on. `run` is start in the foreground.
    `image` is the image so far, `record` the Steps that led to it (without their images), `status` the run's status.

    Back returns to an earlier snapshot and its weights. The run then goes on from that image
    alone, with a fresh optimizer.
    Raises TeachingError for a picture that cannot be read, and a setting that makes no sense.
    """

    session: Session | None = None
    _keeper: Keeper | None = None  # writes the run's checkpoint; None before the first one

    def __init__(
        self,
        content: str | Path | None = None,
        style: str | Path | None = None,
        size: int = 384,
        steps: int | None = None,
        *,
        start: str = "noise",
        network: str = "compact",
        optimizer: str | None = None,
        weights: Weights | None = None,
        schedule: bool = False,
        single_scale: bool = False,
        seed: int = 0,
    ):
        self._base = Settings(
            content=str(content or "landscape"), style=str(style or "van_gogh"), size=size, steps=steps, start=start,
            network=str(network), optimizer=optimizer, schedule="report" if schedule else "none",
            single_scale=single_scale, seed=seed,
        )  # fmt: skip
        self.panel = Panel(self._base, weights)
        self.sliders, self.picture, self.plot = self.panel.sliders, self.panel.picture, self.panel.plot
        self._lock = threading.RLock()  # one button at a time, from whichever thread
        self._settings = self._base  # those of the present run
        self._checkpoint_time, self._saved = 0.0, 0
        self._keeping = threading.Lock()  # guards the checkpoint: the run's thread writes it, a button deletes it
        self._models: dict[tuple[str, str], VGG19] = {}
        self._costs: dict[tuple[str, str], Cost] = {}
        self._times: deque[float] = deque(maxlen=12)  # when the last iterations ended
        self._moves_itself = False  # whether the sliders are being moved by the studio, not by the user
        self._before_switch: Weights | None = None  # the weights before the schedule changed them
        super().__init__([self.panel])

        for name, button in self.panel.buttons.items():
            press = self.pause_or_resume if name == "pause" else getattr(self, name)
            button.on_click(lambda _, press=press: press())
        self.panel.content.on_change(self._chosen)
        self.panel.controls.on_change(self._set)
        self.panel.more.on_change(self._set)
        self.sliders.on_change(self._slid)
        watch_views(self, self._seen, self.stop)
        reachable_while_busy(self)
        take_place(self)
        compute_aside()
        self._chosen()
        self._refresh()

    @property
    def status(self) -> str:
        """'ready', 'running', 'paused', 'stopped', 'done' or 'failed'."""
        return self.session.status if self.session else "ready"

    @property
    def image(self) -> Tensor | None:
        """The image so far, (1, 3, H, W), or None before the first iteration."""
        return self.session.step.image if self.session and self.session.step else None

    @property
    def record(self) -> list[Step]:
        """A Step for each iteration that led to the image, each without its own image."""
        return self.session.record if self.session else []

    def start(self) -> None:
        """Ends the present run, if there is one, and starts another with the present settings."""
        with self._lock:
            try:
                self._new_session(self._chosen_settings())
            except TeachingError as error:
                self.panel.say(str(error), True)
            else:
                self.session.resume()
                if self.panel.browser.silent:
                    self.panel.say(NOT_SHOWN, True)

    def go_on(self) -> None:
        """Resumes the last run that was cut off, in this kernel or another, as if it had never stopped."""
        with self._lock:
            try:
                path = last_run()
                if path is None:
                    raise TeachingError("There is no run to go on with; Start begins one.")
                run = load_run(path)
                self._show_run(run)
                self._new_session(run.settings, run)
            except TeachingError as error:
                self.panel.say(str(error), True)
                return
            self._keeper = Keeper(path.with_suffix(".png"))
            if run.caveat:
                self.panel.say(run.caveat)
            self.session.resume()

    def pause(self) -> None:
        """Pauses the run after its present iteration."""
        with self._lock:
            if self.status == "running":
                self.session.pause()
                self._refresh()

    def resume(self) -> None:
        """Goes on after a pause, a stop, a step back or a failure."""
        with self._lock:
            if self.session:
                self.panel.say("")
                self.session.resume()
                self._refresh()

    def pause_or_resume(self) -> None:
        """Pauses a run that goes on, and resumes any other."""
        self.pause() if self.status == "running" else self.resume()

    def stop(self) -> None:
        """Ends the run and its thread; the image stays."""
        with self._lock:
            if self.session:
                was_going = self.status in ("running", "paused")
                self.session.stop()
                if was_going and self.session.step:
                    self._keep(self.session.step)
                self._show_latest()

    def back(self) -> None:
        """Stops the run, and returns to the last earlier snapshot and to its weights."""
        with self._lock:
            if not (self.session and self.session.back()):
                self._show_latest()
                self.panel.say("There is no earlier snapshot; Start begins anew.", True)
                return
            step = self.session.step
            self._move(step.weights, step.learning_rate)
            self.plot.cut(step.iteration)
            self._show_latest()
            self.panel.say(f"Back at iteration {step.iteration}. Change what you like: Resume goes on from here.")

    def save(self) -> Path | None:
        """Writes the picture with its recipe to results/; returns its path, or None if that was not possible."""
        with self._lock:
            if self.image is None:
                self.panel.say("There is no picture yet; press Start.", True)
                return None
            step = self.session.step
            until = step.iteration if step.iteration < self.session.steps else None
            if self.status == "done" and (thread := self.session.thread):
                thread.join()  # the judge has its say before the thread ends
            judgement = self._judgement if self.status == "done" else {}
            recipe = self._run_settings(until=until).recipe() | outcome(step, judgement)
            result = self._written(".png", lambda path: save_image(step.image, path, recipe))
            if result and self.status == "done":
                self._saved = step.iteration
                self._forget()
            return result

    def film(self) -> Path | None:
        """Writes the run so far as an animation to results/; returns its path, or None if that was not possible."""
        with self._lock:
            if self.image is None:
                self.panel.say("There is no picture yet; press Start.", True)
                return None
            self.panel.say("Writing the film ...")
            session = self.session
            return self._written(".webp", lambda path: session.film.save(path, session.step.image))

    def run(self) -> None:
        """Displays the studio, paints to the end in the foreground, and shows figures of the result below.

        Raises the exception that the run failed with.
        """
        with self._lock:
            self._new_session(self._chosen_settings())
            session, names = self.session, (self.panel.content.name, self.panel.style.name)
        display(self)
        try:
            self._paint(session)
        finally:
            self._show_latest()
        if session.error:
            raise session.error
        if session.step:
            originals = self._sources.content, self._sources.styles[0]
            manner = f"{names[0]} in the manner of {names[1]}"
            self._forget()
            images = dict(zip((*names, manner), (*originals, session.step.image), strict=True))
            show(pictures(images), f"Two pictures, and what was painted from them: {manner}.")
            show(loss_curves(session.record, self.plot.marks), "The losses of the run: total, and its weighted parts.")

    def _paint(self, session: Session) -> None:
        """Runs a session to its end; buttons and sliders act meanwhile wherever that is possible."""
        with events_while_busy() as handle:
            if handle and self.panel.browser.answers(handle):
                session.run_beside(handle)
            else:
                session.run()

    def estimate(self) -> None:
        """Shows what a run with the present settings will cost; times each network and optimizer once."""
        settings = self.panel.controls.over(self._base)
        network, optimizer = settings.network, settings.optimizer
        try:
            shape = tuple(load_image(self.panel.content.path, settings.size).shape[2:])
            style_shape = load_style(self.panel.style.path, settings.size, self.panel.more.strokes.value).shape[2:]
            if (network, optimizer) not in self._costs:
                self.panel.forecast.value = note("Measuring this machine ...")
                # VGG-19 is as fast with random weights, and those need no download.
                random = network == "imagenet" and (network, "avg") not in self._models
                model = VGG19().to(best_device()) if random else self._model(network)
                self._costs[network, optimizer] = measured(model, optimizer)
        except TeachingError as error:
            self.panel.forecast.value = note(str(error), True)
            return
        finally:
            release_workers()  # for a run that may be going on
        cost, free = self._costs[network, optimizer], free_memory(best_device())
        expected = forecast(cost, shape, settings.steps, settings.scales, free, SIZES, min(style_shape),
                            self.panel.more.statistic.value)  # fmt: skip
        self.panel.forecast.value = note(*expected)

    def still(self) -> Figure:
        """The panel as it looks."""
        return self.panel.still()

    def described(self) -> str:
        """What there is to be chosen and moved, and what is chosen."""
        return self.panel.described()

    def close(self) -> None:
        """Ends the run and removes the widgets."""
        self.end()
        super().close()

    def end(self) -> None:
        """Ends the run without touching the widgets, which may be closing."""
        if self.session:
            self.session.stop()
        if self._keeper:
            self._keeper.release()

    def _chosen_settings(self) -> Settings:
        """The settings for a new run, as they are chosen now."""
        content, style = (name_in_recipe(each.name, each.path) for each in (self.panel.content, self.panel.style))
        schedule = "report" if self.panel.schedule.value else "none"
        settings = self.panel.more.over(self.panel.controls.over(self._base))
        return replace(settings, content=content, style=style, schedule=schedule)

    def _new_session(self, settings: Settings, cut_off: Run | None = None) -> None:
        """Makes a session from settings; if that fails, the old session stays."""
        sources = load_sources(settings, self.panel.content.path, self.panel.style.path)
        model = self._model(settings.network, settings.pooling)
        tiled = in_tiles(settings, sources, model, cut_off.state_dict if cut_off else {})
        if self.session:
            self.session.stop()
        self._settings, self._sources, self._judgement = settings, sources, {}
        self._checkpoint_time, self._saved = time.monotonic(), 0
        self.session = Session(
            lambda image, done, state_dict: begin(
                settings, sources, model, self._weights, self.sliders.rate, image, done, state_dict, tiled
            ),
            settings.last_iteration, model, self._watch, self._changed, cut_off,
        )  # fmt: skip
        self._forget()
        if self._before_switch:
            self._move(self._before_switch)
        self.plot.steps = self.panel.progress.max = settings.last_iteration
        self.plot.cut()
        for step in self.record:
            self.plot.add(step)
        self.panel.show_progress(self.session.iteration, settings.last_iteration)
        self.panel.say(IN_TILES if tiled else "")

    def _show_run(self, run: Run) -> None:
        """Sets choices and sliders to a run's settings; raises TeachingError for a picture that is not on offer."""
        if foreign := [name for name in foreign_files(run.settings) if name not in uploaded()]:
            raise TeachingError(
                f"The run names {foreign[0]!r}, which is not one of ours; go on with it by `python3 -m helpers render "
                "--resume`, which says what to type again."
            )
        self.panel.content.choose(run.settings.content)
        for _, style in (*run.settings.region, *(pair[::-1] for pair in run.settings.style_share)):
            self.panel.style.choose(style)  # so that it is on offer
        self.panel.style.choose(run.settings.style)
        self.panel.controls.show(run.settings)
        self.panel.more.show(run.settings)
        to_come = run.settings.schedule == "report" and run.iteration <= report_switch(run.settings.steps)
        self.panel.schedule.value = to_come
        now = run.record[-1] if run.record else None
        weights = now.weights if now else run.settings.weights
        self._move(weights, now.learning_rate if now else run.settings.learning_rate_at(1))

    def _keep(self, step: Step) -> None:
        """Writes the run's checkpoint. If that is not possible, the panel says so, and the run goes on."""
        with self._keeping:
            if step.iteration == self._saved:
                return
            try:
                self._keeper = self._keeper or Keeper(next_result(self._settings))
                self._keeper.keep(step.state_dict(), self._run_settings(), self.session.record)
            except TeachingError as error:
                self.panel.say(f"{error} The run goes on, but could not be continued if the kernel ended.", True)

    def _forget(self) -> None:
        """Deletes the checkpoint, because its picture has been saved, shown or given up."""
        with self._keeping:
            if self._keeper:
                self._keeper.remove()
                self._keeper = None

    def _run_settings(self, **changed: object) -> Settings:
        """The settings of the run, with all changes that were made while it went on."""
        to_come = self.panel.schedule.value and self.session.iteration <= report_switch(self._settings.steps)
        schedule = "report" if to_come else "none"
        return replace(self._settings, schedule=schedule, **self.session.changed_settings(), **changed)

    def _model(self, network: str, pooling: str = "avg") -> VGG19:
        if (network, pooling) not in self._models:
            if network == "imagenet":
                self.panel.say("Fetching VGG-19: 548 MB the first time, so it may take some minutes.")
            self._models[network, pooling] = load_vgg19(network, pooling)
        return self._models[network, pooling]

    # Called in the run's thread.

    def _weights(self, iteration: int) -> Weights:
        """The sliders' weights; a recipe's changes and the schedule move the sliders first, at their iterations."""
        if any(change["iteration"] == iteration for change in self._settings.changes):
            settings = replace(self._settings, schedule="none")
            self._move(settings.weights_at(iteration), settings.learning_rate_at(iteration))
        if self.panel.schedule.value and iteration == report_switch(self._settings.steps) + 1:
            before = self.sliders.weights
            self._move(turned_round(before))
            self._before_switch = before
        return self.sliders.weights

    def _watch(self, step: Step) -> None:
        self._times.append(time.perf_counter())
        self.plot.add(step)
        if self.picture.due:
            self.picture.show(step.image)
            self._show_progress(step)
            self._refresh()
        if time.monotonic() - self._checkpoint_time >= INTERVAL:
            self._checkpoint_time = time.monotonic()
            self._keep(step)

    def _changed(self) -> None:
        self._times.clear()
        self._judgement = {}
        if self.session.step and self.status in ("paused", "done"):
            self._keep(self.session.step)
        self._show_latest()
        if error := self.session.error:
            text = str(error) if isinstance(error, TeachingError) else remedy(error)
            self.panel.say(text + " Back leads to a snapshot." * bool(self.session.earlier), True)
        elif self.status == "done":
            self._judgement = judged(self.image, self._sources)
            self._show_progress(self.session.step)

    def _show_latest(self) -> None:
        if self.image is not None:
            self.picture.show(self.image)
            self.plot.draw()
            self._show_progress(self.session.step)
        self._refresh()

    def _show_progress(self, step: Step) -> None:
        gaps, speed = [after - before for before, after in pairwise(self._times)], ""
        if gaps and self.status == "running":
            speed = f" · {1 / median(gaps):.1f} a second · {duration(self._time_left(step, median(gaps)))} left"
        elif self._judgement and self.status == "done":
            speed = f" · {verdict(self._judgement)}"
        self.panel.show_progress(step.iteration, self.session.steps, speed)

    def _time_left(self, step: Step, each: float) -> float:
        """Seconds, if an iteration takes `each` at the present scale; iterations at later scales take longer."""
        settings, height, width = self._settings, *step.image.shape[2:]
        cost = self._costs.get((settings.network, settings.optimizer), Cost(0, 1, 0))
        shape, style_shape = (tuple(image.shape[2:]) for image in (self._sources.content, self._sources.styles[0]))
        ahead = cost.seconds(shape, settings.steps, settings.scales, step.iteration, min(style_shape))
        return ahead * each / (cost.fixed + cost.each * height * width)

    def _refresh(self) -> None:
        earlier = bool(self.session and self.session.earlier)
        cut_off = self.status == "ready" and last_run() is not None
        self.panel.show_status(self.status, picture=self.image is not None, earlier=earlier, cut_off=cut_off)

    # Called when something is chosen, moved or seen.

    def _chosen(self) -> None:
        """Shows the photograph if there is no image yet, and an estimate of what painting it would cost."""
        if self.image is None:
            self.picture.show(load_image(self.panel.content.path))
        if views(self):
            self.estimate()

    def _set(self, name: str) -> None:
        if name == "optimizer":
            optimizer, steps = (self.panel.controls.by_name[each] for each in (name, "steps"))
            self.sliders.move(self.sliders.weights, OPTIMIZERS[optimizer.value].LEARNING_RATE)
            if steps.value in STEPS.values():
                steps.value = STEPS[optimizer.value]
        if views(self):
            self.estimate()

    def _slid(self, name: str) -> None:
        """A slider has been moved; if it was the user, that overrides the schedule."""
        if self._moves_itself or name == "learning rate":
            return
        self._before_switch = None
        if self.panel.schedule.value and self.status in ("running", "paused", "stopped"):
            self.panel.schedule.value = False
            self.panel.say("You moved a slider, so the report's schedule is off from here on.")

    def _move(self, weights: Weights, learning_rate: float | None = None) -> None:
        self._moves_itself = True
        self.sliders.move(weights, learning_rate)
        self._moves_itself, self._before_switch = False, None

    def _seen(self) -> None:
        # From another thread, because a run, too, sends from a thread of its own.
        threading.Thread(target=self.panel.browser.ask, daemon=True).start()
        if not self.session and not self.panel.forecast.value:
            self.estimate()

    def _written(self, suffix: str, write: Callable[[Path], Path]) -> Path | None:
        """Writes the next result of these two pictures, and says where it is or why it could not be written."""
        run_path = self._keeper and self._keeper.path.with_suffix(suffix)  # reserved by the run's checkpoint
        try:
            path = run_path if run_path and not run_path.exists() else next_result(self._settings, suffix)
            write(path)
        except TeachingError as error:
            self.panel.say(str(error), True)
            return None
        if path != run_path:
            path.with_suffix(SUFFIX).unlink(missing_ok=True)
        self.panel.say(f"Saved as {display_path(path)}")
        return path

    def __repr__(self) -> str:
        return f"Studio({self.panel.content.name}, {self.panel.style.name})"


def remedy(error: Exception) -> str:
    """A message about an unforeseen error in a run: what went wrong, and what to try."""
    if isinstance(error, MemoryError) or "memory" in str(error):
        return "The memory was not enough. Choose a smaller size and press Start."
    return f"The run failed ({type(error).__name__}: {error}). Start begins anew with the present settings."
