"""The losses, which the image is to make small: pure functions of tensors, each with its formula.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016, is [Gatys] below;
"the report" is the project report whose system this is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.numbers import is_real
from helpers.engine.checks import check_same_shape
from helpers.engine.gram import gram_product
from helpers.images import STD
from helpers.vgg import LAYERS, check_layers

TINY = 1e-12  # content and style may be all zeros, and would otherwise divide by zero


def gram_matrix(features: Tensor) -> Tensor:
    """Which feature maps respond together: (B, C, H, W) -> (B, C, C), G = F F^T with F the maps as C rows of H * W.

    In float32 at least, for sums over a whole picture outgrow half precision. [Gatys], equation 3.
    """
    if features.dim() != 4:
        raise TeachingError(f"A feature map is (B, C, H, W); got {tuple(features.shape)}.")
    maps = features.flatten(2)  # F: (B, C, H*W)
    return gram_product(maps)  # maps @ maps.mT in float32, with a faster backward pass: (B, C, C)


def mixed(summaries: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Several styles in one: the weighted mean of their Gram matrices, (B, C, C) each, or of other such summaries.

    shares: one number a style, from 0 up; only their proportions count.
    Raises TeachingError where there is not one share a style, one is negative, or all are 0.
    """
    shares = check_shares(shares, len(summaries))
    if len(summaries) == 1:
        return summaries[0]
    return sum(share * summary for share, summary in zip(shares, summaries, strict=True)) / sum(shares)


def check_shares(shares: Sequence[float], styles: int) -> list[float]:
    """The shares as floats; raises TeachingError unless there is one a style, none below 0 and not all 0."""
    if len(shares) != styles or not all(is_real(share, 0) for share in shares) or not sum(shares):
        what = "style needs a share" if styles == 1 else f"of the {styles} styles needs a share"
        raise TeachingError(f"Each {what} from 0 up, and not all may be 0; got {list(shares)}.")
    return [float(share) for share in shares]


def content_loss(features: Tensor, content_features: Tensor, relative: bool = False) -> Tensor:
    """Mean squared error of two responses (B, C, H, W) of one layer; a scalar, 0 when they agree.

    relative: divided by the content's mean square, so that a value means the same for every layer, size and network.
    [Gatys], equation 1, has half the sum of squares; the report has the mean, as here.
    """
    check_same_shape(features, content_features, "responses")
    error = (features.float() - content_features.float()).square().mean()
    return error / content_features.float().square().mean().clamp_min(TINY) if relative else error


def style_loss(features: Tensor, style_gram: Tensor, relative: bool = False) -> Tensor:
    """How far the Gram matrix of a layer's response (B, C, H, W) is from the style's, (B, C, C); a scalar.

    As in the report: the mean squared error of the two matrices, divided by the number d * h * w of elements of the
    feature map. Its size depends on the picture's area, the layer and the network. ([Gatys], equation 4, divides the
    sum of the squares by 4 d^2 (h w)^2.)
    relative: |G - A|^2 / |A|^2, which is 1 for an empty picture and 0 for the style, at any size and in any network.
    """
    gram = gram_matrix(features)
    check_same_shape(gram, style_gram, "Gram matrices")
    return relative_error(gram, style_gram) if relative else report_error(gram, style_gram, features[0, 0].numel())


def report_error(gram: Tensor, style_gram: Tensor, positions: int) -> Tensor:
    """The report's distance of two Gram matrices (B, d, d): their mean squared error over d * h * w; a scalar.

    positions: h * w, of the response that the first one is of.
    """
    return (gram - style_gram).square().mean() / (gram.shape[1] * positions)


def relative_error(got: Tensor, wanted: Tensor) -> Tensor:
    """|got - wanted|^2 / |wanted|^2: a scalar, 0 where they agree and 1 for zeros."""
    return (got - wanted).square().sum() / wanted.square().sum().clamp_min(TINY)


def total_variation_loss(image: Tensor, absolute: bool = False) -> Tensor:
    """How much neighbouring pixels differ: a scalar from an image tensor (B, 3, H, W), 0 for a plain colour.

    With x the pixels in [0, 1], dx and dy the images of differences between horizontal and between vertical neighbours:
    mean(dx^2) + mean(dy^2). It is the report's L2 norm of the difference image, squared (so that it is smooth at 0) and
    divided by the number of differences (so that the picture's size does not matter).
    absolute: mean(|dx|) + mean(|dy|), the L1 form, which spares edges: Rudin, Osher and Fatemi, "Nonlinear total
    variation based noise removal algorithms", Physica D 60, 1992.
    """
    pixels = image.float() * STD.to(image.device)
    across = pixels[..., :, 1:] - pixels[..., :, :-1]  # (B, 3, H, W-1)
    down = pixels[..., 1:, :] - pixels[..., :-1, :]  # (B, 3, H-1, W)
    if absolute:
        return across.abs().mean() + down.abs().mean()
    return across.square().mean() + down.square().mean()


@dataclass(frozen=True)
class Weights:
    """How much each term counts in total = content * L_content + style * sum(layers[l] * L_style[l]) + tv * L_tv.

    The values suit the relative losses. Raises TeachingError for a negative, infinite or NaN weight, or a layer that
    VGG-19 does not have. `dataclasses.replace(weights, style=50)` gives a changed copy.
    """

    content: float = 1.0
    style: float = 100.0
    tv: float = 2.0
    # Earlier layers hold the colours and fine strokes that the eye sees first, so they start with more weight.
    layers: Mapping[str, float] = field(
        default_factory=lambda: {"conv1_1": 0.3, "conv2_1": 0.25, "conv3_1": 0.2, "conv4_1": 0.15, "conv5_1": 0.1}
    )

    def __post_init__(self):
        check_layers(self.layers)
        named = {"content": self.content, "style": self.style, "tv": self.tv, **self.layers}
        for name, weight in named.items():
            if not is_real(weight, 0):
                raise TeachingError(f"The weight of {name} must be a number from 0 up, not {weight!r}.")
        for name in ("content", "style", "tv"):
            object.__setattr__(self, name, float(named[name]))
        layers = {name: float(named[name]) for name in self.layers}
        object.__setattr__(self, "layers", MappingProxyType(layers))

    @property
    def factors(self) -> dict[str, float]:
        """What each term is multiplied by in the total: content, tv, and each of the style's layers."""
        layers = {name: self.style * weight for name, weight in self.layers.items()}
        return {"content": self.content, "tv": self.tv, **layers}


def report_schedule(weights: Weights, switch: int = 250) -> Callable[[int], Weights]:
    """The report's schedule: after iteration `switch` other style weights, the content weight as before.

    The report does not say which. Here the order of the layers' weights is turned round: the early layers have laid
    down colours and fine strokes by then, and the deep ones get to arrange them into larger shapes.
    """
    return lambda iteration: weights if iteration <= switch else turned_round(weights)


def report_switch(steps: int) -> int:
    """After which of `steps` iterations the report's schedule changes the weights: 250 of 400, and the same share."""
    return round(steps * 250 / 400)


def turned_round(weights: Weights) -> Weights:
    """The same weights, those of the style's layers in the opposite order, from the deepest to the first."""
    names = sorted(weights.layers, key=list(LAYERS.values()).index)
    return replace(weights, layers={names[i]: weights.layers[names[-1 - i]] for i in range(len(names))})
