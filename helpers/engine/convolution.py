"""The network's convolutions: their filters are frozen, so that only the image's gradient is computed."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad
from torch.nn.grad import conv2d_input

from helpers.engine import winograd


class Conv2d(nn.Conv2d):
    """A convolution of 3 x 3, with a border of 1, in the precision of what it is given; the filters stay as stored."""

    def forward(self, image: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W). Filters that are to learn, and a GPU, are left to torch."""
        weight, bias = self.weight.to(image.dtype), self.bias.to(image.dtype)
        if self.weight.requires_grad or image.device.type != "cpu":
            return self._conv_forward(image, weight, bias)
        return _Frozen.apply(image, weight, bias, self.padding_mode == "replicate")


class _Frozen(torch.autograd.Function):
    """Keeps only the filters: torch would keep the image with its border, for a gradient that nobody asks for."""

    @staticmethod
    def forward(ctx, image: Tensor, weight: Tensor, bias: Tensor, replicate: bool) -> Tensor:
        padding = 0 if replicate else 1
        if replicate:
            image = pad(image, (1, 1, 1, 1), mode="replicate")
        ctx.save_for_backward(weight)
        ctx.size, ctx.padding, ctx.replicate = image.shape, padding, replicate
        if winograd.pays(image, weight):
            return winograd.convolve(image, weight, bias, padding)
        return conv2d(image, weight, bias, padding=padding)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        if winograd.pays(gradient, weight):
            gradient = winograd.convolve_turned(gradient, weight, ctx.padding)
        else:
            gradient = conv2d_input(ctx.size, weight, gradient, padding=ctx.padding)
        if ctx.replicate:
            # What the copies on the border received belongs to the pixels that they are copies of.
            for axis in (2, 3):
                for copy, pixel in ((0, 1), (-1, -2)):
                    gradient.select(axis, pixel).add_(gradient.select(axis, copy))
            gradient = gradient[:, :, 1:-1, 1:-1]
        return gradient, None, None, None
