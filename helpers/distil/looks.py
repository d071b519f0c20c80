"""Looks that few of the training pictures have: flat colour, drawing, print, pattern.

A look takes and gives a picture (3, H, W) in [0, 1]; the picture is never changed in place. All are random, and draw
from torch's global generator.
"""

import math

import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torchvision.transforms.v2 import functional as F

LUMINANCE = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)


def uniform(low: float, high: float) -> float:
    """A random number between the two."""
    return low + (high - low) * torch.rand(()).item()


def chance(probability: float) -> bool:
    return torch.rand(()).item() < probability


def whole(low: int, high: int) -> int:
    """A random whole number, both ends included."""
    return int(torch.randint(low, high + 1, ()))


def as_pillow(picture: Tensor) -> Image.Image:
    return F.to_pil_image((picture.clamp(0, 1) * 255).round().to(torch.uint8))


def as_picture(image: Image.Image) -> Tensor:
    return F.pil_to_tensor(image.convert("RGB")).float() / 255


def light(picture: Tensor) -> Tensor:
    """How light each pixel is: (3, H, W) -> (1, H, W)."""
    return (picture * LUMINANCE).sum(0, keepdim=True)


def two_colours() -> tuple[Tensor, Tensor]:
    """Ink and paper, (3, 1, 1) each: mostly dark on light, at times any two colours."""
    if chance(0.6):
        return torch.rand(3, 1, 1) * 0.3, 0.7 + torch.rand(3, 1, 1) * 0.3
    return torch.rand(2, 3, 1, 1).unbind()


def palette(picture: Tensor) -> Tensor:
    """Four to twelve colours, chosen to fit."""
    return as_picture(as_pillow(picture).quantize(whole(4, 12), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))


def posterised(picture: Tensor) -> Tensor:
    """Two to six levels a channel."""
    levels = whole(1, 5)
    return (picture * levels).round() / levels


def flattened(picture: Tensor) -> Tensor:
    """Smoothed with its edges kept, until the areas are flat; often with a palette."""
    image = as_pillow(picture)
    for _ in range(whole(1, 3)):
        image = image.filter(ImageFilter.MedianFilter(5))
    flat = as_picture(image)
    return palette(flat) if chance(0.6) else flat


def lines(picture: Tensor) -> Tensor:
    """Where to draw, 0 to 1, (1, H, W): the difference of two Gaussians.

    Winnemöller et al., "XDoG: An eXtended difference-of-Gaussians compendium", Computers & Graphics 36, 2012.
    """
    sigma, grey = uniform(0.6, 2.0), light(picture)
    narrow, wide = (F.gaussian_blur(grey, 2 * math.ceil(3 * s) + 1, s) for s in (sigma, 1.6 * sigma))
    edges = uniform(0.97, 0.995) * wide - narrow
    return torch.sigmoid(uniform(60, 300) * edges)


def drawn(picture: Tensor) -> Tensor:
    """A line drawing on plain paper, over flat colours, or over the picture itself."""
    ink, paper = two_colours()
    under = paper if chance(0.5) else flattened(picture) if chance(0.7) else picture
    mark = lines(picture)
    return ink * mark + under * (1 - mark)


def hatched(picture: Tensor) -> Tensor:
    """Ink and paper alone, in hatches or dots that are the wider the darker the picture is: pen, woodcut, halftone."""
    ink, paper = two_colours()
    grey = light(F.gaussian_blur(picture, 5))
    screen = waves(*grey.shape[1:])
    if chance(0.5):
        screen = (screen + waves(*grey.shape[1:])) / 2
    mark = torch.sigmoid(uniform(8, 40) * (uniform(0.4, 0.6) + 0.5 * (screen - 0.5) - grey))
    if chance(0.4):
        mark = torch.maximum(mark, lines(picture))
    return ink * mark + (paper if chance(0.7) else picture) * (1 - mark)


def recoloured(picture: Tensor) -> Tensor:
    """Other colours by far: hue turned, channels exchanged, negative."""
    if chance(0.5):
        picture = picture[torch.randperm(3)]
    picture = F.adjust_hue(picture, uniform(-0.5, 0.5))
    picture = F.adjust_saturation(picture, uniform(0, 3))
    return 1 - picture if chance(0.3) else picture


def grainy(picture: Tensor) -> Tensor:
    """On paper or canvas: its grain, or its weave, darkens and lightens."""
    height, width = picture.shape[1:]
    grain = noise(height, width)[:1] if chance(0.5) else (waves(height, width, 8) + waves(height, width, 8)) / 2
    return (picture + uniform(0.05, 0.35) * (grain - 0.5)).clamp(0, 1)


def waves(height: int, width: int, longest: float = 40.0) -> Tensor:
    """Parallel waves of a random direction and length, 0 to 1: (1, H, W)."""
    angle, length = uniform(0, math.pi), math.exp(uniform(math.log(3), math.log(longest)))
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    phase = (x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / length) + uniform(0, 2 * math.pi)
    return (0.5 + 0.5 * torch.sin(phase))[None]


def noise(height: int, width: int) -> Tensor:
    """Noise whose spectrum falls with a random power of the frequency, from white to clouds: (3, H, W), 0 to 1."""
    white = torch.fft.rfft2(torch.randn(3, height, width))
    y, x = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (x**2 + y**2).sqrt().clamp_min(1 / max(height, width))
    coloured = torch.fft.irfft2(white * frequency ** -uniform(0, 2), s=(height, width))
    if chance(0.5):
        coloured = coloured.mean(0, keepdim=True).expand(3, -1, -1)
    return (0.5 + coloured / coloured.std() / 5).clamp(0, 1)


def tiling(height: int, width: int) -> Tensor:
    """A small random motif, repeated, at times with gaps as a mosaic has them: (3, H, W)."""
    side, zoom = whole(2, 6), whole(3, 16)
    motif = torch.rand(3, side, side).repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)
    if chance(0.4):
        motif[:, ::zoom] = motif[:, :, ::zoom] = uniform(0, 1)
    size = motif.shape[1]
    return motif.repeat(1, height // size + 1, width // size + 1)[:, :height, :width]


def pattern(height: int, width: int) -> Tensor:
    """A pattern made by code alone, (3, H, W): noise, a tiling, or stripes and dots of two colours."""
    kind = whole(0, 3)
    if kind == 0:
        return noise(height, width)
    if kind == 1:
        return tiling(height, width)
    screen = waves(height, width)
    if kind == 2:
        screen = screen * waves(height, width)
    a, b = torch.rand(2, 3, 1, 1).unbind()
    mark = torch.sigmoid(uniform(3, 40) * (screen - uniform(0.2, 0.7)))
    return a * mark + b * (1 - mark)


LOOKS = palette, posterised, flattened, drawn, hatched, recoloured, grainy


def in_another_look(picture: Tensor) -> Tensor:
    """The picture in one of LOOKS, and now and then in a second one on top."""
    for _ in range(2 if chance(0.25) else 1):
        picture = LOOKS[whole(0, len(LOOKS) - 1)](picture)
    return picture
