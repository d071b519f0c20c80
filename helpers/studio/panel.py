"""The layout of the studio: its parts, each with a label or a tooltip, and their places."""

from collections.abc import Callable
from dataclasses import replace
from html import escape

import ipywidgets as widgets
from matplotlib.figure import Figure

from helpers.base.pictures import CONTENTS, STYLES
from helpers.images import load_image, thumbnail
from helpers.losses import Weights
from helpers.plots import COLOURS
from helpers.runs.settings import Settings, options
from helpers.studio.browser import Browser
from helpers.studio.chooser import THUMBNAIL_SIDE, PictureChooser
from helpers.studio.live import LiveImage, LivePlot
from helpers.studio.more import More
from helpers.studio.sliders import WeightSliders
from helpers.studio.still import NOTE, decoded, draw_sliders, show_picture
from helpers.studio.tips import with_tip

SIZES = (128, 192, 256, 384, 512, 768, 1024)
MAX_STEPS = 10_000
SCALES = {False: "coarse to fine", True: "full size only"}  # by Settings.single_scale
CHOICES = {
    "size": SIZES,
    "network": ("compact", "imagenet"),
    **{name: option.choices for name, option in options() if name in ("start", "optimizer")},
    "scales": tuple(SCALES.values()),
}
TIPS = {
    "size": "Long side of the picture in pixels; twice as long takes four times as long",
    "steps": "Number of iterations",
    "start": "What the picture is before the first iteration",
    "network": "compact: ours, small and fast. imagenet: VGG-19 itself, 548 MB on first use, some ten times as slow",
    "optimizer": "lbfgs: knows how far to go, and needs fewer iterations. adam: patient and steady",
    "scales": "coarse to fine: most iterations in a small picture, where they are quick",
    "schedule": "After five eighths of the iterations the weights of the style layers change places",
}
BUTTONS = {
    "start": ("Start", "play", "Paint with these settings, from the beginning"),
    "pause": ("Pause", "pause", "Hold the run, or let it go on"),
    "stop": ("Stop", "stop", "End the run; the picture stays"),
    "back": ("Back", "undo", "Return to an earlier snapshot and its weights"),
    "save": ("Save", "save", "Save the picture, with its recipe, in results/"),
    "film": ("Film", "film", "Save the run so far as a short film in results/"),
    "go_on": ("Continue last run", "history", "Go on with the last run that was cut off"),
}
STATUSES = {
    "ready": "Ready", "running": "Painting", "paused": "Paused", "stopped": "Stopped", "done": "Finished",
    "failed": "Failed",
}  # fmt: skip
PLOT_SIZE = 690, 180  # pixels on the screen, until the browser tells its width
DISCONNECTED = (
    "The kernel of this studio has ended. Run its cell again for a new one; Continue last run then goes on with the "
    "picture."
)
LARGE_TYPE = 1.3  # the factor by which large type enlarges the plot's text

