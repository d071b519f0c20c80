"""The figures of the lessons: tensors in, a Matplotlib `Figure` out, `show` to display it.

Nothing here uses pyplot, whose global variables belong to one thread: figures can be drawn while a run goes on.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from helpers.base.files import write_whole
from helpers.images import im_convert
from helpers.transfer import Step
from helpers.vgg import CONTENT_LAYER, LAYERS, STYLE_LAYERS, VGG19, VGG19_CHANNELS

# Okabe and Ito's colours, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/); the dashes tell
# the lines apart without colour.
COLOURS = {"total": "#333333", "content": "#0072B2", "style": "#D55E00", "tv": "#009E73"}
LINES = {"total": "-", "content": "-", "style": "--", "tv": ":"}
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
FONT = 12  # points; readable from the back of a room when the notebook fills the screen
DPI = 100  # dots per inch, Matplotlib's own, so that a pixel of a figure is a pixel on the screen
SINGLE_PIXELS = 64  # a picture with shorter sides is there for its pixels, which are shown as squares


def show(figure: Figure, alt: str, caption: str = "", display_id: str | None = None, update: bool = False) -> None:
    """Displays a figure, with a text for those who cannot see it; as PNG or JPEG, whichever is smaller.

    caption: what stands below it, in Markdown, such as "Figure 2.1: The network."
    display_id, update: a name for the place where it is shown, and whether it replaces what was shown there.
    """
    versions = {}
    for kind in ("png", "jpeg"):
        content = io.BytesIO()
        figure.savefig(content, format=kind, pil_kwargs={"quality": 85} if kind == "jpeg" else {"optimize": True})
        versions[f"image/{kind}"] = content.getvalue()
    kind = min(versions, key=lambda name: len(versions[name]))
    bundle, metadata = {kind: versions[kind], "text/plain": alt}, {kind: {"alt": alt}}
    display(bundle, raw=True, metadata=metadata, display_id=display_id, update=update)
    if caption:
        display({"text/markdown": f"*{caption}*", "text/plain": caption}, raw=True)


def pictures(
    images: Mapping[str, Tensor | np.ndarray],
    columns: int | None = None,
    width: float = 10.0,
    enlarge: float = 1.0,
    map: str = "gray",
    bar: str | None = None,
) -> Figure:
    """Pictures side by side under their titles.

    images: title -> an image tensor (1, 3, H, W), an array (H, W, 3) in [0, 1], or one map (H, W).
    columns: pictures in a row; None puts all in one.
    width: of the whole figure, in inches of 100 pixels, at most; it is narrower where pictures would be shown larger
        than `enlarge` times their size.
    map: Matplotlib's name of the colour map for maps (H, W).
    bar: what a map's values are; then all maps share one scale, which a colour bar shows.
    """
    arrays = {title: _array(image) for title, image in images.items()}
    columns = columns or len(arrays)
    natural = [a.shape[1] for a in arrays.values() if a.ndim == 3 and max(a.shape[:2]) >= SINGLE_PIXELS]
    width = min(width, columns * enlarge * max(natural) / DPI) if natural else width
    rows = -(-len(arrays) // columns)
    tallest = max(a.shape[0] / a.shape[1] for a in arrays.values())
    lines = max(title.count("\n") + 1 for title in arrays)
    figure = Figure((width, rows * (width / columns * tallest + 0.26 * lines + 0.08)), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.axis("off")
    ends = (min(a.min() for a in arrays.values()), max(a.max() for a in arrays.values())) if bar else (None, None)
    for ax, (title, array) in zip(axes, arrays.items(), strict=False):
        smoothing = "nearest" if max(array.shape) < SINGLE_PIXELS else "antialiased"
        shown = ax.imshow(array, cmap=map, interpolation=smoothing, vmin=ends[0], vmax=ends[1])
        ax.set_title(title, fontsize=FONT)
    if bar:
        figure.colorbar(shown, ax=axes, label=bar, shrink=0.9)
    return figure


def comparison(images: Mapping[str, Tensor], caption: str) -> Figure:
    """Pictures of equal height under their titles, with one caption below: a figure to send, or to hand in.

    images: title -> an image tensor (1, 3, H, W); the sizes may differ. caption: of one line or more.
    """
    arrays = {title: im_convert(image) for title, image in images.items()}
    shares = [array.shape[1] / array.shape[0] for array in arrays.values()]
    text = 0.24 * (caption.count("\n") + 1) + 0.15
    width = 15.0
    height = width / sum(shares) + 0.4  # inches, with the titles
    figure = Figure((width, height + text), layout="constrained")
    above, under = figure.subfigures(2, height_ratios=(height, text))
    for ax, (title, array) in zip(above.subplots(1, len(arrays), width_ratios=shares), arrays.items(), strict=True):
        ax.imshow(array)
        ax.set_title(title, fontsize=FONT, parse_math=False)  # it may be a file's name
        ax.axis("off")
    under.text(0.5, 0.5, caption, ha="center", va="center", fontsize=FONT - 1, parse_math=False)
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Writes a figure as a PNG, whole or not at all; raises TeachingError where that is not possible."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # what the font lacks, such as Chinese, is drawn as a box
        figure.savefig(content, format="png")
    write_whole(path, content.getvalue())
    return path


def signed(gradient: Tensor) -> np.ndarray:
    """The change that a gradient (1, 3, H, W) asks for, as an array (H, W, 3) in [0, 1]: grey is none, lighter is more.

    Gradient descent goes against the gradient, so the array shows the negative gradient, divided by the 99th percentile
    of its absolute values.
    """
    wish = -gradient[0].permute(1, 2, 0).cpu().numpy()
    return np.clip(0.5 + 0.5 * wish / max(np.percentile(np.abs(wish), 99), 1e-12), 0, 1)


def loss_curves(steps: Sequence[Step], marks: Mapping[int, str] = MappingProxyType({})) -> Figure:
    """The total loss of a run and its weighted parts, one point per iteration, on a logarithmic axis.

    marks: iteration -> what happened there, drawn as a thin vertical line.
    """
    figure = Figure((10, 4), layout="constrained")
    ax = figure.subplots()
    iterations = [step.iteration for step in steps]
    ax.plot(iterations, [step.loss for step in steps], color=COLOURS["total"], linewidth=2.5, label="total")
    for name in ("content", "style", "tv"):
        values = [step.weighted[name] or np.nan for step in steps]
        ax.plot(iterations, values, color=COLOURS[name], linestyle=LINES[name], linewidth=2, label=name)
    _finish(ax, "loss, weighted", marks)
    return figure


def curves(
    series: Mapping[str, Sequence[float]],
    ylabel: str = "total loss",
    marks: Mapping[int, str] = MappingProxyType({}),
    first: int = 1,
    log: bool = True,
) -> Figure:
    """Several runs on one axis: label -> one value per iteration.

    marks: as in `loss_curves`. first: the iteration at which the drawing begins. log: whether the axis is logarithmic.
    """
    figure = Figure((10, 4), layout="constrained")
    ax = figure.subplots()
    for (label, values), colour, dashes in zip(series.items(), SERIES, DASHES, strict=False):
        iterations = range(first, len(values) + 1)
        ax.plot(iterations, values[first - 1 :], color=colour, linestyle=dashes, linewidth=2, label=label)
    _finish(ax, ylabel, marks, scale="log" if log else "linear")
    return figure


def by_size(series: Mapping[str, Mapping[int, float]], ylabel: str) -> Figure:
    """Something measured at several sizes, on logarithmic axes: label -> long side in pixels -> value."""
    figure = Figure((10, 3.4), layout="constrained")
    ax = figure.subplots()
    for (label, values), colour, dashes in zip(series.items(), SERIES, DASHES, strict=False):
        ax.plot(values.keys(), values.values(), "o", color=colour, linestyle=dashes, linewidth=2, label=label)
    _finish(ax, ylabel, {}, "long side, pixels")
    ax.set_xscale("log", base=2)
    sizes = sorted({size for values in series.values() for size in values})
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    return figure


def bars(values: Mapping[str, float], xlabel: str, log: bool = False) -> Figure:
    """Horizontal bars, the first on top: label -> value; log: dots on a logarithmic axis."""
    figure = Figure((10, 0.7 + 0.4 * len(values)), layout="constrained")
    _bars(figure.subplots(), values, xlabel, log)
    return figure


def mixed(picture: np.ndarray, strengths: Mapping[str, float]) -> Figure:
    """A mixed gradient as a picture (H, W, 3), and beside it how long each term's part of it is: term -> norm."""
    figure = Figure((9, 3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.4, 1))
    left.imshow(picture)
    left.axis("off")
    left.set_title("what the pixels are asked to do", fontsize=FONT)
    _bars(right, strengths, "length of the weighted gradient", log=True)
    right.set_xlim(1e-5, 10)
    return figure


