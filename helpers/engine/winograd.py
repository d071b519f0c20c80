"""Winograd's algorithm: convolutions of 3 x 3 with a quarter of the multiplications.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (arXiv:1509.09308): the output is cut
into tiles of 4 x 4, each of which depends on 6 x 6 inputs d and the filter g:

    A^T [(G g G^T) * (B^T d B)] A

The product in the middle is element by element, 36 multiplications where the definition needs 144; summed over the
input channels it is 36 matrix products. The transforms around it cost what grows with the channels alone, the
products with their square: it is the wide layers that gain.
"""

import torch
from torch import Tensor

TILES = 128  # at a time, so that what is computed of them stays in the processor's cache
CHANNELS = 256  # filters transformed at a time, for the same reason
WIDE, LARGE = 128, 1000  # channels, and positions in the picture, from which the transforms pay


def _both_ways(rows: list[list[float]]) -> Tensor:
    """M x M^T of a square x, as one matrix for x's entries in a row."""
    matrix = torch.tensor(rows)
    return torch.kron(matrix, matrix)


# Section 4.2 of the paper: F(4 x 4, 3 x 3).
INPUT = _both_ways(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1.0],
    ]
)  # (36, 36)
FILTER = _both_ways(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)  # (36, 9)
OUTPUT = _both_ways(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1.0],
    ]
)  # (16, 36)


def pays(image: Tensor, weight: Tensor) -> bool:
    """Whether a convolution is faster this way: of a wide layer, in float32, on a processor."""
    return (
        image.dtype == torch.float32
        and image.device.type == "cpu"
        and min(weight.shape[:2]) >= WIDE
        and image.shape[2] * image.shape[3] >= LARGE
    )


def convolve(image: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """torch's conv2d, up to rounding: (B, I, H, W) with filters (O, I, 3, 3) -> (B, O, H + 2p - 2, W + 2p - 2).

    padding: p, the lines of zeros around the image. It has no gradient; `convolve_turned` computes it.
    """
    return _convolve(image, weight, bias, padding, turned=False)


def convolve_turned(gradient: Tensor, weight: Tensor, padding: int) -> Tensor:
    """The gradient of `convolve` for its image (B, I, H, W), from that for its result (B, O, H', W').

    It is a convolution too, with the filters turned by 180 degrees, their inputs and outputs exchanged.
    """
    return _convolve(gradient, weight, None, 2 - padding, turned=True)


def _convolve(images: Tensor, weight: Tensor, bias: Tensor | None, padding: int, turned: bool) -> Tensor:
    # A pixel's channels stand side by side in memory, so that every step works on long rows of them.
    outputs = weight.shape[1] if turned else weight.shape[0]
    height, width = (side + 2 * padding - 2 for side in images.shape[2:])
    down, across = -(-height // 4), -(-width // 4)  # tiles
    size = (len(images), outputs, 4 * down, 4 * across)
    found = torch.empty(size, dtype=images.dtype, memory_format=torch.channels_last)
    at_a_time = -(-down // -(-down * across // TILES))  # lines of tiles
    groups = [slice(first, min(first + CHANNELS, outputs)) for first in range(0, outputs, CHANNELS)]
    for image, out in zip(images.permute(0, 2, 3, 1), found.permute(0, 2, 3, 1), strict=True):  # (H, W, C)
        for line in range(0, down, at_a_time):
            lines = min(at_a_time, down - line)
            data = _data(image, 4 * line - padding, lines, across, padding)  # (36, tiles, I)
            for some in groups:
                products = torch.bmm(data, _filters(weight, some, turned))  # (36, tiles, some of O)
                tiles = (OUTPUT @ products.flatten(1)).view(4, 4, lines, across, -1)
                if bias is not None:
                    tiles += bias[some]
                part = out[4 * line : 4 * (line + lines), :, some].unflatten(0, (lines, 4)).unflatten(2, (across, 4))
                part.copy_(tiles.permute(2, 0, 3, 1, 4))
    if found.shape[2:] == (height, width):
        return found
    return found[:, :, :height, :width].contiguous(memory_format=torch.channels_last)


def _filters(weight: Tensor, some: slice, turned: bool) -> Tensor:
    """G g G^T for some of the outputs: (36, inputs, outputs)."""
    filters = weight.permute(0, 2, 3, 1).flatten(1, 2)  # (O, 9, I)
    if turned:
        return (FILTER.flip(1) @ filters[:, :, some]).transpose(0, 1)
    return (FILTER @ filters[some]).permute(1, 2, 0)


def _data(image: Tensor, top: int, lines: int, across: int, padding: int) -> Tensor:
    """B^T d B of the tiles of an image (H, W, I), from one of its lines on: (36, lines * across, I)."""
    height, width, inputs = image.shape
    strip = image.new_zeros(4 * lines + 2, 4 * across + 2, inputs)
    first, last = max(top, 0), min(top + len(strip), height)
    strip[first - top : last - top, padding : padding + width] = image[first:last]
    step = strip.stride(0)
    # Tiles of 6 x 6 begin at every fourth position, so they overlap.
    tiles = strip.as_strided((6, 6, lines, across, inputs), (step, inputs, 4 * step, 4 * inputs, 1))
    return (INPUT @ tiles.reshape(36, -1)).view(36, lines * across, inputs)
