"""Colours of one image, brightness of another: what to do where a style shall bring its strokes and not its palette.

Either the result takes the photograph's colours (`with_colours_of`), or the style does, before it is looked at
(`matched_to`).

Gatys, Bethge, Hertzmann and Shechtman, "Preserving Color in Neural Artistic Style Transfer", 2016 (arXiv:1606.05897).
"""

import torch
from torch import Tensor

from helpers.engine.checks import check_same_shape
from helpers.images import BLACK, MEAN, STD, WHITE

LUMINANCE = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # of red, green and blue, ITU-R BT.601


def luminance(image: Tensor) -> Tensor:
    """How bright each pixel is, Y = 0.299 R + 0.587 G + 0.114 B: image tensor (B, 3, H, W) -> (B, 1, H, W), 0 to 1."""
    pixels = image * STD.to(image.device) + MEAN.to(image.device)
    return (pixels * LUMINANCE.to(image.device)).sum(1, keepdim=True)


def with_colours_of(painting: Tensor, photograph: Tensor) -> Tensor:
    """The painting's luminance in the photograph's colours; all are image tensors (B, 3, H, W).

    The photograph, and to all three channels of a pixel the same amount added: what the painting's luminance has more.
    That leaves the differences between the channels, which are the colour, as they are. What becomes brighter than
    white or darker than black is clipped. Raises TeachingError for images of two sizes.
    """
    check_same_shape(painting, photograph, "images")
    more = luminance(painting) - luminance(photograph)  # (B, 1, H, W)
    black, white = BLACK.to(painting.device), WHITE.to(painting.device)
    return (photograph + more / STD.to(painting.device)).clamp(black, white)


def greyscale(image: Tensor) -> Tensor:
    """An image without its colours: its luminance in all three channels; image tensors (B, 3, H, W)."""
    return ((luminance(image) - MEAN.to(image.device)) / STD.to(image.device)).float()  # (B, 1, H, W) -> (B, 3, H, W)


def matched_to(painting: Tensor, photograph: Tensor) -> Tensor:
    """The painting with the mean colour and the covariance of colours of the photograph; image tensors (1, 3, H, W).

    Each pixel x becomes A (x - mean) + the photograph's mean, with A = C^(1/2) S^(-1/2), and C and S the photograph's
    and the painting's covariance of red, green and blue, as in the paper. What is no colour then is clipped.
    """
    ours, theirs = ((image * STD.to(image.device))[0].flatten(1).double() for image in (painting, photograph))  # (3, N)
    transform = _power(theirs.cov(), 0.5) @ _power(ours.cov(), -0.5)  # (3, 3)
    matched = transform @ (ours - ours.mean(1, keepdim=True)) + theirs.mean(1, keepdim=True)
    image = matched.to(painting.dtype).view_as(painting) / STD.to(painting.device)
    return image.clamp(BLACK.to(painting.device), WHITE.to(painting.device))


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric matrix, by its eigenvalues; those of a picture in grey are 0, and are lifted a little."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors @ torch.diag(values.clamp_min(1e-6) ** exponent) @ vectors.mT
