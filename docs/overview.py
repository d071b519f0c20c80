"""Makes overview.jpg, the README's picture: the landscape, four styles, and what `render` makes of them.

python3 -m helpers render --help   # once, so that the environment exists
.venv/bin/python docs/overview.py
"""

from pathlib import Path

from PIL import Image, ImageOps

from helpers.base.pictures import CONTENTS
from helpers.base.pictures import STYLES as PATHS
from helpers.commands.render import parser, render

HERE = Path(__file__).resolve().parent
STYLES = ("kandinsky", "monet", "picasso", "van_gogh")
WIDTH, HEIGHT, GAP = 384, 256, 8  # of one panel, in pixels


def panel(path: Path) -> Image.Image:
    """A picture, cropped to the panel's shape."""
    return ImageOps.fit(Image.open(path).convert("RGB"), (WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def main() -> None:
    """Renders the four pictures with the defaults, unless they are there, and puts everything together."""
    sheet = Image.new("RGB", (4 * WIDTH + 3 * GAP, 3 * HEIGHT + 2 * GAP), "white")
    # The content above, in the middle.
    sheet.paste(panel(CONTENTS["landscape"]), ((sheet.width - WIDTH) // 2, 0))
    for column, style in enumerate(STYLES):
        left = column * (WIDTH + GAP)
        result = HERE.parent / "results" / f"overview--{style}.png"
        if not result.exists():
            render(parser().parse_args(["landscape", style, "--out", str(result)]))
        sheet.paste(panel(PATHS[style]), (left, HEIGHT + GAP))
        sheet.paste(panel(result), (left, 2 * (HEIGHT + GAP)))
    sheet.save(HERE / "overview.jpg", quality=88)


if __name__ == "__main__":
    main()
