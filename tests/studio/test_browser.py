"""What the studio learns from the browser: size, background, and whether anybody answers."""

import threading
import time

import pytest

from helpers.runs.settings import Settings
from helpers.studio import browser as module
from helpers.studio.browser import Browser
from helpers.studio.live import LivePlot
from helpers.studio.panel import Panel


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    return Browser()


@pytest.mark.parametrize("background, colour", [
    ("rgb(255, 0, 51)", (1, 0, 0.2)), ("rgba(0, 0, 0, 0.5)", (1, 1, 1)), ("", (1, 1, 1)), ("color(srgb 1)", (1, 1, 1)),
])  # fmt: skip
def test_a_background_in_css_is_red_green_and_blue(browser, background, colour):
    browser.background = background
    assert browser.colour == colour


def test_a_page_that_does_not_answer_is_silent_only_after_a_while(browser):
    assert not browser.silent  # nothing was asked
    browser.ask()
    assert not browser.silent
    time.sleep(0.12)
    assert browser.silent
    browser.answered = browser.asked
    assert not browser.silent


def test_an_answer_counts_whether_it_comes_by_itself_or_when_events_are_handled(browser):
    assert not browser.answers(lambda: None)
    threading.Timer(0.03, lambda: browser.set_trait("answered", browser.asked)).start()
    assert browser.answers(lambda: None)

    def handle():
        browser.answered = browser.asked

    assert browser.answers(handle)


def test_a_question_that_another_thread_asks_meanwhile_does_not_hide_the_answer(browser):
    def handle():
        browser.answered = browser.asked
        browser.ask()

    assert browser.answers(handle)


def test_the_plot_is_drawn_as_wide_as_the_page_has_room_and_on_its_background():
    panel = Panel(Settings(content="landscape", style="monet"))
    panel.browser.width, panel.browser.background = 300, "rgb(17, 17, 17)"
    width, height = panel.plot.figure.get_size_inches() * 100
    assert (round(width), round(height)) == (300, 180)
    assert panel.plot.figure.get_facecolor()[:3] == pytest.approx([17 / 255] * 3)


def test_in_a_place_too_narrow_for_a_plot_it_is_drawn_all_the_same():
    plot = LivePlot(10)
    plot.fit(40)
    plot.enlarge(1.3)
    assert plot.figure.get_size_inches()[0] * 1.3 * 100 >= 200


def test_on_a_dark_background_ink_is_light_and_comes_back_dark():
    plot = LivePlot(10)
    total = plot.figure.legends[0].get_lines()[0]
    before = total.get_color()
    plot.fit(500, (0.1, 0.1, 0.1))
    assert float(total.get_color()) > 0.8
    plot.fit(500, (1.0, 1.0, 1.0))
    assert total.get_color() == before


def test_a_change_of_status_and_every_message_are_spoken_once():
    panel = Panel(Settings(content="landscape", style="monet"))
    spoken = []
    panel.browser.observe(lambda change: spoken.append(change["new"]), "spoken")
    for status in ("ready", "running", "running", "paused"):
        panel.show_status(status, picture=True, earlier=False)
    panel.say("Saved")
    assert spoken == ["Painting", "Paused", "Saved"]