STUDIO_CSS = """<style>
.studio { container-type: inline-size; max-width: 1080px; padding: 8px 12px 12px; border-radius: 6px; overflow: hidden;
  border: 1px solid var(--jp-border-color2, #DDD); --jp-widgets-inline-height: 26px; --jp-widgets-margin: 1px; }
.studio .widget-html-content { line-height: 1.35; }
.studio-head { align-items: center; gap: 14px; padding-bottom: 6px;
  border-bottom: 1px solid var(--jp-border-color2, #E5E5E5); }
.studio-head > :nth-child(2) { flex: 1; min-width: 0; }
.studio-head button { width: auto; border-radius: 4px; }
.studio-status { font-weight: 600; font-size: 1.15em; }
.studio-note { color: var(--jp-ui-font-color1, #444); }
.studio-warning { border-left: 4px solid #D55E00; padding-left: 8px; }
.studio-body { gap: 20px; padding-top: 8px; }
.studio-left { flex: 0 0 340px; gap: 6px; overflow: hidden; }
.studio-right { flex: 1 1 0; min-width: 0; gap: 4px; overflow: hidden; }
.studio-progress { min-height: 40px; }
.studio-news { min-height: 20px; }
.studio-stage { height: 300px; overflow: hidden; background: var(--jp-layout-color2, #F4F4F4); border-radius: 4px; }
.studio-buttons { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); padding-top: 4px; gap: 6px; }
.studio-buttons button.jupyter-button { width: auto; height: 34px; line-height: 1.2; margin: 0; padding: 0 2px;
  border-radius: 4px; display: flex; align-items: center; justify-content: center; }
.studio button:focus-visible, .studio .noUi-handle:focus-visible, .studio select:focus-visible,
.studio input:focus-visible { outline: 3px solid #E69F00; outline-offset: 1px; }
.studio .noUi-handle { border-width: 3px; }
COLOURED
.studio-controls { grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 2px 10px; }
.studio-weights { justify-content: space-between; align-items: center; padding-top: 4px;
  border-top: 1px solid var(--jp-border-color2, #E5E5E5); }
.studio-weights button.jupyter-button { width: auto; padding: 0 8px; border-radius: 4px; }
.studio .widget-hprogress { height: 8px; margin: 6px 0 3px; }
.studio .widget-hprogress .progress { height: 8px; border-radius: 4px; }
.studio-large { font-size: 1.3em; --jp-widgets-font-size: 17px; --jp-widgets-inline-height: 30px; }
.studio-large .studio-left { flex-basis: 410px; }
.studio-large .studio-stage { height: 232px; }
.studio-large .studio-progress { min-height: 48px; }
.studio-large .chooser button.widget-toggle-button { width: 76px; font-size: 13px; line-height: 16px; }
.studio.jupyter-widgets-disconnected > * { opacity: 0.4; pointer-events: none; }
.studio.jupyter-widgets-disconnected::before { content: "DISCONNECTED"; font: inherit; font-weight: 600; color: inherit;
  padding: 4px 8px; border-left: 4px solid #D55E00; }
.studio .jupyter-widgets-disconnected::before { content: none; }
@container (max-width: 900px) {
  .studio-stage { height: 270px; }
  .studio-buttons button.jupyter-button { flex-direction: column; gap: 2px; height: 42px; font-size: 12px; }
  .studio-buttons button.jupyter-button i { margin: 0; }
}
@container (max-width: 800px) {
  .studio-body { gap: 14px; }
  .studio-left { flex-basis: 310px; }
  .studio-controls { grid-template-columns: minmax(0, 7fr) minmax(0, 8fr); gap: 2px 6px; }
  .studio-stage { height: 250px; }
  .studio-progress { min-height: 72px; }
  .studio-buttons button.jupyter-button { font-size: 0; height: 34px; }
  .studio-buttons button.jupyter-button i { font-size: 15px; }
}
@container (max-width: 520px) {
  .studio-head { flex-wrap: wrap; gap: 2px 14px; }
  .studio-head > :nth-child(2) { order: 1; flex: 1 0 100%; }
  .studio-body { flex-direction: column; }
  .studio-right { order: -1; flex: none; }
  .studio-left { flex: none; }
}
</style>"""


