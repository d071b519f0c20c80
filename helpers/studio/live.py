"""A picture and loss curves in the notebook that are updated while a run goes on.

    picture, plot = LiveImage("the picture so far"), LivePlot()
    display(picture, plot)
    for step in style_transfer(content, style, model):
        picture.offer(step.image)
        plot.add(step)

The run may have its own thread: widgets are changed only by assigning traits (the bytes of a picture, a number), which
any thread may do, and figures are drawn without pyplot, whose global variables belong to one thread.
"""

import io
import threading
import time
import warnings
from collections.abc import Callable
from math import ceil, floor, inf, isfinite, log10, nan

import ipywidgets as widgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image
from torch import Tensor
from traitlets import Unicode

from helpers.images import thumbnail
from helpers.plots import COLOURS, LINES, label_rows
from helpers.transfer import Step

UPDATES_A_SECOND = 5  # more are hardly noticed, and a browser on the same processors slows the run down
SHOWING_SHARE = 0.05  # the share of a run's time that updates of one picture or plot may take
# Jupyter drops what a kernel sends beyond 1 MB a second; two pictures and two plots at once stay below that.
BYTES_A_SECOND = 230_000

SHOWN_SIDE = 480  # pixels: the long side of a picture on display; the run's own image keeps its size
PICTURE_QUALITY, FIGURE_QUALITY = 75, 85
SHARPNESS = 1.5  # pixels of a plot per pixel on the screen, because the page may be enlarged

MARGINS = 56, 18, 36, 36  # pixels to the left, right, bottom and top of a plot's axes
NARROWEST = 200  # pixels: in less than that, axes and their margins have no place
CHARACTER = 8.3  # pixels that a character of a mark's label takes at most

DRAG_GAP = 15  # iterations: changes of one weight at shorter intervals count as one movement, and get one mark


# One for all figures: a run's thread and a button may draw at once, and all share Matplotlib's text cache.
DRAWING = threading.RLock()


class LiveImage(widgets.Image):
    """A picture in the notebook that can be changed at any time, from any thread.

    alt: what it shows, for those who cannot see it.
    width: in pixels on the screen; None means the picture's own.
    `spent` is the total time, in seconds, that updates have taken so far.
    """

    # ipywidgets 8.1 shows a tooltip only on a widget with a description, even an empty one; Image has none.
    description = Unicode("").tag(sync=True)

    def __init__(self, alt: str = "", width: int | None = None):
        self.alt, self.spent = alt, 0.0
        self._next = -inf  # when the next update is due
        layout = widgets.Layout(max_width="100%", height="auto", width=f"{width}px" if width else None)
        super().__init__(value=b"", format="jpeg", tooltip=alt, layout=layout)

    def show(self, picture: Tensor | Figure) -> None:
        """Shows an image tensor (1, 3, H, W) or a Matplotlib Figure, now."""
        if isinstance(picture, Figure):
            self._publish(lambda: jpeg(drawn(picture), FIGURE_QUALITY))
        else:
            self._publish(lambda: jpeg(thumbnail(picture, SHOWN_SIDE), PICTURE_QUALITY))

    def offer(self, picture: Tensor | Figure) -> None:
        """Shows the picture if the last update is long enough ago; the longer updates take, the fewer there are."""
        if self.due:
            self.show(picture)

    @property
    def due(self) -> bool:
        """Whether the last update is long enough ago for another one."""
        return time.perf_counter() >= self._next

    def _publish(self, encode: Callable[[], bytes]) -> None:
        began = time.perf_counter()
        self.value = encode()
        now = time.perf_counter()
        self.spent += now - began
        self._next = now + max(1 / UPDATES_A_SECOND, (now - began) / SHOWING_SHARE, len(self.value) / BYTES_A_SECOND)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.alt!r})"  # not the bytes, so that a notebook's stored text stays the same


def drawn(figure: Figure) -> Image.Image:
    """Renders a Matplotlib figure as a Pillow image."""
    canvas = FigureCanvasAgg(figure)
    with DRAWING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # what the font lacks, such as Chinese, is drawn as a box
        canvas.draw()
    return on_canvas(canvas)


