"""A pytest plugin, and the one file that knows which runner executes the notebooks: nbval.

nbval compares texts. After it has executed a cell, the figures are compared here, by `figures.py`, and the numbers that
the text marks with ≈, which nbval leaves out, by `measured.py`. A cell's tags may excuse it: `nbval-ignore-output` from
everything, `figure-varies` from the comparison of figures, where a tiny difference in rounding grows to one that can be
seen.
"""

from copy import deepcopy

import figures
import measured
import pytest
from nbval.plugin import IPyNbCell


class OutputDiffersError(AssertionError):
    """Raised where a cell's figure or its measured numbers are not as they are stored."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Compares figures and numbers of a notebook's cell, once it has been executed and its texts were the same."""
    # As it is before the test, for nbval joins a cell's streams in place and leaves the parts behind.
    stored = deepcopy(item.cell.outputs) if isinstance(item, IPyNbCell) else None
    outcome = yield
    if not isinstance(item, IPyNbCell) or outcome.excinfo:
        return
    tags = item.cell.metadata.get("tags", ())
    if "nbval-ignore-output" in tags:
        return
    problems = measured.differences(item.test_outputs, stored)
    if "figure-varies" not in tags:
        problems += figures.differences(item.test_outputs, stored)
    if problems:
        outcome.force_exception(OutputDiffersError(" ".join(problems)))
