"""A run that is interrupted at any line of any iteration goes on to the same picture, bit for bit."""

import os
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import helpers
from helpers.base.signals import Ended, ended_by_signals
from helpers.commands import render
from helpers.images import load_image
from helpers.runs.checkpoint import Keeper, load_run
from helpers.runs.painting import painting
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources
from helpers.transfer import coarse_to_fine, style_transfer

OURS = str(Path(helpers.__file__).parent)
no_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


class Interrupter:
    """A trace function that raises KeyboardInterrupt before the n-th line of ours; `lines` says how many there were."""

    def __init__(self, n=None):
        self.n, self.lines = n, 0

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.n:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("loop", [style_transfer, coarse_to_fine])
def test_fifty_interruptions_of_the_loop(loop, optimizer, network):
    side = 200 if loop is coarse_to_fine else 64  # two scales, or one
    content, style = (load_image(name, shape=(side, side)) for name in ("landscape", "monet"))

    def run(**options):
        return loop(content, style, network, steps=9, optimizer=optimizer, average=0.5, **options)

    with Interrupter() as whole:
        *_, expected = run()
    chance, begun = random.Random(5), 0
    for _ in range(50):
        last = None
        with Interrupter(chance.randrange(1, whole.lines + 1)), pytest.raises(KeyboardInterrupt):
            for step in run():
                last = step
        if last is None:
            continue
        begun += 1
        state = last.state_dict()
        assert state["iteration"] == last.iteration
        *_, last = [last, *run(resume=state)]
        assert last.iteration == 9 and last.image.equal(expected.image)
    assert begun >= 25


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_twenty_interruptions_of_the_command(optimizer, tmp_path, capsys):
    def arguments(name):
        return ["portrait", "monet", "--size", "64", "--steps", "9", "--every", "2", "--optimizer", optimizer,
                "--out", str(tmp_path / name)]  # fmt: skip

    with Interrupter() as whole:
        assert render.main(arguments("whole.png")) == 0
    expected = load_image(tmp_path / "whole.png")
    chance, resumed = random.Random(6), 0
    for n in range(20):
        with Interrupter(chance.randrange(1, whole.lines + 1)):
            assert render.main(arguments(f"{n}.png")) in (130, 0)  # 0: in what is no longer the run's
        out = tmp_path / f"{n}.png"
        if out.with_suffix(".checkpoint").exists():
            assert render.main([*arguments(out.name), "--resume"]) == 0
            resumed += 1
        assert not out.exists() or load_image(out).equal(expected)
        assert {path.name for path in tmp_path.glob(f"*{n}.png*")} <= {out.name}
    assert resumed >= 10


def test_another_number_of_threads_is_said(tmp_path):
    out = tmp_path / "x.png"
    settings = Settings(size=64, steps=4)
    first = next(painting(settings, load_sources(settings)))
    keeper = Keeper(out)
    keeper.keep(first.state_dict(), settings, [first])
    keeper.release()
    run = load_run(keeper.path)
    assert run.threads == torch.get_num_threads() and run.caveat == ""
    assert "began with 99 threads" in replace(run, threads=99).caveat
    assert "begins anew" in replace(run, threads=99, state_dict={}).caveat


@no_signals
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_the_process_interrupts_once(name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with pytest.raises(Ended) as ended, ended_by_signals():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGTERM)  # nothing happens
    assert ended.value.number == number
    assert signal.getsignal(number) is before


@no_signals
def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
