"""The studio's folded panel *More*: the painter's hand, that a beginner can leave alone.

Whose colours, which statistic, how large the strokes, other styles and their shares, a region for another style, and
what is kept of the photograph. All of it holds for a whole run.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.pictures import name_in_recipe
from helpers.images import load_image, thumbnail
from helpers.regions import SHAPES
from helpers.runs.settings import Settings
from helpers.studio.chooser import PictureChooser, free_path, uploaded
from helpers.studio.front_end import reachable_while_busy
from helpers.studio.live import SHOWN_SIDE, jpeg
from helpers.studio.mask_painter import MaskPainter, data_url
from helpers.studio.tips import with_tip

COLOURS = {
    "of the style": "style", "of the photograph, in the style's brightness": "content",
    "of the style, fitted to the photograph's": "matched",
}  # fmt: skip
STATISTICS = {
    "Gram matrices": "gram", "means and deviations": "mean_std", "sliced Wasserstein distance": "sliced",
}  # fmt: skip
STROKES = (0.25, 0.35, 0.5, 0.71, 1.0, 1.4, 2.0, 2.8, 4.0)
NOWHERE, DRAWN = "nowhere", "drawn by hand"
TINTS = {"region": "#E69F00", "keep": "#56B4E9"}
TIPS = {
    "more": "Colours, strokes, several styles, parts of the picture",
    "colours": "Whose colours the picture has",
    "statistic": "What of the style's responses is matched",
    "strokes": "How large the style's strokes are, whatever the picture's size",
    "share": "How much this style counts, where the chosen one counts 1",
    "region": "Inside which part of the picture another style holds",
    "its style": "The style inside that part",
    "keep": "Inside which part the photograph stays as it is",
    "sharp": "No style bleeds over the border of such a part",
}

MORE_CSS = """<style>
.studio-more { border-top: 1px solid #E5E5E5; padding-top: 8px; margin-top: 4px; }
.studio-more .more-columns { display: grid; gap: 8px 20px;
  grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); }
.studio-more .more-columns > div { overflow: hidden; }
.studio-more .mask-painter { width: auto; }
</style>"""


class Place(widgets.VBox):
    """A part of the picture: a ready-made shape, which needs no mouse, or drawn by hand on the photograph.

    name: "region" or "keep", its label. `where` is the choice, `painter` what is drawn on.
    """

    def __init__(self, name: str):
        self.name = name
        self.where = field(widgets.Dropdown(options=[NOWHERE, *SHAPES, DRAWN]), name, TIPS[name])
        self.painter = MaskPainter(tint=TINTS[name], alt=f"{name}: drawn on the photograph; the shapes need no mouse")
        self._drawn: dict[Path | None, str] = {}  # photograph -> what was drawn on it
        self._photograph: Path | None = None
        self.where.observe(self._show_painter, "value")
        super().__init__([self.where, self.painter])
        self._show_painter()

    def show_on(self, path: Path, picture: str) -> None:
        """Takes another photograph to draw on, as a data URL; what was drawn on this path before comes back with it."""
        self._drawn[self._photograph] = self.painter.mask
        self._photograph, self.painter.picture = path, picture
        self.painter.mask = self._drawn.get(path, "")

    def show(self, mask: str | None) -> None:
        """Shows a mask as the settings have it: a shape's name, the path of a drawn one, or None."""
        if mask is None or mask in SHAPES:
            self.where.value = mask or NOWHERE
            return
        if drawn := uploaded().get(mask):
            self.painter.mask, self.where.value = data_url(drawn.read_bytes(), "png"), DRAWN

    def stored(self) -> str | None:
        """The part as settings name it, or None; what was drawn is stored in results/uploads/.

        Raises TeachingError where it was not drawn yet, or cannot be stored.
        """
        if self.where.value != DRAWN:
            return None if self.where.value == NOWHERE else self.where.value
        drawn = self.painter.file
        if not drawn:
            raise TeachingError(
                f"Under More, '{self.name}' is to be {DRAWN}, and nothing is drawn yet: paint over the "
                "photograph there, or choose a shape."
            )
        path = free_path(f"mask-{self.name}.png", drawn)
        if not path.exists():
            write_whole(path, drawn)
        return str(path.resolve())

    def _show_painter(self, _: object = None) -> None:
        self.painter.layout.display = None if self.where.value == DRAWN else "none"


