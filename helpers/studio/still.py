"""A picture of live controls as they look, for readers without a kernel: on GitHub, on paper, on a phone.

A notebook stores of a widget no more than a number, which means something to the kernel that made it. What is shown
by way of these classes is stored as a picture, too, with a text for those who cannot see it.
"""

import io
from collections.abc import Iterable, Sequence

import ipywidgets as widgets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from helpers.base.errors import TeachingError
from helpers.plots import COLOURS
from helpers.studio.live import LiveImage, drawn, jpeg

KIND, QUALITY = "image/jpeg", 50
NOTE = "A still. Run this cell, and everything in it works."
ROW = 0.27  # inches from one slider to the next


class Still:
    """To be mixed into a widget: adds a still to what is displayed and stored."""

    def still(self) -> Figure:
        """The widget as it looks, as a Matplotlib figure."""
        raise NotImplementedError

    def described(self) -> str:
        """What the still shows, for those who cannot see it."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict]:
        data = super()._repr_mimebundle_(**kwargs)
        try:
            picture = jpeg(drawn(self.still()), QUALITY)
        except TeachingError:  # a picture was deleted meanwhile; the widget itself has it
            return data, {}
        return {**data, KIND: picture}, {KIND: {"alt": self.described()}}


class Explorer(Still, widgets.Box):
    """Sliders beside what they change, or above it where there is no room: to be displayed by a cell.

    sliders: single ones, or boxes of them. view: a LiveImage that they change.
    """

    def __init__(self, sliders: Sequence[widgets.Widget], view: LiveImage):
        self.sliders, self.view = sliders, view
        super().__init__([widgets.VBox(sliders), view], layout=widgets.Layout(flex_flow="row wrap"))

    def still(self) -> Figure:
        """The sliders above the view."""
        picture, rows = decoded(self.view), leaves(self.sliders)
        width, above = 9.0, ROW * len(rows) + 0.5
        figure = Figure(figsize=(width, above + width * picture.height / picture.width))
        share = above / figure.get_figheight()
        draw_sliders(figure.add_axes((0.02, 1 - share + 0.02, 0.5, share - 0.04)), rows)
        show_picture(figure.add_axes((0, 0, 1, 1 - share)), picture)
        figure.text(0.56, 1 - share / 2, NOTE, style="italic", color="0.3", verticalalignment="center")
        return figure

    def described(self) -> str:
        """The names of the sliders, and what the view shows."""
        return f"A still of sliders for {', '.join(s.description for s in leaves(self.sliders))}. {self.view.alt}."

    def __repr__(self) -> str:
        return f"Explorer({', '.join(slider.description for slider in leaves(self.sliders))})"


def leaves(parts: Iterable[widgets.Widget]) -> list[widgets.Widget]:
    """The sliders themselves, out of sliders and boxes of them."""
    return [leaf for part in parts for leaf in (leaves(part.children) if isinstance(part, widgets.Box) else [part])]


def decoded(view: LiveImage) -> Image.Image:
    """What a live picture shows at present."""
    return Image.open(io.BytesIO(view.value))


def show_picture(ax: Axes, picture: Image.Image) -> None:
    """Fills axes with a picture, as large as it goes in."""
    ax.imshow(picture)
    ax.set_axis_off()


def draw_sliders(ax: Axes, sliders: Sequence[widgets.Widget]) -> None:
    """Draws sliders one below the other: name, position and reading of each."""
    for row, slider in enumerate(sliders):
        share, reading = position(slider)
        name = slider.description
        ax.plot([0, 1], [row, row], color="0.75", linewidth=3, solid_capstyle="round")
        colour = COLOURS.get("style" if name.startswith("conv") else name, "0.5")
        ax.plot(share, row, "o", markersize=9, color="white", markeredgecolor=colour, markeredgewidth=2, clip_on=False)
        ax.text(-0.05, row, name, horizontalalignment="right", verticalalignment="center", fontsize=9)
        ax.text(1.06, row, reading, verticalalignment="center", fontsize=9)
    ax.set(xlim=(-0.5, 1.3), ylim=(len(sliders) - 0.4, -0.6))
    ax.set_axis_off()


def position(slider: widgets.Widget) -> tuple[float, str]:
    """Where a slider's handle stands, from 0 to 1, and the text beside it."""
    if isinstance(slider, widgets.SelectionSlider):
        return slider.index / max(1, len(slider.options) - 1), slider.label
    return (slider.value - slider.min) / ((slider.max - slider.min) or 1), str(slider.value)
