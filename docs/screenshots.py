"""The studio before, during and after a run, in JupyterLab at 1280 x 800: `python3 docs/screenshots.py`.

Needs Playwright and Chromium, as the tests in a browser do, and their helpers.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))

from lab import StudioView, chromium, jupyterlab, opened, until  # noqa: E402

LIMIT = 250_000  # bytes


def take(view: StudioView, name: str) -> None:
    """Saves what the window shows, the studio at its top, as docs/studio_NAME.jpg."""
    view.root.evaluate("e => e.scrollIntoView()")
    view.page.mouse.move(1270, 400)
    view.page.wait_for_timeout(500)
    shown = Image.open(io.BytesIO(view.page.screenshot())).convert("RGB")
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


if __name__ == "__main__":
    main()
