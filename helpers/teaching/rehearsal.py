"""The rehearsal of a lesson: runs all cells as in class, and prints how long the slow ones took."""

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from helpers.base.errors import TeachingError
from helpers.base.units import duration

NOTICEABLE = 2.0  # seconds of waiting that a class notices
CELL_SECONDS = 600  # seconds that a cell may take


def read(path: Path) -> NotebookNode:
    """Reads a notebook; raises TeachingError for a file that is not one, or is damaged."""
    try:
        return nbformat.read(path, as_version=4)
    # A damaged file can make the reader raise nearly anything.
    except Exception as error:
        raise TeachingError(f"'{path}' is no notebook, or damaged ({str(error).splitlines()[0]}).") from None


def rehearse(path: Path) -> bool:
    """Runs a notebook's cells in a new kernel, prints the slow ones, and returns whether every cell ran without error.

    The notebook's file stays as it is. Raises TeachingError for a file that is no notebook.
    """
    notebook = read(path)
    began: dict[int, float] = {}
    took: dict[int, float] = {}

    def begin(cell: NotebookNode, cell_index: int) -> None:
        began[cell_index] = time.perf_counter()

    def end(cell: NotebookNode, cell_index: int, **_: object) -> None:
        took[cell_index] = time.perf_counter() - began[cell_index]

    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"], on_cell_execute=begin, on_cell_executed=end,
    )  # fmt: skip
    print(f"{path.stem} ...", flush=True)
    start, failure = time.perf_counter(), ""
    try:
        client.execute()
    except CellExecutionError as error:
        failure = f"{error.ename}: {error.evalue}"
    except (CellTimeoutError, DeadKernelError) as error:
        failure = str(error).splitlines()[0]
    for index, seconds in took.items():
        if seconds >= NOTICEABLE:
            print(f"  {duration(seconds):>10}  cell {index + 1}: {_first_line(notebook.cells[index])}")
    total = duration(time.perf_counter() - start)
    if not failure:
        print(f"  {total:>10}  in all; every cell ran")
        return True
    last = max(began, default=0)
    print(f"  FAILED in cell {last + 1}: {_first_line(notebook.cells[last])}\n  {failure}")
    return False


def _first_line(cell: NotebookNode) -> str:
    return (cell.source.splitlines() or [""])[0][:80]
