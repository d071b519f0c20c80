"""How the pixels follow the gradient: Adam, written out, and torch's L-BFGS.

Both change `pixels` in place, and both can hand over their whole state as named tensors, so that a run can go on later
as if nothing had happened.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

LossFn = Callable[[Tensor], Tensor]


class Adam:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015 (arXiv:1412.6980), algorithm 1.

    The same as torch.optim.Adam, whose first use costs a second and 150 MB for what it brings along. The shorter memory
    of the squares (0.99 instead of 0.999) follows the loss, which changes quickly.

    betas: the shares, from 0 to just under 1, that the means of the gradient and of its square keep at each step.
    """

    BETAS = 0.9, 0.99
    EPSILON = 1e-8

    def __init__(self, pixels: Tensor, betas: Sequence[float] = BETAS):
        self.pixels = pixels
        self.betas = betas
        self.momentum = torch.zeros_like(pixels)  # the running mean of the gradients
        self.square = torch.zeros_like(pixels)  # and of their squares
        self.steps = 0

    def step(self, loss_fn: LossFn, rate: float) -> Tensor:
        """One update of the pixels; returns the loss before it."""
        loss = loss_fn(self.pixels)
        (gradient,) = torch.autograd.grad(loss, self.pixels)
        self.steps += 1
        with torch.no_grad():
            self.momentum.lerp_(gradient, 1 - self.betas[0])
            self.square.lerp_(gradient.square(), 1 - self.betas[1])
            # Both means began at zero, and are too small by these factors.
            grown = [1 - beta**self.steps for beta in self.betas]
            spread = (self.square / grown[1]).sqrt_().add_(self.EPSILON)
            self.pixels.addcdiv_(self.momentum, spread, value=-rate / grown[0])
        return loss.detach()

    def state(self) -> dict[str, Tensor]:
        """Copies of all that the next step depends on, but for the pixels."""
        return {"momentum": self.momentum.clone(), "square": self.square.clone(), "steps": torch.tensor(self.steps)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Goes on from such a state; raises ValueError for one of another picture's size."""
        if any(state[name].shape != self.pixels.shape for name in ("momentum", "square")):
            raise ValueError("The state is of a picture of another size.")
        self.momentum.copy_(state["momentum"])
        self.square.copy_(state["square"])
        self.steps = int(state["steps"])

    @staticmethod
    def enlarged(state: dict[str, Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """The state for a picture of another (height, width).

        Where the sides double, four pixels share what was one pixel's gradient.
        """
        share = state["momentum"][0, 0].numel() / (size[0] * size[1])
        momentum, square = (
            interpolate(state[name], size=tuple(size), mode="bilinear") for name in ("momentum", "square")
        )
        return {"momentum": momentum * share, "square": square * share**2, "steps": state["steps"]}


class LBFGS:
    """Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989, by torch.optim.

    With a line search that satisfies the strong Wolfe conditions, and a memory of 20 iterations.
    """

    MEMORY = 20
    # What torch keeps, by its names there.
    LISTS = "old_dirs", "old_stps", "ro"
    TENSORS = "d", "prev_flat_grad"
    VECTORS = "d", "prev_flat_grad", "old_dirs", "old_stps"  # as long as there are values in the picture
    NUMBERS = "func_evals", "n_iter", "t", "H_diag", "prev_loss"

    def __init__(self, pixels: Tensor):
        self.pixels = pixels
        self.descent = torch.optim.LBFGS(
            [pixels], max_iter=1, max_eval=4, history_size=self.MEMORY, line_search_fn="strong_wolfe"
        )

    def step(self, loss_fn: LossFn, rate: float) -> Tensor:
        """One iteration, of up to four evaluations of the loss; returns the loss before it."""

        def closure() -> Tensor:
            loss = loss_fn(self.pixels)
            (gradient,) = torch.autograd.grad(loss, self.pixels)
            self.pixels.grad = gradient.contiguous()  # torch.optim reads it as one row of numbers
            return loss

        self.descent.param_groups[0]["lr"] = rate
        return self.descent.step(closure).detach()

    def state(self) -> dict[str, Tensor]:
        """Copies of all that the next step depends on, but for the pixels."""
        kept = self.descent.state[self.pixels]
        lists = {name: torch.stack(kept[name]) for name in self.LISTS if kept.get(name)}
        tensors = {name: kept[name].clone() for name in self.TENSORS if name in kept}
        numbers = {name: torch.tensor(float(kept[name]), dtype=torch.float64) for name in self.NUMBERS if name in kept}
        return {**lists, **tensors, **numbers}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Goes on from such a state; raises ValueError for one of another picture's size."""
        if any(state[name].shape[-1:] != (self.pixels.numel(),) for name in self.VECTORS if name in state):
            raise ValueError("The state is of a picture of another size.")
        kept = self.descent.state[self.pixels]
        kept.update({name: list(state[name].clone()) if name in state else [] for name in self.LISTS})
        kept.update({name: state[name].clone() for name in self.TENSORS if name in state})
        kept.update({name: state[name].item() for name in self.NUMBERS if name in state})

    @staticmethod
    def enlarged(state: dict[str, Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """The state for a picture of another size: none, for the curvature there is another."""
        return {}


OPTIMIZERS = {"adam": Adam, "lbfgs": LBFGS}
