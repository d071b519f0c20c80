"""The optimizers that update the image from its gradient: Adam and L-BFGS, both written out.

Like torch's own optimizers, both have `state_dict` and `load_state_dict`, so that a run can go on later as if it had
never stopped. Unlike those they change no tensor: a step makes new ones, so that a state, once taken, stays what it was
whatever happens to the next step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import interpolate

from helpers.engine.memory import total_memory

# About 1 / STD, the range from black to white in normalised values.
BLACK_TO_WHITE = 4.4


class Adam:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015 (arXiv:1412.6980), algorithm 1.

    The same update as torch.optim.Adam, whose first use costs a second and 150 MB for the modules that it imports. The
    running mean of the squares has a shorter memory (0.99 instead of 0.999), because the gradients change quickly.

    image: (1, 3, H, W), only for its shape.
    betas: the decay rates, each from 0 to just under 1, of the running means of the gradient and of its square.
    """

    LEARNING_RATE = 0.05  # as a share of the range from black to white
    BETAS = 0.9, 0.99
    EPSILON = 1e-8
    CAUTION = 10.0  # the largest growth of the gradients that `forget` allows for
    CLAMPED = True  # after a step the pixels may be clamped to the range of colours

    def __init__(self, image: Tensor, betas: Sequence[float] = BETAS):
        self.betas, self.steps = betas, 0
        self.momentum = torch.zeros_like(image)  # the running mean of the gradients
        self.square = torch.zeros_like(image)  # and of their squares

    @torch.no_grad()
    def step(self, image: Tensor, loss: float, gradient: Tensor, learning_rate: float) -> Tensor:
        """The image after one update, from its gradient (1, 3, H, W); the loss does not matter to Adam."""
        self.steps += 1
        self.momentum = self.momentum.lerp(gradient, 1 - self.betas[0])
        self.square = self.square.lerp(gradient.square(), 1 - self.betas[1])
        # Both means started at zero, so they are too small by these factors (bias correction).
        corrections = [1 - beta**self.steps for beta in self.betas]
        spread = (self.square / corrections[1]).sqrt_().add_(self.EPSILON)
        return image.addcdiv(self.momentum, spread, value=-(BLACK_TO_WHITE * learning_rate) / corrections[0])

    def forget(self, growth: float) -> None:
        """Call it when the loss function has changed: drops the momentum, and expects `growth` times larger gradients.

        With the old squares the next steps would overshoot; with squares of zero, each of them would move every pixel
        by a whole learning rate. The squares soon adapt to the new gradients. `Transfer` decides when to call it.
        """
        self.momentum = torch.zeros_like(self.momentum)
        self.square = self.square * min(max(growth, 1.0), self.CAUTION) ** 2

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, except the image."""
        return {"momentum": self.momentum, "square": self.square, "steps": self.steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises ValueError if it is for an image of another size."""
        self.momentum, self.square = (fitting(state_dict[name], self.momentum) for name in ("momentum", "square"))
        self.steps = int(state_dict["steps"])

    @staticmethod
    def resized_state(state_dict: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """The state dict, adapted to the same image at another size, (height, width).

        If both sides double, four pixels share the gradient that one pixel had before.
        """
        share = state_dict["momentum"][0, 0].numel() / (size[0] * size[1])
        momentum, square = (
            interpolate(state_dict[name], size=tuple(size), mode="bilinear") for name in ("momentum", "square")
        )
        return {"momentum": momentum * share, "square": square * share**2, "steps": state_dict["steps"]}


class LBFGS:
    """Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.

    The gradient says which way is down. How it changed along the last steps says how the valley bends, and so how far
    to go in which direction. An iteration is one evaluation of the loss and one whole step, without a line search; only
    where the loss rose is the step taken back to a quarter.

    image: (1, 3, H, W), only for its shape. memory: how many pairs it keeps at most.
    """

    LEARNING_RATE = 1.0  # the share of the step that is taken
    PAIR = "step", "change", "inverse"  # a step s, the gradient's change y along it, and 1 / s.y
    MEMORY = 10  # pairs at most
    SHORT_MEMORY = 3  # pairs where the picture alone nearly fills the memory
    MEMORY_SHARE = 1 / 16  # of the machine's memory, which the pairs may fill
    # The mean change of a pixel in the first step, in the first one after `forget`, and in any; black to white is 4.4.
    FIRST, AFRESH, LONGEST = 0.05, 0.003, 0.2
    CLAMPED = False  # clamping the pixels would falsify what the pairs say; `outside` keeps them to real colours

    def __init__(self, image: Tensor, memory: int = MEMORY):
        self.frame = image.new_empty(()).expand(image.shape)  # the images' size and device, without their memory
        self.first = self.FIRST
        pair_bytes = 2 * image.numel() * image.element_size()
        fitting = int(self.MEMORY_SHARE * total_memory(image.device) / pair_bytes)
        self.memory = min(max(fitting, 2), memory)
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []  # the last steps' PAIRs
        self.scale: Tensor | None = None  # about one over the curvature
        self.last: tuple[float, Tensor, Tensor] | None = None  # the last iterate's loss, its gradient, the step from it

    @torch.no_grad()
    def step(self, image: Tensor, loss: float, gradient: Tensor, learning_rate: float) -> Tensor:
        """The image after one update; loss and gradient, (1, 3, H, W), are those of the image as it is."""
        gradient = gradient.contiguous()
        if self.last:
            before, old_gradient, step = self.last
            if not loss <= before:
                self.last = before, old_gradient, step / 4
                return image.sub(step, alpha=0.75)
            self.remember(step, gradient - old_gradient)
        step = self.direction(gradient)
        step.mul_((self.LONGEST / step.abs().mean()).clamp(max=1.0) * learning_rate)
        self.last = loss, gradient, step
        return image + step

    def remember(self, step: Tensor, change: Tensor) -> None:
        """Adds a pair; one along which the slope did not grow leads to no minimum, and counts nothing."""
        curvature = self.dot(step, change)
        inverse = torch.where(curvature > 0, 1 / curvature, 0.0)
        self.scale = torch.where(curvature > 0, curvature / self.dot(change, change), self.scale)
        self.pairs = [*self.pairs, (step, change, inverse)][-self.memory :]

    def direction(self, gradient: Tensor) -> Tensor:
        """Minus the gradient, divided by the curvature as the pairs tell it: the two-loop recursion.

        Nocedal and Wright, "Numerical Optimization", second edition, 2006, algorithm 7.4 and equation 7.20.
        """
        if self.scale is None:
            self.scale = self.first / gradient.abs().mean().clamp_min(1e-30)
        direction, shares = -gradient, []
        for step, change, inverse in reversed(self.pairs):
            shares.append(inverse * self.dot(step, direction))
            direction.addcmul_(change, shares[-1], value=-1)
        direction.mul_(self.scale)
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            direction.addcmul_(step, share - inverse * self.dot(change, direction))
        return direction

    @staticmethod
    def dot(a: Tensor, b: Tensor) -> Tensor:
        """The scalar product of two images, as a scalar tensor, for a number would have to be fetched from a GPU."""
        return torch.dot(a.flatten(), b.flatten())

    def forget(self, growth: float) -> None:
        """Call it when the loss function has changed: begins anew, with a step too small for a jump."""
        self.pairs, self.last, self.scale, self.first = [], None, None, self.AFRESH

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, except the image."""
        state = {} if self.scale is None else {"scale": self.scale}
        state["pairs"] = {str(n): dict(zip(self.PAIR, pair, strict=True)) for n, pair in enumerate(self.pairs)}
        if self.last:
            loss, gradient, step = self.last
            state |= {"loss": loss, "gradient": gradient, "step": step}
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises ValueError if it is for an image of another size."""
        state_dict = state_dict if "scale" in state_dict else {}  # of an older version, whose pairs are of no use here
        pairs = sorted(state_dict.get("pairs", {}).items(), key=lambda item: int(item[0]))[-self.memory :]
        self.pairs = [
            (
                fitting(pair["step"], self.frame),
                fitting(pair["change"], self.frame),
                pair["inverse"].to(self.frame.device),
            )
            for _, pair in pairs
        ]
        self.scale = state_dict["scale"].to(self.frame.device) if state_dict else None
        self.last = None
        if "loss" in state_dict:
            gradient, step = (fitting(state_dict[name], self.frame) for name in ("gradient", "step"))
            self.last = float(state_dict["loss"]), gradient, step

    @staticmethod
    def resized_state(state_dict: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """Always empty: at another size the curvature is different, so nothing carries over."""
        return {}


def fitting(vector: Tensor, image: Tensor) -> Tensor:
    """A copy of a vector, (1, 3, H, W), on the image's device; raises ValueError if the image is of another size.

    A copy, because the last bit of a sum depends on where in memory its terms begin.
    """
    if vector.shape != image.shape:
        raise ValueError("The state is of an image of another size.")
    return vector.to(image.device, copy=True)


def outside(image: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """The mean square of what lies beyond the range of colours, a scalar: a soft wall for an image (1, 3, H, W)."""
    return _Outside.apply(image, lowest, highest)


class _Outside(torch.autograd.Function):
    """Keeps nothing but the image for the backward pass; torch would keep what lies outside as well."""

    @staticmethod
    def forward(ctx, image: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
        ctx.save_for_backward(image, lowest, highest)
        return _beyond(image, lowest, highest).square_().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        image, lowest, highest = ctx.saved_tensors
        return _beyond(image, lowest, highest).mul_(2 * gradient / image.numel()), None, None


def _beyond(image: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """What of each value lies beyond the range, 0 within: like the image."""
    nearest = image.clamp(lowest, highest)
    return torch.sub(image, nearest, out=nearest)


OPTIMIZERS = {"adam": Adam, "lbfgs": LBFGS}
STEPS = {"adam": 400, "lbfgs": 200}  # iterations that a picture takes


def make_optimizer(
    name: str, image: Tensor, betas: Sequence[float] | None = None, memory: int = LBFGS.MEMORY
) -> Adam | LBFGS:
    """The optimizer, "adam" or "lbfgs", for an image (1, 3, H, W); only Adam has betas, and only L-BFGS a memory."""
    return Adam(image, betas or Adam.BETAS) if name == "adam" else LBFGS(image, memory)


class RunningMean:
    """The exponential moving average of the iterates: each counts `decay` times as much as the one after it.

    Adam's iterates jitter around the minimum; their mean is cleaner. With a decay of 0 it is simply the last iterate.

    image: (1, 3, H, W), only for its shape. decay: from 0 to just under 1.
    """

    def __init__(self, image: Tensor, decay: float):
        self.decay, self.mean, self.count = decay, torch.zeros_like(image), 0

    @torch.no_grad()
    def update(self, image: Tensor) -> Tensor:
        """Adds an iterate (1, 3, H, W); returns the mean so far."""
        self.count += 1
        if not self.decay:
            return image.detach()
        self.mean = self.mean.lerp(image, 1 - self.decay)
        return self.mean / (1 - self.decay**self.count)  # the mean started at zero, as Adam's do

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next mean depends on."""
        return {"mean": self.mean, "count": self.count}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises ValueError if it is for an image of another size."""
        self.mean, self.count = fitting(state_dict["mean"], self.mean), int(state_dict["count"])
