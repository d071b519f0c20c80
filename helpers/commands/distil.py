"""How the compact network was trained: `python3 -m helpers distil --teacher imagenet --images DIR`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torchvision.transforms import v2
from tqdm import tqdm

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.parser import Parser
from helpers.base.pictures import pictures_in
from helpers.base.places import DATA
from helpers.distil.crops import Crops, read_pictures
from helpers.distil.networks import CHANNELS, load_teacher, scale_to_unit_mean
from helpers.distil.training import Plan, train
from helpers.engine.precision import best_device
from helpers.images import MEAN, STD, load_image
from helpers.runs.judge import agreement
from helpers.vgg import COMPACT_WEIGHTS

HELD_OUT = 12  # photographs to measure on, where no others are named


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


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """The command's options, read and checked."""
    parser = Parser(
        prog="python3 -m helpers distil",
        description="Trains the compact network on a teacher's responses. Interrupted, it goes on from its checkpoint. "
        "It takes minutes on a large GPU, and days on two processor cores.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--teacher", required=True, help="imagenet, or a file of VGG-19's weights (.pth, .safetensors, Caffe's as .npz)"
    )
    add("--images", required=True, type=Path, metavar="DIR", help="photographs to train on")
    add("--paintings", type=Path, metavar="DIR", default=DATA / "style", help="paintings to train on")
    add("--evaluate", type=Path, metavar="DIR", help="pictures to measure on (default: 12 of --images, held out)")
    add("--rounds", type=int, default=Plan.rounds, help="of training, of --steps each")
    add("--steps", type=int, default=Plan.steps, help="of the optimizer in a round")
    add("--batch", type=int, default=Plan.batch, help="crops in a step")
    add("--rate", type=float, default=Plan.rate, help="the highest learning rate")
    add("--seed", type=int, default=Plan.seed, help="of everything random")
    add("--out", type=Path, default=COMPACT_WEIGHTS, help="the trained network (.safetensors)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong."""
    try:
        typed = options_of(arguments)
        plan = Plan(typed.rounds, typed.steps, typed.batch, typed.rate, typed.seed)
        teacher = load_teacher(typed.teacher)
        photographs = read_pictures(typed.images)
        images = held_out(typed.evaluate, photographs)
        crops = Crops(photographs, read_pictures(typed.paintings), typed.seed)
        with tqdm(total=typed.rounds, unit="round", leave=False) as bar:

            def report(done: int, missed: dict[str, float]) -> None:
                bar.update(done - bar.n)
                shares = "  ".join(f"{name.replace('conv', '')} {share:.3f}" for name, share in missed.items())
                tqdm.write(f"round {done:3}: {shares}")

            network = train(teacher, crops, plan, typed.out.with_suffix(".checkpoint"), best_device(), report)
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    scale_to_unit_mean(network, torch.stack([crops[number] for number in range(64)]))
    table = "| layer | unexplained | dead channels |\n|---|---|---|\n" + "".join(
        f"| {name} | {share:.3f} | {dead} of {CHANNELS[name]} |\n"
        for name, (share, dead) in agreement(network, teacher.cpu(), images).items()
    )
    print(table)
    write_whole(typed.out, save({name: value.half().contiguous() for name, value in network.state_dict().items()}))
    write_whole(typed.out.with_suffix(".md"), table.encode())
    return 0
