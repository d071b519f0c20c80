"""The loop: what it minimises, what it yields, and what it does when things go wrong."""

import itertools
import math
import threading
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from helpers import transfer
from helpers.base.errors import TeachingError
from helpers.engine.guards import DivergedError, guarded
from helpers.engine.optimizers import make_optimizer
from helpers.engine.scales import plan
from helpers.images import BLACK, MEAN, STD, WHITE, load_image, noise_like
from helpers.losses import Weights, content_loss, gram_matrix, report_schedule, style_loss, total_variation_loss
from helpers.manner import Manner
from helpers.objective import Objective
from helpers.transfer import Transfer, coarse_to_fine, largest_growth, style_transfer
from helpers.vgg import LAYERS, get_features, load_vgg19


@dataclass(frozen=True)
class OneLoss:
    """The terms of an objective that is a single loss."""

    loss: torch.Tensor

    def total(self, weights):
        return self.loss

    def numbers(self, weights, total):
        return {"loss": total.item()}


def descend(image, loss_fn, steps=400, optimizer="adam", **options):
    """The loop on any loss of an image."""
    transfer = Transfer(lambda x, _: OneLoss(loss_fn(x)), image, Weights(), steps=steps, optimizer=optimizer, **options)
    return guarded(transfer, image)


GOAL = (torch.tensor([0.2, 0.6, 0.9]).view(1, 3, 1, 1) - MEAN) / STD  # a colour


@pytest.fixture(scope="module")
def model(network):
    return network


@pytest.fixture(scope="module")
def pictures():
    """Content and style (1, 3, 48, 64) and (1, 3, 40, 56): a bright disc, and stripes."""
    y, x = torch.meshgrid(torch.arange(48), torch.arange(64), indexing="ij")
    disc = ((x - 32) ** 2 + (y - 24) ** 2 < 300).float().expand(1, 3, 48, 64)
    stripes = ((torch.arange(40)[:, None] + torch.arange(56)) // 4 % 2).float().expand(1, 3, 40, 56)
    return (disc - MEAN) / STD, (stripes * torch.tensor([1, 0.5, 0.1]).view(1, 3, 1, 1) - MEAN) / STD


def to_goal(image):
    return (image - GOAL).square().mean()


@pytest.mark.parametrize("optimizer, tolerance", [("adam", 0.05), ("lbfgs", 1e-3)])
def test_a_quadratic_is_minimised(optimizer, tolerance):
    steps = list(descend(torch.zeros(1, 3, 8, 8), to_goal, 60, optimizer))
    assert [step.iteration for step in steps] == list(range(1, 61))
    assert (steps[-1].image - GOAL).abs().max() < tolerance
    assert steps[0].loss == pytest.approx(to_goal(torch.zeros(1, 3, 8, 8)).item())  # measured before the update


def test_the_start_is_not_changed_and_every_image_is_ones_own():
    start = torch.zeros(1, 3, 8, 8)
    first, second = list(descend(start, to_goal, 2))
    assert (start == 0).all()
    assert not torch.equal(first.image, second.image)
    assert not second.image.requires_grad


def test_adam_keeps_to_real_colours_and_leaves_them_out_of_the_gradient():
    beyond = 3 * torch.ones(1, 3, 4, 4) / STD
    *_, last = descend(torch.zeros(1, 3, 4, 4), lambda x: (x - beyond).square().mean(), 60)
    assert torch.allclose(last.image * STD + MEAN, torch.ones(1, 3, 4, 4), atol=1e-6)


def test_one_step_of_adam_is_the_learning_rate():
    (step,) = descend(torch.zeros(1, 3, 4, 4), lambda x: x.sum(), 1, learning_rate=0.01)
    assert torch.allclose(step.image, torch.full((1, 3, 4, 4), -0.044), atol=1e-6)


def test_the_average_is_the_weighted_mean_of_the_iterates():
    plain = [s.image for s in descend(torch.zeros(1, 3, 4, 4), to_goal, 5)]
    *_, averaged = descend(torch.zeros(1, 3, 4, 4), to_goal, 5, average=0.5)
    weights = [0.5 ** (5 - i) for i in range(1, 6)]
    by_hand = sum(w * x for w, x in zip(weights, plain, strict=True)) / sum(weights)
    assert torch.allclose(averaged.image, by_hand, atol=1e-6)


@pytest.mark.parametrize("steps", [0, 3])
def test_the_number_of_steps(steps):
    assert len(list(descend(torch.zeros(1, 3, 8, 8), to_goal, steps))) == steps


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"optimizer": "sgd"}, "Unknown optimizer 'sgd'.*'adam' or 'lbfgs'"),
        ({"steps": -1}, "steps is the number of iterations.*-1"),
        ({"steps": 2.5}, "steps is the number of iterations.*2.5"),
        ({"learning_rate": 0}, "learning rate must be a number above 0"),
        ({"learning_rate": math.nan}, "learning rate must be a number above 0"),
        ({"learning_rate": 1e300}, r"learning rate must be 1e\+30 at most; got 1e\+300"),
        ({"average": 1}, "average must be from 0"),
        ({"betas": (0.9, 1)}, r"betas are two numbers from 0 to just under 1, such as \(0.9, 0.99\); got \(0.9, 1\)"),
        ({"betas": 0.9}, "betas are two numbers.*got 0.9"),
        ({"betas": "ab"}, "betas are two numbers.*got 'ab'"),
        ({"betas": ("a", 0.9)}, "betas are two numbers.*got \\('a', 0.9\\)"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(TeachingError, match=message):
        descend(torch.zeros(1, 3, 8, 8), to_goal, **arguments)


def poisoned(value):
    """A loss that is multiplied by a value in the fourth iteration, and a learning rate that tells it when that is."""
    now = []

    def rate(iteration):
        now[:] = [iteration]
        return 0.01

    return lambda image: to_goal(image) * (value if now == [4] else 1), rate


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e12])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_diverging_run_stops_and_hands_over_the_last_good_image(value, optimizer):
    loss, rate = poisoned(value)
    with pytest.raises(DivergedError, match=r"diverged at iteration 4.*learning rate") as error:
        list(descend(torch.zeros(1, 3, 8, 8), loss, 10, optimizer, learning_rate=rate))
    assert error.value.image.isfinite().all()
    assert error.value.image.shape == (1, 3, 8, 8)


