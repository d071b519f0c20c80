"""The painter's hand: what a picture is asked for beyond one style everywhere.

manner = Manner(regions=[(load_mask("upper half", content.shape[2:]), monet)], colours="matched")
for step in coarse_to_fine(content, style, model, manner=manner):
    ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from helpers.base.errors import TeachingError
from helpers.colours import greyscale, matched_to, with_colours_of
from helpers.engine.checks import as_float_batch
from helpers.images import resized
from helpers.losses import check_shares
from helpers.regions import check_mask, divided
from helpers.statistics import check_statistic

COLOURS = ("style", "content", "matched")


@dataclass(frozen=True)
class Manner:
    """Which statistic, whose colours, which style where, and what is spared.

    statistic: "gram", "mean_std" or "sliced" (statistics.py).
    colours: "style", the painting's; "content", the photograph's, under the painting's brightness; or "matched", the
        painting's after its colours were fitted to the photograph's (colours.py).
    shares: with several styles, how much each counts: one number a style, from 0 up; None means all alike.
    regions: pairs (mask, style) with a mask (1, 1, H, W) like the content, from 0 to 1, inside which that style holds,
        an image tensor; where regions overlap they share the place. Elsewhere the run's own style holds.
    keep: a mask; inside, the photograph stays as it is, and no style counts.
    sharp: whether the masks are eroded by each layer's receptive field, so that no style bleeds over a border.
    """

    statistic: str = "gram"
    colours: str = "style"
    shares: Sequence[float] | None = None
    regions: Sequence[tuple[Tensor, Tensor]] = field(default=(), repr=False)
    keep: Tensor | None = field(default=None, repr=False)
    sharp: bool = False

    def checked(self, content: Tensor, styles: int) -> "Manner":
        """The same with masks and styles as float32 on the content's device, and a share for each style.

        Raises TeachingError for a part that makes no sense.
        """
        check_statistic(self.statistic)
        if self.colours not in COLOURS:
            raise TeachingError(f"Unknown colours {self.colours!r}; they are {' or '.join(map(repr, COLOURS))}.")
        regions = [
            (check_mask(mask, content, "a region"), as_float_batch(style, "style of a region").to(content.device))
            for mask, style in self.regions
        ]
        keep = None if self.keep is None else check_mask(self.keep, content, "what is kept")
        shares = check_shares([1.0] * styles if self.shares is None else self.shares, styles)
        return replace(self, shares=shares, regions=regions, keep=keep)

    def smaller(self, content: Tensor, divisor: int) -> "Manner":
        """The same for a smaller content (1, 3, H, W), the sides of the regions' styles divided by `divisor`."""
        size = tuple(content.shape[2:])
        regions = [
            (adaptive_avg_pool2d(mask, size), self.style_seen(_divided(style, divisor), content))
            for mask, style in self.regions
        ]
        return replace(self, regions=regions, keep=None if self.keep is None else adaptive_avg_pool2d(self.keep, size))

    def areas(self, styles: Sequence[Tensor]) -> list["Area"]:
        """Where which styles hold: the run's own styles outside the regions, and each region's.

        Regions of one style are one area, and so is a region of the run's own style with what lies outside.
        """
        if not self.masks:
            return [Area(styles, self.shares, None)]
        free = torch.ones_like(self.masks[0]) if self.keep is None else 1 - self.keep
        rest, *masks = divided([mask for mask, _ in self.regions], free)
        areas = [Area(styles, self.shares, rest)]
        for mask, (_, style) in zip(masks, self.regions, strict=True):
            same = next((area for area in areas if area.is_of(style)), None)
            if same:
                areas[areas.index(same)] = replace(same, mask=same.mask + mask)
            else:
                areas.append(Area([style], [1.0], mask))
        everywhere = [replace(area, mask=None) if area.covers_all else area for area in areas]
        return [area for area in everywhere if area.mask is None or area.mask.any()]

    def seen(self, image: Tensor) -> Tensor:
        """An image as the network is to see it: without colours, where those come from the photograph in the end."""
        return greyscale(image) if self.colours == "content" else image

    def style_seen(self, style: Tensor, content: Tensor) -> Tensor:
        """A style as the network is to see it."""
        return matched_to(style, content) if self.colours == "matched" else self.seen(style)

    def shown(self, image: Tensor, content: Tensor) -> Tensor:
        """The image as it is shown: in the photograph's colours, if asked for, and over it where that is kept."""
        return self.over(with_colours_of(image, content) if self.colours == "content" else image, content)

    def over(self, image: Tensor, content: Tensor) -> Tensor:
        """The image with the photograph laid over it where that is kept."""
        return image if self.keep is None else content + (1 - self.keep) * (image - content)

    @property
    def identity(self) -> dict[str, Any]:
        """What a run has to be gone on with, as plain values; the masks are compared by their contents."""
        return {"statistic": self.statistic, "colours": self.colours, "shares": self.shares, "sharp": self.sharp}

    @property
    def masks(self) -> list[Tensor]:
        """All masks."""
        return [*(mask for mask, _ in self.regions), *([] if self.keep is None else [self.keep])]


def _divided(image: Tensor, divisor: int) -> Tensor:
    return resized(image, [round(side / divisor) for side in image.shape[2:]])


@dataclass(frozen=True, eq=False)
class Area:
    """A part of the picture, and the styles that hold there."""

    styles: Sequence[Tensor]
    shares: Sequence[float]
    mask: Tensor | None  # (1, 1, H, W); None means everywhere

    @property
    def covers_all(self) -> bool:
        """Whether nothing lies outside."""
        return self.mask is None or bool((self.mask > 1 - 1e-5).all())  # sums of masks are rounded

    def is_of(self, style: Tensor) -> bool:
        """Whether this one style holds in it, and no other."""
        (first, *others) = self.styles
        return not others and first.shape == style.shape and bool((first == style).all())
