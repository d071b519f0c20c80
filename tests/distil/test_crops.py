"""The crops to train on: each is known by its number, and comes from where it should."""

import pytest
import torch
from PIL import Image

from helpers.base.errors import TeachingError
from helpers.distil import crops
from helpers.images import MEAN, STD

WHITE, BLACK = torch.full((3, 80, 96), 255, dtype=torch.uint8), torch.zeros(3, 80, 96, dtype=torch.uint8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(crops, "CROP", 32)


def test_a_crop_is_known_by_its_number_and_the_seed():
    some = crops.Crops([WHITE], [BLACK], seed=0)
    torch.manual_seed(5)
    first = [some[n] for n in range(8)]
    drawn = torch.rand(())
    assert all(torch.equal(some[n], first[n]) for n in (7, 3, 0))
    torch.manual_seed(5)
    assert drawn == torch.rand(()), "the training's own random numbers stay as they are"
    other = crops.Crops([WHITE], [BLACK], seed=1)
    assert sum(torch.equal(other[n], first[n]) for n in range(8)) < 4


def test_photographs_paintings_and_patterns_come_in_their_shares(monkeypatch):
    monkeypatch.setattr(crops, "in_another_look", lambda crop: crop)
    monkeypatch.setattr(crops, "pattern", lambda height, width: torch.full((3, height, width), 0.5))
    some = crops.Crops([WHITE], [BLACK], seed=0)
    some.cut.transforms[-1].p = 0  # no other colours
    torch.manual_seed(0)
    means = torch.stack([some.random_crop().mean() for _ in range(400)])
    assert (means == 0).float().mean().item() == pytest.approx(crops.PAINTINGS, abs=0.07)
    assert (means == 0.5).float().mean().item() == pytest.approx(crops.PATTERNS, abs=0.04)


def test_a_crop_is_normalised():
    values = torch.stack([crops.Crops([WHITE], [WHITE], 0)[n] for n in range(20)]) * STD + MEAN
    assert values.min() > -1e-5 and values.max() < 1 + 1e-5 and values.mean() > 0.6


@pytest.mark.parametrize("processors", [1, 4])
def test_the_stream_is_the_crops_in_order_whoever_prepares_them(monkeypatch, processors):
    monkeypatch.setattr(crops.os, "cpu_count", lambda: processors)
    monkeypatch.setattr(crops, "LOADED_TOGETHER", 3)
    some = crops.Crops([WHITE], [BLACK], seed=0)
    batches = list(crops.stream(some, 5, 12))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert torch.equal(torch.cat(batches), torch.stack([some[n] for n in range(5, 12)]))


def test_pictures_are_read_as_bytes_and_an_empty_folder_is_explained(tmp_path):
    Image.new("RGB", (48, 40), (255, 128, 0)).save(tmp_path / "one.png")
    (picture,) = crops.read_pictures(tmp_path)
    assert picture.dtype == torch.uint8 and picture.shape == (3, 40, 48)
    assert picture[:, 0, 0].tolist() == [255, 128, 0]
    (tmp_path / "empty").mkdir()
    with pytest.raises(TeachingError, match="holds no pictures"):
        crops.read_pictures(tmp_path / "empty")