def gram_matrices(grams: Mapping[str, Tensor]) -> Figure:
    """Gram matrices (1, C, C) as heat maps, each entry as a share of the largest, logarithmic: title -> matrix."""
    figure = Figure((10, 9 / len(grams) + 0.4), layout="constrained")
    axes = figure.subplots(1, len(grams), squeeze=False)
    for ax, (title, gram) in zip(axes.flat, grams.items(), strict=True):
        shares = (gram[0] / gram.max()).clamp_min(1e-4).cpu().numpy()
        shown = ax.imshow(shares, cmap="cividis", norm=LogNorm(1e-4, 1))
        ax.set_title(title, fontsize=FONT)
        ax.set_xlabel("channel", fontsize=FONT - 2)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(3, integer=True))
    figure.colorbar(shown, ax=axes, label="share of the largest entry, logarithmic", shrink=0.9)
    return figure


def aim(content: Tensor, style: Tensor, result: Tensor) -> Figure:
    """The aim of the whole: content + style -> result. All are image tensors (1, 3, H, W)."""
    figure = Figure((10, 2.6), layout="constrained")
    axes = figure.subplots(1, 5, width_ratios=(1, 0.12, 1, 0.16, 1))
    for ax in axes:
        ax.axis("off")
    titles = ("content: what is shown", "style: how it is painted", "result: both")
    for ax, image, title in zip(axes[::2], (content, style, result), titles, strict=True):
        ax.imshow(im_convert(image))
        ax.set_title(title, fontsize=FONT)
    for ax, sign in ((axes[1], "+"), (axes[3], "→")):
        ax.text(0.5, 0.5, sign, fontsize=30, ha="center", va="center")
    return figure


