"""Masks: where in the picture a style holds, and where the photograph stays.

A mask is (1, 1, H, W), 1 inside, 0 outside, and between where its border fades. Gatys et al., "Controlling Perceptual
Factors in Neural Style Transfer", CVPR 2017, section 4, call them guidance channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d

from helpers.base.errors import TeachingError
from helpers.engine.image_files import decode_rgb, title_of
from helpers.vgg import LAYERS

SHAPES = ("upper half", "lower half", "left half", "right half", "ellipse")
FADE = 0.04  # of the short side: half the width of the band in which a shape's border fades
SAME_FORM = 0.02  # by how much a mask's ratio of sides may differ from the picture's; one pixel may always be rounded


def load_mask(path: str | Path, size: tuple[int, int]) -> Tensor:
    """A mask (1, 1, H, W) of this (height, width): from a picture whose white is inside, or one of SHAPES.

    Raises TeachingError for a file that is no picture, is black all over, or has another ratio of sides.
    """
    if str(path) in SHAPES:
        return shape_mask(str(path), size)
    picture, (height, width) = decode_rgb(path), size
    if abs(picture.height * width / picture.width - height) > max(SAME_FORM * height, 1):
        raise TeachingError(
            f"The mask {title_of(path)} is {picture.width} x {picture.height}, and the picture {width} x {height}: the "
            "two need the same ratio of sides. Paint the mask over a copy of the photograph."
        )
    grey = picture.convert("L").resize((width, height), Image.Resampling.BOX)
    mask = torch.from_numpy(np.array(grey)).float()[None, None] / 255  # (1, 1, H, W)
    if not mask.any():
        raise TeachingError(f"The mask {title_of(path)} is black all over, so nothing is inside; paint a part white.")
    return mask


def shape_mask(name: str, size: tuple[int, int]) -> Tensor:
    """One of SHAPES as a mask (1, 1, H, W), its border fading over a band of 8 % of the short side."""
    height, width = size
    y, x = (torch.arange(side) + 0.5 for side in size)
    y, x, short = y[:, None], x[None, :], min(size)  # (H, 1), (1, W)
    inside = {  # how many pixels inside the border
        "upper half": height / 2 - y + 0 * x,
        "lower half": y - height / 2 + 0 * x,
        "left half": width / 2 - x + 0 * y,
        "right half": x - width / 2 + 0 * y,
        "ellipse": (1 - ((x - width / 2) / (0.3 * width)).hypot((y - height / 2) / (0.4 * height))) * 0.35 * short,
    }[name]
    return (inside / (2 * FADE * short) + 0.5).clamp(0, 1)[None, None]


def at_layer(mask: Tensor, layer: str, size: Sequence[int], sharp: bool = False) -> Tensor:
    """A mask brought down to a layer's responses: (1, 1, H, W) -> (1, 1, H', W'), the mean of what each one covers.

    sharp: a response counts only by the least that its whole receptive field has, so that no style reaches over the
        border; where that leaves nothing, as in a small region and a deep layer, the plain mask is taken.
    """
    if sharp and (eroded := _eroded(mask, reach(layer))).any():
        mask = eroded
    return adaptive_avg_pool2d(mask, tuple(size))


def reach(layer: str) -> int:
    """How many pixels a response of this layer sees to each side of its middle: half its receptive field."""
    side, stride, block = 1, 1, "1"
    for name in LAYERS.values():
        if name[4] != block:  # the pooling before this block
            side, stride, block = side + stride, 2 * stride, name[4]
        side += 2 * stride
        if name == layer:
            break
    return side // 2


def divided(masks: Sequence[Tensor], free: Tensor) -> list[Tensor]:
    """The masks made to add up to `free`: first what no mask covers, then each mask's part.

    Where masks overlap they share the place; where two fade into each other, nothing is left between them.
    All are (1, 1, H, W), from 0 to 1.
    """
    covered = sum(masks, torch.zeros_like(free))
    parts = [mask / covered.clamp_min(1) for mask in masks]
    return [free * part for part in (1 - covered.clamp_max(1), *parts)]


def check_mask(mask: object, image: Tensor, what: str) -> Tensor:
    """A mask as float32 on the image's device; raises TeachingError unless it is (1, 1, H, W) like it, from 0 to 1."""
    if not isinstance(mask, Tensor) or mask.dim() != 4 or mask.shape != (1, 1, *image.shape[2:]):
        got = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise TeachingError(
            f"The mask of {what} has to be {(1, 1, *image.shape[2:])}, as large as the content; got {got}. "
            "load_mask(path, content.shape[2:]) makes one."
        )
    mask = mask.to(image.device, torch.float32)
    if not mask.isfinite().all() or mask.min() < 0 or mask.max() > 1 or not mask.any():
        raise TeachingError(f"The mask of {what} has values from 0 (outside) to 1 (inside), and not only 0.")
    return mask


def _eroded(mask: Tensor, pixels: int) -> Tensor:
    """The least value within so many pixels across and down; beyond the picture's edge nothing counts."""
    across = -max_pool2d(-mask, (1, 2 * pixels + 1), stride=1, padding=(0, pixels))
    return -max_pool2d(-across, (2 * pixels + 1, 1), stride=1, padding=(pixels, 0))
