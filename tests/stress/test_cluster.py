"""A gallery on a Dask cluster: a scheduler and two workers in processes of their own, one of which is killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from helpers.commands import gallery

ROOT = Path(__file__).resolve().parents[2]
# One thread each, so that sums are made in the same order everywhere.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
GALLERY = ["--content", "landscape", "portrait", "--style", "monet", "picasso", "--vary", "seed=1,2,3",
           "--size", "96", "--steps", "60", "--style-share", "van_gogh=0.5"]  # fmt: skip


def started(stack: ExitStack, *command: str) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE)
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*--*.png")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, bytes]:
    """The pictures, made in one process."""
    folder = tmp_path_factory.mktemp("alone")
    command = [sys.executable, "-m", "helpers", "gallery", *GALLERY, "--folder", str(folder)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, timeout=300)
    return pictures(folder)


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, capsys):
    assert gallery.main([*GALLERY, "--folder", str(tmp_path), "--scheduler", "nonsense://here"]) == 2
    assert "There is no scheduler at 'nonsense://here'" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@contextmanager
def at_work(tmp_path: Path, workers: int) -> Iterator[tuple[subprocess.Popen, subprocess.Popen, list, Path]]:
    """A gallery that has three pictures and makes the others: its process, the scheduler, the workers, the folder."""
    with ExitStack() as stack:
        told = tmp_path / "scheduler.json"
        scheduler = started(stack, "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1",
                            "--no-dashboard", "--scheduler-file", str(told))  # fmt: skip
        running = [
            started(stack, "distributed.cli.dask_worker", "--scheduler-file", str(told), "--nthreads", "1",
                    "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / str(number)))
            for number in range(workers)
        ]  # fmt: skip
        while not told.exists():
            assert scheduler.poll() is None  # is `distributed` installed?
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        out = tmp_path / "out"
        client = started(stack, "helpers", "gallery", *GALLERY, "--folder", str(out), "--scheduler", address)
        while len(pictures(out)) < 3:
            assert client.poll() is None
            time.sleep(0.05)
        yield client, scheduler, running, out


@pytest.mark.parametrize("killed", [False, True], ids=["both workers", "one is killed"])
def test_a_cluster_makes_the_same_pictures(alone, killed, tmp_path):
    with at_work(tmp_path, workers=2) as (client, _, workers, out):
        if killed:
            workers[0].kill()
            assert len(pictures(out)) < len(alone)
        _, said = client.communicate(timeout=300)
        assert client.returncode == 0, said.decode()
        assert pictures(out) == alone
        assert len(alone) == 12


def test_a_scheduler_that_is_lost_is_one_line_and_what_is_finished_is_shown(tmp_path):
    with at_work(tmp_path, workers=1) as (client, scheduler, _, out):
        scheduler.kill()
        _, said = client.communicate(timeout=120)
        assert client.returncode == 2
        assert "was lost; the same command goes on with the rest." in said.decode()
        assert 'Traceback (most recent call last):\n  File "<frozen runpy>' not in said.decode()
        assert (out / "index.html").exists()
        assert 3 <= len(pictures(out)) < 12
