"""The checks of lesson 3."""

from typing import Any

import torch
from torch import Tensor

from helpers.exercises.inputs import grey, integers
from helpers.losses import content_loss, gram_matrix, style_loss
from helpers.teaching.feedback import NotYet, call, exercise, expect, expect_gradient, number


class Losses:
    """Lesson 3."""

    @exercise
    def content_loss(answer: Any) -> str:
        """content_loss(features, content_features): the mean squared error of two responses (B, C, H, W)."""
        features, goal = integers(1, 3, 2, 4), integers(1, 3, 4, 2).view(1, 3, 2, 4).flip(1) / 2
        error = features - goal
        expect(call(answer, features=features, content_features=goal), content_loss(features, goal), {
            "The mean of the squares is asked, not their sum.": [error.square().sum(), error.square().sum() / 2],
            "Errors are squared, not taken as absolute values.": [error.abs().mean(), error.abs().sum()],
            "No square root: the loss is the mean of the squares itself.": [
                error.square().mean().sqrt(), error.square().sum().sqrt(),
            ],
            "Positive and negative errors cancel each other: square them first.": [error.mean(), error.mean().square()],
            "That is the relative loss, which comes later; here nothing is divided.": (
                error.square().sum() / goal.square().sum()
            ),
            "One number is asked, the mean over all elements.": error.square(),
        })  # fmt: skip
        expect_gradient(lambda x: call(answer, features=x, content_features=goal), features / 2)
        return "the mean squared error, 0 for the photograph itself, and its gradient agrees with finite differences."

    @exercise
    def style_loss(answer: Any) -> str:
        """style_loss(features, style_gram): the Gram matrices' mean squared error, divided by d * h * w."""
        features = integers(1, 3, 2, 4)
        goal = gram_matrix(integers(1, 3, 5, 5)) / 5
        error = gram_matrix(features) - goal
        squares = error.square()
        right = style_loss(features, goal)
        advice = "Compare Gram matrix with Gram matrix: gram_matrix(features) first."
        expect(call(answer, advice, features=features, style_gram=goal), right, {
            "Divide by the number of elements of the feature map, d * h * w.": squares.mean(),
            "The report takes the mean of the squares, not their sum.": [squares.sum() / n for n in (1, 24)],
            "d * h * w is the number of all elements: d maps of h * w values.": [
                squares.mean() / n for n in (3, 4, 8, 9)
            ],
            "d * h * w are the elements of the feature map, divided by once, outside the square.": [
                squares.mean() / 24**2, (gram_matrix(features) / 24 - goal / 24).square().mean(),
            ],
            "That is the paper's constant, 1 / (4 d^2 (h w)^2) of the sum; the report's is asked.": [
                squares.sum() / (4 * 24**2)
            ],
            "That is the relative loss; the report divides by d * h * w.": squares.sum() / goal.square().sum(),
            "Errors are squared, not taken as absolute values.": [error.abs().mean(), error.abs().mean() / 24],
            "One number is asked, the mean over all entries.": squares,
        })  # fmt: skip
        expect_gradient(lambda x: call(answer, features=x, style_gram=goal), features / 2)
        return "the report's style loss, and its gradient agrees with finite differences."

    @exercise
    def total_variation_loss(answer: Any) -> str:
        """total_variation_loss(pixels): (1, 3, H, W) in [0, 1] -> mean(dx^2) + mean(dy^2).

        Right as well is what the report has, sqrt(sum(dx^2) + sum(dy^2)).
        """
        row, column = torch.arange(5.0)[:, None], torch.arange(3.0)
        ramp = grey(0.1 * column + 0.2 * row)  # every dx is 0.1, every dy is 0.2
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
        board = grey((row + column) % 2)
        # All 30 + 36 neighbours differ by 1: both means are 1.
        expect(call(answer, pixels=board), torch.tensor(66.0).sqrt() if as_in_the_report else torch.tensor(2.0))
        expect(call(answer, pixels=torch.full((1, 3, 4, 6), 0.3)), torch.tensor(0.0))
        expect_gradient(lambda x: call(answer, pixels=x), integers(1, 3, 4, 6) / 7)
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
