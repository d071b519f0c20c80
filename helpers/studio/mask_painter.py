"""A mask drawn over a picture in the notebook, with the mouse, a pen or a finger.

Everything is drawn in the browser (mask_painter.js), so that it follows the hand also while the kernel paints, and
without a network.
"""

import base64
from pathlib import Path

import anywidget
from traitlets import Unicode

CSS = """
.mask-canvas { display: block; width: 100%; border-radius: 4px; cursor: crosshair; touch-action: none; }
.mask-tools { display: flex; align-items: center; gap: 8px; padding-top: 4px; }
.mask-tools label { display: flex; align-items: center; gap: 6px; flex: 1; }
.mask-tools input { flex: 1; min-width: 40px; }
.mask-tools button { min-height: 26px; padding: 2px 10px; border-radius: 4px; border: 1px solid #767676;
  background: var(--jp-layout-color2, #EEE); color: var(--jp-ui-font-color1, #222); font: inherit; cursor: pointer; }
.mask-tools button[aria-pressed="true"] { background: #0072B2; border-color: #0072B2; color: white; }
.mask-tools button:focus-visible, .mask-tools input:focus-visible { outline: 3px solid #E69F00; outline-offset: 1px; }
"""


def data_url(file: bytes, kind: str) -> str:
    """The contents of an image file of this kind ("png", "jpeg") as a data URL; of none, an empty text."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}" if file else ""


class MaskPainter(anywidget.AnyWidget):
    """A picture to draw a mask on, with a brush, an eraser and a button that clears it.

    picture: an image file as a data URL, at the size in which the mask is to be stored.
    mask: a PNG of that size as a data URL, white where it was drawn, grey where the brush's edge fades, else black;
        empty where nothing was drawn. It can be set, too.
    tint: the colour, in CSS, in which the inside is seen. alt: what the picture is for, for those who cannot see it.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = CSS
    picture, mask = Unicode("").tag(sync=True), Unicode("").tag(sync=True)
    tint, alt = Unicode("#E69F00").tag(sync=True), Unicode("").tag(sync=True)

    @property
    def file(self) -> bytes:
        """The mask as the bytes of its file; none where nothing was drawn."""
        return base64.b64decode(self.mask.partition(",")[2])

    def __repr__(self) -> str:
        return f"MaskPainter({self.alt!r})"
