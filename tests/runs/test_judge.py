"""How well one network replaces another: zero and one where they are known."""

import pytest
import torch

from helpers.images import load_image
from helpers.runs.judge import agreement, content_correlation, style_distance
from helpers.vgg import LAYERS, STYLE_LAYERS, VGG19


@pytest.fixture
def picture():
    return load_image("kandinsky", 96)


def narrow():
    torch.manual_seed(0)
    made = VGG19(dict.fromkeys(LAYERS.values(), 6)).requires_grad_(False)
    for name in LAYERS.values():
        torch.nn.init.kaiming_normal_(getattr(made, name).weight, nonlinearity="relu")
    return made


def test_a_network_agrees_with_itself_and_its_dead_channels_are_counted(picture):
    teacher = narrow()
    table = agreement(teacher, teacher, [picture])
    assert all(missed < 1e-4 for missed, _ in table.values())
    assert table["conv1_1"][1] == 0
    student = narrow()
    student.conv1_1.weight[:2] = 0
    student.conv1_1.bias[:2] = -1
    missed, dead = agreement(student, teacher, [picture])["conv1_1"]
    assert dead == 2
    assert 0.001 < missed < 1


def test_style_distance_is_one_for_the_photograph_and_zero_for_the_style(picture):
    judge, content = narrow(), load_image("landscape", 96)
    assert style_distance(content, content, picture, judge) == pytest.approx(dict.fromkeys(STYLE_LAYERS, 1))
    assert max(style_distance(picture, content, picture, judge).values()) == 0
    assert content_correlation(content, content, judge) == pytest.approx(1, abs=1e-5)
    assert content_correlation(torch.randn_like(content), content, judge) < 0.9
