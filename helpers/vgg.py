"""VGG-19 with named layers: what the network sees in an image.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015 (arXiv:1409.1556);
its use for style: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
"""

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.base.errors import TeachingError
from helpers.base.places import DATA
from helpers.engine.checks import check_poolings
from helpers.engine.convolution import Conv2d
from helpers.engine.precision import best_device, memory_layout
from helpers.engine.threads import limit_threads
from helpers.engine.weights import imagenet_weights, read_weights

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

COMPACT_WEIGHTS = DATA / "weights" / "compact.safetensors"

# Output channels of Simonyan and Zisserman's network (configuration E), layer by layer.
VGG19_CHANNELS = {name: min(64 * 2 ** (int(name[4]) - 1), 512) for name in LAYERS.values()}


class VGG19(nn.Sequential):
    """VGG-19's convolutions up to conv5_1: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ... conv5_1, relu5_1.

    The modules stand in torchvision's order, so `model[i]` is `torchvision.models.vgg19().features[i]`, and carry the
    paper's names, so `model.conv1_1` is the first convolution. The ReLUs are not in-place: a response that was
    kept stays what it was.

    channels: layer name -> number of output channels. pooling: "avg" or "max"; TeachingError is raised for any other.
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
            # Zeros around the image would be a grey frame, and the optimisation paints what it sees; so the first
            # convolution repeats the border instead. VGG-19's deeper filters were trained with zeros and keep them.
            padding = "replicate" if name == "conv1_1" or channels != VGG19_CHANNELS else "zeros"
            modules[name] = Conv2d(inputs, channels[name], 3, padding=1, padding_mode=padding)
            modules[name.replace("conv", "relu")] = nn.ReLU()
            previous, inputs = block, channels[name]
        super().__init__(modules)
        self.pooling = pooling


def get_features(image: Tensor, model: VGG19, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
    """The responses of the named layers to an image, each after its ReLU.

    image: (B, 3, H, W), ImageNet-normalised.
    layers: names such as "conv3_1", in any order; None means the report's: five for style and conv4_2 for content.
    Returns name -> (B, C, H', W') in the network's order; each pooling before the layer has halved H and W, rounding
    down. Computes no further than the deepest layer. Raises TeachingError for a layer that does not exist, or an image
    too small to reach the deepest one.
    """
    wanted = {*STYLE_LAYERS, CONTENT_LAYER} if layers is None else set(layers)
    check_layers(wanted)
    check_poolings(image, max(wanted, default="conv1_1"))
    features: dict[str, Tensor] = {}
    for name, module in model.named_children():
        if len(features) == len(wanted):
            break
        image = module(image)
        layer = name.replace("relu", "conv")  # a convolution's response is what its ReLU lets through
        if name.startswith("relu") and layer in wanted:
            features[layer] = image  # (B, C, H', W')
    return features


def check_layers(names: Iterable[str]) -> None:
    """Raises TeachingError for the first name that is no layer, with the names that its block does have."""
    for name in names:
        if not isinstance(name, str) or name not in VGG19_CHANNELS:
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
    device: "auto" takes a CUDA GPU where there is one, else the processor; "mps" asks for Apple's GPU, untested.
    Raises TeachingError where the weights cannot be had, are damaged, or belong to another network.
    """
    limit_threads()
    if weights == "imagenet":
        state_dict = imagenet_weights(LAYERS)
    else:
        state_dict = read_weights(COMPACT_WEIGHTS if weights == "compact" else Path(weights), LAYERS)
    channels = {name: len(state_dict[f"{name}.weight"]) for name in LAYERS.values()}
    model = VGG19(channels, pooling)
    model.load_state_dict(state_dict)
    device = best_device() if device == "auto" else torch.device(device)
    model = model.to(device, torch.float32, memory_format=memory_layout(device))
    return model.requires_grad_(False).eval()
