"""The film of a run: how the picture emerged from the noise, as an animated WebP small enough to send."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from helpers.base.files import write_whole
from helpers.images import thumbnail
from helpers.transfer import Step

FRAMES = 80  # about how many are kept of a run
FRAME_SIDE = 360  # pixels of a frame's long side
MAX_BYTES = 5_000_000  # bytes
# Tried in turn: (long side in pixels, quality).
SIZES_AND_QUALITIES = ((360, 80), (360, 60), (280, 60), (200, 50), (120, 40))
FRAME_MS, LAST_MS = 80, 2500  # milliseconds that each frame is shown, and the last one


class Film:
    """Frames of a run of `steps` iterations, in `frames` as (iteration, picture)."""

    def __init__(self, steps: int):
        self.every = max(1, steps // FRAMES)
        self.frames: list[tuple[int, Image.Image]] = []

    def add(self, step: Step) -> None:
        """Keeps the step's image as a frame, if it is this iteration's turn."""
        if not self.frames or step.iteration % self.every == 0:
            self.frames.append((step.iteration, thumbnail(step.image, FRAME_SIDE)))

    def cut(self, iteration: int) -> None:
        """Drops the frames after an iteration."""
        self.frames = [frame for frame in self.frames if frame[0] <= iteration]

    def save(self, path: Path, last: Tensor) -> Path:
        """Writes the frames, then `last` (1, 3, H, W), shown longer; raises TeachingError if that is not possible."""
        return save_film([*(frame for _, frame in self.frames), thumbnail(last, FRAME_SIDE)], path)


def save_film(frames: Sequence[Image.Image], path: Path) -> Path:
    """Writes pictures of any sizes as an animation in the last one's size, shrunk until the file is small enough."""
    for longest, quality in SIZES_AND_QUALITIES:
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
