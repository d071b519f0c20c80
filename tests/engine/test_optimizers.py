"""Adam and L-BFGS: the same as torch's, able to go on from a state, and to a picture of another size."""

import math

import pytest
import torch

from helpers.engine import optimizers
from helpers.engine.optimizers import BLACK_TO_WHITE, LBFGS, OPTIMIZERS, Adam, RunningMean, make_optimizer, outside
from helpers.images import load_image
from helpers.losses import Weights
from helpers.objective import Objective
from helpers.vgg import load_vgg19

SCALES = torch.linspace(0.5, 4, 3 * 4 * 4).view(1, 3, 4, 4)  # a valley, steeper in some directions than in others


def valley(pixels):
    return (SCALES * (pixels - 0.7).square()).sum() + pixels.pow(4).sum()


def start():
    return torch.zeros(1, 3, 4, 4)


def follow(optimizer, image, loss_fn, rate, steps=1):
    """Some steps; returns the image after them, and the loss before the last one."""
    for _ in range(steps):
        image = image.detach().requires_grad_()
        loss = loss_fn(image)
        (gradient,) = torch.autograd.grad(loss, image)
        image = optimizer.step(image, loss.item(), gradient, rate)
    return image.detach(), loss.item()


@pytest.mark.parametrize("betas", [Adam.BETAS, (0.8, 0.95), (0.0, 0.0)])
def test_adam_is_torchs(betas):
    ours, theirs = start(), start().requires_grad_()
    adam, reference = Adam(ours, betas), torch.optim.Adam([theirs], lr=0.1, betas=betas)
    for _ in range(30):
        ours, loss = follow(adam, ours, valley, 0.1 / BLACK_TO_WHITE)
        reference.zero_grad()
        expected = valley(theirs)
        expected.backward()
        reference.step()
        assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(ours, theirs, atol=1e-5)


def same_as_torchs(loss_fn, begin, iterations):
    """Follows L-BFGS and torch's without line search side by side; returns the losses."""
    ours, theirs = begin, begin.clone().requires_grad_()
    lbfgs, reference = LBFGS(ours), torch.optim.LBFGS([theirs], max_iter=1, history_size=LBFGS.MEMORY)

    def closure():
        reference.zero_grad()
        loss = loss_fn(theirs)
        loss.backward()
        theirs.grad = theirs.grad.contiguous()  # torch.optim flattens it with view(-1)
        return loss

    losses = []
    for iteration in range(iterations):
        ours, loss = follow(lbfgs, ours, loss_fn, 1.0)
        losses.append(loss)
        if iteration == 0:  # torch's first step is as long as its learning rate, in the sum over all values
            reference.param_groups[0]["lr"] = (ours - theirs).abs().sum().item()
        assert losses[-1] == pytest.approx(reference.step(closure).item(), rel=1e-3, abs=1e-5)
        reference.param_groups[0]["lr"] = 1.0
    assert losses == sorted(losses, reverse=True)  # where the loss rises, ours takes the step back
    assert torch.allclose(ours, theirs, atol=0.01)
    return losses


def test_lbfgs_is_torchs_without_line_search_on_a_quadratic():
    losses = same_as_torchs(lambda pixels: (SCALES * (pixels - 0.1).square()).sum(), torch.zeros(1, 3, 4, 4), 14)
    assert losses[-1] < 1e-3 * losses[0]


def test_lbfgs_is_torchs_without_line_search_on_a_transfer():
    # Double precision, for in single a difference in the last digit may grow to a visible one within ten iterations.
    content, style = (load_image(name, shape=(48, 48)).double() for name in ("portrait", "monet"))
    objective, weights = Objective(content, style, load_vgg19("compact", device="cpu").double()), Weights()
    losses = same_as_torchs(lambda image: objective(image, weights).total(weights), content, 14)
    assert losses[-1] < 0.8 * losses[0]


def test_where_the_loss_rose_three_quarters_of_the_step_are_taken_back():
    image = torch.zeros(1, 3, 4, 4)
    lbfgs = LBFGS(image)
    gradient = torch.full((1, 3, 4, 4), -7.0)
    image = lbfgs.step(image, 1.0, gradient, 1.0)
    assert torch.allclose(image, torch.tensor(LBFGS.FIRST))
    image = lbfgs.step(image, 2.0, gradient, 1.0)
    assert torch.allclose(image, torch.tensor(LBFGS.FIRST / 4))
    image = lbfgs.step(image, math.inf, gradient, 1.0)
    assert torch.allclose(image, torch.tensor(LBFGS.FIRST / 16))
    assert not lbfgs.pairs
    image = lbfgs.step(image, 0.5, gradient / 2, 1.0)
    assert len(lbfgs.pairs) == 1 and image.min() > LBFGS.FIRST / 16


