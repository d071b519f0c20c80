"""Files <-> image tensors.

An image tensor is float32, RGB, (1, 3, H, W), normalised with ImageNet's mean and standard deviation, as VGG-19 was
trained. `load_image` makes one from a file, `im_convert` turns it back into an array to look at, `save_image` writes a
PNG that carries the recipe it was made by.
"""

import difflib
import importlib.util
import io
import json
import os
import tempfile
import warnings
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from helpers.errors import TeachingError
from helpers.places import DATA, OWN
from helpers.places import RESULTS as RESULTS  # where the lessons look for it

# Per-channel statistics of ImageNet's training images, RGB in [0, 1]
# (https://docs.pytorch.org/vision/stable/models.html).
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

MIN_SIDE = 32  # pixels; after VGG-19's four poolings, conv5_1 still sees 2 x 2 positions

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def pictures_in(folder: Path) -> dict[str, Path]:
    """The pictures in a folder by name: `van_gogh` -> .../van_gogh.jpg."""
    return {path.stem: path for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES}


def _matplotlib_portrait() -> dict[str, Path]:
    """Grace Hopper's portrait, a public-domain photograph that every Matplotlib ships as sample data."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None:
        return {}
    return {"portrait": Path(spec.submodule_search_locations[0], "mpl-data", "sample_data", "grace_hopper.jpg")}


CONTENTS: dict[str, Path] = pictures_in(DATA / "content") | pictures_in(OWN / "content") | _matplotlib_portrait()
STYLES: dict[str, Path] = pictures_in(DATA / "style") | pictures_in(OWN / "style")


def find_picture(name_or_path: str | Path) -> Path:
    """A name from CONTENTS or STYLES, or the path of a file, as a path; raises TeachingError where there is neither."""
    path = Path(os.path.expanduser(name_or_path))
    known = CONTENTS | STYLES
    if os.path.isfile(path):  # unlike path.is_file(), no error for a name that is too long
        return path
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    if os.path.isdir(path):
        raise TeachingError(f"'{path}' is a folder; give the path of one picture in it.")
    if "://" in str(name_or_path):
        raise TeachingError(f"'{name_or_path}' is a web address; save the picture to a file first and give its path.")
    neighbours = [str(near) for near in pictures_in(path.parent).values()] if os.path.isdir(path.parent) else []
    near = difflib.get_close_matches(str(path), neighbours + list(known), n=1, cutoff=0.5)
    hint = f"Did you mean '{near[0]}'?" if near else f"The bundled pictures are {', '.join(known)}."
    raise TeachingError(f"There is no picture '{name_or_path}'. {hint}")


def in_recipe(name: str, path: Path) -> str:
    """How a recipe tells a picture: a bundled one by its name, another by its path."""
    return name if (CONTENTS | STYLES).get(name) == path else str(path.resolve())


def load_image(
    path: str | Path | BinaryIO, max_size: int = 768, shape: tuple[int, int] | Tensor | None = None
) -> Tensor:
    """Reads a picture as an image tensor (1, 3, H, W): float32, RGB, ImageNet-normalised (about -2.1 to 2.7).

    path: a file's path, a name from CONTENTS or STYLES, or an open binary file. Phone pictures are turned upright,
        colour profiles are converted to sRGB, transparency is laid on white, an animation gives its first frame.
    max_size: limit for the long side, in pixels; a smaller picture is never enlarged.
    shape: (height, width), or an image tensor whose size is taken: exactly this size, whatever max_size says,
        for a style that must match its content.

    Raises TeachingError for a missing, damaged, huge (over 89 million pixels) or tiny file (a side under 32 pixels),
    and for arguments that make no sense.
    """
    size = _requested_size(max_size, shape)
    image = _open_rgb(path)
    name = _name_of(path)
    if min(image.size) < MIN_SIDE:
        raise TeachingError(
            f"{name} is {image.width} x {image.height} pixels; the network needs at least {MIN_SIDE} on each side. "
            "Take a larger version of the picture."
        )
    if size is None:
        scale = min(1, max_size / max(image.size))
        size = round(image.height * scale), round(image.width * scale)
        if min(size) < MIN_SIDE:
            raise TeachingError(
                f"{name} ({image.width} x {image.height}) would be {size[1]} x {size[0]} with a long side of "
                f"{max_size}; the network needs at least {MIN_SIDE} on each side. Crop it, or ask for more."
            )
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(image))  # (H, W, 3), uint8
    batch = pixels.permute(2, 0, 1).unsqueeze(0)  # (1, 3, H, W)
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


def thumbnail(picture: Tensor, longest: int) -> Image.Image:
    """An image tensor (1, 3, H, W) as a picture whose long side has at most `longest` pixels."""
    image = Image.fromarray((im_convert(picture) * 255).round().astype(np.uint8))
    image.thumbnail((longest, longest))
    return image


def as_batch(tensor: Tensor) -> Tensor:
    """(3, H, W) or (1, 3, H, W) -> (1, 3, H, W); raises TeachingError for anything else."""
    if not isinstance(tensor, Tensor):
        raise TeachingError(
            f"Expected an image tensor, got {type(tensor).__name__}; load_image(path) makes one from a file."
        )
    batch = tensor.unsqueeze(0) if tensor.dim() == 3 else tensor
    if batch.dim() != 4 or batch.shape[:2] != (1, 3) or 0 in batch.shape:
        raise TeachingError(f"Expected an image tensor (1, 3, H, W), got {tuple(tensor.shape)}.")
    return batch


def noise_like(image: Tensor, seed: int = 0) -> Tensor:
    """The report's random start: noise of the image's shape and device, the same for the same seed.

    Each value is uniform between 0.35 and 0.65 before normalisation: a grey fog from which every colour is near.
    Raises TeachingError for a seed that is no whole number of 18 digits at most.
    """
    if not isinstance(seed, int) or abs(seed) >= 10**18:
        raise TeachingError(f"seed is a whole number of 18 digits at most; got {seed!r}.")
    generator = torch.Generator().manual_seed(int(seed))
    pixels = torch.empty(image.shape).uniform_(0.35, 0.65, generator=generator)
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
    pixels = (im_convert(tensor) * 255).round().astype(np.uint8)
    text = PngInfo()
    if recipe is not None:
        try:
            text.add_text("recipe", json.dumps(recipe))
        except (TypeError, ValueError) as error:
            raise TeachingError(
                f"A recipe holds names, numbers, texts and lists of them, as JSON does: {error}."
            ) from None
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", pnginfo=text)
    return content.getvalue()


def load_recipe(path: str | Path) -> dict[str, Any]:
    """The recipe that `save_image` put into a PNG; raises TeachingError where there is none."""
    image = _decode(find_picture(path))
    text = getattr(image, "text", {}).get("recipe")
    if text is None:
        raise TeachingError(f"'{path}' carries no recipe; only pictures that this project saved as PNG do.")
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TeachingError(f"The recipe in '{path}' is damaged ({error}).") from None
    if not isinstance(recipe, dict):
        raise TeachingError(f"The recipe in '{path}' is not a table of settings but a {type(recipe).__name__}.")
    return recipe


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, and a file that it replaces is lost in no case."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise TeachingError(
            f"'{path}' could not be written: {error.strerror}. Free some space or choose another folder."
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _name_of(path: str | Path | BinaryIO) -> str:
    return f"'{path}'" if isinstance(path, str | Path) else "The file"


def _requested_size(max_size: int, shape: tuple[int, int] | Tensor | None) -> tuple[int, int] | None:
    """`load_image`'s arguments, checked: the exact (height, width), or None where only max_size counts."""
    if shape is None:
        if not isinstance(max_size, Integral) or max_size < MIN_SIDE:
            raise TeachingError(
                f"max_size is the long side in pixels, a whole number from {MIN_SIDE} up; got {max_size!r}."
            )
        return None
    size = tuple(shape.shape[-2:]) if isinstance(shape, Tensor) else shape
    if (
        not isinstance(size, tuple | list)
        or len(size) != 2
        or not all(isinstance(side, Integral) and side >= MIN_SIDE for side in size)
        or size[0] * size[1] > Image.MAX_IMAGE_PIXELS
    ):
        raise TeachingError(
            f"shape is (height, width), two whole numbers from {MIN_SIDE} up (89 million pixels at most), "
            f"or an image tensor; got {size!r}."
        )
    return tuple(size)


def _decode(path: str | Path | BinaryIO) -> Image.Image:
    """Opens and decodes the first frame; every way in which that fails becomes a TeachingError."""
    if not isinstance(path, str | Path) and not hasattr(path, "read"):
        raise TeachingError(f"Expected a file's path, a picture's name or an open file, got a {type(path).__name__}.")
    source = find_picture(path) if isinstance(path, str | Path) else path
    name = _name_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as image:
                image.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = Image.MAX_IMAGE_PIXELS // 1_000_000
        raise TeachingError(
            f"{name} has more than {limit} million pixels; shrink it in a picture viewer first."
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


def _open_rgb(path: str | Path | BinaryIO) -> Image.Image:
    """A picture of any kind as 8-bit sRGB, upright, on white."""
    image = _decode(path)
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


def _upright(image: Image.Image) -> Image.Image:
    """Turns a picture as its EXIF data ask; data that are damaged are ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ImageOps.exif_transpose(image)
        # Damaged data can make Pillow raise nearly anything, even a SyntaxError.
        except Exception:
            return image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts from the picture's own colour profile; one that is broken or does not fit the picture is ignored."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image
