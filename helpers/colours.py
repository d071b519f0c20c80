"""Colours of one image, brightness of another: what to do where a style shall bring its strokes and not its palette.

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
