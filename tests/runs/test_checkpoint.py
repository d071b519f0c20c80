"""Going on with a run that was cut off: bit for bit, or not at all."""

import json
import os
import pickle
import socket
from itertools import islice

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.commands import render
from helpers.engine import state_files
from helpers.engine.state_files import load_notes, load_state, save_state
from helpers.images import load_image
from helpers.losses import Weights, report_schedule
from helpers.runs.checkpoint import Keeper, load_run
from helpers.runs.painting import painting
from helpers.runs.recipe import load_recipe
from helpers.runs.results import in_use, last_run, reserved
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources
from helpers.transfer import coarse_to_fine, style_transfer


@pytest.fixture(scope="module")
def model(network):
    return network


@pytest.fixture(scope="module")
def pictures():
    return load_image("landscape", 300), load_image("van_gogh", 300)


RUNS = {
    "plain": (style_transfer, {}),
    "averaged": (style_transfer, {"average": 0.9}),
    "lbfgs": (style_transfer, {"optimizer": "lbfgs"}),
    "adam, coarse to fine": (coarse_to_fine, {"optimizer": "adam"}),
    "lbfgs, coarse to fine": (coarse_to_fine, {}),
}


@pytest.mark.parametrize("cut", [1, 4, 5, 6, 8])  # coarse to fine changes its size after the fourth iteration or sixth
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
            save_state(path, step.state_dict())
    rest = list(run(resume=path))
    assert [step.iteration for step in rest] == list(range(cut + 1, 10))
    for ours, theirs in zip(rest, whole[cut:], strict=True):
        assert torch.equal(ours.image, theirs.image)
        assert (ours.loss, ours.layers, ours.weights) == (theirs.loss, theirs.layers, theirs.weights)


def test_a_run_can_be_resumed_for_more_iterations_than_it_had(model, pictures):
    *_, last = style_transfer(*pictures, model, steps=3)
    (more,) = style_transfer(*pictures, model, steps=4, resume=last.state_dict())
    *_, whole = style_transfer(*pictures, model, steps=4)
    assert torch.equal(more.image, whole.image)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"content": "portrait"}, "another content"),
        ({"style": "monet"}, "another style"),
        ({"model": {"seed": 1}}, "another network"),
        ({"model": {"pooling": "max"}}, r"another pooling \('avg', now 'max'\)"),
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
def test_a_checkpoint_of_another_run_is_refused_saying_which(model, make_network, pictures, changed, message):
    *_, last = islice(coarse_to_fine(*pictures, model, steps=9, optimizer="adam", precision="float32"), 3)
    changed = dict(changed)
    size, other = changed.pop("size", 300), make_network(**changed.pop("model", {}))
    content, style = (
        load_image(changed.pop("content", "landscape"), size),
        load_image(changed.pop("style", "van_gogh"), 300),
    )
    options = {"steps": 9, "optimizer": "adam", "precision": "float32", **changed}
    with pytest.raises(TeachingError, match=message):
        next(coarse_to_fine(content, style, other, resume=last.state_dict(), **options))


@pytest.fixture
def checkpoint(model, pictures, tmp_path):
    path = tmp_path / "results" / "run.checkpoint"
    *_, step = style_transfer(*pictures, model, steps=2)
    save_state(path, step.state_dict(), recipe={"content": "landscape"}, record=[])
    return path


def test_a_damaged_checkpoint_is_refused(checkpoint):
    content = checkpoint.read_bytes()
    for end in (0, 1, 8, 100, len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:end])
        with pytest.raises(TeachingError, match="is damaged, or no checkpoint"):
            load_state(checkpoint)
    with pytest.raises(TeachingError, match="There is no checkpoint"):
        load_state(checkpoint.with_name("none"))


class Planted:
    def __reduce__(self):
        return os.mkdir, ("planted",)


