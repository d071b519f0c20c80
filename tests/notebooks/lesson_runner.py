"""A pytest plugin, and the one file that knows which runner executes the notebooks: nbval.

nbval compares texts. After it has executed a cell, the figures are compared here, by `figures.py`. A cell's tags may
excuse it: `nbval-ignore-output` from both, `figure-varies` from the comparison of figures, where a tiny difference in
rounding grows to one that can be seen.
"""

import pytest
from figures import differences
from nbval.plugin import IPyNbCell

UNCOMPARED = {"nbval-ignore-output", "figure-varies"}  # tags


class FigureDiffersError(AssertionError):
    """Raised where a cell's figure does not look as it is stored."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Compares the figures of a notebook's cell, once the cell has been executed and its texts were the same."""
    outcome = yield
    compared = isinstance(item, IPyNbCell) and UNCOMPARED.isdisjoint(item.cell.metadata.get("tags", ()))
    if compared and not outcome.excinfo:
        problems = differences(item.test_outputs, item.cell.outputs)
        if problems:
            outcome.force_exception(FigureDiffersError(" ".join(problems)))
