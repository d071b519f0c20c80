"""The checks of lesson 6."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from helpers.exercises.inputs import integers, pair, terms
from helpers.images import noise_like
from helpers.losses import Weights, gram_matrix
from helpers.teaching.feedback import NotYet, call, exercise, expect
from helpers.transfer import style_transfer
from helpers.vgg import load_vgg19

LINES = 40


class Further:
    """Lesson 6."""

    @exercise
    def blend(answer: Any) -> str:
        """blend(first, second, share): mixes two dictionaries layer -> Gram matrix; the first one's part is `share`."""
        first = {"conv1_1": gram_matrix(integers(1, 2, 3, 3)), "conv2_1": gram_matrix(integers(1, 3, 2, 2))}
        second = {layer: 3 * gram + 1 for layer, gram in first.items()}
        got = call(answer, first=first, second=second, share=0.25)
        if not isinstance(got, dict) or got.keys() != first.keys():
            description = f"the keys {', '.join(map(str, got))}" if isinstance(got, dict) else f"a {type(got).__name__}"
            raise NotYet(
                f"got {description}, expected a dictionary with the keys {', '.join(first)}.\nMix layer by layer: "
                "{layer: ... for layer in first}."
            )
        for layer, one in first.items():
            other = second[layer]
            expect(got[layer], 0.25 * one + 0.75 * other, {
                "The shares are the wrong way round: `share` belongs to the first.": 0.75 * one + 0.25 * other,
                "Half of each, whatever the share: use `share`.": (one + other) / 2,
                "The second's share is 1 - share, so that both make 1 together.": [
                    one + other, 0.25 * one + other, 0.25 * (one + other), one + 0.25 * other, one + 0.75 * other,
                ],
                "The second is missing: add (1 - share) times it.": [0.25 * one, one],
            })  # fmt: skip
        return "layer by layer, and the shares make 1 together."

    @exercise
    def keep_colours(answer: Any) -> str:
        """keep_colours(painting, photograph): two arrays (H, W, 3) in [0, 1] -> the painting in the photo's colours."""
        painting = (0.5 + integers(2, 4, 3) / 20).numpy()
        photograph = (0.5 + integers(3, 4, 2).permute(2, 1, 0) / 20).numpy()

        def bright(x: np.ndarray, shares: tuple[float, float, float] = (0.299, 0.587, 0.114)) -> np.ndarray:
            return (x * np.array(shares)).sum(2, keepdims=True)

        right = photograph + bright(painting) - bright(photograph)
        equal, swapped, video = (1 / 3, 1 / 3, 1 / 3), (0.114, 0.587, 0.299), (0.2126, 0.7152, 0.0722)
        expect(call(answer, painting=painting, photograph=photograph), right, {
            "The other way round: the painting gives the brightness, the photograph the colours.": (
                painting + bright(photograph) - bright(painting)
            ),
            "The photograph's own brightness has to go: subtract it.": [
                photograph + bright(painting), (photograph + bright(painting)).clip(0, 1),
            ],
            "That is brightness without colour: add what the photograph's colours differ by.": [
                np.repeat(bright(painting), 3, 2), bright(painting), bright(painting)[..., 0],
            ],
            "The eye sees green as brightest: 0.299 R + 0.587 G + 0.114 B.": [
                photograph + bright(painting, shares) - bright(photograph, shares) for shares in (equal, swapped, video)
            ],
            "Nothing has been mixed yet.": [painting, photograph],
        })  # fmt: skip
        white, red = np.ones((2, 2, 3)), np.array([1.0, 0, 0]) * np.ones((2, 2, 1))
        unclipped = red + bright(white) - bright(red)
        expect(call(answer, painting=white, photograph=red), unclipped.clip(0, 1), {
            "A bright painting over a strong colour goes beyond 1: clip to [0, 1].": unclipped,
        })  # fmt: skip
        return "the painting's brightness, the photograph's colours, and nothing out of range."

    @exercise
    def forty_lines(answer: Any) -> str:
        """The path of a file of forty lines at most, torch alone: transfer(content, style, image, model, steps)."""
        if not isinstance(answer, str | Path):
            raise NotYet(f"got a {type(answer).__name__}, expected the path of your file.")
        path = Path(answer)
        if not path.is_file():
            raise NotYet(f"there is no file {path.name} beside this notebook.\nIts path may be given from here.")
        source = path.read_text(encoding="utf-8")
        lines = [line for line in source.splitlines() if line.strip()]
        if len(lines) > LINES:
            raise NotYet(f"got {len(lines)} lines that are not empty, expected {LINES} at most.")
        function = _function(source, path.name)

        model, (content, style), weights, steps = load_vgg19(device="cpu"), pair(64), Weights(), 30
        start = noise_like(content)
        image = call(function, content=content, style=style, image=start, model=model, steps=steps)
        if not isinstance(image, Tensor) or image.shape != content.shape or not image.isfinite().all():
            expect(image, content)  # says which of the three it is
        for step in style_transfer(content, style, model, weights, steps=steps, precision="float32"):
            theirs = step.image
        losses = {}
        for name, picture in {"yours": image.detach(), "helper": theirs, "noise": start}.items():
            losses[name] = sum(terms(picture, content, style, model, weights))
        if not losses["yours"] < 1.25 * losses["helper"]:
            raise NotYet(
                f"your picture's loss is {losses['yours']:.2g}, the helper's {losses['helper']:.2g} and the noise's "
                f"{losses['noise']:.2g}.\nAdam with a rate of 0.22, betas 0.9 and 0.99; relative losses; `Weights()`."
            )
        apart = (image.detach() - theirs).abs().mean().item()
        if apart > 0.35:
            raise NotYet(
                f"the loss is as low as the helper's, but the pictures are {apart:.2f} apart in the mean, expected "
                "0.35 at most.\nDoes the loop begin with the `image` that it is given?"
            )
        return f"{len(lines)} lines; a loss of {losses['yours']:.2g} where the helper has {losses['helper']:.2g}."


def _function(source: str, name: str) -> Any:
    """`transfer` of a file that imports nothing but torch; raises NotYet where there is none."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise NotYet(f"line {error.lineno} of {name} is no Python: {error.msg}.") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
            for module in modules:
                if module.split(".")[0] != "torch":
                    raise NotYet(f"it imports {module}, expected torch alone.\nEverything else is yours to write.")
    names: dict[str, Any] = {"__name__": name}
    try:
        exec(compile(tree, name, "exec"), names)
    except Exception as error:
        raise NotYet(f"{name} could not be run: {type(error).__name__}: {error}") from None
    if not callable(names.get("transfer")):
        raise NotYet(f"{name} has no function transfer(content, style, image, model, steps).")
    return names["transfer"]
