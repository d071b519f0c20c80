"""What the browser knows and the kernel does not: size, background, and whether anybody is there."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import anywidget
from traitlets import Int, Unicode

CSS = """
.studio-spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""


class Browser(anywidget.AnyWidget):
    """A widget without height, which fills the width of the place where it stands, and tells of it (browser.js).

    width: of that place in the browser that changed it last, in pixels; 0 as long as no browser shows it.
    background: the colour behind it, as CSS has it: "rgb(17, 17, 17)".
    spoken: what a screen reader says next, without the focus being moved.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = CSS
    width, background = Int(0).tag(sync=True), Unicode("").tag(sync=True)
    asked, answered = Int(0).tag(sync=True), Int(0).tag(sync=True)
    spoken = Unicode("").tag(sync=True)

    @property
    def colour(self) -> tuple[float, float, float]:
        """The background as red, green and blue, each from 0 to 1; white if no browser has told."""
        numbers = re.findall(r"[\d.]+", self.background)[:3]
        return tuple(float(number) / 255 for number in numbers) if len(numbers) == 3 else (1.0, 1.0, 1.0)

    def answers(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Asks the browser, and returns whether its answer arrives in time.

        meanwhile: called again and again while waiting.
        """
        self.asked += 1
        end = time.monotonic() + seconds
        while self.answered != self.asked and time.monotonic() < end:
            meanwhile()
            time.sleep(0.02)
        return self.answered == self.asked

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
