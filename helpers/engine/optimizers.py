"""The optimizers that update the image from its gradient: Adam, written out, and torch's L-BFGS.

Both change the image in place. Like torch's own optimizers, both have `state_dict` and `load_state_dict`, so that a run
can go on later as if it had never stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

# About 1 / STD, the range from black to white in normalised values.
BLACK_TO_WHITE = 4.4

# () -> (loss, gradient), a scalar and (1, 3, H, W), for the image as it is now.
Evaluate = Callable[[], tuple[Tensor, Tensor]]


class Adam:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015 (arXiv:1412.6980), algorithm 1.

    The same update as torch.optim.Adam, whose first use costs a second and 150 MB for the modules that it imports. The
    running mean of the squares has a shorter memory (0.99 instead of 0.999), because the gradients change quickly.

    image: (1, 3, H, W), changed in place.
    betas: the decay rates, each from 0 to just under 1, of the running means of the gradient and of its square.
    """

    LEARNING_RATE = 0.05  # as a share of the range from black to white
    BETAS = 0.9, 0.99
    EPSILON = 1e-8
    CAUTION = 10.0  # the largest growth of the gradients that `forget` allows for
    CLAMPED = True  # after a step the pixels may be clamped to the range of colours

    def __init__(self, image: Tensor, betas: Sequence[float] = BETAS):
        self.image, self.betas = image, betas
        self.momentum = torch.zeros_like(image)  # the running mean of the gradients
        self.square = torch.zeros_like(image)  # and of their squares
        self.steps = 0

    @torch.no_grad()
    def step(self, loss: Tensor, gradient: Tensor, learning_rate: float, evaluate: Evaluate) -> None:
        """One update of the image, from the gradient (1, 3, H, W); `loss` and `evaluate` are only for line searches."""
        self.steps += 1
        self.momentum.lerp_(gradient, 1 - self.betas[0])
        self.square.lerp_(gradient.square(), 1 - self.betas[1])
        # Both means started at zero, so they are too small by these factors (bias correction).
        corrections = [1 - beta**self.steps for beta in self.betas]
        spread = (self.square / corrections[1]).sqrt_().add_(self.EPSILON)
        self.image.addcdiv_(self.momentum, spread, value=-(BLACK_TO_WHITE * learning_rate) / corrections[0])

    def forget(self, growth: float) -> None:
        """Call it when the loss function has changed: drops the momentum, and expects `growth` times larger gradients.

        With the old squares the next steps would overshoot; with squares of zero, each of them would move every pixel
        by a whole learning rate. The squares soon adapt to the new gradients. `Transfer` decides when to call it.
        """
        self.momentum.zero_()
        self.square.mul_(min(max(growth, 1.0), self.CAUTION) ** 2)

    def state_dict(self) -> dict[str, Any]:
        """Copies of everything that the next step depends on, except the image."""
        return {"momentum": self.momentum.clone(), "square": self.square.clone(), "steps": self.steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises ValueError if it is for an image of another size."""
        if any(state_dict[name].shape != self.image.shape for name in ("momentum", "square")):
            raise ValueError("The state is of an image of another size.")
        self.momentum.copy_(state_dict["momentum"])
        self.square.copy_(state_dict["square"])
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
    """Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989, from torch.optim.

    With a line search that satisfies the strong Wolfe conditions, and a history of 20 iterations.

    image: (1, 3, H, W), changed in place.
    """

    LEARNING_RATE = 1.0  # the first step that the line search tries, as a share of the full step
    MEMORY = 20
    CLAMPED = False  # clamping the pixels would falsify its estimate of the curvature
    # The parts of torch's own state, under torch's names.
    LISTS = "old_dirs", "old_stps", "ro"
    TENSORS = "d", "prev_flat_grad"
    VECTORS = "d", "prev_flat_grad", "old_dirs", "old_stps"  # their last axis has an entry for each value of the image
    NUMBERS = "func_evals", "n_iter", "t", "H_diag", "prev_loss"

    def __init__(self, image: Tensor):
        self.image = image
        self.forget(1.0)

    def step(self, loss: Tensor, gradient: Tensor, learning_rate: float, evaluate: Evaluate) -> None:
        """One iteration: a few evaluations of the loss, of which `loss` and `gradient` are the first."""
        first = [(loss, gradient)]

        def closure() -> Tensor:
            loss, gradient = first.pop() if first else evaluate()
            self.image.grad = gradient.contiguous()  # torch.optim flattens it with view(-1)
            return loss

        self.descent.param_groups[0]["lr"] = learning_rate
        self.descent.step(closure)

    def forget(self, growth: float) -> None:
        """Call it when the loss function has changed, and with it the curvature: empties the history."""
        self.descent = torch.optim.LBFGS(
            [self.image], max_iter=1, max_eval=4, history_size=self.MEMORY, line_search_fn="strong_wolfe"
        )

    def state_dict(self) -> dict[str, Any]:
        """Copies of everything that the next step depends on, except the image."""
        history = self.descent.state[self.image]
        lists = {name: torch.stack(history[name]) for name in self.LISTS if history.get(name)}
        tensors = {name: history[name].clone() for name in self.TENSORS if name in history}
        return {**lists, **tensors, **{name: float(history[name]) for name in self.NUMBERS if name in history}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises ValueError if it is for an image of another size."""
        vectors = [state_dict[name] for name in self.VECTORS if name in state_dict]
        if any(vector.shape[-1:] != (self.image.numel(),) for vector in vectors):
            raise ValueError("The state is of an image of another size.")
        history = self.descent.state[self.image]
        history.update({name: list(state_dict[name].clone()) if name in state_dict else [] for name in self.LISTS})
        history.update({name: state_dict[name].clone() for name in self.TENSORS if name in state_dict})
        history.update({name: float(state_dict[name]) for name in self.NUMBERS if name in state_dict})

    @staticmethod
    def resized_state(state_dict: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """Always empty: at another size the curvature is different, so nothing carries over."""
        return {}


OPTIMIZERS = {"adam": Adam, "lbfgs": LBFGS}


def make_optimizer(name: str, image: Tensor, betas: Sequence[float] | None = None) -> Adam | LBFGS:
    """The optimizer, "adam" or "lbfgs", for an image (1, 3, H, W); only Adam has betas."""
    return Adam(image, betas or Adam.BETAS) if name == "adam" else LBFGS(image)


class RunningMean:
    """The exponential moving average of the iterates: each counts `decay` times as much as the one after it.

    Adam's iterates jitter around the minimum; their mean is cleaner. With a decay of 0 it is simply the last iterate.

    image: (1, 3, H, W), only for its shape. decay: from 0 to just under 1.
    """

    def __init__(self, image: Tensor, decay: float):
        self.decay, self.mean, self.count = decay, torch.zeros_like(image), 0

    @torch.no_grad()
    def update(self, image: Tensor) -> Tensor:
        """Adds an iterate (1, 3, H, W); returns the mean so far, as a new tensor."""
        self.count += 1
        if not self.decay:
            return image.detach().clone()
        self.mean.lerp_(image, 1 - self.decay)
        return self.mean / (1 - self.decay**self.count)  # the mean started at zero, as Adam's do

    def state_dict(self) -> dict[str, Any]:
        """Copies of everything that the next mean depends on."""
        return {"mean": self.mean.clone(), "count": self.count}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; raises ValueError if it is for an image of another size."""
        if state_dict["mean"].shape != self.mean.shape:
            raise ValueError("The state is of an image of another size.")
        self.mean.copy_(state_dict["mean"])
        self.count = int(state_dict["count"])
