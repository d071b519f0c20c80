"""The gallery's page in a browser: its columns sort the table and the pictures, by mouse and by keyboard."""

import pytest
import torch
from axe import violations

from helpers.images import noise_like, save_image
from helpers.runs.album import Entry, save_page

JUDGED = {
    "first": {"style_distance": 0.2, "content_correlation": 0.5, "judge": "compact"},
    "older": None,  # made before there was a judge
    "third": {"style_distance": 0.07, "content_correlation": 0.9, "judge": "imagenet"},
    "fourth": {"style_distance": 1e-05, "content_correlation": -0.1, "judge": "compact"},
}


@pytest.fixture
def page_file(tmp_path):
    """A page of four pictures, in the order of JUDGED."""
    entries = []
    for name, judged in JUDGED.items():
        recipe = {"losses": {"total": 1.0}} | ({"judged": judged} if judged else {})
        path = save_image(noise_like(torch.empty(1, 3, 40, 40)), tmp_path / f"{name}.png", recipe)
        entries.append(Entry(path, path, path, (name, "monet"), {}))
    return save_page(entries, tmp_path / "index.html").as_uri()


def rows(page):
    return page.locator("tbody th").all_inner_texts()


def pictures(page):
    return [title.split()[0] for title in page.locator("figcaption b").all_inner_texts()]


def sorted_columns(page):
    heads = page.locator("thead th[aria-sort]")
    return [(head.inner_text().split("\n")[0], head.get_attribute("aria-sort")) for head in heads.all()]


def test_the_head_of_a_column_sorts_rows_and_pictures_and_turns_them_round(browser, page_file):
    page = browser.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file)
    assert rows(page) == pictures(page) == list(JUDGED) and sorted_columns(page) == []
    head = page.get_by_role("button", name="style distance", exact=True)
    head.click()
    assert rows(page) == pictures(page) == ["fourth", "third", "first", "older"]
    assert sorted_columns(page) == [("style distance", "ascending")]
    head.click()
    assert rows(page) == pictures(page) == ["first", "third", "fourth", "older"]
    assert sorted_columns(page) == [("style distance", "descending")]
    page.get_by_role("button", name="content", exact=True).click()
    assert rows(page) == pictures(page) == sorted(JUDGED)
    assert sorted_columns(page) == [("content", "ascending")] and said == []
    page.close()


def test_the_keyboard_reaches_the_heads_and_sorts(browser, page_file):
    page = browser.new_page()
    page.goto(page_file)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "content correlation":
            break
    page.keyboard.press("Enter")
    assert rows(page) == pictures(page) == ["fourth", "first", "third", "older"]
    page.keyboard.press("Space")
    assert rows(page) == pictures(page) == ["third", "first", "fourth", "older"]
    assert page.evaluate("document.activeElement.textContent") == "content correlation"
    page.close()


def test_without_a_script_the_table_can_be_read_and_its_links_lead_to_the_pictures(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file)
    assert rows(page) == pictures(page) == list(JUDGED)
    assert page.locator("thead button").count() == 0
    cells = page.locator("tbody tr").nth(2).locator("td").all_inner_texts()
    assert cells == ["monet", "0.07", "0.9", "imagenet", "1"]
    page.get_by_role("link", name="third").click()
    assert page.locator(":target").inner_text().startswith("third in the manner of monet")
    context.close()


@pytest.mark.parametrize("width", [1280, 640, 320])  # 640: at a zoom of 200 %; 320: at 400 %
def test_the_page_violates_no_rule_of_accessibility_however_far_one_zooms(browser, page_file, width):
    page = browser.new_page(viewport={"width": width, "height": width * 4 // 5})
    page.goto(page_file)
    page.get_by_role("button", name="judge", exact=True).click()
    for recipe in page.get_by_text("Recipe", exact=True).all():
        recipe.click()
    assert page.title() and violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("[...document.images].every(image => image.alt)")
    page.close()


def test_all_that_the_keyboard_reaches_shows_that_it_has_the_focus(browser, page_file):
    page = browser.new_page()
    page.goto(page_file)
    controls = page.locator("a, button, summary, [tabindex='0']").count()
    reached = []
    for _ in range(controls):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("e => getComputedStyle(e).outline") == "rgb(213, 94, 0) solid 3px"
        reached.append(focused.element_handle())
    assert page.evaluate("all => new Set(all).size", reached) == controls
    assert controls == 1 + 6 + 4 + 4  # the table, its heads and links, the recipes
    page.close()
