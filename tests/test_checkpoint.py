"""Going on with a run that was cut off: bit for bit, or not at all."""

import json
import os
import pickle
from itertools import islice

import pytest
import torch
from safetensors.torch import save_file

from helpers import render, unfinished
from helpers.checkpoint import BEGINNING, State, load_checkpoint, save_checkpoint
from helpers.errors import TeachingError
from helpers.images import load_image, load_recipe, noise_like
from helpers.losses import Weights, report_schedule
from helpers.transfer import coarse_to_fine, optimise_image, style_transfer
from helpers.unfinished import Keeper, last_run, load_run, reserved
from helpers.vgg import LAYERS, VGG19


def network(seed=0):
    torch.manual_seed(seed)
    model = VGG19({name: 8 for name in LAYERS.values()}).requires_grad_(False)
    for name in LAYERS.values():
        torch.nn.init.kaiming_normal_(getattr(model, name).weight, nonlinearity="relu")
    return model


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def pictures():
    return load_image("landscape", 300), load_image("van_gogh", 200)


RUNS = {
    "plain": (style_transfer, {}),
    "averaged": (style_transfer, {"average": 0.9}),
    "lbfgs": (style_transfer, {"optimizer": "lbfgs"}),
    "coarse to fine": (coarse_to_fine, {}),
    "lbfgs, coarse to fine": (coarse_to_fine, {"optimizer": "lbfgs", "average": 0.0}),
}


@pytest.mark.parametrize("cut", [1, 5, 6, 8])  # coarse to fine changes its size after the sixth iteration
@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(model, pictures, tmp_path, name, cut):
    method, options = RUNS[name]
    path = tmp_path / "run.checkpoint"

    def run(**more):
        return method(*pictures, model, report_schedule(Weights(), switch=7), steps=9, **options, **more)

    whole = []
    for step in run():
        whole.append(step)
        if step.iteration == cut:
            save_checkpoint(path, step.state())
    rest = list(run(resume=path))
    assert [step.iteration for step in rest] == list(range(cut + 1, 10))
    for ours, theirs in zip(rest, whole[cut:], strict=True):
        assert torch.equal(ours.image, theirs.image)
        assert (ours.loss, ours.layers, ours.weights) == (theirs.loss, theirs.layers, theirs.weights)


def test_a_run_can_be_resumed_for_more_iterations_than_it_had(model, pictures):
    *_, last = style_transfer(*pictures, model, steps=3)
    (more,) = style_transfer(*pictures, model, steps=4, resume=last.state())
    *_, whole = style_transfer(*pictures, model, steps=4)
    assert torch.equal(more.image, whole.image)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"content": "portrait"}, "another content"),
        ({"style": "monet"}, "another style"),
        ({"model": 1}, "another network"),
        ({"optimizer": "lbfgs"}, r"another optimizer \('adam', now 'lbfgs'\)"),
        ({"betas": (0.5, 0.6)}, r"another betas \(\[0.9, 0.99\], now \[0.5, 0.6\]\)"),
        ({"average": 0.5}, r"another average \(0.9, now 0.5\)"),
        ({"content_layer": "conv3_1"}, r"another content_layer \('conv4_2', now 'conv3_1'\)"),
        ({"relative": False}, "another relative"),
        ({"steps": 8}, r"another steps \(9, now 8\)"),
        ({"scales": 1}, r"another scales \(4, now 1\)"),
        ({"precision": "bfloat16"}, "another precision"),
        ({"size": 310}, "another content|another size"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_saying_which(model, pictures, changed, message):
    *_, last = islice(coarse_to_fine(*pictures, model, steps=9, precision="float32"), 3)
    size, other = changed.pop("size", 300), network(changed.pop("model", 0))
    content, style = (
        load_image(changed.pop("content", "landscape"), size),
        load_image(changed.pop("style", "van_gogh"), 200),
    )
    options = {"steps": 9, "precision": "float32", **changed}
    with pytest.raises(TeachingError, match=message):
        next(coarse_to_fine(content, style, other, resume=last.state(), **options))


@pytest.fixture
def checkpoint(model, pictures, tmp_path):
    path = tmp_path / "results" / "run.checkpoint"
    *_, step = style_transfer(*pictures, model, steps=2)
    save_checkpoint(path, step.state(), recipe={"content": "landscape"}, record=[], restarts=[])
    return path


def test_a_damaged_checkpoint_is_refused(checkpoint):
    content = checkpoint.read_bytes()
    for end in (0, 1, 8, 100, len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:end])
        with pytest.raises(TeachingError, match="is damaged, or no checkpoint"):
            load_checkpoint(checkpoint)
    with pytest.raises(TeachingError, match="There is no checkpoint"):
        load_checkpoint(checkpoint.with_name("none"))


