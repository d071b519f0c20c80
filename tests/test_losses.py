"""Each loss against values computed by hand, in a second way, or by finite differences."""

import math

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.images import MEAN, STD
from helpers.losses import (
    Weights,
    content_loss,
    gram_matrix,
    mixed,
    report_schedule,
    style_loss,
    total_variation_loss,
    turned_round,
)


def image_of(pixels: torch.Tensor) -> torch.Tensor:
    """Grey pixels (H, W) in [0, 1] as an image tensor (1, 3, H, W)."""
    return (pixels.expand(1, 3, *pixels.shape) - MEAN) / STD


def test_gram_matrix_of_ones_counts_positions():
    assert torch.equal(gram_matrix(torch.ones(2, 3, 4, 5)), torch.full((2, 3, 3), 20.0))


def test_gram_matrix_of_a_toy():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # two maps of 1 x 2
    assert torch.equal(gram_matrix(features), torch.tensor([[[5.0, 1.0], [1.0, 10.0]]]))


def test_gram_matrix_is_the_sum_of_outer_products_over_positions():
    features = torch.randn(1, 4, 3, 5)
    by_hand = sum(torch.outer(features[0, :, i, j], features[0, :, i, j]) for i in range(3) for j in range(5))
    assert torch.allclose(gram_matrix(features)[0], by_hand, atol=1e-5)


def test_gram_matrix_does_not_see_where_things_are():
    features = torch.randn(1, 4, 6, 6)
    shuffled = features.flatten(2)[..., torch.randperm(36)].reshape(1, 4, 6, 6)
    assert torch.allclose(gram_matrix(features), gram_matrix(shuffled), atol=1e-4)


def test_mixed_grams_are_the_weighted_mean_and_one_alone_is_itself():
    first, second = (torch.full((1, 2, 2), value) for value in (3.0, 7.0))
    assert mixed([first, second], (1, 3)).unique().tolist() == [6.0]
    assert torch.equal(mixed([first, second], (1, 0)), first)


@pytest.mark.parametrize("shares", [(1,), (1, 2, 3), (0, 0), (-1, 2), (1, math.nan), ("a", 1)])
def test_shares_that_mix_nothing_are_refused(shares):
    gram = torch.ones(1, 2, 2)
    with pytest.raises(TeachingError, match="share"):
        mixed([gram, gram], shares)


def test_gram_matrix_is_summed_in_float32():
    features = torch.full((1, 1, 64, 64), 8.0, dtype=torch.float16)
    assert gram_matrix(features).item() == 64 * 64 * 64  # beyond float16's 65,504


def test_content_loss_is_the_mean_squared_error():
    assert content_loss(torch.full((1, 2, 3, 3), 3.0), torch.ones(1, 2, 3, 3)).item() == 4


def test_relative_content_loss_of_an_empty_response_is_one_at_any_scale():
    target = torch.rand(1, 2, 3, 3)
    for scale in (1e-3, 1, 1e3):
        assert content_loss(torch.zeros_like(target), target * scale, relative=True).item() == pytest.approx(1)


def test_style_loss_is_the_reports():
    features, target = torch.ones(1, 2, 3, 4), torch.zeros(1, 2, 2)
    # every entry of G is 12, so the mean squared error is 144; the feature map has 2 * 3 * 4 elements
    assert style_loss(features, target).item() == 144 / 24


def test_reports_style_loss_grows_with_the_area_and_the_relative_one_does_not():
    small, style = torch.rand(1, 4, 8, 8), torch.rand(1, 4, 8, 8)
    large, large_style = (torch.cat([torch.cat([x, x], 2)] * 2, 3) for x in (small, style))
    pairs = (small, style), (large, large_style)
    reports = [style_loss(x, gram_matrix(a)).item() for x, a in pairs]
    assert reports[1] == pytest.approx(4 * reports[0], rel=1e-4)
    relative = [style_loss(x, gram_matrix(a), relative=True).item() for x, a in pairs]
    assert relative[0] == pytest.approx(relative[1], rel=1e-4)


def test_total_variation_of_a_checkerboard():
    board = (torch.arange(6)[:, None] + torch.arange(8)) % 2
    # every neighbour differs by 1, so each of the two means is 1
    assert total_variation_loss(image_of(board.float())).item() == pytest.approx(2)
    assert total_variation_loss(image_of(board.float()), absolute=True).item() == pytest.approx(2)


