"""Settings that strain the numbers: each gives a picture, or says what is wrong, and never loses the last good one."""

from dataclasses import replace

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.engine.guards import DivergedError
from helpers.images import MEAN, STD, load_image
from helpers.losses import Weights
from helpers.transfer import coarse_to_fine, style_transfer
from helpers.vgg import load_vgg19

BLACK, WHITE = (torch.full((1, 3, 48, 64), value).sub(MEAN).div(STD) for value in (0.0, 1.0))
NO_LAYERS = {name: 0.0 for name in Weights().layers}
PLAIN = Weights()


@pytest.fixture(scope="module")
def model():
    return load_vgg19(device="cpu")


@pytest.fixture(scope="module")
def photograph():
    return load_image("landscape", 64)


def ends_well(run, shape):
    """The last picture of a run that goes to its end or diverges: finite, and of the right shape."""
    image = None
    try:
        for step in run:
            image = step.image
    except DivergedError as error:
        image = error.image
        assert "last good image is kept" in str(error)
    assert image.isfinite().all() and image.shape == shape


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "weights",
    [
        PLAIN, replace(PLAIN, content=0), replace(PLAIN, style=0), replace(PLAIN, tv=0), Weights(0, 0, 0),
        replace(PLAIN, layers=NO_LAYERS), replace(PLAIN, layers={}), replace(PLAIN, content=1e12),
        replace(PLAIN, style=1e12), replace(PLAIN, tv=1e12), Weights(1e12, 1e12, 1e12), Weights(1e-30, 1e-30, 1e-30),
    ],
)  # fmt: skip
def test_weights_at_their_ends(model, photograph, optimizer, weights):
    run = style_transfer(photograph, photograph.flip(3), model, weights, steps=4, optimizer=optimizer)
    ends_well(run, photograph.shape)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("rate", [1e-30, 1.0, 1e6, 1e30])
def test_learning_rates_at_their_ends(model, photograph, optimizer, rate):
    run = style_transfer(photograph, BLACK, model, steps=6, optimizer=optimizer, learning_rate=rate)
    ends_well(run, photograph.shape)


@pytest.mark.parametrize("start", ["noise", "content", "style"])
@pytest.mark.parametrize(
    "content, style", [(BLACK, WHITE), (WHITE, BLACK), (BLACK, BLACK), (WHITE, None), (None, WHITE)]
)
def test_constant_and_identical_images(model, photograph, content, style, start):
    content, style = (photograph if image is None else image for image in (content, style))
    ends_well(style_transfer(content, style, model, steps=4, start=start), content.shape)
    ends_well(style_transfer(photograph, photograph, model, steps=4, start=start), photograph.shape)


@pytest.mark.parametrize("height, width", [(32, 700), (700, 32), (33, 35)])
def test_extreme_aspect_ratios(model, height, width):
    content = load_image("landscape", shape=(height, width))
    run = coarse_to_fine(content, load_image("monet", shape=(width, height)), model, steps=8)
    try:
        ends_well(run, content.shape)
    except TeachingError as error:
        assert "vanishes" in str(error)


def test_no_iterations_and_one(model, photograph):
    for method in (style_transfer, coarse_to_fine):
        assert list(method(photograph, BLACK, model, steps=0)) == []
        assert len(list(method(photograph, BLACK, model, steps=1))) == 1


def test_tensors_that_are_no_image_are_refused(model, photograph):
    shapes = [torch.zeros(3), torch.zeros(1, 4, 48, 64), torch.zeros(2, 3, 48, 64), torch.zeros(1, 3, 8, 8)]
    values = [torch.full((1, 3, 48, 64), torch.nan), torch.zeros(1, 3, 48, 64, dtype=torch.int64), "landscape", None]
    for wrong in shapes + values:
        for content, style in ((wrong, photograph), (photograph, wrong)):
            with pytest.raises(TeachingError):
                next(style_transfer(content, style, model))
    assert next(style_transfer(photograph.double(), photograph.half(), model)).image.dtype == torch.float32
