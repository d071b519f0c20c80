"""How the compact network was trained: `python3 -m helpers distil --teacher imagenet --images DIR`.

Knowledge distillation by hints (Romero et al., "FitNets", 2015, arXiv:1412.6550): the student, a VGG-19 with a fraction
of the channels, looks at the same picture as the teacher, and a 1x1 projection of each of its layers must reproduce the
teacher's response there. Three things make it work:

- Batch normalisation between convolution and ReLU keeps channels alive; it is folded into the convolution at the end.
- The teacher is the expensive part, so its responses are kept in a pool and each is learned from several times.
- A third of the pictures are painted by the student itself, stopped anywhere between noise and painting. Style transfer
  searches for whatever satisfies the student, so it finds the pictures that only the student thinks are right;
  there the teacher has to correct it.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torchvision.transforms import v2

from helpers.losses import gram_matrix
from helpers.vgg import CONTENT_LAYER, LAYERS, STYLE_LAYERS, VGG19, get_features

# A quarter of VGG-19's channels, and somewhat more where the picture is smallest and a channel costs least.
CHANNELS = dict(
    zip(LAYERS.values(), (16, 16, 32, 32, 64, 64, 64, 64, 160, 128, 128, 128, 256), strict=True)
)  # fmt: skip

CROP = 160  # pixels: just more than conv5_1's receptive field of 156
BATCH = 8
FRESH = 96  # crops that join the pool in a round
POOL = 2048  # crops to learn from; the oldest leave first
STEPS = 128  # optimizer steps in a round, so that a crop is used about ten times
MAX_POSITIONS = 20  # a response is compared at no more than 20 x 20 positions: neighbours hardly differ

# The layers that style transfer reads count most; the others guide the way to them.
IMPORTANCE = {name: 1.0 if name in (*STYLE_LAYERS, CONTENT_LAYER) else 0.25 for name in LAYERS.values()}


def samples(response: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, positions, C): a response at every k-th row and column, at most 20 x 20 positions."""
    k = max(1, round(response.shape[-1] / MAX_POSITIONS))
    return response[..., k // 2 :: k, k // 2 :: k].flatten(2).transpose(1, 2).contiguous()


class Student(nn.Module):
    """The network in training: convolutions with batch normalisation, and a projection of each layer."""

    def __init__(self, channels: dict[str, int], teacher_channels: dict[str, int]):
        super().__init__()
        self.network = VGG19(channels)
        self.project = nn.ModuleDict()
        for name in LAYERS.values():
            conv = getattr(self.network, name)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
            setattr(self.network, name, nn.Sequential(conv, nn.BatchNorm2d(channels[name])))
            self.project[name] = nn.Linear(channels[name], teacher_channels[name])

    def loss(self, crops: Tensor, targets: dict[str, Tensor], energy: dict[str, float]) -> dict[str, Tensor]:
        """For each layer, the share of the teacher's energy that the projection misses: |P s - t|^2 / |t|^2.

        crops: (B, 3, CROP, CROP); targets: layer -> the teacher's `samples`; energy: layer -> their mean square.
        """
        features = get_features(crops, self.network, targets)
        return {
            name: mse_loss(self.project[name](samples(features[name])), target) / energy[name]
            for name, target in targets.items()
        }

    def folded(self) -> VGG19:
        """The network by itself, batch normalisation folded into the convolutions, for use and not for training."""
        self.network.eval()
        plain = VGG19({name: conv[0].out_channels for name, conv in self.network.named_children() if "conv" in name})
        for name in LAYERS.values():
            setattr(plain, name, nn.utils.fuse_conv_bn_eval(*getattr(self.network, name)))
        self.network.train()
        return plain.requires_grad_(False).to(memory_format=torch.channels_last)


def random_crops(images: list[Tensor], count: int) -> Tensor:
    """`count` crops (count, 3, CROP, CROP), normalised, of random pictures at random scales, colours and noise."""
    crop = v2.Compose([
        v2.RandomResizedCrop(CROP, scale=(0.08, 1.0), ratio=(0.8, 1.25), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.6, 0.1)], p=0.6),
        v2.ToDtype(torch.float32, scale=True),
        v2.RandomApply([v2.GaussianNoise(sigma=0.05)], p=0.2),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])  # fmt: skip
    return torch.stack([crop(images[i]) for i in torch.randint(len(images), (count,)).tolist()])


def paint(network: VGG19, canvases: Tensor, contents: Tensor, styles: Tensor, steps: int) -> Tensor:
    """Goes on painting the canvases, each after its own content and style, with a style weight drawn for each.

    canvases, contents, styles: (B, 3, CROP, CROP), normalised. Returns the canvases, detached.
    """
    style_weight = 10 ** torch.empty(len(contents)).uniform_(1, 3)
    with torch.no_grad():
        content = get_features(contents, network, [CONTENT_LAYER])[CONTENT_LAYER]
        grams = {name: gram_matrix(f) for name, f in get_features(styles, network, STYLE_LAYERS).items()}
    canvases = canvases.clone(memory_format=torch.channels_last).requires_grad_()
    optimizer = torch.optim.Adam([canvases], lr=0.15, betas=(0.9, 0.99))
    for _ in range(steps):
        optimizer.zero_grad()
        features = get_features(canvases, network)
        loss = (features[CONTENT_LAYER] - content).square().mean((1, 2, 3)) / content.square().mean((1, 2, 3))
        for name, gram in grams.items():
            error = (gram_matrix(features[name]) - gram).square().sum((1, 2)) / gram.square().sum((1, 2))
            loss = loss + style_weight / len(grams) * error
        loss.sum().backward()
        optimizer.step()
        with torch.no_grad():
            canvases.clamp_(-2.1, 2.6)
    return canvases.detach()
