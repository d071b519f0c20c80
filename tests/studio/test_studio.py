"""The studio without a browser: its states, its thread, its record, and what it says when something is wrong."""

import io
import random
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers import plots
from helpers.base.errors import TeachingError
from helpers.base.pictures import CONTENTS
from helpers.commands import render
from helpers.engine.guards import DivergedError
from helpers.engine.optimizers import OPTIMIZERS
from helpers.images import load_image
from helpers.losses import Weights, report_schedule
from helpers.runs import estimate, film, judge
from helpers.runs.checkpoint import Keeper
from helpers.runs.painting import begin, painting
from helpers.runs.recipe import load_recipe
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources
from helpers.studio import Studio, chooser, front_end, studio
from helpers.studio.more import DRAWN
from helpers.studio.session import Session
from helpers.vgg import load_vgg19


@pytest.fixture(scope="module")
def file(tmp_path_factory, network):
    """The file of a small network, which an iteration takes a few milliseconds with."""
    path = tmp_path_factory.mktemp("network") / "small.safetensors"
    save_file(network.state_dict(), path)
    return str(path)


@pytest.fixture
def make(file, results):
    """Makes studios that save in a folder of the test, and closes them after it."""
    made = []

    def one(**options):
        made.append(Studio(**({"size": 64, "steps": 40, "network": file} | options)))
        return made[-1]

    yield one
    for each in made:
        each.close()
    assert threads() == []


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "style transfer"]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def finish(made):
    wait_for(lambda: made.status not in ("running", "ready") and not made.session.thread.is_alive())


def said(made):
    return made.panel.message.value


def enabled(made):
    return {name for name, button in made.panel.buttons.items() if not button.disabled}


def picture_file(size=(80, 60), kind="PNG"):
    content = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(content, kind)
    return content.getvalue()


def upload(picture_chooser, name, content):
    """What the browser does when a file was picked."""
    file = {"name": name, "type": "", "size": len(content), "content": memoryview(content)}
    file["last_modified"] = datetime.now()
    picture_chooser.upload.set_trait("value", (file,))


def repeated(path, folder):
    out, recipe = folder / "again.png", load_recipe(path)
    typed = [recipe["content"], recipe["style"], "--network", recipe["network"]]  # a recipe alone may name no file
    assert render.main([*typed, "--recipe", str(path), "--out", str(out)]) == 0
    return load_image(out).equal(load_image(path))


def consistent(made):
    """The record has a Step for every iteration, and nothing is from after the picture."""
    session = made.session
    n = session.iteration
    assert [step.iteration for step in session.record[:n]] == list(range(1, n + 1))
    assert session.restarts == sorted(set(session.restarts))
    assert all(step.iteration <= session.steps for step in session.snapshots)
    if made.status not in ("running", "paused"):
        wait_for(lambda: not (session.thread and session.thread.is_alive()))
        n = session.iteration
        assert len(session.record) == n
        assert all(iteration <= n for iteration in [*session.restarts, *(frame[0] for frame in session.film.frames)])
        assert list(made.plot.figure.axes[0].lines[0].get_xdata()) == list(range(1, n + 1))
        assert enabled(made) >= ({"start", "save", "film"} if n else {"start"})
        assert "stop" not in enabled(made)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_pressed_no_thread_no_picture_and_no_iteration_is_lost(make, seed, tmp_path):
    """A random walk through the states, and at its end the picture can be repeated from its recipe, bit for bit."""
    chance = random.Random(seed)
    made, other = make(seed=seed, single_scale=seed % 2 == 0, schedule=seed % 3 == 0), make(steps=10_000)
    other.start()

    def slide():
        slider = chance.choice(list(made.sliders.by_name.values()))
        slider.index = chance.randrange(5, len(slider.options) - 8)

    presses = [made.start, made.pause, made.resume, made.stop, made.back, slide, slide, made.pause_or_resume]
    made.start()
    for _ in range(25):
        had_picture, before = made.image is not None, made.status
        press = chance.choice(presses)
        press()
        assert len(threads()) <= 2
        if made.session:
            consistent(made)
        assert made.status != "failed"
        if press == made.stop or (press == made.back and before != "ready"):
            assert made.status in ("ready", "stopped", "done")
            assert len(threads()) == 1
        if had_picture and press != made.start:
            assert made.image is not None
        time.sleep(chance.random() * 0.03)
    if made.image is None:
        made.start()
        wait_for(lambda: made.image is not None)
    made.stop()
    consistent(made)
    assert repeated(made.save(), tmp_path)
    assert other.status == "running"
    made.close()
    other.close()
    assert threads() == []


