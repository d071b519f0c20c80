"""The three statistics, with values known by hand."""

import pytest
import torch

from helpers.losses import gram_matrix
from helpers.statistics import STATISTICS, directions, guided_gram, mean_and_deviation, sorted_projections


def shuffled(response):
    return response.flatten(2)[..., torch.randperm(response[0, 0].numel())].view_as(response)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_permutation_is_at_no_distance(name):
    response = torch.randn(1, 4, 6, 8).relu() * torch.tensor([1.0, 3.0, 1.0, 1.0]).view(1, 4, 1, 1)
    statistic = STATISTICS[name]
    goal = statistic.wanted(statistic.summary(response, None), 1.0, 48)
    assert statistic.error(statistic.summary(shuffled(response), None), goal).item() == pytest.approx(0, abs=1e-10)
    assert statistic.error(statistic.summary(response[:, [1, 0, 2, 3]], None), goal).item() > 0.01


@pytest.mark.parametrize("name", STATISTICS)
def test_a_share_of_ones_counts_everything_and_of_zeros_nothing(name):
    response, other = torch.randn(1, 4, 6, 8).relu(), torch.randn(1, 4, 6, 8).relu()
    share = torch.zeros(1, 1, 6, 8)
    share[..., :4] = 1
    summary = STATISTICS[name].summary
    assert torch.allclose(summary(response, torch.ones(1, 1, 6, 8)), summary(response, None), atol=1e-5)
    half = torch.cat([response[..., :4], other[..., 4:]], dim=3)
    assert torch.allclose(summary(half, share), summary(response, share), atol=1e-5)


@pytest.mark.parametrize("name", STATISTICS)
def test_responses_a_little_too_large_cost_the_same_in_all(name):
    response, statistic = torch.randn(1, 4, 6, 8).relu(), STATISTICS[name]
    goal = statistic.wanted(statistic.summary(response, None), 1.0, 48)
    assert statistic.error(statistic.summary(1.01 * response, None), goal).item() == pytest.approx(
        4 * 0.01**2, rel=0.02
    )


def test_the_guided_gram_matrix_of_grey_counts_by_the_grey():
    response = torch.randn(1, 4, 6, 8)
    assert torch.allclose(guided_gram(response, torch.full((1, 1, 6, 8), 0.25)), gram_matrix(response) / 4, atol=1e-5)


def test_mean_and_deviation_of_a_coin():
    response = torch.tensor([0.0, 2.0]).repeat(8).view(1, 1, 4, 4)
    assert mean_and_deviation(response).flatten().tolist() == pytest.approx([1, 1])


def test_a_response_moved_along_has_moved_by_its_length_in_all_directions_together():
    response, move = torch.randn(1, 3, 4, 4), torch.tensor([1.0, 2.0, 2.0]).view(1, 3, 1, 1)
    difference = sorted_projections(response + move) - sorted_projections(response)  # (1, 3, 16)
    assert difference.square().sum(1).mean().item() == pytest.approx(9, rel=1e-4)
    assert torch.allclose(directions(3) @ directions(3).T, torch.eye(3), atol=1e-5)


def test_a_larger_style_is_read_off_at_as_many_places():
    ordered = torch.arange(5.0).view(1, 1, 5)
    assert STATISTICS["sliced"].wanted(ordered, 1.0, 3).flatten().tolist() == [0, 2, 4]
