"""What the browser knows and the kernel does not: size, background, and whether anybody is there."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import anywidget
from traitlets import Int, Unicode

PATIENCE = 3.0  # seconds in which a page answers, and for which a run with ipykernel 6 waits where there is none

CSS = """
.studio-spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""


class Browser(anywidget.AnyWidget):
    """A widget without height, which fills the width of the place where it stands, and tells of it (browser.js).

    width: of that place in the browser that changed it last, in pixels; 0 until a browser has shown it.
    background: the colour behind it, as CSS has it: "rgb(17, 17, 17)".
    spoken: what a screen reader says next, without the focus being moved.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = CSS
    width, background = Int(0).tag(sync=True), Unicode("").tag(sync=True)
    asked, answered = Int(0).tag(sync=True), Int(0).tag(sync=True)
    spoken = Unicode("").tag(sync=True)
    _asked_at = 0.0

    @property
    def colour(self) -> tuple[float, float, float]:
        """The background as red, green and blue, each from 0 to 1; white if no browser has told."""
        opaque = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", self.background)
        return tuple(int(number) / 255 for number in opaque.groups()) if opaque else (1.0, 1.0, 1.0)

    def ask(self) -> int:
        """Asks the browser for an answer, and returns the number of this question."""
        self._asked_at = time.monotonic()
        self.asked += 1
        return self.asked

    @property
    def silent(self) -> bool:
        """Whether the last question has been left without an answer for longer than a page needs."""
        return self.answered < self.asked and time.monotonic() > self._asked_at + PATIENCE

    def answers(self, handle: Callable[[], None]) -> bool:
        """Asks the browser, and returns whether it answers within PATIENCE seconds.

        handle: called again and again while waiting; it handles what comes from the browser.
        """
        question, end = self.ask(), time.monotonic() + PATIENCE
        while self.answered < question and time.monotonic() < end:
            handle()
            time.sleep(0.02)
        return self.answered >= question

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
