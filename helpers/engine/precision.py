"""Which device to compute on, and in which precision."""

import math
import re
import time
import warnings
from functools import cache
from pathlib import Path

import torch
from torch import nn

from helpers.base.errors import TeachingError

PRECISIONS = ("auto", "float32", "bfloat16")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # as Linux names them


def best_device() -> torch.device:
    """A CUDA GPU if there is one, else the CPU; never Apple's GPU, which has to be asked for (`memory_layout`)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def memory_layout(device: torch.device) -> torch.memory_format:
    """How a network's filters lie in the device's memory: a pixel's channels side by side, which is faster.

    Not so on Apple's GPU, where torch aborts or gives wrong gradients when pooling runs backward over such tensors
    (github.com/pytorch/pytorch, issues 175190 and 189233). Warns that nobody has tested this project there.
    """
    if device.type != "mps":
        return torch.channels_last
    warnings.warn(
        "This project is untested on Apple's GPU ('mps'); load_vgg19(device='cpu') computes on the processor.",
        stacklevel=3,
    )
    return torch.contiguous_format


def chosen_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype for a name in PRECISIONS; "auto" gives the faster one. Raises TeachingError for any other name."""
    if name not in PRECISIONS:
        raise TeachingError(f"Unknown precision {name!r}; it is {', '.join(map(repr, PRECISIONS))}.")
    return fast_precision(device) if name == "auto" else getattr(torch, name)


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """The instruction sets of an x86 processor by Linux's names for them, such as "avx2"; empty elsewhere."""
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(), re.M) if cpuinfo.exists() else None
    return set(flags[1].split()) if flags else set()


@cache
def fast_precision(device: torch.device) -> torch.dtype:
    """torch.bfloat16 where convolutions are clearly faster in it than in float32, else torch.float32.

    Linux tells whether an x86 processor has instructions for bfloat16, so that the answer, and with it the picture, is
    the same on a busy machine. Any other CPU is timed once, in a tenth of a second: one without them is ten times
    slower in bfloat16.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float32
    if device.type != "cpu":
        return torch.float32
    if flags := processor_flags():
        return torch.bfloat16 if flags & BFLOAT16_FLAGS else torch.float32
    convolution = nn.Conv2d(64, 64, 3).requires_grad_(False)
    seconds = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for _ in range(4):  # in turn, so that a short disturbance does not decide the result
        for precision in seconds:
            image = torch.rand(1, 64, 64, 64, dtype=precision).contiguous(memory_format=torch.channels_last)
            convolution.to(precision, memory_format=torch.channels_last)
            began = time.perf_counter()
            convolution(image)
            seconds[precision] = min(seconds[precision], time.perf_counter() - began)
    return torch.bfloat16 if seconds[torch.bfloat16] < 0.75 * seconds[torch.float32] else torch.float32
