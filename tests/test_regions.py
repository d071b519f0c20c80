"""Masks: shapes, files, layers, and what a run does with them."""

import pytest
import torch
from PIL import Image

from helpers.base.errors import TeachingError
from helpers.regions import SHAPES, at_layer, check_mask, divided, load_mask, reach

SIZE = 60, 80


@pytest.mark.parametrize("layer, side", [("conv1_1", 3), ("conv2_1", 10), ("conv3_1", 24), ("conv5_1", 156)])
def test_a_response_sees_half_of_its_receptive_field_to_each_side(layer, side):
    assert reach(layer) == side // 2


def test_opposite_halves_add_up_to_one_and_an_ellipse_spares_the_corners():
    for one, other in (SHAPES[:2], SHAPES[2:4]):
        assert torch.allclose(load_mask(one, SIZE) + load_mask(other, SIZE), torch.ones(1, 1, *SIZE))
    ellipse = load_mask("ellipse", SIZE)
    assert ellipse[0, 0, 30, 40] == 1
    assert ellipse[0, 0, [0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [0, 0, 0, 0]


def test_white_is_inside_whatever_the_mask_s_size(tmp_path):
    image = Image.new("L", (160, 120))
    image.paste(255, (0, 0, 80, 120))
    image.save(tmp_path / "left.png")
    mask = load_mask(tmp_path / "left.png", SIZE)
    assert mask.shape == (1, 1, *SIZE)
    assert (mask[..., :40] == 1).all()
    assert (mask[..., 40:] == 0).all()


def test_a_mask_drawn_on_a_panorama_fits_it_at_another_size(tmp_path):
    """4000 x 330 is 480 x 39 for the brush, and 384 x 32 for the run: one pixel is lost to rounding."""
    Image.new("L", (480, 39), 255).save(tmp_path / "mask.png")
    assert load_mask(tmp_path / "mask.png", (32, 384)).eq(1).all()


@pytest.mark.parametrize("size, colour, words", [((80, 60), 0, "black all over"), ((60, 60), 255, "ratio of sides")])
def test_masks_that_mask_nothing_are_refused(tmp_path, size, colour, words):
    Image.new("L", size, colour).save(tmp_path / "mask.png")
    with pytest.raises(TeachingError, match=words):
        load_mask(tmp_path / "mask.png", SIZE)


@pytest.mark.parametrize("mask", [None, torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 6), torch.full((1, 1, 4, 6), 2.0)])
def test_a_mask_of_another_shape_or_range_is_refused(mask):
    with pytest.raises(TeachingError, match="mask"):
        check_mask(mask, torch.zeros(1, 3, 4, 6), "a region")


@pytest.mark.parametrize("masks, parts", [((0.25, 0.25), (0.25, 0.125, 0.125)), ((1.0, 0.25), (0, 0.4, 0.1))])
def test_masks_share_where_they_overlap_and_all_add_up_to_what_is_free(masks, parts):
    free, first, second = (torch.full((1, 1, 2, 2), value) for value in (0.5, *masks))
    shares = divided([first, second], free)
    assert [share.mean().item() for share in shares] == pytest.approx(parts)
    assert torch.allclose(sum(shares), free)


def test_a_sharp_mask_leaves_out_responses_that_see_over_the_border():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    assert at_layer(mask, "conv1_1", (32, 32))[0, 0, 0].sum() == 16
    assert at_layer(mask, "conv1_1", (32, 32), sharp=True)[0, 0, 0].sum() == 15
    assert at_layer(mask, "conv5_1", (2, 2), sharp=True)[0, 0, 0].tolist() == [1, 0]  # nothing would be left
