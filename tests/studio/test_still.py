"""The stills that stand for widgets where there is no kernel."""

import io

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from helpers.base.places import ROOT
from helpers.images import load_image
from helpers.studio import Studio
from helpers.studio.live import LiveImage
from helpers.studio.sliders import WeightSliders
from helpers.studio.still import Explorer, position

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def explorer():
    view = LiveImage("A photograph of mountains")
    view.show(load_image("landscape", 64))
    return Explorer([widgets.IntSlider(3, 0, 12, description="channel"), WeightSliders()], view)


def bundle(widget):
    data, metadata = widget._repr_mimebundle_()
    return data, metadata["image/jpeg"]["alt"]


def test_the_still_goes_with_the_widget_and_says_what_it_shows(explorer):
    data, alt = bundle(explorer)
    assert data.keys() == {"text/plain", WIDGET, "image/jpeg"}
    assert alt.startswith("A still of sliders for channel, content, style") and alt.endswith("mountains.")
    data, alt = bundle(Studio("portrait", "monet"))
    assert "portrait in the manner of monet" in alt
    assert Image.open(io.BytesIO(data["image/jpeg"])).size[0] >= 900


def test_a_still_shows_the_sliders_where_they_stand(explorer):
    before = np.asarray(Image.open(io.BytesIO(bundle(explorer)[0]["image/jpeg"])), float)
    explorer.sliders[0].value = 12
    after = np.asarray(Image.open(io.BytesIO(bundle(explorer)[0]["image/jpeg"])), float)
    rows = np.nonzero(abs(after - before).max(axis=(1, 2)) > 50)[0]
    assert len(rows) and rows.max() < before.shape[0] / 4  # the first slider's row alone


@pytest.mark.parametrize("slider, share, reading", [
    (widgets.IntSlider(3, 0, 12), 0.25, "3"),
    (widgets.SelectionSlider(options=["a", "b", "c"], value="b"), 0.5, "b"),
    (widgets.SelectionSlider(options=["alone"]), 0.0, "alone"),
    (widgets.IntSlider(0, 0, 0), 0.0, "0"),
    (widgets.FloatSlider(0.25, min=0, max=0.5), 0.5, "0.25"),
])  # fmt: skip
def test_a_slider_is_drawn_by_its_share_and_reading(slider, share, reading):
    assert position(slider) == (share, reading)


def test_a_page_without_a_kernel_shows_the_still(explorer):
    """nbconvert stands in for readers: it knows the widget's number, finds no model, and takes the picture."""
    data, metadata = explorer._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data | {"image/jpeg": "c3RpbGw="}, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("explorer", outputs=[output])])
    # Its template "lab" leaves alternative texts out.
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    assert "data:image/jpeg;base64,c3RpbGw=" in page
    assert "A still of sliders for channel" in page


def test_any_name_of_a_picture_can_be_shown(tmp_path):
    path = tmp_path / "a$b_$c 山.png"
    path.write_bytes((ROOT / "data" / "content" / "landscape.jpg").read_bytes())
    data, alt = bundle(Studio(path))
    assert "a$b_$c 山" in alt and "image/jpeg" in data


def test_a_picture_that_was_deleted_does_not_keep_the_studio_from_being_shown(tmp_path):
    path = tmp_path / "gone.png"
    path.write_bytes((ROOT / "data" / "content" / "landscape.jpg").read_bytes())
    studio = Studio(path)
    path.unlink()
    data, _ = studio._repr_mimebundle_()
    assert WIDGET in data and "image/jpeg" not in data


def test_the_notebook_of_the_app_was_run_and_is_stored_as_a_still():
    (cell,) = nbformat.read(ROOT / "helpers" / "studio" / "app.ipynb", 4).cells
    assert cell.execution_count == 1 and [output.data.keys() for output in cell.outputs] == [
        {"text/plain", "image/jpeg"}
    ]
