"""The film of a run: how the picture came out of the noise, as an animated WebP small enough to send."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from helpers.images import write_whole

LIMIT = 5_000_000  # bytes
TRIES = ((360, 80), (360, 60), (280, 60), (200, 50), (120, 40))  # long side in pixels, quality
FRAME, LAST = 80, 2500  # milliseconds that a frame is shown


def save_film(frames: Sequence[Image.Image], path: Path) -> Path:
    """Writes pictures of any sizes as an animation in the size of the last, shrunk until the file is under LIMIT."""
    for longest, quality in TRIES:
        size = frames[-1].size
        scale = min(1, longest / max(size))
        size = round(size[0] * scale), round(size[1] * scale)
        first, *others = (frame.resize(size, Image.Resampling.BICUBIC) for frame in frames)
        content = io.BytesIO()
        durations = [FRAME] * len(others) + [LAST]
        first.save(content, "WEBP", save_all=True, append_images=others, duration=durations, loop=0, quality=quality)
        if len(content.getvalue()) < LIMIT:
            break
    write_whole(path, content.getvalue())
    return path
