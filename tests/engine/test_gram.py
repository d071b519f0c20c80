"""The product behind the Gram matrix: as if it were written out, in value and in gradient."""

import pytest
import torch

from helpers.engine.gram import gram_product
from helpers.losses import gram_matrix

MAPS = torch.tensor([[[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]]])  # (1, 2, 3)


def test_its_value_by_hand():
    assert gram_product(MAPS).tolist() == [[[5.0, 2.0], [2.0, 10.0]]]
    assert gram_matrix(torch.ones(1, 2, 3, 4)).tolist() == [[[12.0, 12.0], [12.0, 12.0]]]


def test_the_gradient_of_an_asymmetric_loss_by_hand():
    """L = G[0, 1] = F0 . F1 alone, so dL/dF0 = F1 and dL/dF1 = F0."""
    maps = MAPS.clone().requires_grad_()
    gram_product(maps)[0, 0, 1].backward()
    assert maps.grad.tolist() == [[[0.0, 1.0, 3.0], [1.0, 2.0, 0.0]]]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_value_and_gradient_are_autograds(memory_format):
    torch.manual_seed(0)
    features = torch.randn(2, 5, 6, 7).contiguous(memory_format=memory_format)
    asymmetric = torch.randn(2, 5, 5)
    ours, plain = features.clone().requires_grad_(), features.clone().requires_grad_()
    rows = plain.flatten(2)
    expected = rows @ rows.transpose(1, 2)
    found = gram_matrix(ours)
    assert torch.allclose(found, expected, atol=1e-5)
    (found * asymmetric).sum().backward()
    (expected * asymmetric).sum().backward()
    assert torch.allclose(ours.grad, plain.grad, atol=1e-4)


def test_its_gradient_against_finite_differences():
    torch.manual_seed(1)
    maps = torch.randn(1, 3, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(gram_product, maps)


def test_in_half_precision_the_product_is_exact_and_the_gradient_nearly():
    rough = torch.randn(1, 8, 500, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    exact = rough.detach().float().requires_grad_()
    target = torch.ones(1, 8, 8)
    for maps in (rough, exact):
        product = gram_product(maps)
        assert product.dtype == torch.float32 and torch.equal(product, gram_product(exact))
        (product - target).square().sum().backward()
    assert rough.grad.dtype == torch.bfloat16
    assert (rough.grad.float() - exact.grad).norm() < 0.01 * exact.grad.norm()
