"""Every setting once: its default, its check, its option, its place in a recipe."""

import json
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from helpers.base.errors import TeachingError
from helpers.base.parser import Parser
from helpers.losses import Weights, report_schedule
from helpers.runs.settings import Settings, add_options, options, typed_over


def typed(*arguments):
    parser = Parser(prog="test")
    add_options(parser)
    return typed_over(Settings(), parser.parse_args(arguments))


def test_the_defaults_are_the_weights_defaults():
    assert Settings().weights == Weights()
    assert Settings().scales == 4
    assert Settings().learning_rate_at(1) == 1 and Settings(optimizer="adam").learning_rate_at(1) == 0.05


@pytest.mark.parametrize(
    "options, optimizer, steps",
    [
        ([], "lbfgs", 200),
        (["--optimizer", "adam"], "adam", 400),
        (["--single-scale"], "adam", 400),  # the report's loop
        (["--single-scale", "--optimizer", "lbfgs"], "lbfgs", 200),
        (["--steps", "77", "--optimizer", "adam"], "adam", 77),
    ],
)
def test_each_optimizer_has_its_own_number_of_iterations(options, optimizer, steps):
    assert (typed(*options).optimizer, typed(*options).steps) == (optimizer, steps)


def test_an_option_typed_over_a_recipe_keeps_what_the_recipe_chose():
    recipe = Settings(optimizer="adam", steps=90)
    assert typed_over(recipe, {"seed": 3}) == replace(recipe, seed=3)
    assert typed_over(recipe, {"optimizer": "lbfgs"}) == Settings(steps=90)
    assert typed_over(Settings(), {"optimizer": "adam"}) == Settings(optimizer="adam", steps=400)


def test_nothing_typed_is_nothing_changed():
    assert typed() == Settings()


def test_every_setting_with_an_option_can_be_typed():
    samples = {"bool": [], "tuple": ["conv1_1=0.5"], "int": ["77"], "float": ["0.75"], "str": ["word"]}
    for name, option in options():
        others = [choice for choice in option.choices if choice != getattr(Settings(), name)]
        value = others[:1] or samples[option.kind.__name__]
        value = ["conv3_1"] if name == "content_layer" else value
        arguments = value if name in ("content", "style") else [f"--{name.replace('_', '-')}", *value]
        if name == "style":
            arguments = ["landscape", *arguments]
        assert getattr(typed(*arguments), name) != getattr(Settings(), name), name


def test_layers_are_typed_over_those_that_there_are():
    settings = replace(Settings(), layer=(("conv1_1", 0.9), ("conv2_1", 0.8)))
    settings = typed_over(settings, {"layer": [("conv2_1", 0.1)]})
    assert settings.weights.layers == dict(Weights().layers) | {"conv1_1": 0.9, "conv2_1": 0.1}


def test_a_recipe_is_json_and_comes_back_as_the_same_settings():
    settings = Settings(
        "portrait", "monet", size=128, steps=50, layer=(("conv1_2", 0.5),), learning_rate=0.1, schedule="report",
        single_scale=True, until=40, restarts=(3, 9), changes=({"iteration": 4, "tv_weight": 0.5},),
    )  # fmt: skip
    recipe = json.loads(json.dumps(settings.recipe()))
    assert recipe["version"] == 2
    assert Settings.from_recipe(recipe) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert recipe.keys() == {"version", *(field.name for field in fields(Settings))}


def test_a_recipe_of_the_first_version_is_read():
    """As `render` wrote it before recipes named their version; losses and the like are left out."""
    recipe = {
        "content": "landscape", "style": "monet", "size": 96, "steps": 20, "network": "compact", "pooling": "avg",
        "content_weight": 1.0, "style_weight": 100.0, "tv_weight": 2.0, "layer": [["conv1_1", 0.5]],
        "content_layer": "conv4_2", "optimizer": "adam", "learning_rate": None, "start": "noise", "schedule": "none",
        "single_scale": False, "seed": 0, "until": None, "precision": "auto", "changes": [], "restarts": [],
        "iteration": 20, "losses": {"total": 1.0},
    }  # fmt: skip
    expected = Settings("landscape", "monet", size=96, steps=20, optimizer="adam", layer=(("conv1_1", 0.5),))
    assert Settings.from_recipe(recipe) == expected


def test_the_schedule_switches_after_the_same_share_of_any_number_of_iterations():
    for steps, switch in ((400, 250), (200, 125), (40, 25)):
        settings = Settings(schedule="report", steps=steps)
        expected = report_schedule(Weights(), switch)
        for iteration in (1, switch, switch + 1, steps):
            assert settings.weights_at(iteration) == expected(iteration)


