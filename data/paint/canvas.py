"""What the five painters share: noise to vary things with, light on the paint, and saving.

A picture is a float32 array (height, width, 3), RGB, 0 to 1; a field is (height, width).
Run any painter by itself, for example `python3 data/paint/van_gogh.py`: the same seed gives the same picture.
"""

from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).resolve().parent.parent


def rgb(hex_colour: str) -> np.ndarray:
    """'#1f3a93' -> float32 array of three values in [0, 1]."""
    return np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, scale: float, octaves: int = 4, stretch: float = 1.0
) -> np.ndarray:
    """Smooth random field (height, width), mean 0, standard deviation 1.

    scale: size in pixels of the coarsest blobs; each further octave is half the size and half as strong.
    stretch: how many times longer the blobs are across than down (water, wood and clouds are not round).
    """
    field = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        size = scale / 2**octave
        rows, columns = int(height / size) + 4, int(width / (size * stretch)) + 4
        grid = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
        big = grid.resize((round(columns * size * stretch), round(rows * size)), Image.Resampling.BICUBIC)
        top, left = round(size), round(size * stretch)
        field += np.asarray(big)[top : top + height, left : left + width] / 2**octave
    return (field - field.mean()) / field.std()


def light(picture: np.ndarray, relief: np.ndarray, strength: float = 0.5, angle: float = 135) -> np.ndarray:
    """Lights the picture from `angle` degrees (135: from the top left) as if the paint stood `relief` high.

    relief: (height, width), in pixels; ridges get a bright side and a dark one, as in impasto.
    """
    down, across = np.gradient(relief)
    radians = np.deg2rad(angle)
    slope = down * np.sin(radians) - across * np.cos(radians)
    return np.clip(picture * (1 + strength * np.tanh(slope))[..., None], 0, 1)


def save(picture: np.ndarray, path: Path) -> None:
    """Writes the picture as a JPEG of high quality (no chroma subsampling: colour edges stay sharp)."""
    pixels = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=92, subsampling=0)
    print(f"{path.relative_to(DATA.parent)}: {pixels.shape[1]} x {pixels.shape[0]}")
