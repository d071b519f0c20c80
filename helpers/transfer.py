"""Style transfer: gradient descent on the pixels of one image.

    for step in style_transfer(content, style, model):
        print(step)

The loop is a generator, so that whoever drives it decides what to print, to plot, to save and when to stop.
Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from helpers import heap
from helpers.checkpoint import State, digest, load_checkpoint
from helpers.errors import TeachingError
from helpers.images import MEAN, STD, as_batch, noise_like
from helpers.losses import Weights, content_loss, gram_matrix, style_loss, total_variation_loss
from helpers.optimizers import OPTIMIZERS, Adam
from helpers.vgg import CONTENT_LAYER, VGG19, fast_precision, get_features

Schedule = Callable[[int], Weights]
Rate = float | Callable[[int], float]
Resume = State | str | Path | None

# A loss this many times its first value is not coming back.
EXPLODED = 1e8

# Adam's is a share of the range from black to white.
LEARNING_RATES = {"adam": 0.05, "lbfgs": 1.0}

NO_IMAGE = torch.empty(1, 3, 0, 0)  # an image's place in a kept Step: those of a whole run would fill the memory

PRECISIONS = ("auto", "float32", "bfloat16")

# coarse_to_fine: shares of the iterations in full size, half, a quarter, an eighth. Four at half the size cost as much
# as one in full.
SHARES = (3, 6, 8, 8)
# In full size the learning rate falls to this share, so that what jitters comes to rest, and Adam forgets sooner: what
# it brings along from the scale before is not of this one.
SETTLED = 0.4
SETTLING_BETAS = 0.8, 0.95
COARSEST = 150  # pixels on the long side: below, nothing of the content's shapes is left in conv4_2


@dataclass(frozen=True)
class Step:
    """One iteration of the loop."""

    iteration: int  # 1 is the first
    image: Tensor  # (1, 3, H, W), after this iteration's update; yours to keep
    loss: float  # what was minimised, measured before the update
    seconds: float  # since the start
    # The terms of a style transfer before their weights; the style's is summed over its weighted layers.
    content: float = 0.0
    style: float = 0.0
    tv: float = 0.0
    layers: dict[str, float] = field(default_factory=dict)  # each style layer's own loss
    weights: Weights | None = None  # the weights in force
    learning_rate: float = 0.0  # the one in force, as given to the loop
    # Copies of all that the next iteration depends on, to go on from later (checkpoint.py). To be asked for before the
    # next step is.
    state: Callable[[], State] = field(default=State, repr=False, compare=False)

    @property
    def weighted(self) -> dict[str, float]:
        """The parts of the total: content, style and tv, each times its weight."""
        w = self.weights
        return {"content": w.content * self.content, "style": w.style * self.style, "tv": w.tv * self.tv} if w else {}

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value:.4g}" for name, value in self.weighted.items())
        return f"iteration {self.iteration:4}: total loss {self.loss:.4g}" + (f" ({parts})" if parts else "")


class DivergedError(TeachingError):
    """The loss became NaN or infinite, or exploded. `image` is the last good image, (1, 3, H, W)."""

    def __init__(self, message: str, image: Tensor):
        super().__init__(message)
        self.image = image


def optimise_image(
    image: Tensor,
    loss_fn: Callable[[Tensor, int], Tensor],
    steps: int = 400,
    optimizer: str = "adam",
    learning_rate: Rate | None = None,
    average: float = 0.0,
    betas: tuple[float, float] = Adam.BETAS,
    resume: Resume = None,
) -> Iterator[Step]:
    """Changes the pixels of an image (1, 3, H, W) so that loss_fn(image, iteration) falls; yields a Step an iteration.

    loss_fn: returns a scalar that depends on the image. Iterations count from 1.
    optimizer: "adam" (Kingma and Ba, 2015; after each step the pixels are brought back into the range of real colours)
        or "lbfgs" (Liu and Nocedal, 1989, with a strong Wolfe line search; pixels outside the range are left to it,
        because moving them would falsify its idea of the curvature, and are clipped only when the image is shown).
    learning_rate: None means 0.05 of the range from black to white for Adam, 1 for L-BFGS. Or a function iteration ->
        learning rate, asked anew at every iteration.
    average: Adam's steps jitter around the minimum; with 0.9, say, Step.image is the running mean of the iterates (each
        older one counting 0.9 times as much as the next), which is cleaner. 0 is the plain iterate.
    betas: the shares, from 0 to just under 1, that Adam's running means of the gradient and of its square keep at each
        step; L-BFGS has none.
    resume: an earlier run's Step.state(), or the path of a checkpoint with it, to go on from there as if that run had
        not ended, up to iteration `steps`. The other arguments have to be that run's.

    Raises DivergedError, with the last good image, and TeachingError for arguments that make no sense.
    """
    _check(steps, optimizer)
    if learning_rate is None:
        learning_rate = LEARNING_RATES[optimizer]
    rates = learning_rate if callable(learning_rate) else lambda _: learning_rate
    _checked_rate(rates(1))
    if not _is_share(average):
        raise TeachingError(f"average must be from 0 (off) to just under 1; got {average!r}.")
    if not isinstance(betas, tuple) or len(betas) != 2 or not all(map(_is_share, betas)):
        raise TeachingError(f"betas are two numbers from 0 to just under 1, such as {Adam.BETAS}; got {betas!r}.")
    return heap.kept(_optimise(as_batch(image), loss_fn, steps, optimizer, rates, average, betas, resumed(resume)))


def resumed(resume: Resume) -> State:
    """The state to go on from; an empty one means from the beginning."""
    return load_checkpoint(resume)[0] if isinstance(resume, str | Path) else resume or State()


def _optimise(image, loss_fn, steps, optimizer, rates, average, betas, resume) -> Iterator[Step]:
    black, white = ((value - MEAN.to(image.device)) / STD.to(image.device) for value in (0, 1))
    adam = optimizer == "adam"
    own = {"betas": list(betas)} if adam else {}
    made_with = {"optimizer": optimizer, **own, "average": average, "size": [image.shape[3], image.shape[2]]}
    resume.check(made_with)
    before = {name: tensor.to(image.device) for name, tensor in resume.tensors.items()}
    pixels = before.get("pixels", image).detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    mean = before.get("mean", torch.zeros_like(image)).clone()
    descent = OPTIMIZERS[optimizer](pixels, **own)
    try:
        done, first = int(before.get("iteration", 0)), float(before.get("first", 0)) or None
        if any(tensor.shape != image.shape or tensor.dtype != image.dtype for tensor in (pixels, mean)):
            raise ValueError
        if before:
            descent.restore(before)
    except (KeyError, RuntimeError, ValueError):
        raise TeachingError("The checkpoint is damaged: its parts do not fit together. Start the run anew.") from None
    scale = 4.4 if adam else 1.0  # black to white is about 4.4 in normalised values
    last_good = image.detach()
    began = time.perf_counter()

    for iteration in range(done + 1, steps + 1):
        learning_rate = _checked_rate(rates(iteration))
        rate = scale * learning_rate
        # Grad mode belongs to the thread, and whoever drives this generator may have switched it off.
        with torch.enable_grad(), memory_for(image):
            loss = descent.step(lambda image, iteration=iteration: loss_fn(image, iteration), rate).item()
        with torch.no_grad():
            if adam:
                pixels.clamp_(black, white)
            first = loss if first is None else first
            if not (abs(loss) <= EXPLODED * max(abs(first), 1)) or not pixels.isfinite().all():
                raise DivergedError(_diagnosis(iteration, loss, rate, adam), last_good)
            if average:
                mean.lerp_(pixels, 1 - average)
                last_good = mean / (1 - average**iteration)  # the first steps' mean starts from zero, as in Adam
            else:
                last_good = pixels.detach().clone()

        def state(iteration=iteration, first=first, image=last_good) -> State:
            numbers = {"iteration": torch.tensor(iteration), "first": torch.tensor(first, dtype=torch.float64)}
            images = {"pixels": pixels.detach().clone(), "mean": mean.clone(), "image": image}
            return State(iteration, {**numbers, **images, **descent.state()}, made_with)

        yield Step(iteration, last_good, loss, time.perf_counter() - began, learning_rate=learning_rate, state=state)


@contextmanager
def memory_for(image: Tensor) -> Iterator[None]:
    """Raises TeachingError, with a size to try, where the memory of a GPU or of the machine is not enough."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        height, width = image.shape[2:]
        smaller = f"{round(0.7 * width)} x {round(0.7 * height)}"
        reason = str(error).splitlines()[0] if str(error) else "out of memory"
    else:
        return
    # Raised out here, where the failed computation is no longer referred to and its memory is free again.
    raise TeachingError(
        f"The memory was not enough for a picture of {width} x {height} pixels ({reason}). Half the memory is enough "
        f"for {smaller}; also close what else uses it."
    )


