"""Tests that take long because they try often. `--rounds N` has them try N times as often."""

import resource
import subprocess
import sys
from pathlib import Path

import chrome
import hub
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

no_hub = chrome.missing() or hub.missing()
collect_ignore = ["test_hub.py"] if no_hub else []


def pytest_terminal_summary(terminalreporter):
    if no_hub:
        terminalreporter.write_line(f"The test of a class on a JupyterHub was left out: {no_hub}.")


def pytest_addoption(parser):
    parser.addoption("--rounds", type=int, default=1, help="how many times as often tests/stress tries")


@pytest.fixture(scope="session")
def rounds(request):
    return request.config.getoption("--rounds")


@pytest.fixture
def command():
    """Starts `python -m helpers ...`; what still runs at the end of the test is killed."""
    started = []

    def start(*arguments, **options):
        options = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        started.append(subprocess.Popen([sys.executable, "-m", "helpers", *map(str, arguments)], **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def peak():
    """The most memory that this process has had, in bytes."""
    return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
