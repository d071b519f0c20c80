"""A JupyterLab of its own on this machine, and a browser in which to use it as a learner does."""

import ast
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from chrome import find_browser
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

TOKEN = "for-the-tests"
SCREEN = {"width": 1280, "height": 800}
# The first cell of a notebook. Results go to a folder of the test, and not among the learner's.
PREPARE = """\
import threading, time, pathlib, os
from helpers.base import places
places.RESULTS = pathlib.Path("results").resolve()
from helpers.studio import Studio
def threads():
    return sum(thread.name == "style transfer" for thread in threading.enumerate())
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=find_browser(), args=options)
        yield browser
        browser.close()


@contextmanager
def jupyterlab(folder: Path, subshells: str | None = None) -> Iterator["Lab"]:
    """Serves a folder; its settings, runtime files and workspaces are in folder/.jupyter.

    subshells: JupyterLab's setting commsOverSubshells; None leaves the default.
    """
    home = folder / ".jupyter"
    apputils = home / "settings" / "@jupyterlab" / "apputils-extension"
    apputils.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (apputils / "notification.jupyterlab-settings").write_text(json.dumps(news))
    if subshells:
        (apputils / "kernels-settings.jupyterlab-settings").write_text(json.dumps({"commsOverSubshells": subshells}))
    port = free_port()
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        lab = Lab(f"http://127.0.0.1:{port}", folder, subshells != "disabled")
        until(lambda: lab.answers() or server.poll() is not None, 60, "JupyterLab's start")
        assert server.poll() is None, (home / "log").read_text()
        yield lab
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Lab:
    """A running server, what it serves, and whether its comms go over subshells."""

    def __init__(self, url: str, folder: Path, subshells: bool):
        self.url, self.folder, self.subshells = url, folder, subshells

    def api(self, path: str, method: str = "GET"):
        request = urllib.request.Request(f"{self.url}/api/{path}?token={TOKEN}", method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def answers(self) -> bool:
        try:
            return bool(self.api("status"))
        except OSError:
            return False


class NotebookView:
    """A notebook as it stands in JupyterLab's page, as soon as its kernel can work."""

    def __init__(self, page: Page):
        self.page = page
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        until(self.is_idle, 60, "the kernel's start")
        page.evaluate("jupyterapp.shell.collapseLeft?.()")  # Notebook 7 has no side bar

    def is_idle(self) -> bool:
        """Whether the kernel has nothing to do."""
        kernel = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
        return self.page.evaluate(f"{kernel}?.status === 'idle'")

    def command(self, name: str) -> None:
        """Starts one of JupyterLab's commands, such as notebook:run-all-cells."""
        self.page.evaluate(f"void jupyterapp.commands.execute({name!r})")

    def run_all(self, seconds: float = 600) -> None:
        """Run All, to its end."""
        self.command("notebook:run-all-cells")
        self.wait_until_idle(seconds)

    def run_cell(self, number: int) -> None:
        """Runs one cell, and does not wait; the first is 0."""
        self.page.evaluate(f"jupyterapp.shell.currentWidget.content.activeCellIndex = {number}")
        self.command("notebook:run-cell")

    def wait_until_idle(self, seconds: float = 600) -> None:
        """Until all cells that were run are done."""
        self.page.wait_for_timeout(500)
        waiting = "[...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('*'))"
        until(lambda: self.is_idle() and not self.page.evaluate(waiting), seconds, "the end of the cells")

    def errors(self) -> list[str]:
        """The error outputs, and the widgets that could not be shown."""
        broken = '.jp-OutputArea [data-mime-type="application/vnd.jupyter.error"], .jupyter-widgets-error-widget'
        return self.page.locator(broken).all_inner_texts()


class Notebook(NotebookView):
    """A notebook of a Lab, and its kernel.

    at: "lab/tree" for JupyterLab's page, "notebooks" for Notebook 7's.
    """

    def __init__(self, lab: Lab, page: Page, path: str, at: str = "lab/tree"):
        page.goto(f"{lab.url}/{at}/{path}?token={TOKEN}&reset")
        super().__init__(page)
        self.lab, self.path = lab, path
        self.kernel = next(each["kernel"]["id"] for each in lab.api("sessions") if each["path"] == path)
        self.client = BlockingKernelClient(
            connection_file=str(lab.folder / ".jupyter" / "runtime" / f"kernel-{self.kernel}.json")
        )
        self.client.load_connection_file()
        self.client.start_channels()

    def ask(self, expression: str):
        """What an expression is in the kernel; it has to be something that JSON can carry."""
        question = {"answer": f"__import__('json').dumps({expression})"}
        reply = self.client.execute("", silent=True, user_expressions=question, reply=True, timeout=120)
        answer = reply["content"]["user_expressions"]["answer"]
        assert answer["status"] == "ok", answer
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def close(self) -> None:
        """Shuts the kernel down."""
        self.client.stop_channels()
        self.lab.api(f"kernels/{self.kernel}", "DELETE")


@contextmanager
def opened(
    lab: Lab, browser: Browser, name: str, *cells: str, at: str = "lab/tree", kernel: str = "python3"
) -> Iterator[Notebook]:
    """A notebook in a page of its own; with cells, it is written first, for a kernel of this name."""
    if cells:
        write_notebook(lab.folder / name, *cells, kernel=kernel)
    page = browser.new_page(viewport=SCREEN)
    page.set_default_timeout(60_000)
    notebook = Notebook(lab, page, name, at)
    try:
        yield notebook
    finally:
        page.close()
        notebook.close()


class StudioView:
    """A studio as it stands in the page; the first is 0."""

    def __init__(self, page: Page, number: int = 0):
        self.page, self.root = page, page.locator(".studio").nth(number)

    def button(self, name: str) -> Locator:
        return self.root.locator("button", has_text=name).first

    def press(self, name: str) -> None:
        """As a hand does: the button has to be in sight and enabled."""
        self.button(name).click(timeout=60_000)

    def handle(self, slider: str) -> Locator:
        label = self.root.locator(f'.widget-label:text-is("{slider}")')
        return label.locator("xpath=..").locator(".noUi-handle")

    def readout(self, slider: str) -> str:
        return self.handle(slider).locator("xpath=ancestor::*[contains(@class, 'widget-slider')]").inner_text()

    def picture(self) -> list[int]:
        """The bytes of the picture, thinned out."""
        return self._bytes(".studio-stage img")

    def curves(self) -> list[int]:
        """The bytes of the plot, thinned out."""
        return self._bytes(".studio-right > img")

    def _bytes(self, selector: str) -> list[int]:
        read = (
            "async img => [...new Uint8Array(await (await fetch(img.src)).arrayBuffer())].filter((_, i) => i % 31 == 0)"
        )
        for _ in range(20):
            try:
                return self.root.locator(selector).evaluate(read)
            except Error:  # the picture was replaced between two looks at it
                self.page.wait_for_timeout(20)
        raise AssertionError(f"{selector} could not be read")

    def text(self, part: str) -> str:
        """Of the status, the progress, the message (news), or the whole head."""
        return self.root.locator(f".studio-{part}").first.inner_text()

    def iteration(self) -> int:
        found = re.search(r"iteration (\d+)", self.text("progress"))
        return int(found[1]) if found else 0


def until(condition, seconds: float, what: str):
    """Waits for a condition to hold, and returns what it gave."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return value


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def write_notebook(path: Path, *cells: str, kernel: str = "python3") -> None:
    """A notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": kernel, "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
