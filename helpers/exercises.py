"""The checks of the exercises: `check.gram_matrix(gram_matrix)` says whether a learner's answer is right, or why not.

A check knows the typical mistakes: it makes them itself, and if the answer agrees with one, it gives the hint for it.
All inputs are small and fixed, so that a check says the same on every machine.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.base.errors import TeachingError
from helpers.images import MEAN, STD, load_image, noise_like
from helpers.losses import Weights, content_loss, gram_matrix, style_loss
from helpers.teaching.feedback import NotYet, call, exercise, expect, expect_gradient, number, unchanged
from helpers.vgg import CONTENT_LAYER, LAYERS, VGG19, check_layers, get_features, load_vgg19


class check:
    """One check for each exercise, under its name; each takes the answer and prints a verdict.

    The verdict is "not tried yet" while the answer is still `...`; "not yet: " with what the check got, what it
    expected and a hint; or "right: " with what the answer has shown.
    """

    # 01 Utilities

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

    # 02 Layers

    @exercise
    def receptive_field(answer: Any) -> str:
        """How many pixels on a side one value of conv5_1 depends on."""
        side, stride = 1, 1  # pixels: the receptive field's side, and the distance between two neighbours' centres
        for module in VGG19(dict.fromkeys(LAYERS.values(), 1)).children():
            if isinstance(module, nn.Conv2d):
                side += (3 - 1) * stride
            elif isinstance(module, nn.AvgPool2d):
                side += (2 - 1) * stride
                stride *= 2
        hints = {
            3: "That is one convolution by itself; twelve others come before it.",
            16: "That is how far apart two neighbouring values look, not how far each one sees.",
            27: "2 pixels for each of thirteen convolutions, but every pooling doubles the steps of those that follow.",
            39: "The fields overlap, so a 3 x 3 convolution adds 2 steps, not 3; and every pooling doubles the steps.",
            124: "conv5_1's own 3 x 3 window is missing: 2 steps of 16 pixels.",
            141: "The poolings' own 2 x 2 windows are missing: each adds one step.",
            side**2: "That is the area; asked is the side.",
        }
        value = number(answer)
        if value != side:
            hint = hints.get(value, f"Too {'few' if value < side else 'many'}: walk through the table, layer by layer.")
            raise NotYet(f"got {value:g}, expected another number of pixels.\n{hint}")
        return f"{side} pixels on a side, from thirteen windows of 3 x 3 and four poolings."

    @exercise
    def gram_matrix(answer: Any) -> str:
        """gram_matrix(features): (B, C, H, W) -> (B, C, C), F F^T with F the maps as C rows of H * W, not divided."""
        features = _integers(2, 3, 2, 4)
        right = gram_matrix(features)
        rows = features.flatten(2)  # (B, C, H*W)
        centred = rows - rows.mean(2, keepdim=True)
        torn = features.reshape(2, 8, 3)
        dots = features.flatten(1).square().sum(1)  # (B,)
        expect(call(answer, features=features), right, {
            "The Gram matrix is the plain sum of products; the report divides later, in the loss.": [
                right / n for n in (2, 3, 6, 8, 9, 16, 24, 48)
            ],
            "A reshape to (B, H*W, C) tears the maps apart: flatten to (B, C, H*W), then transpose.": torn.mT @ torn,
            "That is the covariance: no mean is subtracted in a Gram matrix.": [
                centred @ centred.mT / n for n in (1, 7, 8)
            ],
            "These are positions against positions, F^T F: put the transposed matrix second.": rows.mT @ rows,
            "Every picture has a Gram matrix of its own: keep the batch, flatten from axis 2.": [
                torch.zeros(shape) for shape in ((6, 6), (3, 3), (1, 3, 3), (2, 2))
            ],
            "Flatten H and W first: each map is one row of H * W values.": features @ features.mT,
            "One vector gives one number: keep C vectors, one a map.": [dots, dots[:, None, None], dots.sum()],
        })  # fmt: skip
        expect_gradient(lambda x: call(answer, features=x).square().mean(), features)
        return "(B, C, H, W) -> (B, C, C), a matrix of its own for each picture, summed over all positions."

    @exercise
    def which_layer(answer: Any) -> str:
        """The layers of the pictures A, B and C, as a tuple of three names."""
        if not isinstance(answer, tuple | list) or len(answer) != 3:
            raise NotYet("expected three names, for the pictures A, B and C.")
        order = list(LAYERS.values())
        for picture, layer, right in zip("ABC", answer, ("conv3_1", "conv1_1", "conv5_1"), strict=True):
            _known_layer(layer, f"picture {picture}: ")
            if layer != right:
                finer = order.index(layer) > order.index(right)
                hint = "finer than that: look at an earlier" if finer else "coarser than that: look at a later"
                raise NotYet(f"picture {picture}: got {layer}, expected another layer.\nIts maps are {hint} layer.")
        return "the later the layer, the coarser its maps."

    # 03 Losses

    @exercise
    def style_loss(answer: Any) -> str:
        """style_loss(features, target_gram): the Gram matrices' mean squared error, divided by d * h * w."""
        features = _integers(1, 3, 2, 4)
        target = gram_matrix(_integers(1, 3, 5, 5)) / 5
        error = gram_matrix(features) - target
        squares = error.square()
        right = style_loss(features, target)
        advice = "Compare Gram matrix with Gram matrix: gram_matrix(features) first."
        expect(call(answer, advice, features=features, target_gram=target), right, {
            "Divide by the number of elements of the feature map, d * h * w.": squares.mean(),
            "The report takes the mean of the squares, not their sum.": [squares.sum() / n for n in (1, 24)],
            "d * h * w is the number of all elements: d maps of h * w values.": [
                squares.mean() / n for n in (3, 4, 8, 9)
            ],
            "d * h * w are the elements of the feature map, divided by once, outside the square.": [
                squares.mean() / 24**2, (gram_matrix(features) / 24 - target / 24).square().mean(),
            ],
            "That is the paper's constant, 1 / (4 d^2 (h w)^2) of the sum; the report's is asked.": [
                squares.sum() / (4 * 24**2)
            ],
            "That is the relative loss; the report divides by d * h * w.": squares.sum() / target.square().sum(),
            "Errors are squared, not taken as absolute values.": [error.abs().mean(), error.abs().mean() / 24],
            "One number is asked, the mean over all entries.": squares,
        })  # fmt: skip
        expect_gradient(lambda x: call(answer, features=x, target_gram=target), features / 2)
        return "the report's style loss, and its gradient agrees with finite differences."

    @exercise
    def total_variation_loss(answer: Any) -> str:
        """total_variation_loss(pixels): (1, 3, H, W) in [0, 1] -> mean(dx^2) + mean(dy^2).

        Right as well is what the report has, sqrt(sum(dx^2) + sum(dy^2)).
        """
        row, column = torch.arange(5.0)[:, None], torch.arange(3.0)
        ramp = _grey(0.1 * column + 0.2 * row)  # every dx is 0.1, every dy is 0.2
        right = torch.tensor(0.1**2 + 0.2**2)
        across, down = 3 * 5 * 2 * 0.1**2, 3 * 4 * 3 * 0.2**2  # the sums
        norm = torch.tensor(across + down).sqrt()
        found = call(answer, pixels=ramp)
        as_in_the_report = isinstance(found, Tensor) and found.shape == () and torch.isclose(found, norm, rtol=1e-4)
        rolled = sum((ramp - ramp.roll(1, axis)).square().mean() for axis in (2, 3))
        expect(found, norm if as_in_the_report else right, {
            "Square the differences; these are absolute values.": torch.tensor(0.1 + 0.2),
            "Only one direction counts here: take horizontal and vertical neighbours.": [
                torch.tensor(0.1**2), torch.tensor(0.2**2),
            ],
            "Take the mean of the squares, not their sum, or the loss grows with the picture.": [
                torch.tensor(across + down), torch.tensor(across + down) / 2,
            ],
            "torch.roll makes neighbours of the first and the last pixel: use slices, [1:] and [:-1].": rolled,
            "Divide each sum by the number of its differences: .mean() of dx^2 and of dy^2, added.": [
                torch.tensor((across + down) / n) for n in (45, 15, 30, 36, 66)
            ] + [right / 2],
            "No square root: the squares keep the loss smooth where neighbours agree.": [
                right.sqrt(), torch.tensor(across**0.5 + down**0.5),
            ],
        })  # fmt: skip
        board = _grey((row + column) % 2)
        # All 30 + 36 neighbours differ by 1: both means are 1.
        expect(call(answer, pixels=board), torch.tensor(66.0).sqrt() if as_in_the_report else torch.tensor(2.0))
        expect(call(answer, pixels=torch.full((1, 3, 4, 6), 0.3)), torch.tensor(0.0))
        expect_gradient(lambda x: call(answer, pixels=x), _integers(1, 3, 4, 6) / 7)
        reading = "the report's L2 norm" if as_in_the_report else "2 for a checkerboard"
        return f"{reading}, 0 for a plain colour, and its gradient agrees with finite differences."

    @exercise
    def area(answer: Any) -> str:
        """The factor by which the report's style loss grows when both sides of the picture double."""
        empty = torch.zeros(1, 1, 1)
        right = (style_loss(torch.ones(1, 1, 4, 4), empty) / style_loss(torch.ones(1, 1, 2, 2), empty)).item()
        hints = {
            1: "A Gram matrix is a sum over positions, and there are four times as many.",
            2: "Both sides double, so there are four times as many positions.",
            16: "The squared error grows 16 times; but it is divided by d * h * w, which grows as well.",
            64: "Dividing by d * h * w makes the loss smaller, not larger.",
        }
        factor = number(answer)
        if factor != right:
            raise NotYet(f"got {factor:g}, expected another factor.\n{hints.get(factor, hints[1])}")
        return f"{right:g}: the squared error grows 16 times, and it is divided by 4 times as many elements."

    # 04 Optimizer

    @exercise
    def transfer_loop(answer: Any) -> str:
        """transfer_loop(content, style, model, weights, steps): the image (1, 3, H, W) that the loop ends with."""
        model = load_vgg19(device="cpu")
        original = {name: value.clone() for name, value in model.state_dict().items()}
        content, style = (load_image(name, shape=(48, 48)) for name in ("landscape", "van_gogh"))
        weights, steps = Weights(style=1.0), 30
        passes = []
        model.conv1_1.register_forward_hook(lambda *_: passes.append(1))
        image = call(answer, content=content, style=style, model=model, weights=weights, steps=steps)
        calls = len(passes)
        if not unchanged(model, original):
            raise NotYet("the network has changed, expected it to stay fixed.\nOnly the image goes into the optimizer.")
        if hasattr(image, "__next__") or hasattr(image, "image"):
            raise NotYet("got a generator or a Step, expected an image.\nReturn the last image at the loop's end.")
        if not isinstance(image, Tensor) or image.shape != content.shape or not image.isfinite().all():
            expect(image, content)  # says which of the three it is
        image = image.detach().float()
        if torch.allclose(image, content):
            raise NotYet("got the photograph itself, expected a painting of it.\nDoes the loop change the image?")

        pictures = {"image": image, "photograph": content, "noise": noise_like(content)}
        terms = {name: _terms(picture, content, style, model, weights) for name, picture in pictures.items()}
        total = {name: sum(parts) for name, parts in terms.items()}
        limit = 0.8 * min(total["noise"], total["photograph"])
        if total["image"] < limit:
            return "the loss falls, the network stays fixed, and both pictures are as they were."
        if calls < steps:
            hint = f"The network looked {calls} times in {steps} steps: is `return` inside the loop?"
        elif total["image"] > 0.95 * total["noise"]:
            hint = (
                "In every step: optimizer.zero_grad(), the loss, loss.backward(), optimizer.step(). The optimizer gets "
                "[image], and the image requires a gradient. A smaller learning rate, 0.1 say, may help too."
            )
        elif terms["image"][0] > terms["noise"][0]:
            hint = "The content has been lost: is weights.content * content_loss(...) part of the total?"
        elif terms["image"][1] > 0.8 * terms["photograph"][1]:
            hint = "The style is missing: is weights.style times the sum over the layers part of the total?"
        else:
            hint = "It falls slowly: call optimizer.zero_grad() in every step, and try a learning rate of 0.1 or 0.2."
        raise NotYet(f"the total loss ends at {total['image']:.2g}, expected less than {limit:.2g}.\n{hint}")

    # 05 Results

    @exercise
    def grid(answer: Any) -> str:
        """The content layer that keeps less of the photograph's detail, conv2_2 or conv4_2."""
        _known_layer(answer)
        if answer == "conv2_2":
            raise NotYet(
                "got conv2_2, expected the other one.\nIn which one is the photograph's fine texture still there?"
            )
        if answer != "conv4_2":
            raise NotYet(f"got {answer}, expected one of the grid's two layers, conv2_2 or conv4_2.")
        return "conv4_2 knows what is where, and leaves the pixels to the style."

    # 06 Going further

    @exercise
    def blend(answer: Any) -> str:
        """blend(first, second, share): mixes two dictionaries layer -> Gram matrix; the first one's part is `share`."""
        first = {"conv1_1": gram_matrix(_integers(1, 2, 3, 3)), "conv2_1": gram_matrix(_integers(1, 3, 2, 2))}
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
        painting = (0.5 + _integers(2, 4, 3) / 20).numpy()
        photograph = (0.5 + _integers(3, 4, 2).permute(2, 1, 0) / 20).numpy()

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


def _integers(*shape: int) -> Tensor:
    """Small whole numbers, so irregular that no mistake stays hidden; their sums are exact."""
    n = torch.arange(int(np.prod(shape)))
    return (n * n % 11 * 5 % 7 - 2.0).view(shape)


def _grey(pixels: Tensor) -> Tensor:
    """(H, W) -> (1, 3, H, W)"""
    return pixels.expand(1, 3, *pixels.shape)


def _known_layer(name: Any, where: str = "") -> None:
    try:
        check_layers([name])
    except TeachingError as error:
        raise NotYet(f"{where}{error}") from None


def _terms(image: Tensor, content: Tensor, style: Tensor, model: VGG19, weights: Weights) -> tuple[float, float]:
    """The weighted content and style terms of an image, from the relative losses."""
    features, content_features, style_features = (get_features(x, model) for x in (image, content, style))
    in_content = content_loss(features[CONTENT_LAYER], content_features[CONTENT_LAYER], relative=True)
    in_style = sum(
        weight * style_loss(features[layer], gram_matrix(style_features[layer]), relative=True)
        for layer, weight in weights.layers.items()
    )
    return weights.content * in_content.item(), weights.style * in_style.item()
