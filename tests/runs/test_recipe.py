"""What was changed during a run: told from its record, and followed when the picture is painted again."""

import json

import pytest
import torch

from helpers.commands import render
from helpers.images import load_image, noise_like, save_image
from helpers.losses import Weights
from helpers.runs import judge
from helpers.runs.judge import judged, verdict
from helpers.runs.painting import in_parts
from helpers.runs.recipe import caption, changes_in, load_recipe
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources
from helpers.transfer import NO_IMAGE, Step

OTHER_LAYERS = {"conv3_1": 0.0, "conv4_1": 0.0, "conv5_1": 0.0}


def record(weights, rate, count=12):
    return [Step(i, NO_IMAGE, 1.0, weights=weights(i), learning_rate=rate(i)) for i in range(1, count + 1)]


def weights_now(iteration):
    """Sliders that are moved at 4, 7 and 8, one of them back again at 9."""
    layers = {"conv1_1": 0.3, "conv2_1": 0.1} if iteration < 8 else {"conv1_1": 0.1, "conv2_1": 0.3}
    return Weights(1.0, 100.0 if iteration < 4 else 320.0, 0.0 if 7 <= iteration < 9 else 2.0, layers)


def rate_now(iteration):
    return 0.05 if iteration < 6 else 0.02


def layers(**weights):
    """As a recipe writes them; those of the default weights that are missing count as 0."""
    return [list(pair) for pair in (weights | OTHER_LAYERS).items()]


def test_what_was_changed_is_told():
    recipe = changes_in(record(weights_now, rate_now))
    assert recipe["style_weight"] == 100 and recipe["learning_rate"] == 0.05
    assert recipe["layer"] == layers(conv1_1=0.3, conv2_1=0.1)
    assert recipe["changes"] == [
        {"iteration": 4, "style_weight": 320.0},
        {"iteration": 6, "learning_rate": 0.02},
        {"iteration": 7, "tv_weight": 0.0},
        {"iteration": 8, "layer": layers(conv1_1=0.1, conv2_1=0.3)},
        {"iteration": 9, "tv_weight": 2.0},
    ]


def test_what_was_told_is_followed_even_as_json():
    settings = Settings.from_recipe(json.loads(json.dumps(changes_in(record(weights_now, rate_now)))))
    for i in range(1, 13):
        assert settings.weights_at(i).factors == weights_now(i).factors | {name: 0.0 for name in OTHER_LAYERS}
        assert settings.learning_rate_at(i) == rate_now(i)


def test_a_run_in_parts_begins_anew_from_its_picture():
    begun = []

    def run(image, done, state_dict):
        begun.append((image, done, state_dict))
        yield from (Step(i, f"picture {i}", 0.0) for i in range(done + 1, 11))

    assert [step.iteration for step in in_parts(run, [3, 7, 9], {})] == list(range(1, 10))
    assert begun == [(None, 0, {}), ("picture 3", 3, {}), ("picture 7", 7, {})]


def test_render_follows_changes_restarts_and_an_early_end(tmp_path):
    recipe = {
        "content": "portrait", "style": "monet", "size": 64, "steps": 9, "until": 7, "restarts": [4],
        "changes": [{"iteration": 3, "style_weight": 5.0}, {"iteration": 6, "learning_rate": 0.2}],
    }  # fmt: skip
    save_image(noise_like(torch.empty(1, 3, 8, 8)), tmp_path / "told.png", recipe)

    def picture(name, *options):
        out = tmp_path / name
        assert render.main(["--recipe", str(tmp_path / "told.png"), "--out", str(out), *options]) == 0
        assert max(load_image(out).shape) == 64
        return out

    first, second = picture("first.png"), picture("second.png")
    assert load_image(first).equal(load_image(second))
    assert load_recipe(first)["iteration"] == load_recipe(first)["until"] == 7
    assert load_recipe(first)["restarts"] == [4]
    for other in (["--steps", "6"], ["--until", "6"], ["--seed", "1"]):
        assert not load_image(picture("other.png", *other)).equal(load_image(first))


def test_what_the_judge_says_is_printed_before_the_path_and_kept_in_the_recipe(tmp_path, capsys):
    out = tmp_path / "judged.png"
    assert render.main(["portrait", "monet", "--size", "64", "--steps", "4", "--every", "2", "--out", str(out)]) == 0
    recipe = load_recipe(out)
    sources = load_sources(Settings.from_recipe(recipe))
    again = judged(load_image(out), sources)
    for name in judge.FIGURES:
        assert recipe["judged"][name] == pytest.approx(again[name], rel=0.05)  # the file has 8 bits a value
    assert capsys.readouterr().out.splitlines()[-2:] == [verdict(recipe["judged"]), str(out)]


def test_a_picture_is_saved_even_if_its_judge_fails(tmp_path, capsys, monkeypatch):
    def failing(*_):
        raise MemoryError

    monkeypatch.setattr(judge, "load_vgg19", failing)
    out = tmp_path / "lost.png"
    assert render.main(["portrait", "monet", "--size", "64", "--steps", "2", "--out", str(out)]) == 0
    assert "judged" not in load_recipe(out) and load_recipe(out)["iteration"] == 2
    assert [line[:9] for line in capsys.readouterr().out.splitlines()] == ["iteration", str(out)[:9]]


@pytest.mark.parametrize(
    "recipe",
    [
        {"changes": [{"iteration": 3, "size": 100}]},
        {"changes": [{"iteration": 1, "layer": [[["a"], 1]]}]},
        {"layer": [[["a"], 1]]},
        {"restarts": [5, 3]},
        {"version": 3},
        {"seed": "one"},
    ],
)
def test_a_bad_recipe_in_a_picture_is_one_line(tmp_path, capsys, recipe):
    path = tmp_path / "bad.png"
    save_image(torch.zeros(1, 3, 40, 40), path, recipe)
    assert render.main(["--recipe", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "outcome",
    [
        {"judged": 5}, {"judged": [1]}, {"judged": None}, {"judged": {"style_distance": 0.1}}, {"losses": "low"},
        {"judged": {"judge": ["compact"], "style_distance": 0.1}}, {"judged": {"judge": "compact"}},
        {"judged": {"judge": "compact", "style_distance": "low"}}, {"losses": 5}, {"losses": {"total": "x"}},
    ],
    ids=str,
)  # fmt: skip
def test_an_outcome_that_is_none_is_left_out_of_a_caption(outcome):
    assert caption({"size": 64, **outcome}) == "64 pixels"