class Planted:
    def __reduce__(self):
        return os.mkdir, ("planted",)


def test_nothing_is_unpickled(checkpoint, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    checkpoint.write_bytes(pickle.dumps(Planted()))
    with pytest.raises(TeachingError, match="no checkpoint"):
        load_checkpoint(checkpoint)
    torch.save({"pixels": Planted()}, checkpoint)
    with pytest.raises(TeachingError, match="no checkpoint"):
        load_checkpoint(checkpoint)
    assert not (tmp_path / "planted").exists()


RUN = {"version": 1, "iteration": 2, "made_with": {}, "notes": {}}


@pytest.mark.parametrize(
    "run, message",
    [
        ({**RUN, "version": 2}, "written by another version"),
        ({**RUN, "iteration": -1}, "is damaged"),
        ({**RUN, "iteration": "2"}, "is damaged"),
        ({**RUN, "made_with": []}, "is damaged"),
        ({**RUN, "notes": 7}, "is damaged"),
        ([], "is damaged"),
        ({}, "is damaged"),
    ],
)
def test_a_checkpoint_whose_notes_make_no_sense(tmp_path, run, message):
    save_file({"pixels": torch.zeros(1, 3, 4, 4)}, tmp_path / "x.checkpoint", {"run": json.dumps(run)})
    with pytest.raises(TeachingError, match=message):
        load_checkpoint(tmp_path / "x.checkpoint")


def test_deep_nesting_and_numbers_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.checkpoint"
    save_file({"pixels": torch.zeros(1)}, path, {"run": "[" * 100_000})
    with pytest.raises(TeachingError, match="is damaged"):
        load_checkpoint(path)
    for value in (torch.full((1, 3, 4, 4), torch.nan), torch.zeros(1, 3, 4, 4, dtype=torch.float16)):
        save_file({"pixels": value}, path, {"run": json.dumps(RUN)})
        with pytest.raises(TeachingError, match="is damaged"):
            load_checkpoint(path)


@pytest.mark.parametrize("missing", ["pixels", "mean", "momentum", "square", "steps"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_state_whose_parts_do_not_fit_together(missing, optimizer):
    image = noise_like(torch.empty(1, 3, 8, 8))

    def loss(x, iteration):
        return x.square().sum()

    *_, last = optimise_image(image, loss, 3, optimizer)
    tensors = last.state().tensors
    name = missing if missing in tensors else "d"
    for wrong in (torch.zeros(1, 3, 4, 4), torch.zeros(7)):
        with pytest.raises(TeachingError, match="do not fit together"):
            next(optimise_image(image, loss, 9, optimizer, resume=State(3, {**tensors, name: wrong})))


@pytest.fixture
def results(tmp_path, monkeypatch):
    for module in (unfinished, render):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_a_name_is_reserved_by_its_checkpoint(results):
    first = reserved(results / "a--b", ".png")
    second = reserved(results / "a--b", ".png")
    assert [first.name, second.name] == ["a--b--1.png", "a--b--2.png"]
    assert not first.exists()
    first.with_suffix(".checkpoint").unlink()
    first.write_bytes(b"a picture")
    assert reserved(results / "a--b", ".png").name == "a--b--3.png"
    assert not first.with_suffix(".checkpoint").exists()


def test_the_last_run_is_one_that_has_ended(results):
    assert last_run() is None
    reserved(results / "a--b", ".png")
    assert last_run() is None  # nothing is in it yet
    keeper = Keeper(results / "a--b--1.png")
    keeper.keep(BEGINNING, {"size": 64})
    assert last_run() is None  # it is going on, here
    keeper.release()
    assert last_run() == keeper.path
    assert load_run(keeper.path).recipe == {"size": 64}
    keeper.remove()
    assert last_run() is None


def test_a_run_of_another_process_is_left_alone_while_that_lives(results, monkeypatch):
    keeper = Keeper(results / "a--b--1.png")
    monkeypatch.setattr(os, "getpid", os.getppid)  # written by the parent, which is alive
    keeper.keep(BEGINNING, {})
    keeper.release()
    monkeypatch.undo()
    monkeypatch.setattr(unfinished, "RESULTS", results)
    assert last_run() is None
    path = keeper.path
    content = load_checkpoint(path)[1]
    save_checkpoint(path, BEGINNING, **{**content, "owner": content["owner"][:-1] + "x"})  # its number was given again
    assert last_run() == path


def interrupted(monkeypatch, results, *arguments, after):
    """Renders until the `after`th line of losses, and is interrupted there."""
    said = []

    def write(text, file=None):
        said.append(text)
        if len(said) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(render.tqdm, "write", write)
    with pytest.raises(SystemExit) as ended:
        render.main(arguments)
    assert ended.value.code == 130
    monkeypatch.undo()
    for module in (unfinished, render):
        monkeypatch.setattr(module, "RESULTS", results)


@pytest.mark.parametrize("options", [[], ["--optimizer", "lbfgs"], ["--single-scale"]])
def test_render_goes_on_bit_for_bit(results, monkeypatch, capsys, options):
    arguments = ["portrait", "monet", "--size", "64", "--steps", "8", "--every", "1", *options]
    interrupted(monkeypatch, results, *arguments, after=5)
    assert load_recipe(results / "portrait--monet--1.png")["iteration"] == 5
    assert "--resume" in capsys.readouterr().err
    assert render.main(["--resume"]) == 0
    assert render.main(arguments) == 0
    first, second = (results / f"portrait--monet--{n}.png" for n in (1, 2))
    assert load_image(first).equal(load_image(second))
    assert load_recipe(first) == load_recipe(second)
    assert sorted(path.name for path in results.iterdir()) == [first.name, second.name]


def test_render_refuses_to_go_on_with_something_else(results, monkeypatch, capsys):
    interrupted(
        monkeypatch, results, "portrait", "monet", "--size", "64", "--steps", "8", "--every", "1", after=3
    )  # fmt: skip
    path = results / "portrait--monet--1.checkpoint"
    capsys.readouterr()
    for options, message in (
        (["--style-weight", "5"], "--style-weight is 5.0, and the run in"),
        (["landscape", "monet"], "another content"),
        (["--recipe", "x.png"], "give one of them"),
    ):
        assert render.main([*options, "--resume", str(path)]) == 2
        said = capsys.readouterr().err
        assert message in said.splitlines()[-1]
    assert path.exists()
    assert load_image(results / "portrait--monet--1.png") is not None
    assert render.main(["--resume", str(path.with_suffix(".png"))]) == 0
    assert not path.exists()
    assert render.main(["--resume"]) == 2
    assert "There is no run to go on with" in capsys.readouterr().err


def test_a_checkpoint_that_names_somebody_elses_file_is_refused(results, capsys):
    for recipe in ({"content": "/etc/passwd"}, {"style": "../../secret.png"}, {"network": "http://x/y.pth"}):
        keeper = Keeper(results / "a--b--1.png")
        keeper.keep(BEGINNING, recipe)
        keeper.release()
        assert render.main(["--resume", str(keeper.path)]) == 2
        assert "is not one of ours" in capsys.readouterr().err
