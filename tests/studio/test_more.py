"""The folded panel of the studio: each part sets one setting, and what is drawn becomes a mask."""

import base64
import io
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.base.errors import TeachingError
from helpers.base.pictures import CONTENTS, STYLES
from helpers.images import load_image
from helpers.regions import load_mask
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources
from helpers.studio.chooser import PictureChooser
from helpers.studio.mask_painter import data_url
from helpers.studio.more import DRAWN, More


@pytest.fixture
def more(results):
    style = PictureChooser("style", STYLES, "van_gogh", print)
    return More(Settings(), PictureChooser("content", CONTENTS, "landscape", print), style)


def drawn(column: int = 160, size=(480, 320)) -> str:
    """A mask as the browser sends it: white left of this column."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[:, :column] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return data_url(file.getvalue(), "png")


def sliders_of(more) -> list[str]:
    """The styles that have a slider in view."""
    return [name for name, slider in more.shares.items() if slider in more.share_box.children]


def changed(more) -> dict:
    """The settings that the panel changes."""
    plain, now = Settings(), more.over(Settings())
    return {f.name: getattr(now, f.name) for f in fields(now) if getattr(now, f.name) != getattr(plain, f.name)}


def test_it_is_folded_and_changes_nothing_by_itself(more):
    assert more.layout.display == "none" and changed(more) == {}
    more.button.value = True
    assert more.layout.display is None and changed(more) == {}


@pytest.mark.parametrize(
    ("part", "value", "setting"),
    [
        (lambda more: more.colours, "matched", {"colours": "matched"}),
        (lambda more: more.statistic, "sliced", {"statistic": "sliced"}),
        (lambda more: more.strokes, 2.0, {"style_scale": 2.0}),
        (lambda more: more.shares["monet"], 0.5, {"style_share": (("monet", 0.5),)}),
        (lambda more: more.region.where, "upper half", {"region": (("upper half", "kandinsky"),)}),
        (lambda more: more.keep.where, "ellipse", {"keep": "ellipse"}),
        (lambda more: more.sharp, True, {"sharp_borders": True}),
    ],
)
def test_each_part_sets_one_setting_and_shows_it_again(more, part, value, setting):
    part(more).value = value
    assert changed(more) == setting
    settings = more.over(Settings())
    more.show(Settings())
    assert changed(more) == {}
    more.show(settings)
    assert more.over(Settings()) == settings


def test_the_chosen_style_has_no_share_beside_itself(more):
    assert set(sliders_of(more)) == {"kandinsky", "monet", "picasso"}
    more.shares["monet"].value = 0.5
    more.style.buttons.value = "monet"
    assert set(sliders_of(more)) == {"kandinsky", "picasso", "van_gogh"}
    assert changed(more) == {}


def test_a_style_of_ones_own_is_offered_too(more):
    file = io.BytesIO()
    Image.new("RGB", (80, 60), "teal").save(file, "PNG")
    more.style.add("teal.png", file.getvalue())
    path = str(more.style.path.resolve())
    more.style.buttons.value = "monet"
    more.shares["teal"].value, more.region.where.value, more.region_style.value = 0.25, "left half", "teal"
    assert changed(more) == {"style_share": ((path, 0.25),), "region": (("left half", path),)}


def test_what_is_drawn_is_stored_once_as_a_mask(more, results):
    more.region.where.value = DRAWN
    more.region.painter.mask = drawn(160)
    ((path, style),) = more.over(Settings()).region
    assert style == "kandinsky"
    mask = load_mask(path, (32, 48))
    assert torch.equal(mask, (torch.arange(48) < 16).float().expand(1, 1, 32, 48))
    assert more.over(Settings()).region[0][0] == path and len(list((results / "uploads").glob("*"))) == 1
    more.keep.where.value, more.keep.painter.mask = DRAWN, drawn(40)
    assert more.over(Settings()).keep not in (None, path)
    settings = more.over(replace(Settings(), size=64))
    photograph = load_image("landscape", 64)
    assert load_sources(settings).manner.keep.shape == (1, 1, *photograph.shape[2:])
    more.show(Settings())
    more.region.painter.mask = ""
    more.show(settings)
    assert more.over(replace(Settings(), size=64)) == settings


def test_drawn_by_hand_wants_something_drawn(more):
    more.keep.where.value = DRAWN
    with pytest.raises(TeachingError, match="nothing is drawn yet"):
        more.over(Settings())


def test_what_was_drawn_stays_with_its_photograph(more):
    first = more.keep.painter.picture
    more.keep.painter.mask = drawn()
    more.content.buttons.value = "portrait"
    assert more.keep.painter.mask == "" and more.keep.painter.picture != first
    more.content.buttons.value = "landscape"
    assert (more.keep.painter.mask, more.keep.painter.picture) == (drawn(), first)


def test_the_browser_draws_on_a_picture_in_the_proportions_of_the_photograph(more):
    shown = Image.open(io.BytesIO(base64.b64decode(more.keep.painter.picture.split(",")[1])))
    height, width = load_image("landscape", 480).shape[2:]
    assert shown.size == (width, height)
