"""Torch's threads in a container that may use only some of the processors."""

import ctypes
import sys
import time

import psutil
import pytest
import torch

from helpers.engine import threads


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({}, None),
    ],
)
def test_a_containers_share_is_read(tmp_path, files, share):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert threads.container_share(tmp_path) == share


@pytest.mark.parametrize(
    ("share", "set_by_hand", "expected"), [(1.5, None, 2), (0.5, None, 1), (9, None, 4), (None, None, 4), (1, "3", 4)]
)
def test_torch_keeps_to_the_share_unless_somebody_has_said_otherwise(monkeypatch, share, set_by_hand, expected):
    using = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: using[0])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: using.__setitem__(0, n))
    monkeypatch.setattr(threads, "container_share", lambda: share)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_by_hand:
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_hand)
    threads.limit_threads()
    assert using == [expected]


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(torch._C.__file__), "omp_pause_resource_all"),
    reason="this torch comes without GNU's OpenMP, or with one that cannot",
)
def test_workers_are_let_go_and_come_back():
    threads_before = torch.get_num_threads()
    torch.set_num_threads(3)
    big, process = torch.ones(3, 1_000_000), psutil.Process()

    def becomes(count):
        end = time.monotonic() + 10  # a thread that has been let go takes a moment to be gone
        while process.num_threads() != count and time.monotonic() < end:
            time.sleep(0.01)
        return process.num_threads() == count

    try:
        assert (big * 2).sum() == 6_000_000
        with_workers = process.num_threads()
        for _ in range(2):
            threads.release_workers()
            assert becomes(with_workers - 2)
            assert (big * 2).sum() == 6_000_000
            assert becomes(with_workers)
    finally:
        torch.set_num_threads(threads_before)
