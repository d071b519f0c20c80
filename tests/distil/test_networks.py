"""Student and teacher: what is missed, what is folded and scaled, and whose colours the original takes."""

import numpy as np
import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.distil import networks
from helpers.images import MEAN, STD, load_image
from helpers.vgg import LAYERS, STYLE_LAYERS, VGG19, get_features


@pytest.fixture
def picture():
    return load_image("kandinsky", 96)


def test_samples_are_the_responses_at_known_positions():
    response = torch.arange(2 * 40 * 40.0).reshape(1, 2, 40, 40)
    rows = networks.samples(response)
    assert rows.shape == (1, 400, 2)
    assert torch.equal(rows[0, 21], response[0, :, 3, 3])  # second row, second column, two apart from 1 on
    assert networks.samples(torch.zeros(1, 2, 56, 56)).shape == (1, 19 * 19, 2)


def test_the_share_of_a_crop_is_one_for_nothing_and_zero_for_the_target(monkeypatch):
    monkeypatch.setattr(networks, "QUIET", 0.0)
    target = torch.tensor([[[3.0, 4.0]], [[0.3, 0.4]]])  # a loud crop and a quiet one
    assert networks.share(target, target) == 0
    assert networks.share(torch.zeros_like(target), target).item() == pytest.approx(1)
    half = torch.stack([target[0], torch.zeros(1, 2)])
    assert networks.share(half, target).item() == pytest.approx(0.5), "the quiet crop counts as much as the loud one"


def test_a_projected_gram_matrix_is_that_of_the_projected_response():
    torch.manual_seed(0)
    project, response = torch.nn.Linear(4, 6), torch.rand(2, 4, 5, 7)
    projected = project(response.flatten(2).transpose(1, 2)).transpose(1, 2)  # (2, 6, 35)
    found = networks.projected_gram(response, project)
    assert torch.allclose(found, networks.mean_gram(projected), atol=1e-5)


def test_a_student_that_is_the_teacher_misses_nothing(narrow, picture):
    teacher = narrow(6)
    student = networks.Student(dict.fromkeys(LAYERS.values(), 6), teacher)
    for name in LAYERS.values():
        setattr(student.network, name, getattr(teacher, name))
        torch.nn.init.eye_(student.project[name].weight)
        torch.nn.init.zeros_(student.project[name].bias)
    crops = picture[..., :64, :64]
    targets = get_features(crops, teacher, LAYERS.values())
    missed = student.missed(crops, targets)
    assert list(missed) == [*LAYERS.values(), *(f"gram_{name}" for name in STYLE_LAYERS)]
    assert max(missed.values()) < 1e-9
    torch.nn.init.zeros_(student.project["conv3_1"].weight)
    missed = student.missed(crops, targets)
    assert missed["conv3_1"].item() == pytest.approx(1 / (1 + networks.QUIET))
    assert missed["gram_conv3_1"].item() == pytest.approx(1 / (1 + networks.QUIET))
    assert missed["conv4_1"] < 1e-9


def test_folding_the_batch_normalisation_changes_nothing(narrow, picture):
    student = networks.Student(dict.fromkeys(LAYERS.values(), 6), narrow(8))
    for _ in range(3):  # let the running statistics become something
        get_features(picture + torch.randn_like(picture) / 5, student.network)
    student.network.eval()
    expected = get_features(picture, student.network)
    found = get_features(picture, student.folded())
    for name, response in expected.items():
        assert torch.allclose(found[name], response, rtol=1e-3, atol=1e-4), name


def test_scaling_makes_every_mean_one_and_keeps_every_pattern(narrow, picture):
    plain, scaled = narrow(6), narrow(6)
    networks.scale_to_unit_mean(scaled, picture)
    before, after = (get_features(picture, n, LAYERS.values()) for n in (plain, scaled))
    for name in LAYERS.values():
        assert after[name].mean().item() == pytest.approx(1, rel=1e-4)
        assert torch.allclose(after[name], before[name] / before[name].mean(), rtol=1e-3, atol=1e-3)


def test_the_originals_convention_becomes_torchvisions(tmp_path):
    torch.manual_seed(0)
    reference = VGG19()
    state = {name: value.numpy() for name, value in reference.state_dict().items()}
    np.savez(tmp_path / "caffe.npz", **state)
    teacher = networks.load_teacher(str(tmp_path / "caffe.npz"))
    pixels = torch.rand(1, 3, 32, 32)
    caffe = 255 * pixels.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    found = get_features((pixels - MEAN) / STD, teacher, ["conv1_1"])["conv1_1"]
    assert torch.allclose(found, get_features(caffe, reference, ["conv1_1"])["conv1_1"], rtol=1e-3, atol=1e-2)


def test_a_teacher_that_cannot_be_read_is_explained(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(TeachingError, match="cannot be read"):
        networks.load_teacher(str(tmp_path / "bad.npz"))
