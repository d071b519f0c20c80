"""What a newcomer sees: `python3 -m helpers` with no settings of JupyterLab from before."""

import os
import re
import subprocess
import sys
from pathlib import Path

from lab import SCREEN, until

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_address_that_is_printed_shows_lesson_0_and_asks_nothing(browser, tmp_path):
    fresh = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    command = [sys.executable, "-m", "helpers", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=fresh | {"HOME": str(tmp_path)}, stdout=out, stderr=out)
    try:
        address = until(lambda: re.findall(r"http://127\S+", log.read_text()), 60, "the address")[-1]
        said = log.read_text()
        assert said.startswith("JupyterLab opens on lesson 0")
        assert f"Pictures are saved in {ROOT / 'results'}. To end it, press Ctrl+C twice here." in said
        assert not re.search(r"^\[I ", said, re.M), "JupyterLab's own log hides what matters"
        page = browser.new_page(viewport=SCREEN)
        page.goto(address)
        page.wait_for_selector(".jp-Notebook h1:has-text('Start here')", timeout=60_000)
        page.wait_for_timeout(5000)  # what JupyterLab asks comes a little later
        assert page.locator(".jp-Dialog, .Toastify__toast").all_inner_texts() == []
        page.close()
    finally:
        server.terminate()
        server.wait(20)
