"""What a run will cost on this machine, measured on two small pictures before it starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.units import duration, size_of
from helpers.engine.memory import free_memory
from helpers.engine.optimizers import LBFGS
from helpers.engine.scales import MOST_SCALES, plan
from helpers.images import noise_like
from helpers.statistics import STATISTICS
from helpers.tiles import TILE
from helpers.transfer import style_transfer
from helpers.vgg import VGG19

PIXEL_BYTES = 6000  # per pixel, more than any network needs: if that much is free, nothing has to be measured
MEASURED_SIDES = (96, 160)  # pixels: the long sides of the pictures measured
LONG_RUN = 120  # seconds that a run may take before a smaller size is suggested

# Bytes per pixel of the result that the measurement misses: the gradients of the first layers' responses, which exist
# side by side in the backward pass; the snapshots that a run can go back to; and L-BFGS's pairs, with the copy of them
# that goes into a checkpoint.
UNMEASURED = {"adam": 300, "lbfgs": 300 + 2 * 2 * LBFGS.MEMORY * 12}

# In tiles: the bytes that one of them takes, which is some twenty float32 responses as wide as its widest; and how many
# images (12 bytes per pixel) there are at a time of what the loop, the optimizer and the snapshots keep.
TILE_BYTES = 20 * 4 * TILE
IMAGES = {"adam": 16, "lbfgs": 11 + 2 * LBFGS.SHORT_MEMORY}


@dataclass(frozen=True)
class Cost:
    """The cost of one iteration, for one network and one optimizer."""

    fixed: float  # seconds
    each: float  # seconds per pixel
    memory: float  # bytes per pixel
    optimizer: str = "lbfgs"
    tiled: float = inf  # bytes per pixel in tiles

    def seconds(
        self, shape: tuple[int, int], steps: int, scales: int = MOST_SCALES, done: int = 0, style_side: float = inf
    ) -> float:
        """The time of a run, in seconds.

        shape: the result's (height, width). scales: as in `plan`. done: how many iterations are done already.
        style_side: the style's short side in pixels, which matters if it is shorter than the result's.
        """
        return sum(
            max(0, last - max(first, done)) * (self.fixed + self.each * shape[0] * shape[1] / divisor**2)
            for divisor, first, last in plan(min(*shape, style_side), steps, scales, self.optimizer)
        )

    def bytes(self, shape: tuple[int, int], tiled: bool = False) -> float:
        """A run's peak memory in bytes, beyond what is in use now. shape: the result's (height, width)."""
        return TILE_BYTES * tiled + (self.tiled if tiled else self.memory) * shape[0] * shape[1]

    def needs_tiles(self, shape: tuple[int, int], free: float, statistic: str = "gram") -> bool:
        """Whether a run is painted in tiles: where the whole needs more bytes than are free, and the tiles do not."""
        return bool(STATISTICS[statistic].sums) and self.bytes(shape) > free >= self.bytes(shape, tiled=True)


def measured(model: VGG19, optimizer: str = "lbfgs") -> Cost:
    """Times a few iterations at two small sizes, and counts the bytes that autograd saves for the backward pass."""
    device = next(model.parameters()).device
    seconds, pixels = [], []
    for side in MEASURED_SIDES:
        image = noise_like(torch.empty(1, 3, side * 2 // 3, side, device=device))
        storages: dict[int, int] = {}

        def keep(tensor: Tensor, storages: dict[int, int] = storages) -> Tensor:
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
            return tensor.detach()  # the tensor itself would keep the graph alive, and the graph the tensor

        times = [0.0]
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            for step in style_transfer(image, image.flip(-1), model, steps=3, optimizer=optimizer, seed=1):
                times.append(step.seconds)
                memory = sum(storages.values())
                storages.clear()
        seconds.append(min(after - before for before, after in pairwise(times)))
        pixels.append(image.shape[2] * image.shape[3])
    each = max(0.0, (seconds[1] - seconds[0]) / (pixels[1] - pixels[0]))
    return Cost(max(0.0, seconds[1] - each * pixels[1]), each, memory / pixels[1] + UNMEASURED[optimizer], optimizer,
                12 * IMAGES[optimizer] + maps_bytes(model))  # fmt: skip


def maps_bytes(model: VGG19) -> float:
    """Bytes per pixel of what lies between the network's blocks in tiles, in float32, and of its gradient."""
    before_poolings = {name[4]: module.out_channels for name, module in model.named_children() if name[:4] == "conv"}
    return sum(2 * 4 * channels / 4 ** int(block) for block, channels in before_poolings.items())


def needs_tiles(model: VGG19, shape: tuple[int, int], optimizer: str, statistic: str = "gram") -> bool:
    """Whether a run of this (height, width) has to be painted in tiles, for the memory would not bear the whole.

    Raises TeachingError, with a size that fits, if the memory that is free does not bear the tiles either.
    """
    free = free_memory(next(model.parameters()).device)
    if shape[0] * shape[1] * PIXEL_BYTES < free:
        return False
    cost = measured(model, optimizer)
    tiled = cost.needs_tiles(shape, free, statistic)
    if tiled or cost.bytes(shape) <= free:
        return tiled
    needed, fitting = cost.bytes(shape), free / cost.memory  # bytes, and pixels
    if STATISTICS[statistic].sums:
        needed = min(needed, cost.bytes(shape, tiled=True))
        fitting = max(fitting, (free - TILE_BYTES) / cost.tiled)
    longest = int(max(shape) * (fitting / (shape[0] * shape[1])) ** 0.5 * 0.95)
    raise TeachingError(
        f"A picture of {shape[1]} x {shape[0]} pixels needs {size_of(needed)} of memory, and {size_of(free)} are free. "
        f"A long side of {longest} pixels would fit (--size {longest})."
    )


def forecast(
    cost: Cost,
    shape: tuple[int, int],
    steps: int,
    scales: int,
    free: float,
    sizes: Iterable[int],
    style_side: float = inf,
    statistic: str = "gram",
) -> tuple[str, bool]:
    """What a run will cost, as a text, and whether that is a warning; a warning names the largest size that would do.

    shape: the result's (height, width). free: bytes of memory. sizes: long sides in pixels, to choose the advice from.
    style_side: as in `Cost.seconds`. statistic: the manner's, for not every one can be painted in tiles.
    """

    def time(size: tuple[int, int]) -> float:
        return cost.seconds(size, steps, scales, style_side=style_side)

    def at(size: int) -> tuple[int, int]:
        return round(shape[0] * size / max(shape)), round(shape[1] * size / max(shape))

    def fits(size: int) -> bool:
        return time(at(size)) <= LONG_RUN and (cost.bytes(at(size)) <= free or tiled(at(size)))

    def tiled(size: tuple[int, int]) -> bool:
        return cost.needs_tiles(size, free, statistic)

    seconds, needed = time(shape), cost.bytes(shape, tiled(shape))
    how = ", painted in tiles" * tiled(shape)
    text = f"{shape[1]} × {shape[0]} pixels: about {duration(seconds)} and {size_of(needed)} on this machine{how}."
    if seconds <= LONG_RUN and needed <= free:
        return text, False
    reasons = [f"only {size_of(free)} are free"] if needed > free else []
    reasons += ["that is more than two minutes"] if seconds > LONG_RUN else []
    better = max((size for size in sizes if size < max(shape) and fits(size)), default=None)
    advice = (
        f"Size {better} takes {duration(cost.seconds(at(better), steps, scales))}" if better else "Take fewer steps"
    )
    return f"{text[:-1]}, but {' and '.join(reasons)}. {advice}.", True
