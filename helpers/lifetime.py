"""Live outputs and their notebook: reachable while a cell runs, and ended when closed, run again or left behind."""

import atexit
import threading
import weakref
from collections.abc import Callable

import ipywidgets as widgets
from IPython import get_ipython

from helpers.threads import release_workers

MOVED = 0.4  # seconds: an output that is being moved has no view for a moment, a closed one from now on

# Output -> the cell that made it, and which run of that cell. An output has close(), and end() for its run alone.
opened: "weakref.WeakKeyDictionary[widgets.DOMWidget, tuple[str | None, str | None]]" = weakref.WeakKeyDictionary()


def reachable_while_busy(widget: widgets.Widget) -> None:
    """Has what is done to a widget and its parts arrive at once, where the browser can see to that, and not queue.

    JupyterLab (from 4.4 on, with ipykernel 7) sends it past the cells to a thread of its own, a subshell. But ipykernel
    from 7.4 on redirects it to where the widget was last changed from: the cells' own queue, for what a cell made.
    """
    for part in getattr(widget, "children", ()):
        reachable_while_busy(part)
    if widget.comm is not None:
        widget.comm._reply_subshell_for = lambda data, chosen_by_browser: chosen_by_browser


def take_place(output: widgets.DOMWidget) -> None:
    """Closes what this cell made when it was run before. What other cells made, and this run, stays as it is."""
    request = getattr(get_ipython(), "get_parent", dict)()
    cell, run = request.get("metadata", {}).get("cellId"), request.get("header", {}).get("msg_id")
    for other, (its_cell, its_run) in list(opened.items()):
        if cell and its_cell == cell and its_run != run:
            other.close()
    opened[output] = cell, run


def watch_views(widget: widgets.DOMWidget, seen: Callable[[], None], closed: Callable[[], None]) -> None:
    """Calls seen() when a browser shows a widget that had no view, and closed() when its last view has been closed."""

    def counted(change: dict) -> None:
        if not change["new"]:
            threading.Timer(MOVED, lambda: widget._view_count or closed()).start()
        elif not change["old"]:
            seen()

    widget._view_count = 0  # instead of None: the browser shall count
    widget.observe(counted, "_view_count")


def compute_aside() -> None:
    """Has this notebook's own thread, after each cell, give way to what is computed in others."""
    events = getattr(get_ipython(), "events", None)
    if events and _give_way not in events.callbacks["post_run_cell"]:
        events.register("post_run_cell", _give_way)


def _give_way(_: object) -> None:
    release_workers()


@atexit.register
def stop_all() -> None:
    """Ends every run before the interpreter goes: a thread in the middle of a computation would crash it."""
    for output in list(opened):
        output.end()
