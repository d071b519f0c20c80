"""The pictures that the student paints while it learns, so that the teacher can correct what they make it believe."""

import torch
from torch import Tensor

from helpers.distil.looks import whole
from helpers.engine.optimizers import LBFGS
from helpers.images import BLACK, WHITE
from helpers.losses import TINY, gram_matrix
from helpers.transfer import WALL
from helpers.vgg import CONTENT_LAYER, STYLE_LAYERS, VGG19, get_features

CANVASES = 48
BEGIN_ANEW = 0.2  # how often a canvas is replaced by a new one before it is painted on
HALF_WAY, AT_THE_END = (2, 14), 10  # iterations before each of the two looks that the teacher takes
FEWEST, MOST = 1.0, 3.0  # decimal exponents of the style weights


class ManyLBFGS(LBFGS):
    """L-BFGS for many images at once, (B, 3, H, W), each with a loss, a curvature and a step of its own."""

    @staticmethod
    def dot(a: Tensor, b: Tensor) -> Tensor:
        """The scalar product of each image of a with its partner in b: (B, 1, 1, 1)."""
        return (a * b).sum((1, 2, 3), keepdim=True)

    @torch.no_grad()
    def step(self, image: Tensor, loss: Tensor, gradient: Tensor, learning_rate: float) -> Tensor:
        """The images after one update; loss: (B,), on their device, so that nothing is fetched from it."""
        loss = loss.view(-1, 1, 1, 1)
        rose = torch.zeros_like(loss, dtype=torch.bool)
        if self.last:
            before, old_gradient, old_step = self.last
            rose = ~(loss <= before)
            # An image that goes back learns nothing: its last two gradients are taken as equal.
            self.remember(old_step, torch.where(rose, 0, gradient - old_gradient))
        step = self.direction(gradient)
        step *= (self.LONGEST / step.abs().mean((1, 2, 3), keepdim=True)).clamp(max=1.0) * learning_rate
        if self.last:
            self.last = (
                torch.where(rose, before, loss),
                torch.where(rose, old_gradient, gradient),
                torch.where(rose, old_step / 4, step),
            )
            return image + torch.where(rose, -0.75 * old_step, step)
        self.last = loss, gradient, step
        return image + step


class Canvases:
    """The canvases on which the student paints: each starts as noise, and has its own content and style.

    crops: (2 * CANVASES, 3, CROP, CROP), normalised, on the device to compute on; half of them contents, half styles.
    precision: in which the network computes; the losses are float32.
    """

    def __init__(self, crops: Tensor, precision: torch.dtype):
        self.precision = precision
        self.content, self.style = crops.clone().chunk(2)
        self.canvas = torch.empty_like(self.content).uniform_(-0.7, 0.7)
        self.weights = self._style_weights()

    def paint(self, network: VGG19, crops: Tensor) -> Tensor:
        """Goes on with each canvas, or in one case of five begins a new one.

        network: it has changed since the last time, so the optimizer begins anew. crops: as above, for the new ones.
        Returns (2 * CANVASES, 3, CROP, CROP), normalised: all canvases halfway, then all at the end.
        """
        new = torch.rand(len(self.canvas), device=crops.device) < BEGIN_ANEW
        content, style = crops.chunk(2)
        self.content[new], self.style[new] = content[new], style[new]
        self.canvas[new] = torch.empty_like(content[new]).uniform_(-0.7, 0.7)
        self.weights = torch.where(new, self._style_weights(), self.weights)
        with torch.no_grad():
            content, style = self.content.to(self.precision), self.style.to(self.precision)
            self.targets = get_features(content, network, [CONTENT_LAYER])[CONTENT_LAYER].float()
            self.grams = {name: gram_matrix(f) for name, f in get_features(style, network, STYLE_LAYERS).items()}
        optimizer = ManyLBFGS(self.canvas)
        half_way = self._iterate(network, optimizer, whole(*HALF_WAY))
        return torch.cat([half_way, self._iterate(network, optimizer, AT_THE_END)])

    def losses(self, network: VGG19, canvas: Tensor) -> Tensor:
        """Each canvas's loss, (CANVASES,): the relative content loss, its weight times the style's, and the wall."""
        features = get_features(canvas.to(self.precision), network)
        missed = (features[CONTENT_LAYER].float() - self.targets).square().mean((1, 2, 3))
        total = missed / self.targets.square().mean((1, 2, 3)).clamp_min(TINY)
        for name, gram in self.grams.items():
            missed = (gram_matrix(features[name]) - gram).square().sum((1, 2))
            total = total + self.weights / len(self.grams) * missed / gram.square().sum((1, 2)).clamp_min(TINY)
        outside = canvas - canvas.clamp(BLACK.to(canvas.device), WHITE.to(canvas.device))
        return total + WALL * (1 + self.weights) * outside.square().mean((1, 2, 3))

    def _iterate(self, network: VGG19, optimizer: ManyLBFGS, steps: int) -> Tensor:
        """Some iterations of L-BFGS on each canvas; returns all of them, (CANVASES, 3, CROP, CROP)."""
        for _ in range(steps):
            canvas = self.canvas.clone().requires_grad_()
            losses = self.losses(network, canvas)
            (gradient,) = torch.autograd.grad(losses.sum(), canvas)
            self.canvas = optimizer.step(self.canvas, losses.detach(), gradient, optimizer.LEARNING_RATE)
        return self.canvas.clone()

    def _style_weights(self) -> Tensor:
        """One for each canvas, from 10 to 1,000: (CANVASES,)."""
        return 10 ** torch.empty(len(self.canvas), device=self.canvas.device).uniform_(FEWEST, MOST)
