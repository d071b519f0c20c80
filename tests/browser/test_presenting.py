"""Lessons in front of a room: exported as slides, and live in large type."""

import re

import nbformat
import pytest
from axe import violations
from nbformat.v4 import new_markdown_cell, new_notebook

from helpers.base.places import NOTEBOOKS
from helpers.commands.slides import deck

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
PAGE = {"width": 1280, "height": 720}
NOTE = "- **Summary**: ask what they will try first."


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param


def shown(notebook) -> int:
    """How many figures a notebook's slides have to show."""
    cells = [cell for cell in notebook.cells if cell.metadata.slideshow.slide_type != "skip"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    stored = sum(any(kind.startswith("image/") for kind in output.get("data", {})) for output in outputs)
    return stored + sum(len(re.findall(r"!\[", cell.source)) for cell in cells if cell.cell_type == "markdown")


def test_every_slide_fits_and_every_figure_is_there(browser, lesson, tmp_path):
    file = tmp_path / "deck.html"
    file.write_text(deck(lesson, f"## {int(lesson.stem[:2])}. About it\n\n{NOTE}\n"), encoding="utf-8")
    page = browser.new_page(viewport=PAGE)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    notebook = nbformat.read(lesson, as_version=4)

    assert page.evaluate(
        "[...document.querySelectorAll('.page img:not(.math)')].filter(i => i.naturalWidth > 0).length"
    ) == shown(notebook)
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert page.evaluate("[...document.images].every(image => image.alt && !image.alt.startsWith('No description'))")
    titles = [
        title
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for title in re.findall("^##? .+", cell.source, re.M)
    ]
    assert page.evaluate("document.querySelectorAll('.page h1, .page h2').length") == len(titles)
    total = page.evaluate("Reveal.getTotalSlides()")
    assert total >= len(titles)
    for number in range(total):
        size = "const page = Reveal.getCurrentSlide().querySelector('.page'); return [page.scrollWidth, page.scrollHeight, page.innerText.length + 99 * page.querySelectorAll('img').length]"  # noqa: E501
        width, height, filled = page.evaluate(f"(() => {{ {size} }})()")
        assert (width, height) == (1280, 720), f"slide {number + 1} does not fit"
        assert filled > 20, f"slide {number + 1} is empty"
        page.keyboard.press("Space")
    assert page.evaluate("Reveal.isLastSlide()")
    assert "ask what they will try first." in page.evaluate("Reveal.getSlideNotes()")
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []
    page.close()


def test_no_slide_violates_the_rules_of_accessibility(browser, lesson, tmp_path):
    file = tmp_path / "deck.html"
    file.write_text(deck(lesson, ""), encoding="utf-8")
    page = browser.new_page(viewport=PAGE)
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    assert page.title().startswith(f"{int(lesson.stem[:2])}. ")
    assert page.locator("html").get_attribute("lang") == "en"
    assert violations(page) == []  # one slide, as it is shown
    total = page.evaluate("Reveal.getTotalSlides()")
    page.goto(f"{file.as_uri()}?view=print")  # all of them, one below the other
    page.wait_for_selector(f".pdf-page:nth-child({total})")
    assert page.locator(".page:visible").count() == total
    assert violations(page) == []
    page.close()


def test_the_keyboard_reaches_the_links_and_arrows_of_a_slide_and_nothing_hidden(browser, tmp_path):
    path, file = tmp_path / "mine.ipynb", tmp_path / "deck.html"
    cells = [new_markdown_cell(f"# {name}\n\n[{name}](https://example.org)") for name in ("One", "Two", "Three")]
    for cell in cells:
        cell.metadata.slideshow = {"slide_type": "slide"}
    nbformat.write(new_notebook(cells=cells), path)
    file.write_text(deck(path, ""), encoding="utf-8")
    page = browser.new_page(viewport=PAGE)
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("ArrowRight")
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.is_visible()
        assert focused.evaluate("e => getComputedStyle(e).outline") == "rgb(213, 94, 0) solid 3px"
        reached.append(focused.get_attribute("aria-label") or " ".join(focused.inner_text().split()))
    assert reached == ["Two", "2 / 3", "previous slide", "next slide"]
    page.keyboard.press("Enter")
    assert page.evaluate("Reveal.getCurrentSlide().innerText").startswith("Three")
    page.close()


def test_the_speakers_view_shows_the_notes(browser, tmp_path):
    file = tmp_path / "deck.html"
    file.write_text(deck(LESSONS[0], "## 0. Start\n\n- **0. Start here**: welcome them.\n"), encoding="utf-8")
    page = browser.new_page(viewport=PAGE)
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready]")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    opened.value.wait_for_function("document.body.innerText.includes('welcome them.')", timeout=20_000)
    page.close()


def test_a_lesson_is_projected_in_large_type_and_back(open_notebook):
    notebook = open_notebook(
        "projector.ipynb", "from helpers.teaching.projector import project\nproject()", "project(False)"
    )
    size = "parseFloat(getComputedStyle(document.querySelector('.jp-Notebook .cm-content')).fontSize)"
    status = "getComputedStyle(document.querySelector('#jp-main-statusbar')).display"
    before = notebook.page.evaluate(size)
    notebook.run_cell(0)
    notebook.page.wait_for_function(f"{size} > 1.4 * {before}")
    assert notebook.page.evaluate(status) == "none"
    notebook.run_cell(1)
    notebook.page.wait_for_function(f"{size} === {before}")
    assert notebook.page.evaluate(status) != "none"
    assert notebook.errors() == []
