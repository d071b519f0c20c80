"""The objective of a picture that is larger than the memory: the same terms and the same gradient, in tiles.

What fills the memory are the responses of all layers to the whole picture, which the backward pass needs. Here each
block of the network, from one pooling to the next, is computed tile by tile, and of a tile nothing stays but what it
adds: its positions to the block's result, and its sums to the style's summaries, such as the Gram matrix. The backward
pass, which knows the whole picture's summaries and so their gradients, computes each tile once more. Nothing is
approximated: around a tile there is a margin, as wide as the block's convolutions see, which counts for nothing.

Two passes with exact Gram matrices: Galerne, Raad, Lezama and Morel, "Scaling Painting Style Transfer", Computer
Graphics Forum 43 (EGSR 2024, arXiv:2212.13459). There a tile goes through the whole network, and needs a margin as wide
as the deepest layer sees. Here it goes through one block, and what stays between two blocks is small. To compute again
what was not kept is an old exchange of time for memory: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with
Sublinear Memory Cost", 2016 (arXiv:1604.06174).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from helpers.base.errors import TeachingError
from helpers.engine.checks import check_poolings
from helpers.engine.memory import give_back
from helpers.images import STD
from helpers.objective import Objective
from helpers.statistics import Statistic
from helpers.vgg import LAYERS, VGG19

TILE = 2**22  # values in the widest response of a tile: positions times channels

Place = tuple[slice, slice]  # rows and columns


class TiledObjective(Objective):
    """The Objective of the same arguments, with a memory that grows with the picture by far less.

    tile: how many values the widest response of a tile may have; a tile is about a square.
    Raises TeachingError where the manner's statistic is no sum over positions, besides what Objective raises.
    """

    def __init__(self, *arguments: Any, tile: int = TILE, **options: Any):
        self.tile = tile
        super().__init__(*arguments, **options)
        if not self.statistic.sums:
            raise TeachingError(
                f"The statistic {self.manner.statistic!r} puts all positions of the picture in order, which tiles "
                "cannot do one by one. Take 'gram' or 'mean_std', or a size that needs no tiles."
            )

    def seen(
        self, image: Tensor, shares: Mapping[str, Sequence[Tensor | None]], content: bool = False
    ) -> tuple[Tensor | None, dict[str, list[Tensor]]]:
        """As `Objective.seen`, block by block and tile by tile."""
        response, summaries = None, {}
        asked = {*shares, *([self.content_layer] if content else [])}
        check_poolings(image, max(asked, default="conv1_1"))
        image = image.to(self.precision)
        for modules in blocks(self.model, asked):
            here = [name for name, _ in modules]
            block = Block(
                modules,
                # In the network's order, in which the block gives its sums.
                {layer: shares[layer] for layer in LAYERS.values() if layer in shares and layer in here},
                self.statistic,
                self.content_layer if content and self.content_layer in here else None,
            )
            results = [*in_tiles(block, image, self.tile)]
            if block.content_layer:
                response = results.pop(0)
            if here[-1].startswith("pool"):
                image = results.pop(0)
            for layer, some in block.shares.items():
                summaries[layer] = [self.statistic.of_sums(results.pop(0)) for _ in some]
        return response, summaries

    def total_variation(self, image: Tensor) -> Tensor:
        """As `Objective.total_variation`, tile by tile."""
        across, down = in_tiles(Neighbours(), image, self.tile)
        height, width = image.shape[2:]
        return across / (3 * height * (width - 1)) + down / (3 * (height - 1) * width)


def blocks(model: VGG19, layers: set[str]) -> list[list[tuple[str, nn.Module]]]:
    """The network up to the deepest of these layers, cut after each pooling: lists of (name, module)."""
    deepest = max(layers, key=list(LAYERS.values()).index, default=None)
    parts: list[list[tuple[str, nn.Module]]] = [[]]
    for name, module in model.named_children() if layers else ():
        parts[-1].append((name, module))
        if name.replace("relu", "conv") == deepest and name.startswith("relu"):
            break
        if name.startswith("pool"):
            parts.append([])
    return parts if layers else []


@dataclass(frozen=True)
class Tile:
    """A part of a block's input: the positions that are its own, and those that it has to see."""

    own: Place
    seen: Place

    @property
    def within(self) -> Place:
        """Its own positions, counted from where `seen` begins."""
        return tuple(slice(o.start - s.start, o.stop - s.start) for o, s in zip(self.own, self.seen, strict=True))


