"""Adam and L-BFGS: the same as torch's, able to go on from a state, and to a picture of another size."""

import pytest
import torch

from helpers.engine.optimizers import BLACK_TO_WHITE, OPTIMIZERS, Adam, RunningMean, make_optimizer

SCALES = torch.linspace(0.5, 4, 3 * 4 * 4).view(1, 3, 4, 4)  # a valley, steeper in some directions than in others


def valley(pixels):
    return (SCALES * (pixels - 0.7).square()).sum() + pixels.pow(4).sum()


def start():
    return torch.zeros(1, 3, 4, 4, requires_grad=True)


def follow(optimizer, loss_fn, rate):
    """One step; returns the loss before it."""

    def evaluate():
        loss = loss_fn(optimizer.image)
        return loss.detach(), torch.autograd.grad(loss, optimizer.image)[0]

    loss, gradient = evaluate()
    optimizer.step(loss, gradient, rate, evaluate)
    return loss


@pytest.mark.parametrize("betas", [Adam.BETAS, (0.8, 0.95), (0.0, 0.0)])
def test_adam_is_torchs(betas):
    ours, theirs = start(), start()
    adam, reference = Adam(ours, betas), torch.optim.Adam([theirs], lr=0.1, betas=betas)
    for _ in range(30):
        loss = follow(adam, valley, 0.1 / BLACK_TO_WHITE)
        reference.zero_grad()
        expected = valley(theirs)
        expected.backward()
        reference.step()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_lbfgs_is_torchs():
    ours, theirs = start(), start()
    lbfgs = OPTIMIZERS["lbfgs"](ours)
    reference = torch.optim.LBFGS([theirs], max_iter=1, max_eval=4, history_size=20, line_search_fn="strong_wolfe")

    def closure():
        reference.zero_grad()
        loss = valley(theirs)
        loss.backward()
        return loss

    losses = [(follow(lbfgs, valley, 1).item(), reference.step(closure).item()) for _ in range(25)]
    assert all(a == b for a, b in losses)
    assert losses[-1][0] < losses[0][0] / 2
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("before", [0, 1, 2, 30])
def test_going_on_from_a_state_is_as_if_nothing_had_happened(name, before):
    pixels = start()
    optimizer = OPTIMIZERS[name](pixels)
    for _ in range(before):
        follow(optimizer, valley, 0.3)
    state, then = optimizer.state_dict(), pixels.detach().clone()
    for _ in range(5):
        follow(optimizer, valley, 0.3)

    other = then.requires_grad_()
    resumed = OPTIMIZERS[name](other)
    resumed.load_state_dict(state)
    for _ in range(5):
        follow(resumed, valley, 0.3)
    assert torch.equal(pixels, other)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
def test_a_state_is_a_copy_that_stays_as_it_is(name):
    optimizer = make_optimizer(name, start())
    follow(optimizer, valley, 0.1)
    follow(optimizer, valley, 0.1)
    state_dict = optimizer.state_dict()
    tensors = {key: value for key, value in state_dict.items() if isinstance(value, torch.Tensor)}
    assert tensors
    kept = {key: value.clone() for key, value in tensors.items()}
    follow(optimizer, valley, 0.1)
    assert all(torch.equal(tensors[key], kept[key]) for key in kept)


def test_adam_forgets_the_direction_and_expects_larger_gradients():
    adam = make_optimizer("adam", start(), (0.5, 0.5))
    follow(adam, lambda pixels: 2 * pixels.sum(), 0.1)  # momentum 0.5 * 2, square 0.5 * 4
    adam.forget(3)
    assert torch.equal(adam.momentum, torch.zeros(1, 3, 4, 4))
    assert torch.allclose(adam.square, torch.full((1, 3, 4, 4), 2.0 * 9))
    adam.forget(0.1)  # gradients that have become smaller do no harm
    assert torch.allclose(adam.square, torch.full((1, 3, 4, 4), 2.0 * 9))
    adam.forget(float("inf"))
    assert torch.allclose(adam.square, torch.full((1, 3, 4, 4), 2.0 * 9 * 100))


def test_lbfgs_forgets_its_curvature():
    image, other = start(), start()
    lbfgs, fresh = make_optimizer("lbfgs", image), make_optimizer("lbfgs", other)
    for _ in range(3):
        follow(lbfgs, valley, 1)
    with torch.no_grad():
        other.copy_(image)
    lbfgs.forget(1)
    follow(lbfgs, valley, 1)
    follow(fresh, valley, 1)
    assert torch.equal(image, other)


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
    follow(adam, lambda pixels: 8 * pixels.sum(), 0.1)  # momentum 0.1 * 8, square 0.01 * 64
    larger = Adam.resized_state(adam.state_dict(), (8, 8))
    assert torch.allclose(larger["momentum"], torch.full((1, 3, 8, 8), 0.8 / 4))
    assert torch.allclose(larger["square"], torch.full((1, 3, 8, 8), 0.64 / 16))
    assert larger["steps"] == 1


def test_lbfgs_begins_anew_on_another_size():
    optimizer = OPTIMIZERS["lbfgs"](start())
    follow(optimizer, valley, 0.1)
    assert optimizer.resized_state(optimizer.state_dict(), (8, 8)) == {}
