"""How the compact network was trained: `python3 -m helpers distil --teacher imagenet --images DIR`.

Knowledge distillation by hints (Romero et al., "FitNets", 2015, arXiv:1412.6550): the student, a VGG-19 with a fraction
of the channels, looks at the same picture as the teacher, and an affine projection of each of its layers must reproduce
the teacher's response there. Three things make it work:

- Batch normalisation between convolution and ReLU keeps channels alive; it is folded into the convolution at the end.
- The teacher is the expensive part, so a pool keeps its responses, and the student learns from each several times.
- A quarter of the new pictures are painted by the student itself, stopped anywhere between noise and painting. Style
  transfer searches for whatever satisfies the student, so it finds the pictures that only the student thinks are
  right; there the teacher has to correct it.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torchvision.transforms import v2
from tqdm import tqdm

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.parser import Parser
from helpers.base.pictures import pictures_in
from helpers.base.places import DATA
from helpers.images import MEAN, STD, load_image
from helpers.losses import content_loss, gram_matrix, style_loss
from helpers.runs.judge import agreement
from helpers.vgg import (
    COMPACT_WEIGHTS,
    CONTENT_LAYER,
    LAYERS,
    STYLE_LAYERS,
    VGG19,
    get_features,
    load_vgg19,
)

# A quarter of VGG-19's channels, and more at conv4_1 and conv5_1, whose statistics are hardest to match; there the
# picture is small, and a channel costs little.
CHANNELS = dict(zip(LAYERS.values(), (16, 16, 32, 32, 64, 64, 64, 64, 160, 128, 128, 128, 256), strict=True))

CROP = 160  # pixels: just more than conv5_1's receptive field of 156
BATCH = 8
CROPS_A_ROUND = 96  # crops that join the pool in a round; the first round brings more
CROPS_AT_FIRST = 512
POOL = 2048  # crops to learn from; the oldest leave first
STEPS_A_ROUND = 128  # optimizer steps in a round, so that a crop is used about ten times
MAX_POSITIONS = 20  # a response is compared at no more than 20 x 20 positions: neighbours hardly differ
CANVASES = 12  # pictures that the student paints; each joins the pool twice a round
HELD_OUT = 12  # photographs to measure on, where no others are named
ROUNDS_ALONE = 4  # at the beginning, before the student can paint

# The layers that style transfer reads count most, the deep ones among them above all, for they are hardest to match;
# the others guide the way to them.
IMPORTANCE = dict.fromkeys(LAYERS.values(), 0.2) | {
    "conv1_1": 1, "conv2_1": 1, "conv3_1": 1.5, "conv4_1": 2, "conv4_2": 1, "conv5_1": 2,
}  # fmt: skip


class Student(nn.Module):
    """The network in training: convolutions with batch normalisation, and a projection of each layer."""

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

    def loss(self, crops: Tensor, targets: dict[str, Tensor], energy: dict[str, float]) -> dict[str, Tensor]:
        """For each layer, the share of the teacher's energy that the projection misses: |P s - t|^2 / |t|^2.

        crops: (B, 3, CROP, CROP); targets: layer -> the teacher's `samples`; energy: layer -> the samples' mean square.
        """
        features = get_features(crops, self.network, targets)
        return {
            name: mse_loss(self.project[name](samples(features[name])), target) / energy[name]
            for name, target in targets.items()
        }

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
    k = max(1, round(response.shape[-1] / MAX_POSITIONS))
    return response[..., k // 2 :: k, k // 2 :: k].flatten(2).transpose(1, 2).contiguous()


def random_crops(pictures: Sequence[Tensor], count: int) -> Tensor:
    """Crops of pictures (3, H, W), uint8, with random scale, colours and noise: (count, 3, CROP, CROP), normalised."""
    crop = v2.Compose([
        v2.RandomResizedCrop(CROP, scale=(0.08, 1.0), ratio=(0.8, 1.25), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.6, 0.1)], p=0.6),
        v2.ToDtype(torch.float32, scale=True),
        v2.RandomApply([v2.GaussianNoise(sigma=0.05)], p=0.2),
    ])  # fmt: skip
    pixels = torch.stack([crop(pictures[i]) for i in torch.randint(len(pictures), (count,)).tolist()])
    return (pixels - MEAN) / STD


class Pool:
    """The last POOL crops, with the teacher's responses to them (in half precision, to save memory)."""

    def __init__(self, teacher: VGG19):
        self.teacher, self.size = teacher, 0
        self.crops = torch.zeros(POOL, 3, CROP, CROP)
        self.targets: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, crops: Tensor) -> None:
        """Adds crops (N, 3, CROP, CROP), N a multiple of BATCH, and the teacher's responses to them."""
        for batch in crops.split(BATCH):
            at = self.size % POOL
            self.crops[at : at + BATCH] = batch
            for name, response in get_features(batch, self.teacher, LAYERS.values()).items():
                target = samples(response)
                if name not in self.targets:
                    self.targets[name] = torch.zeros(POOL, *target.shape[1:], dtype=torch.half)
                self.targets[name][at : at + BATCH] = target
            self.size += BATCH

    def draw(self) -> tuple[Tensor, dict[str, Tensor]]:
        """A random batch: crops (BATCH, 3, CROP, CROP), and layer -> (BATCH, positions, C)."""
        indices = torch.randint(min(self.size, POOL), (BATCH,))
        crops = self.crops[indices].contiguous(memory_format=torch.channels_last)
        return crops, {name: targets[indices].float() for name, targets in self.targets.items()}