def style_transfer(
    content: Tensor,
    style: Tensor,
    model: VGG19,
    weights: Weights | Schedule | None = None,
    *,
    steps: int = 400,
    start: str | Tensor = "noise",
    optimizer: str = "adam",
    learning_rate: Rate | None = None,
    content_layer: str = CONTENT_LAYER,
    relative: bool = True,
    average: float = 0.0,
    betas: tuple[float, float] = Adam.BETAS,
    seed: int = 0,
    precision: str = "auto",
    resume: Resume = None,
) -> Iterator[Step]:
    """Paints the content image in the style of the style image; yields a Step an iteration.

    content: (1, 3, H, W), ImageNet-normalised; the result has its size. style: (1, 3, H', W'), of any size.
    weights: a Weights, or a function iteration -> Weights, asked anew at every iteration (a schedule, sliders).
    start: "noise" (as in the report, from `seed`), "content", "style", or an image tensor like content.
    relative: the relative losses; False gives the report's own, which want other weights (losses.py).
    precision: in which the network computes: "float32", "bfloat16", or "auto", the faster of them on this machine.
        Losses and pixels are float32 always, and with L-BFGS, whose line search needs exact losses, so is the network.
    The others are `optimise_image`'s. The same arguments on the same machine give the same picture, bit for bit.
    """
    device = next(model.parameters()).device
    content, style = (_picture(image, name).to(device) for image, name in ((content, "content"), (style, "style")))
    schedule = weights if callable(weights) else lambda _: weights or Weights()
    number = _precision(precision, device) if optimizer == "adam" else torch.float32

    @cache
    def made_with() -> dict[str, str]:
        exactly = {"content": [content], "style": [style], "network": model.parameters()}
        of_its_own = {"content_layer": content_layer, "relative": str(relative), "precision": str(number)}
        return {**{name: digest(tensors) for name, tensors in exactly.items()}, **of_its_own}

    resume = resumed(resume)
    if resume.made_with:
        resume.check(made_with())
    with torch.no_grad():
        content_target = get_features(content.to(number), model, [content_layer])[content_layer]
    grams: dict[str, Tensor] = {}
    record: dict[str, object] = {}

    def style_gram(layer: str, in_use: Weights) -> Tensor:
        """The style's Gram matrix, as if the style had as many positions as the content."""
        if layer not in grams:
            with torch.no_grad():
                area = content.shape[2] * content.shape[3] / (style.shape[2] * style.shape[3])
                for name, response in get_features(style.to(number), model, active(in_use)).items():
                    grams[name] = gram_matrix(response) * area
        return grams[layer]

    def loss_fn(image: Tensor, iteration: int) -> Tensor:
        # L-BFGS evaluates several times in an iteration; the first asks for the weights, and is what is recorded.
        first = record.get("iteration") != iteration
        w = schedule(iteration) if first else record["weights"]
        layers = active(w) if w.style else []
        features = get_features(image.to(number), model, layers + ([content_layer] if w.content else []))
        of_layer = {name: style_loss(features[name], style_gram(name, w), relative) for name in layers}
        style_term = sum(w.layers[name] * value for name, value in of_layer.items())
        content_term = content_loss(features[content_layer], content_target, relative) if w.content else 0
        tv_term = total_variation_loss(image) if w.tv else 0
        if first:
            record.update(
                iteration=iteration, content=content_term, style=style_term, tv=tv_term, layers=of_layer, weights=w
            )
        total = w.content * content_term + w.style * style_term + w.tv * tv_term
        return total if isinstance(total, Tensor) else 0 * image.sum()  # no term counts: still to be differentiated

    image = _start(start, content, style, seed)
    for step in optimise_image(image, loss_fn, steps, optimizer, learning_rate, average, betas, resume):
        read = {**{name: record[name] for name in ("content", "style", "tv")}, **record["layers"]}
        # All at once, for a GPU is waited for each time.
        together = torch.stack([torch.as_tensor(value, device=device).detach().float() for value in read.values()])
        layers = dict(zip(read, together.tolist(), strict=True))
        terms = {name: layers.pop(name) for name in ("content", "style", "tv")}

        def state(step=step) -> State:
            own = step.state()
            return replace(own, made_with={**own.made_with, **made_with()})

        yield replace(step, **terms, layers=layers, weights=record["weights"], state=state)