def test_a_run_from_start_to_finish(make):
    made = make()
    assert made.status == "ready" and enabled(made) == {"start"}
    assert made.image is None and made.record == []
    made.start()
    assert made.status == "running"
    wait_for(lambda: made.record)
    assert enabled(made) >= {"start", "pause", "stop"}
    finish(made)
    assert made.status == "done"
    assert [step.iteration for step in made.record] == list(range(1, 41))
    assert made.record[-1].loss < made.record[0].loss / 2
    assert made.image.shape == load_image("landscape", 64).shape
    assert enabled(made) == {"start", "back", "save", "film"}
    assert "iteration <b>40</b> of 40" in made.panel.progress_text.value


def test_at_the_end_the_judge_is_shown_and_what_it_says_is_saved(make):
    made = make()
    made.start()
    finish(made)
    judged = judge.judged(made.image, load_sources(Settings(size=64)))
    assert judge.verdict(judged) in made.panel.progress_text.value
    assert load_recipe(made.save())["judged"] == judged
    made.back()
    assert "judged" not in load_recipe(made.save())  # which is an earlier picture
    made.resume()
    finish(made)
    assert load_recipe(made.save())["judged"] == judge.judged(made.image, load_sources(Settings(size=64)))


def test_save_waits_for_the_judge(make, monkeypatch):
    made, figures = make(), {"content_correlation": 0.5, "judge": "compact"}
    monkeypatch.setattr(studio, "judged", lambda *_: time.sleep(0.2) or figures)
    made.start()
    wait_for(lambda: made.status == "done")
    assert load_recipe(made.save())["judged"] == figures
    assert "Saved as" in said(made)


def test_a_run_in_the_foreground_is_judged_too(make, monkeypatch):
    monkeypatch.setattr(studio, "display", lambda widget: None)
    monkeypatch.setattr(studio, "show", lambda *_: None)
    made = make(steps=3)
    made.run()
    assert "style distance" in made.panel.progress_text.value and "sees it" in made.panel.progress_text.value


def test_a_judge_that_fails_leaves_a_run_that_can_be_saved(make, monkeypatch):
    monkeypatch.setattr(studio, "judged", lambda *_: {})
    made = make(steps=3)
    made.start()
    finish(made)
    assert made.status == "done" and said(made) == ""
    assert "judged" not in load_recipe(made.save())


def test_a_pause_leaves_no_trace(make):
    plain, paused = make(), make()
    plain.start()
    finish(plain)
    paused.start()
    wait_for(lambda: len(paused.record) > 10)
    paused.pause()
    assert paused.status == "paused"
    time.sleep(0.1)
    there = len(paused.record)
    time.sleep(0.1)
    assert len(paused.record) == there < 40
    paused.resume()
    finish(paused)
    assert paused.image.equal(plain.image)
    assert paused.session.restarts == []


def test_a_slider_acts_on_the_next_iteration_and_so_does_the_learning_rate(make):
    made = make()
    made.start()
    wait_for(lambda: len(made.record) > 5)
    made.pause()
    time.sleep(0.1)
    held = len(made.record)
    made.sliders.by_name["tv"].value = 0.0
    made.sliders.by_name["learning rate"].value = 0.5
    made.resume()
    finish(made)
    assert [step.weights.tv for step in made.record] == [2.0] * held + [0.0] * (40 - held)
    assert [step.learning_rate for step in made.record] == [1.0] * held + [0.5] * (40 - held)
    assert made.plot.marks == {held + 1: "learning rate 1 → 0.5, tv 2 → 0"}


def test_back_returns_to_the_picture_and_the_weights_of_then(make):
    made = make()
    made.start()
    wait_for(lambda: len(made.record) > 22)
    made.sliders.by_name["style"].value = 0.0
    finish(made)
    made.back()
    assert made.status == "stopped" and made.session.iteration == 36
    while made.session.earlier:
        made.back()
    first = made.session.step
    assert first.iteration == 4 and made.image is first.image
    assert made.sliders.weights == first.weights == Weights()
    assert "Back at iteration 4" in said(made)
    made.back()
    assert made.image is first.image and "no earlier snapshot" in said(made)
    made.resume()
    finish(made)
    assert made.session.restarts == [4]
    assert len(made.record) == 40 and made.record[-1].weights.style == 100