class Canvases:
    """The canvases on which the student paints: each starts as noise, and has its own content and style."""

    def __init__(self, photographs: Sequence[Tensor], styles: Sequence[Tensor]):
        self.photographs, self.styles = photographs, styles
        self.canvas, self.content, self.style = torch.zeros(3, CANVASES, 3, CROP, CROP)
        self.begun = False

    def paint(self, network: VGG19) -> Tensor:
        """Goes on with each canvas, or in one case of five begins a new one.

        Returns (2 * CANVASES, 3, CROP, CROP), normalised: all canvases halfway, then all at the end.
        """
        new = torch.rand(CANVASES) < (0.2 if self.begun else 1.0)
        self.begun, count = True, int(new.sum())
        if count:
            self.canvas[new] = torch.empty(count, 3, CROP, CROP).uniform_(-0.7, 0.7)
            self.content[new] = random_crops(self.photographs, count)
            self.style[new] = random_crops(self.styles, count)
        half_way = self._iterate(network, self.canvas, int(torch.randint(3, 22, ())))
        self.canvas = self._iterate(network, half_way, 15)
        return torch.cat([half_way, self.canvas])

    def _iterate(self, network: VGG19, canvas: Tensor, steps: int) -> Tensor:
        """`style_transfer`'s iterations for several pictures at once, each with a style weight drawn at random."""
        style_weight = (10 ** torch.empty(CANVASES).uniform_(1, 3)).tolist()
        with torch.no_grad():
            content = get_features(self.content, network, [CONTENT_LAYER])[CONTENT_LAYER]
            grams = {name: gram_matrix(f) for name, f in get_features(self.style, network, STYLE_LAYERS).items()}
        canvas = canvas.clone(memory_format=torch.channels_last).requires_grad_()
        optimizer = torch.optim.Adam([canvas], lr=0.15, betas=(0.9, 0.99))
        for _ in range(steps):
            optimizer.zero_grad()
            features = get_features(canvas, network)
            loss = 0
            for i, weight in enumerate(style_weight):
                one = slice(i, i + 1)
                loss = loss + content_loss(features[CONTENT_LAYER][one], content[one], relative=True)
                for name, gram in grams.items():
                    loss = loss + weight / len(grams) * style_loss(features[name][one], gram[one], relative=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                canvas.clamp_(-2.1, 2.6)
        return canvas.detach()


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


def load_teacher(name: str) -> VGG19:
    """VGG-19 with maximum pooling, as it was trained: "imagenet", a file of weights, or the original ones as .npz.

    The original (Simonyan and Zisserman's Caffe model) takes BGR from 0 to 255 minus a mean. Its first layer is changed
    here so that it takes our image tensors. Raises TeachingError if the file cannot be read.
    """
    if not name.endswith(".npz"):
        return load_vgg19(name, "max", device="cpu")
    try:
        with np.load(name, allow_pickle=False) as file:
            state_dict = {key: torch.from_numpy(file[key].astype(np.float32)) for key in file}
    except (OSError, ValueError) as error:
        raise TeachingError(f"The teacher '{name}' cannot be read: {error}.") from None
    caffe_mean = torch.tensor([123.68, 116.779, 103.939])
    rgb = state_dict["conv1_1.weight"].flip(1)
    state_dict["conv1_1.bias"] += (rgb.sum((2, 3)) * (255 * MEAN.flatten() - caffe_mean)).sum(1)
    state_dict["conv1_1.weight"] = rgb * 255 * STD
    teacher = VGG19(pooling="max")
    teacher.load_state_dict(state_dict)
    return teacher.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def read_pictures(folder: Path) -> list[Tensor]:
    """All pictures of a folder as (3, H, W), uint8, at most 640 pixels long; raises TeachingError if there are none."""
    pictures = [load_image(path, 640) for path in pictures_in(folder).values()]
    if not pictures:
        raise TeachingError(f"'{folder}' holds no pictures (.jpg, .png or .webp).")
    return [((x * STD + MEAN) * 255).round().to(torch.uint8)[0] for x in pictures]


def train(
    teacher: VGG19,
    photographs: list[Tensor],
    paintings: list[Tensor],
    rounds: int,
    checkpoint: Path,
    rate: float,
    seed: int,
) -> Student:
    """Trains a student, from the checkpoint on if there is one; saves a checkpoint after every round.

    photographs, paintings: (3, H, W), uint8. Paintings are few and matter, so each counts four times.
    The learning rate rises for 300 steps and then falls along a cosine to 0 in the last round.
    """
    pictures = photographs + 4 * paintings
    torch.manual_seed(seed)
    calibration = random_crops(pictures, 32)
    scale_to_unit_mean(teacher, calibration)
    with torch.no_grad():
        responses = get_features(calibration, teacher, LAYERS.values())
    energy = {name: samples(response).square().mean().item() for name, response in responses.items()}
    student = Student(CHANNELS, teacher).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=1e-2, betas=(0.9, 0.99))
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        student.load_state_dict(saved["student"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["round"]
    pool, canvases = Pool(teacher), Canvases(photographs, paintings + photographs[::8])

    for n in range(first, rounds):
        torch.manual_seed(seed + 1000 + n)
        fresh = random_crops(pictures, CROPS_AT_FIRST if n == first else CROPS_A_ROUND)
        if n >= ROUNDS_ALONE:
            painted = canvases.paint(student.folded())
            fresh[-len(painted) :] = painted
        pool.add(fresh)
        missed = dict.fromkeys(LAYERS.values(), 0.0)
        bar = tqdm(range(STEPS_A_ROUND), desc=f"round {n + 1} of {rounds}", leave=False)
        for step in bar:
            progress = (n + step / STEPS_A_ROUND) / rounds
            warm = min(1, (n * STEPS_A_ROUND + step + 1) / 300)
            optimizer.param_groups[0]["lr"] = rate * warm * (1 + math.cos(math.pi * progress)) / 2
            losses = student.loss(*pool.draw(), energy)
            optimizer.zero_grad()
            sum(IMPORTANCE[name] * loss for name, loss in losses.items()).backward()
            optimizer.step()
            for name, loss in losses.items():
                missed[name] += loss.item() / STEPS_A_ROUND
        tqdm.write(f"{bar.desc}: " + "  ".join(f"{name[4:]} {share:.3f}" for name, share in missed.items()))
        state = {"student": student.state_dict(), "optimizer": optimizer.state_dict(), "round": n + 1}
        partial = checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(checkpoint)
    return student


def held_out(folder: Path | None, photographs: list[Tensor]) -> list[Tensor]:
    """Image tensors to measure on: those of a folder, or twelve of the photographs, which are removed from that list.

    Each is (1, 3, H, W), both sides multiples of 32: of a folder's pictures the long side is 384 at most, of the
    photographs the short side is 256.
    """
    if folder:
        images = [load_image(path, 384) for path in pictures_in(folder).values()]
    elif len(photographs) <= HELD_OUT:
        raise TeachingError(
            f"{len(photographs)} photographs are too few to hold {HELD_OUT} of them out; give more, or --evaluate DIR."
        )
    else:
        spaced = sorted({round(i) for i in np.linspace(0, len(photographs) - 1, HELD_OUT)}, reverse=True)
        images = [(v2.functional.resize(photographs.pop(i), 256)[None] / 255 - MEAN) / STD for i in spaced]
    return [x[..., : x.shape[2] // 32 * 32, : x.shape[3] // 32 * 32] for x in images]


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong."""
    options = Parser(
        prog="python3 -m helpers distil",
        description="Trains the compact network on a teacher's responses. Interrupted, it goes on from its checkpoint.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = options.add_argument
    add(
        "--teacher", required=True, help="imagenet, or a file of VGG-19's weights (.pth, .safetensors, Caffe's as .npz)"
    )
    add("--images", required=True, type=Path, metavar="DIR", help="photographs to train on")
    add("--paintings", type=Path, metavar="DIR", default=DATA / "style", help="paintings to train on")
    add("--evaluate", type=Path, metavar="DIR", help="pictures to measure on (default: 12 of --images, held out)")
    add("--rounds", type=int, default=64, help=f"of {STEPS_A_ROUND} steps; about a minute and a half each on two cores")
    add("--rate", type=float, default=2e-3, help="the highest learning rate")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=COMPACT_WEIGHTS, help="the trained network (.safetensors)")
    try:
        typed = options.parse_args(arguments)
        teacher = load_teacher(typed.teacher)
        photographs = read_pictures(typed.images)
        images = held_out(typed.evaluate, photographs)
        paintings = read_pictures(typed.paintings)
        checkpoint = typed.out.with_suffix(".checkpoint")
        student = train(teacher, photographs, paintings, typed.rounds, checkpoint, typed.rate, typed.seed)
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    network = student.folded()
    torch.manual_seed(typed.seed)
    scale_to_unit_mean(network, random_crops(photographs, 64))
    table = "| layer | unexplained | dead channels |\n|---|---|---|\n" + "".join(
        f"| {name} | {share:.3f} | {dead} of {CHANNELS[name]} |\n"
        for name, (share, dead) in agreement(network, teacher, images).items()
    )
    print(table)
    write_whole(typed.out, save({name: value.half().contiguous() for name, value in network.state_dict().items()}))
    write_whole(typed.out.with_suffix(".md"), table.encode())
    return 0
