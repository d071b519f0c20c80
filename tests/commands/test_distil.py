"""`python3 -m helpers distil`: a tiny run from the command line, and what it says of bad input."""

import math

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers.base.errors import TeachingError
from helpers.commands import distil
from helpers.distil import canvases, crops, training
from helpers.images import load_image
from helpers.vgg import LAYERS, VGG19, get_features, load_vgg19


@pytest.fixture
def small_world(tmp_path, monkeypatch):
    """A teacher, three pictures, and rounds of two steps: (arguments for the command, the file it writes)."""
    for module in (crops, training):
        monkeypatch.setattr(module, "CROP", 48)
    for module in (canvases, training):
        monkeypatch.setattr(module, "CANVASES", 2)
    for module in (distil, training):
        monkeypatch.setattr(module, "CHANNELS", dict.fromkeys(LAYERS.values(), 4))
    for name, value in {"CROPS_A_ROUND": 8, "POOL": 16, "PAINTED_POOL": 8, "ROUNDS_ALONE": 1}.items():
        monkeypatch.setattr(training, name, value)
    torch.manual_seed(5)
    save_file(VGG19(dict.fromkeys(LAYERS.values(), 5)).state_dict(), tmp_path / "teacher.safetensors")
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
        for i in range(3):
            noise = Image.effect_noise((96, 80), 80 + 10 * i).convert("RGB")
            noise.save(tmp_path / folder / f"{i}.png")
    out = tmp_path / "student.safetensors"
    return ["--teacher", str(tmp_path / "teacher.safetensors"), "--images", str(tmp_path / "photos"),
            "--paintings", str(tmp_path / "paintings"), "--evaluate", str(tmp_path / "paintings"),
            "--steps", "2", "--batch", "4", "--out", str(out)], out  # fmt: skip


def test_training_writes_a_network_and_its_table(small_world, capsys):
    arguments, out = small_world
    assert distil.main([*arguments, "--rounds", "3"]) == 0
    features = get_features(load_image("landscape", 96), load_vgg19(out, device="cpu"))
    assert all(math.isfinite(f.sum()) for f in features.values())
    assert out.with_suffix(".md").read_text() in capsys.readouterr().out


def test_bad_input_is_explained(small_world, capsys, tmp_path):
    arguments, _out = small_world
    (tmp_path / "empty").mkdir()
    assert distil.main([*arguments, "--images", str(tmp_path / "empty")]) == 2
    assert "holds no pictures" in capsys.readouterr().err
    assert distil.main([*arguments, "--rounds", "1"]) == 0
    assert distil.main([*arguments, "--rounds", "1", "--seed", "7"]) == 2
    assert "or another --out" in capsys.readouterr().err
    for wrong in ("--rounds 0", "--batch many", "--rate 0"):
        assert distil.main([*arguments, *wrong.split()]) == 2
        assert wrong.split()[0][2:] in capsys.readouterr().err


def test_too_few_photographs_to_hold_some_out():
    with pytest.raises(TeachingError, match=r"12 photographs are too few.*--evaluate"):
        distil.held_out(None, [torch.zeros(3, 64, 64, dtype=torch.uint8)] * 12)
    photographs = [torch.zeros(3, 64, 64, dtype=torch.uint8)] * 15
    assert len(distil.held_out(None, photographs)) == 12 and len(photographs) == 3