def test_the_last_good_image_is_that_of_the_step_before():
    seen = []
    loss, rate = poisoned(math.nan)
    with pytest.raises(DivergedError) as error:
        for step in descend(torch.zeros(1, 3, 8, 8), loss, 10, learning_rate=rate):
            seen.append(step)
    assert len(seen) == 3
    assert torch.equal(error.value.image, seen[-1].image)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError(), torch.OutOfMemoryError("memory")],
)
def test_too_little_memory_ends_the_run_with_a_size_to_try(error):
    evaluations = itertools.count(1)

    def hungry(image):
        if next(evaluations) == 3:
            raise error
        return to_goal(image)

    run = descend(torch.zeros(1, 3, 80, 100), hungry, 5)
    with pytest.raises(TeachingError, match=r"not enough for a picture of 100 x 80 pixels .* for 70 x 56"):
        assert len(list(run)) == 2


def test_another_error_of_a_loss_is_left_as_it_is():
    def broken(image):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        next(descend(torch.zeros(1, 3, 8, 8), broken, 5))


def test_leaving_the_loop_early_loses_nothing():
    last = None
    for step in descend(torch.zeros(1, 3, 8, 8), to_goal, 400):
        last = step
        if step.iteration == 7:
            break
    assert last.iteration == 7
    assert to_goal(last.image) < to_goal(torch.zeros(1, 3, 8, 8))


def test_gradients_are_taken_in_any_thread_and_under_no_grad():
    images = []

    def run():
        with torch.no_grad():
            images.extend(step.image for step in descend(torch.zeros(1, 3, 8, 8), to_goal, 3))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(images) == 3
    assert to_goal(images[-1]) < to_goal(torch.zeros(1, 3, 8, 8))


