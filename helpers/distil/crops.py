"""What the networks look at in training: random crops of photographs, paintings and patterns, in many looks."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from helpers.base.errors import TeachingError
from helpers.base.pictures import pictures_in
from helpers.distil.looks import chance, in_another_look, pattern
from helpers.images import MEAN, STD, load_image

CROP = 224  # pixels: conv5_1's receptive field is 156
LONGEST = 640  # pixels of a picture that is read
PAINTINGS, PATTERNS = 0.35, 0.08  # shares of the crops; the rest are photographs
LOOK_OF_PHOTOGRAPHS, LOOK_OF_PAINTINGS = 0.5, 0.3  # how often each gets another look
LOADED_TOGETHER = 32


class Crops(Dataset):
    """Endlessly many crops, (3, CROP, CROP), normalised; the same ones for the same seed, each by its number.

    photographs, paintings: (3, H, W), uint8.
    """

    def __init__(self, photographs: Sequence[Tensor], paintings: Sequence[Tensor], seed: int):
        self.photographs, self.paintings, self.seed = photographs, paintings, seed
        self.cut = v2.Compose([
            v2.RandomResizedCrop(CROP, scale=(0.1, 1.0), ratio=(0.8, 1.25), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.6, 0.1)], p=0.5),
        ])  # fmt: skip

    def __getitem__(self, number: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 10**9 + number)
            crop = self.random_crop()
            if chance(0.15):
                crop = crop + torch.randn_like(crop) * 0.05
            return ((crop.clamp(0, 1) - MEAN) / STD)[0]

    def random_crop(self) -> Tensor:
        """(3, CROP, CROP) in [0, 1], from torch's global generator."""
        if chance(PATTERNS):
            return pattern(CROP, CROP)
        painting = chance(PAINTINGS / (1 - PATTERNS))
        pictures = self.paintings if painting else self.photographs
        crop = self.cut(pictures[int(torch.randint(len(pictures), ()))])
        return in_another_look(crop) if chance(LOOK_OF_PAINTINGS if painting else LOOK_OF_PHOTOGRAPHS) else crop


def stream(crops: Crops, first: int, last: int) -> Iterator[Tensor]:
    """The crops from one number to before another, in order, in batches of 32 at most; all processors prepare them."""
    workers = max((os.cpu_count() or 1) - 2, 0)
    return iter(DataLoader(crops, LOADED_TOGETHER, sampler=range(first, last), num_workers=workers))


def read_pictures(folder: Path) -> list[Tensor]:
    """All pictures of a folder as (3, H, W), uint8, at most 640 pixels long; raises TeachingError if there are none."""
    pictures = [load_image(path, LONGEST) for path in pictures_in(folder).values()]
    if not pictures:
        raise TeachingError(f"'{folder}' holds no pictures (.jpg, .png or .webp).")
    return [((x * STD + MEAN) * 255).round().to(torch.uint8)[0] for x in pictures]
