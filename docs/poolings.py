"""Makes poolings.jpg, of lesson 2: one pair painted by VGG-19 with average and with maximum pooling, and parts of them.

python3 -m helpers render --help   # once, so that the environment exists
.venv/bin/python docs/poolings.py imagenet   # or a file of VGG-19's weights; six minutes on two cores
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from helpers.distil.networks import load_teacher
from helpers.images import as_pillow, load_image
from helpers.transfer import coarse_to_fine

HERE = Path(__file__).resolve().parent
SIZE = 768  # pixels, the long side
PART = (330, 200, 522, 328)  # left, top, right, bottom: a quarter of the width, enlarged fourfold
PANEL, GAP, LINE = (640, 427), 6, 30  # pixels


def main(weights: str) -> None:
    """Paints both pictures, and puts them above their enlarged parts."""
    content, style = load_image("landscape", SIZE), load_image("van_gogh", SIZE)
    sheet = Image.new("RGB", (2 * PANEL[0] + GAP, 2 * PANEL[1] + LINE + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for column, (pooling, title) in enumerate({"avg": "average pooling", "max": "maximum pooling"}.items()):
        for step in coarse_to_fine(content, style, load_teacher(weights, pooling)):  # noqa: B007 (the last one counts)
            pass
        print(pooling, step, flush=True)
        picture, left = as_pillow(step.image), column * (PANEL[0] + GAP)
        draw.text((left, 2), title, "black", font)
        sheet.paste(picture.resize(PANEL, Image.Resampling.LANCZOS), (left, LINE))
        part = picture.crop(PART).resize(PANEL, Image.Resampling.LANCZOS)
        sheet.paste(part, (left, LINE + PANEL[1] + GAP))
    sheet.save(HERE / "poolings.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: poolings.py imagenet|FILE")
    main(sys.argv[1])