def test_nothing_is_unpickled(checkpoint, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    checkpoint.write_bytes(pickle.dumps(Planted()))
    with pytest.raises(TeachingError, match="no checkpoint"):
        load_state(checkpoint)
    torch.save({"pixels": Planted()}, checkpoint)
    with pytest.raises(TeachingError, match="no checkpoint"):
        load_state(checkpoint)
    assert not (tmp_path / "planted").exists()


RUN = {"version": 1, "iteration": 2, "made_with": {}, "notes": {}}


@pytest.mark.parametrize(
    "run, message",
    [
        ({**RUN, "version": 3}, "written by another version"),
        ({"version": 2, "values": {"iteration": -1}, "notes": {}}, "is damaged"),
        ({"version": 2, "values": [], "notes": {}}, "is damaged"),
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
        load_state(tmp_path / "x.checkpoint")


def test_deep_nesting_and_numbers_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.checkpoint"
    save_file({"pixels": torch.zeros(1)}, path, {"run": "[" * 100_000})
    with pytest.raises(TeachingError, match="is damaged"):
        load_state(path)
    for value in (torch.full((1, 3, 4, 4), torch.nan), torch.zeros(1, 3, 4, 4, dtype=torch.float16)):
        save_file({"pixels": value}, path, {"run": json.dumps(RUN)})
        with pytest.raises(TeachingError, match="is damaged"):
            load_state(path)


@pytest.mark.parametrize("part", ["pixels", "image", "mean.mean", "optimizer.momentum", "optimizer.square"])
def test_a_state_whose_parts_do_not_fit_together(model, pictures, part):
    *_, last = style_transfer(*pictures, model, steps=2)
    for wrong in (torch.zeros(1, 3, 4, 4), torch.zeros(7), None):
        state_dict = dict(last.state_dict())
        *folder, name = part.split(".")
        inside = state_dict
        for each in folder:
            inside[each] = inside = dict(inside[each])
        inside[name] = wrong
        with pytest.raises(TeachingError, match="do not fit together"):
            next(style_transfer(*pictures, model, steps=9, resume=state_dict))


@pytest.mark.parametrize(
    "name, value",
    [
        ("step", torch.zeros(7)), ("loss", "small"), ("pairs", torch.zeros(2, 1, 3, 4, 4)), ("pairs", {"first": {}}),
        ("pairs", {"0": {"step": torch.zeros(1, 3, 4, 4), "change": torch.zeros(9), "inverse": torch.ones(())}}),
        ("pairs", {"0": {"step": None, "change": None}}),
    ],
)  # fmt: skip
def test_a_state_of_lbfgs_whose_parts_do_not_fit_together(model, pictures, name, value):
    *_, last = style_transfer(*pictures, model, steps=3, optimizer="lbfgs")
    state_dict = last.state_dict()
    wrong = {**state_dict, "optimizer": {**state_dict["optimizer"], name: value}}
    with pytest.raises(TeachingError, match="do not fit together"):
        next(style_transfer(*pictures, model, steps=9, optimizer="lbfgs", resume=wrong))


def test_an_older_version_s_lbfgs_goes_on_without_its_history(model, pictures):
    """Its state was torch's own: directions, step sizes and the like."""
    *_, last = style_transfer(*pictures, model, steps=3, optimizer="lbfgs")
    older = {"d": torch.zeros(9), "prev_flat_grad": torch.zeros(9), "n_iter": 3.0, "t": 1.0, "H_diag": 1.0}
    rest = style_transfer(*pictures, model, steps=5, optimizer="lbfgs",
                          resume={**last.state_dict(), "optimizer": older})  # fmt: skip
    first, second = rest
    expected = next(style_transfer(*pictures, model, steps=5, optimizer="lbfgs", resume=last.state_dict()))
    assert (first.iteration, second.iteration) == (4, 5)
    assert first.loss == expected.loss  # it begins with the same pixels


def test_a_nested_state_comes_back_as_it_was(tmp_path):
    state_dict = {"iteration": 3, "image": torch.rand(1, 3, 4, 4), "optimizer": {"n": 2, "square": torch.ones(2)},
                  "weights": {"layers": {"conv1_1": 0.1}}, "arguments": {"betas": [0.9, 0.99]}}  # fmt: skip
    save_state(tmp_path / "x.checkpoint", state_dict, note="n")
    again, notes = load_state(tmp_path / "x.checkpoint")
    assert notes == load_notes(tmp_path / "x.checkpoint") == {"note": "n"}
    assert torch.equal(again["image"], state_dict["image"])
    assert torch.equal(again["optimizer"].pop("square"), state_dict["optimizer"].pop("square"))
    del again["image"], state_dict["image"]
    assert again == state_dict


def test_the_notes_are_read_without_the_tensors(tmp_path, monkeypatch):
    save_state(tmp_path / "x.checkpoint", {"iteration": 1, "image": torch.zeros(1, 3, 4, 4)}, owner="me")

    class Opened:
        def __init__(self, *_):
            self.file = safe_open(*_)

        def __enter__(self):
            self.inside = self.file.__enter__()
            return self

        def __exit__(self, *error):
            return self.file.__exit__(*error)

        def metadata(self):
            return self.inside.metadata()

    monkeypatch.setattr(state_files, "safe_open", Opened)  # it has no get_tensor
    assert load_notes(tmp_path / "x.checkpoint") == {"owner": "me"}


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
    keeper.keep({}, Settings(size=64))
    assert last_run() is None  # it is going on, here
    keeper.release()
    assert last_run() == keeper.path
    assert load_run(keeper.path).settings == Settings(size=64)
    keeper.remove()
    assert last_run() is None


def test_a_run_of_another_process_is_left_alone_while_that_lives(results, monkeypatch):
    keeper = Keeper(results / "a--b--1.png")
    monkeypatch.setattr(os, "getpid", os.getppid)  # written by the parent, which is alive
    keeper.keep({}, Settings())
    keeper.release()
    monkeypatch.undo()
    monkeypatch.setattr(places, "RESULTS", results)
    assert last_run() is None
    path = keeper.path
    content = load_notes(path)
    save_state(path, {}, **{**content, "owner": content["owner"][:-1] + "x"})  # its number was given again
    assert last_run() == path


def interrupted(monkeypatch, results, *arguments, after):
    """Renders until the `after`th line of losses, and is interrupted there."""
    said = []

    def write(text, file=None):
        said.append(text)
        if len(said) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(render.tqdm, "write", write)
    assert render.main(arguments) == 130
    monkeypatch.undo()
    monkeypatch.setattr(places, "RESULTS", results)


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


def test_a_run_of_another_machine_goes_on_when_it_is_named(tmp_path, monkeypatch, results):
    out = tmp_path / "x.png"
    arguments = ["portrait", "monet", "--size", "64", "--steps", "4", "--every", "1", "--out", str(out)]
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "elsewhere")
        interrupted(elsewhere, results, *arguments, after=2)
    assert in_use(out.with_suffix(".checkpoint")) and not in_use(out.with_suffix(".checkpoint"), elsewhere=False)
    assert render.main(["--resume", str(out.with_suffix(".checkpoint"))]) == 0
    assert load_recipe(out)["iteration"] == 4


def test_out_says_which_run_goes_on(tmp_path, monkeypatch, capsys):
    out = tmp_path / "x.png"
    arguments = ["portrait", "monet", "--size", "64", "--steps", "4", "--every", "1", "--out", str(out)]
    assert render.main([*arguments, "--resume"]) == 2
    assert (
        f"no run to go on with in '{out.with_suffix('.checkpoint')}'. Without --resume one" in capsys.readouterr().err
    )
    interrupted(monkeypatch, tmp_path, *arguments, after=2)
    other = str(tmp_path / "y.png")
    assert render.main(["--out", other, "--resume", str(out.with_suffix(".checkpoint"))]) == 2
    assert f"x.png', not to '{other}'; leave out --out" in capsys.readouterr().err
    assert render.main([*arguments, "--resume"]) == 0
    assert load_recipe(out)["iteration"] == 4
    assert render.main([*arguments, "--resume"]) == 2
    assert "the picture is finished. Without --resume one begins" in capsys.readouterr().err


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
        keeper.keep({}, Settings(**recipe))
        keeper.release()
        assert render.main(["--resume", str(keeper.path)]) == 2
        assert "is not one of ours" in capsys.readouterr().err


def test_a_studios_run_that_finished_unsaved_is_saved_by_render(results, model, pictures, capsys):
    settings = Settings(size=64, steps=4)
    record = list(painting(settings, load_sources(settings)))
    keeper = Keeper(results / "landscape--van_gogh--1.png")
    keeper.keep(record[-1].state_dict(), settings, record)
    keeper.release()  # as when the kernel ends
    assert render.main(["--resume"]) == 0
    saved = results / "landscape--van_gogh--1.png"
    assert capsys.readouterr().out.splitlines()[-1] == str(saved)
    assert load_recipe(saved)["iteration"] == 4
    assert render.main(["--size", "64", "--steps", "4", "--out", str(results / "whole.png")]) == 0
    assert load_image(saved).equal(load_image(results / "whole.png"))
    assert not keeper.path.exists()


def test_a_finished_run_of_other_pictures_is_refused_all_the_same(results, capsys):
    settings = Settings(size=64, steps=2)
    record = list(painting(settings, load_sources(settings)))
    keeper = Keeper(results / "x.png")
    keeper.keep(record[-1].state_dict(), settings, record)
    keeper.release()
    assert render.main(["portrait", "van_gogh", "--resume", str(keeper.path)]) == 2
    assert "another content" in capsys.readouterr().err
    assert keeper.path.exists() and not (results / "x.png").exists()


def test_an_interrupt_before_the_first_iteration_leaves_a_run_to_go_on_with(results, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(render, "painting", interrupted)
    assert render.main(["--size", "64", "--steps", "2"]) == 130
    assert "--resume" in capsys.readouterr().err
    monkeypatch.setattr(render, "painting", painting)
    assert render.main(["--resume"]) == 0
    assert "had not finished an iteration; it begins anew" in capsys.readouterr().err
    assert load_recipe(results / "landscape--van_gogh--1.png")["iteration"] == 2


def test_a_checkpoint_of_the_first_version_goes_on_bit_for_bit(model, pictures, tmp_path):
    """A file as it was written before state dicts were nested: everything at one level, arguments as `made_with`."""
    path, whole = tmp_path / "x.checkpoint", []
    for step in coarse_to_fine(*pictures, model, steps=9, optimizer="adam"):
        whole.append(step)
        if step.iteration == 7:  # the first in full size
            state_dict = step.state_dict()
    arguments = state_dict["arguments"]
    tensors = {
        "iteration": torch.tensor(1), "first": torch.tensor(1.0, dtype=torch.float64),
        "pixels": state_dict["pixels"], "image": state_dict["image"], "mean": state_dict["mean"]["mean"],
        "momentum": state_dict["optimizer"]["momentum"], "square": state_dict["optimizer"]["square"],
        "steps": torch.tensor(state_dict["optimizer"]["steps"]),
    }  # fmt: skip
    made_with = {name: arguments[name] for name in ("content", "style", "network", "content_layer", "optimizer")}
    made_with |= {"relative": "True", "betas": [0.8, 0.95], "average": 0.9, "size": [300, 200], "steps": 9, "scales": 4}
    notes = {"recipe": {"content": "landscape", "studio_schedule": True}, "record": [], "restarts": []}
    run = {"version": 1, "iteration": 7, "made_with": made_with, "notes": notes}
    save_file(tensors, path, {"run": json.dumps(run)})
    rest = list(coarse_to_fine(*pictures, model, steps=9, optimizer="adam", resume=path))
    assert [step.iteration for step in rest] == [8, 9]
    assert torch.equal(rest[-1].image, whole[-1].image)
    assert load_run(path).settings.schedule == "report"  # what the studio had noted for the switch to come
