"""What the painters of data/ share, and that their pictures are rich enough to take a style from."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.base.pictures import STYLES

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "paint" / "canvas.py"


@pytest.fixture(scope="module")
def canvas():
    spec = importlib.util.spec_from_file_location("canvas", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_colour_is_read(canvas):
    assert canvas.rgb("#ff8000") == pytest.approx([1, 128 / 255, 0])


def test_noise_is_normalised_and_repeats_with_its_seed(canvas):
    first, second, other = (canvas.fractal_noise(np.random.default_rng(seed), 60, 90, 20) for seed in (1, 1, 2))
    assert first.shape == (60, 90)
    assert (first.mean(), first.std()) == pytest.approx((0, 1), abs=1e-4)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_stretched_noise_changes_more_slowly_across(canvas):
    field = canvas.fractal_noise(np.random.default_rng(0), 100, 100, 10, octaves=1, stretch=4)
    down, across = (np.abs(np.diff(field, axis=axis)).mean() for axis in (0, 1))
    assert down > 2 * across


def test_light_from_above_brightens_what_faces_up(canvas):
    grey, flat = np.full((9, 9, 3), 0.5), np.zeros((9, 9))
    ridge = flat.copy()
    ridge[4] = 1
    assert np.allclose(canvas.light(grey, flat), grey)
    lit = canvas.light(grey, ridge, angle=90)
    assert (lit[3] > 0.5).all()
    assert (lit[5] < 0.5).all()


@pytest.mark.parametrize("name", ["kandinsky", "monet", "picasso", "van_gogh"])
def test_style_pictures_have_no_empty_places(name):
    picture = np.asarray(Image.open(STYLES[name]).convert("L"), float) / 255
    assert max(picture.shape) >= 768
    tiles = picture.reshape(picture.shape[0] // 64, 64, picture.shape[1] // 64, 64)
    assert tiles.std(axis=(1, 3)).min() > 0.03
