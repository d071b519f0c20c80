"""The figures: what they hold, not how they look."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from helpers import plots
from helpers.images import load_image
from helpers.losses import Weights
from helpers.transfer import Step
from helpers.vgg import LAYERS, STYLE_LAYERS, load_vgg19

IMAGE = torch.zeros(1, 3, 40, 60)
WEIGHTS = Weights(content=1, style=10, tv=3)


def steps(count):
    return [Step(i, IMAGE, 10 / i, i, content=1, style=0.1 / i, tv=0.2, weights=WEIGHTS) for i in range(1, count + 1)]


def published(monkeypatch, figure, alt="a text"):
    said = {}
    monkeypatch.setattr(plots, "display", lambda data, **options: said.update(data=data, **options))
    plots.show(figure, alt)
    return said["data"], said["metadata"]


def test_a_figure_is_shown_with_its_text_in_the_smaller_format(monkeypatch):
    data, metadata = published(monkeypatch, plots.pictures({"photograph": load_image("landscape", 300)}))
    assert data["image/jpeg"].startswith(b"\xff\xd8") and data["text/plain"] == "a text"
    assert metadata == {"image/jpeg": {"alt": "a text"}}
    data, metadata = published(monkeypatch, plots.pictures({"plain": np.ones((4, 4, 3))}))
    assert data["image/png"].startswith(b"\x89PNG") and metadata == {"image/png": {"alt": "a text"}}


def test_pictures_stand_in_rows_under_their_titles_without_axes():
    figure = plots.pictures({"tensor": IMAGE, "array": np.ones((40, 60, 3)), "map": torch.ones(5, 5)}, columns=2)
    assert len(figure.axes) == 4  # two rows of two, the last one empty
    assert [ax.get_title() for ax in figure.axes] == ["tensor", "array", "map", ""]
    assert not any(ax.axison for ax in figure.axes)


def test_a_gradients_picture_is_grey_where_nothing_is_asked_and_light_where_more_is():
    gradient = torch.zeros(1, 3, 10, 10)
    gradient[0, 0, 0], gradient[0, 0, 1] = -1, 1  # descent goes against the gradient
    picture = plots.signed(gradient)
    assert picture.shape == (10, 10, 3)
    assert (picture[0, :, 0] == 1).all() and (picture[1, :, 0] == 0).all() and (picture[2:] == 0.5).all()
    assert (plots.signed(torch.zeros(1, 3, 4, 4)) == 0.5).all()


def test_loss_curves_are_weighted_labelled_and_logarithmic():
    ax = plots.loss_curves(steps(5), marks={3: "tv up"}).axes[0]
    lines = {line.get_label(): line for line in ax.lines}
    assert ax.get_yscale() == "log" and ax.get_xlabel() == "iteration" and "loss" in ax.get_ylabel()
    assert lines["style"].get_ydata()[0] == pytest.approx(10 * 0.1)
    assert lines["tv"].get_ydata()[-1] == pytest.approx(3 * 0.2)
    assert [text.get_text().strip() for text in ax.texts] == ["tv up"]


def test_a_term_without_weight_has_no_line_instead_of_minus_infinity():
    off = Weights(tv=0)
    record = [Step(1, IMAGE, 1.0, 1.0, content=1, style=1, tv=0, weights=off)]
    assert np.isnan(plots.loss_curves(record).axes[0].lines[3].get_ydata()).all()


def test_curves_differ_in_colour_and_in_dashes():
    lines = plots.curves({name: [3, 2, 1] for name in "abcd"}, marks={2: "here"}).axes[0].lines[:4]
    assert len({line.get_color() for line in lines}) == 4
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 4


def test_the_drawing_of_the_network_names_each_layer_and_its_channels():
    model = load_vgg19(device="cpu")
    texts = [text.get_text() for text in plots.network(model).axes[0].texts]
    assert set(LAYERS.values()) <= set(texts)
    assert texts.count(str(model.conv5_1.out_channels)) == 1


def test_the_graph_of_the_loss_holds_its_three_terms_and_the_way_back():
    said = " ".join(text.get_text() for text in plots.loss_graph().axes[0].texts)
    assert all(word in said for word in ("content", "style", "L_{tv}", "VGG-19", "total", "gradient"))


def test_maps_with_a_bar_share_one_scale():
    figure = plots.pictures({"quiet": torch.full((4, 6), 1.0), "loud": torch.full((4, 6), 5.0)}, bar="response")
    quiet, loud, bar = figure.axes
    assert quiet.images[0].get_clim() == loud.images[0].get_clim() == (1, 5)
    assert bar.get_ylabel() == "response"


def test_gram_matrices_are_shares_of_their_largest_entry():
    gram = torch.tensor([[[200.0, 2.0], [2.0, 0.0]]])
    shown, bar = plots.gram_matrices({"one": gram}).axes
    assert shown.images[0].get_array().data == pytest.approx(np.array([[1, 0.01], [0.01, 1e-4]]))
    assert "logarithmic" in bar.get_ylabel()


def test_a_figure_can_replace_the_one_before(monkeypatch):
    shown = []
    monkeypatch.setattr(
        plots, "display", lambda data, **options: shown.append((options["display_id"], options["update"]))
    )
    for update in (False, True):
        plots.show(plots.bars({"content": 1.0}, "loss"), "One bar for the content loss", display_id="a", update=update)
    assert shown == [("a", False), ("a", True)]


@pytest.mark.parametrize(
    "figure",
    [
        plots.bars({"content": 1, "conv1_1": 0.1}, "loss", log=True),
        plots.mixed(np.full((4, 6, 3), 0.5), {"content": 1.0, **dict.fromkeys(STYLE_LAYERS, 0.5)}),
        plots.by_size({"loss": {64: 1.0, 128: 4.0}}, "style loss"),
        plots.gram_matrices({"one": torch.ones(1, 4, 4)}),
        plots.aim(IMAGE, IMAGE, IMAGE),
    ],
    ids=["bars", "mixed", "by_size", "gram_matrices", "aim"],
)
def test_each_figure_can_be_drawn(figure, monkeypatch):
    assert isinstance(figure, Figure)
    data, _ = published(monkeypatch, figure)
    assert max(map(len, data.values())) > 1000


def test_pyplot_and_its_global_state_are_not_used():
    script = "import helpers.plots, helpers.studio.live, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_labels_that_would_overlap_stand_in_another_row():
    assert plots.label_rows([0.0, 0.5, 0.55, 0.95], ["wide", "wide", "wide", "x"], 0.02) == [0, 0, 1, 0]
    assert plots.label_rows([0.1, 0.1, 0.1], ["a", "b", "c"], 0.01) == [0, 1, 2]