def test_no_step_of_lbfgs_is_longer_than_a_small_share_of_the_range():
    image = torch.zeros(1, 3, 4, 4)
    lbfgs = LBFGS(image)
    before = lbfgs.step(image, 1.0, torch.ones(1, 3, 4, 4), 1.0)
    image = lbfgs.step(before, 0.9, torch.full((1, 3, 4, 4), 0.999), 1.0)  # a valley that hardly bends
    assert (image - before).abs().mean().item() == pytest.approx(LBFGS.LONGEST)


def test_the_pairs_of_lbfgs_are_fewer_where_the_memory_is_small(monkeypatch):
    image = torch.zeros(1, 3, 10, 10)  # a pair takes 2400 bytes
    for memory, pairs in ((16 * 2400 * 100, 10), (16 * 2400 * 5, 5), (0, 2)):
        monkeypatch.setattr(optimizers, "total_memory", lambda device, memory=memory: memory)
        assert LBFGS(image).memory == pairs


def test_lbfgs_begins_anew_with_a_small_step_when_the_loss_has_changed():
    lbfgs = LBFGS(start())
    before, _ = follow(lbfgs, start(), valley, 1, steps=3)
    lbfgs.forget(4.0)
    image, _ = follow(lbfgs, before, lambda pixels: 4 * valley(pixels), 1)
    assert (image - before).abs().mean().item() == pytest.approx(LBFGS.AFRESH, rel=1e-3)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("before", [0, 1, 2, 30])
def test_going_on_from_a_state_is_as_if_nothing_had_happened(name, before):
    optimizer = OPTIMIZERS[name](start())
    image = follow(optimizer, start(), valley, 0.3, before)[0] if before else start()
    state = optimizer.state_dict()
    resumed = OPTIMIZERS[name](start())
    resumed.load_state_dict(state)
    assert torch.equal(*(follow(each, image, valley, 0.3, steps=5)[0] for each in (optimizer, resumed)))


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
def test_a_state_stays_as_it_is_and_so_does_the_image(name):
    optimizer = make_optimizer(name, start())
    image, _ = follow(optimizer, start(), valley, 0.1, steps=2)
    state_dict = optimizer.state_dict()
    tensors = {key: value for key, value in state_dict.items() if isinstance(value, torch.Tensor)}
    assert tensors
    kept = {key: value.clone() for key, value in tensors.items()} | {"image": image.clone()}
    for growth in (1.0, 3.0):
        optimizer.forget(growth)
        follow(optimizer, image, valley, 0.1)
        follow(optimizer, image, lambda pixels: 10 * valley(pixels), 0.1)  # a rising loss
    assert all(torch.equal(value, kept[key]) for key, value in (tensors | {"image": image}).items())


def test_adam_forgets_the_direction_and_expects_larger_gradients():
    adam = make_optimizer("adam", start(), (0.5, 0.5))
    follow(adam, start(), lambda pixels: 2 * pixels.sum(), 0.1)  # momentum 0.5 * 2, square 0.5 * 4
    adam.forget(3)
    assert torch.equal(adam.momentum, torch.zeros(1, 3, 4, 4))
    assert torch.allclose(adam.square, torch.full((1, 3, 4, 4), 2.0 * 9))
    adam.forget(0.1)  # gradients that have become smaller do no harm
    assert torch.allclose(adam.square, torch.full((1, 3, 4, 4), 2.0 * 9))
    adam.forget(float("inf"))
    assert torch.allclose(adam.square, torch.full((1, 3, 4, 4), 2.0 * 9 * 100))


def test_what_lies_outside_by_hand():
    image = torch.tensor([-3.0, 0.0, 1.0, 3.0]).view(1, 1, 2, 2)
    assert outside(image, torch.tensor(-1.0), torch.tensor(2.0)).item() == (2**2 + 0 + 0 + 1**2) / 4


def test_the_running_mean_by_hand():
    mean = RunningMean(torch.zeros(1), 0.5)
    assert mean.update(torch.tensor([8.0])).item() == 8
    assert mean.update(torch.tensor([2.0])).item() == 4  # (0.5 * 8 + 1 * 2) / 1.5
    again = RunningMean(torch.zeros(1), 0.5)
    again.load_state_dict(mean.state_dict())
    assert again.update(torch.tensor([4.0])).item() == mean.update(torch.tensor([4.0])).item() == 4
    assert RunningMean(torch.zeros(1), 0.0).update(torch.tensor([3.0])).item() == 3


def test_four_pixels_share_what_was_ones_gradient():
    adam = Adam(start())
    follow(adam, start(), lambda pixels: 8 * pixels.sum(), 0.1)  # momentum 0.1 * 8, square 0.01 * 64
    larger = Adam.resized_state(adam.state_dict(), (8, 8))
    assert torch.allclose(larger["momentum"], torch.full((1, 3, 8, 8), 0.8 / 4))
    assert torch.allclose(larger["square"], torch.full((1, 3, 8, 8), 0.64 / 16))
    assert larger["steps"] == 1


def test_lbfgs_begins_anew_on_another_size():
    optimizer = OPTIMIZERS["lbfgs"](start())
    follow(optimizer, start(), valley, 0.1)
    assert optimizer.resized_state(optimizer.state_dict(), (8, 8)) == {}
