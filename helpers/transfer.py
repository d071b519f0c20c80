"""Style transfer: gradient descent on the pixels of one image.

    for step in style_transfer(content, style, model):
        print(step)

Whoever drives this loop decides what to print, to plot, to save, and when to stop.
Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016 ([Gatys] below).
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.engine.checks import as_float_batch, check_loop, check_start, positive_rate
from helpers.engine.guards import guarded, in_our_modes
from helpers.engine.optimizers import LBFGS, STEPS, Adam, RunningMean, fitting, make_optimizer, outside
from helpers.engine.precision import chosen_precision
from helpers.engine.scales import MOST_SCALES, plan
from helpers.engine.state_files import fingerprinted, fitting_parts, read_state
from helpers.images import BLACK, WHITE, noise_like, resized
from helpers.losses import Weights
from helpers.manner import Manner
from helpers.objective import Objective, Terms
from helpers.tiles import TiledObjective
from helpers.vgg import CONTENT_LAYER, VGG19

Schedule, Rate = Callable[[int], Weights], float | Callable[[int], float]
StateDict = Mapping[str, Any]

ABRUPT = 1.5  # a weight that changes by more than this factor makes the loss another one to Adam
AVERAGE = 0.9  # the share that Adam's older iterates keep, at each step, in the image that is shown
WALL = 2.0  # how much it counts, with L-BFGS, that pixels lie beyond black or white, as a multiple of all weights
SETTLED = 0.4  # in full size the learning rate falls to this share, so that the image comes to rest
SETTLING_BETAS = 0.8, 0.95  # in full size; the moments from the coarser scale no longer describe this gradient

NO_IMAGE = torch.empty(1, 3, 0, 0)  # stands in for the image in a record of Steps, whose images would fill the memory


@dataclass(frozen=True)
class Step:
    """One iteration of the loop."""

    iteration: int  # 1 is the first
    image: Tensor  # (1, 3, H, W), after this iteration's update; yours to keep
    loss: float  # the total, measured before the update
    seconds: float = 0.0  # since the start
    # The terms of a style transfer before their weights; the style's is summed over its weighted layers.
    content: float = 0.0
    style: float = 0.0
    tv: float = 0.0
    layers: dict[str, float] = field(default_factory=dict)  # each style layer's own loss
    weights: Weights | None = None  # the weights in force
    learning_rate: float = 0.0  # the one in force, as given to the loop
    # Returns all that the next iteration depends on, to go on from; known for the last two iterations only.
    state_dict: Callable[[], StateDict] = field(default=dict, repr=False, compare=False)

    @property
    def weighted(self) -> dict[str, float]:
        """The parts of the total: content, style and tv, each times its weight."""
        w = self.weights
        return {"content": w.content * self.content, "style": w.style * self.style, "tv": w.tv * self.tv} if w else {}

    @property
    def noted(self) -> "Step":
        """The Step without its image and state, which would fill the memory: for the record of a run."""
        return replace(self, image=NO_IMAGE, state_dict=dict)

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value:.4g}" for name, value in self.weighted.items())
        return f"iteration {self.iteration:4}: total loss {self.loss:.4g}" + (f" ({parts})" if parts else "")


class Transfer:
    """The loop. Iterated over, it changes the pixels of an image so that its objective falls, and yields Steps.

    objective: (image, weights) -> Terms.
    image: (1, 3, H, W), where the loop begins. It stays as it is; the loop's own is `image`.
    weights: a Weights, or a function iteration -> Weights, asked anew at every iteration.
    steps: the last iteration. done: how many are over when it begins.
    settled: the share that the learning rate has fallen to in the last iteration. memory: L-BFGS's, in pairs.
    The others are `style_transfer`'s. Raises TeachingError for arguments that make no sense.
    """

    def __init__(
        self,
        objective: Callable[[Tensor, Weights], Terms],
        image: Tensor,
        weights: Weights | Schedule,
        *,
        steps: int,
        done: int = 0,
        optimizer: str = "adam",
        learning_rate: Rate | None = None,
        average: float = 0.0,
        betas: tuple[float, float] | None = None,
        settled: float = 1.0,
        memory: int = LBFGS.MEMORY,
    ):
        check_loop(steps, optimizer, average, betas)
        self.objective, self.settled, self.last_weights = objective, settled, None
        self.begin, self.iteration, self.steps = done, done, int(steps)
        self.image = image.detach().clone(memory_format=torch.contiguous_format)
        self.range = BLACK.to(image.device), WHITE.to(image.device)
        self.mean_image = self.image  # what a Step shows: the mean of the iterates
        self.mean = RunningMean(self.image, average)
        self.optimizer = make_optimizer(optimizer, self.image, betas, memory)
        rate = self.optimizer.LEARNING_RATE if learning_rate is None else learning_rate
        self.weights = weights if callable(weights) else lambda iteration: weights
        self.learning_rate = rate if callable(rate) else lambda iteration: rate
        self.states: tuple[StateDict, ...] = ()  # those after the last two iterations
        positive_rate(self.learning_rate(done + 1))  # nonsense is refused at once

    def __iter__(self) -> Iterator[Step]:
        black, white = self.range
        clamped = self.optimizer.CLAMPED
        began = time.perf_counter()
        for iteration in range(self.iteration + 1, self.steps + 1):
            self.states = self.states[-1:]  # now, so that the older one does not fill the memory meanwhile
            weights, rate = check_weights(self.weights(iteration)), positive_rate(self.learning_rate(iteration))
            terms, total, wall, gradient = self.evaluate(weights)
            losses = terms.numbers(weights, total)  # without the wall, which is no term of the paper's
            growth = largest_growth(self.last_weights, weights)
            if max(growth, largest_growth(weights, self.last_weights)) > (ABRUPT if clamped else 1.0):
                self.optimizer.forget(growth)
            settling = self.settled ** ((iteration - self.begin) / (self.steps - self.begin))
            with torch.no_grad():
                image = self.optimizer.step(self.image, losses["loss"] + wall.item(), gradient, rate * settling)
                self.image = image.clamp(black, white) if clamped else image  # colours that exist
                self.mean_image = self.mean.update(self.image).clamp(black, white)
            self.iteration, self.last_weights = iteration, weights
            self.states = *self.states, self._state()
            seconds = time.perf_counter() - began
            yield Step(iteration, self.mean_image, **losses, seconds=seconds, weights=weights, learning_rate=rate,
                       state_dict=partial(self.state_dict, iteration))  # fmt: skip

    def evaluate(self, weights: Weights) -> tuple[Terms, Tensor, Tensor, Tensor]:
        """The terms of the image as it is now, their total, the wall, and the gradient of both, (1, 3, H, W)."""
        # Grad mode belongs to the thread, and whoever drives the loop may have switched it off.
        with torch.enable_grad():
            image = self.image.detach().requires_grad_()
            terms = self.objective(image, weights)
            total = terms.total(weights)
            wall = torch.zeros((), device=image.device)
            if not self.optimizer.CLAMPED:
                wall = WALL * sum(weights.factors.values()) * outside(image, *self.range)
            (gradient,) = torch.autograd.grad(total + wall, image)
        return terms, total.detach(), wall.detach(), gradient

    def state_dict(self, iteration: int) -> StateDict:
        """All that the iteration after this one, which is one of the last two, depends on, apart from the arguments.

        Its tensors are the loop's own, which never changes one. So whatever interrupts an iteration, the state is that
        of a finished one. Raises KeyError for an earlier iteration.
        """
        return {state["iteration"]: state for state in self.states}[iteration]

    def _state(self) -> StateDict:
        w = self.last_weights
        return {
            "iteration": self.iteration,
            "pixels": self.image,
            "image": self.mean_image,
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "weights": {"content": w.content, "style": w.style, "tv": w.tv, "layers": dict(w.layers)} if w else {},
        }

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Goes on from such a state, as if there had been no end; raises TeachingError where its parts do not fit."""
        with fitting_parts():
            self.image = fitting(state_dict["pixels"], self.image)
            self.mean_image = fitting(state_dict["image"], self.image)
            self.mean.load_state_dict(state_dict["mean"])
            self.optimizer.load_state_dict(state_dict.get("optimizer", {}))
            self._continue(state_dict)

    def carry_over(self, state_dict: StateDict) -> None:
        """Takes over what the optimizer learned at another size of the image; not the image itself."""
        moments = self.optimizer.resized_state(state_dict["optimizer"], self.image.shape[2:])
        if moments:
            self.optimizer.load_state_dict(moments)
        self._continue(state_dict)

    def _continue(self, state_dict: StateDict) -> None:
        self.iteration, weights = int(state_dict["iteration"]), state_dict.get("weights")
        self.last_weights = Weights(**{"layers": {}, **weights}) if weights else None


