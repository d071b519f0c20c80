"""The weights of a VGG-19: read from a file and checked, or torchvision's, downloaded on first use.

Everywhere below, `layers` maps the index of a convolution in torchvision's `vgg19().features` to the paper's name for
it, in the network's order: {0: "conv1_1", 2: "conv1_2", ...}.
"""

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.engine.downloads import download

VGG19_BYTES, VGG19_SECONDS = 700_000_000, 3600  # the most that the download may take


def read_weights(path: Path, layers: Mapping[int, str]) -> dict[str, Tensor]:
    """A state dict from a .safetensors or .pth file: conv1_1.weight (O, I, 3, 3), conv1_1.bias (O,), ... in float32.

    torchvision's keys (features.0.weight) are renamed to the paper's. No code in the file is run.
    Raises TeachingError for a file that is missing or damaged, or of another network.
    """
    if not path.is_file():
        raise TeachingError(f"There is no weights file '{path}'. Give 'compact', 'imagenet' or the path of a file.")
    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged or hostile file can make the reader raise nearly anything; its code is never run.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TeachingError(f"'{path}' is damaged, or not a file of weights ({reason}). Fetch it again.") from None
    return _checked(weights, path, layers)


def _checked(weights: object, path: Path, layers: Mapping[int, str]) -> dict[str, Tensor]:
    if not isinstance(weights, dict):
        raise TeachingError(f"'{path}' holds a {type(weights).__name__}, not the weights of a network by name.")
    state_dict: dict[str, Tensor] = {}
    inputs = 3
    for index, name in layers.items():
        for part, dimensions in (("weight", 4), ("bias", 1)):
            key = f"{name}.{part}"
            value = weights.get(key, weights.get(f"features.{index}.{part}"))
            if not isinstance(value, Tensor):
                raise TeachingError(f"'{path}' has no '{key}' (or 'features.{index}.{part}'), so it is no VGG-19.")
            if value.dim() != dimensions or not value.isfinite().all():
                raise TeachingError(f"'{key}' in '{path}' is damaged: shape {tuple(value.shape)}, or not finite.")
            state_dict[key] = value.float()
        outputs = len(state_dict[f"{name}.bias"])
        if state_dict[f"{name}.weight"].shape != (outputs, inputs, 3, 3):
            shape = tuple(state_dict[f"{name}.weight"].shape)
            raise TeachingError(
                f"'{name}.weight' in '{path}' is {shape}; VGG-19 needs {(outputs, inputs, 3, 3)} there."
            )
        inputs = outputs
    return state_dict


def imagenet_is_here() -> bool:
    """Whether load_vgg19("imagenet") needs no download. Raises as `imagenet_address` does, if there is any VGG-19."""
    # Importing torchvision, only to learn the file's name, takes seconds; mostly there is no file of such a name.
    return any(_checkpoints().glob("vgg19-*")) and any(path.is_file() for path in _imagenet_files())


def imagenet_weights(layers: Mapping[int, str]) -> dict[str, Tensor]:
    """The weights of torchvision's VGG-19 up to conv5_1: from our cache beside torch hub's file, or else downloaded.

    Returns a state dict as `read_weights` does. Raises TeachingError if they cannot be downloaded.
    """
    original, part = _imagenet_files()
    if part.is_file():
        return read_weights(part, layers)
    downloaded_now = not original.is_file()
    if downloaded_now:
        print(f"Downloading VGG-19 (548 MB, once) to {original}", file=sys.stderr)
        original.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fetch(imagenet_address(), original)
        except (OSError, TeachingError) as error:
            raise TeachingError(
                f"VGG-19 could not be downloaded ({error}). Try again when online; load_vgg19('compact') needs no "
                f"download. Or put {original.name} from another machine into {original.parent}."
            ) from None
    state_dict = read_weights(original, layers)
    write_whole(part, save(state_dict))
    if downloaded_now:
        original.unlink()
    return state_dict


def imagenet_address() -> str:
    """The address of torchvision's VGG-19. Raises TeachingError if torchvision and torch do not fit together."""
    try:
        from torchvision.models import VGG19_Weights
    except Exception as error:  # for example "operator torchvision::nms does not exist", a RuntimeError
        raise TeachingError(
            f"torchvision cannot be used with this torch ({str(error).splitlines()[0]}): the two come from different "
            "builds. Delete .venv and run `python3 -m helpers` again, or install both by one pip command."
        ) from None
    return VGG19_Weights.IMAGENET1K_V1.url


def _imagenet_files() -> tuple[Path, Path]:
    """The path where torch hub keeps torchvision's VGG-19, and the one where we keep its part up to conv5_1."""
    folder = _checkpoints()
    return folder / Path(imagenet_address()).name, folder / "vgg19-conv5_1.safetensors"


def _checkpoints() -> Path:
    """Torch hub's folder of weights, which may not exist."""
    return Path(torch.hub.get_dir(), "checkpoints")


def _fetch(url: str, path: Path) -> None:
    """Downloads a file, completely or not at all. Its name has to end with the first digits of its SHA-256."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder, path.name)
        with temporary.open("wb") as file:
            download(url, file, "VGG-19", VGG19_BYTES, VGG19_SECONDS)
        digest, prefix = hashlib.sha256(), path.stem.split("-")[1]
        with temporary.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        if not digest.hexdigest().startswith(prefix):
            raise TeachingError(f"its SHA-256 begins with {digest.hexdigest()[:8]}, not {prefix}: it is another file")
        temporary.replace(path)
