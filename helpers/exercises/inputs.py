"""What several checks need: inputs, and the parts of an answer that are looked at in the same way."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.images import load_image
from helpers.losses import Weights, content_loss, gram_matrix, style_loss
from helpers.teaching.feedback import NotYet, is_stub, number
from helpers.vgg import CONTENT_LAYER, VGG19, check_layers, get_features


def integers(*shape: int) -> Tensor:
    """Small whole numbers, so irregular that no mistake stays hidden; their sums are exact."""
    n = torch.arange(int(np.prod(shape)))
    return (n * n % 11 * 5 % 7 - 2.0).view(shape)


def grey(pixels: Tensor) -> Tensor:
    """(H, W) -> (1, 3, H, W)"""
    return pixels.expand(1, 3, *pixels.shape)


def pair(size: int) -> tuple[Tensor, Tensor]:
    """Photograph and painting, both (1, 3, size, size)."""
    return load_image("landscape", shape=(size, size)), load_image("van_gogh", shape=(size, size))


def known_layer(name: Any, where: str = "") -> None:
    """Raises NotYet for a name that is no layer's."""
    try:
        check_layers([name])
    except TeachingError as error:
        raise NotYet(f"{where}{error}") from None


def terms(image: Tensor, content: Tensor, style: Tensor, model: VGG19, weights: Weights) -> tuple[float, float]:
    """The weighted content and style terms of an image, from the relative losses."""
    features, content_features, style_features = (get_features(x, model) for x in (image, content, style))
    in_content = content_loss(features[CONTENT_LAYER], content_features[CONTENT_LAYER], relative=True)
    in_style = sum(
        weight * style_loss(features[layer], gram_matrix(style_features[layer]), relative=True)
        for layer, weight in weights.layers.items()
    )
    return weights.content * in_content.item(), weights.style * in_style.item()


def mended(answer: Any, right: str, letters: str, hint: str) -> Any:
    """The function of an answer to *find the bug*, which is (letter of the line, mended function).

    right: the letters that may be named. letters: those that there are. Raises NotYet for another one, with the hint.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise NotYet("expected two things: the letter of the line, and the mended function.")
    letter, function = answer
    if not isinstance(letter, str) or len(letter) != 1 or letter.upper() not in letters:
        raise NotYet(f"expected the letter of a line, one of {', '.join(letters)}, in quotation marks.")
    if letter.upper() not in right:
        raise NotYet(f"it is not line {letter.upper()}.\n{hint}")
    if is_stub(function):
        raise NotYet(f"line {letter.upper()} it is; now mend the function.")
    return function


def measured(table: Any, measure: Callable[[float], tuple[float, ...]], knobs: tuple[float, ...], what: str) -> Mapping:
    """What a reported table, knob -> numbers, should hold; raises NotYet unless these were measured.

    measure: what one run gives. what: what the numbers are. They may differ by a twentieth, or by 0.005.
    """
    if not isinstance(table, dict) or set(table) != set(knobs):
        raise NotYet(f"expected a table {{{', '.join(f'{knob:g}: ...' for knob in knobs)}}}.")
    truth = {knob: measure(knob) for knob in knobs}
    for knob, right in truth.items():
        row = table[knob] if isinstance(table[knob], tuple | list) else (table[knob],)
        if len(row) != len(right):
            raise NotYet(f"got {len(row)} numbers for {knob:g}, expected {what}.")
        for value, expected in zip(map(number, row), right, strict=True):
            if not abs(value - expected) <= 0.05 * abs(expected) + 0.005:
                raise NotYet(
                    f"got {value:.3g} for {knob:g}, where a run here gives another number.\nPut in what you measured: "
                    f"{what}."
                )
    return truth
