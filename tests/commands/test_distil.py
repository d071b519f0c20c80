"""Training the compact network: its parts against hand-known values, and a tiny run from the command line."""

import math

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers.base.errors import TeachingError
from helpers.commands import distil
from helpers.images import load_image
from helpers.runs.judge import agreement, content_correlation, style_distance
from helpers.vgg import LAYERS, VGG19, get_features, load_vgg19


def network(width, seed=0):
    torch.manual_seed(seed)
    made = VGG19(dict.fromkeys(LAYERS.values(), width)).requires_grad_(False)
    for name in LAYERS.values():
        torch.nn.init.kaiming_normal_(getattr(made, name).weight, nonlinearity="relu")
    return made


@pytest.fixture
def picture():
    return load_image("kandinsky", 96)


def test_samples_are_the_responses_at_known_positions():
    response = torch.arange(2 * 40 * 40.0).reshape(1, 2, 40, 40)
    rows = distil.samples(response)
    assert rows.shape == (1, 400, 2)
    assert torch.equal(rows[0, 21], response[0, :, 3, 3])  # second row, second column, two apart from 1 on


def test_folding_the_batch_normalisation_changes_nothing(picture):
    student = distil.Student(dict.fromkeys(LAYERS.values(), 6), network(8))
    for _ in range(3):  # let the running statistics become something
        get_features(picture + torch.randn_like(picture) / 5, student.network)
    student.network.eval()
    expected = get_features(picture, student.network)
    found = get_features(picture, student.folded())
    for name, response in expected.items():
        assert torch.allclose(found[name], response, rtol=1e-3, atol=1e-4), name


def test_scaling_makes_every_mean_one_and_keeps_every_pattern(picture):
    plain, scaled = network(6), network(6)
    distil.scale_to_unit_mean(scaled, picture)
    before, after = (get_features(picture, n, LAYERS.values()) for n in (plain, scaled))
    for name in LAYERS.values():
        assert after[name].mean().item() == pytest.approx(1, rel=1e-4)
        assert torch.allclose(after[name], before[name] / before[name].mean(), rtol=1e-3, atol=1e-3)


def test_a_network_agrees_with_itself_and_its_dead_channels_are_counted(picture):
    teacher = network(6)
    table = agreement(teacher, teacher, [picture])
    assert all(missed < 1e-4 for missed, _ in table.values())
    assert table["conv1_1"][1] == 0
    student = network(6)
    student.conv1_1.weight[:2] = 0
    student.conv1_1.bias[:2] = -1
    missed, dead = agreement(student, teacher, [picture])["conv1_1"]
    assert dead == 2
    assert 0.001 < missed < 1


def test_style_distance_is_one_for_the_photograph_and_zero_for_the_style(picture):
    judge, content = network(6), load_image("landscape", 96)
    assert style_distance(content, content, picture, judge) == pytest.approx(dict.fromkeys(
        ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 1))  # fmt: skip
    assert max(style_distance(picture, content, picture, judge).values()) == 0
    assert content_correlation(content, content, judge) == pytest.approx(1, abs=1e-5)
    assert content_correlation(torch.randn_like(content), content, judge) < 0.9


def test_the_originals_convention_becomes_torchvisions(tmp_path):
    import numpy as np

    torch.manual_seed(0)
    reference = VGG19()
    state = {name: value.numpy() for name, value in reference.state_dict().items()}
    np.savez(tmp_path / "caffe.npz", **state)
    teacher = distil.load_teacher(str(tmp_path / "caffe.npz"))
    pixels = torch.rand(1, 3, 32, 32)
    caffe = 255 * pixels.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    found = get_features((pixels - distil.MEAN) / distil.STD, teacher, ["conv1_1"])["conv1_1"]
    assert torch.allclose(found, get_features(caffe, reference, ["conv1_1"])["conv1_1"], rtol=1e-3, atol=1e-2)


@pytest.fixture
def small_world(tmp_path, monkeypatch):
    """A teacher, three pictures, and rounds of two steps: (arguments for the command, the file it writes)."""
    for name, value in {
        "CROP": 48,
        "CROPS_AT_FIRST": 8,
        "CROPS_A_ROUND": 8,
        "POOL": 16,
        "STEPS_A_ROUND": 2,
        "CANVASES": 2,
    }.items():
        monkeypatch.setattr(distil, name, value)
    monkeypatch.setattr(distil, "CHANNELS", dict.fromkeys(LAYERS.values(), 4))
    monkeypatch.setattr(distil, "ROUNDS_ALONE", 1)
    save_file(network(5).state_dict(), tmp_path / "teacher.safetensors")
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
        for i in range(3):
            noise = Image.effect_noise((96, 80), 80 + 10 * i).convert("RGB")
            noise.save(tmp_path / folder / f"{i}.png")
    out = tmp_path / "student.safetensors"
    return ["--teacher", str(tmp_path / "teacher.safetensors"), "--images", str(tmp_path / "photos"),
            "--paintings", str(tmp_path / "paintings"), "--evaluate", str(tmp_path / "paintings"),
            "--out", str(out)], out  # fmt: skip


def test_training_writes_a_network_and_its_table(small_world, capsys):
    arguments, out = small_world
    assert distil.main([*arguments, "--rounds", "3"]) == 0
    features = get_features(load_image("landscape", 96), load_vgg19(out, device="cpu"))
    assert all(math.isfinite(f.sum()) for f in features.values())
    assert out.with_suffix(".md").read_text() in capsys.readouterr().out


def test_training_goes_on_from_its_checkpoint(small_world, monkeypatch):
    arguments, out = small_world
    distil.main([*arguments, "--rounds", "1"])
    saved = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert saved["round"] == 1
    seen = []
    monkeypatch.setattr(distil.Student, "load_state_dict", lambda self, state: seen.append(state))
    distil.main([*arguments, "--rounds", "2"])
    assert all(torch.equal(seen[0][key], value) for key, value in saved["student"].items())
    assert torch.load(out.with_suffix(".checkpoint"), weights_only=True)["round"] == 2


def test_bad_input_is_explained(small_world, capsys, tmp_path):
    arguments, _ = small_world
    (tmp_path / "empty").mkdir()
    assert distil.main([*arguments, "--images", str(tmp_path / "empty")]) == 2
    assert "holds no pictures" in capsys.readouterr().err
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(TeachingError, match="cannot be read"):
        distil.load_teacher(str(tmp_path / "bad.npz"))


def test_too_few_photographs_to_hold_some_out():
    with pytest.raises(TeachingError, match=r"12 photographs are too few.*--evaluate"):
        distil.held_out(None, [torch.zeros(3, 64, 64, dtype=torch.uint8)] * 12)
    photographs = [torch.zeros(3, 64, 64, dtype=torch.uint8)] * 15
    assert len(distil.held_out(None, photographs)) == 12 and len(photographs) == 3
