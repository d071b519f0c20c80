"""Runs that are killed at any moment, a disk that fills up, and several runs in one folder."""

import random
import re
import resource
import signal
import subprocess
import time

import pytest

from helpers.engine.state_files import load_state
from helpers.images import load_image
from helpers.runs.recipe import load_recipe

EVERY = 4
STEPS = {"adam": 80, "lbfgs": 24}


def arguments(out, optimizer):
    return [
        "render", "landscape", "monet", "--size", 160, "--steps", STEPS[optimizer], "--every", EVERY,
        "--optimizer", optimizer, "--out", out,
    ]  # fmt: skip


@pytest.fixture(scope="module", params=["adam", "lbfgs"])
def uninterrupted(request, tmp_path_factory):
    """(optimizer, the picture, the seconds that the command takes)"""
    import sys

    out = tmp_path_factory.mktemp("whole") / "picture.png"
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "helpers", *map(str, arguments(out, request.param))], check=True)
    return request.param, load_image(out), time.monotonic() - began


def test_a_render_that_is_killed_loses_at_most_an_interval_and_goes_on_bit_for_bit(
    uninterrupted, command, tmp_path, rounds
):
    optimizer, whole, seconds = uninterrupted
    chance, resumed = random.Random(7), 0
    for n in range(10 * rounds):
        out = tmp_path / f"{n}.png"
        process = command(*arguments(out, optimizer))
        if n % 4:  # while it paints, about half the time of the command; else at any moment
            said = process.stdout.readline()
            time.sleep(chance.random() * seconds / 2)
        else:
            said = ""
            time.sleep(chance.random() * seconds)
        process.send_signal(signal.SIGKILL)
        said += process.communicate()[0]
        shown = [int(line) for line in re.findall(r"^iteration +(\d+):", said, re.M)]
        if out.exists():
            assert load_image(out).shape[1] == 3  # whole
        if not out.with_suffix(".checkpoint").exists():
            assert not out.exists() or load_recipe(out)["iteration"] == STEPS[optimizer]  # not yet begun, or finished
            continue
        if out.with_suffix(".checkpoint").stat().st_size:
            # A line is printed before the checkpoint of its iteration is written.
            assert load_state(out.with_suffix(".checkpoint"))[0].get("iteration", 0) >= max(shown, default=0) - EVERY
        again = command("render", "--resume", out)
        said, error = again.communicate(timeout=120)
        assert again.returncode == 0, error
        assert load_image(out).equal(whole)
        assert sorted(path.name for path in tmp_path.glob(f"{n}.*")) == [out.name]
        resumed += 1
    assert resumed >= 3 * rounds


KERNEL = """
import sys, time
from pathlib import Path
from helpers.base import places
from helpers.runs import checkpoint
places.RESULTS = Path(sys.argv[1])
checkpoint.INTERVAL = 0
from helpers.studio import studio
studio.INTERVAL = 0
made = studio.Studio("landscape", "monet", size=128, steps=100)
made.start()
while True:
    print(made.session.iteration, flush=True)
    time.sleep(0.01)
"""


def test_a_kernel_that_is_killed_under_a_studio(tmp_path, monkeypatch, rounds):
    import sys

    from helpers.base import places
    from helpers.commands import render
    from helpers.studio import studio

    monkeypatch.setattr(places, "RESULTS", tmp_path)
    chance = random.Random(3)
    for _ in range(4 * rounds):
        process = subprocess.Popen([sys.executable, "-c", KERNEL, tmp_path], stdout=subprocess.PIPE, text=True)
        enough, seen = chance.randrange(3, 60), 0
        while seen < enough:
            seen = int(process.stdout.readline())
        process.kill()
        process.communicate()
        made = studio.Studio("portrait", "picasso")
        made.go_on()
        try:
            # One checkpoint may have been under way, and an iteration takes a hundredth of a second.
            assert made.session.iteration >= seen - 5
            end = time.monotonic() + 60
            while made.status != "done":
                assert made.status in ("running", "done") and time.monotonic() < end
                time.sleep(0.01)
            saved = made.save()
        finally:
            made.close()
        assert render.main(["--recipe", str(saved), "--out", str(tmp_path / "again.png")]) == 0
        assert load_image(tmp_path / "again.png").equal(load_image(saved))
        assert not list(tmp_path.glob("*.checkpoint"))


def no_more_than_60_kb():
    """In a process that is about to start: it may write no larger file, which is like a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


def test_a_disk_that_fills_up(command, tmp_path):
    out = tmp_path / "picture.png"
    command("render", "--size", 64, "--steps", 3, "--out", out).communicate()
    before = out.read_bytes()
    assert len(before) < 60_000
    process = command(
        "render", "--size", 400, "--steps", 6, "--every", 2, "--out", out, preexec_fn=no_more_than_60_kb
    )  # fmt: skip
    printed, said = process.communicate()
    assert process.returncode == 2
    assert printed.count("iteration") == 3  # to the end, in the hope that there is room by then
    assert "could not be written: File too large. Free some space" in said and "could not be resumed" in said
    assert "Traceback" not in said
    assert out.read_bytes() == before
    assert {path.suffix for path in tmp_path.iterdir()} <= {".png", ".checkpoint"}


def test_four_runs_in_one_folder_do_not_meet(command, tmp_path, monkeypatch):
    """Two pairs of the same pictures and settings at once: each ends with its own file, and nothing is left over."""
    from helpers.base.places import RESULTS

    before = set(RESULTS.iterdir())
    runs = [command("render", "portrait", "picasso", "--size", 64, "--steps", 30, "--every", 3) for _ in range(4)]
    outs = [run.communicate(timeout=300)[0].splitlines()[-1] for run in runs]
    try:
        assert len(set(outs)) == 4
        first, *others = (load_image(out) for out in outs)
        assert all(first.equal(other) for other in others)
        assert {path.name for path in set(RESULTS.iterdir()) - before} == {out.rsplit("/", 1)[1] for out in outs}
    finally:
        for path in set(RESULTS.iterdir()) - before:
            path.unlink()
