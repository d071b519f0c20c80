"""Memory that stays with the process from one iteration to the next (on Linux, where the C library is GNU's)."""

import ctypes
import sys
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")

# https://man7.org/linux/man-pages/man3/mallopt.3.html and malloc_trim.3.html
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 32 << 20  # bytes
UNBOUNDED = 2**31 - 1


def kept(run: Iterator[Item]) -> Iterator[Item]:
    """The same run; meanwhile freed blocks of up to 32 MiB wait for the next iteration, which needs them again.

    Else the system takes them back and hands them out anew, page by page and filled with zeros: up to an eighth of an
    iteration's work. In the end all of them are given back. Larger ones, kept, would leave memory in pieces.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    glibc = library if hasattr(library, "mallopt") else None  # musl, for one, has none
    if glibc:
        glibc.mallopt(M_MMAP_THRESHOLD, LARGEST)
        glibc.mallopt(M_TRIM_THRESHOLD, UNBOUNDED)
    try:
        yield from run
    finally:
        if glibc:
            glibc.malloc_trim(0)
