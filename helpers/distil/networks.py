"""Teacher and student: VGG-19 itself, and the network with fewer channels that learns to see as it does."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from helpers.base.errors import TeachingError
from helpers.images import MEAN, STD
from helpers.losses import TINY
from helpers.vgg import LAYERS, STYLE_LAYERS, VGG19, get_features, load_vgg19

# A quarter of VGG-19's channels, and up to all of them where statistics are hardest to match: at conv4_1 and conv5_1,
# where the picture is small and a channel costs little.
CHANNELS = dict(zip(LAYERS.values(), (16, 16, 32, 32, 64, 64, 64, 64, 256, 128, 128, 128, 512), strict=True))

MAX_POSITIONS = 20  # responses are compared at no more than 20 x 20 positions: neighbours hardly differ
QUIET = 0.2  # of the mean energy, which is added to each crop's, so that nothing is divided by zero


class Student(nn.Module):
    """The network in training: convolutions with batch normalisation, and a projection of each layer.

    channels: layer name -> number of output channels.
    """

    def __init__(self, channels: dict[str, int], teacher: VGG19):
        super().__init__()
        self.network = VGG19(channels)
        self.project = nn.ModuleDict()
        for name in LAYERS.values():
            conv = getattr(self.network, name)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
            setattr(self.network, name, nn.Sequential(conv, nn.BatchNorm2d(channels[name])))
            self.project[name] = nn.Linear(channels[name], getattr(teacher, name).out_channels)

    def missed(self, crops: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the projections miss of the teacher's responses to crops (B, 3, H, W), as a mean over the crops.

        targets: layer -> the teacher's response (B, T, H', W'). Returns layer -> the missed share of the responses'
        energy, |P s - t|^2 / |t|^2, and "gram_" + style layer -> of the Gram matrices', |G(P s) - G(t)|^2 / |G(t)|^2.
        The network computes in the crops' precision; the rest is float32.
        """
        features = get_features(crops, self.network, targets)
        missed = {
            name: share(self.project[name](samples(features[name])), samples(target))
            for name, target in targets.items()
        }
        for name in STYLE_LAYERS:
            target = mean_gram(targets[name].flatten(2).float())
            missed[f"gram_{name}"] = share(projected_gram(features[name], self.project[name]), target)
        return missed

    def folded(self) -> VGG19:
        """The network by itself, batch normalisation folded into the convolutions, for use and not for training."""
        self.network.eval()
        plain = VGG19({name: getattr(self.network, name)[0].out_channels for name in LAYERS.values()})
        for name in LAYERS.values():
            setattr(plain, name, nn.utils.fuse_conv_bn_eval(*getattr(self.network, name)))
        self.network.train()
        return plain.requires_grad_(False).to(memory_format=torch.channels_last)


def samples(response: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, positions, C): a response at every k-th row and column, for crops at most 20 x 20."""
    k = -(-response.shape[-1] // MAX_POSITIONS)
    return response[..., k // 2 :: k, k // 2 :: k].flatten(2).transpose(1, 2).float()


def mean_gram(maps: Tensor) -> Tensor:
    """(B, C, N) -> (B, C, C): the Gram matrix, divided by the number of positions."""
    return maps @ maps.mT / maps.shape[2]


def projected_gram(response: Tensor, project: nn.Linear) -> Tensor:
    """The Gram matrix of P s, (B, T, T), from s, (B, C, H, W): P G(s) P^T, with a map of ones for the bias of P."""
    maps = response.flatten(2).float()  # (B, C, N)
    maps = torch.cat([maps, torch.ones_like(maps[:, :1])], dim=1)  # (B, C + 1, N)
    matrix = torch.cat([project.weight, project.bias[:, None]], dim=1)  # (T, C + 1)
    return matrix @ mean_gram(maps) @ matrix.T


def share(estimate: Tensor, target: Tensor) -> Tensor:
    """|estimate - target|^2 / |target|^2 for each crop of (B, ...), averaged; a quiet crop counts a little less."""
    energy = target.square().mean((1, 2))  # (B,)
    error = (estimate - target).square().mean((1, 2))
    return (error / (energy + QUIET * energy.mean()).clamp_min(TINY)).mean()


@torch.no_grad()
def scale_to_unit_mean(network: VGG19, images: Tensor) -> None:
    """Scales every layer so that its mean response over images (B, 3, H, W) is 1, and nothing else changes.

    A ReLU commutes with positive factors, so the next layer's filters can undo a layer's factor.
    """
    before = 1.0
    for name, response in get_features(images, network, LAYERS.values()).items():
        mean = response.mean().item()
        convolution = getattr(network, name)
        convolution.weight.mul_(before / mean)
        convolution.bias.div_(mean)
        before = mean


def load_teacher(name: str, pooling: str = "max") -> VGG19:
    """VGG-19, with maximum pooling as it was trained: "imagenet", a file of weights, or the original ones as .npz.

    The original (Simonyan and Zisserman's Caffe model) takes BGR from 0 to 255 minus a mean. Its first layer is changed
    here so that it takes our image tensors. Raises TeachingError if the file cannot be read.
    """
    if not name.endswith(".npz"):
        return load_vgg19(name, pooling, device="cpu")
    try:
        with np.load(Path(name), allow_pickle=False) as file:
            state_dict = {key: torch.from_numpy(file[key].astype(np.float32)) for key in file}
    except (OSError, ValueError) as error:
        raise TeachingError(f"The teacher '{name}' cannot be read: {error}.") from None
    caffe_mean = torch.tensor([123.68, 116.779, 103.939])
    rgb = state_dict["conv1_1.weight"].flip(1)
    state_dict["conv1_1.bias"] += (rgb.sum((2, 3)) * (255 * MEAN.flatten() - caffe_mean)).sum(1)
    state_dict["conv1_1.weight"] = rgb * 255 * STD
    teacher = VGG19(pooling=pooling)
    teacher.load_state_dict(state_dict)
    return teacher.requires_grad_(False).eval().to(memory_format=torch.channels_last)