class Controls(widgets.GridBox):
    """The settings that hold for a whole run, in two columns: size, steps, start, network, optimizer, scales.

    settings: the initial values. `by_name` has the widget of each.
    """

    def __init__(self, settings: Settings):
        self.by_name = {name: widgets.Dropdown(options=choices) for name, choices in CHOICES.items()}
        self.by_name["steps"] = widgets.BoundedIntText(min=1, max=MAX_STEPS)
        for name, field in self.by_name.items():
            field.description, field.description_allow_html = with_tip(name, TIPS[name]), True
            field.style.description_width, field.layout.width = "4.8em", "auto"
        super().__init__([self.by_name[name] for name in TIPS if name in self.by_name])
        self.add_class("studio-controls")
        self.show(settings)

    def show(self, settings: Settings) -> None:
        """Sets the controls to the settings; a size or a network that was not on offer is added to the choices."""
        for name, field in self.by_name.items():
            value = SCALES[settings.single_scale] if name == "scales" else getattr(settings, name)
            if name == "steps":
                field.max = max(field.max, value)
            elif value not in field.options:
                field.options = sorted([*field.options, value]) if name == "size" else [*field.options, value]
            field.value = value

    def over(self, settings: Settings) -> Settings:
        """The settings, overridden by the controls."""
        values = {name: field.value for name, field in self.by_name.items()}
        return replace(settings, single_scale=values.pop("scales") == SCALES[True], **values)

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Calls callback(name) when a setting has changed."""
        for name, field in self.by_name.items():
            field.observe(lambda _, name=name: callback(name), "value")


class Panel(widgets.VBox):
    """All parts in their places: choices and sliders on the left, the picture and its curves on the right.

    settings, weights: the initial values; without `weights`, those of the settings.
    Raises TeachingError for a picture that cannot be read.
    """

    def __init__(self, settings: Settings, weights: Weights | None = None):
        self.status, self.forecast = widgets.HTML(), widgets.HTML()
        self.progress_text, self.message = widgets.HTML(), widgets.HTML()
        self.browser = Browser()
        self.browser.observe(self._fit_plot, ["width", "background"])
        self.content = PictureChooser("content", CONTENTS, settings.content, self.say)
        self.style = PictureChooser("style", STYLES, settings.style, self.say)
        self.controls = Controls(settings)
        self.sliders = WeightSliders(weights or settings.weights, settings.learning_rate_at(1))
        self.more = More(settings, self.content, self.style)
        self.schedule = widgets.Checkbox(
            settings.schedule == "report", description=with_tip("the report's schedule", TIPS["schedule"]),
            description_allow_html=True,
            indent=False, layout=widgets.Layout(width="auto"),
        )  # fmt: skip
        self.picture = LiveImage("The picture as it is being painted")
        self.picture.layout = widgets.Layout(width="100%", height="100%", object_fit="contain")
        self.plot = LivePlot(settings.steps, *PLOT_SIZE)
        self.plot.layout.width = "100%"
        self.progress = widgets.IntProgress(max=settings.steps, layout=widgets.Layout(width="auto"))
        self.buttons = {
            name: widgets.Button(description=label, icon=icon, tooltip=tip)
            for name, (label, icon, tip) in BUTTONS.items()
        }
        self.buttons["start"].button_style = "primary"
        self.in_row = [button for name, button in self.buttons.items() if name != "go_on"]
        self.large = widgets.ToggleButton(description="Large type", icon="text-height", tooltip="For a projector")
        self.large.observe(self._enlarge, "value")
        self._announced = "ready"  # the status that was spoken last
        super().__init__(self._arranged())
        self.add_class("studio")

    def say(self, text: str, warning: bool = False) -> None:
        """Shows a line of text under the curves, until the next one; an empty text clears it."""
        self.message.value = note(text, warning) if text else ""
        self.browser.spoken = text

    def show_status(self, status: str, picture: bool, earlier: bool, cut_off: bool = False) -> None:
        """Shows the status of the run, and enables the buttons that make sense in it.

        picture: whether there is one to save. earlier: whether there is a snapshot to go back to. cut_off: whether
        there is an earlier run to go on with.
        """
        self.status.value = f'<span class="studio-status">{STATUSES[status]}</span>'
        if status != self._announced:
            self._announced, self.browser.spoken = status, STATUSES[status]
        resumable = status in ("paused", "stopped", "failed")
        start, pause = self.buttons["start"], self.buttons["pause"]
        start.description = "Start" if status == "ready" else "Start anew"
        pause.description, pause.icon = ("Resume", "play") if resumable else ("Pause", "pause")
        pause.disabled = not resumable and status != "running"
        self.buttons["stop"].disabled = status not in ("running", "paused")
        self.buttons["back"].disabled = not earlier
        self.buttons["go_on"].layout.display, self.buttons["go_on"].disabled = None if cut_off else "none", not cut_off
        self.buttons["save"].disabled = self.buttons["film"].disabled = not picture

    def show_progress(self, iteration: int, steps: int, speed: str = "") -> None:
        """Shows the iteration out of `steps`, followed by a text about the speed."""
        self.progress.value = iteration
        self.progress_text.value = f"iteration <b>{iteration}</b> of {steps}{speed}"

    def still(self) -> Figure:
        """The pictures that are chosen, the sliders, the buttons, the picture and the curves."""
        figure = Figure(figsize=(10, 5.2))
        for x, chooser in ((0.03, self.content), (0.2, self.style)):
            ax = figure.add_axes((x, 0.73, 0.12, 0.17), anchor="W")
            show_picture(ax, thumbnail(load_image(chooser.path), THUMBNAIL_SIDE))
            ax.set_title(chooser.name, fontsize=9, loc="left", parse_math=False)  # it may be a file's name
        size, steps, optimizer = (self.controls.by_name[name].value for name in ("size", "steps", "optimizer"))
        figure.text(0.03, 0.66, f"{size} pixels, {steps} iterations of {optimizer}", fontsize=9)
        draw_sliders(figure.add_axes((0.01, 0.05, 0.36, 0.58)), self.sliders.children)
        show_picture(figure.add_axes((0.4, 0.39, 0.58, 0.53)), decoded(self.picture))
        show_picture(figure.add_axes((0.4, 0.01, 0.58, 0.3)), decoded(self.plot))
        frame = {"boxstyle": "round,pad=0.5", "facecolor": "0.94", "edgecolor": "0.8"}
        for column, button in enumerate(self.in_row):
            figure.text(0.45 + 0.095 * column, 0.335, button.description, bbox=frame, fontsize=9, ha="center")
        figure.text(0.03, 0.955, STATUSES[self._announced], weight="bold")
        figure.text(0.4, 0.955, NOTE, style="italic", color="0.3")
        return figure

    def described(self) -> str:
        """What the still shows, for those who cannot see it."""
        return (
            f"A still of the studio: {self.content.name} in the manner of {self.style.name}, buttons from Start to "
            f"Film, the picture, loss curves, and sliders for {', '.join(self.sliders.by_name)}."
        )

    def _arranged(self) -> list[widgets.Widget]:
        def row(name: str, *parts: widgets.Widget) -> widgets.Box:
            return widgets.HBox(parts).add_class(f"studio-{name}")

        def column(name: str, *parts: widgets.Widget) -> widgets.Box:
            return widgets.VBox(parts).add_class(f"studio-{name}")

        heading = row("weights", widgets.HTML("<b>weights</b>"), self.schedule, self.more.button)
        left = column("left", self.content, self.style, self.controls, heading, self.sliders)
        stage, progress = row("stage", self.picture), column("progress", self.progress, self.progress_text)
        right = column("right", stage, row("buttons", *self.in_row), progress, self.browser, self.plot,
                       column("news", self.message))  # fmt: skip
        head = row("head", self.status, self.forecast, self.buttons["go_on"], self.large)
        return [style_sheet(), head, row("body", left, right), self.more]

    def _fit_plot(self, _: dict) -> None:
        if self.browser.width:
            self.plot.fit(self.browser.width, self.browser.colour)

    def _enlarge(self, change: dict) -> None:
        self.add_class("studio-large") if change["new"] else self.remove_class("studio-large")
        self.plot.enlarge(LARGE_TYPE if change["new"] else 1)


def style_sheet() -> widgets.HTML:
    """The studio's CSS in an invisible widget, with the sliders in the colours of the plots."""
    coloured = "\n".join(
        f".studio .slider-{name} .noUi-handle {{ border-color: {colour}; }}" for name, colour in COLOURS.items()
    )
    css = STUDIO_CSS.replace("COLOURED", coloured).replace("DISCONNECTED", DISCONNECTED)
    return widgets.HTML(css, layout=widgets.Layout(display="none"))


def note(text: str, warning: bool = False) -> str:
    """A line of text as HTML; a warning has a bar at its side and says so."""
    kind = "studio-warning" if warning else "studio-note"
    return f'<div class="{kind}">{"⚠ " if warning else ""}{escape(text)}</div>'
