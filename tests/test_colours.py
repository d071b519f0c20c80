"""Colours: what of the photograph stays, and what the painting gives."""

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.colours import luminance, with_colours_of
from helpers.images import MEAN, STD, noise_like


def image(*rgb):
    """A plain colour, (1, 3, 4, 6)."""
    return (torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 4, 6) - MEAN) / STD


def pixels(tensor):
    return tensor * STD + MEAN


def test_green_is_the_brightest_primary_and_white_is_one():
    primaries = [luminance(image(*rgb)).mean().item() for rgb in ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (1.0, 1, 1))]
    assert primaries == pytest.approx([0.299, 0.587, 0.114, 1.0])


def test_a_grey_painting_over_a_colour_changes_its_brightness_and_keeps_its_differences():
    result = pixels(with_colours_of(image(0.5, 0.5, 0.5), image(0.6, 0.4, 0.3)))
    red, green, blue = result.mean((0, 2, 3)).tolist()
    assert (red - green, green - blue) == pytest.approx((0.2, 0.1))
    assert 0.299 * red + 0.587 * green + 0.114 * blue == pytest.approx(0.5)


def test_a_photograph_in_its_own_colours_is_itself():
    photograph = noise_like(torch.zeros(1, 3, 8, 8))
    assert torch.allclose(with_colours_of(photograph, photograph), photograph, atol=1e-6)


def test_what_is_brighter_than_white_is_clipped():
    result = pixels(with_colours_of(image(1.0, 1.0, 1.0), image(1.0, 0.0, 0.0)))
    assert result.max() == pytest.approx(1.0)
    assert result[0, 0].max() == pytest.approx(1.0)


def test_images_of_two_sizes_are_refused():
    with pytest.raises(TeachingError, match="images"):
        with_colours_of(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
