"""The course as a site, as far as it can be seen without Sphinx and a browser."""

import base64
import importlib.util

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.base.places import NOTEBOOKS, ROOT
from helpers.commands import site
from helpers.commands.pages import docstrings, lessons

WIDGET = {lessons.WIDGET: {"model_id": "1"}, "text/plain": "VBox()"}


@pytest.fixture
def without_sphinx(monkeypatch):
    """As if Sphinx were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sphinx" else find(name))


def test_without_sphinx_a_line_says_what_to_install(without_sphinx, tmp_path, capsys):
    assert site.main([str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err
    assert "sphinx is not installed here" in said
    assert '.venv/bin/python -m pip install -e ".[site]"' in said
    assert not (tmp_path / "site").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "index.html").write_text("somebody's")
    assert site.main([str(tmp_path)]) == 2
    assert "is there already, and was not made by this command" in capsys.readouterr().err
    assert (tmp_path / "index.html").read_text() == "somebody's"


def test_an_earlier_site_is_replaced_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "_sphinx", lambda sources, out: (out / "notebooks").mkdir(parents=True) or "")
    site.build(tmp_path / "site")
    (tmp_path / "site" / "old.html").touch()
    site.build(tmp_path / "site")
    assert not (tmp_path / "site" / "old.html").exists()
    assert (tmp_path / "site" / "notebooks" / "03_losses.ipynb").read_bytes() == (
        NOTEBOOKS / "03_losses.ipynb"
    ).read_bytes()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(site, "_sphinx", lambda sources, out: (out / "notebooks").mkdir(parents=True) or "")
    (tmp_path / "file").touch()
    assert site.main([str(tmp_path / "file" / "site")]) == 2
    assert "could not be written: Not a directory." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("page", "text", "on_the_site"),
    [
        ("docs/site.md", "[back](../README.md)", "[back](../index.md)"),
        ("docs/site.md", "[a part](../README.md#trouble)", "[a part](../index.md#trouble)"),
        ("data/weights/README.md", "[the pictures](../README.md)", "[the pictures](../README.md)"),
        ("README.md", "[2](notebooks/02_layers.ipynb)", "[2](notebooks/02_layers.ipynb)"),
        ("README.md", "[paper](https://arxiv.org/README.md)", "[paper](https://arxiv.org/README.md)"),
    ],
)
def test_links_lead_to_pages(page, text, on_the_site, tmp_path):
    assert site.with_links(text, ROOT / page, tmp_path) == on_the_site


def test_a_picture_that_a_page_shows_comes_along(tmp_path):
    site.with_links("![](../docs/hand.jpg)", NOTEBOOKS / "README.md", tmp_path)
    assert (tmp_path / "docs" / "hand.jpg").read_bytes() == (ROOT / "docs" / "hand.jpg").read_bytes()


def test_every_page_of_docs_has_its_place_in_the_sidebar():
    named = {name for pages in site.GROUPS.values() for name in pages}
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= named
    assert all((ROOT / name).exists() for name in named if not name.startswith("reference/"))


def test_the_sidebar_names_lessons_by_the_start_of_their_titles(tmp_path):
    (tmp_path / "notebooks").mkdir()
    titled = new_notebook(cells=[new_markdown_cell("# 7. Beyond: more\n\nText: here")])
    nbformat.write(titled, tmp_path / "notebooks" / "07_beyond.ipynb")
    assert "7. Beyond <notebooks/07_beyond>" in site.contents(tmp_path).splitlines()


def shown(tmp_path, *outputs):
    notebook = new_notebook(cells=[new_markdown_cell("# T"), new_code_cell("1", outputs=list(outputs))])
    return lessons.shown(notebook, tmp_path / "07_beyond.ipynb").cells


def test_a_figure_keeps_its_alt_text_and_has_its_caption(tmp_path):
    data, metadata = {"image/png": base64.b64encode(b"a picture").decode()}, {"image/png": {"alt": "Two [bars]"}}
    caption = new_output("display_data", {"text/markdown": "*Figure 7.1: bars.*"})
    (output,) = shown(tmp_path, new_output("display_data", data, metadata=metadata), caption)[2].outputs
    assert output.data["text/markdown"] == "![Two \\[bars\\]](07_beyond-1.png)\n\n*Figure 7.1: bars.*"
    assert (tmp_path / "07_beyond-1.png").read_bytes() == b"a picture"


def test_a_widget_gives_way_to_the_still_that_is_stored_with_it(tmp_path):
    picture = {"image/png": base64.b64encode(b"a still").decode()}
    (output,) = shown(tmp_path, new_output("display_data", WIDGET | picture))[2].outputs
    assert output.data == {"text/markdown": "![](07_beyond-1.png)"}
    (output,) = shown(tmp_path, new_output("display_data", WIDGET | {"text/html": "<p>still</p>"}))[2].outputs
    assert output.data["text/html"] == "<p>still</p>" and lessons.WIDGET not in output.data


def test_a_widget_without_a_still_is_a_line(tmp_path):
    (output,) = shown(tmp_path, new_output("display_data", WIDGET))[2].outputs
    assert output.data == {"text/markdown": lessons.LIVE}


def test_a_lesson_can_be_downloaded(tmp_path):
    assert '<a href="07_beyond.ipynb" download>' in shown(tmp_path)[1].source


@pytest.mark.parametrize(
    ("plain", "rst"),
    [
        ("`a_b`s of |G - A|^2 and x*", r"``a_b``\ s of \|G - A\|^2 and x\*"),
        ("size: in pixels.", "``size``\n    in pixels."),
        ("content, style: names;\n    or paths.", "``content``, ``style``\n    names;\n    or paths."),
        ("size: in pixels. style: a name.", "``size``\n    in pixels.\n\n``style``\n    a name."),
        ("size: in pixels.\nRaises TeachingError.", "``size``\n    in pixels.\n\nRaises TeachingError."),
        ("Note: no parameter.", "Note: no parameter."),
        ("An example:\n\n    load_image(*x)", "An example:\n\n::\n\n    load_image(*x)"),
        ("- one\n  and more\n- two", "- one\n  and more\n\n- two"),
    ],
)
def test_docstrings_become_what_sphinx_reads(plain, rst):
    assert "\n".join(docstrings.as_rst(plain.splitlines(), ["size", "content", "style"])).strip() == rst
