"""VGG-19 with named layers: what the network sees in an image.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015 (arXiv:1409.1556);
its use for style: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
"""

import hashlib
import math
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from helpers.convolution import Conv2d
from helpers.downloads import download
from helpers.errors import TeachingError
from helpers.images import write_whole
from helpers.places import DATA
from helpers.threads import limit_threads

# Where torchvision's `vgg19().features` keeps the convolutions up to conv5_1: index -> the paper's name.
LAYERS: dict[int, str] = {
    0: "conv1_1", 2: "conv1_2",
    5: "conv2_1", 7: "conv2_2",
    10: "conv3_1", 12: "conv3_2", 14: "conv3_3", 16: "conv3_4",
    19: "conv4_1", 21: "conv4_2", 23: "conv4_3", 25: "conv4_4",
    28: "conv5_1",
}  # fmt: skip

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"

LARGEST, LONGEST = 700_000_000, 3600  # bytes and seconds of VGG-19's download

COMPACT_WEIGHTS = DATA / "weights" / "compact.safetensors"

# Output channels of Simonyan and Zisserman's network (configuration E), layer by layer.
VGG19_CHANNELS = {name: min(64 * 2 ** (int(name[4]) - 1), 512) for name in LAYERS.values()}


class VGG19(nn.Sequential):
    """VGG-19's convolutions up to conv5_1: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ... conv5_1, relu5_1.

    The modules stand in torchvision's order, so `model[i]` is `torchvision.models.vgg19().features[i]`, and carry the
    paper's names, so `model.conv1_1` is the first convolution. The ReLUs are not in-place: a response that was
    kept stays what it was.

    channels: layer name -> number of output channels.
    pooling: "avg" or "max".
    """

    def __init__(self, channels: dict[str, int] = VGG19_CHANNELS, pooling: str = "avg"):
        if pooling not in ("avg", "max"):
            raise TeachingError(f"Unknown pooling {pooling!r}; it is 'avg' (as in the report) or 'max'.")
        pool = nn.AvgPool2d if pooling == "avg" else nn.MaxPool2d
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        previous, inputs = None, 3
        for name in LAYERS.values():
            block = name[4]
            if previous not in (None, block):
                modules[f"pool{previous}"] = pool(2)
            # Zeros around the image would be a black frame, and the optimisation paints what it sees; so the first
            # convolution repeats the border instead. VGG-19's deeper filters were trained with zeros and keep them.
            padding = "replicate" if name == "conv1_1" or channels is not VGG19_CHANNELS else "zeros"
            modules[name] = Conv2d(inputs, channels[name], 3, padding=1, padding_mode=padding)
            modules[name.replace("conv", "relu")] = nn.ReLU()
            previous, inputs = block, channels[name]
        super().__init__(modules)