def test_the_total_is_the_weighted_sum_of_the_terms_computed_by_hand(model, pictures):
    content, style = pictures
    weights = Weights(2.0, 30.0, 0.5, {"conv1_1": 0.7, "conv3_1": 0.2})
    (step,) = style_transfer(content, style, model, weights, steps=1, seed=5, precision="float32")
    start = noise_like(content, 5)
    got, wanted, manner = (get_features(x, model, LAYERS.values()) for x in (start, content, style))
    area = content.shape[2] * content.shape[3] / (style.shape[2] * style.shape[3])
    layers = {
        name: style_loss(got[name], gram_matrix(manner[name]) * area, relative=True).item()
        for name in ("conv1_1", "conv3_1")
    }
    assert step.layers == pytest.approx(layers, rel=1e-4)
    assert step.style == pytest.approx(0.7 * layers["conv1_1"] + 0.2 * layers["conv3_1"], rel=1e-4)
    assert step.content == pytest.approx(
        content_loss(got["conv4_2"], wanted["conv4_2"], relative=True).item(), rel=1e-4
    )
    assert step.tv == pytest.approx(total_variation_loss(start).item(), rel=1e-4)
    assert step.loss == pytest.approx(2 * step.content + 30 * step.style + 0.5 * step.tv, rel=1e-5)
    assert sum(step.weighted.values()) == pytest.approx(step.loss, rel=1e-5)
    assert str(step).startswith("iteration    1: total loss ")


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("relative", [True, False])
def test_the_loss_falls(model, pictures, optimizer, relative):
    weights = Weights() if relative else Weights(1, 1e-2, 0.1)
    losses = [
        s.loss for s in style_transfer(*pictures, model, weights, steps=25, optimizer=optimizer, relative=relative)
    ]
    assert losses[-1] < losses[0] / 2


def test_the_same_seed_gives_the_same_picture_bit_for_bit(model, pictures):
    def last(seed):
        *_, step = coarse_to_fine(*pictures, model, steps=12, seed=seed)
        return step.image

    assert torch.equal(last(1), last(1))
    assert not torch.equal(last(1), last(2))


@pytest.mark.parametrize("start", ["noise", "content", "style"])
def test_starts(model, pictures, start):
    content, style = pictures
    (step,) = style_transfer(content, style, model, Weights(1, 0, 0), steps=1, start=start)
    assert step.image.shape == content.shape
    assert (step.content == 0) == (start == "content")


def test_a_tensor_as_start_must_fit(model, pictures):
    content, style = pictures
    (step,) = style_transfer(content, style, model, steps=1, start=content.clone())
    assert step.content == 0
    with pytest.raises(TeachingError, match=r"start is \(1, 3, 40, 56\) and the content \(1, 3, 48, 64\)"):
        next(style_transfer(content, style, model, start=style))
    with pytest.raises(TeachingError, match="Unknown start 'fog'; it is 'noise', 'content', 'style'"):
        next(style_transfer(content, style, model, start="fog"))


def test_weights_are_asked_anew_at_every_iteration(model, pictures):
    def weights(iteration):
        return Weights(content=float(iteration), style=0, tv=0)

    steps = list(style_transfer(*pictures, model, weights, steps=3))
    assert [step.weights.content for step in steps] == [1, 2, 3]
    assert steps[2].loss == pytest.approx(3 * steps[2].content, rel=1e-5)


def test_a_layer_may_join_during_the_run(model, pictures):
    def weights(iteration):
        return Weights(layers={"conv1_1": 1.0} if iteration < 3 else {"conv1_1": 1.0, "conv2_1": 1.0})

    steps = list(style_transfer(*pictures, model, weights, steps=4))
    assert [list(step.layers) for step in steps] == [["conv1_1"]] * 2 + [["conv1_1", "conv2_1"]] * 2


def test_all_weights_zero_leave_the_picture_alone(model, pictures):
    *_, step = style_transfer(*pictures, model, Weights(0, 0, 0), steps=3)
    assert torch.allclose(step.image, noise_like(pictures[0], 0), atol=1e-6)


