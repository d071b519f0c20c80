"""Adam and L-BFGS: the same as torch's, able to go on from a state, and to a picture of another size."""

import pytest
import torch

from helpers.optimizers import OPTIMIZERS, Adam

SCALES = torch.linspace(0.5, 4, 3 * 4 * 4).view(1, 3, 4, 4)  # a valley, steeper in some directions than in others


def valley(pixels):
    return (SCALES * (pixels - 0.7).square()).sum() + pixels.pow(4).sum()


def start():
    return torch.zeros(1, 3, 4, 4, requires_grad=True)


@pytest.mark.parametrize("betas", [Adam.BETAS, (0.8, 0.95), (0.0, 0.0)])
def test_adam_is_torchs(betas):
    ours, theirs = start(), start()
    adam, reference = Adam(ours, betas), torch.optim.Adam([theirs], lr=0.1, betas=betas)
    for _ in range(30):
        loss = adam.step(valley, 0.1)
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

    losses = [(lbfgs.step(valley, 1).item(), reference.step(closure).item()) for _ in range(25)]
    assert all(a == b for a, b in losses)
    assert losses[-1][0] < losses[0][0] / 2
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("before", [0, 1, 2, 30])
def test_going_on_from_a_state_is_as_if_nothing_had_happened(name, before):
    pixels = start()
    optimizer = OPTIMIZERS[name](pixels)
    for _ in range(before):
        optimizer.step(valley, 0.3)
    state, then = optimizer.state(), pixels.detach().clone()
    for _ in range(5):
        optimizer.step(valley, 0.3)

    other = then.requires_grad_()
    resumed = OPTIMIZERS[name](other)
    resumed.restore(state)
    for _ in range(5):
        resumed.step(valley, 0.3)
    assert torch.equal(pixels, other)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
def test_a_state_is_tensors_that_stay_as_they_are(name):
    pixels = start()
    optimizer = OPTIMIZERS[name](pixels)
    optimizer.step(valley, 0.1)
    optimizer.step(valley, 0.1)
    state = optimizer.state()
    assert state and all(isinstance(value, torch.Tensor) for value in state.values())
    kept = {key: value.clone() for key, value in state.items()}
    optimizer.step(valley, 0.1)
    assert all(torch.equal(state[key], kept[key]) for key in kept)


def test_four_pixels_share_what_was_ones_gradient():
    adam = Adam(start())
    adam.step(lambda pixels: 8 * pixels.sum(), 0.1)  # momentum 0.1 * 8, square 0.01 * 64
    larger = Adam.enlarged(adam.state(), (8, 8))
    assert torch.allclose(larger["momentum"], torch.full((1, 3, 8, 8), 0.8 / 4))
    assert torch.allclose(larger["square"], torch.full((1, 3, 8, 8), 0.64 / 16))
    assert larger["steps"] == 1


def test_lbfgs_begins_anew_on_another_size():
    optimizer = OPTIMIZERS["lbfgs"](start())
    optimizer.step(valley, 0.1)
    assert optimizer.enlarged(optimizer.state(), (8, 8)) == {}
