"""Makes docs/report/: the report's own run, whole, in the manner of each of its four painters; lesson 5 shows them.

python3 -m helpers render --help   # once, so that the environment exists
.venv/bin/python docs/report_run.py compact   # three minutes on two cores
.venv/bin/python docs/report_run.py imagenet van_gogh   # VGG-19 itself, or a file of its weights; and which styles

512 x 768 pixels, from noise, average pooling, Adam, 400 iterations at one size, total variation, other style weights
after iteration 250. Beside each picture the losses on the way are stored, and the settings.
"""

import json
import sys
from pathlib import Path

from helpers.distil.networks import load_teacher
from helpers.images import as_pillow, load_image
from helpers.losses import Weights, report_schedule
from helpers.transfer import style_transfer

HERE = Path(__file__).resolve().parent / "report"
STYLES = ("kandinsky", "monet", "picasso", "van_gogh")
STYLE_WEIGHT = 20.0  # low enough for the town to stay readable after all four painters
STEPS, SIZE = 400, 768
PRINTED = (1, 10, 50, 100, 150, 200, 250, 251, 300, 350, 400)  # iterations


def main(weights: str, styles: list[str]) -> None:
    """Paints the pictures, prints the losses on the way, and stores both."""
    model, name = load_teacher(weights, "avg"), "compact" if weights == "compact" else "vgg19"
    content = load_image("landscape", SIZE)
    for style in styles:
        painting, losses = load_image(style, shape=content), []
        schedule = report_schedule(Weights(style=STYLE_WEIGHT))
        for step in style_transfer(content, painting, model, schedule, steps=STEPS):
            if step.iteration in PRINTED:
                print(f"{style}: {step}", flush=True)
                parts = {part: round(value, 4) for part, value in step.weighted.items()}
                losses.append({"iteration": step.iteration, "total": round(step.loss, 4), **parts})
        HERE.mkdir(exist_ok=True)
        as_pillow(step.image).save(HERE / f"{style}-{name}.jpg", quality=86, optimize=True)
        settings = {"content": "landscape", "style": style, "network": name, "size": SIZE, "steps": STEPS}
        settings |= {"style_weight": STYLE_WEIGHT, "optimizer": "adam", "scales": 1, "schedule": "report"}
        told = json.dumps({"settings": settings, "losses": losses}, indent=1)
        (HERE / f"{style}-{name}.json").write_text(told + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: report_run.py compact|imagenet|FILE [STYLE ...]")
    main(sys.argv[1], sys.argv[2:] or list(STYLES))