def test_the_schedule_moves_the_sliders_at_its_iteration_and_back_for_the_next_run(make):
    made = make(schedule=True)
    made.start()
    finish(made)
    expected = report_schedule(Weights(), 25)
    assert [step.weights for step in made.record] == [expected(i) for i in range(1, 41)]
    assert made.sliders.weights == expected(26)
    assert made.plot.marks == {26: "layers"}
    made.start()
    assert made.sliders.weights == Weights()


def test_a_hand_on_a_slider_overrides_the_schedule_visibly(make):
    made = make(schedule=True)
    made.start()
    wait_for(lambda: len(made.record) > 5)
    made.sliders.by_name["conv3_1"].value = 0.0
    assert made.panel.schedule.value is False and "schedule is off" in said(made)
    finish(made)
    assert made.record[-1].weights.layers == dict(Weights().layers) | {"conv3_1": 0.0}


def test_the_schedule_survives_what_is_set_before_the_start(make):
    made = make(schedule=True)
    made.sliders.by_name["tv"].value = 0.0
    assert made.panel.schedule.value is True


def test_starting_again_ends_the_old_run(make):
    made = make(steps=10_000)
    for _ in range(4):
        made.start()
        wait_for(lambda: made.record)
        assert len(threads()) == 1


def test_two_studios_do_not_disturb_each_other(make):
    alone, one, two = make(seed=1), make(seed=1), make(seed=2, style="monet")
    alone.start()
    finish(alone)
    one.start()
    two.start()
    one.sliders.by_name["tv"].value = one.sliders.weights.tv
    two.sliders.by_name["tv"].value = 0.0
    finish(one)
    finish(two)
    assert one.image.equal(alone.image)
    assert not one.image.equal(two.image)


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_long_iteration_is_left_in_the_middle(where):
    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            time.sleep(0.1 * (where == "forward"))
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            time.sleep(0.1 * (where == "backward"))
            return gradient

    class Layer(torch.nn.Module):
        def forward(self, x):
            return Slow.apply(x)

    model = torch.nn.Sequential(*(Layer() for _ in range(60)))  # six seconds an iteration

    def endless(image, done, state_dict):
        with torch.enable_grad():
            model(torch.zeros(1, requires_grad=True)).sum().backward()
        yield

    session = Session(endless, 1, model)
    session.resume()
    time.sleep(0.3)
    began = time.monotonic()
    session.stop()
    assert time.monotonic() - began < 1
    assert threads() == [] and session.status == "ready"


