"""Live outputs in a notebook: they react while a cell runs, and end when they are closed or their cell runs again."""

import atexit
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ipywidgets as widgets
from IPython import get_ipython
from jupyter_ui_poll import ui_events

from helpers.engine.private import answer_where_the_browser_asks, count_views, views
from helpers.engine.threads import release_workers

MOVE_SECONDS = 0.4  # an output without a view for this long was closed; one that is moved gets its view back sooner

# Output -> the cell that made it, and the id of that execution. An output has close(), and end() for its run alone.
opened: "weakref.WeakKeyDictionary[widgets.DOMWidget, tuple[str | None, str | None]]" = weakref.WeakKeyDictionary()


def reachable_while_busy(widget: widgets.Widget) -> None:
    """Lets a widget and its parts react while a cell runs, if the front end can do that."""
    for part in getattr(widget, "children", ()):
        reachable_while_busy(part)
    answer_where_the_browser_asks(widget)


@contextmanager
def events_while_busy() -> Iterator[Callable[[], None] | None]:
    """Gives a function that handles what widgets have sent so far, for a cell that keeps the kernel busy.

    jupyter-ui-poll does this with ipykernel 6, where one message waits for the other. Later ones have subshells, and no
    longer the method that it calls; with them, and outside of a notebook, there is None.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if not hasattr(kernel, "do_one_iteration"):
        yield None
        return
    with ui_events() as handle:
        yield lambda: handle(10)


def take_place(output: widgets.DOMWidget) -> None:
    """Closes this cell's outputs from earlier executions. Those of other cells, and of this execution, stay open."""
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
            threading.Timer(MOVE_SECONDS, lambda: views(widget) or closed()).start()
        elif not change["old"]:
            seen()

    count_views(widget, counted)


def compute_aside() -> None:
    """Makes the notebook's thread end its OpenMP workers after each cell, as they would slow down other threads."""
    events = getattr(get_ipython(), "events", None)
    if events and _give_way not in events.callbacks["post_run_cell"]:
        events.register("post_run_cell", _give_way)


def _give_way(_: object) -> None:
    release_workers()


@atexit.register
def stop_all() -> None:
    """Ends every run before the interpreter exits: a thread in the middle of a computation would crash it."""
    for output in list(opened):
        output.end()
