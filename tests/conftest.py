"""What all tests share: a small network with random filters, and a results folder of their own."""

import pytest
import torch

from helpers.base import places
from helpers.vgg import LAYERS, VGG19


def random_vgg19(channels: int = 8, seed: int = 0, pooling: str = "avg") -> VGG19:
    """A network of few channels whose random filters keep the size of what passes; an iteration takes milliseconds."""
    torch.manual_seed(seed)
    network = VGG19({name: channels for name in LAYERS.values()}, pooling).requires_grad_(False)
    for name in LAYERS.values():
        torch.nn.init.kaiming_normal_(getattr(network, name).weight, nonlinearity="relu")
    return network


@pytest.fixture(scope="session")
def make_network():
    """`random_vgg19`, to make others with."""
    return random_vgg19


@pytest.fixture(scope="module")
def network():
    """A random VGG-19 of eight channels."""
    return random_vgg19()


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a window: one for all, because Playwright runs once in a process."""
    from lab import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The folder that results go to in this test."""
    monkeypatch.setattr(places, "RESULTS", tmp_path / "results")
    return tmp_path / "results"
