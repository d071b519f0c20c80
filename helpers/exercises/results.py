"""The checks of lesson 5."""

import functools
from typing import Any

from helpers.exercises.inputs import known_layer, measured
from helpers.images import load_image
from helpers.losses import Weights
from helpers.teaching.feedback import NotYet, exercise
from helpers.transfer import coarse_to_fine
from helpers.vgg import load_vgg19

STYLE_WEIGHTS = (5.0, 20.0, 80.0)


class Results:
    """Lesson 5."""

    @exercise
    def grid(answer: Any) -> str:
        """The content layer that keeps less of the photograph's detail, conv2_2 or conv4_2."""
        known_layer(answer)
        if answer == "conv2_2":
            raise NotYet(
                "got conv2_2, expected the other one.\nIn which one is the photograph's fine texture still there?"
            )
        if answer != "conv4_2":
            raise NotYet(f"got {answer}, expected one of the grid's two layers, conv2_2 or conv4_2.")
        return "conv4_2 knows what is where, and leaves the pixels to the style."

    @exercise
    def trade(answer: Any) -> str:
        """A table style weight -> (content loss, style loss), and whether 16 times the weight leaves more than 1/16."""
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise NotYet('expected two things: the table, and "less" or "more".')
        table, verdict = answer
        truth = measured(table, _terms, STYLE_WEIGHTS, "the content loss and the style loss after 60 iterations")
        factor = truth[5.0][1] / truth[80.0][1]
        if verdict not in ("less", "more"):
            raise NotYet('the table is right; now answer the question with "less" or "more".')
        if verdict != ("more" if factor < 16 else "less"):
            raise NotYet("the table is right, the answer is not.\nDivide the style loss at 5 by the one at 80.")
        paid = truth[80.0][0] / truth[5.0][0]
        return f"the style loss falls to one {factor:.0f}th, and the content loss grows {paid:.1f} times."


@functools.cache
def _terms(weight: float) -> tuple[float, float]:
    """The content loss and the style loss at the end of the experiment."""
    content, style = load_image("landscape", 128), load_image("picasso", 128)
    *_, last = coarse_to_fine(content, style, load_vgg19(), Weights(style=weight), steps=60)
    return last.content, last.style