@pytest.mark.parametrize(
    "error, words",
    [
        (DivergedError("The run diverged. Divide the learning rate by 10.", None), "Divide the learning rate"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "Choose a smaller size"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_what_goes_wrong_in_a_run_is_shown_and_the_last_picture_stays(make, monkeypatch, error, words):
    made, ends = make(), 30

    def failing(*arguments):
        for step in begin(*arguments):
            if step.iteration > ends:
                raise error
            yield step

    monkeypatch.setattr(studio, "begin", failing)
    made.start()
    finish(made)
    assert made.status == "failed" and made.session.iteration == 30
    assert words in said(made) and "⚠" in said(made) and "Back leads to a snapshot" in said(made)
    assert enabled(made) == {"start", "pause", "back", "save", "film"}
    assert made.panel.buttons["pause"].description == "Resume"
    ends = 100
    made.back()
    made.resume()
    finish(made)
    assert made.status == "done"


def test_in_the_foreground_it_runs_to_the_end_and_leaves_figures(make, monkeypatch):
    shown = []
    monkeypatch.setattr(studio, "display", shown.append)
    monkeypatch.setattr(plots, "display", lambda data, **options: shown.append((data, options)))
    made = make(content="portrait", style="kandinsky")
    assert made.run() is None
    assert made.status == "done" and threads() == []
    assert shown[0] is made
    texts = [data["text/plain"] for data, _ in shown[1:]]
    assert texts == [
        "Two pictures, and what was painted from them: portrait in the manner of kandinsky.",
        "The losses of the run: total, and its weighted parts.",
    ]
    assert repr(made) == "Studio(portrait, kandinsky)"


def test_in_the_foreground_a_failure_is_raised(make, monkeypatch):
    monkeypatch.setattr(studio, "display", lambda widget: None)

    def failing(*arguments):
        yield from ()
        raise TeachingError("no")

    monkeypatch.setattr(studio, "begin", failing)
    with pytest.raises(TeachingError, match="no"):
        make().run()


def test_an_interrupt_in_the_foreground_leaves_the_picture(make, monkeypatch):
    monkeypatch.setattr(studio, "display", lambda widget: None)
    made = make()

    def interrupted(*arguments):
        yield from (step for step, _ in zip(begin(*arguments), range(7), strict=False))
        raise KeyboardInterrupt

    monkeypatch.setattr(studio, "begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert made.status == "stopped" and len(made.record) == 7
    monkeypatch.setattr(studio, "begin", begin)
    made.resume()
    finish(made)
    assert made.status == "done"


def test_the_buttons_stop_a_run_in_the_foreground(make, monkeypatch):
    monkeypatch.setattr(studio, "display", lambda widget: None)
    made = make(steps=10_000)
    presser = threading.Thread(target=lambda: (wait_for(lambda: len(made.record) > 5), made.stop()))
    presser.start()
    made.run()
    presser.join()
    assert made.status == "stopped" and len(made.record) < 10_000


def test_a_run_that_was_cut_off_goes_on_in_another_studio(make, tmp_path):
    first = make(seed=3, steps=60, weights=Weights(style=50))
    assert first.panel.buttons["go_on"].layout.display == "none"
    first.start()
    wait_for(lambda: first.session.iteration >= 10)
    first.sliders.move(Weights(style=80))
    wait_for(lambda: first.record[-1].weights.style > 70)
    first.pause()
    wait_for(lambda: any(path.stat().st_size for path in (tmp_path / "results").glob("*.checkpoint")))
    cut = first.session.iteration
    first.close()  # as when its cell is run again, or the kernel ends

    second = make(content="portrait", size=96)
    assert second.panel.buttons["go_on"].layout.display is None
    second.go_on()
    wait_for(lambda: second.session.iteration > cut)
    assert second.panel.buttons["go_on"].layout.display == "none"
    assert (second.panel.content.name, second.panel.controls.by_name["size"].value) == ("landscape", 64)
    assert second.sliders.weights.style == pytest.approx(80, rel=0.1)
    finish(second)
    consistent(second)
    assert second.status == "done"
    assert second.session.restarts == []
    saved = second.save()
    assert repeated(saved, tmp_path)  # the recipe does not know that the run was ever cut off
    assert not list((tmp_path / "results").glob("*.checkpoint"))


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_run_stopped_in_the_middle_of_an_iteration_goes_on_bit_for_bit(optimizer, make):
    whole = make(optimizer=optimizer, steps=20)
    whole.start()
    finish(whole)
    whole.close()
    begun, chance = 0, random.Random(4)
    for _ in range(6):
        first = make(optimizer=optimizer, steps=20)
        first.start()
        wait_for(lambda first=first: first.session.iteration >= 1)
        time.sleep(chance.random() * whole.record[-1].seconds)
        first.stop()
        first.close()
        if first.session.iteration == 20:
            continue
        begun += 1
        second = make()
        second.go_on()
        finish(second)
        assert second.session.iteration == 20 and second.image.equal(whole.image)
        second.save()
    assert begun >= 2


def cut_off_at(iteration, results, **changed):
    """The checkpoint of a command line's run that was cut off, and the picture that it would have ended in."""
    settings = Settings(**({"size": 64, "steps": 16} | changed))
    record = []
    for step in painting(settings, load_sources(settings)):
        record.append(step)
        if step.iteration == iteration:
            keeper = Keeper(results / "a--b--1.png")
            keeper.keep(step.state_dict(), settings, record)
            keeper.release()
    return step.image


@pytest.mark.parametrize(
    "changed",
    [
        {"style_weight": 333.0, "learning_rate": 0.0333},  # between two positions of a slider
        {"layer": (("conv1_2", 0.5),)},  # which has no slider at first
        {"layer": (("conv5_1", 0.0),), "pooling": "max", "content_layer": "conv3_1", "precision": "float32"},
        {"schedule": "report"},  # that switches at 10
        {"changes": ({"iteration": 9, "style_weight": 11.0}, {"iteration": 12, "learning_rate": 0.01})},
        {"optimizer": "lbfgs", "seed": 4, "single_scale": True},
    ],
)
@pytest.mark.parametrize("iteration", [7, 12])
def test_a_run_goes_on_with_its_exact_settings(make, results, changed, iteration):
    whole = cut_off_at(iteration, results, **changed)
    made = make()
    made.go_on()
    wait_for(lambda: made.status == "done")
    assert made.image.equal(whole)
    saved = made.save()
    again = results / "again.png"
    assert render.main(["--recipe", str(saved), "--out", str(again)]) == 0
    assert load_image(again).equal(load_image(saved))


def test_a_value_between_two_positions_holds_until_a_hand_moves_the_slider(make, results):
    cut_off_at(7, results, style_weight=333.0)
    made = make()
    made.go_on()
    made.pause()
    assert made.sliders.weights.style == 333 and made.sliders.by_name["style"].value == 320
    made.sliders.by_name["style"].value = 400.0
    assert made.sliders.weights.style == 400


def test_there_may_be_no_run_to_go_on_with(make):
    made = make()
    made.go_on()
    assert "There is no run to go on with" in said(made)
    assert made.status == "ready"


def test_running_a_cell_again_closes_the_studio_that_it_made_before(make, monkeypatch):
    request = {"metadata": {"cellId": "a"}, "header": {"msg_id": "1"}}

    class Shell:
        def get_parent(self):
            return request

    monkeypatch.setattr(front_end, "get_ipython", Shell)
    first, beside = make(steps=10_000), make(steps=10_000)
    request = {"metadata": {"cellId": "b"}, "header": {"msg_id": "2"}}
    elsewhere = make(steps=10_000)
    for each in (first, beside, elsewhere):
        each.start()
    assert len(threads()) == 3
    request = {"metadata": {"cellId": "a"}, "header": {"msg_id": "3"}}
    make()
    assert (first.status, beside.status, elsewhere.status) == ("stopped", "stopped", "running") or not first.record
    assert len(threads()) == 1


def test_closing_the_last_view_ends_the_run_and_moving_it_does_not(make, monkeypatch):
    monkeypatch.setattr(Studio, "estimate", lambda self: None)
    made = make(steps=10_000)
    made._view_count = 1
    made.start()
    made._view_count = 0
    made._view_count = 1  # it was moved
    time.sleep(front_end.MOVE_SECONDS + 0.2)
    assert made.status == "running"
    made._view_count = 0
    wait_for(lambda: made.status != "running", 2)
    assert threads() == []


def test_the_first_view_brings_an_estimate(make):
    made = make()
    assert made.panel.forecast.value == ""
    made._view_count = 1
    assert "64 × 43 pixels: about" in made.panel.forecast.value
    made.panel.controls.by_name["size"].value = 128
    assert "128 × 85 pixels: about" in made.panel.forecast.value


def test_an_interpreter_that_ends_during_a_run_ends_quietly(file):
    program = (
        f"from helpers.studio import Studio; import time; s = Studio(size=128, network={file!r}); s.estimate()\n"
        "s.start()\nwhile len(s.record) < 3: time.sleep(0.01)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_save_numbers_its_files_and_render_repeats_them(make, tmp_path):
    made = make(content="portrait", style="monet", optimizer="lbfgs", steps=9, start="content", single_scale=True)
    assert made.save() is None and "no picture yet" in said(made)
    made.start()
    finish(made)
    paths = [made.save(), made.save()]
    assert [path.name for path in paths] == ["portrait--monet--1.png", "portrait--monet--2.png"]
    assert said(made).count("results/portrait--monet--2.png") == 1
    recipe = load_recipe(paths[0])
    assert recipe["content"] == "portrait" and recipe["learning_rate"] == OPTIMIZERS["lbfgs"].LEARNING_RATE
    assert recipe["until"] is None and recipe["changes"] == []
    assert repeated(paths[0], tmp_path)


def test_a_disk_that_is_full_is_said(make, monkeypatch):
    made = make(steps=2)
    made.start()
    finish(made)

    def full(*arguments):
        raise TeachingError("'x.png' could not be written: No space left on device.")

    monkeypatch.setattr(studio, "save_image", full)
    assert made.save() is None
    assert "No space left" in said(made) and "⚠" in said(made)


def test_the_film_shows_the_run_and_is_small(make):
    made = make(optimizer="adam")  # each of whose iterations changes the picture
    assert made.film() is None and "no picture yet" in said(made)
    made.start()
    finish(made)
    path = made.film()
    assert path.name == "landscape--van_gogh--1.webp" and path.stat().st_size < 5_000_000
    with Image.open(path) as movie:
        assert movie.n_frames >= 40
        assert movie.size == (64, 43)


def test_a_film_that_is_too_large_is_made_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr(film, "MAX_BYTES", 20_000)
    frames = [Image.effect_noise((400, 300), 100).convert("RGB") for _ in range(5)]
    path = film.save_film(frames, tmp_path / "noise.webp")
    with Image.open(path) as movie:
        assert max(movie.size) < 360


def test_an_upload_is_chosen_painted_and_repeated(make, tmp_path):
    made = make(steps=3)
    upload(made.panel.content, "My dög.photo.PNG", picture_file())
    assert made.panel.content.name == "My_d_g_photo" and "is chosen" in said(made)
    upload(made.panel.content, "My dög.photo.PNG", made.panel.content.path.read_bytes())
    assert len(made.panel.content.buttons.options) == len(CONTENTS) + 1
    upload(made.panel.style, "../monet.jpg", picture_file(kind="JPEG"))
    assert made.panel.style.name == "monet-2" and made.panel.style.path.parent == chooser.uploads()
    assert 'data-value="monet-2"' in made.panel.style.css.value
    made.start()
    finish(made)
    assert made.image.shape == (1, 3, 48, 64)
    path = made.save()
    assert load_recipe(path)["content"] == str(chooser.uploads() / "My_d_g_photo.png")
    assert repeated(path, tmp_path)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("notes.txt", b"not a picture", "notes.txt was not taken. The file is not a picture"),
        ("tiny.png", picture_file((20, 20)), "20 x 20 pixels"),
        ("cut.png", picture_file()[:2000], "damaged or cut off"),
        ("empty.jpg", b"", "not a picture"),
        ("<b>.png", b"", "&lt;b&gt;.png was not taken"),
    ],
)
def test_a_file_that_is_no_picture_is_a_line_of_text_and_changes_nothing(make, name, content, words):
    made = make()
    upload(made.panel.content, name, content)
    assert words in said(made) and "⚠" in said(made)
    assert made.panel.content.name == "landscape" and set(made.panel.content.buttons.options) == set(CONTENTS)
    assert not chooser.uploads().exists()


def test_a_huge_picture_is_a_line_of_text(make, monkeypatch):
    made = make()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    upload(made.panel.style, "wall.png", picture_file())
    assert "shrink it in a picture viewer first" in said(made) and made.panel.style.name == "van_gogh"


def test_more_holds_from_the_start_on_and_goes_on_in_another_studio(make, results):
    made = make()
    more = made.panel.more
    more.region.where.value, more.keep.where.value = "left half", "ellipse"
    more.shares["monet"].value, more.colours.value = 0.5, "content"
    made.start()
    more.colours.value = "style"  # for the next start
    wait_for(lambda: made.session.iteration >= 3)
    made.stop()
    expected = {
        "region": (("left half", "kandinsky"),), "keep": "ellipse", "style_share": (("monet", 0.5),),
        "colours": "content",
    }  # fmt: skip
    settings = made._run_settings()
    assert {name: getattr(settings, name) for name in expected} == expected
    height, width = made.image.shape[2:]
    kept, photograph = (x[..., height // 2, width // 2] for x in (made.image, load_sources(settings).content))
    assert torch.allclose(kept, photograph, atol=1e-5)

    made.end()
    other = make()
    other.go_on()
    finish(other)
    assert {name: getattr(other._run_settings(), name) for name in expected} == expected
    assert other.panel.more.colours.value == "content" and other.panel.more.keep.where.value == "ellipse"


def test_the_estimate_knows_the_statistic(make, monkeypatch):
    monkeypatch.setattr(estimate.Cost, "bytes", lambda cost, shape, tiled=False: 1 if tiled else 10**18)
    made = make()
    made.estimate()
    assert "painted in tiles" in made.panel.forecast.value
    made.panel.more.statistic.value = "sliced"
    made.estimate()
    assert "are free" in made.panel.forecast.value and "in tiles" not in made.panel.forecast.value


def test_a_part_that_was_not_drawn_is_said_at_start(make):
    made = make()
    made.panel.more.keep.where.value = DRAWN
    made.start()
    assert "nothing is drawn yet" in said(made) and made.status == "ready"


def test_a_run_from_elsewhere_cannot_have_a_file_opened(make, results, tmp_path):
    Image.new("L", (96, 64), "white").save(tmp_path / "mask.png")
    cut_off_at(3, results, keep=str(tmp_path / "mask.png"))
    made = make()
    made.go_on()
    assert "is not one of ours" in said(made) and made.status == "ready"


def test_another_choice_counts_from_the_next_start_on(make):
    made = make(steps=3)
    made.panel.style.buttons.value = "picasso"
    made.panel.controls.by_name["optimizer"].value = "lbfgs"
    assert made.sliders.learning_rate == OPTIMIZERS["lbfgs"].LEARNING_RATE
    made.start()
    finish(made)
    made.panel.style.buttons.value = "monet"
    assert made.save().name == "landscape--picasso--1.png"
    assert load_recipe(made.save())["optimizer"] == "lbfgs"


def test_a_size_that_does_not_fit_the_picture_is_said_at_start_and_the_old_run_stays(make, tmp_path):
    made = make(steps=3)
    made.start()
    finish(made)
    upload(made.panel.content, "panorama.png", picture_file((1200, 60)))
    made.start()
    assert "32 on each side" in said(made)
    assert made.status == "done" and made.image is not None


@pytest.mark.parametrize(
    "options, message",
    [
        ({"content": "nosuch"}, "There is no picture 'nosuch'"),
        ({"start": "fog"}, "Unknown start 'fog'; it is 'noise' or 'content' or 'style'"),
        ({"optimizer": "sgd"}, "Unknown optimizer 'sgd'; it is 'adam' or 'lbfgs'"),
        ({"steps": 0}, "steps is a whole number from 1 up; got 0"),
        ({"size": 20}, "size is a whole number from 32 up; got 20"),
        ({"size": "big"}, "size is a whole number from 32 up; got 'big'"),
    ],
)
def test_settings_that_do_not_exist_are_refused(make, options, message):
    with pytest.raises(TeachingError, match=message):
        make(**options)


def test_the_cost_is_measured_and_grows_with_the_picture():
    cost = estimate.measured(load_vgg19())
    assert cost.fixed >= 0 and cost.each > 0
    # conv1_1 alone keeps 16 channels of 4 bytes a pixel; the whole network some ten times that.
    assert 300 < cost.memory < 5000
    assert cost.seconds((200, 300), 100, 1) > cost.seconds((100, 150), 100, 1)


def test_coarse_to_fine_is_estimated_scale_by_scale():
    cost = estimate.Cost(fixed=1.0, each=0.01, memory=1000.0)
    assert cost.seconds((10, 10), 5) == pytest.approx(5 * 2.0)
    # 300 pixels: two scales, half of the iterations in a quarter of the area.
    assert cost.seconds((300, 300), 10) == pytest.approx(5 * (1 + 225) + 5 * (1 + 900))
    assert cost.seconds((300, 300), 10, done=7) == pytest.approx(3 * (1 + 900))
    # With Adam two thirds.
    adam = replace(cost, optimizer="adam")
    assert adam.seconds((300, 300), 9) == pytest.approx(6 * (1 + 225) + 3 * (1 + 900))


@pytest.mark.parametrize(
    "seconds, memory, warning, words",
    [
        (20, 1e8, False, ["about 20 s and 100 MB on this machine."]),
        (200, 1e8, True, ["3 min 20 s", "more than two minutes", "Size 384 takes 1 min 52 s."]),
        (20, 4e9, True, ["4.0 GB", "only 2.0 GB are free", "Size 256 takes 5 s."]),
        (1e5, 1e8, True, ["Take fewer steps."]),
    ],
)
def test_a_forecast_warns_and_suggests(seconds, memory, warning, words):
    pixels = 512 * 512
    cost = estimate.Cost(0.0, seconds / 100 / pixels, memory / pixels)
    text, warned = estimate.forecast(cost, (512, 512), 100, 1, 2e9, (128, 192, 256, 384, 512))
    assert warned is warning
    assert all(word in text for word in words), text


def test_every_part_has_a_label_or_a_tooltip(make):
    made = make()

    def parts(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from parts(child)

    controls = [part for part in parts(made) if hasattr(part, "disabled")]
    assert len(controls) > 20
    for control in controls:
        assert control.tooltip or getattr(control, "description", "") or getattr(control, "tooltips", ()), control
