"""Memory: how much is free, how freed blocks are reused between iterations, and what to do when it runs out."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import psutil
import torch
from torch import Tensor

from helpers.base.errors import TeachingError

Item = TypeVar("Item")

# https://man7.org/linux/man-pages/man3/mallopt.3.html and malloc_trim.3.html
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BLOCK = 32 << 20  # bytes; keeping larger blocks would fragment the memory
UNBOUNDED = 2**31 - 1


def reused(run: Iterator[Item]) -> Iterator[Item]:
    """Yields from the run; meanwhile the process keeps freed blocks of up to 32 MiB, for the next iteration to reuse.

    Otherwise they would go back to the system, which hands them out again page by page, filled with zeros: up to an
    eighth of an iteration's work. When the run ends, they are given back. This works on Linux with the GNU C library;
    elsewhere nothing changes.
    """
    glibc = _glibc()
    if glibc:
        glibc.mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK)
        glibc.mallopt(M_TRIM_THRESHOLD, UNBOUNDED)
    try:
        yield from run
    finally:
        give_back()


def give_back() -> None:
    """Gives the freed blocks that `reused` has kept back to the system, where there are any."""
    glibc = _glibc()
    if glibc:
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The GNU C library; None elsewhere."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "mallopt") else None  # musl, for example, has no mallopt


def free_memory(device: torch.device) -> int:
    """The free memory of a device, in bytes; for anything but a CUDA GPU, that of the machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def total_memory(device: torch.device) -> int:
    """The memory of a device, free or not, in bytes; for anything but a CUDA GPU, that of the machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return psutil.virtual_memory().total


@contextmanager
def explained_memory(image: Tensor) -> Iterator[None]:
    """Context manager: raises TeachingError, with a size to try, if the memory of a GPU or of the machine runs out.

    image: (1, 3, H, W), the image that is being optimised.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        height, width = image.shape[2:]
        smaller = f"{round(0.7 * width)} x {round(0.7 * height)}"
        reason = str(error).splitlines()[0] if str(error) else "out of memory"
    else:
        return
    # Raised outside the except block: nothing refers to the failed computation any more, so its memory is free.
    raise TeachingError(
        f"The memory was not enough for a picture of {width} x {height} pixels ({reason}). Half the memory is enough "
        f"for {smaller}; also close what else uses it."
    )
