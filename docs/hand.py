"""Makes hand.jpg, of hand.md: one photograph painted nine times, with one option of `render` changed each time.

python3 -m helpers render --help   # once, so that the environment exists
.venv/bin/python docs/hand.py      # five minutes on two cores
"""

from pathlib import Path

from helpers import plots
from helpers.runs.painting import painting
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources

HERE = Path(__file__).resolve().parent
CHANGED = {
    "as it comes": {},
    "--colours content": {"colours": "content"},
    "--colours matched": {"colours": "matched"},
    "--region 'upper half=monet'": {"region": [("upper half", "monet")]},
    "--style-share picasso=1": {"style_share": [("picasso", 1)]},
    "--keep 'left half'": {"keep": "left half"},
    "--style-scale 0.5": {"style_scale": 0.5},
    "--style-scale 2": {"style_scale": 2},
    "--statistic sliced": {"statistic": "sliced"},
}


def main() -> None:
    """Paints all, and puts them on one sheet."""
    pictures = {}
    for title, changed in CHANGED.items():
        settings = Settings(size=512, **changed)
        for step in painting(settings, load_sources(settings)):  # noqa: B007 (the last one counts)
            pass
        print(title, step, flush=True)
        pictures[title] = step.image
    figure = plots.pictures(pictures, columns=3, width=15)
    figure.savefig(HERE / "hand.jpg", pil_kwargs={"quality": 82, "optimize": True})


if __name__ == "__main__":
    main()