def test_coarse_to_fine_goes_through_the_scales_and_counts_through(model, pictures):
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)  # 240 x 320
    schedule = report_schedule(Weights(), switch=6)
    steps = list(coarse_to_fine(content, style, model, schedule, steps=9, optimizer="adam"))
    assert [step.iteration for step in steps] == list(range(1, 10))
    assert [tuple(step.image.shape[2:]) for step in steps] == [(120, 160)] * 6 + [(240, 320)] * 3
    assert [step.weights == Weights() for step in steps] == [True] * 6 + [False] * 3
    assert all(a.seconds < b.seconds for a, b in pairwise(steps))


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"optimizer": "adam"}, [None, (0.8, 0.95)]),  # in full size Adam forgets sooner
        ({"optimizer": "adam", "scales": 1}, [None]),
        ({"optimizer": "adam", "betas": (0.5, 0.6)}, [(0.5, 0.6)] * 2),
        ({"optimizer": "lbfgs"}, [None] * 2),
    ],
)
def test_the_betas_of_each_scale(model, pictures, monkeypatch, options, expected):
    asked = []

    def recorded(name, image, betas, memory):
        asked.append(betas)
        return make_optimizer(name, image, betas, memory)

    monkeypatch.setattr(transfer, "make_optimizer", recorded)
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)
    assert len(list(coarse_to_fine(content, style, model, steps=9, **options))) == 9
    assert asked == expected


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_weights_and_learning_rate_are_asked_once_an_iteration(model, pictures, optimizer):
    asked = {"weights": [], "rate": []}

    def weights(iteration):
        asked["weights"].append(iteration)
        return Weights()

    def rate(iteration):
        asked["rate"].append(iteration)
        return 0.1 / iteration

    run = style_transfer(*pictures, model, weights, steps=4, optimizer=optimizer, learning_rate=rate)
    assert [step.learning_rate for step in run] == [0.1, 0.1 / 2, 0.1 / 3, 0.1 / 4]
    assert asked["weights"] == [1, 2, 3, 4]
    assert asked["rate"][-4:] == [1, 2, 3, 4]  # once more before them all, to refuse nonsense at once


def test_the_learning_rate_acts_on_the_iteration_that_it_is_for():
    rates = {1: 0.01, 2: 0.01, 3: 0.0001}
    first, second, third = descend(torch.zeros(1, 3, 4, 4), lambda x: x.sum(), 3, learning_rate=rates.get)
    assert (second.image - first.image).abs().min() > 0.04
    assert (third.image - second.image).abs().max() < 0.001


def test_a_learning_rate_that_becomes_nonsense_is_refused_when_it_does():
    run = descend(torch.zeros(1, 3, 4, 4), to_goal, 5, learning_rate=lambda i: 0.1 if i < 3 else -1)
    with pytest.raises(TeachingError, match="learning rate must be a number above 0; got -1"):
        assert len(list(run)) == 2


def test_coarse_to_fine_goes_on_from_a_picture_where_it_would_have_been(model, pictures):
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)  # 240 x 320
    rate = {i: 0.01 * i for i in range(1, 10)}.get
    steps = list(coarse_to_fine(content, style, model, report_schedule(Weights(), 7), steps=9, learning_rate=rate))
    for done in (4, 6, 8):  # within the coarse scale, between the two, within the fine one
        rest = list(coarse_to_fine(content, style, model, report_schedule(Weights(), 7), steps=9, learning_rate=rate,
                                   start=steps[done - 1].image, begin=done))  # fmt: skip
        assert [step.iteration for step in rest] == list(range(done + 1, 10))
        for ours, theirs in zip(rest, steps[done:], strict=True):
            assert ours.image.shape == theirs.image.shape
            assert (ours.weights, ours.learning_rate) == (theirs.weights, theirs.learning_rate)
    assert list(coarse_to_fine(content, style, model, steps=9, start=steps[-1].image, begin=9)) == []


