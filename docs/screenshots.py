"""The studio before, during and after a run, in JupyterLab at 1280 x 800: `python3 docs/screenshots.py`.

Then all that it can be, in the light and the dark theme, on one sheet, docs/studio_states.jpg. Needs Playwright and
Chromium, as the tests in a browser do, and their helpers.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))

from lab import Notebook, StudioView, chromium, jupyterlab, opened, until  # noqa: E402

LIMIT = 250_000  # bytes
NARROW = {"width": 850, "height": 1000}  # a window for the sheet
SHARE = 0.5  # of its size there
# A cell after which every run fails.
BROKEN = """\
def broken(iteration):
    raise MemoryError
studio._weights = broken"""


def take(view: StudioView, name: str, part: str | None = None) -> None:
    """Saves what the window shows, the studio at its top, or this part of it alone, as docs/studio_NAME.jpg."""
    view.root.evaluate("e => e.scrollIntoView()")
    view.page.mouse.move(1270, 400)
    view.page.wait_for_timeout(500)
    shown = (view.root.locator(part) if part else view.page).screenshot()
    write(Image.open(io.BytesIO(shown)).convert("RGB"), name)


def write(shown: Image.Image, name: str) -> None:
    """Saves a picture as docs/studio_NAME.jpg, in the best quality below LIMIT."""
    for quality in range(92, 30, -6):
        content = io.BytesIO()
        shown.save(content, "JPEG", quality=quality, optimize=True)
        if len(content.getvalue()) < LIMIT:
            break
    path = HERE / f"studio_{name}.jpg"
    path.write_bytes(content.getvalue())
    print(path.name, len(content.getvalue()), "bytes")


def drag(view: StudioView, key: str) -> None:
    """Moves the slider for tv by eight positions."""
    view.handle("tv").focus()
    for _ in range(8):
        view.page.keyboard.press(key)
        view.page.wait_for_timeout(100)


def draw_a_face(view: StudioView) -> None:
    """Unfolds More, and draws over the portrait's face what is to be kept."""
    view.root.get_by_role("radio", name="portrait").or_(view.root.locator("button[data-value=portrait]")).first.click()
    view.press("More")
    more = view.root.locator(".studio-more")
    more.get_by_label("keep", exact=True).select_option("drawn by hand")
    canvas = more.locator(".mask-canvas:visible")
    view.page.wait_for_timeout(1000)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for n, y in enumerate((0.22, 0.3, 0.38, 0.46)):
        view.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + y * box["height"])
        if not n:
            view.page.mouse.down()
        view.page.mouse.move(box["x"] + 0.62 * box["width"], box["y"] + y * box["height"], steps=8)
    view.page.mouse.up()


def sheet(notebook: Notebook) -> Image.Image:
    """The studio in all its states, a column each, above in the light theme, below in the dark one."""
    page, rows = notebook.page, []
    page.set_viewport_size(NARROW)
    for theme in ("Light", "Dark"):
        page.evaluate(f"void jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
        page.wait_for_timeout(2000)
        rows.append([Image.open(io.BytesIO(shown)).convert("RGB") for shown in states(notebook)])
    wide = max(round(shown.width * SHARE) for row in rows for shown in row)
    high = max(round(shown.height * SHARE) for row in rows for shown in row)
    whole = Image.new("RGB", (len(rows[0]) * wide, len(rows) * high), "grey")
    for y, row in enumerate(rows):
        for x, shown in enumerate(row):
            whole.paste(shown.resize((round(shown.width * SHARE), round(shown.height * SHARE))), (x * wide, y * high))
    return whole


def states(notebook: Notebook) -> Iterator[bytes]:
    """Ready, painting, paused, stopped, finished, an upload that was refused, and a run that failed."""

    def shown() -> bytes:
        notebook.page.wait_for_timeout(700)
        return view.root.screenshot()

    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_until_idle()
    view = StudioView(notebook.page)
    until(lambda: "on this machine" in view.text("head"), 120, "the estimate")
    yield shown()
    view.press("Start")
    until(lambda: view.iteration() > 60, 600, "iteration 60")
    yield shown()
    for button in ("Pause", "Stop"):
        view.press(button)
        yield shown()
    view.press("Resume")
    until(lambda: view.text("status") == "Finished", 600, "the end")
    yield shown()
    with notebook.page.expect_file_chooser() as choosing:
        view.root.locator(".widget-upload").nth(1).click()
    choosing.value.set_files({"name": "painting.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    until(lambda: "painting.jpg" in view.text("news"), 20, "the refusal")
    yield shown()
    notebook.run_cell(2)
    notebook.wait_until_idle()
    view.press("Start anew")
    until(lambda: view.text("status") == "Failed", 20, "the failure")
    yield shown()


def main() -> None:
    cells = ["from helpers.studio import Studio", 'studio = Studio("landscape", "van_gogh")\nstudio']
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        jupyterlab(Path(folder)) as lab,
        chromium() as browser,
        opened(lab, browser, "studio.ipynb", *cells) as notebook,
    ):
        notebook.run_all()
        view = StudioView(notebook.page)
        until(lambda: "on this machine" in view.text("head"), 120, "the estimate")
        take(view, "before")
        view.press("Start")
        until(lambda: view.iteration() > 30, 600, "iteration 30")
        drag(view, "ArrowRight")
        until(lambda: view.iteration() > 110, 600, "iteration 110")
        take(view, "during")
        drag(view, "ArrowLeft")
        until(lambda: view.text("status") == "Finished", 600, "the end")
        take(view, "after")
        draw_a_face(view)
        take(view, "more", ".studio-more")
    cells = [cells[0], 'studio = Studio("landscape", "van_gogh", size=192)\nstudio', BROKEN]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        jupyterlab(Path(folder)) as lab,
        chromium() as browser,
        opened(lab, browser, "states.ipynb", *cells) as notebook,
    ):
        write(sheet(notebook), "states")


if __name__ == "__main__":
    main()