def test_total_variation_of_a_ramp_and_of_a_plain_colour():
    ramp = torch.linspace(0, 1, 11).expand(5, 11)
    assert total_variation_loss(image_of(ramp)).item() == pytest.approx(0.01, rel=1e-4)
    assert total_variation_loss(image_of(ramp), absolute=True).item() == pytest.approx(0.1, rel=1e-4)
    assert total_variation_loss(image_of(torch.full((5, 5), 0.3))).item() == 0


def test_the_squared_form_spreads_an_edge_and_the_absolute_one_does_not_care():
    edge = torch.tensor([0.0, 0, 0, 1, 1, 1]).expand(6, 6)
    ramp = torch.linspace(0, 1, 6).expand(6, 6)
    assert total_variation_loss(image_of(edge)) > 4 * total_variation_loss(image_of(ramp))
    absolute = [total_variation_loss(image_of(x), absolute=True).item() for x in (edge, ramp)]
    assert absolute[0] == pytest.approx(absolute[1], rel=1e-5)


LOSSES = {
    "content": lambda x: content_loss(x, torch.full_like(x, 0.3)),
    "content, relative": lambda x: content_loss(x, torch.full_like(x, 0.3), relative=True),
    "style": lambda x: style_loss(x, torch.eye(3, dtype=x.dtype)[None]),
    "style, relative": lambda x: style_loss(x, torch.eye(3, dtype=x.dtype)[None], relative=True),
    "total variation": total_variation_loss,
    "total variation, absolute": lambda x: total_variation_loss(x, absolute=True),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_agree_with_finite_differences(loss):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(1, 3, 4, 5, generator=generator).requires_grad_()
    loss(x).backward()
    direction = torch.randn(x.shape, generator=generator)
    h = 1e-2
    with torch.no_grad():
        numerical = (loss(x + h * direction) - loss(x - h * direction)).item() / (2 * h)
    assert numerical == pytest.approx((x.grad * direction).sum().item(), rel=2e-2, abs=1e-4)


def test_losses_of_an_all_zero_target_are_finite():
    zero = torch.zeros(1, 2, 3, 3)
    assert math.isfinite(content_loss(torch.ones_like(zero), zero, relative=True))
    assert math.isfinite(style_loss(torch.ones_like(zero), gram_matrix(zero), relative=True))


def test_mismatched_shapes_are_explained():
    with pytest.raises(TeachingError, match=r"\(1, 2, 3, 3\) and \(1, 2, 3, 4\).*shape=content"):
        content_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 4))
    with pytest.raises(TeachingError, match="same layer and network"):
        style_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 3, 3))
    with pytest.raises(TeachingError, match=r"\(B, C, H, W\); got \(2, 3\)"):
        gram_matrix(torch.ones(2, 3))


def test_early_layers_weigh_more_at_the_start():
    layers = list(Weights().layers.values())
    assert layers == sorted(layers, reverse=True)
    assert layers[0] > layers[-1]


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf, "3", None])
@pytest.mark.parametrize("which", ["content", "style", "tv"])
def test_weights_refuse_what_is_no_weight(which, bad):
    with pytest.raises(TeachingError, match=f"weight of {which} must be a number from 0 up"):
        Weights(**{which: bad})


def test_weights_refuse_unknown_layers_and_negative_ones():
    with pytest.raises(TeachingError, match=r"Unknown layer 'conv4_5'; VGG-19's block 4 has conv4_1, .*conv4_4"):
        Weights(layers={"conv4_5": 1})
    with pytest.raises(TeachingError, match="weight of conv1_1"):
        Weights(layers={"conv1_1": -0.1})


def test_weights_are_frozen_and_keep_their_own_copy_of_the_layers():
    given = {"conv1_1": 1.0}
    weights = Weights(layers=given)
    given["conv1_1"] = 5.0
    assert weights.layers == {"conv1_1": 1.0}
    with pytest.raises(TypeError):
        weights.layers["conv1_1"] = 2.0


def test_layers_are_turned_round_in_the_networks_order_whatever_order_they_are_given_in():
    weights = Weights(layers={"conv5_1": 0.1, "conv1_1": 0.3, "conv3_3": 0.2})
    assert turned_round(weights).layers == {"conv1_1": 0.1, "conv3_3": 0.2, "conv5_1": 0.3}
    assert turned_round(turned_round(weights)) == weights


def test_the_reports_schedule_changes_style_weights_only_and_only_after_250():
    weights = Weights()
    schedule = report_schedule(weights)
    assert schedule(1) == schedule(250) == weights
    later = schedule(251)
    assert later.layers != weights.layers
    assert (later.content, later.style, later.tv) == (weights.content, weights.style, weights.tv)
