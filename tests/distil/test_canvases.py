"""The student's own paintings: many images at once are painted as each would be by itself."""

import pytest
import torch

from helpers.distil import canvases
from helpers.distil.canvases import Canvases, ManyLBFGS
from helpers.engine.optimizers import LBFGS
from helpers.images import load_image
from helpers.losses import Weights
from helpers.objective import Objective
from helpers.vgg import STYLE_LAYERS


def valley(images, bend):
    """A loss for each of images (B, 3, H, W), of which some rise now and then, and their gradient."""
    images = images.clone().requires_grad_()
    losses = (bend * images**4 + images.sin() ** 2).mean((1, 2, 3))
    return losses.detach(), torch.autograd.grad(losses.sum(), images)[0]


def test_many_images_take_the_steps_that_each_would_take_alone():
    torch.manual_seed(0)
    bend = torch.tensor([0.1, 1.0, 300.0]).view(3, 1, 1, 1) * torch.rand(3, 3, 8, 8)
    together = torch.randn(3, 3, 8, 8) * torch.tensor([1.0, 1.0, 0.02]).view(3, 1, 1, 1)
    # The last image starts near its minimum. The first step depends on a common scale, which is made the same for all.
    many, each = ManyLBFGS(together), [LBFGS(together[:1]) for _ in range(3)]
    many.scale = torch.full((3, 1, 1, 1), 3000.0)
    for alone in each:
        alone.scale = many.scale[0, 0, 0, 0]
    alone, rose, before = list(together.split(1)), 0, torch.full((3,), torch.inf)
    for _ in range(10):
        losses, gradient = valley(together, bend)
        rose, before = rose + int((losses > before).sum()), losses
        together = many.step(together, losses, gradient, 1.0)
        for i in range(3):
            loss, gradient = valley(alone[i], bend[i : i + 1])
            alone[i] = each[i].step(alone[i], loss.item(), gradient, 1.0)
    assert rose, "one of the first steps is meant to go too far"
    assert torch.allclose(together, torch.cat(alone), rtol=1e-3, atol=1e-3)


@pytest.fixture
def crops():
    contents = [load_image("landscape", shape=(64, 64)), load_image("portrait", shape=(64, 64))]
    styles = [load_image(name, shape=(64, 64)) for name in ("kandinsky", "van_gogh")]
    return torch.cat(contents + styles)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(canvases, "CANVASES", 2)
    torch.manual_seed(0)


def test_the_losses_are_those_of_style_transfer(two, crops, network):
    painting = Canvases(crops, torch.float32)
    painting.weights = torch.tensor([20.0, 300.0])
    painting.paint(network, crops)
    canvas = painting.canvas.clamp(-1.7, 2.2)  # within the colours: no wall
    losses = painting.losses(network, canvas)
    for i in range(2):
        content, style = painting.content[i : i + 1], painting.style[i : i + 1]
        weights = Weights(content=1, style=painting.weights[i].item(), tv=0, layers=dict.fromkeys(STYLE_LAYERS, 1 / 5))
        with torch.no_grad():
            expected = Objective(content, style, network)(canvas[i : i + 1], weights).total(weights)
        assert losses[i].item() == pytest.approx(expected.item(), rel=1e-3)


def test_painting_goes_on_with_some_canvases_and_begins_others(two, crops, network, monkeypatch):
    painting = Canvases(crops, torch.float32)
    monkeypatch.setattr(canvases, "BEGIN_ANEW", 0.0)
    first = painting.paint(network, crops)
    assert first.shape == (4, 3, 64, 64) and not torch.equal(first[:2], first[2:])
    started = painting.losses(network, first[2:])
    second = painting.paint(network, crops.flip(0))
    assert torch.equal(painting.content, crops[:2]), "a canvas that goes on keeps what it is painted after"
    assert (painting.losses(network, second[2:]) < started).all()
    monkeypatch.setattr(canvases, "BEGIN_ANEW", 1.0)
    painting.paint(network, crops.flip(0))
    assert torch.equal(painting.content, crops.flip(0)[:2]) and torch.equal(painting.style, crops.flip(0)[2:])