def active(weights: Weights) -> list[str]:
    """The style layers that count."""
    return [name for name, weight in weights.layers.items() if weight]


def coarse_to_fine(
    content: Tensor,
    style: Tensor,
    model: VGG19,
    weights: Weights | Schedule | None = None,
    *,
    steps: int = 400,
    start: str | Tensor = "noise",
    optimizer: str = "adam",
    learning_rate: Rate | None = None,
    average: float = 0.9,
    scales: int = len(SHARES),
    begin: int = 0,
    resume: Resume = None,
    **options,
) -> Iterator[Step]:
    """`style_transfer` at a quarter of the size, then half, then in full, each scale started from the one before.

    Most of the iterations happen where they are cheap, and large shapes are settled before fine strokes: Gatys et al.,
    "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, section 6. Step.image has the size of its
    scale; iterations count through. Adam's moments go along from scale to scale; in the last one its learning rate
    falls to SETTLED of what was asked, and its betas are SETTLING_BETAS. The arguments are `style_transfer`'s; no scale
    has a long side under COARSEST.

    scales: how many sizes at most; 1 paints in full size alone.
    begin: how many of the iterations are done already; `start` is then the image that they led to.
    resume: the Step.state() of such a run, or its checkpoint.
    """
    _check(steps, optimizer)
    content, style = as_batch(content), as_batch(style)
    image, state, seconds, end = start, resumed(resume), 0.0, 0
    done = state.iteration if state.tensors else begin
    if learning_rate is None:
        learning_rate = LEARNING_RATES[optimizer]
    asked = 0.0

    @cache
    def made_with() -> dict[str, object]:
        return {"content": digest([content]), "style": digest([style]), "steps": steps, "scales": scales}

    if state.made_with:
        state.check(made_with())
        # The pictures of its scale are then right as well.
        state = replace(state, made_with={k: v for k, v in state.made_with.items() if k not in made_with()})
    scales_to_come = plan(max(content.shape[2:]), steps, scales)
    for divisor, count in scales_to_come:
        end += count
        if end <= done:
            continue
        small_content, small_style = shrunk(content, divisor), shrunk(style, divisor)
        size = small_content.shape[2:]
        if state.tensors and done == end - count:  # it is of the scale before
            image = state.tensors["image"]
            state = State(done, OPTIMIZERS[optimizer].enlarged(state.tensors, size))
        if isinstance(image, Tensor):
            image = resized(image, size)
        before = done - int(state.tensors.get("iteration", 0))  # the iterations of the scales before
        settles = divisor == 1 and len(scales_to_come) > 1 and optimizer == "adam"

        def rate(iteration: int, before=before, first=end - count, count=count, settles=settles) -> float:
            nonlocal asked
            asked = learning_rate(before + iteration) if callable(learning_rate) else learning_rate
            return asked * SETTLED ** ((before + iteration - first) / count) if settles else asked

        if settles:
            options = {"betas": SETTLING_BETAS, **options}
        run = style_transfer(
            small_content, small_style, model, later(weights, before), steps=end - before, start=image,
            optimizer=optimizer, learning_rate=rate, average=average, resume=state, **options,
        )  # fmt: skip
        began = seconds
        for step in run:
            seconds = began + step.seconds

            def now(step=step, iteration=before + step.iteration) -> State:
                own = step.state()
                return State(iteration, own.tensors, {**own.made_with, **made_with()})

            yield replace(step, iteration=before + step.iteration, seconds=seconds, learning_rate=asked, state=now)
        done, state = end, step.state()