def get_features(image: Tensor, model: VGG19, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
    """The responses of the named layers to an image, each after its ReLU.

    image: (B, 3, H, W), ImageNet-normalised.
    layers: names such as "conv3_1", in any order; None means the report's: five for style and conv4_2 for content.
    Returns name -> (B, C, H', W') in the network's order; each pooling before the layer has halved H and W, rounding
    down. Computes no further than the deepest layer asked for.
    Raises TeachingError for a layer that does not exist, or an image too small to reach the deepest one.
    """
    wanted = {*STYLE_LAYERS, CONTENT_LAYER} if layers is None else set(layers)
    check_layers(wanted)
    if image.dim() != 4 or image.shape[1] != 3:
        raise TeachingError(f"Expected an image tensor (B, 3, H, W), got {tuple(image.shape)}.")
    smallest = 2 ** (max((int(name[4]) for name in wanted), default=1) - 1)
    if min(image.shape[2:]) < smallest:
        raise TeachingError(
            f"An image of {image.shape[3]} x {image.shape[2]} pixels vanishes in the poolings before {max(wanted)}; "
            f"it needs at least {smallest} on each side."
        )
    features: dict[str, Tensor] = {}
    for name, module in model.named_children():
        if len(features) == len(wanted):
            break
        image = module(image)
        layer = name.replace("relu", "conv")
        if name.startswith("relu") and layer in wanted:
            features[layer] = image
    return features


def check_layers(names: Iterable[str]) -> None:
    """Raises TeachingError for the first name that is no layer, with the names that its block does have."""
    for name in names:
        if name not in VGG19_CHANNELS:
            block = [known for known in VGG19_CHANNELS if str(name)[:5] == known[:5]]
            where = f"VGG-19's block {block[0][4]} has" if block else "the layers are"
            known = block or list(VGG19_CHANNELS)
            end = "; later ones are never needed" if block == ["conv5_1"] else ""
            raise TeachingError(f"Unknown layer {name!r}; {where} {', '.join(known)}{end}.")


def load_vgg19(weights: str | Path = "compact", pooling: str = "avg", device: str | torch.device = "auto") -> VGG19:
    """A trained VGG-19 up to conv5_1, frozen and in evaluation mode.

    weights: "compact", the small network in data/weights/, which needs no download; "imagenet", torchvision's VGG-19
        (548 MB, fetched on first use; 52 MB of it are kept); or the path of a .safetensors or state-dict file.
    pooling: "avg", as Gatys et al. and the report prefer, or "max", as VGG-19 was trained.
    device: "auto" takes a GPU where there is one.
    Raises TeachingError where the weights cannot be had, are damaged, or belong to another network.
    """
    limit_threads()
    if weights == "imagenet":
        state = _imagenet_weights()
    else:
        state = _read_weights(COMPACT_WEIGHTS if weights == "compact" else Path(weights))
    channels = {name: len(state[f"{name}.weight"]) for name in LAYERS.values()}
    model = VGG19(VGG19_CHANNELS if channels == VGG19_CHANNELS else channels, pooling)
    model.load_state_dict(state)
    # The convolutions run faster with a pixel's channels side by side in memory.
    model = model.to(best_device() if device == "auto" else device, memory_format=torch.channels_last)
    return model.requires_grad_(False).eval()


def best_device() -> torch.device:
    """A CUDA GPU, else Apple's GPU, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@cache
def fast_precision(device: torch.device) -> torch.dtype:
    """torch.bfloat16 where convolutions are clearly faster in it than in float32, else torch.float32.

    A processor is timed, once (a tenth of a second): those without units for bfloat16 are ten times slower in it.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float32
    if device.type != "cpu":
        return torch.float32
    convolution = nn.Conv2d(64, 64, 3).requires_grad_(False)
    seconds = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for _ in range(4):  # in turn, so that a short disturbance does not decide
        for precision in seconds:
            image = torch.rand(1, 64, 64, 64, dtype=precision).contiguous(memory_format=torch.channels_last)
            convolution.to(precision, memory_format=torch.channels_last)
            began = time.perf_counter()
            convolution(image)
            seconds[precision] = min(seconds[precision], time.perf_counter() - began)
    return torch.bfloat16 if seconds[torch.bfloat16] < 0.75 * seconds[torch.float32] else torch.float32


def _read_weights(path: Path) -> dict[str, Tensor]:
    """The thirteen convolutions of a weights file, in float32 and under the paper's names; nothing is unpickled."""
    if not path.is_file():
        raise TeachingError(f"There is no weights file '{path}'. Give 'compact', 'imagenet' or the path of a file.")
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    # Reading a damaged or hostile file fails in as many ways as there are formats; none of them may run its code.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TeachingError(f"'{path}' is damaged, or not a file of weights ({reason}). Fetch it again.") from None
    return _check_weights(found, path)


def _check_weights(found: object, path: Path) -> dict[str, Tensor]:
    """Renames torchvision's keys (features.0.weight) to the paper's (conv1_1.weight), and refuses a foreign network."""
    if not isinstance(found, dict):
        raise TeachingError(f"'{path}' holds a {type(found).__name__}, not the weights of a network by name.")
    state: dict[str, Tensor] = {}
    inputs = 3
    for index, name in LAYERS.items():
        for part, dimensions in (("weight", 4), ("bias", 1)):
            key = f"{name}.{part}"
            value = found.get(key, found.get(f"features.{index}.{part}"))
            if not isinstance(value, Tensor):
                raise TeachingError(f"'{path}' has no '{key}' (or 'features.{index}.{part}'), so it is no VGG-19.")
            if value.dim() != dimensions or not value.isfinite().all():
                raise TeachingError(f"'{key}' in '{path}' is damaged: shape {tuple(value.shape)}, or not finite.")
            state[key] = value.float()
        outputs = len(state[f"{name}.bias"])
        if state[f"{name}.weight"].shape != (outputs, inputs, 3, 3):
            shape = tuple(state[f"{name}.weight"].shape)
            raise TeachingError(
                f"'{name}.weight' in '{path}' is {shape}; VGG-19 needs {(outputs, inputs, 3, 3)} there."
            )
        inputs = outputs
    return state


def imagenet_is_here() -> bool:
    """Whether load_vgg19("imagenet") needs no download."""
    return any(path.is_file() for path in _imagenet_files())


def _imagenet_address() -> str:
    """Where torchvision's VGG-19 is to be had. Raises TeachingError where torchvision and torch do not fit together."""
    try:
        from torchvision.models import VGG19_Weights
    except Exception as error:  # for example "operator torchvision::nms does not exist", a RuntimeError
        raise TeachingError(
            f"torchvision cannot be used with this torch ({str(error).splitlines()[0]}): the two come from different "
            "builds. Delete .venv and run `python3 -m helpers` again, or install both by one pip command."
        ) from None
    return VGG19_Weights.IMAGENET1K_V1.url


def _imagenet_files() -> tuple[Path, Path]:
    """Where torch hub keeps torchvision's VGG-19, and where we keep the part up to conv5_1."""
    whole = Path(torch.hub.get_dir(), "checkpoints", Path(_imagenet_address()).name)
    return whole, whole.with_name("vgg19-conv5_1.safetensors")


def _fetch(url: str, path: Path) -> None:
    """Downloads a file whose name ends with the beginning of its SHA-256, as torch hub's do; whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder, path.name)
        with temporary.open("wb") as file:
            download(url, file, "VGG-19", LARGEST, LONGEST)
        found, wanted = hashlib.sha256(), path.stem.split("-")[1]
        with temporary.open("rb") as file:
            while chunk := file.read(1 << 20):
                found.update(chunk)
        if not found.hexdigest().startswith(wanted):
            raise TeachingError(f"its SHA-256 begins with {found.hexdigest()[:8]}, not {wanted}: it is another file")
        temporary.replace(path)


def _imagenet_weights() -> dict[str, Tensor]:
    """torchvision's VGG-19, cut at conv5_1: from the cache beside torch hub's file, or downloaded and cut now."""
    url = _imagenet_address()
    whole, cut = _imagenet_files()
    folder = whole.parent
    if cut.is_file():
        return _read_weights(cut)
    downloaded_now = not whole.is_file()
    if downloaded_now:
        print(f"Downloading VGG-19 (548 MB, once) to {whole}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _fetch(url, whole)
        except (OSError, TeachingError) as error:
            raise TeachingError(
                f"VGG-19 could not be downloaded ({error}). Try again when online; load_vgg19('compact') needs no "
                f"download. Or put {whole.name} from another machine into {folder}."
            ) from None
    state = _read_weights(whole)
    write_whole(cut, save(state))
    if downloaded_now:
        whole.unlink()
    return state
