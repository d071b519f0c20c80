"""The checks of lesson 2."""

from typing import Any

import torch
from torch import nn

from helpers.exercises.inputs import integers, known_layer, mended
from helpers.losses import gram_matrix
from helpers.teaching.feedback import NotYet, call, exercise, expect, expect_gradient, number
from helpers.vgg import LAYERS, VGG19, get_features


class Layers:
    """Lesson 2."""

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
        features = integers(2, 3, 2, 4)
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
            known_layer(layer, f"picture {picture}: ")
            if layer != right:
                finer = order.index(layer) > order.index(right)
                hint = "finer than that: look at an earlier" if finer else "coarser than that: look at a later"
                raise NotYet(f"picture {picture}: got {layer}, expected another layer.\nIts maps are {hint} layer.")
        return "the later the layer, the coarser its maps."

    @exercise
    def get_features(answer: Any) -> str:
        """get_features(image, model): the responses of six layers after their ReLU, as a dictionary by their names."""
        torch.manual_seed(0)
        model = VGG19({name: 3 + n % 2 for n, name in enumerate(LAYERS.values())}).requires_grad_(False)
        image = integers(1, 3, 32, 32) / 3
        right = get_features(image, model)
        advice = "Each module gets what the one before it gave: image = module(image)."
        got = call(answer, advice, image=image, model=model)
        if not isinstance(got, dict):
            raise NotYet(f"got a {type(got).__name__}, expected a dictionary name -> response.")
        if got.keys() != right.keys():
            missing = [name for name in right if name not in got]
            what = f"without {', '.join(missing)}" if missing else f"with {len(got) - len(right)} names too many"
            raise NotYet(f"got a dictionary {what}, expected one with the names in INDEX_TO_NAME.")
        for index, name in LAYERS.items():
            if name in right:
                before = nn.Sequential(*list(model)[: index + 1])(image)
                expect(got[name], right[name], {
                    f"{name} is kept before its ReLU: the response is what the ReLU, the next module, lets through.": (
                        before
                    ),
                })  # fmt: skip
        return "six responses, each after its ReLU, under the paper's names."

    @exercise
    def overwritten(answer: Any) -> str:
        """Find the bug: the letter of the line, and responses(image, modules): each convolution's, before its ReLU."""
        hint = "A ReLU that works in place writes into the tensor that it gets. Which line keeps that very tensor?"
        function = mended(answer, "E", "ABCDE", hint)
        torch.manual_seed(0)
        convolutions = [nn.Conv2d(3, 3, 3, padding=1).requires_grad_(False) for _ in range(3)]
        modules = {}
        for n, convolution in enumerate(convolutions, start=1):
            modules |= {f"conv1_{n}": convolution, f"relu1_{n}": nn.ReLU(inplace=True)}
        image = integers(1, 3, 8, 8)
        right, x = {}, image
        for name, module in modules.items():
            x = module(x.clone())
            if name.startswith("conv"):
                right[name] = x.clone()
        got = call(function, image=image, modules=modules)
        if not isinstance(got, dict) or got.keys() != right.keys():
            raise NotYet(f"expected a dictionary with the names {', '.join(right)}.")
        for name, response in right.items():
            expect(got[name], response, {
                "It has still been overwritten by its ReLU: keep a copy, .clone(), or let no ReLU work in place.": (
                    response.clamp(min=0)
                ),
            })  # fmt: skip
        return "a copy stays what it was, whatever a later module writes into the original."
