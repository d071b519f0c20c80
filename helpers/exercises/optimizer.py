"""The checks of lesson 4."""

import functools
from typing import Any

import torch
from torch import Tensor

from helpers.exercises.inputs import measured, mended, pair, terms
from helpers.images import load_image, noise_like
from helpers.losses import Weights, gram_matrix
from helpers.teaching.feedback import NotYet, call, exercise, expect, unchanged
from helpers.transfer import style_transfer
from helpers.vgg import get_features, load_vgg19

RATES = (0.01, 0.05, 0.2)


class Optimizer:
    """Lesson 4."""

    @exercise
    def transfer_loop(answer: Any) -> str:
        """transfer_loop(content, style, model, weights, steps): the image (1, 3, H, W) that the loop ends with."""
        model = load_vgg19(device="cpu")
        original = {name: value.clone() for name, value in model.state_dict().items()}
        content, style = pair(48)
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
        parts = {name: terms(picture, content, style, model, weights) for name, picture in pictures.items()}
        total = {name: sum(both) for name, both in parts.items()}
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
        elif parts["image"][0] > parts["noise"][0]:
            hint = "The content has been lost: is weights.content * content_loss(...) part of the total?"
        elif parts["image"][1] > 0.8 * parts["photograph"][1]:
            hint = "The style is missing: is weights.style times the sum over the layers part of the total?"
        else:
            hint = "It falls slowly: call optimizer.zero_grad() in every step, and try a learning rate of 0.1 or 0.2."
        raise NotYet(f"the total loss ends at {total['image']:.2g}, expected less than {limit:.2g}.\n{hint}")

    @exercise
    def never_settles(answer: Any) -> str:
        """Find the bug: the letter of the line, and descend(total_loss, image, steps): the image after Adam's steps."""
        hint = "What does loss.backward() do where a gradient is stored already? See what image.grad holds."
        function = mended(answer, "CDF", "ABCDEF", hint)
        goal = torch.linspace(-1, 1, 48).view(1, 3, 4, 4)
        calls = []

        def loss(image: Tensor) -> Tensor:
            calls.append(1)
            return (image - goal).square().sum()

        image = call(function, total_loss=loss, image=torch.zeros_like(goal), steps=100)
        if not isinstance(image, Tensor) or image.shape != goal.shape:
            expect(image, goal)  # says which of the two it is
        if len(calls) != 100:
            raise NotYet(f"asked for the loss {len(calls)} times in 100 steps, expected once in each.")
        far = (image - goal).abs().max().item()
        if not far < 0.05:
            raise NotYet(
                f"100 steps down a simple valley end {far:.2g} away from its lowest point, expected less than 0.05.\n"
                "The gradients still pile up: optimizer.zero_grad() belongs into the loop, before loss.backward()."
            )
        return "each step follows the gradient of its own iteration; without zero_grad it follows the sum of all."

    @exercise
    def lost_style(answer: Any) -> str:
        """Find the bug: the letter of the line, and from_painting(content, style, model, steps): the image."""
        hint = "The style loss is 0 in every iteration. Which two tensors are always the same, and since which line?"
        function = mended(answer, "AD", "ABCDEF", hint)
        model = load_vgg19(device="cpu")
        content, style = pair(48)
        image = call(function, content=content, style=style, model=model, steps=20)
        if not isinstance(image, Tensor) or image.shape != content.shape or not image.isfinite().all():
            expect(image, content)  # says which of the three it is
        grams = [gram_matrix(get_features(x.detach(), model, ["conv3_1"])["conv3_1"]) for x in (image, style, content)]
        missed, photograph = ((gram - grams[1]).square().sum().item() for gram in (grams[0], grams[2]))
        if missed > 0.5 * photograph:
            raise NotYet(
                "the image has lost the painting's style, expected it to keep it.\nThe goal still moves with the image."
            )
        if torch.allclose(image, style, atol=1e-3):
            raise NotYet("got the painting itself, expected it to take on the photograph's content.")
        return "the goal stays the painting's, whatever becomes of the image."

    @exercise
    def rates(answer: Any) -> str:
        """A table rate -> (total loss after 20 iterations, after 100), and whether one rate is the best at both."""
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise NotYet("expected two things: the table, and True or False.")
        table, verdict = answer
        truth = measured(table, _totals, RATES, "the total after 20 iterations and after 100")
        best = [min(truth, key=lambda rate: truth[rate][column]) for column in (0, 1)]
        if not isinstance(verdict, bool):
            raise NotYet("the table is right; now answer the question with True or False.")
        if verdict != (best[0] == best[1]):
            raise NotYet("the table is right, the answer is not.\nWhich rate has the lowest total in each column?")
        return f"after 20 iterations {best[0]:g} is ahead, after 100 {best[1]:g}."


@functools.cache
def _totals(rate: float) -> tuple[float, float]:
    """The total loss after 20 and after 100 iterations of the experiment."""
    content = load_image("landscape", 96)
    style = load_image("van_gogh", shape=content)
    run = style_transfer(content, style, load_vgg19(), Weights(style=20), steps=100, learning_rate=rate)
    losses = [step.loss for step in run]
    return losses[19], losses[99]
