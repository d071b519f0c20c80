"""How well one network replaces another, and how near a result is: zero and one where they are known."""

from dataclasses import replace

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.colours import with_colours_of
from helpers.images import load_image
from helpers.manner import Manner
from helpers.runs import judge as judge_module
from helpers.runs.judge import FIGURES, LONGEST, agreement, content_correlation, judged, style_distance, verdict
from helpers.runs.sources import Sources
from helpers.vgg import LAYERS, STYLE_LAYERS, VGG19, get_features


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


@pytest.fixture
def sources(picture):
    return Sources(load_image("landscape", 96), [picture[..., :64, :]], Manner())  # both are 96 x 64 pixels


@pytest.fixture
def without_vgg19(monkeypatch):
    monkeypatch.setattr(judge_module, "imagenet_is_here", lambda: False)


def test_the_photograph_is_judged_one_and_one_and_the_style_zero(sources, without_vgg19):
    of_photograph = judged(sources.content, sources)
    assert of_photograph == {
        "style_distance": pytest.approx(1), "content_correlation": pytest.approx(1, abs=1e-5), "judge": "compact"
    }  # fmt: skip
    of_style = judged(sources.styles[0], sources)
    assert of_style["style_distance"] == 0
    assert -1 <= of_style["content_correlation"] < 0.5


def test_the_figures_are_the_mean_over_the_layers_and_those_of_the_functions(sources, without_vgg19, monkeypatch):
    monkeypatch.setattr(judge_module, "load_vgg19", lambda *_: narrow())
    torch.manual_seed(1)
    result = sources.content + 0.5 * torch.randn_like(sources.content)
    found = judged(result, sources)
    distances = style_distance(result, sources.content, sources.styles[0], narrow())
    assert found["style_distance"] == pytest.approx(sum(distances.values()) / 5)
    assert found["content_correlation"] == pytest.approx(content_correlation(result, sources.content, narrow()))


def test_vgg19_judges_where_its_weights_are_and_says_so(sources, monkeypatch):
    asked = []
    monkeypatch.setattr(judge_module, "imagenet_is_here", lambda: True)
    monkeypatch.setattr(judge_module, "load_vgg19", lambda *network: asked.append(network) or narrow())
    found = judged(sources.content, sources)
    assert found["judge"] == "imagenet" and asked == [("imagenet", "max")]
    assert verdict(found) == "style distance 1, content correlation 1, as VGG-19 sees it"


def test_a_verdict_says_what_there_is():
    figures = {"style_distance": 0.0712, "content_correlation": 0.456, "judge": "compact"}
    assert verdict(figures) == "style distance 0.071, content correlation 0.46, as the compact network sees it"
    del figures["style_distance"]
    assert verdict(figures) == "content correlation 0.46, as the compact network sees it"
    assert verdict({}) == ""


def test_a_large_result_is_judged_smaller_and_its_style_by_the_same_factor(sources, without_vgg19, monkeypatch):
    seen = []

    def watched(image, network):
        seen.append(tuple(image.shape[2:]))
        return get_features(image, network)

    monkeypatch.setattr(judge_module, "get_features", watched)
    monkeypatch.setattr(judge_module, "load_vgg19", lambda *_: narrow())
    large = torch.nn.functional.interpolate(sources.content, (120, 2 * LONGEST))
    judged(large, replace(sources, content=large))
    assert seen == [(60, LONGEST), (60, LONGEST), (32, 48)]
    seen.clear()
    judged(sources.content, sources)
    assert seen == [(64, 96)] * 3  # and no other is made larger


def test_colours_are_not_judged_where_they_come_from_the_photograph(sources, without_vgg19):
    painted = 0.5 * sources.styles[0]
    shown = with_colours_of(painted, 0.2 * sources.content)  # nothing becomes too bright or dark to be shown
    in_grey = replace(sources, manner=Manner(colours="content"))
    for name in FIGURES:
        assert judged(shown, in_grey)[name] == pytest.approx(judged(painted, in_grey)[name], rel=1e-3)
        assert judged(shown, sources)[name] != pytest.approx(judged(painted, sources)[name], rel=0.02)


def test_a_matched_style_is_judged_as_it_was_matched(sources, without_vgg19):
    manner = Manner(colours="matched")
    matched = manner.style_seen(sources.styles[0], sources.content)
    assert judged(matched, replace(sources, manner=manner))["style_distance"] == 0
    assert judged(matched, sources)["style_distance"] > 0.01


def test_several_styles_and_regions_have_no_style_distance(sources, picture, without_vgg19):
    mask = torch.ones_like(sources.content[:, :1])
    several = replace(sources, styles=[picture, picture.flip(3)])
    for without in (several, replace(sources, manner=Manner(regions=[(mask, picture)]))):
        assert judged(sources.content, without).keys() == {"content_correlation", "judge"}


def test_what_has_no_answer_is_left_out(sources, without_vgg19):
    found = judged(sources.content, replace(sources, styles=[sources.content]))  # 0 / 0: no distance to be measured by
    assert found.keys() == {"content_correlation", "judge"}


@pytest.mark.parametrize("error", [TeachingError("damaged"), MemoryError(), RuntimeError("out of memory")])
def test_a_judge_that_fails_says_nothing(sources, without_vgg19, monkeypatch, error):
    def failing(*_):
        raise error

    monkeypatch.setattr(judge_module, "load_vgg19", failing)
    assert judged(sources.content, sources) == {}