def check_weights(weights: Any) -> Weights:
    """The weights; raises TeachingError for anything else, such as what a schedule returns that forgot to."""
    if not isinstance(weights, Weights):
        raise TeachingError(f"The weights are a Weights, or a function iteration -> Weights; got {weights!r}.")
    return weights


def largest_growth(before: Weights | None, now: Weights | None) -> float:
    """The largest factor by which a term's weight has grown (`Weights.factors`): 1 without change, infinite from 0."""
    if before is None or now is None or before == now:
        return 1.0
    pairs = [(before.factors.get(name, 0.0), factor) for name, factor in now.factors.items() if factor]
    return max((new / old if old else math.inf for old, new in pairs), default=1.0)


def style_transfer(
    content: Tensor,
    style: Tensor | Sequence[Tensor],
    model: VGG19,
    weights: Weights | Schedule | None = None,
    *,
    steps: int = 400,
    start: str | Tensor = "noise",
    optimizer: str = "adam",
    learning_rate: Rate | None = None,
    manner: Manner | None = None,
    content_layer: str = CONTENT_LAYER,
    relative: bool = True,
    average: float = 0.0,
    betas: tuple[float, float] | None = None,
    seed: int = 0,
    precision: str = "auto",
    tiled: bool = False,
    resume: StateDict | str | Path | None = None,
) -> Iterator[Step]:
    """Paints the content image in the style of the style image; yields a Step an iteration.

    content: (1, 3, H, W), ImageNet-normalised; the result has its size.
    style: (1, 3, H', W'), of any size; or several such images, which are mixed in their Gram matrices.
    manner: the painter's hand: shares of several styles, regions, colours, statistic (manner.py).
    weights: a Weights, or a function iteration -> Weights, asked anew at every iteration (a schedule, sliders).
    start: "noise" (as in the report, from `seed`), "content", "style", or an image tensor like content.
    optimizer: "adam", whose pixels are clamped to real colours, or "lbfgs", for which it costs to leave them: the
        mean square of what lies outside, times WALL, is part of the loss, and pixels are clipped when shown.
    learning_rate: a number above 0, or a function iteration -> number; None means the optimizer's LEARNING_RATE.
    relative: the relative losses; False gives the report's own, which want other weights (losses.py).
    average: the share, from 0 to just under 1, that the older iterates keep in Step.image; 0 shows the plain iterate.
    betas: the two shares that Adam's running means keep at each step; None means Adam.BETAS. L-BFGS has none.
    precision: in which the network computes: "float32", "bfloat16", or "auto", the faster of them on this machine.
        Losses and pixels are float32 always.
    tiled: computes the objective in tiles (tiles.py), which takes a third of the memory and gives the same gradient, up
        to rounding; L-BFGS then keeps 3 pairs instead of 10. The statistic "sliced" cannot be had in tiles.
    resume: an earlier run's Step.state_dict(), or the path of a checkpoint with it, to go on from there as if that run
        had not ended, up to iteration `steps`. The other arguments have to be that run's.
    Raises, at the first step, TeachingError for arguments that make no sense; later DivergedError, with the last image.
    The same arguments on the same machine give the same picture, bit for bit.
    """
    return coarse_to_fine(
        content, style, model, weights, steps=steps, start=start, optimizer=optimizer, learning_rate=learning_rate,
        average=average, scales=1, resume=resume, manner=manner, content_layer=content_layer, relative=relative,
        betas=betas, seed=seed, precision=precision, tiled=tiled,
    )  # fmt: skip


