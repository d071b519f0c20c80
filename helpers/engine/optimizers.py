"""How the image follows its gradient: Adam, written out, and torch's L-BFGS.

Both change an image in place, and both hand over their state as torch's own optimizers do, by `state_dict` and
`load_state_dict`, so that a run can go on later as if nothing had happened.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

# 1 / STD: the range from black to white in normalised values.
BLACK_TO_WHITE = 4.4

# () -> the loss and its gradient, a scalar and (1, 3, H, W), for the image as it is now.
Evaluate = Callable[[], tuple[Tensor, Tensor]]


class Adam:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015 (arXiv:1412.6980), algorithm 1.

    The same as torch.optim.Adam, whose first use costs a second and 150 MB for what it brings along. The shorter memory
    of the squares (0.99 instead of 0.999) follows the loss, which changes quickly.

    image: (1, 3, H, W), changed in place.
    betas: the shares, from 0 to just under 1, that the means of the gradient and of its square keep at each step.
    """

    LEARNING_RATE = 0.05  # as a share of the range from black to white
    BETAS = 0.9, 0.99
    EPSILON = 1e-8
    CAUTION = 10.0  # the most that gradients are expected to grow, when the loss becomes another one
    CLAMPED = True  # after a step the pixels may be brought back into the range of colours

    def __init__(self, image: Tensor, betas: Sequence[float] = BETAS):
        self.image, self.betas = image, betas
        self.momentum = torch.zeros_like(image)  # the running mean of the gradients
        self.square = torch.zeros_like(image)  # and of their squares
        self.steps = 0

    @torch.no_grad()
    def step(self, loss: Tensor, gradient: Tensor, learning_rate: float, evaluate: Evaluate) -> None:
        """One update of the image from its loss and gradient; `evaluate` is for optimizers that search along a line."""
        self.steps += 1
        self.momentum.lerp_(gradient, 1 - self.betas[0])
        self.square.lerp_(gradient.square(), 1 - self.betas[1])
        # Both means began at zero, and are too small by these factors.
        grown = [1 - beta**self.steps for beta in self.betas]
        spread = (self.square / grown[1]).sqrt_().add_(self.EPSILON)
        self.image.addcdiv_(self.momentum, spread, value=-(BLACK_TO_WHITE * learning_rate) / grown[0])

    def forget(self, growth: float) -> None:
        """The loss has become another one: drops the direction, and expects gradients `growth` times as large.

        With the old squares the first steps would overshoot; with none at all each would move every pixel by a whole
        learning rate. The squares soon follow the new gradients.
        """
        self.momentum.zero_()
        self.square.mul_(min(max(growth, 1.0), self.CAUTION) ** 2)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that the next step depends on, apart from the image."""
        return {"momentum": self.momentum.clone(), "square": self.square.clone(), "steps": self.steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from such a state; raises ValueError for one of another image's size."""
        if any(state_dict[name].shape != self.image.shape for name in ("momentum", "square")):
            raise ValueError("The state is of an image of another size.")
        self.momentum.copy_(state_dict["momentum"])
        self.square.copy_(state_dict["square"])
        self.steps = int(state_dict["steps"])

    @staticmethod
    def resized_state(state_dict: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """The state for the same image at another (height, width).

        Where the sides double, four pixels share what was one pixel's gradient.
        """
        share = state_dict["momentum"][0, 0].numel() / (size[0] * size[1])
        momentum, square = (
            interpolate(state_dict[name], size=tuple(size), mode="bilinear") for name in ("momentum", "square")
        )
        return {"momentum": momentum * share, "square": square * share**2, "steps": state_dict["steps"]}


class LBFGS:
    """Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989, by torch.optim.

    With a line search that satisfies the strong Wolfe conditions, and a memory of 20 iterations.

    image: (1, 3, H, W), changed in place.
    """

    LEARNING_RATE = 1.0  # the first step that the line search tries, as a share of the full step
    MEMORY = 20
    CLAMPED = False  # moving the pixels would falsify its idea of the curvature
    # What torch keeps, by its names there.
    LISTS = "old_dirs", "old_stps", "ro"
    TENSORS = "d", "prev_flat_grad"
    VECTORS = "d", "prev_flat_grad", "old_dirs", "old_stps"  # as long as there are values in the image
    NUMBERS = "func_evals", "n_iter", "t", "H_diag", "prev_loss"

    def __init__(self, image: Tensor):
        self.image = image
        self.forget(1.0)

    def step(self, loss: Tensor, gradient: Tensor, learning_rate: float, evaluate: Evaluate) -> None:
        """One iteration, of up to four evaluations of the loss, the first of which is `loss` and `gradient`."""
        first = [(loss, gradient)]

        def closure() -> Tensor:
            loss, gradient = first.pop() if first else evaluate()
            self.image.grad = gradient.contiguous()  # torch.optim reads it as one row of numbers
            return loss

        self.descent.param_groups[0]["lr"] = learning_rate
        self.descent.step(closure)

    def forget(self, growth: float) -> None:
        """The loss has become another one, of another curvature: begins anew."""
        self.descent = torch.optim.LBFGS(
            [self.image], max_iter=1, max_eval=4, history_size=self.MEMORY, line_search_fn="strong_wolfe"
        )

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that the next step depends on, apart from the image."""
        kept = self.descent.state[self.image]
        lists = {name: torch.stack(kept[name]) for name in self.LISTS if kept.get(name)}
        tensors = {name: kept[name].clone() for name in self.TENSORS if name in kept}
        return {**lists, **tensors, **{name: float(kept[name]) for name in self.NUMBERS if name in kept}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from such a state; raises ValueError for one of another image's size."""
        vectors = [state_dict[name] for name in self.VECTORS if name in state_dict]
        if any(vector.shape[-1:] != (self.image.numel(),) for vector in vectors):
            raise ValueError("The state is of an image of another size.")
        kept = self.descent.state[self.image]
        kept.update({name: list(state_dict[name].clone()) if name in state_dict else [] for name in self.LISTS})
        kept.update({name: state_dict[name].clone() for name in self.TENSORS if name in state_dict})
        kept.update({name: float(state_dict[name]) for name in self.NUMBERS if name in state_dict})

    @staticmethod
    def resized_state(state_dict: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """The state for the same image at another size: none, for the curvature there is another."""
        return {}


OPTIMIZERS = {"adam": Adam, "lbfgs": LBFGS}


def make_optimizer(name: str, image: Tensor, betas: Sequence[float] | None = None) -> Adam | LBFGS:
    """The optimizer of an image (1, 3, H, W); betas are Adam's."""
    return Adam(image, betas or Adam.BETAS) if name == "adam" else LBFGS(image)


class RunningMean:
    """The mean of the iterates, each older one counting `decay` times as much as the next.

    Adam's steps jitter around the minimum, and their mean is cleaner. With a decay of 0 it is the iterate itself.
    """

    def __init__(self, image: Tensor, decay: float):
        self.decay, self.mean, self.count = decay, torch.zeros_like(image), 0

    @torch.no_grad()
    def update(self, image: Tensor) -> Tensor:
        """Takes in an iterate (1, 3, H, W); returns the mean so far, as a tensor of its own."""
        self.count += 1
        if not self.decay:
            return image.detach().clone()
        self.mean.lerp_(image, 1 - self.decay)
        return self.mean / (1 - self.decay**self.count)  # the mean began at zero, as Adam's do

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that the next mean depends on."""
        return {"mean": self.mean.clone(), "count": self.count}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from such a state; raises ValueError for one of another image's size."""
        if state_dict["mean"].shape != self.mean.shape:
            raise ValueError("The state is of an image of another size.")
        self.mean.copy_(state_dict["mean"])
        self.count = int(state_dict["count"])