def test_adams_moments_go_along_from_scale_to_scale(model, pictures):
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)
    run = coarse_to_fine(content, style, model, steps=9, optimizer="adam")
    assert [step.state_dict()["optimizer"]["steps"] for step in run] == list(range(1, 10))


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_whatever_the_caller_has_set_in_torch_the_picture_is_the_same(model, pictures, optimizer):
    def run():
        *_, last = style_transfer(*pictures, model, steps=3, optimizer=optimizer)
        return last.image

    expected = run()
    for mode in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), torch.device("meta")):
        with mode:
            found = run()
        assert torch.equal(found, expected), mode
    torch.set_default_dtype(torch.float64)
    try:
        assert load_vgg19().conv1_1.weight.dtype == load_image("landscape", 64).dtype == torch.float32
        assert torch.equal(run(), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("rubbish", [None, 3, {}])
def test_a_schedule_that_returns_no_weights_is_told_so(model, pictures, rubbish):
    seen = []
    with pytest.raises(TeachingError, match="function iteration -> Weights; got"):
        for step in style_transfer(*pictures, model, lambda n: rubbish if n == 3 else Weights(), steps=5):
            seen.append(step.iteration)
    assert seen == [1, 2]


def test_full_size_only(model, pictures):
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)
    alone = [step.image for step in style_transfer(content, style, model, steps=3, average=0.9)]
    assert all(
        torch.equal(step.image, image)
        for step, image in zip(
            coarse_to_fine(content, style, model, steps=3, optimizer="adam", scales=1), alone, strict=True
        )
    )


def test_the_learning_rate_settles_by_equal_factors():
    run = descend(torch.zeros(1, 3, 4, 4), lambda x: x.sum(), 4, learning_rate=0.01, settled=0.5)
    places = [0.0, *(step.image.mean().item() for step in run)]
    moves = [before - after for before, after in pairwise(places)]
    assert moves == pytest.approx([0.044 * 0.5 ** (i / 4) for i in (1, 2, 3, 4)], rel=1e-4)


def test_only_the_last_of_several_scales_settles(model, pictures, monkeypatch):
    settled = []

    class Recorded(Transfer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            settled.append(self.settled)

    monkeypatch.setattr(transfer, "Transfer", Recorded)
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)
    for scales in (4, 1):
        list(coarse_to_fine(content, style, model, steps=3, optimizer="adam", scales=scales))
    list(coarse_to_fine(content, style, model, steps=3, optimizer="lbfgs"))
    assert settled == [1, 0.4, 1, 1, 1]  # coarse, full size; full size alone; L-BFGS


@pytest.mark.parametrize(
    "short_side, steps, scales, optimizer, expected",
    [
        (199, 400, 4, "adam", [(1, 0, 400)]),
        (256, 400, 4, "adam", [(2, 0, 267), (1, 267, 400)]),
        (512, 400, 4, "adam", [(4, 0, 188), (2, 188, 329), (1, 329, 400)]),
        (512, 400, 1, "adam", [(1, 0, 400)]),
        (256, 180, 4, "lbfgs", [(2, 0, 90), (1, 90, 180)]),
        (512, 160, 4, "lbfgs", [(4, 0, 60), (2, 60, 110), (1, 110, 160)]),
        (3000, 200, 4, "lbfgs", [(8, 0, 40), (4, 40, 100), (2, 100, 150), (1, 150, 200)]),
        (3000, 22, 4, "adam", [(8, 0, 7), (4, 7, 14), (2, 14, 19), (1, 19, 22)]),
        (3000, 4, 4, "lbfgs", [(8, 0, 1), (4, 1, 2), (2, 2, 3), (1, 3, 4)]),
        (800, 6, 4, "lbfgs", [(8, 0, 1), (4, 1, 3), (2, 3, 5), (1, 5, 6)]),  # and none is left without by rounding
        (512, 2, 4, "lbfgs", [(2, 0, 1), (1, 1, 2)]),  # every scale has an iteration, the full size first of all
        (512, 1, 4, "adam", [(1, 0, 1)]),
        (512, 0, 4, "lbfgs", [(1, 0, 0)]),
    ],
)
def test_the_plan_of_scales(short_side, steps, scales, optimizer, expected):
    assert plan(short_side, steps, scales, optimizer) == expected


