"""The pictures and masks that a run's settings name, and what is made of them."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.pictures import CONTENTS, STYLES
from helpers.engine.image_files import MIN_SIDE
from helpers.images import load_image
from helpers.manner import Manner
from helpers.regions import SHAPES, load_mask
from helpers.runs.settings import Settings

File = str | Path | bytes  # where a picture is read: a name, a path, or the contents of its file


@dataclass(frozen=True)
class Sources:
    """What a run paints from."""

    content: Tensor  # (1, 3, H, W)
    styles: list[Tensor]  # the main one first
    manner: Manner


def load_sources(
    settings: Settings, content: File | None = None, style: File | None = None, others: Mapping[str, File] | None = None
) -> Sources:
    """Loads what the settings name.

    content, style, others: where to read a picture if not from the file that the settings name; `others` has those of
    `other_files`, by name. Raises TeachingError for a picture or mask that is missing or does not fit.
    """
    others = others or {}
    photograph = load_image(_opened(content or settings.content), settings.size)
    size = tuple(photograph.shape[2:])

    def mask(name: str) -> Tensor:
        return load_mask(_opened(others.get(name, name)), size)

    def painting(file: File) -> Tensor:
        return load_style(file, settings.size, settings.style_scale)

    shared = [painting(others.get(name, name)) for name, _ in settings.style_share]
    manner = Manner(
        settings.statistic,
        settings.colours,
        shares=[1.0, *(share for _, share in settings.style_share)],
        regions=[(mask(where), painting(others.get(name, name))) for where, name in settings.region],
        keep=None if settings.keep is None else mask(settings.keep),
        sharp=settings.sharp_borders,
    )
    return Sources(photograph, [painting(style or settings.style), *shared], manner)


def load_style(file: File, size: int, scale: float = 1.0) -> Tensor:
    """A style (1, 3, H, W), its long side at most `size` pixels, times `scale`: so much larger its strokes become.

    Raises TeachingError if that is too small for the network.
    """
    style = load_image(_opened(file), size)
    if scale == 1:
        return style
    shape = tuple(round(side * scale) for side in style.shape[2:])
    if min(shape) < MIN_SIDE:
        raise TeachingError(
            f"A style scale of {scale:g} makes the style {shape[1]} x {shape[0]} pixels, and the network needs "
            f"at least {MIN_SIDE} on each side. Take a larger scale or size."
        )
    return load_image(_opened(file), shape=shape)


def other_files(settings: Settings) -> list[str]:
    """The pictures and masks that settings name besides content and style, each once, without the ready-made shapes."""
    masks = [mask for mask, _ in settings.region] + ([] if settings.keep is None else [settings.keep])
    styles = [style for _, style in settings.region] + [style for style, _ in settings.style_share]
    return list(dict.fromkeys([mask for mask in masks if mask not in SHAPES] + styles))


def foreign_files(settings: Settings) -> list[str]:
    """Those of `other_files` that are not ours; a recipe or checkpoint may come from anybody, and may not open them."""
    return [name for name in other_files(settings) if name not in CONTENTS | STYLES]


def _opened(file: File) -> str | Path | io.BytesIO:
    return io.BytesIO(file) if isinstance(file, bytes) else file
