"""Whatever arguments are given: a picture, or an error that teaches."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.base.errors import TeachingError
from helpers.commands import render
from helpers.engine.scales import plan
from helpers.images import load_image, noise_like
from helpers.losses import Weights
from helpers.runs.settings import Settings
from helpers.transfer import coarse_to_fine, style_transfer
from helpers.vgg import LAYERS, load_vgg19

numbers = st.one_of(st.floats(), st.integers(-5, 5), st.sampled_from([0, 1e12, 1e300, math.nan, -math.inf]))
anything = st.one_of(numbers, st.none(), st.text(max_size=8), st.booleans(), st.lists(st.integers(), max_size=2))
names = st.one_of(st.sampled_from([*LAYERS.values(), "conv4_5", "relu1_1"]), st.text(max_size=6))
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def model():
    return load_vgg19(device="cpu")


@often
@given(data=st.data())
def test_style_transfer(model, data):
    sides = st.integers(30, 70)
    content, style = (noise_like(torch.empty(1, 3, data.draw(sides), data.draw(sides)), seed) for seed in (1, 2))
    chosen = data.draw(
        st.fixed_dictionaries(
            {"steps": st.one_of(st.integers(-1, 2), anything.filter(lambda n: not isinstance(n, int)))},
            optional={
                "start": st.one_of(st.sampled_from(["noise", "content", "style"]), anything),
                "optimizer": st.one_of(st.sampled_from(["adam", "lbfgs"]), anything),
                "learning_rate": st.one_of(numbers, anything),
                "content_layer": names,
                "average": anything,
                "precision": st.one_of(st.sampled_from(["auto", "float32"]), anything),
                "relative": st.booleans(),
                "seed": st.one_of(st.integers(), anything),
            },
        )
    )
    method = data.draw(st.sampled_from([style_transfer, coarse_to_fine]))
    try:
        for step in method(content, style, model, **chosen):
            assert step.image.isfinite().all() and step.image.shape[1] == 3
    except TeachingError as error:
        assert len(str(error)) > 20


@often
@given(st.tuples(anything, anything, anything, st.dictionaries(names, anything, max_size=3)))
def test_weights(values):
    try:
        weights = Weights(*values)
    except TeachingError as error:
        assert len(str(error)) > 20
    else:
        assert all(
            math.isfinite(x) and x >= 0 for x in (weights.content, weights.style, weights.tv, *weights.layers.values())
        )


@often
@given(size=anything, shape=st.one_of(st.none(), anything, st.tuples(st.integers(-5, 99), st.integers(-5, 99))))
def test_load_image(size, shape):
    try:
        image = load_image("landscape", size, shape)
    except TeachingError as error:
        assert len(str(error)) > 20
    else:
        assert image.shape[:2] == (1, 3) and min(image.shape[2:]) >= 32


@often
@given(st.integers(32, 10_000), st.integers(0, 2000), st.integers(1, 6), st.sampled_from(["adam", "lbfgs"]))
def test_a_plan_has_all_iterations_and_rising_sizes(short_side, steps, scales, optimizer):
    divisors, firsts, lasts = zip(*plan(short_side, steps, scales, optimizer), strict=True)
    assert list(divisors) == sorted(divisors, reverse=True)
    assert divisors[-1] == 1 and len(divisors) <= scales
    assert firsts == (0, *lasts[:-1]) and lasts[-1] == steps
    assert steps == 0 or all(last > first for first, last in zip(firsts, lasts, strict=True))


FLAGS = ("--size", "--steps", "--network", "--pooling", "--content-weight", "--style-weight", "--layer", "--optimizer",
         "--learning-rate", "--start", "--seed", "--until", "--every", "--out", "--recipe", "--precision")  # fmt: skip


@often
@given(
    st.lists(
        st.tuples(st.sampled_from(FLAGS), st.one_of(anything.map(str), st.sampled_from(["64", "conv1_1=2"]))),
        max_size=4,
    )
)
def test_the_command_line(typed):
    try:
        render.resolve(render.parser().parse_args([f"{flag}={value}" for flag, value in typed]))
    except TeachingError as error:
        assert len(str(error)) > 20


@often
@given(
    st.one_of(
        anything, st.lists(st.dictionaries(st.sampled_from(["iteration", "style_weight", "layer", "x"]), anything))
    )
)
def test_changes_and_restarts(told):
    for name in ("changes", "restarts", "layer"):
        try:
            Settings(**{name: told})
        except TeachingError as error:
            assert len(str(error)) > 20


def test_fifty_runs_in_one_process_do_not_grow(model):
    import psutil

    content, style = load_image("landscape", 192), load_image("monet", 192)
    used = []
    for n in range(50):
        for _ in coarse_to_fine(content, style, model, steps=8, optimizer="lbfgs" if n % 5 == 0 else "adam"):
            pass
        used.append(psutil.Process().memory_info().rss)
    assert max(used[-10:]) - max(used[10:20]) < 20 * 2**20


def test_render_refuses_what_would_not_fit(monkeypatch, capsys, tmp_path):
    from helpers.runs import estimate

    monkeypatch.setattr(estimate, "free_memory", lambda device: 200_000_000)
    assert render.main(["--size", "768", "--out", str(tmp_path / "out.png")]) == 2
    said = capsys.readouterr().err
    size = int(said.split("--size ")[1].split(")")[0])
    assert 100 < size < 768
    assert render.main(["--size", str(size), "--steps", "1", "--out", str(tmp_path / "out.png")]) == 0
