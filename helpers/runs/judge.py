"""What a network says of pictures: how well it replaces another one, and how near a result is to what it was made from.

"The judge" is a network whose loss nobody minimises. It is only impartial if it has not painted the picture itself.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.numbers import is_real
from helpers.engine.weights import imagenet_is_here
from helpers.images import resized
from helpers.losses import gram_matrix
from helpers.runs.sources import Sources
from helpers.vgg import CONTENT_LAYER, LAYERS, STYLE_LAYERS, VGG19, get_features, load_vgg19

POSITIONS = 2000  # sampled from each picture
LONGEST = 512  # pixels: the long side at which a larger result is judged
FIGURES = ("style_distance", "content_correlation")
TITLES = {"compact": "the compact network", "imagenet": "VGG-19"}  # of the judges, in a sentence

Features = Mapping[str, Tensor]  # layer -> its response (1, C, H, W)


@torch.no_grad()
def agreement(
    student: VGG19, teacher: VGG19, pictures: Sequence[Tensor], seed: int = 0
) -> dict[str, tuple[float, int]]:
    """For each layer, what the student misses of the teacher, and how many of its channels are dead.

    pictures: image tensors (1, 3, H, W).
    Returns layer -> (share of the teacher's energy that the best affine projection of the student's response leaves
    unexplained, 0 to 1, at 2,000 random positions of each picture; number of channels that are zero on all of them).
    """
    generator = torch.Generator().manual_seed(seed)
    responses: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in LAYERS.values()}
    for picture in pictures:
        ours, theirs = (get_features(picture, network, LAYERS.values()) for network in (student, teacher))
        for name, pairs in responses.items():
            size = ours[name][0, 0].numel()
            chosen = torch.randperm(size, generator=generator)[:POSITIONS]
            pairs.append(tuple(response[name][0].flatten(1)[:, chosen].T.double() for response in (ours, theirs)))
    table = {}
    for name, pairs in responses.items():
        x, y = (torch.cat(side) for side in zip(*pairs, strict=True))  # (positions, channels)
        dead = int((x == 0).all(0).sum())
        x = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
        # The normal equations, a little regularised, for a dead channel is a column of zeros.
        square = x.T @ x
        projection = torch.linalg.solve(square + 1e-9 * square.trace() * torch.eye(len(square)), x.T @ y)
        table[name] = ((y - x @ projection).square().sum() / y.square().sum()).item(), dead
    return table


def judged(result: Tensor, sources: Sources) -> dict[str, Any]:
    """How near a finished picture is to its style and to its photograph, whatever its loss is.

    result: an image tensor (1, 3, H, W), as large as the photograph in `sources`. If it is larger than 512 pixels, all
    pictures are made smaller by the same factor first; so the style is judged at the size at which it was painted.

    Returns {"style_distance": the mean of `style_distance` over the five layers, from 0 up, "content_correlation":
    -1 to 1, "judge": "imagenet", VGG-19 with the maximum pooling that it was trained with, if its weights are on this
    machine already, or else "compact"}. Figures of two judges cannot be compared, and a judge is partial to what it
    has painted itself: the compact network to most pictures of this project.

    The style distance compares Gram matrices, whichever statistic was asked for, over the whole picture with all that
    was kept. With several styles or regions there is no single style to be near to, and it is left out. Under the
    photograph's colours the pictures are compared without colours, as they were painted; matched colours are compared
    with the style as it was matched. Also left out is what cannot be computed, and {} is returned where nothing can be:
    a picture is not lost because its judge is.
    """
    try:
        name = "imagenet" if imagenet_is_here() else "compact"
        found = _judged(result, sources, load_vgg19(name, "max" if name == "imagenet" else "avg"))
    except Exception:  # whatever it is, the picture still has to be saved
        return {}
    figures = {key: value for key, value in found.items() if math.isfinite(value)}
    return {**figures, "judge": name} if figures else {}


@torch.no_grad()
def _judged(result: Tensor, sources: Sources, judge: VGG19) -> dict[str, float]:
    scale = min(1, LONGEST / max(result.shape[2:]))
    result, content, *styles = (
        resized(image, [round(side * scale) for side in image.shape[2:]]).to(judge.conv1_1.weight.device)
        for image in (result, sources.content, *sources.styles)
    )
    manner = sources.manner
    of_result, of_content = (get_features(manner.seen(image), judge) for image in (result, content))
    figures = {"content_correlation": _correlation(of_result, of_content)}
    if len(styles) > 1 or manner.regions:
        return figures
    try:
        of_style = get_features(manner.style_seen(styles[0], content), judge)
    except TeachingError:  # a small style, which is too small for the network beside a large result made smaller
        return figures
    distances = _distances(of_result, of_content, of_style)
    return {"style_distance": sum(distances.values()) / len(distances), **figures}


def figures_in(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What `judged` returned, from a recipe; {} where there is none, or what it could not have returned."""
    judgement = recipe.get("judged")
    if not isinstance(judgement, Mapping) or judgement.get("judge") not in [*TITLES]:
        return {}
    figures = {name: judgement[name] for name in FIGURES if is_real(judgement.get(name))}
    return {**figures, "judge": judgement["judge"]} if figures else {}


def verdict(judgement: Mapping[str, Any]) -> str:
    """What `judged` returned as text: "style distance 0.07, content correlation 0.46, as VGG-19 sees it"; "" of {}."""
    if not judgement:
        return ""
    figures = [f"{name.replace('_', ' ')} {judgement[name]:.2g}" for name in FIGURES if name in judgement]
    return ", ".join([*figures, f"as {TITLES[judgement['judge']]} sees it"])


@torch.no_grad()
def style_distance(result: Tensor, content: Tensor, style: Tensor, judge: VGG19) -> dict[str, float]:
    """For each style layer |G_result - G_style|^2 / |G_content - G_style|^2; 0 is the style, 1 the photograph.

    All three are image tensors (1, 3, H, W). The Gram matrices are averaged over positions, so sizes may differ.
    """
    return _distances(*(get_features(image, judge, STYLE_LAYERS) for image in (result, content, style)))


def _distances(of_result: Features, of_content: Features, of_style: Features) -> dict[str, float]:
    def gram(features: Features, name: str) -> Tensor:
        return gram_matrix(features[name]) / features[name][0, 0].numel()

    distances = {}
    for name in STYLE_LAYERS:
        result, content, style = (gram(features, name) for features in (of_result, of_content, of_style))
        distances[name] = ((result - style).square().sum() / (content - style).square().sum()).item()
    return distances


@torch.no_grad()
def content_correlation(result: Tensor, content: Tensor, judge: VGG19) -> float:
    """Pearson's correlation of the two pictures' responses in conv4_2: 1 for the photograph itself."""
    images = resized(result, content.shape[2:]), content
    return _correlation(*(get_features(image, judge, [CONTENT_LAYER]) for image in images))


def _correlation(of_result: Features, of_content: Features) -> float:
    ours, theirs = (features[CONTENT_LAYER].flatten() for features in (of_result, of_content))
    return torch.corrcoef(torch.stack([ours, theirs]))[0, 1].item()
