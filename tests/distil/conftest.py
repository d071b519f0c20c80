import pytest
import torch

from helpers.vgg import LAYERS, VGG19


@pytest.fixture
def narrow():
    """A function (channels, seed) -> a frozen network with that many in every layer."""

    def make(width, seed=0):
        torch.manual_seed(seed)
        made = VGG19(dict.fromkeys(LAYERS.values(), width)).requires_grad_(False)
        for name in LAYERS.values():
            torch.nn.init.kaiming_normal_(getattr(made, name).weight, nonlinearity="relu")
        return made

    return make