def tiles(size: Sequence[int], side: int, margin: int) -> list[Tile]:
    """Tiles of about `side` positions to a side that cover an image of this (height, width), each position once.

    margin: how far a tile sees beyond its own positions, an even number. Where the image ends it sees no further, so
        that what the network puts around an image is met at the image's edge, and there alone. All begin at even
        positions, so that each square that a pooling takes lies in one tile.
    """

    def cuts(length: int) -> Iterator[tuple[slice, slice]]:
        step = 2 * -(-length // (2 * -(-length // side)))  # about alike
        for start in range(0, length, step):
            stop = min(start + step, length)
            yield slice(start, stop), slice(max(0, start - margin), min(length, stop + margin))

    return [Tile((down, across), (around_down, around_across))
            for (down, around_down), (across, around_across) in product(cuts(size[0]), cuts(size[1]))]  # fmt: skip


def halved(place: Place) -> Place:
    """Where a place is after a pooling, which drops an odd last row or column."""
    return tuple(slice(side.start // 2, side.stop // 2) for side in place)


def cut(image: Tensor, place: Place) -> Tensor:
    """(B, C, H, W) -> (B, C, H', W'), a view."""
    return image[(..., *place)]


@dataclass(frozen=True)
class Block:
    """The modules from one pooling to the next, and what is asked of their responses."""

    modules: Sequence[tuple[str, nn.Module]]
    shares: Mapping[str, Sequence[Tensor | None]]  # of the style's layers, as in `Objective.seen`
    statistic: Statistic
    content_layer: str | None  # None where it is not in this block, or not asked for

    @property
    def margin(self) -> int:
        """How many positions away its last response sees, rounded up to an even number."""
        return 2 * -(-sum(name.startswith("conv") for name, _ in self.modules) // 2)

    @property
    def width(self) -> int:
        """The channels of its widest response."""
        return max(module.out_channels for name, module in self.modules if name.startswith("conv"))

    def part(self, image: Tensor, tile: Tile) -> tuple[list[Tensor], list[Tensor]]:
        """What a tile adds, from what it sees: maps (1, C', H', W'), for `places`, and sums for each layer and share.

        The maps are the content's response and the pooled one, whichever there is.
        """
        maps, sums = [], []
        for name, module in self.modules:
            image = module(image)
            layer = name.replace("relu", "conv")  # a convolution's response is what its ReLU lets through
            if name.startswith("pool"):
                maps.append(_Cut.apply(image, halved(tile.within)))
            elif name.startswith("relu") and layer in {self.content_layer, *self.shares}:
                response = _Cut.apply(image, tile.within)
                if layer == self.content_layer:
                    maps.append(response)
                for share in self.shares.get(layer, ()):
                    sums.append(self.statistic.sums(response, None if share is None else cut(share, tile.own)))
        return maps, sums

    def places(self, tile: Tile) -> list[Place]:
        """Where a tile's maps belong in those of the whole."""
        pooled = self.modules[-1][0].startswith("pool")
        return [tile.own] * bool(self.content_layer) + [halved(tile.own)] * pooled


class Neighbours:
    """What total variation adds up: how much neighbouring pixels differ, across and down (`total_variation_loss`)."""

    margin, width = 2, 3

    def part(self, image: Tensor, tile: Tile) -> tuple[list[Tensor], list[Tensor]]:
        """No maps, and the two sums of squares; a tile counts the differences that begin at its own pixels."""
        (top, left), (bottom, right) = ([getattr(side, end) for side in tile.within] for end in ("start", "stop"))
        pixels = image[:, :, top : bottom + 1, left : right + 1] * STD.to(image.device)
        rows, columns = bottom - top, right - left
        across = pixels[..., :rows, 1:] - pixels[..., :rows, :-1]
        down = pixels[..., 1:, :columns] - pixels[..., :-1, :columns]
        return [], [across.square().sum(), down.square().sum()]

    def places(self, tile: Tile) -> list[Place]:
        """None, for there are no maps."""
        return []


def in_tiles(work: Block | Neighbours, image: Tensor, values: int) -> tuple[Tensor, ...]:
    """What it makes of a whole image, (1, C, H, W): its maps, then its sums, as in its `part`.

    values: as `tile` of TiledObjective.
    """
    parts = tiles(image.shape[2:], math.isqrt(values // work.width), work.margin)
    if len(parts) == 1:  # nothing would be saved by computing it twice
        maps, sums = work.part(image, parts[0])
        return *maps, *sums
    return _InTiles.apply(image, work, parts)


class _InTiles(torch.autograd.Function):
    """Work, tile by tile. It keeps nothing but its input for the backward pass, which computes each tile again."""

    @staticmethod
    def forward(ctx, image: Tensor, work: Block | Neighbours, parts: Sequence[Tile]) -> tuple[Tensor, ...]:
        ctx.save_for_backward(image)
        ctx.work, ctx.parts = work, parts
        wholes: list[Tensor] = []
        totals: list[Tensor] = []
        for tile in parts:
            maps, sums = work.part(_Cut.apply(image, tile.seen), tile)
            wholes = wholes or [
                torch.empty((1, each.shape[1], *(side.stop for side in place)), dtype=each.dtype, device=each.device,
                            memory_format=torch.channels_last)
                for each, place in zip(maps, work.places(parts[-1]), strict=True)
            ]  # fmt: skip
            for whole, each, place in zip(wholes, maps, work.places(tile), strict=True):
                cut(whole, place).copy_(each)
            totals = [total + each for total, each in zip(totals, sums, strict=True)] if totals else sums
        give_back()  # the next block's tensors are of other sizes, and would be laid beside these
        return *wholes, *totals

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (image,) = ctx.saved_tensors
        result = torch.zeros_like(image)
        for tile in ctx.parts:
            with torch.enable_grad():
                part = _Cut.apply(image.detach(), tile.seen).requires_grad_()
                maps, sums = ctx.work.part(part, tile)
            places = ctx.work.places(tile)
            of_maps = [cut(each, place) for each, place in zip(gradients[: len(maps)], places, strict=True)]
            of_sums = gradients[len(maps) :]
            (gradient,) = torch.autograd.grad([*maps, *sums], part, [*of_maps, *of_sums])
            cut(result, tile.seen).add_(gradient)
        give_back()
        return result, None, None


class _Cut(torch.autograd.Function):
    """A place of an image as an image of its own, whose values, and their gradients, lie as the network's do.

    Of a view torch makes the gradient with a channel's pixels side by side, and would rearrange it in each layer.
    """

    @staticmethod
    def forward(ctx, image: Tensor, place: Place) -> Tensor:
        ctx.size, ctx.place = image.shape, place
        return cut(image, place).clone(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        result = torch.empty(ctx.size, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
        cut(result.zero_(), ctx.place).copy_(gradient)
        return result, None
