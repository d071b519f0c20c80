"""The network's convolutions: their filters are frozen, so only the gradient with respect to the image is computed."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad
from torch.nn.grad import conv2d_input

from helpers.engine import winograd


class Conv2d(nn.Conv2d):
    """A 3 x 3 convolution with padding 1. It computes in the precision of its input; the stored filters keep theirs."""

    def forward(self, image: Tensor) -> Tensor:
        """(B, I, H, W) -> (B, O, H, W). torch itself does it on a GPU, and if the filters are being trained."""
        weight, bias = self.weight.to(image.dtype), self.bias.to(image.dtype)
        replicate = self.padding_mode == "replicate"
        if self.weight.requires_grad or image.device.type != "cpu":
            image = pad(image, (1, 1, 1, 1), mode="replicate") if replicate else image
            return conv2d(image, weight, bias, padding=0 if replicate else 1)
        return _Frozen.apply(image, weight, bias, replicate)


class _Frozen(torch.autograd.Function):
    """Saves only the filters for the backward pass; torch would also save the padded image, for an unused gradient."""

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
            # The gradient of each copied border pixel belongs to the pixel that it is a copy of.
            for axis in (2, 3):
                for copy, pixel in ((0, 1), (-1, -2)):
                    gradient.select(axis, pixel).add_(gradient.select(axis, copy))
            gradient = gradient[:, :, 1:-1, 1:-1]
        return gradient, None, None, None
