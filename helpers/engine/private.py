"""The places where we rely on private parts of other libraries, kept together in one file.

They were seen to work with torch 2.14.1, ipykernel 7.4.0, ipywidgets 8.1.9 and JupyterLab 4.6.6. If a private part is
missing, as OpenMP's is in torch 2.4.1, only the feature that needs it is lost.
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

SOFT = 1  # omp_pause_soft, OpenMP 5.2, section 18.6.1


def pause_openmp() -> None:
    """Ends the calling thread's OpenMP workers; they come back when the thread computes again.

    torch itself has no function for this. Its library exports OpenMP's omp_pause_resource_all if it was built with GNU
    OpenMP from GCC 9 or newer; otherwise this does nothing.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(torch._C.__file__).omp_pause_resource_all(SOFT)


def answer_where_the_browser_asks(widget: Any) -> None:
    """Makes the kernel handle a widget's messages in the thread that the browser sends them to.

    JupyterLab (from 4.4 on, with ipykernel 7) sends them to a separate thread, a subshell, where no cell is in their
    way. But ipykernel from 7.4 on redirects them to the thread from which the widget was last changed. For a widget
    that a cell made, this is the thread of the cells, where they wait until the cell has ended.
    """
    if widget.comm is not None:
        widget.comm._reply_subshell_for = lambda data, chosen_by_browser: chosen_by_browser


def count_views(widget: Any, changed: Callable[[dict], None]) -> None:
    """Makes the browser count a widget's views; calls changed(change) whenever their number changes."""
    if widget.has_trait("_view_count"):
        widget._view_count = 0  # instead of None, which tells the browser not to count
        widget.observe(changed, "_view_count")


def views(widget: Any) -> int:
    """How many views of a widget the browser shows; 0 if that is not known."""
    return getattr(widget, "_view_count", 0) or 0
