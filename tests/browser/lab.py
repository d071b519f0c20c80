"""A JupyterLab of its own on this machine, and a browser in which to use it as a learner does."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Browser, Page, sync_playwright

TOKEN = "for-the-tests"
SCREEN = {"width": 1280, "height": 800}


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((path for path in map(shutil.which, names) if path), None)


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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
    ]  # fmt: skip
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        lab = Lab(f"http://127.0.0.1:{port}", home / "runtime")
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
    """A running server."""

    def __init__(self, url: str, runtime: Path):
        self.url, self.runtime = url, runtime

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


class Notebook:
    """A notebook, open in the browser, and its kernel."""

    def __init__(self, lab: Lab, page: Page, path: str):
        self.lab, self.page, self.path = lab, page, path
        page.goto(f"{lab.url}/lab/tree/{path}?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        until(self.kernel_is_idle, 60, "the kernel's start")
        page.evaluate("jupyterapp.shell.collapseLeft()")
        session = next(session for session in lab.api("sessions") if session["path"] == path)
        self.kernel_id = session["kernel"]["id"]
        self.client = BlockingKernelClient(connection_file=str(lab.runtime / f"kernel-{self.kernel_id}.json"))
        self.client.load_connection_file()
        self.client.start_channels()

    def kernel_is_idle(self) -> bool:
        kernel = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"
        return self.page.evaluate(f"{kernel} === 'idle'")

    def command(self, name: str, wait: bool = True) -> None:
        """One of JupyterLab's commands, such as notebook:run-all-cells."""
        call = f"jupyterapp.commands.execute({name!r})"
        self.page.evaluate(call if wait else f"void {call}")

    def run_all(self, seconds: float = 300) -> None:
        self.command("notebook:run-all-cells", wait=False)
        self.page.wait_for_timeout(300)
        until(self.kernel_is_idle, seconds, "Run All")

    def ask(self, expression: str):
        """What an expression is in the kernel (anything that repr and literals can carry)."""
        message = self.client.execute(
            "", silent=True, user_expressions={"answer": f"__import__('json').dumps({expression})"}
        )
        reply = self.client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != message:
            reply = self.client.get_shell_msg(timeout=60)
        answer = reply["content"]["user_expressions"]["answer"]
        assert answer["status"] == "ok", answer
        return json.loads(eval(answer["data"]["text/plain"]))

    def errors(self) -> list[str]:
        """The error outputs in the page."""
        return self.page.locator('.jp-OutputArea [data-mime-type="application/vnd.jupyter.error"]').all_inner_texts()

    def close(self) -> None:
        self.client.stop_channels()
        self.lab.api(f"kernels/{self.kernel_id}", "DELETE")


def until(condition, seconds: float, what: str):
    """Waits for a condition to hold, and returns what it gave."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return value


def write_notebook(path: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
