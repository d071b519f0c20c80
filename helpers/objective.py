"""What an image is compared with, and the terms of its loss."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.losses import Weights, content_loss, mixed, report_error, total_variation_loss
from helpers.manner import Area, Manner
from helpers.regions import at_layer
from helpers.statistics import HALF, STATISTICS
from helpers.vgg import CONTENT_LAYER, VGG19, get_features

ONE_STYLE = Manner(shares=[1.0])


@dataclass(frozen=True)
class Terms:
    """The losses of an image before their weights: scalars, or 0 where no weight asks for them."""

    content: Tensor | float
    layers: dict[str, Tensor]  # the style's, by layer
    tv: Tensor | float

    def style(self, weights: Weights) -> Tensor | float:
        """The style's layers, weighted and summed."""
        return sum(weights.layers[name] * loss for name, loss in self.layers.items())

    def total(self, weights: Weights) -> Tensor | float:
        """content * L_content + style * sum(layers[l] * L_style[l]) + tv * L_tv ([Gatys], equation 7, and tv)."""
        return weights.content * self.content + weights.style * self.style(weights) + weights.tv * self.tv

    def numbers(self, weights: Weights, total: Tensor) -> dict[str, Any]:
        """What a Step tells of them, fetched all at once, for a GPU is waited for each time."""
        terms = {"loss": total, "content": self.content, "style": self.style(weights), "tv": self.tv, **self.layers}
        values = torch.stack([torch.as_tensor(term, device=total.device).detach().float() for term in terms.values()])
        numbers = dict(zip(terms, values.tolist(), strict=True))
        return {"layers": {name: numbers.pop(name) for name in self.layers}, **numbers}


@dataclass(frozen=True)
class Goal:
    """What the style asks of one layer in one area."""

    summary: Tensor  # what the image's summary is to be
    share: Tensor | None  # how much each position counts, (1, 1, H, W); None: all alike
    part: float  # of the picture, from 0 to 1


class Objective:
    """What an image is compared with: the content's features and the style's summary, each computed once.

    content: (1, 3, H, W). styles: one or more, each (1, 3, H', W'), of any size. model: the network, on their device.
    relative: the relative losses; False gives the report's own, which want other weights (losses.py); raises
        TeachingError where the manner has another statistic, regions or something to keep.
    precision: in which the network computes; the losses are float32 always.
    manner: the painter's hand (manner.py), checked.
    """

    def __init__(
        self,
        content: Tensor,
        styles: Tensor | Sequence[Tensor],
        model: VGG19,
        content_layer: str = CONTENT_LAYER,
        relative: bool = True,
        precision: torch.dtype = torch.float32,
        manner: Manner = ONE_STYLE,
    ):
        styles = [styles] if isinstance(styles, Tensor) else list(styles)
        if not relative and (manner.statistic != "gram" or manner.masks):
            raise TeachingError(
                "The report's own losses have Gram matrices of the whole picture; leave out relative=False, "
                "or the manner's statistic, regions and keep."
            )
        self.manner, self.model, self.content_layer = manner, model, content_layer
        self.photograph = manner.seen(content)
        self.relative, self.precision = relative, precision
        self.statistic = STATISTICS[manner.statistic]
        self.areas = manner.areas(styles)
        self.positions = content[0, 0].numel()
        with torch.no_grad():
            self.content_features, _ = self.seen(self.photograph, {}, content=True)
        self.goals: dict[str, list[Goal]] = {}  # for each layer, one an area

    def __call__(self, image: Tensor, weights: Weights) -> Terms:
        """The terms that the weights ask for, of an image like the content."""
        image = self.manner.over(image, self.photograph)
        layers = [name for name, weight in weights.layers.items() if weight and weights.style]
        self.compute_missing_goals(layers)
        shares = {name: [goal.share for goal in self.goals[name]] for name in layers}
        response, summaries = self.seen(image, shares, content=bool(weights.content))
        content, tv = 0.0, 0.0
        if weights.content:
            content = content_loss(response, self.content_features, self.relative)
        style = {name: self.style_loss(name, summaries[name]) if shares[name] else 0 * image.sum() for name in layers}
        if weights.tv or not (layers or weights.content):  # what no weight asks for still has to be differentiable
            tv = self.total_variation(image)
        return Terms(content, style, tv)

    def seen(
        self, image: Tensor, shares: Mapping[str, Sequence[Tensor | None]], content: bool = False
    ) -> tuple[Tensor | None, dict[str, list[Tensor]]]:
        """What the network sees in an image: the content layer's response, if asked for, and the style's summaries.

        shares: for each style layer, how much its positions count; it gets a summary for each of them.
        """
        features = self.features(image, [*shares, *([self.content_layer] if content else [])])
        summaries = {
            layer: [self.statistic.summary(features[layer], share) for share in some] for layer, some in shares.items()
        }
        return features[self.content_layer] if content else None, summaries

    def total_variation(self, image: Tensor) -> Tensor:
        """`total_variation_loss`, a scalar."""
        return total_variation_loss(image)

    def style_loss(self, layer: str, summaries: Sequence[Tensor]) -> Tensor:
        """The loss of one layer: that of each area, by the share of the picture that it is."""
        if not self.relative:
            (gram,), (goal,) = summaries, self.goals[layer]
            return report_error(gram, goal.summary, positions=math.prod(self.size_at(layer)))
        losses = [
            goal.part * self.statistic.error(summary, goal.summary)
            for summary, goal in zip(summaries, self.goals[layer], strict=True)
        ]
        return sum(losses[1:], losses[0])

    def size_at(self, layer: str) -> list[int]:
        """The height and width of a layer's response to the picture, after the poolings before it."""
        return [side // 2 ** (int(layer[4]) - 1) for side in self.photograph.shape[2:]]

    def features(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """`get_features` in the network's precision: layer -> (1, C, H', W')."""
        return get_features(image.to(self.precision), self.model, layers)

    @torch.no_grad()
    def compute_missing_goals(self, layers: Iterable[str]) -> None:
        """Computes the goals that are missing, such as those of a layer whose weight was 0 until now."""
        missing = [layer for layer in layers if layer not in self.goals]
        if not missing:
            return
        of_areas = [self.goals_in(area, missing) for area in self.areas]
        for layer in missing:
            self.goals[layer] = [goals[layer] for goals in of_areas if layer in goals]

    def goals_in(self, area: Area, layers: Sequence[str]) -> dict[str, Goal]:
        """The goals of an area, by layer; a layer is missing in which no position counts for it."""
        seen = [self.seen(style, {layer: [None] for layer in layers})[1] for style in area.styles]
        goals = {}
        for layer in layers:
            size = self.size_at(layer)
            share = None if area.mask is None else at_layer(area.mask, layer, size, self.manner.sharp)
            part = 1.0 if share is None else share.mean().item()
            count = size[0] * size[1] if share is None else int((share > HALF).sum())
            if not part or (self.manner.statistic == "sliced" and not count):
                continue
            wanted = [
                # A Gram matrix is a sum over positions: as if the style had as many as the area.
                self.statistic.wanted(summaries[layer][0], part * self.positions / style[0, 0].numel(), count)
                for style, summaries in zip(area.styles, seen, strict=True)
            ]
            goals[layer] = Goal(mixed(wanted, area.shares), share, part)
        return goals