def test_the_schedule_acts_on_what_was_changed():
    settings = Settings(schedule="report", steps=8, changes=({"iteration": 3, "tv_weight": 9.0},))
    assert [settings.weights_at(i).tv for i in (2, 3, 6)] == [2.0, 9.0, 9.0]
    assert settings.weights_at(6).layers == report_schedule(Weights(), 5)(6).layers


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Settings().size = 3


def test_numpys_numbers_become_plain_ones():
    settings = Settings(size=np.int64(64), steps=np.int32(3), seed=np.uint8(2), style_weight=np.float32(0.5),
                        learning_rate=np.float64(0.1), layer=[("conv1_1", np.float32(0.5))])  # fmt: skip
    assert json.loads(json.dumps(settings.recipe()))["style_weight"] == 0.5


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"size": 20}, "size is a whole number from 32 up; got 20"),
        ({"size": "big"}, "size is a whole number from 32 up; got 'big'"),
        ({"steps": 0}, "steps is a whole number from 1 up; got 0"),
        ({"steps": 2.5}, "steps is a whole number from 1 up; got 2.5"),
        ({"until": 0}, "until is a whole number from 1 up; got 0"),
        ({"seed": 10**18}, "seed is a whole number of 18 digits at most"),
        ({"seed": "x"}, "seed is a whole number of 18 digits at most; got 'x'"),
        ({"style_weight": -1}, "style_weight is a number from 0 up; got -1"),
        ({"tv_weight": float("nan")}, "tv_weight is a number from 0 up; got nan"),
        ({"learning_rate": 0}, "learning_rate is a number above 0; got 0"),
        ({"start": "fog"}, "Unknown start 'fog'; it is 'noise' or 'content' or 'style'"),
        ({"start": ["noise"]}, "Unknown start"),
        ({"optimizer": "sgd"}, "Unknown optimizer 'sgd'; it is 'adam' or 'lbfgs'"),
        ({"content_layer": "conv4_5"}, "Unknown layer 'conv4_5'"),
        ({"content": 3}, "Unknown content 3; it is a name or a path"),
        ({"single_scale": "yes"}, "single_scale is true or false; got 'yes'"),
        ({"layer": [["conv4_5", 1]]}, "Unknown layer 'conv4_5'"),
        ({"layer": [[["a"], 1]]}, "Unknown layer"),
        ({"layer": {"conv1_1": 1}}, "Layers in a recipe are written"),
        ({"layer": [["conv1_1", -1]]}, "weight of conv1_1 must be a number from 0 up"),
        ({"restarts": 3}, "restarts are rising iterations"),
        ({"restarts": [0]}, "restarts are rising iterations"),
        ({"restarts": [5, 3]}, "restarts are rising iterations"),
        ({"restarts": [3, 3]}, "restarts are rising iterations"),
        ({"restarts": ["3"]}, "restarts are rising iterations"),
        ({"restarts": [2.5]}, "restarts are rising iterations"),
        ({"changes": {"iteration": 3}}, r"changes are a list such as \[.*not \{'iteration': 3\}"),
        ({"changes": ["style 3"]}, "names its iteration.*got 'style 3'"),
        ({"changes": [{"style_weight": 3}]}, "names its iteration"),
        ({"changes": [{"iteration": 0, "style_weight": 3}]}, "names its iteration"),
        ({"changes": [{"iteration": 3, "size": 100}]}, "has 'size'; it may have content_weight"),
        ({"changes": [{"iteration": 3, "style_weight": -1}]}, "style_weight is a number from 0 up; got -1"),
        ({"changes": [{"iteration": 3, "style_weight": "much"}]}, "style_weight is a number from 0 up; got 'much'"),
        ({"changes": [{"iteration": 3, "layer": {"conv1_1": 1}}]}, "Layers in a recipe are written"),
        ({"changes": [{"iteration": 1, "layer": [[["a"], 1]]}]}, "Unknown layer"),
        ({"changes": [{"iteration": 3, "layer": [["conv4_5", 1]]}]}, "Unknown layer 'conv4_5'"),
        ({"changes": [{"iteration": 3, "learning_rate": 0}]}, "learning_rate is a number above 0; got 0"),
        ({"changes": [{"iteration": 3, "learning_rate": None}]}, "learning_rate is a number above 0; got None"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(TeachingError, match=message):
        Settings(**wrong)
