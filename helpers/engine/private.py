"""Where we reach into private parts of other libraries: all such places, and no other file has one.

Each was seen to work with torch 2.4 to 2.14, ipykernel 6.29 to 7.4, ipywidgets 8.1 and JupyterLab 4.2 to 4.6. Where a
part is missing, what it is for is left out, and everything else goes on.
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

SOFT = 1  # omp_pause_soft, OpenMP 5.2, section 18.6.1


def pause_openmp() -> None:
    """Has the calling thread's OpenMP workers end; they come back when it computes again.

    torch offers no way to do so. Its library exports OpenMP's omp_pause_resource_all where it was built with GNU's of
    GCC 9 or newer; elsewhere this does nothing.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(torch._C.__file__).omp_pause_resource_all(SOFT)


def answer_where_the_browser_asks(widget: Any) -> None:
    """Has a widget's messages answered in the thread that the browser sends them to.

    JupyterLab (from 4.4 on, with ipykernel 7) sends them past the cells to a thread of its own, a subshell. But
    ipykernel from 7.4 on redirects them to where the widget was last changed from: for what a cell made, the cells' own
    queue, where they wait until the cell has ended.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = lambda data, chosen_by_browser: chosen_by_browser


def count_views(widget: Any, changed: Callable[[dict], None]) -> None:
    """Has the browser count a widget's views, and calls changed(change) whenever their number changes."""
    if widget.has_trait("_view_count"):
        widget._view_count = 0  # instead of None, which means that nobody counts
        widget.observe(changed, "_view_count")


def views(widget: Any) -> int:
    """How many views of a widget the browser shows; 0 where that is not known."""
    return getattr(widget, "_view_count", 0) or 0
