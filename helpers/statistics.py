"""What of a layer's response counts as its style: three statistics, which forget where something is.

A response is (1, C, H, W): C numbers at each of H * W positions. `share`, (1, 1, H, W), says how much each position
counts, from 0 to 1; None counts all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from helpers.base.errors import TeachingError
from helpers.losses import gram_matrix, relative_error

HALF = 0.5  # a position that counts less is left out where positions are put in order, for an order has no grey


@dataclass(frozen=True)
class Statistic:
    """A summary of a response, and how two summaries are compared."""

    summary: Callable[[Tensor, Tensor | None], Tensor]  # (response, share) -> summary
    # (a style's summary, the image's area as a multiple of the style's, how many positions of the image count)
    # -> what the image's summary is to be
    wanted: Callable[[Tensor, float, int], Tensor]
    # The relative error is multiplied by this, so that a weight means about the same whichever statistic it is for.
    strength: float = 1.0
    # The summary in two steps, for a picture in tiles: sums over the positions, which add up from tile to tile, and
    # what they come to. None where a tile says nothing about the whole.
    sums: Callable[[Tensor, Tensor | None], Tensor] | None = None
    of_sums: Callable[[Tensor], Tensor] | None = None

    def error(self, summary: Tensor, wanted: Tensor) -> Tensor:
        """How far a response's summary is from the style's: |S - A|^2 / |A|^2, times the strength; a scalar."""
        return self.strength * relative_error(summary, wanted)


def guided_gram(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The Gram matrix in which each position counts by its share: sum of share * f f^T, (1, C, H, W) -> (1, C, C).

    Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, section 4.
    """
    return gram_matrix(features if share is None else features * share.sqrt().to(features.dtype))


def mean_and_deviation(features: Tensor, share: Tensor | None = None) -> Tensor:
    """Each channel's mean and standard deviation over the positions: (1, C, H, W) -> (1, 2, C).

    Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV 2017; as a
    loss: Li et al., "Demystifying Neural Style Transfer", IJCAI 2017.
    """
    rows = features.flatten(2).float()  # (1, C, N)
    counts = torch.ones_like(rows[:, :1]) if share is None else share.flatten(2)
    counts = counts / counts.sum()
    mean = (counts * rows).sum(2, keepdim=True)  # (1, C, 1)
    variance = (counts * (rows - mean).square()).sum(2)  # (1, C)
    return torch.stack([mean.squeeze(2), variance.clamp_min(1e-12).sqrt()], dim=1)


def moments(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The sums that mean and deviation are made of: how much there is, the values and their squares, (1, 3, C).

    In float64, for the variance is the difference of two numbers that may be far larger.
    """
    rows = features.flatten(2).double()  # (1, C, N)
    counts = torch.ones_like(rows[:, :1]) if share is None else share.flatten(2).double()
    weighted = counts * rows
    return torch.stack([counts.sum(2).expand(-1, rows.shape[1]), weighted.sum(2), (weighted * rows).sum(2)], dim=1)


def of_moments(sums: Tensor) -> Tensor:
    """What `mean_and_deviation` gives, (1, 2, C), from the moments, (1, 3, C)."""
    count, first, second = sums.unbind(1)
    mean = first / count
    variance = second / count - mean.square()
    return torch.stack([mean, variance.clamp_min(1e-12).sqrt()], dim=1).float()


def sorted_projections(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The responses seen from C directions, each time in rising order: (1, C, H, W) -> (1, C, N).

    The mean square difference of two of these is the sliced Wasserstein distance: how far the responses of one picture
    have to move to become those of the other. Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis",
    CVPR 2021 (arXiv:2006.07229), who draw new directions each time. Ours stay, for L-BFGS wants a loss that stays.
    """
    rows = features.flatten(2).float()  # (1, C, N)
    if share is not None:
        rows = rows[:, :, share.flatten() > HALF]
    return (directions(rows.shape[1]).to(rows.device) @ rows).sort(dim=2).values


@cache
def directions(channels: int) -> Tensor:
    """As many directions as channels, each at right angles to all others: (C, C), the same each time."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(channels, channels, generator=generator, dtype=torch.float64, device="cpu")
    return torch.linalg.qr(noise).Q.float()


def check_statistic(name: object) -> None:
    """Raises TeachingError for a name that is none of STATISTICS."""
    if not isinstance(name, str) or name not in STATISTICS:
        raise TeachingError(f"Unknown statistic {name!r}; it is {' or '.join(map(repr, STATISTICS))}.")


def _stretched(ordered: Tensor, count: int) -> Tensor:
    """Values in rising order, (1, C, N), read off at `count` places from the least to the largest."""
    return ordered if ordered.shape[2] == count else interpolate(ordered, count, mode="linear", align_corners=True)


# Where all responses are too large by a small share e, the Gram matrix is by 2 e, so that its error is 4 e^2; the other
# two are by e.
STATISTICS = {
    "gram": Statistic(guided_gram, lambda gram, area, count: gram * area, 1.0, guided_gram, lambda gram: gram),
    "mean_std": Statistic(mean_and_deviation, lambda summary, area, count: summary, 4.0, moments, of_moments),
    "sliced": Statistic(sorted_projections, lambda ordered, area, count: _stretched(ordered, count), strength=4.0),
}
