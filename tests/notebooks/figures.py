"""Whether a figure still looks as it is stored: coarsely, for another processor paints a slightly different picture.

Knows nothing of the runner that executes the notebooks; `lesson_runner.py` does.
"""

import base64
import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

GRID = 16  # a figure is compared in 16 x 16 fields
FIELD = 12  # pixels on a field's side


def figures(outputs: Iterable[Mapping[str, Any]]) -> list[Image.Image]:
    """The PNG and JPEG pictures in a cell's outputs, in order."""
    found = []
    for output in outputs:
        data = output.get("data", {})
        content = next((data[kind] for kind in ("image/png", "image/jpeg") if kind in data), None)
        if content:
            found.append(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))
    return found


def oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) from 0 to 1 -> Oklab, whose distances are about as large as they look; 0.02 can just be seen.

    Ottosson, "A perceptual color space for image processing", 2020 (https://bottosson.github.io/posts/oklab/).
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.array([
        [0.4122214708, 0.2119034982, 0.0883024619],
        [0.5363325363, 0.6806995451, 0.2817188376],
        [0.0514459929, 0.1073969566, 0.6299787005],
    ])  # fmt: skip
    return np.cbrt(cones) @ np.array([
        [0.2104542553, 1.9779984951, 0.0259040371],
        [0.7936177850, -2.4285922050, 0.7827717662],
        [-0.0040720468, 0.4505937099, -0.8086757660],
    ])  # fmt: skip


def fields(figure: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Each field's mean colour in Oklab, (16, 16, 3), and how much its lightness varies, (16, 16)."""
    side = GRID * FIELD
    picture = figure.resize((side, side), Image.Resampling.BOX)
    colours = oklab(np.asarray(picture, dtype=float) / 255).reshape(GRID, FIELD, GRID, FIELD, 3).swapaxes(1, 2)
    return colours.mean((2, 3)), colours[..., 0].std((2, 3))


# How far a field's colour and the variation of its lightness may be from the stored ones: on paper, where curves, bars
# and titles stand, and elsewhere, where a painting may come out a little different; and in the mean of all fields.
PAPER = 0.9  # the lightness from which a field is paper
ON_PAPER, ELSEWHERE, IN_THE_MEAN = 0.035, 0.12, 0.03


def difference(found: Image.Image, stored: Image.Image) -> str:
    """What tells a figure from the stored one; "" where they look the same."""
    (colour, variation), (stored_colour, stored_variation) = fields(found), fields(stored)
    distance = np.maximum(np.linalg.norm(colour - stored_colour, axis=-1), abs(variation - stored_variation))
    paper = stored_colour[..., 0] > PAPER
    excess = distance - np.where(paper, ON_PAPER, ELSEWHERE)
    if excess.max() > 0:
        row, column = np.unravel_index(excess.argmax(), excess.shape)
        return f"{distance[row, column]:.3f} in field {row + 1}, {column + 1} of {GRID} x {GRID}"
    return f"{distance.mean():.3f} in the mean" if distance.mean() > IN_THE_MEAN else ""


def differences(found: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence for each figure in a cell's outputs that does not look as stored, or if their number differs."""
    now, before = figures(found), figures(stored)
    if len(now) != len(before):
        return [f"Figures of the cell: {len(now)} now, {len(before)} stored."]
    return [
        f"Figure {n} of the cell does not look as it is stored: a difference of {what} in Oklab."
        for n, what in enumerate(map(difference, now, before), start=1)
        if what
    ]
