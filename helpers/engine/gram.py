"""The product behind `losses.gram_matrix`, F F^T, with half of the work in the backward pass."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def gram_product(maps: Tensor) -> Tensor:
    """maps @ maps.mT, in float32 at least: feature maps F as rows, (B, C, N) -> (B, C, C).

    The gradient with respect to F is (G + G^T) F, with G the gradient with respect to the product. torch's own backward
    pass computes G F and G^T F one after the other; here the two matrices are added first. Where the maps are bfloat16,
    so is their gradient, and nothing would be gained by computing it in more.
    """
    return _GramProduct.apply(maps)


class _GramProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, maps: Tensor) -> Tensor:
        ctx.save_for_backward(maps)
        rows = maps.to(torch.promote_types(maps.dtype, torch.float32))
        return rows @ rows.mT

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        (maps,) = ctx.saved_tensors
        # The network is channels-last: a position's channels are neighbours in memory. The gradient is computed
        # transposed, so that it has the same layout.
        return (maps.mT @ (gradient + gradient.mT).to(maps.dtype)).mT
