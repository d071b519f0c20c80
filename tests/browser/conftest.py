"""JupyterLab in a browser, where there is one; elsewhere these tests are left out, which the summary says."""

from contextlib import ExitStack

import pytest
from chrome import missing

collect_ignore_glob = ["test_*.py"] if missing() else []


def pytest_terminal_summary(terminalreporter):
    if missing():
        terminalreporter.write_line(f"The tests in a browser were left out: {missing()}.")


@pytest.fixture(scope="session", params=["default", "disabled"])
def lab(request, tmp_path_factory):
    """JupyterLab, with comms over subshells as they come and without; `folder` is what it serves."""
    from lab import jupyterlab

    folder = tmp_path_factory.mktemp(f"lab-{request.param}")
    with jupyterlab(folder, None if request.param == "default" else request.param) as running:
        yield running


@pytest.fixture
def open_notebook(lab, browser):
    """Opens a notebook of the given name, and cells if it is new, in a page and with a kernel of its own."""
    from lab import opened

    with ExitStack() as stack:
        yield lambda name, *cells, **where: stack.enter_context(opened(lab, browser, name, *cells, **where))