def plan(long_side: int, steps: int, scales: int = len(SHARES)) -> list[tuple[int, int]]:
    """`coarse_to_fine`'s scales, the coarsest first: (what the sides are divided by, iterations there)."""
    sizes = 1
    while sizes < min(scales, len(SHARES)) and long_side / 2**sizes >= COARSEST:
        sizes += 1
    counts = [round(steps * share / sum(SHARES[:sizes])) for share in SHARES[:sizes]]
    counts[-1] += steps - sum(counts)
    return [(2**scale, counts[scale]) for scale in reversed(range(sizes))]


def later(schedule: object, done: int) -> object:
    """A function of the iteration, for a run that starts when `done` iterations have passed; a plain value as it is."""
    return (lambda iteration: schedule(done + iteration)) if callable(schedule) else schedule


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image tensor (1, 3, H, W) at another (height, width)."""
    return interpolate(image, size=tuple(size), mode="bicubic", antialias=True, align_corners=False)


def shrunk(image: Tensor, factor: int) -> Tensor:
    """An image tensor with its sides divided by `factor`."""
    return image if factor == 1 else resized(image, [round(side / factor) for side in image.shape[2:]])


def _check(steps: int, optimizer: str) -> None:
    if not isinstance(optimizer, str) or optimizer not in LEARNING_RATES:
        raise TeachingError(f"Unknown optimizer {optimizer!r}; it is 'adam' or 'lbfgs'.")
    if not isinstance(steps, int) or steps < 0:
        raise TeachingError(f"steps is the number of iterations, a whole number from 0 up; got {steps!r}.")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < 1


def _checked_rate(learning_rate: float) -> float:
    if not isinstance(learning_rate, int | float) or not 0 < learning_rate < math.inf:
        raise TeachingError(f"The learning rate must be a number above 0; got {learning_rate!r}.")
    return learning_rate


def _picture(image: Tensor, name: str) -> Tensor:
    image = as_batch(image)
    if not image.is_floating_point() or not image.isfinite().all():
        raise TeachingError(
            f"The {name} has values that are not finite numbers ({image.dtype}); load_image(path) makes an image "
            "tensor from a file."
        )
    return image.float()


def _precision(name: str, device: torch.device) -> torch.dtype:
    if name not in PRECISIONS:
        raise TeachingError(f"Unknown precision {name!r}; it is {', '.join(map(repr, PRECISIONS))}.")
    return fast_precision(device) if name == "auto" else getattr(torch, name)


def _start(start: str | Tensor, content: Tensor, style: Tensor, seed: int) -> Tensor:
    if isinstance(start, Tensor):
        if as_batch(start).shape != content.shape:
            raise TeachingError(
                f"The start is {tuple(start.shape)} and the content {tuple(content.shape)}; they must agree."
            )
        return as_batch(start).to(content.device)
    if start == "noise":
        return noise_like(content, seed)
    if start == "content":
        return content
    if start == "style":
        return resized(style, content.shape[2:])
    raise TeachingError(f"Unknown start {start!r}; it is 'noise', 'content', 'style' or an image tensor.")


def _diagnosis(iteration: int, loss: float, rate: float, adam: bool) -> str:
    cause = "a learning rate or a weight that is too large"
    remedy = "Divide the learning rate or the largest weight by 10"
    if not adam:
        remedy += ", add some tv weight, or use Adam, which is more patient"
    return (
        f"The run diverged at iteration {iteration}: the loss is {loss:.3g}. The likely cause is {cause} "
        f"(the step was {rate:.3g} in normalised pixel values). {remedy}. The last good image is kept."
    )
