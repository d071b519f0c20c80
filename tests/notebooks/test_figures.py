"""The comparison of figures sees what a reader would see, and nothing else."""

import base64
import io

import numpy as np
import pytest
from figures import difference, differences, oklab
from PIL import Image, ImageFilter

from helpers import plots
from helpers.images import im_convert, load_image
from helpers.vgg import get_features, load_vgg19

CONTENT, MONET, PICASSO = (im_convert(load_image(name, 240)) for name in ("landscape", "monet", "picasso"))
RUNS = {"Adam": [10 * 0.9**n for n in range(50)], "L-BFGS": [10 * 0.8**n + 0.1 for n in range(50)]}
LOSSES = {"conv1_1": 3.0, "conv2_1": 2.0, "conv3_1": 1.0}


def drawn(figure):
    """A figure as the reader sees it."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return Image.open(content).convert("RGB")


def three(**changed):
    return plots.pictures({"content": CONTENT, "style": MONET, "result": PICASSO} | changed)


def features(layer):
    maps = get_features(load_image("landscape", 240), load_vgg19(), [layer])[layer][0, :3]
    return plots.pictures({f"map {n}": each.numpy() for n, each in enumerate(maps)})


MUTATIONS = {
    "two channels exchanged": lambda: (three(), three(content=CONTENT[..., [2, 1, 0]])),
    "another style picture": lambda: (three(), three(style=PICASSO)),
    "an empty picture": lambda: (three(), three(result=np.ones_like(PICASSO))),
    "upside down": lambda: (three(), three(content=CONTENT[::-1])),
    "twice as bright": lambda: (three(), three(content=(2 * CONTENT).clip(0, 1))),
    "a title": lambda: (three(), plots.pictures({"content": CONTENT, "what is this": MONET, "result": PICASSO})),
    "a missing line": lambda: (plots.curves(RUNS), plots.curves({"Adam": RUNS["Adam"]})),
    "empty axes": lambda: (plots.curves(RUNS), plots.curves({"Adam": [1.0]})),
    "rising, not falling": lambda: (plots.curves(RUNS), plots.curves({name: run[::-1] for name, run in RUNS.items()})),
    "the wrong layer": lambda: (features("conv2_1"), features("conv1_1")),
    "another bar": lambda: (plots.bars(LOSSES, "loss"), plots.bars(LOSSES | {"conv2_1": 2.5}, "loss")),
    "another colour map": lambda: (
        plots.pictures({"map": CONTENT[..., 0]}), plots.pictures({"map": CONTENT[..., 0]}, map="viridis")
    ),
    "another name of an axis": lambda: (plots.bars(LOSSES, "loss"), plots.bars(LOSSES, "gradient")),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_seen(name):
    before, after = (drawn(figure) for figure in MUTATIONS[name]())
    assert difference(before, before) == "" == difference(after, after)
    assert "in field" in difference(after, before) or "in the mean" in difference(after, before)


@pytest.mark.parametrize("quality", [60, 95])
def test_what_nobody_sees_is_not_flagged(quality):
    before = drawn(three())
    content = io.BytesIO()
    before.save(content, "JPEG", quality=quality)
    assert difference(Image.open(content), before) == ""
    assert difference(before.filter(ImageFilter.GaussianBlur(0.5)), before) == ""


def test_a_slightly_different_run_is_not_flagged():
    other = {name: [loss * (1 + 0.01 * np.sin(n)) for n, loss in enumerate(run)] for name, run in RUNS.items()}
    assert difference(drawn(plots.curves(other)), drawn(plots.curves(RUNS))) == ""


def test_oklab_by_known_values():
    assert np.allclose(oklab(np.array([1.0, 1.0, 1.0])), [1, 0, 0], atol=1e-3)
    assert np.allclose(oklab(np.array([1.0, 0.0, 0.0])), [0.628, 0.225, 0.126], atol=1e-3)


def output(array, kind="png"):
    content = io.BytesIO()
    Image.fromarray((array * 255).astype(np.uint8)).save(content, kind)
    return {"output_type": "display_data", "data": {f"image/{kind}": base64.b64encode(content.getvalue()).decode()}}


def test_the_outputs_of_a_cell():
    text = {"output_type": "stream", "name": "stdout", "text": "True\n"}
    stored = [text, output(CONTENT), output(MONET)]
    assert differences([output(CONTENT, "jpeg"), output(MONET)], stored) == []
    assert differences([output(CONTENT)], stored) == ["Figures of the cell: 1 now, 2 stored."]
    (said,) = differences([output(CONTENT), output(PICASSO)], stored)
    assert said.startswith("Figure 2 of the cell does not look as it is stored")
