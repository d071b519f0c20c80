"""Winograd's algorithm against the convolution's definition, and the frozen convolution against torch's own."""

import pytest
import torch
from torch.nn.functional import conv2d

from helpers.engine import winograd
from helpers.engine.convolution import Conv2d


def tensors(*shapes):
    torch.manual_seed(0)
    return [torch.randn(shape) for shape in shapes]


def error(found, wanted):
    """The size of the difference, as a share of what was wanted."""
    return ((found - wanted).norm() / wanted.norm()).item()


@pytest.mark.parametrize("size", [(4, 4), (1, 1), (5, 7), (45, 66)])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("channels", [(1, 1), (3, 5), (2, winograd.FILTERS_AT_A_TIME + 44)])
def test_it_is_the_convolution_and_its_gradient(size, padding, channels):
    inputs, outputs = channels
    height, width = (side + 2 - 2 * padding for side in size)
    image, weight, bias = tensors((2, inputs, height, width), (outputs, inputs, 3, 3), outputs)
    exact = image.double().requires_grad_()
    wanted = conv2d(exact, weight.double(), bias.double(), padding=padding)
    found = winograd.convolve(image, weight, bias, padding)
    assert error(found, wanted) < 1e-5
    (gradient,) = tensors(wanted.shape)
    (wanted,) = torch.autograd.grad(wanted, exact, gradient.double())
    found = winograd.convolve_turned(gradient, weight, padding)
    assert found.shape == image.shape
    assert error(found, wanted) < 1e-5


def test_a_filter_that_copies_leaves_the_image_as_it_is():
    (image,) = tensors((1, 1, 9, 10))
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1
    torch.testing.assert_close(winograd.convolve(image, weight, torch.zeros(1), 1), image)
    weight = weight.roll(1, dims=3)  # it takes the pixel on the right
    moved = winograd.convolve(image, weight, torch.tensor([0.5]), 1)
    torch.testing.assert_close(moved[..., :-1], image[..., 1:] + 0.5)
    torch.testing.assert_close(moved[..., -1], torch.full_like(moved[..., -1], 0.5))


def test_it_pays_in_wide_layers_of_large_pictures():
    weight = torch.zeros(winograd.WIDE_CHANNELS, winograd.WIDE_CHANNELS, 3, 3)
    large, small = torch.zeros(1, winograd.WIDE_CHANNELS, 32, 32), torch.zeros(1, winograd.WIDE_CHANNELS, 16, 16)
    assert winograd.pays(large, weight)
    assert not winograd.pays(small, weight)
    assert not winograd.pays(large, weight[: winograd.WIDE_CHANNELS // 2])
    assert not winograd.pays(large.bfloat16(), weight)


@pytest.mark.parametrize("padding_mode", ["zeros", "replicate"])
@pytest.mark.parametrize("size", [(1, 1), (6, 9), (35, 34)])  # the last one is Winograd's
def test_the_frozen_convolution_is_torchs(padding_mode, size):
    channels = winograd.WIDE_CHANNELS
    torch.manual_seed(0)
    frozen = Conv2d(channels, channels, 3, padding=1, padding_mode=padding_mode).requires_grad_(False)
    image = torch.randn(1, channels, *size).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = frozen(image)
    assert [kept.shape for kept in found.grad_fn.saved_tensors] == [frozen.weight.shape]
    plain = torch.nn.Conv2d(channels, channels, 3, padding=1, padding_mode=padding_mode)
    plain.load_state_dict(frozen.state_dict())
    wanted = plain(image)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    gradient = torch.randn_like(found)
    torch.testing.assert_close(
        *(torch.autograd.grad(result, image, gradient)[0] for result in (found, wanted)), rtol=1e-4, atol=1e-4
    )


def test_filters_that_learn_get_their_gradient():
    learning = Conv2d(3, 4, 3, padding=1)
    learning(torch.ones(1, 3, 5, 5)).sum().backward()
    torch.testing.assert_close(learning.bias.grad, torch.full((4,), 25.0))
    torch.testing.assert_close(learning.weight.grad[..., 1, 1], torch.full((4, 3), 25.0))
