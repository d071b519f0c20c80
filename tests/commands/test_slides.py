"""Slides and rehearsals, as far as they need no browser."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.base.errors import TeachingError
from helpers.commands import slides
from helpers.teaching import rehearsal


@pytest.fixture
def write(tmp_path):
    """Writes a notebook of code cells, and returns its path."""

    def write(*cells):
        path = tmp_path / "mine.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
        return path

    return write


def test_formulas_become_pictures_that_say_what_they_show():
    (image,) = re.findall(r"<img .*?>", slides.with_formulas(r"The weight $\alpha$ counts."))
    assert 'alt="\\alpha"' in image
    assert "data:image/svg+xml" in image
    assert 'class="display"' in slides.with_formulas("$$\\frac{1}{d\\,h}\n\\sum (F - P)^2$$")


@pytest.mark.parametrize("text", ["`$a$` and `$b$`", "```python\nprint('$a$')\n```", "It costs $5."])
def test_code_and_a_dollar_stay_as_they_are(text):
    assert slides.with_formulas(text) == text


def test_a_formula_that_cannot_be_set_is_named():
    with pytest.raises(TeachingError, match=r"The formula \$\\begin\{x\}\$ cannot be set"):
        slides.with_formulas(r"$\begin{x}$")


def test_any_notebook_can_be_shown(tmp_path):
    cells = [new_code_cell("1 + 1"), new_markdown_cell("# My <title>"), new_markdown_cell("[Losses](03_losses.ipynb)")]
    path = tmp_path / "mine.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    page = slides.deck(path, "")
    assert "<title>My &lt;title&gt;</title>" in page
    assert 'href="03_losses.html"' in page


def test_of_a_widget_its_still_is_shown_or_else_its_text(tmp_path):
    mime, version = "application/vnd.jupyter.widget-{}+json", {"version_major": 2, "version_minor": 0}
    state = {mime.format("state"): {**version, "state": {"4c": {"model_name": "IntSliderModel"}}}}
    view = {mime.format("view"): {**version, "model_id": "4c"}, "text/plain": "IntSlider(7)"}
    picture = {"data": {**view, "image/jpeg": "/9j/4AA="}, "metadata": {"image/jpeg": {"alt": "A still of a slider."}}}
    still = new_output("display_data", **picture)
    path = tmp_path / "mine.ipynb"
    cells = [new_code_cell(outputs=[still]), new_code_cell(outputs=[new_output("display_data", data=view)])]
    nbformat.write(new_notebook(cells=cells, metadata={"widgets": state}), path)
    page = slides.deck(path, "")
    assert '<img alt="A still of a slider." src="data:image/jpeg;base64,/9j/4AA="' in page
    assert page.count("IntSlider(7)") == 1
    assert "jupyter.widget" not in page


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["3"], ["03_losses"]),
        (["03_losses", "00"], ["03_losses", "00_start_here"]),
        (["notebooks/02_layers.ipynb"], ["02_layers"]),
    ],
)
def test_a_lesson_is_named_by_number_name_or_path(names, found):
    assert [path.stem for path in slides.find_lessons(names)] == found


def test_all_lessons_are_meant_where_none_is_named():
    assert len(slides.find_lessons([])) == 7


def test_a_lesson_that_does_not_exist_is_one_line(capsys):
    assert slides.main(["9"]) == 2
    assert capsys.readouterr().err.startswith("There is no lesson '9'; there are 00_start_here, ")


@pytest.mark.parametrize("content", ["{nope", "[]", '{"cells": 3}'])
@pytest.mark.parametrize("option", [[], ["--rehearse"]])
def test_a_file_that_is_no_notebook_is_one_line(content, option, tmp_path, capsys):
    path = tmp_path / "mine.ipynb"
    path.write_text(content)
    assert slides.main([str(path), "--out", str(tmp_path), *option]) == 2
    assert f"'{path}' is no notebook, or damaged" in capsys.readouterr().err


def test_a_rehearsal_tells_what_took_long_and_leaves_the_file_alone(write, capsys, monkeypatch):
    monkeypatch.setattr(rehearsal, "NOTICEABLE", 0.5)
    path = write("import time", "time.sleep(1)  # a pause", "2 + 2")
    before = path.read_bytes()
    assert slides.main([str(path), "--rehearse"]) == 0
    said = capsys.readouterr().out
    assert "cell 2: time.sleep(1)  # a pause" in said
    assert "cell 3" not in said
    assert "every cell ran" in said
    assert path.read_bytes() == before


def test_a_rehearsal_that_fails_names_the_cell(write, capsys):
    assert slides.main([str(write("a = 1", "a / 0", "a")), "--rehearse"]) == 1
    said = capsys.readouterr().out
    assert "FAILED in cell 2: a / 0\n  ZeroDivisionError: division by zero" in said


def test_a_cell_that_takes_for_ever_fails(write, capsys, monkeypatch):
    monkeypatch.setattr(rehearsal, "CELL_SECONDS", 1)
    assert slides.main([str(write("while True: pass")), "--rehearse"]) == 1
    assert "FAILED in cell 1: while True: pass" in capsys.readouterr().out


def test_notes_are_taken_from_the_guide_by_lesson_and_heading():
    guide = "## 1. A\n\n- **One**: ask\n  this.\n- **Two**: and that.\n\nText.\n\n## 2. B\n\n- **One**: another.\n"
    assert slides.notes_on("01_a", guide) == {"One": "ask this.", "Two": "and that."}
    assert slides.notes_on("02_b", guide) == {"One": "another."}
    assert slides.notes_on("03_c", guide) == {}
