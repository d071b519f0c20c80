"""The checks of lesson 1."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.exercises.inputs import integers, mended
from helpers.images import MEAN, STD
from helpers.teaching.feedback import NotYet, call, exercise, expect


class Utilities:
    """Lesson 1."""

    @exercise
    def im_convert(answer: Any) -> str:
        """im_convert(image): normalised tensor (1, 3, H, W) -> (H, W, 3) array in [0, 1], `load_image`'s inverse."""
        pixels = torch.linspace(0.2, 0.8, 72).view(1, 3, 4, 6)
        image = (pixels - MEAN) / STD

        def as_array(x: Tensor) -> np.ndarray:
            return x[0].permute(1, 2, 0).numpy()

        def clipped_too(x: Tensor) -> list[np.ndarray]:
            return [as_array(x), as_array(x.clamp(0, 1))]

        got = call(answer, image=image)
        if isinstance(got, np.ndarray) and got.size and got.max() > 10:
            raise NotYet("got colours from 0 to 255, expected 0 to 1.\nLeave the factor of 255 out.")
        expect(got, as_array(pixels), {
            "These are still the normalised values: undo the normalisation with STD and MEAN.": clipped_too(image),
            "load_image divided by STD, so multiply here.": clipped_too(image / STD + MEAN),
            "load_image subtracted MEAN, so add it here.": clipped_too(image * STD - MEAN),
            "Undo the last step first: multiply by STD, then add MEAN.": clipped_too((image + MEAN) * STD),
            "MEAN has to be added once more: load_image subtracted it.": clipped_too(image * STD),
            "Stretching from the darkest to the brightest value is no inverse: use STD and MEAN.": clipped_too(
                (image - image.min()) / (image.max() - image.min())
            ),
            "A reshape keeps the values in their old order: move the axes with .permute(1, 2, 0).": (
                pixels.view(4, 6, 3).numpy()
            ),
            "Height comes before width: .permute(1, 2, 0) of (3, H, W).": np.zeros((6, 4, 3)),
            "Matplotlib wants the channels last: .permute(1, 2, 0).": np.zeros((3, 4, 6)),
            "The batch is still there: take its first picture, [0].": [np.zeros((1, 3, 4, 6)), np.zeros((1, 4, 6, 3))],
        })  # fmt: skip
        beyond = 2 * pixels - 0.5  # -0.1 ... 1.1, as an image is while it is being optimised
        image = ((beyond - MEAN) / STD).requires_grad_()
        expect(call(answer, image=image), as_array(beyond.clamp(0, 1)), {
            "An optimised image has colours below 0 and above 1: clip them with .clamp(0, 1).": as_array(beyond),
        })  # fmt: skip
        return "it undoes load_image, clips what is out of range, and leaves the image alone."

    @exercise
    def shapes(answer: Any) -> str:
        """Three shapes, of tensors and of an array, as a tuple of tuples."""
        order = "Height comes before width."
        batch = "A batch of one picture is still a batch: the first number is 1."
        last = "The colours come before height and width in a tensor."
        questions = {
            "shape 1": ((1, 3, 384, 512), {
                order: [(1, 3, 512, 384)],
                batch: [(3, 384, 512)],
                last: [(1, 384, 512, 3), (384, 512, 3)],
                "max_size limits the long side, not the short one.": [(1, 3, 512, 683), (1, 3, 512, 682)],
                "max_size=512 makes it smaller.": [(1, 3, 768, 1024)],
                "The proportions stay: a width of 1024 becomes 512, so the height is halved as well.": [
                    (1, 3, 512, 512), (1, 3, 768, 512),
                ],
            }),
            "shape 2": ((1, 3, 512, 768), {
                order: [(1, 3, 768, 512)],
                batch: [(3, 512, 768)],
                last: [(1, 512, 768, 3), (512, 768, 3)],
                "shape=content takes exactly the content's size, whatever the picture's own was.": [
                    (1, 3, 384, 512), (1, 3, 768, 1024), (1, 3, 576, 768), (1, 3, 512, 683), (1, 3, 512, 682),
                ],
            }),
            "shape 3": ((512, 768, 3), {
                order: [(768, 512, 3)],
                "im_convert takes the picture out of its batch.": [(1, 512, 768, 3), (1, 3, 512, 768)],
                "im_convert puts the colours last, where Matplotlib wants them.": [(3, 512, 768)],
            }),
        }  # fmt: skip
        if not isinstance(answer, tuple | list) or len(answer) != 3:
            raise NotYet("expected three shapes, ((1, 3, ...), (1, 3, ...), (...)).")
        for shape, (question, (right, mistakes)) in zip(answer, questions.items(), strict=True):
            if not isinstance(shape, tuple | list) or not all(isinstance(side, int) for side in shape):
                raise NotYet(f"{question} is none yet, expected whole numbers in brackets, such as (1, 3, 64, 64).")
            shape = tuple(shape)
            if shape != right:
                hint = next((hint for hint, shapes in mistakes.items() if shape in shapes), "Go step by step.")
                raise NotYet(f"{question}: got {shape}, expected another.\n{hint}")
        return "height before width, colours first in a tensor and last in an array."

    @exercise
    def white_picture(answer: Any) -> str:
        """Find the bug: the letter of the line, and to_tensor(pixels): (H, W, 3) from 0 to 255 -> (1, 3, H, W)."""
        function = mended(answer, "C", "ABCD", "Print the smallest and the largest value after each line.")
        pixels = ((integers(4, 6, 3) + 2) * 40).to(torch.uint8).numpy()
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
        right = (batch / 255 - MEAN) / STD
        expect(call(function, pixels=pixels), right, {
            "That is what it was: the values still go up to 255 when the mean is subtracted.": (batch - MEAN) / STD,
            "MEAN and STD are for colours from 0 to 1: divide by 255 before them, not after.": (
                (batch - MEAN) / STD / 255
            ),
            "Colours from 0 to 1, and not normalised: MEAN and STD are still wanted.": batch / 255,
            "Dividing by 256 makes white a little grey: 255 is the largest value.": (batch / 256 - MEAN) / STD,
        })  # fmt: skip
        return "MEAN and STD belong to colours from 0 to 1; divided by 255 first, the picture is itself again."
