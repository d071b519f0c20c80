"""What was changed during a run: told from its record, followed again, and refused where it makes no sense."""

import json

import pytest
import torch

from helpers import render
from helpers.errors import TeachingError
from helpers.images import load_image, load_recipe, noise_like, save_image
from helpers.losses import Weights, report_schedule
from helpers.recipe import check_changes, check_restarts, followed, followed_rate, told
from helpers.render import in_parts
from helpers.transfer import Step

NO_IMAGE = torch.empty(1, 3, 0, 0)


def record(weights, rate, count=12):
    return [Step(i, NO_IMAGE, 1.0, 0.0, weights=weights(i), learning_rate=rate(i)) for i in range(1, count + 1)]


def weights_now(iteration):
    """Sliders that are moved at 4, 7 and 8, one of them back again at 9."""
    layers = {"conv1_1": 0.3, "conv2_1": 0.1} if iteration < 8 else {"conv1_1": 0.1, "conv2_1": 0.3}
    return Weights(1.0, 100.0 if iteration < 4 else 320.0, 0.0 if 7 <= iteration < 9 else 2.0, layers)


def rate_now(iteration):
    return 0.05 if iteration < 6 else 0.02


def test_what_is_told_is_what_changed():
    recipe = told(record(weights_now, rate_now))
    assert recipe["style_weight"] == 100 and recipe["learning_rate"] == 0.05
    assert recipe["layer"] == [["conv1_1", 0.3], ["conv2_1", 0.1]]
    assert recipe["changes"] == [
        {"iteration": 4, "style_weight": 320.0},
        {"iteration": 6, "learning_rate": 0.02},
        {"iteration": 7, "tv_weight": 0.0},
        {"iteration": 8, "layer": [["conv1_1", 0.1], ["conv2_1", 0.3]]},
        {"iteration": 9, "tv_weight": 2.0},
    ]


def test_what_was_told_can_be_followed_even_as_json():
    recipe = json.loads(json.dumps(told(record(weights_now, rate_now))))
    check_changes(recipe["changes"])
    weights, rate = followed(lambda _: weights_now(1), recipe["changes"]), followed_rate(0.05, recipe["changes"])
    assert [weights(i) for i in range(1, 13)] == [weights_now(i) for i in range(1, 13)]
    assert [rate(i) for i in range(1, 13)] == [rate_now(i) for i in range(1, 13)]


def test_changes_go_over_a_schedule():
    schedule = followed(report_schedule(Weights(), 5), [{"iteration": 3, "tv_weight": 9.0}])
    assert [schedule(i).tv for i in (2, 3, 6)] == [2.0, 9.0, 9.0]
    assert schedule(6).layers == report_schedule(Weights(), 5)(6).layers


def test_a_run_in_parts_begins_anew_from_its_picture():
    begun = []

    def run(image, done, state):
        begun.append((image, done))
        yield from (Step(i, f"picture {i}", 0.0, 0.0) for i in range(done + 1, 11))

    assert [step.iteration for step in in_parts(run, [3, 7, 9])] == list(range(1, 10))
    assert begun == [(None, 0), ("picture 3", 3), ("picture 7", 7)]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"iteration": 3}, r"changes are a list such as \[.*not \{'iteration': 3\}"),
        (["style 3"], "names its iteration.*got 'style 3'"),
        ([{"style_weight": 3}], "names its iteration"),
        ([{"iteration": 0, "style_weight": 3}], "names its iteration"),
        ([{"iteration": 3, "size": 100}], "has 'size'; it may have content_weight"),
        ([{"iteration": 3, "style_weight": -1}], "weight of style must be a number from 0 up, not -1"),
        ([{"iteration": 3, "style_weight": "much"}], "weight of style must be a number from 0 up, not 'much'"),
        ([{"iteration": 3, "layer": {"conv1_1": 1}}], "Layers in a recipe are written"),
        ([{"iteration": 3, "layer": [["conv4_5", 1]]}], "Unknown layer 'conv4_5'"),
        ([{"iteration": 3, "learning_rate": 0}], "learning rate must be a number above 0.*has 0"),
        ([{"iteration": 3, "learning_rate": None}], "learning rate must be a number above 0.*has None"),
    ],
)
def test_changes_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(TeachingError, match=message):
        check_changes(changes)


@pytest.mark.parametrize("restarts", [3, [0], [5, 3], [3, 3], ["3"], [2.5]])
def test_restarts_that_make_no_sense_are_refused(restarts):
    with pytest.raises(TeachingError, match="restarts are rising iterations"):
        check_restarts(restarts)


def test_render_follows_changes_restarts_and_an_early_end(tmp_path):
    recipe = {
        "content": "portrait", "style": "monet", "size": 64, "steps": 9, "until": 7, "restarts": [4],
        "changes": [{"iteration": 3, "style_weight": 5.0}, {"iteration": 6, "learning_rate": 0.2}],
    }  # fmt: skip
    save_image(noise_like(NO_IMAGE.expand(1, 3, 0, 0).new_empty(1, 3, 8, 8)), tmp_path / "told.png", recipe)

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


def test_a_bad_change_in_a_picture_is_one_line(tmp_path, capsys):
    path = tmp_path / "bad.png"
    save_image(torch.zeros(1, 3, 40, 40), path, {"changes": [{"iteration": 3, "size": 100}]})
    assert render.main(["--recipe", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
