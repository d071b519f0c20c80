"""The pictures and masks of a run: from the settings, through `render` and `gallery`, to the picture and its recipe."""

import pytest
import torch
from PIL import Image

from helpers.base.errors import TeachingError
from helpers.commands import gallery, render
from helpers.images import load_image
from helpers.runs.recipe import load_recipe
from helpers.runs.settings import Settings, typed_over
from helpers.runs.sources import load_sources, other_files

SMALL = ["--size", "64", "--steps", "3"]


def half_white(path, size=(64, 43)):
    """A mask whose left half is inside."""
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(path)
    return str(path)


def test_the_settings_name_everything_that_a_run_paints_from(tmp_path):
    mask = half_white(tmp_path / "left.png")
    settings = Settings(size=64, style_share=(("monet", 0.5),), region=((mask, "picasso"),), keep="ellipse",
                        statistic="mean_std", colours="matched", sharp_borders=True)  # fmt: skip
    sources = load_sources(settings)
    manner = sources.manner
    assert [
        style.equal(load_image(name, 64)) for style, name in zip(sources.styles, ("van_gogh", "monet"), strict=True)
    ]
    assert list(manner.shares) == [1.0, 0.5]
    ((where, style),) = manner.regions
    assert style.equal(load_image("picasso", 64))
    assert where[..., :32].min() == 1 and where[..., 32:].max() == 0
    assert manner.keep.shape == where.shape
    assert (manner.statistic, manner.colours, manner.sharp) == ("mean_std", "matched", True)
    assert other_files(settings) == [mask, "picasso", "monet"]
    assert Settings.from_recipe(settings.recipe()) == settings


def test_the_scale_is_that_of_the_style_alone():
    plain, large = (load_sources(Settings(size=64, style_scale=scale)) for scale in (1, 2))
    assert large.content.equal(plain.content)
    assert [2 * side for side in plain.styles[0].shape[2:]] == list(large.styles[0].shape[2:])


def test_a_style_that_its_scale_makes_too_small_is_refused():
    with pytest.raises(TeachingError, match=r"A style scale of 0\.25 makes the style 16 x 12 pixels"):
        load_sources(Settings(size=64, style_scale=0.25))


def test_contents_of_files_stand_in_for_names(tmp_path):
    mask = half_white(tmp_path / "left.png")
    settings = Settings(content="elsewhere", size=64, keep="mask")
    content = (tmp_path / "photo.png", load_image("landscape", 64))[0]
    Image.effect_noise((64, 43), 80).convert("RGB").save(content)
    sources = load_sources(settings, content.read_bytes(), "monet", {"mask": (tmp_path / "left.png").read_bytes()})
    assert sources.content.equal(load_image(content))
    assert sources.styles[0].equal(load_image("monet", 64))
    assert sources.manner.keep.equal(load_sources(Settings(size=64, keep=mask)).manner.keep)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"style_scale": 9}, "from 0.25 to 4"),
        ({"style_scale": 0.1}, "from 0.25 to 4"),
        ({"style_share": (("monet", -1),)}, "A style's share is a number from 0 up"),
        ({"region": ("upper half",)}, "Regions in a recipe are written"),
        ({"region": ((1, "monet"),)}, "names its mask and its style"),
        ({"colours": "grey"}, "Unknown colours 'grey'"),
        ({"statistic": "median"}, "Unknown statistic 'median'"),
        ({"keep": 3}, "Unknown keep 3"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(changed, message):
    with pytest.raises(TeachingError, match=message):
        Settings(**changed)


def test_render_keeps_what_the_mask_covers_and_writes_all_into_the_recipe(tmp_path, results):
    mask, out = half_white(tmp_path / "left.png"), tmp_path / "out.png"
    typed = ["--keep", mask, "--region", "upper half=monet", "--style-share", "picasso=2", "--statistic", "sliced"]
    assert render.main([*SMALL, *typed, "--colours", "matched", "--style-scale", "2", "--out", str(out)]) == 0
    painted, photograph = load_image(out), load_image("landscape", 64)
    assert torch.allclose(painted[..., :32], photograph[..., :32], atol=0.02)  # a PNG has 256 levels
    assert (painted[..., 32:] - photograph[..., 32:]).abs().mean() > 0.2
    recipe = load_recipe(out)
    assert recipe["region"] == [["upper half", "monet"]]
    assert recipe["style_share"] == [["picasso", 2.0]]
    assert (recipe["keep"], recipe["statistic"], recipe["colours"]) == (mask, "sliced", "matched")


def test_a_recipe_may_not_name_a_file_of_its_own(tmp_path, results, capsys):
    mask, out = half_white(tmp_path / "left.png"), tmp_path / "out.png"
    assert render.main([*SMALL, "--keep", mask, "--out", str(out)]) == 0
    again = ["--recipe", str(out), "--out", str(tmp_path / "again.png")]
    assert render.main(again) == 2
    assert "for its keep, which is not one of ours; type --keep as well" in capsys.readouterr().err
    assert render.main([*again, "--keep", mask]) == 0
    assert load_image(tmp_path / "again.png").equal(load_image(out))


def test_a_region_that_is_none_is_one_line(results, capsys):
    assert render.main([*SMALL, "--region", "monet"]) == 2
    assert "written sky.png=monet, not 'monet'" in capsys.readouterr().err
    assert render.main([*SMALL, "--region", "no_such.png=monet"]) == 2
    assert "no_such.png" in capsys.readouterr().err


def test_a_gallery_paints_anew_where_a_mask_has_changed(tmp_path, results):
    mask, folder = half_white(tmp_path / "left.png"), tmp_path / "gallery"
    command = [*SMALL, "--content", "landscape", "--style", "monet", "--keep", mask, "--folder", str(folder)]
    assert gallery.main(command) == 0
    (path,) = folder.glob("landscape--monet*.png")
    first = path.read_bytes()
    assert gallery.main(command) == 0
    assert path.read_bytes() == first
    Image.new("L", (64, 43), 255).save(mask)
    assert gallery.main(command) == 0
    assert torch.allclose(load_image(path), load_image("landscape", 64), atol=0.02)


def test_what_has_to_be_typed_again_is_said_in_words_that_mean_the_same(tmp_path):
    mask = half_white(tmp_path / "left.png")
    settings = Settings(style_share=[("monet", 0.5)], region=[(mask, "picasso")], keep="ellipse")
    typed = render.parser().parse_args(render.masks_and_styles(settings))
    assert typed_over(Settings(), typed) == settings
    assert render.masks_and_styles(Settings(keep="ellipse")) == []