def test_the_next_scale_begins_with_the_photographs_detail(model, pictures):
    """Where the image is the photograph itself, it is so at the next size as well, down to the last pixel."""
    # Half the contrast, so that no colour overshoots the range when the picture is made smaller.
    content, style = (torch.nn.functional.interpolate(x / 2, scale_factor=5) for x in pictures)  # 240 x 320
    nothing = Weights(0, 0, 0)
    *_, last = coarse_to_fine(content, style, model, nothing, steps=4, start="content")
    assert last.image.shape == content.shape
    assert torch.allclose(last.image, content, atol=1e-5)


@pytest.mark.parametrize("weights", [Weights(), Weights(style=1e4)])
def test_the_wall_keeps_the_pixels_to_real_colours(weights):
    content, style = load_image("landscape", 192), load_image("picasso", 192)
    *_, step = style_transfer(content, style, load_vgg19(), weights, steps=60, optimizer="lbfgs")
    pixels = step.state_dict()["pixels"] * STD + MEAN
    beyond = (pixels - pixels.clamp(0, 1)).abs() > 0.02
    assert beyond.float().mean() <= 0.001
    assert torch.equal(step.image, step.state_dict()["pixels"].clamp(BLACK, WHITE))


def test_a_style_too_small_to_be_halved_is_left_whole(model, pictures):
    content = torch.nn.functional.interpolate(pictures[0], scale_factor=8)
    (step,) = coarse_to_fine(content, pictures[1], model, steps=1)  # 384 x 512 and 40 x 56
    assert step.image.shape == content.shape
    *_, step = coarse_to_fine(content, pictures[1], model, steps=3)
    assert step.image.shape == content.shape


def test_two_iterations_end_in_full_size(model, pictures):
    content, style = (torch.nn.functional.interpolate(x, scale_factor=5) for x in pictures)
    assert [step.image.shape[2:] for step in coarse_to_fine(content, style, model, steps=2)] == [(120, 160), (240, 320)]


@pytest.mark.parametrize(
    "before, now, growth",
    [
        (Weights(), Weights(), 1),
        (None, Weights(), 1),
        (Weights(content=1), Weights(content=4), 4),
        (Weights(content=4), Weights(content=1), 1),
        (Weights(style=10), Weights(style=20, layers={"conv1_1": 0.9}), 6),  # 0.3 * 10 -> 0.9 * 20
        (Weights(tv=0), Weights(tv=1), math.inf),
        (Weights(layers={"conv1_1": 1}), Weights(layers={"conv2_1": 1}), math.inf),
    ],
)
def test_how_much_a_term_has_grown(before, now, growth):
    assert largest_growth(before, now) == pytest.approx(growth)


def test_when_weights_change_abruptly_the_optimizer_forgets_and_else_not(model, pictures, monkeypatch):
    forgotten = []
    monkeypatch.setattr(transfer.Adam, "forget", lambda self, growth: forgotten.append(growth))
    steps = {3: Weights(style=130.0), 5: Weights(style=390.0), 7: Weights(style=39.0)}
    weights = Weights()

    def changing(iteration):
        nonlocal weights
        weights = steps.get(iteration, weights)
        return weights

    for _ in style_transfer(*pictures, model, changing, steps=8):
        pass
    assert forgotten == [pytest.approx(3), pytest.approx(1)]  # 100 -> 130 is little, 390 -> 39 is a fall


def test_after_a_switch_the_total_does_not_leap(model, pictures):
    schedule = report_schedule(Weights(), switch=60)
    losses = [step.loss for step in style_transfer(*pictures, model, schedule, steps=80)]
    assert max(losses[61:]) < 1.5 * losses[60]  # that of the switch itself is the same picture, measured anew


