"""Winograd's algorithm: 3 x 3 convolutions with a quarter of the multiplications.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (arXiv:1509.09308): the output is cut
into tiles of 4 x 4, each of which depends on 6 x 6 inputs d and the filter g:

    A^T [(G g G^T) * (B^T d B)] A

The product in the middle is element by element, 36 multiplications where the definition needs 144; summed over the
input channels it is 36 matrix products. The cost of the transforms around it grows with the number of channels, that of
the products with its square, so it is the wide layers that gain.
"""

import torch
from torch import Tensor

TILES_AT_A_TIME = 128  # tiles of the picture; few enough that their products stay in the processor's cache
FILTERS_AT_A_TIME = 256  # transformed at a time, for the same reason
WIDE_CHANNELS, LARGE_POSITIONS = 128, 1000  # from these numbers on, the transforms pay off


def _both_ways(rows: list[list[float]]) -> Tensor:
    """The matrix that maps a square x, flattened row by row, to M x M^T, flattened likewise."""
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
    """Whether a convolution is faster this way: with many channels, on a large picture, in float32, on a CPU."""
    return (
        image.dtype == torch.float32
        and image.device.type == "cpu"
        and min(weight.shape[:2]) >= WIDE_CHANNELS
        and image.shape[2] * image.shape[3] >= LARGE_POSITIONS
    )


def convolve(image: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """torch's conv2d, up to rounding: (B, I, H, W) with filters (O, I, 3, 3) -> (B, O, H + 2p - 2, W + 2p - 2).

    bias: (O,). padding: p, the width of the border of zeros around the image. `convolve_turned` computes the gradient.
    """
    return _convolve(image, weight, bias, padding, turned=False)


def convolve_turned(gradient: Tensor, weight: Tensor, padding: int) -> Tensor:
    """The backward pass of `convolve`: the gradient of its result, (B, O, H', W') -> that of its image, (B, I, H, W).

    It is a convolution too, with the filters rotated by 180 degrees, and their inputs and outputs exchanged.
    """
    return _convolve(gradient, weight, None, 2 - padding, turned=True)


def _convolve(images: Tensor, weight: Tensor, bias: Tensor | None, padding: int, turned: bool) -> Tensor:
    # Channels-last: a pixel's channels are neighbours in memory, so that every step works on long rows of them.
    outputs = weight.shape[1] if turned else weight.shape[0]
    height, width = (side + 2 * padding - 2 for side in images.shape[2:])
    down, across = -(-height // 4), -(-width // 4)  # tiles
    size = (len(images), outputs, 4 * down, 4 * across)
    result = torch.empty(size, dtype=images.dtype, memory_format=torch.channels_last)
    at_a_time = -(-down // -(-down * across // TILES_AT_A_TIME))  # rows of tiles
    groups = [slice(first, min(first + FILTERS_AT_A_TIME, outputs)) for first in range(0, outputs, FILTERS_AT_A_TIME)]
    for image, out in zip(images.permute(0, 2, 3, 1), result.permute(0, 2, 3, 1), strict=True):  # (H, W, C)
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
    if result.shape[2:] == (height, width):
        return result
    return result[:, :, :height, :width].contiguous(memory_format=torch.channels_last)


def _filters(weight: Tensor, some: slice, turned: bool) -> Tensor:
    """G g G^T for the output channels in `some`: (36, inputs, outputs)."""
    filters = weight.permute(0, 2, 3, 1).flatten(1, 2)  # (O, 9, I)
    if turned:
        return (FILTER.flip(1) @ filters[:, :, some]).transpose(0, 1)
    return (FILTER @ filters[some]).permute(1, 2, 0)


def _data(image: Tensor, top: int, lines: int, across: int, padding: int) -> Tensor:
    """B^T d B for `lines` rows of tiles of an image (H, W, I), the first at its row `top`: (36, lines * across, I)."""
    height, width, inputs = image.shape
    strip = image.new_zeros(4 * lines + 2, 4 * across + 2, inputs)
    first, last = max(top, 0), min(top + len(strip), height)
    strip[first - top : last - top, padding : padding + width] = image[first:last]
    step = strip.stride(0)
    # Tiles of 6 x 6 begin at every fourth position, so they overlap.
    tiles = strip.as_strided((6, 6, lines, across, inputs), (step, inputs, 4 * step, 4 * inputs, 1))
    return (INPUT @ tiles.reshape(36, -1)).view(36, lines * across, inputs)
