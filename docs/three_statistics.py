"""Makes three_statistics.jpg, of hand.md and lesson 6: one photograph after six paintings, by each statistic.

python3 -m helpers render --help        # once, so that the environment exists
.venv/bin/python docs/three_statistics.py     # five minutes on two cores

Prints how far each picture is from the photograph, as content correlation, and from the style by each statistic.
"""

from pathlib import Path

from two_networks import in_look

from helpers import plots
from helpers.images import load_image
from helpers.losses import Weights
from helpers.manner import Manner
from helpers.objective import Objective
from helpers.runs.judge import content_correlation
from helpers.transfer import coarse_to_fine
from helpers.vgg import load_vgg19

HERE = Path(__file__).resolve().parent
SIZE = 384  # pixels, the long side
TITLES = {"gram": "Gram matrices", "mean_std": "means, deviations", "sliced": "sliced"}


def main() -> None:
    """Paints the eighteen pictures, and puts them on one sheet beside their styles."""
    model, content = load_vgg19(), load_image("landscape", SIZE)
    styles = {name: load_image(name, SIZE) for name in ("kandinsky", "monet", "picasso", "van_gogh")}
    styles |= {"flat colours": in_look("kandinsky", "flat", 1), "a drawing": in_look("van_gogh", "drawing", 3)}
    pictures = {}
    for name, style in styles.items():
        pictures[name] = style
        for statistic, title in TITLES.items():
            manner = Manner(statistic=statistic)
            for step in coarse_to_fine(content, style, model, Weights(style=20), steps=100, manner=manner):  # noqa: B007
                pass
            pictures[f"{name}: {title}"] = step.image
            kept = content_correlation(step.image, content, model)
            apart = {}
            for other in TITLES:
                objective = Objective(content, style, model, manner=Manner(statistic=other, shares=[1.0]))
                losses = objective(step.image, Weights()).layers.values()
                apart[other] = (sum(losses) / len(losses)).item()
            print(f"{name:13} {statistic:9} content kept {kept:.2f}", *(f"{k} {v:.4f}" for k, v in apart.items()),
                  flush=True)  # fmt: skip
    figure = plots.pictures(pictures, columns=4, width=13)
    figure.savefig(HERE / "three_statistics.jpg", pil_kwargs={"quality": 80, "optimize": True})


if __name__ == "__main__":
    main()
