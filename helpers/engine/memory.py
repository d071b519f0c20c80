"""Memory: how much is free, what stays with the process between two iterations, and what is said when it ran out."""

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
KEPT_BLOCK = 32 << 20  # bytes: larger blocks, if they stayed, would leave the memory in pieces
UNBOUNDED = 2**31 - 1


def reused(run: Iterator[Item]) -> Iterator[Item]:
    """The same run; meanwhile freed blocks of up to 32 MiB wait for the next iteration, which needs them again.

    Otherwise the system takes them back and hands them out anew, page by page and filled with zeros, which is up to an
    eighth of an iteration's work. At the end all of them are given back. On Linux, where the C library is GNU's;
    elsewhere nothing is changed.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    glibc = library if hasattr(library, "mallopt") else None  # musl, for one, has none
    if glibc:
        glibc.mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK)
        glibc.mallopt(M_TRIM_THRESHOLD, UNBOUNDED)
    try:
        yield from run
    finally:
        if glibc:
            glibc.malloc_trim(0)


def free_memory(device: torch.device) -> int:
    """Bytes that a run on the device may still take."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


@contextmanager
def explained_memory(image: Tensor) -> Iterator[None]:
    """Raises TeachingError, with a size to try, where the memory of a GPU or of the machine is not enough.

    image: (1, 3, H, W), what is being painted.
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
    # Raised out here, where the failed computation is no longer referred to and its memory is free again.
    raise TeachingError(
        f"The memory was not enough for a picture of {width} x {height} pixels ({reason}). Half the memory is enough "
        f"for {smaller}; also close what else uses it."
    )
