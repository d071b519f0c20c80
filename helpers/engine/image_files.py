"""Image files: any kind is decoded to upright 8-bit sRGB on white, or refused with a reason; PNG is encoded."""

import io
import json
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.numbers import is_whole
from helpers.base.pictures import find_picture

MIN_SIDE = 32  # pixels; after VGG-19's four poolings, conv5_1 still has 2 x 2 positions
MAX_PIXELS = Image.MAX_IMAGE_PIXELS  # Pillow's bound against decompression bombs: 89 million


def decode(path: str | Path | BinaryIO) -> Image.Image:
    """Opens a picture and decodes its first frame; raises TeachingError if that fails in any way."""
    if not isinstance(path, str | Path) and not hasattr(path, "read"):
        raise TeachingError(f"Expected a file's path, a picture's name or an open file, got a {type(path).__name__}.")
    source = find_picture(path) if isinstance(path, str | Path) else path
    name = title_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as image:
                image.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise TeachingError(
            f"{name} has more than {MAX_PIXELS // 1_000_000} million pixels; shrink it in a picture viewer first."
        ) from None
    except Image.UnidentifiedImageError:
        raise TeachingError(
            f"{name} is not a picture that can be read; JPEG, PNG, WebP, TIFF, GIF and BMP can."
        ) from None
    except PermissionError:
        raise TeachingError(f"{name} may not be read by you; change its permissions or copy it.") from None
    # A damaged file can make a decoder raise nearly anything.
    except Exception as error:
        raise TeachingError(f"{name} is damaged or cut off ({error}); download or export it again.") from None
    return image


def decode_rgb(path: str | Path | BinaryIO) -> Image.Image:
    """A picture of any kind as upright 8-bit sRGB, with transparency laid on white; raises as `decode` does."""
    image = decode(path)
    profile = image.info.get("icc_profile")
    image = _upright(image)
    if image.mode[0] in "IF":  # more than 8 bits a value; Pillow's own conversion would clip them at 255
        values = np.nan_to_num(np.asarray(image, np.float32)).clip(0)
        sixteen_bits = image.mode.startswith("I;16") or values.max() > 255
        full = 65535 if sixteen_bits else 1 if image.mode == "F" and values.max() <= 1 else 255
        image = Image.fromarray((values.clip(0, full) / full * 255).round().astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def requested_size(max_size: int, shape: tuple[int, int] | Tensor | None) -> tuple[int, int] | None:
    """`load_image`'s arguments, checked: the exact (height, width), or None where only max_size counts.

    Raises TeachingError for arguments that make no sense.
    """
    if shape is None:
        if not is_whole(max_size, MIN_SIDE):
            raise TeachingError(
                f"max_size is the long side in pixels, a whole number from {MIN_SIDE} up; got {max_size!r}."
            )
        return None
    size = tuple(shape.shape[-2:]) if isinstance(shape, Tensor) else shape
    pair = isinstance(size, tuple | list) and len(size) == 2 and all(is_whole(side, MIN_SIDE) for side in size)
    if not pair or size[0] * size[1] > MAX_PIXELS:
        raise TeachingError(
            f"shape is (height, width), two whole numbers from {MIN_SIDE} up (89 million pixels at most), "
            f"or an image tensor; got {size!r}."
        )
    return tuple(size)


def encode_png(image: Image.Image, recipe: dict[str, Any] | None = None) -> bytes:
    """The contents of a PNG file; a recipe is stored as JSON in the text chunk "recipe".

    Raises TeachingError for a recipe that JSON cannot hold.
    """
    text = PngInfo()
    if recipe is not None:
        try:
            text.add_text("recipe", json.dumps(recipe))
        except (TypeError, ValueError) as error:
            raise TeachingError(
                f"A recipe holds names, numbers, texts and lists of them, as JSON does: {error}."
            ) from None
    content = io.BytesIO()
    image.save(content, "PNG", pnginfo=text)
    return content.getvalue()


def title_of(path: str | Path | BinaryIO) -> str:
    """How a message names a file."""
    return f"'{path}'" if isinstance(path, str | Path) else "The file"


def _upright(image: Image.Image) -> Image.Image:
    """Turns a picture upright as its EXIF data say; damaged EXIF data are ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ImageOps.exif_transpose(image)
        # Damaged data can make Pillow raise nearly anything, even a SyntaxError.
        except Exception:
            return image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts a picture from its colour profile to sRGB; a profile that is broken or does not fit is ignored."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image