@in_our_modes
def coarse_to_fine(
    content: Tensor,
    style: Tensor | Sequence[Tensor],
    model: VGG19,
    weights: Weights | Schedule | None = None,
    *,
    steps: int | None = None,
    start: str | Tensor = "noise",
    optimizer: str = "lbfgs",
    learning_rate: Rate | None = None,
    average: float | None = None,
    scales: int = MOST_SCALES,
    begin: int = 0,
    resume: StateDict | str | Path | None = None,
    manner: Manner | None = None,
    content_layer: str = CONTENT_LAYER,
    relative: bool = True,
    betas: tuple[float, float] | None = None,
    seed: int = 0,
    precision: str = "auto",
    tiled: bool = False,
) -> Iterator[Step]:
    """`style_transfer` at a quarter of the size, then half, then in full, each scale started from the one before.

    Most of the iterations happen where they are cheap, and large shapes are settled before fine strokes: Gatys et al.,
    "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, section 6. What goes from a scale to the next
    is how the image differs from the photograph, whose fine detail is then there from the beginning. Step.image has the
    size of its scale; iterations count through. Adam's moments go along; in the last scale its learning rate falls to
    SETTLED of what was asked, and its betas are SETTLING_BETAS. The arguments are `style_transfer`'s, but for these:

    steps: over all scales; None means the optimizer's STEPS.
    average: None means AVERAGE for Adam, whose iterates jitter, and 0 for L-BFGS.
    scales: how many sizes at most; 1 paints in full size alone.
    begin: how many of the iterations are done already; `start` is then the image that they led to.
    """
    steps = STEPS.get(str(optimizer), 0) if steps is None else steps
    average = (AVERAGE if optimizer == "adam" else 0.0) if average is None else average
    check_loop(steps, optimizer, average, betas)
    device = next(model.parameters()).device
    content = as_float_batch(content, "content").to(device)
    styles = [as_float_batch(x, "style").to(device) for x in (style if isinstance(style, list | tuple) else [style])]
    manner = (manner or Manner()).checked(content, len(styles))
    adam = optimizer == "adam"
    dtype = chosen_precision(precision, device)
    everything = content, *styles, *(style for _, style in manner.regions)
    planned = plan(min(side for x in everything for side in x.shape[2:]), steps, scales, optimizer)
    several = len(planned) > 1
    identity = {"pooling": model.pooling, "content_layer": content_layer, "relative": relative, "precision": str(dtype),
             "optimizer": optimizer, "betas": list(betas or Adam.BETAS) if adam else None, "average": average,
             "scales": scales, "steps": steps if several else None, **manner.identity}  # fmt: skip
    arguments = fingerprinted(identity, content=[content], style=everything[1:], masks=manner.masks,
                              network=[*model.parameters()])  # fmt: skip
    state = read_state(resume, arguments)
    objective = TiledObjective if tiled else Objective
    done, image, seconds = state.get("iteration", begin), state.get("image", start), 0.0
    for divisor, first, last in planned:
        if last <= done:
            continue
        small, *small_styles = (resized(x, [round(side / divisor) for side in x.shape[2:]]) for x in (content, *styles))
        resumes = bool(state) and done > first  # in the middle of this scale, whose image the state holds
        if resumes:
            image = small
        elif several and isinstance(image, Tensor) and image.shape != small.shape:
            image = small + resized(image.to(device) - resized(content, image.shape[2:]), small.shape[2:])
        settling = {"settled": SETTLED, "betas": SETTLING_BETAS} if several and adam and divisor == 1 else {}
        hand = manner.smaller(small, divisor)
        small_styles = [hand.style_seen(x, small) for x in small_styles]
        transfer = Transfer(
            objective(small, small_styles, model, content_layer, relative, dtype, hand),
            hand.seen(_start(image, small, small_styles[0], seed)),
            Weights() if weights is None else weights, steps=last, done=first, optimizer=optimizer,
            learning_rate=learning_rate, average=average,
            memory=min(LBFGS.MEMORY, LBFGS.SHORT_MEMORY * divisor**2) if tiled else LBFGS.MEMORY,
            **settling | ({"betas": betas} if betas else {}),
        )  # fmt: skip
        transfer.iteration = max(first, done)
        if resumes:
            transfer.load_state_dict(state)
        elif state:
            transfer.carry_over(state)
        state = {}  # or the other scale's pairs would stay in the memory
        began = seconds
        for step in guarded(transfer, transfer.mean_image):
            seconds, image = began + step.seconds, hand.shown(step.image, small)
            yield replace(step, image=image, seconds=seconds,
                          state_dict=lambda s=step, i=image: {**s.state_dict(), "image": i, "arguments": arguments(),
                                                       "tiled": tiled},
                          )  # fmt: skip
        done, image, state = last, hand.shown(transfer.mean_image, small), transfer.state_dict(last)


def _start(start: str | Tensor, content: Tensor, style: Tensor, seed: int) -> Tensor:
    """Where the image begins, in the content's size."""
    if check_start(start, content):
        return start.view_as(content).to(content.device)
    starts = {"noise": lambda: noise_like(content, seed), "style": lambda: resized(style, content.shape[2:])}
    return content if start == "content" else starts[start]()
