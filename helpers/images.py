"""Files <-> image tensors: float32, RGB, (1, 3, H, W), normalised with ImageNet's mean and standard deviation.

`load_image` makes one from a file, `im_convert` turns it into an array to look at, `save_image` writes a PNG file.
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.numbers import checked_seed
from helpers.engine.checks import as_batch
from helpers.engine.image_files import MIN_SIDE, decode_rgb, encode_png, requested_size, title_of

# Per-channel statistics of ImageNet's training images, RGB in [0, 1]
# (https://docs.pytorch.org/vision/stable/models.html).
MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float32, device="cpu").view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float32, device="cpu").view(1, 3, 1, 1)
BLACK, WHITE = (0 - MEAN) / STD, (1 - MEAN) / STD  # the ends of each channel's range, (1, 3, 1, 1)


def load_image(
    path: str | Path | BinaryIO, max_size: int = 768, shape: tuple[int, int] | Tensor | None = None
) -> Tensor:
    """Reads a picture as an image tensor (1, 3, H, W): float32, RGB, ImageNet-normalised (about -2.1 to 2.7).

    path: a file's path, a name from CONTENTS or STYLES, or an open binary file. Phone pictures are turned upright,
        colour profiles are converted to sRGB, transparency is laid on white, an animation gives its first frame.
    max_size: limit for the long side, in pixels; a smaller picture is never enlarged.
    shape: (height, width), or an image tensor whose size is taken: exactly this size, whatever max_size says.

    Raises TeachingError for a missing, damaged, huge (over 89 million pixels) or tiny file (a side under 32 pixels),
    and for arguments that make no sense.
    """
    size = requested_size(max_size, shape)
    image = decode_rgb(path)
    if min(image.size) < MIN_SIDE:
        raise TeachingError(
            f"{title_of(path)} is {image.width} x {image.height} pixels; the network needs at least {MIN_SIDE} on each "
            "side. Take a larger version of the picture."
        )
    if size is None:
        scale = min(1, max_size / max(image.size))
        size = round(image.height * scale), round(image.width * scale)
        if min(size) < MIN_SIDE:
            raise TeachingError(
                f"{title_of(path)} ({image.width} x {image.height}) would be {size[1]} x {size[0]} with a long side of "
                f"{max_size}; the network needs at least {MIN_SIDE} on each side. Crop it, or ask for more."
            )
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(image))  # (H, W, 3), uint8
    batch = pixels.permute(2, 0, 1).unsqueeze(0).to(torch.float32)  # (1, 3, H, W)
    return (batch / 255 - MEAN) / STD


def im_convert(tensor: Tensor) -> np.ndarray:
    """The inverse of `load_image`: an image tensor -> (H, W, 3) float32 array in [0, 1], to look at.

    tensor: (1, 3, H, W) or (3, H, W), on any device, with or without gradient. Colours out of range are clipped.
    Raises TeachingError for another shape, or for NaN or infinite values.
    """
    image = as_batch(tensor).detach().to("cpu", torch.float32)
    if not image.isfinite().all():
        raise TeachingError(
            "The image holds NaN or infinite values: the run that made it diverged. Lower the learning rate."
        )
    image = image * STD + MEAN
    return image.clamp(0, 1)[0].permute(1, 2, 0).contiguous().numpy()  # (1, 3, H, W) -> (H, W, 3)


def as_pillow(image: Tensor) -> Image.Image:
    """An image tensor (1, 3, H, W) as one of Pillow's, 8 bits a value; raises as `im_convert` does."""
    return Image.fromarray((im_convert(image) * 255).round().astype(np.uint8))


def thumbnail(image: Tensor, longest: int) -> Image.Image:
    """An image tensor (1, 3, H, W) as one of Pillow's, its long side `longest` pixels at most."""
    small = as_pillow(image)
    small.thumbnail((longest, longest))
    return small


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image tensor (1, 3, H, W) at another (height, width); as it is where it has that size already."""
    if image.shape[2:] == tuple(size):
        return image
    return interpolate(image, size=tuple(size), mode="bicubic", antialias=True, align_corners=False)


def noise_like(image: Tensor, seed: int = 0) -> Tensor:
    """The report's random start: noise of the image's shape and device, the same for the same seed.

    Each value is uniform between 0.35 and 0.65 before normalisation: a grey fog from which every colour is near.
    Raises TeachingError for a seed that is no whole number of 18 digits at most.
    """
    generator = torch.Generator().manual_seed(checked_seed(seed))
    pixels = torch.empty(image.shape, dtype=torch.float32, device="cpu").uniform_(0.35, 0.65, generator=generator)
    return ((pixels - MEAN) / STD).to(image.device)


def save_image(tensor: Tensor, path: str | Path, recipe: dict[str, Any] | None = None) -> Path:
    """Writes an image tensor (1, 3, H, W) as a PNG, whole or not at all; returns its path.

    recipe: the settings that made it (anything that JSON can hold), kept in the file's text chunk "recipe".
    Raises TeachingError where the suffix is not .png, the image is not one, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise TeachingError(
            f"Pictures are saved as PNG, which keeps every pixel and the recipe; '{path.name}' is not .png."
        )
    write_whole(path, as_png(tensor, recipe))
    return path


def as_png(tensor: Tensor, recipe: dict[str, Any] | None = None) -> bytes:
    """An image tensor (1, 3, H, W) as the contents of the file that `save_image` writes; raises as it does."""
    return encode_png(as_pillow(tensor), recipe)
