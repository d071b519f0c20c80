"""The film of a run: how the picture came out of the noise, as an animated WebP small enough to send."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from helpers.base.files import write_whole
from helpers.images import thumbnail
from helpers.transfer import Step

FRAMES = 80  # kept over a run
FRAME_SIDE = 360  # pixels of a frame's long side
MAX_BYTES = 5_000_000  # bytes
TRIES = ((360, 80), (360, 60), (280, 60), (200, 50), (120, 40))  # long side in pixels, quality
FRAME_MS, LAST_MS = 80, 2500  # milliseconds that a frame is shown


class Film:
    """Frames of a run of `steps` iterations, in `frames` as (iteration, picture)."""

    def __init__(self, steps: int):
        self.every = max(1, steps // FRAMES)
        self.frames: list[tuple[int, Image.Image]] = []

    def add(self, step: Step) -> None:
        """Keeps the picture, if it is its turn."""
        if not self.frames or step.iteration % self.every == 0:
            self.frames.append((step.iteration, thumbnail(step.image, FRAME_SIDE)))

    def cut(self, iteration: int) -> None:
        """Forgets what came after an iteration."""
        self.frames = [frame for frame in self.frames if frame[0] <= iteration]

    def save(self, path: Path, last: Tensor) -> Path:
        """Writes the frames and, longer, the last picture; raises TeachingError where that is not possible."""
        return save_film([*(frame for _, frame in self.frames), thumbnail(last, FRAME_SIDE)], path)


def save_film(frames: Sequence[Image.Image], path: Path) -> Path:
    """Writes pictures of any sizes as an animation in the size of the last, shrunk until the file is small enough."""
    for longest, quality in TRIES:
        size = frames[-1].size
        scale = min(1, longest / max(size))
        size = round(size[0] * scale), round(size[1] * scale)
        first, *others = (frame.resize(size, Image.Resampling.BICUBIC) for frame in frames)
        content = io.BytesIO()
        durations = [FRAME_MS] * len(others) + [LAST_MS]
        first.save(content, "WEBP", save_all=True, append_images=others, duration=durations, loop=0, quality=quality)
        if len(content.getvalue()) < MAX_BYTES:
            break
    write_whole(path, content.getvalue())
    return path
