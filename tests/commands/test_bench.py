"""The benchmark: that it measures what it says, on small pictures."""

import json

import pytest
import torch
import torchvision

from helpers.commands import bench
from helpers.images import noise_like


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bench, "SIZE", 96)
    monkeypatch.setattr(bench, "SIZES", (64, 10**6))  # the last does not fit into any memory
    monkeypatch.setattr(bench, "STEPS", {"lbfgs": 3})


def test_the_benchmark_prints_its_figures(small, capsys):
    # Half a minute: each engine gets a process of its own, as always, with torch and a whole network to load.
    assert bench.main(["--json", "--growth"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["engine"] for row in found["iterations"]] == ["textbook", "vgg19", "compact"]
    sizes = [(row["engine"], row["size"]) for row in found["growth"]]
    assert sizes == [("compact", 64), ("textbook", 64)]
    assert all(row["seconds"] > 0 and row["bytes"] > 1e7 for row in found["iterations"] + found["growth"])
    assert 0 < found["picture"]["preview"] <= found["picture"]["seconds"]
    text = bench.table(found)
    for wanted in ("96 x 64", "textbook loop", "compact network", "GiB", "coarse to fine", found["precision"]):
        assert wanted in text


@pytest.fixture
def loud(monkeypatch):
    """torchvision's VGG-19 with random filters that keep the size of what passes, so that its losses are not 0."""
    build = torchvision.models.vgg19

    def vgg19(weights):
        torch.manual_seed(0)
        network = build(weights=weights)
        for layer in network.features:
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        return network

    monkeypatch.setattr(torchvision.models, "vgg19", vgg19)


def test_the_textbooks_loop_lowers_its_loss(loud):
    content = noise_like(torch.empty(1, 3, 32, 48), 0)
    run = bench.textbook(content, 3 * noise_like(content, 1))
    losses = [next(run).item() for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]


def test_our_loop_lowers_its_loss():
    content = noise_like(torch.empty(1, 3, 32, 48), 0)
    run = bench.ours("compact", content, 3 * noise_like(content, 1))
    losses = [next(run) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]
