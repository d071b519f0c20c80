"""Makes two_networks.jpg, of lesson 6 and of the model card: pairs painted with VGG-19 and with the compact network.

python3 -m helpers render --help   # once, so that the environment exists
.venv/bin/python docs/two_networks.py imagenet   # or a file of VGG-19's weights; five minutes on two cores

Prints the style distances and content correlations of the twelve pictures, as VGG-19 with maximum pooling sees them.
"""

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

from helpers.distil import looks
from helpers.distil.networks import load_teacher
from helpers.images import MEAN, STD, as_pillow, load_image
from helpers.runs.judge import content_correlation, style_distance
from helpers.transfer import coarse_to_fine
from helpers.vgg import load_vgg19

HERE = Path(__file__).resolve().parent
SIZE = 384  # pixels, the long side of what is painted
PANEL, GAP, LINE = (228, 190), 4, 22  # pixels


def in_look(name: str, look: str, seed: int) -> Tensor:
    """A bundled painting in another look: areas of flat colour, a drawing, a print. (1, 3, H, W)"""
    torch.manual_seed(seed)
    picture = (load_image(name, 512) * STD + MEAN)[0]
    if look == "flat":
        changed = looks.palette(looks.flattened(picture))
    elif look == "drawing":
        changed = (0.93 - 0.81 * looks.lines(picture)).expand(3, -1, -1)  # dark ink on light paper
    else:
        changed = looks.hatched(picture)
    return (changed.clamp(0, 1) - MEAN) / STD


def main(weights: str) -> None:
    """Paints the twelve pictures, prints the table, and puts the sheet together."""
    judge = load_teacher(weights)
    networks = {"VGG-19": load_teacher(weights, "avg"), "compact": load_vgg19()}
    pairs = {
        ("landscape", "van_gogh"): load_image("van_gogh", SIZE),
        ("portrait", "kandinsky"): load_image("kandinsky", SIZE),
        ("landscape", "picasso"): load_image("picasso", SIZE),
        ("portrait", "flat colours"): in_look("kandinsky", "flat", 1),
        ("landscape", "a drawing"): in_look("van_gogh", "drawing", 3),
        ("portrait", "a print"): in_look("picasso", "print", 5),
    }
    print("| content | style | network | style distance | content kept |\n|---|---|---|---|---|")
    left, top = 3 * (PANEL[0] + GAP) + 4 * GAP, PANEL[1] + LINE + GAP
    sheet = Image.new("RGB", (2 * left - 5 * GAP, 3 * top), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, ((photograph, manner), style) in enumerate(pairs.items()):
        content = load_image(photograph, SIZE)
        panels = {f"style: {manner}": as_pillow(style)}
        for name, network in networks.items():
            for step in coarse_to_fine(content, style, network):  # noqa: B007 (the last one counts)
                pass
            panels[name] = as_pillow(step.image)
            distance = style_distance(step.image, content, style, judge)
            kept = content_correlation(step.image, content, judge)
            print(f"| {photograph} | {manner} | {name} | {sum(distance.values()) / 5:.3f} | {kept:.2f} |", flush=True)
        for column, (title, panel) in enumerate(panels.items()):
            at = number % 2 * left + column * (PANEL[0] + GAP), number // 2 * top
            draw.text(at, title, "black", font)
            sheet.paste(ImageOps.fit(panel, PANEL, Image.Resampling.LANCZOS), (at[0], at[1] + LINE))
    sheet.save(HERE / "two_networks.jpg", quality=86)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: two_networks.py imagenet|FILE")
    main(sys.argv[1])