class More(widgets.VBox):
    """The painter's hand, folded until its button is pressed.

    settings: the initial values. content, style: the choosers, whose pictures are drawn on and offered as other styles.
    """

    def __init__(self, settings: Settings, content: PictureChooser, style: PictureChooser):
        self.content, self.style = content, style
        self.colours = field(widgets.Dropdown(options=COLOURS), "colours", TIPS["colours"])
        self.statistic = field(widgets.Dropdown(options=STATISTICS), "statistic", TIPS["statistic"])
        self.strokes = field(
            widgets.SelectionSlider(options=[(f"{factor:g} ×", factor) for factor in STROKES], value=1.0),
            "strokes", TIPS["strokes"],
        )  # fmt: skip
        self.shares: dict[str, widgets.FloatSlider] = {}
        self.share_box = widgets.VBox()
        self.region = Place("region")
        self.region_style = field(widgets.Dropdown(), "its style", TIPS["its style"])
        self.keep = Place("keep")
        self.sharp = widgets.Checkbox(
            description=with_tip("sharp borders", TIPS["sharp"]), description_allow_html=True, indent=False
        )
        columns = [
            [widgets.HTML("<b>from the next Start on</b>"), self.colours, self.statistic, self.strokes],
            [widgets.HTML("<b>other styles</b>: the chosen one counts 1"), self.share_box],
            [widgets.HTML("<b>parts of the picture</b>"), self.region,
             self.region_style, self.keep, self.sharp],
        ]  # fmt: skip
        super().__init__(
            [
                widgets.HTML(MORE_CSS, layout=widgets.Layout(display="none")),
                widgets.Box([widgets.VBox(column) for column in columns]).add_class("more-columns"),
            ]
        )
        self.add_class("studio-more")
        self.button = widgets.ToggleButton(description="More", icon="caret-down", tooltip=TIPS["more"])
        self.button.observe(self._fold, "value")
        self._fold()
        content.on_change(self._new_photograph)
        style.on_change(self._offer_styles)
        self._new_photograph()
        self._offer_styles()
        self.show(settings)

    def show(self, settings: Settings) -> None:
        """Sets the panel to the settings; of several regions it shows the first."""
        self.colours.value, self.statistic.value = settings.colours, settings.statistic
        self.strokes.value = min(STROKES, key=lambda factor: abs(factor - settings.style_scale))
        shares = dict(settings.style_share)
        for name, slider in self.shares.items():
            slider.value = shares.get(self._in_recipe(name), 0.0)
        mask, style = settings.region[0] if settings.region else (None, None)
        self.region.show(mask)
        for name in self.style.paths:
            if self._in_recipe(name) == style:
                self.region_style.value = name
        self.keep.show(settings.keep)
        self.sharp.value = settings.sharp_borders

    def over(self, settings: Settings) -> Settings:
        """The settings, overridden by the panel. Raises TeachingError where a mask is not drawn yet."""
        shares = [
            (self._in_recipe(name), slider.value)
            for name, slider in self.shares.items()
            if slider.value and name != self.style.name
        ]
        where = self.region.stored()
        return replace(
            settings,
            colours=self.colours.value, statistic=self.statistic.value, style_scale=self.strokes.value,
            style_share=tuple(shares), keep=self.keep.stored(), sharp_borders=self.sharp.value,
            region=((where, self._in_recipe(self.region_style.value)),) if where else (),
        )  # fmt: skip

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Calls callback(name) when something has changed on which the cost of a run depends."""
        for name in ("statistic", "strokes"):
            getattr(self, name).observe(lambda _, name=name: callback(name), "value")

    def _fold(self, _: object = None) -> None:
        shown = self.button.value
        self.layout.display, self.button.icon = (None, "caret-up") if shown else ("none", "caret-down")

    def _new_photograph(self) -> None:
        picture = thumbnail(load_image(self.content.path), SHOWN_SIDE)
        for place in (self.region, self.keep):
            place.show_on(self.content.path, data_url(jpeg(picture, 80), "jpeg"))

    def _offer_styles(self) -> None:
        """Gives each style on offer, but for the chosen one, a slider for its share, and a place in the region's."""
        for name in self.style.paths.keys() - self.shares.keys():
            self.shares[name] = field(
                widgets.FloatSlider(0, min=0, max=2, step=0.05, readout_format=".2f"), name, TIPS["share"]
            )
            reachable_while_busy(self.shares[name])
        self.share_box.children = [self.shares[name] for name in self.style.paths if name != self.style.name]
        chosen = self.region_style.value
        self.region_style.options = list(self.style.paths)
        others = [name for name in self.style.paths if name != self.style.name]
        self.region_style.value = chosen if chosen in self.style.paths else next(iter(others), self.style.name)

    def _in_recipe(self, style: str) -> str:
        return name_in_recipe(style, self.style.paths[style])


def field(widget: widgets.DOMWidget, label: str, tip: str) -> widgets.DOMWidget:
    """The widget, with a label that shows a tip, as wide as the panel."""
    widget.description, widget.description_allow_html = with_tip(label, tip), True
    widget.style.description_width, widget.layout.width = "5.6em", "auto"
    return widget
