"""Memory between iterations: no page is asked for twice, and in the end the system has it back."""

import json
import subprocess
import sys

import pytest

from helpers.engine import memory

# In a process of its own, because glibc's settings cannot be taken back.
PROGRAM = """
import json, resource, sys, psutil, torch
from helpers.engine import memory

def run():
    while True:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.ones(5_000_000) for _ in range(10)]  # of 20 MB
        del blocks
        yield resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

rss, iterations = psutil.Process().memory_info().rss, memory.reused(run())
faults = [next(iterations) for _ in range(6)]
held = psutil.Process().memory_info().rss - rss
iterations.close()
print(json.dumps([faults, held, psutil.Process().memory_info().rss - rss]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap is Linux's")
def test_an_iterations_memory_waits_for_the_next_and_is_given_back_at_the_end():
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    faults, held, in_the_end = json.loads(found.stdout)
    pages = 10 * 20_000_000 // 4096
    assert faults[0] > 0.9 * pages and max(faults[-3:]) < 0.01 * pages
    assert held > 150e6 and in_the_end < 50e6


def test_without_glibc_it_is_the_same_run(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert list(memory.reused(iter([1, 2, 3]))) == [1, 2, 3]