def network(model: VGG19) -> Figure:
    """VGG-19 up to conv5_1, a box for each convolution: larger maps make it taller, more channels make it wider."""
    figure = Figure((10, 5.0), layout="constrained")
    ax = figure.subplots()
    left, names = 0.0, list(LAYERS.values())
    for name in names:
        block = int(name[4])
        height, width = 3.2 / 2 ** (block - 1) + 0.25, 0.25 + 0.12 * np.log2(VGG19_CHANNELS[name] / 32)
        role = "style" if name in STYLE_LAYERS else "content" if name == CONTENT_LAYER else None
        ax.add_patch(FancyBboxPatch(
            (left, -height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.04",
            facecolor=COLOURS.get(role, "#DDDDDD"), edgecolor="white", hatch="//" if role == "content" else None,
        ))  # fmt: skip
        ax.text(left + width / 2, height / 2 + 0.08, name, rotation=60, fontsize=FONT - 1,
                fontweight="bold" if role else "normal")  # fmt: skip
        channels = getattr(model, name).out_channels
        ax.text(left + width / 2, -height / 2 - 0.08, channels, ha="center", va="top", fontsize=FONT - 2)
        left += width + 0.12
        if name != names[-1] and names[names.index(name) + 1][4] != name[4]:
            ax.text(left + 0.03, 0, "pool", rotation=90, ha="center", va="center", fontsize=FONT - 2, color="0.35")
            left += 0.2
    for role, text, x in (("style", "style layer", 0.0), ("content", "content layer (hatched)", 1.9)):
        hatch = "//" if role == "content" else None
        ax.add_patch(FancyBboxPatch((x, -2.6), 0.2, 0.2, boxstyle="round,pad=0", fc=COLOURS[role], ec="w", hatch=hatch))
        ax.text(x + 0.35, -2.5, text, va="center", fontsize=FONT)
    ax.text(left, -2.5, "number below: channels", ha="right", va="center", fontsize=FONT)
    ax.set(xlim=(-0.1, left + 0.4), ylim=(-2.7, 2.75), aspect="equal")
    ax.axis("off")
    return figure


def loss_graph() -> Figure:
    """What the total loss is computed from: the content, style and total variation terms and their weights."""
    figure = Figure((10, 4.2), layout="constrained")
    ax = figure.subplots()
    ax.set(xlim=(0, 10), ylim=(0.2, 4.3))
    ax.axis("off")

    def box(x: float, y: float, text: str, colour: str, wide: float = 1.6, high: float = 0.7) -> None:
        patch = FancyBboxPatch((x - wide / 2, y - high / 2), wide, high, boxstyle="round,pad=0.02")
        patch.set(facecolor=colour, edgecolor="none", alpha=0.22)
        ax.add_patch(patch)
        ax.text(x, y, text, ha="center", va="center", fontsize=FONT)

    def arrow(
        start: tuple[float, float], end: tuple[float, float], label: str = "", up: float = 0.12, dashes: str = "-"
    ) -> None:
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.35", "lw": 1.4, "ls": dashes})
        ax.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + up, label, ha="center", fontsize=FONT)

    content, style, total = COLOURS["content"], COLOURS["style"], COLOURS["total"]
    box(0.9, 3.8, "content image", content)
    box(0.9, 2.75, "style image", style)
    box(0.9, 1.7, "the image", total)
    box(2.65, 2.75, "VGG-19,\nfixed", "0.5", 1.0, 2.8)
    box(4.35, 3.8, "$P$: conv4_2", content, 1.6)
    box(4.35, 2.75, "$A_l$: Gram matrices\nof five layers", style, 1.9)
    box(4.35, 1.7, "$F$: conv4_2\n$G_l$: Gram matrices", total, 1.9)
    box(6.85, 3.8, "$L_{content}$: $F$ against $P$", content, 2.3)
    box(6.85, 2.75, "$L_{style}$: sum of $w_l$ times\n$G_l$ against $A_l$", style, 2.3)
    box(6.85, 1.1, "$L_{tv}$: neighbouring pixels", COLOURS["tv"], 2.3)
    box(9.4, 2.75, "total\nloss", total, 0.9, 1.0)
    for y in (3.8, 2.75, 1.7):
        arrow((1.75, y), (2.12, y))
        arrow((3.18, y), (3.53 if y == 3.8 else 3.38, y))
    arrow((5.18, 3.8), (5.67, 3.8))
    arrow((5.33, 2.75), (5.67, 2.75))
    arrow((5.33, 1.95), (5.75, 3.4))
    arrow((5.33, 1.75), (5.67, 2.45))
    arrow((1.5, 1.31), (5.67, 1.1))
    arrow((8.05, 3.6), (9.0, 3.3))
    ax.text(8.15, 3.7, "× content weight", fontsize=FONT)
    arrow((8.05, 2.75), (8.92, 2.75), "× style\nweight", 0.12)
    arrow((8.05, 1.3), (9.0, 2.2))
    ax.text(7.3, 1.75, "× tv weight", fontsize=FONT)
    ax.plot((9.4, 9.4, 0.9), (2.2, 0.45, 0.45), color="0.35", linewidth=1.4, linestyle="--")
    arrow((0.9, 0.45), (0.9, 1.32), dashes="--")
    ax.text(5.2, 0.55, "backward: the gradient reaches the pixels, and they alone change", ha="center", fontsize=FONT)
    return figure