def on_canvas(canvas: FigureCanvasAgg) -> Image.Image:
    """The pixels of a canvas as a Pillow image."""
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def jpeg(image: Image.Image, quality: int) -> bytes:
    """A picture as the bytes of a JPEG file; for plots too, because PNG takes ten times as long to encode."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()


class LivePlot(LiveImage):
    """The losses of a run as they fall: the total and its weighted parts, on a logarithmic axis.

    A thin line marks where a weight, the learning rate or the size of the picture changed; `mark` adds another.
    steps: how many iterations to expect; None lets the axis grow.
    width, height: on the screen, in pixels.
    `figure` is the Matplotlib Figure.
    """

    def __init__(self, steps: int | None = None, width: int = 560, height: int = 240):
        super().__init__("loss curves: total, content, style and tv, weighted, by iteration", width)
        self.steps, self._size, self._factor = steps, (width, height), 1.0
        self.figure = Figure()
        self._axes = self.figure.subplots()
        self._lines = {
            name: self._axes.plot([], [], LINES[name], color=colour, linewidth=2.2 if name == "total" else 1.6,
                                  label=name, animated=True)[0]
            for name, colour in COLOURS.items()
        }  # fmt: skip
        # Drawing axes and ticks is what takes time. They are kept as a background until their limits change; curves and
        # marks, being `animated`, are left out of it and drawn over it.
        self._background = self._limits = None
        self._iterations: list[int] = []
        self._values: dict[str, list[float]] = {name: [] for name in self._lines}
        self._changeable: list[dict[str, float]] = []
        self._marks: list[tuple[int, Line2D, Text]] = []
        self._moving: tuple[set[str], dict[str, float], int] | None = None  # (names, values before, last iteration)
        self._set_up()
        self.fit(width)

    def add(self, step: Step) -> None:
        """Adds an iteration; draws if the last update is long enough ago, or this is the last iteration."""
        with DRAWING:
            self._iterations.append(step.iteration)
            values = {"total": step.loss, **step.weighted}
            for name, series in self._values.items():
                series.append(values.get(name) or nan)  # a logarithmic axis has no place for 0
            self._changeable.append(changeable(step))
            if len(self._changeable) > 1:
                self._mark_change(*self._changeable[-2:])
        if self.due or step.iteration == self.steps:
            self.draw()

    def mark(self, label: str) -> None:
        """Adds a thin line with a label at the newest iteration, to be drawn with the next update."""
        with DRAWING:
            at = self._iterations[-1] if self._iterations else 0
            line = self._axes.axvline(at, color="0.6", linewidth=0.8, animated=True)
            text = self._axes.annotate(label, (at, 1), (0, 2), xycoords=self._axes.get_xaxis_transform(),
                                       textcoords="offset points", color=self._ink, fontsize=7, animated=True,
                                       annotation_clip=False)  # fmt: skip
            self._marks.append((at, line, text))

    def draw(self) -> None:
        """Draws the plot now."""
        self._publish(self._drawn)

    @property
    def marks(self) -> dict[int, str]:
        """Iteration -> what happened there."""
        return {at: text.get_text() for at, _, text in self._marks}

    def cut(self, iteration: int = 0) -> None:
        """Removes everything after an iteration, and draws; 0 empties the plot."""
        with DRAWING:
            count = sum(i <= iteration for i in self._iterations)
            for values in (self._iterations, self._changeable, *self._values.values()):
                del values[count:]
            for _, *artists in [mark for mark in self._marks if mark[0] > iteration]:
                for artist in artists:
                    artist.remove()
            self._marks = [mark for mark in self._marks if mark[0] <= iteration]
            self._moving = None
        self.draw()

    def enlarge(self, factor: float) -> None:
        """Draws text and lines larger by a factor, for a projector; the plot keeps its size on the screen."""
        with DRAWING:
            self._factor = factor
            width, height = self._size
            self.figure.set_dpi(SHARPNESS * 100 * factor)
            self.figure.set_size_inches(width / 100 / factor, height / 100 / factor)
            left, right, bottom, top = (margin * factor for margin in MARGINS)
            self.figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
            self._limits = None
        self.draw()

    def fit(self, width: int, background: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> None:
        """Draws the plot at this width in pixels, and on this colour: red, green and blue from 0 to 1."""
        with DRAWING:
            self._size = max(width, NARROWEST), self._size[1]
            dark = sum(background) < 1.5
            self._ink, faint = ("0.85", "0.3") if dark else ("0.15", "0.92")
            self.figure.set_facecolor(background)
            self._axes.set_facecolor(background)
            self._axes.tick_params(which="both", color=self._ink, labelcolor=self._ink)
            self._axes.grid(color=faint)
            legend = self.figure.legends[0]
            texts = [self._axes.xaxis.label, *legend.get_texts(), *(text for *_, text in self._marks)]
            for artist in (*texts, *self._axes.spines.values()):
                artist.set_color(self._ink)
            for total in (self._lines["total"], legend.get_lines()[0]):
                total.set_color(self._ink if dark else COLOURS["total"])
        self.enlarge(self._factor)

    def _mark_change(self, before: dict[str, float], now: dict[str, float]) -> None:
        """Marks what changed; while one slider is being dragged, its mark is updated instead of repeated."""
        changed = {name for name in now if before.get(name) != now[name]}
        if not changed:
            return
        iteration = self._iterations[-1]
        dragged = self._moving and self._moving[0] == changed and iteration - self._moving[2] <= DRAG_GAP
        origin = self._moving[1] if dragged else before
        label = described(changed, origin, now)
        if dragged:
            self._marks[-1][2].set_text(label)
        else:
            self.mark(label)
        self._moving = changed, origin, iteration

    def _set_up(self) -> None:
        FigureCanvasAgg(self.figure)
        ax = self._axes
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(numticks=6))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel("iteration", fontsize=8)
        self.figure.legend(loc="upper left", ncols=len(self._lines), fontsize=8, frameon=False, handlelength=1.7,
                           columnspacing=1.0)  # fmt: skip

    def _drawn(self) -> bytes:
        with DRAWING:
            canvas, limits = self.figure.canvas, self._wanted_limits()
            if limits != self._limits:
                self._axes.set(xlim=limits[0], ylim=limits[1])
                canvas.draw()
                self._background, self._limits = canvas.copy_from_bbox(self.figure.bbox), limits
            canvas.restore_region(self._background)
            for name, line in self._lines.items():
                line.set_data(self._iterations, self._values[name])
            at_changes, texts = ([mark[k] for mark in self._marks] for k in (1, 2))
            begins = [at / limits[0][1] for at, *_ in self._marks]
            wide = CHARACTER * self._factor / self._size[0]
            for text, row in zip(texts, label_rows(begins, [t.get_text() for t in texts], wide), strict=True):
                text.xyann = 0, 2 + 9 * min(row, 1)  # above the axes, in two rows at most, where no curve runs
            for artist in (*at_changes, *self._lines.values(), *texts):
                self._axes.draw_artist(artist)
            return jpeg(on_canvas(canvas), FIGURE_QUALITY)

    def _wanted_limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Limits of x and y that change rarely while the curves grow: doubled, or by whole powers of ten."""
        longest = self.steps or 50
        while self._iterations and longest < self._iterations[-1]:
            longest *= 2
        values = [value for series in self._values.values() for value in series if isfinite(value)] or [1.0]
        low, high = floor(log10(min(values))), ceil(log10(max(values)))
        return (0, longest), (10.0**low, 10.0 ** max(high, low + 1))


def changeable(step: Step) -> dict[str, float]:
    """The values that can change between two iterations: weights, learning rate, and the image's long side."""
    w = step.weights
    weights = {"content": w.content, "style": w.style, "tv": w.tv, **w.layers} if w else {}
    return {**weights, "learning rate": step.learning_rate, "size": max(step.image.shape[2:])}


def described(changed: set[str], before: dict[str, float], now: dict[str, float]) -> str:
    """'style 100 → 320', or just 'weights' or 'layers' if more than two changed at once."""
    if "size" in changed:
        return f"{now['size']} px"
    if len(changed) > 2:
        return "layers" if all(name.startswith("conv") for name in changed) else "weights"
    return ", ".join(f"{name} {before.get(name, 0):g} → {now[name]:g}" for name in sorted(changed))
