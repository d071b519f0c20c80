"""How well one network can replace another, in describing pictures and in painting them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from helpers.images import resized
from helpers.losses import gram_matrix
from helpers.vgg import CONTENT_LAYER, LAYERS, STYLE_LAYERS, VGG19, get_features

POSITIONS = 2000  # sampled from each picture


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


@torch.no_grad()
def style_distance(result: Tensor, content: Tensor, style: Tensor, judge: VGG19) -> dict[str, float]:
    """For each style layer |G_result - G_style|^2 / |G_content - G_style|^2; 0 is the style, 1 the photograph.

    All three are image tensors (1, 3, H, W). The Gram matrices are averaged over positions, so sizes may differ.
    """

    def grams(image: Tensor) -> dict[str, Tensor]:
        features = get_features(image, judge, STYLE_LAYERS)
        return {name: gram_matrix(f) / (f.shape[2] * f.shape[3]) for name, f in features.items()}

    of_result, of_content, of_style = grams(result), grams(content), grams(style)
    return {
        name: ((of_result[name] - gram).square().sum() / (of_content[name] - gram).square().sum()).item()
        for name, gram in of_style.items()
    }


@torch.no_grad()
def content_correlation(result: Tensor, content: Tensor, judge: VGG19) -> float:
    """Pearson's correlation of the two pictures' responses in conv4_2: 1 for the photograph itself."""
    ours, theirs = (
        get_features(image, judge, [CONTENT_LAYER])[CONTENT_LAYER].flatten()
        for image in (resized(result, content.shape[2:]), content)
    )
    return torch.corrcoef(torch.stack([ours, theirs]))[0, 1].item()
