"""Settings that are several pairs, such as `--layer conv1_1=0.5 --layer conv2_1=0.1`: how they are read and checked."""

import argparse
from typing import Any

from helpers.base.errors import TeachingError
from helpers.base.numbers import is_real
from helpers.losses import Weights
from helpers.vgg import check_layers


def layer_weight(text: str) -> tuple[str, float]:
    """'conv1_1=0.5' -> ("conv1_1", 0.5)"""
    return _with_number(text, "a layer's weight is written conv1_1=0.5")


def style_share(text: str) -> tuple[str, float]:
    """'monet=0.5' -> ("monet", 0.5)"""
    return _with_number(text, "another style and its share are written monet=0.5")


def region(text: str) -> tuple[str, str]:
    """'sky.png=monet' -> ("sky.png", "monet")"""
    mask, _, style = text.rpartition("=")
    if not mask or not style:
        raise argparse.ArgumentTypeError(f"a region and its style are written sky.png=monet, not '{text}'")
    return mask, style


def checked_layers(pairs: Any) -> tuple[tuple[str, float], ...]:
    """The layers and their weights, each once; raises TeachingError for what is none."""
    pairs = _checked_pairs(pairs, "Layers", '[["conv1_1", 0.5], ...]')
    check_layers(name for name, _ in pairs)
    return tuple(Weights(layers=dict(pairs)).layers.items())


def checked_shares(pairs: Any) -> tuple[tuple[str, float], ...]:
    """The other styles and their shares; raises TeachingError for what is none."""
    pairs = _checked_pairs(pairs, "Shares of styles", '[["monet", 0.5], ...]')
    for name, share in pairs:
        if not isinstance(name, str) or not is_real(share, 0):
            raise TeachingError(f"A style's share is a number from 0 up; got {share!r} for {name!r}.")
    return tuple((name, float(share)) for name, share in pairs)


def checked_regions(pairs: Any) -> tuple[tuple[str, str], ...]:
    """The masks and the styles inside them; raises TeachingError for what is none."""
    pairs = _checked_pairs(pairs, "Regions", '[["sky.png", "monet"], ...]')
    if not all(isinstance(name, str) for pair in pairs for name in pair):
        raise TeachingError(f"A region names its mask and its style; got {pairs!r}.")
    return tuple((mask, style) for mask, style in pairs)


def _with_number(text: str, example: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{example}, not '{text}'") from None


def _checked_pairs(pairs: Any, what: str, example: str) -> list[Any]:
    if not isinstance(pairs, list | tuple) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
        raise TeachingError(f"{what} in a recipe are written {example}; got {pairs!r}.")
    return list(pairs)
