"""The course's site in Chromium: every page whole, offline, accessible, and as wide as a phone."""

import functools
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urldefrag, urljoin

import nbformat
import pytest
from axe import violations
from bs4 import BeautifulSoup

from helpers.commands import site

PHONE, SCREEN = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The site as the command makes it, without a warning."""
    out = tmp_path_factory.mktemp("course") / "site"
    command = [sys.executable, "-m", "helpers", "site", str(out)]
    made = subprocess.run(command, cwd=site.ROOT, capture_output=True, text=True, timeout=300)
    assert (made.returncode, made.stdout, made.stderr.splitlines()[1:]) == (0, f"{out / 'index.html'}\n", [])
    return out


@pytest.fixture(scope="session")
def address(folder):
    """Where the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def documents(folder):
    """path -> the parsed page, for every page of the site."""
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    return {name: BeautifulSoup(text, "html.parser") for name, text in found.items() if not name.startswith("_static")}


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport=SCREEN)
    yield page
    page.close()


def test_the_site_holds_lessons_guides_and_reference(documents):
    assert {
        "index.html", "search.html", "notebooks/00_start_here.html", "notebooks/06_going_further.html",
        "notebooks/README.html", "docs/teaching.html", "data/weights/README.html", "CONTRIBUTING.html",
        "reference/helpers.losses.html",
    } <= documents.keys()  # fmt: skip
    losses = documents["reference/helpers.losses.html"]
    assert losses.find(id="helpers.losses.gram_matrix").text.count("Tensor") == 2
    assert "as C rows of H * W" in losses.text


def test_every_link_anchor_and_picture_is_there(folder, documents):
    broken = []
    for name, document in documents.items():
        links = [a["href"] for a in document.find_all("a", href=True)]
        files = [tag.get("src") or tag["href"] for tag in document.find_all(["img", "script", "link"])
                 if tag.get("src") or tag.get("href")]  # fmt: skip
        broken += [f"{name} takes {link} from elsewhere" for link in files if ":" in link]
        for link in (*links, *files):
            path, anchor = urldefrag(urljoin(name, unquote(link).partition("?")[0]))
            if ":" in link:
                continue
            if not (folder / path).exists():
                broken.append(f"{name} -> {link}")
            elif anchor and path.endswith(".html") and not documents[path].find(id=anchor):
                broken.append(f"{name} -> {link}: no such place")
    assert broken == []


def test_every_figure_of_the_lessons_is_there_with_alt_text_and_caption(documents):
    for lesson in site.NOTEBOOKS.glob("*.ipynb"):
        stored = nbformat.read(lesson, as_version=4)
        outputs = [output for cell in stored.cells for output in cell.get("outputs", [])]
        alts = [output.metadata[kind]["alt"] for output in outputs for kind in output.get("data", {})
                if "alt" in output.get("metadata", {}).get(kind, {})]  # fmt: skip
        document = documents[f"notebooks/{lesson.stem}.html"]
        on_the_page = [image.get("alt") for image in document.article.find_all("img")]
        assert all(on_the_page)
        assert [" ".join(alt.split()) for alt in alts] == [alt for alt in on_the_page if alt in map(squeezed, alts)]
        captions = [output.data["text/plain"] for output in outputs
                    if output.get("data", {}).get("text/markdown", "").startswith("*Figure")]  # fmt: skip
        assert len(document.article.find_all("figcaption")) >= len(captions) > 0


def squeezed(text):
    return " ".join(text.split())


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (SCREEN, "dark")], ids=["phone", "screen in the dark"])
def test_every_page_is_accessible_offline_and_no_wider_than_the_screen(size, scheme, documents, address, page):
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour halfway to another
    faults, asked, said = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    for name in documents:
        page.goto(address + name)
        page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        if page.evaluate("document.documentElement.dataset.theme") != scheme:
            faults.append(f"{name} is not {scheme}")
        if (width := page.evaluate("document.documentElement.scrollWidth")) > size["width"]:
            faults.append(f"{name} is {width} pixels wide")
        faults += [f"{name} shows no {image}" for image in page.evaluate(
            "[...document.images].filter(image => !image.naturalWidth).map(image => image.src)"
        )]  # fmt: skip
        faults += [f"{name} says {text}" for text in said]
        faults += [f"{name} asks for {url}" for url in asked if not url.startswith((address, "data:"))]
        # The pages of the reference are of one kind, so one of them in the light stands for all.
        if scheme == "dark" or not name.startswith("reference/") or name == "reference/helpers.losses.html":
            faults += [f"{name}: {violation}" for violation in violations(page)]
        asked.clear(), said.clear()  # axe looks for style sheets, too, where there are none
    assert faults == []


def test_the_search_finds_the_lesson_on_losses(address, page):
    page.goto(f"{address}search.html?q=Gram+matrix")
    page.wait_for_selector("#search-results a[href*='03_losses']", timeout=20_000)
    assert violations(page) == []


def test_every_lesson_can_be_downloaded_as_it_is(address, folder, page):
    for lesson in site.NOTEBOOKS.glob("*.ipynb"):
        page.goto(f"{address}notebooks/{lesson.stem}.html")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download this lesson").click()
        assert download.value.suggested_filename == lesson.name
        nbformat.validate(nbformat.read(download.value.path(), as_version=4))


def test_a_solution_unfolds_by_keyboard(address, page):
    page.goto(f"{address}notebooks/02_layers.html")
    code = page.get_by_text("my_field = 156")
    assert not code.is_visible()
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert code.is_visible()


def test_light_and_dark_can_be_chosen_and_stay(address, page):
    page.goto(f"{address}index.html")
    for mode in ("Dark", "Light"):
        page.get_by_role("button", name="Color mode").click()
        page.get_by_role("button", name=mode, exact=True).click()
        page.goto(f"{address}notebooks/03_losses.html")
        assert page.evaluate("document.documentElement.dataset.theme") == mode.lower()


def test_formulas_can_be_seen_and_one_lesson_leads_to_the_next(address, page):
    page.goto(f"{address}notebooks/03_losses.html")
    sizes = page.locator(".formula math").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert len(sizes) == 5 and min(sizes) > 15
    page.locator(".prev-next-footer a.right-next").click()
    assert page.url.endswith("notebooks/04_optimizer.html")
