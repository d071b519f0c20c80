"""What a run will cost on this machine, measured on two small pictures before it starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import psutil
import torch
from torch import Tensor

from helpers.errors import TeachingError
from helpers.images import noise_like
from helpers.optimizers import LBFGS
from helpers.transfer import SHARES, plan, style_transfer
from helpers.vgg import VGG19

AT_MOST = 6000  # bytes for each pixel that no network takes more than; below, nothing needs to be measured
SMALL = (96, 160)  # pixels: the long sides of the pictures measured
PATIENCE = 120  # seconds that a run may take before a smaller size is suggested

# Bytes for each pixel of the result that are not kept in the iterations measured. On the way back the gradients of the
# first layers' responses stand beside each other; the run has some pictures to go back to, and L-BFGS two copies of
# each of its last iterations.
LATER = {"adam": 300, "lbfgs": 300 + 2 * LBFGS.MEMORY * 12}


@dataclass(frozen=True)
class Cost:
    """Of one iteration, on one network with one optimizer."""

    fixed: float  # seconds
    each: float  # seconds for each pixel
    memory: float  # bytes for each pixel

    def seconds(self, shape: tuple[int, int], steps: int, scales: int = len(SHARES), done: int = 0) -> float:
        """The time of a run, in seconds: shape is the result's (height, width), `done` iterations are over already."""
        total, end = 0.0, 0
        for divisor, count in plan(max(shape), steps, scales):
            end += count
            pixels = shape[0] * shape[1] / divisor**2
            total += min(count, max(0, end - done)) * (self.fixed + self.each * pixels)
        return total

    def bytes(self, shape: tuple[int, int]) -> float:
        """The memory that a run takes at its largest, beyond what is in use now."""
        return self.memory * shape[0] * shape[1]


def measured(model: VGG19, optimizer: str = "adam") -> Cost:
    """Times a few iterations, and counts the bytes that autograd keeps for the way back, at two small sizes."""
    device = next(model.parameters()).device
    seconds, pixels = [], []
    for side in SMALL:
        image = noise_like(torch.empty(1, 3, side * 2 // 3, side, device=device))
        kept: dict[int, int] = {}

        def keep(tensor: Tensor, kept: dict[int, int] = kept) -> Tensor:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
            return tensor.detach()  # the tensor itself would hold on to the graph that holds on to it

        times = [0.0]
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            for step in style_transfer(image, image.flip(-1), model, steps=3, optimizer=optimizer, seed=1):
                times.append(step.seconds)
                memory = sum(kept.values())
                kept.clear()
        seconds.append(min(after - before for before, after in pairwise(times)))
        pixels.append(image.shape[2] * image.shape[3])
    each = max(0.0, (seconds[1] - seconds[0]) / (pixels[1] - pixels[0]))
    return Cost(max(0.0, seconds[1] - each * pixels[1]), each, memory / pixels[1] + LATER[optimizer])


def free_memory(device: torch.device) -> int:
    """Bytes that a run on the device may still take."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def check_memory(model: VGG19, shape: tuple[int, int], optimizer: str) -> None:
    """Raises TeachingError, with a size that would do, where a run of this (height, width) would not fit."""
    free = free_memory(next(model.parameters()).device)
    if shape[0] * shape[1] * AT_MOST < free:
        return
    cost = measured(model, optimizer)
    if cost.bytes(shape) > free:
        longest = int(max(shape) * (free / cost.bytes(shape)) ** 0.5 * 0.95)
        raise TeachingError(
            f"A picture of {shape[1]} x {shape[0]} pixels needs {size_of(cost.bytes(shape))} of memory, and "
            f"{size_of(free)} are free. A long side of {longest} pixels would fit (--size {longest})."
        )


def forecast(
    cost: Cost, shape: tuple[int, int], steps: int, scales: int, free: float, sizes: Iterable[int]
) -> tuple[str, bool]:
    """What to expect of a run, and whether it is a warning; that comes with the largest of `sizes` that would do.

    shape: the result's (height, width). free: bytes of memory.
    """

    def at(size: int) -> tuple[int, int]:
        return round(shape[0] * size / max(shape)), round(shape[1] * size / max(shape))

    def fits(size: int) -> bool:
        return cost.seconds(at(size), steps, scales) <= PATIENCE and cost.bytes(at(size)) <= free

    seconds, needed = cost.seconds(shape, steps, scales), cost.bytes(shape)
    text = f"{shape[1]} × {shape[0]} pixels: about {duration(seconds)} and {size_of(needed)} on this machine."
    if seconds <= PATIENCE and needed <= free:
        return text, False
    reasons = [f"only {size_of(free)} are free"] if needed > free else []
    reasons += ["that is more than two minutes"] if seconds > PATIENCE else []
    better = max((size for size in sizes if size < max(shape) and fits(size)), default=None)
    advice = (
        f"Size {better} takes {duration(cost.seconds(at(better), steps, scales))}" if better else "Take fewer steps"
    )
    return f"{text[:-1]}, but {' and '.join(reasons)}. {advice}.", True


def duration(seconds: float) -> str:
    """'25 s' or '3 min 20 s'"""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size_of(memory: float) -> str:
    """'80 MB' or '1.2 GB'"""
    return f"{memory / 1e9:.1f} GB" if memory >= 1e9 else f"{memory / 1e6:.0f} MB"
