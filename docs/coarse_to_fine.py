"""Makes coarse_to_fine.jpg, lesson 6's picture: eight pairs painted with Adam and with L-BFGS, and their losses.

python3 -m helpers render --help   # once, so that the environment exists
.venv/bin/python docs/coarse_to_fine.py   # ten minutes on two cores
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from helpers.commands.render import parser, render
from helpers.engine.optimizers import STEPS
from helpers.engine.scales import MOST_SCALES, plan
from helpers.images import load_image
from helpers.transfer import style_transfer
from helpers.vgg import load_vgg19

HERE = Path(__file__).resolve().parent
PAIRS = [(c, s) for c in ("landscape", "portrait") for s in ("kandinsky", "monet", "picasso", "van_gogh")]
PANELS = {"landscape": (360, 240), "portrait": (250, 300)}  # pixels
GAP, LINE = 6, 24


def painted(content: str, style: str, optimizer: str) -> Path:
    """The path of the picture, which is rendered with the optimizer's defaults unless it is there."""
    path = HERE.parent / "results" / f"{content}--{style}--{optimizer}.png"
    if not path.exists():
        render(parser().parse_args([content, style, "--out", str(path), "--optimizer", optimizer]))
    return path


def losses(path: Path, content: str, style: str) -> tuple[float, float]:
    """The relative style loss and the total of a picture, in its full size and in float32."""
    photograph, painting = load_image(content, 768), load_image(style, 768)
    run = style_transfer(
        photograph, painting, load_vgg19(), steps=1, start=load_image(path, 768), precision="float32"
    )  # fmt: skip
    step = next(run)
    return step.style, step.loss


def main() -> None:
    """Renders what is not there, prints the table, and puts the picture together."""
    print("| content | style | style loss, Adam | L-BFGS | ratio | total loss, Adam | L-BFGS | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for content, style in PAIRS:
        paths = [painted(content, style, optimizer) for optimizer in ("adam", "lbfgs")]
        (s1, t1), (s2, t2) = (losses(path, content, style) for path in paths)
        print(f"| {content} | {style} | {s1:.5f} | {s2:.5f} | {s2 / s1:.2f} | {t1:.3f} | {t2:.3f} | {t2 / t1:.2f} |")
        rows.append([ImageOps.fit(Image.open(path), PANELS[content], Image.Resampling.LANCZOS) for path in paths])
    width = 4 * PANELS["landscape"][0] + 3 * GAP
    height = 2 * (PANELS["landscape"][1] + PANELS["portrait"][1] + 2 * LINE) + 4 * GAP
    sheet, top = Image.new("RGB", (width, height), "white"), 0
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for first in (0, 4):
        for which, (name, title) in enumerate({"adam": "Adam", "lbfgs": "L-BFGS"}.items()):
            _, begin, end = plan(512, STEPS[name], MOST_SCALES, name)[-1]
            label = f"{title}, {STEPS[name]} iterations, {end - begin} of them in full size"
            draw.text((0, top + 3), label, "black", font)
            for column, pair in enumerate(rows[first : first + 4]):
                panel = pair[which]
                sheet.paste(panel, (column * (PANELS["landscape"][0] + GAP), top + LINE))
            top += LINE + panel.height + GAP
    sheet.save(HERE / "coarse_to_fine.jpg", quality=86)


if __name__ == "__main__":
    main()
