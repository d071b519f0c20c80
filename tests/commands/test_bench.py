"""The benchmark: that it measures what it says, on small pictures."""

import json

import pytest
import torch

from helpers.commands import bench
from helpers.images import noise_like


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bench, "SIZE", 96)
    monkeypatch.setattr(bench, "SMALL", 64)
    monkeypatch.setattr(bench, "SIZES", (64, 96))
    monkeypatch.setattr(bench, "STEPS", 3)


def test_the_benchmark_prints_its_figures(small, capsys):
    assert bench.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["engine"] for row in found["iterations"]] == ["textbook", "vgg19", "compact"]
    assert [row["size"] for row in found["growth"]] == [64, 96]
    assert all(row["seconds"] > 0 and row["bytes"] > 1e7 for row in found["iterations"] + found["growth"])
    assert [(row["size"], row["scales"]) for row in found["pictures"]] == [(64, 1), (64, 4), (96, 4)]
    text = bench.table(found)
    for wanted in ("96 x 64", "textbook loop", "compact network", "GiB", "coarse to fine", found["precision"]):
        assert wanted in text


def test_the_textbooks_loop_lowers_its_loss(monkeypatch):
    images = []
    adam = torch.optim.Adam
    monkeypatch.setattr(
        torch.optim, "Adam", lambda parameters, lr: images.extend(parameters) or adam(parameters, lr=lr)
    )
    content = noise_like(torch.empty(1, 3, 32, 48), 0)
    run = bench.textbook(content, noise_like(content, 1))
    for _ in range(3):
        next(run)
    assert not torch.equal(images[0], content)
