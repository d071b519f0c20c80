"""The parts of a live notebook: picture, plot and sliders."""

import io
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from helpers.images import MEAN, STD, im_convert, noise_like
from helpers.losses import Weights, report_schedule
from helpers.studio import live
from helpers.studio.live import LiveImage, LivePlot
from helpers.studio.sliders import WeightSliders
from helpers.transfer import Step

PICTURE = (torch.linspace(0, 1, 60).expand(1, 3, 40, 60) - MEAN) / STD  # a gradient from black to white


def decoded(widget):
    return np.asarray(Image.open(io.BytesIO(bytes(widget.value)))) / 255


def steps(count, weights=lambda i: Weights(), rate=lambda i: 0.05, width=lambda i: 60):
    """A made-up run."""
    return [
        Step(i, torch.empty(1, 3, 40, width(i)), 100 / i, i / 10, 1.0, 1 / i, 0.1, {}, weights(i), rate(i))
        for i in range(1, count + 1)
    ]


@pytest.fixture
def clock(monkeypatch):
    """A clock that only encoding moves on, by 50 ms each time, and whoever says so."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    encode = live.jpeg

    def slow(*arguments):
        clock.now += 0.05
        return encode(*arguments)

    monkeypatch.setattr(live, "time", clock)
    monkeypatch.setattr(live, "jpeg", slow)
    return clock


def test_a_live_image_shows_a_tensor_and_a_figure():
    image = LiveImage("a test")
    image.show(PICTURE)
    assert np.abs(decoded(image) - im_convert(PICTURE)).max() < 0.1
    figure = Figure((2, 1), dpi=100, facecolor="red")
    image.show(figure)
    assert decoded(image).shape == (100, 200, 3)
    assert np.abs(decoded(image) - [1, 0, 0]).max() < 0.1


def test_a_large_picture_is_sent_small():
    image = LiveImage()
    image.show(noise_like(torch.empty(1, 3, 600, 900)))
    assert decoded(image).shape == (320, 480, 3)


def test_parts_are_described_in_text_that_stays_the_same():
    image, plot = LiveImage("the picture"), LivePlot()
    image.show(PICTURE)
    assert repr(image) == "LiveImage('the picture')"
    assert repr(plot).startswith("LivePlot('loss curves")
    assert repr(WeightSliders()).startswith("WeightSliders(content, style, tv, conv1_1")
    assert image.tooltip == "the picture"


def test_any_thread_may_show():
    image = LiveImage()
    threads = [threading.Thread(target=image.show, args=(PICTURE,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded(image).shape == (40, 60, 3)


def test_showing_takes_a_twentieth_of_a_run_and_no_more(clock):
    image, seen = LiveImage(), []
    image.observe(lambda change: seen.append(change), "value")
    for i in range(1000):
        clock.now += 0.03  # an iteration
        image.offer(PICTURE + i / 1000)
    assert 0.03 < image.spent / clock.now <= 0.05
    assert len(seen) == round(image.spent / 0.05)


def test_fast_showing_is_still_only_some_times_a_second(clock, monkeypatch):
    monkeypatch.setattr(live, "jpeg", lambda image, quality: bytes(id(image) % 7))
    image, seen = LiveImage(), []
    monkeypatch.setattr(image, "show", lambda picture: (seen.append(picture), LiveImage.show(image, picture)))
    for _ in range(1000):
        clock.now += 0.01
        image.offer(PICTURE)
    assert len(seen) <= clock.now * live.UPDATES_A_SECOND + 1


def test_what_is_sent_keeps_below_what_jupyter_lets_through(clock, monkeypatch):
    monkeypatch.setattr(live, "jpeg", lambda image, quality: bytes(100_000))
    image, seen = LiveImage(), []
    monkeypatch.setattr(image, "show", lambda picture: (seen.append(picture), LiveImage.show(image, picture)))
    for _ in range(1000):
        clock.now += 0.01
        image.offer(PICTURE)
    assert len(seen) * 100_000 / clock.now < 1.1 * live.BYTES_A_SECOND


def test_the_plot_holds_the_weighted_losses():
    plot = LivePlot(steps=5)
    for step in steps(5):
        plot.add(step)
    lines = {line.get_label(): line.get_data() for line in plot.figure.axes[0].lines}
    assert list(lines["total"][0]) == [1, 2, 3, 4, 5]
    assert list(lines["total"][1]) == [100 / i for i in range(1, 6)]
    assert list(lines["style"][1]) == pytest.approx([100 / i for i in range(1, 6)])
    assert list(lines["tv"][1]) == pytest.approx([0.2] * 5)


def test_the_plot_draws_the_last_iteration_at_once_and_others_when_there_is_time(clock):
    plot, drawn = LivePlot(steps=100), []
    plot.observe(lambda change: drawn.append(len(plot.figure.axes[0].lines[0].get_xdata())), "value")
    for step in steps(100):
        clock.now += 0.03
        plot.add(step)
    assert drawn[-1] == 100
    assert plot.spent / clock.now <= 0.08  # the last one came on top
    assert all(a < b for a, b in pairwise(drawn))


def test_a_weight_of_zero_is_a_gap():
    plot = LivePlot(steps=3)
    for step in steps(3, weights=lambda i: Weights(tv=0.0)):
        plot.add(step)
    assert np.isnan(plot.figure.axes[0].lines[3].get_ydata()).all()


def test_the_axis_grows_where_the_number_of_iterations_is_not_known():
    plot = LivePlot()
    for step in steps(120):
        plot.add(step)
    plot.draw()
    assert plot.figure.axes[0].get_xlim() == (0, 200)
    low, high = plot.figure.axes[0].get_ylim()
    assert low <= 0.2 and high >= 100


@pytest.mark.parametrize(
    "change, marks",
    [
        ({"weights": lambda i: Weights(tv=2.0 if i < 7 else 8.0)}, {7: "tv 2 → 8"}),
        ({"rate": lambda i: 0.05 if i < 4 else 0.02}, {4: "learning rate 0.05 → 0.02"}),
        ({"width": lambda i: 60 if i < 5 else 120}, {5: "120 px"}),
        ({"weights": report_schedule(Weights(), 6)}, {7: "layers"}),
        ({"weights": lambda i: Weights(2.0, 50.0, 8.0) if i > 2 else Weights()}, {3: "weights"}),
        # A drag: seven positions of one slider in seven iterations.
        ({"weights": lambda i: Weights(style=100.0 + 10 * max(0, min(i - 2, 7)))}, {3: "style 100 → 170"}),
    ],
)
def test_what_changed_is_marked_where_it_changed(change, marks):
    plot = LivePlot()
    for step in steps(12, **change):
        plot.add(step)
    plot.draw()
    assert plot.marks == marks


def test_movements_far_apart_get_a_mark_each():
    plot = LivePlot()
    for step in steps(60, weights=lambda i: Weights(tv=1.0 + (i > 10) + (i > 50))):
        plot.add(step)
    assert plot.marks == {11: "tv 1 → 2", 51: "tv 2 → 3"}


def test_going_back_cuts_curves_and_marks():
    plot = LivePlot()
    for step in steps(40, weights=lambda i: Weights(tv=1.0 + (i > 5) + (i > 30))):
        plot.add(step)
    plot.cut(10)
    assert list(plot.figure.axes[0].lines[0].get_xdata()) == list(range(1, 11))
    assert plot.marks == {6: "tv 1 → 2"}
    for step in steps(12, weights=lambda i: Weights(tv=2.0, style=50.0))[10:]:
        plot.add(step)
    assert plot.marks == {6: "tv 1 → 2", 11: "style 100 → 50"}
    plot.cut()
    assert plot.marks == {}


def test_larger_type_keeps_the_size_in_pixels():
    plot = LivePlot(width=400, height=200)
    size = decoded(plot).shape
    plot.enlarge(1.4)
    assert decoded(plot).shape == size


def test_sliders_begin_at_the_weights_and_are_a_schedule():
    weights = Weights(0.7, 123.0, 0.0, {"conv1_1": 0.3, "conv4_1": 5.0})
    sliders = WeightSliders(weights)
    assert sliders.weights == sliders(17) == weights
    assert sliders.learning_rate is None


def test_the_leftmost_position_is_zero_and_the_others_are_equal_factors():
    slider = WeightSliders().by_name["style"]
    values = [value for _, value in slider.options]
    assert values[0] == 0
    assert values[1] == 1 and values[-1] == 10_000
    assert all(1.1 < b / a < 1.45 for a, b in pairwise(values[1:]))


def test_a_moved_slider_is_reported_and_read():
    sliders, seen = WeightSliders(learning_rate=0.05), []
    sliders.on_change(seen.append)
    sliders.by_name["tv"].value = 0.0
    sliders.by_name["learning rate"].index += 1
    assert seen == ["tv", "learning rate"]
    assert sliders.weights == replace(Weights(), tv=0.0)
    assert sliders.rate(1) > 0.05


def test_sliders_can_be_moved_to_the_reports_schedule_exactly():
    sliders = WeightSliders(learning_rate=0.05)
    later = report_schedule(Weights())(251)
    sliders.move(later, 1.0)
    assert sliders.weights == later
    assert sliders.learning_rate == 1.0