def label_rows(begins: Sequence[float], labels: Sequence[str], letter: float) -> list[int]:
    """For labels that stand side by side, in which row each is free of its neighbours; 0 is the first.

    begins: where each begins, rising, as a share of the width. letter: a letter's width, as such a share.
    """
    rows, ends = [], []
    for begin, label in zip(begins, labels, strict=True):
        row = next((n for n, end in enumerate(ends) if end < begin), len(ends))
        ends[row : row + 1] = [begin + letter * (len(label) + 1)]
        rows.append(row)
    return rows


def _array(image: Tensor | np.ndarray) -> np.ndarray:
    """An image tensor, an array or one map (H, W) as an array that imshow takes."""
    if isinstance(image, Tensor):
        return im_convert(image) if image.dim() > 2 else image.detach().cpu().numpy()
    return np.asarray(image)


def _bars(ax: Axes, values: Mapping[str, float], xlabel: str, log: bool) -> None:
    """A row for each value, in the colour of its term, with the number beside it; style layers have the style's colour.

    Bars on a linear axis, and dots on a logarithmic one, for it has no zero at which a bar could begin.
    """
    colours = [COLOURS["style"] if name in STYLE_LAYERS else COLOURS.get(name, SERIES[4]) for name in values]
    if log:
        ax.scatter(values.values(), list(values), c=colours, s=50)
        ax.set_xscale("log")
        ax.margins(x=0.15)
        ax.grid(axis="x", alpha=0.25)
    else:
        ax.barh(list(values), list(values.values()), color=colours)
    for row, value in enumerate(values.values()):
        if log and value <= 0:
            continue  # no place on the axis
        ax.annotate(f"{value:,.0f}" if value >= 10 else f"{value:.2g}", (value, row), (7, 0), "data", "offset points",
                    va="center", fontsize=FONT - 2)  # fmt: skip
    ax.invert_yaxis()
    ax.set_xlabel(xlabel, fontsize=FONT)
    ax.tick_params(labelsize=FONT - 1)
    ax.spines[["top", "right"]].set_visible(False)


def _finish(ax: Axes, ylabel: str, marks: Mapping[int, str], xlabel: str = "iteration", scale: str = "log") -> None:
    # Above the axes, where no curve runs.
    left, right = ax.get_xlim()
    begins = [(iteration - left) / max(right - left, 1) for iteration in sorted(marks)]
    rows = label_rows(begins, [marks[iteration] for iteration in sorted(marks)], 0.011)
    for (iteration, label), row in zip(sorted(marks.items()), rows, strict=True):
        ax.axvline(iteration, color="0.6", linewidth=1)
        ax.annotate(label, (iteration, 1), (0, 3 + 13 * row), ("data", "axes fraction"), "offset points",
                    fontsize=FONT - 2, color="0.35")  # fmt: skip
    ax.set_yscale(scale)
    ax.set_xlabel(xlabel, fontsize=FONT)
    ax.set_ylabel(ylabel, fontsize=FONT)
    ax.grid(alpha=0.25)
    ax.tick_params(labelsize=FONT - 1)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=FONT, frameon=False)