def test_what_is_not_asked_for_is_not_computed(model, pictures):
    deepest = []
    hooks = [getattr(model, name).register_forward_hook(lambda *_, name=name: deepest.append(name))
             for name in ("conv3_1", "conv5_1")]  # fmt: skip
    next(style_transfer(*pictures, model, Weights(0, 1, 0, {"conv2_1": 1, "conv5_1": 0})))
    for hook in hooks:
        hook.remove()
    assert deepest == ["conv3_1"]  # of the content's features alone, which are computed once


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_numpys_numbers_are_numbers(model, pictures, kind):
    weights = Weights(kind(2), kind(30), kind(1), {"conv1_1": kind(1)})
    (step,) = style_transfer(*pictures, model, weights, steps=np.int64(1), seed=np.int32(3), learning_rate=kind(1))
    (plain,) = style_transfer(*pictures, model, Weights(2, 30, 1, {"conv1_1": 1}), steps=1, seed=3, learning_rate=1.0)
    assert torch.equal(step.image, plain.image)


def test_a_small_picture_has_one_scale(model, pictures):
    kept = [step.image for step in style_transfer(*pictures, model, steps=4, average=0.9)]
    scaled = [step.image for step in coarse_to_fine(*pictures, model, steps=4, optimizer="adam")]
    assert all(torch.equal(a, b) for a, b in zip(kept, scaled, strict=True))


def test_step_is_a_record_that_can_be_changed_into_another(model, pictures):
    (step,) = style_transfer(*pictures, model, steps=1)
    assert replace(step, iteration=9).image is step.image


def test_lbfgs_goes_on_smoothly_while_a_slider_is_dragged(model):
    """Twenty values in twenty iterations: the picture neither jumps nor stands still, and each iteration obeys."""
    content, style = load_image("landscape", 128), load_image("van_gogh", 128)

    def weights(iteration):
        return Weights(style=100 * 10 ** (min(max(iteration - 20, 0), 20) / 20))

    steps = list(style_transfer(content, style, model, weights, steps=50, optimizer="lbfgs"))
    assert [step.weights.style for step in steps[19:40:10]] == pytest.approx([100, 100 * 10**0.5, 1000])
    moves = [(after.image - before.image).abs().mean().item() for before, after in pairwise(steps)]
    assert max(moves[19:]) < 2 * max(moves[10:19])
    assert all(move > 0 for move in moves)
    assert steps[-1].style < steps[19].style


def run_of(styles, network, **options):
    content = load_image("landscape", 48)
    *_, step = style_transfer(content, styles, network, steps=5, precision="float32", **options)
    return step.image


def test_the_share_of_one_style_alone_is_that_style(network):
    first, second = load_image("van_gogh", 48), load_image("picasso", 64)
    alone = run_of(first, network)
    assert torch.equal(run_of([first], network), alone)
    assert torch.allclose(run_of([first, second], network, manner=Manner(shares=(1, 0))), alone, atol=1e-4)
    assert torch.allclose(run_of([first, first], network, manner=Manner(shares=(1, 3))), alone, atol=1e-4)
    assert not torch.allclose(run_of([first, second], network), alone, atol=1e-2)


def test_the_goal_of_two_styles_is_the_mean_of_their_gram_matrices(network):
    content, first, second = (load_image(name, shape=(32, 48)) for name in ("landscape", "van_gogh", "picasso"))
    grams = [Objective(content, [style], network) for style in (first, second)]
    both = Objective(content, [first, second], network, manner=Manner(shares=(1, 3)))
    for objective in (*grams, both):
        objective.compute_missing_goals(["conv2_1"])
    expected = (grams[0].goals["conv2_1"][0].summary + 3 * grams[1].goals["conv2_1"][0].summary) / 4
    assert torch.allclose(both.goals["conv2_1"][0].summary, expected)


@pytest.mark.parametrize("shares", [(1,), (0, 0), (-1, 2)])
def test_shares_that_make_no_sense_are_refused(shares, network):
    with pytest.raises(TeachingError, match="share"):
        run_of([load_image("van_gogh", 48)] * 2, network, manner=Manner(shares=shares))


def test_a_run_with_other_shares_is_not_gone_on_with(network):
    styles, content = [load_image("van_gogh", 48), load_image("picasso", 48)], load_image("landscape", 48)
    step = next(style_transfer(content, styles, network, steps=2, manner=Manner(shares=(1, 1))))
    with pytest.raises(TeachingError, match="another shares"):
        next(style_transfer(content, styles, network, steps=2, manner=Manner(shares=(1, 2)), resume=step.state_dict()))
