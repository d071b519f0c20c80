"""A class of two on one server: a JupyterHub with docs/jupyterhub_config.py, two accounts, two browsers at once."""

import os
import signal
import subprocess
from pathlib import Path

import hub
import pytest
from lab import SCREEN, NotebookView, StudioView, free_port, until, write_notebook

from helpers.images import load_image
from helpers.runs.checkpoint import load_run
from helpers.runs.recipe import load_recipe

STYLES = ("van_gogh", "monet")  # what each of the two paints with
# A notebook of a student's own. It also says what the student's kernel sees of the class's folder.
OWN_CELL = """\
import os, helpers
from helpers.base import places
from helpers.studio import Studio
print("shared:", places.ROOT, "may be written to:", os.access(places.ROOT, os.W_OK), "results:", places.RESULTS)
Studio("landscape", {style!r}, size=384, steps=400)
"""


class Desk:
    """A student who has logged in, and a browser with nothing of anybody else's in it."""

    def __init__(self, account, browser, address: str, password: str):
        self.account, self.home = account, Path(account.pw_dir) / "style-transfer"
        self.results, self.address = self.home / "results", address
        self.page = browser.new_context(viewport=SCREEN).new_page()
        self.page.set_default_timeout(120_000)
        self.page.goto(f"{address}/hub/login")
        self.page.fill("#username_input", account.pw_name)
        self.page.fill("#password_input", password)
        self.page.click("#login_submit")

    def opened(self, name: str = "") -> NotebookView:
        """A notebook, and the one that is opened at the login if none is named."""
        if name:
            self.page.goto(f"{self.address}/user/{self.account.pw_name}/lab/tree/notebooks/{name}?reset")
        return NotebookView(self.page)

    def write(self, name: str, *cells: str) -> None:
        """A notebook of the student's own."""
        path = self.home / "notebooks" / name
        write_notebook(path, *cells)
        os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def may(self, *command: str | Path) -> bool:
        """Whether a command succeeds for this student."""
        user = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        return subprocess.run(list(map(str, command)), capture_output=True, **user).returncode == 0

    def kill_kernels(self) -> None:
        for process in hub.processes_of(self.account.pw_name):
            if "ipykernel_launcher" in process.cmdline():
                process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def shared():
    """What the class shares, before anybody has logged in."""
    assert not hub.missing(), hub.missing()  # whoever names this file is told
    return hub.snapshot()


@pytest.fixture(scope="module")
def desks(shared, browser, tmp_path_factory):
    """Two students who have logged in."""
    folder, ports = tmp_path_factory.mktemp("hub"), [free_port() for _ in range(3)]
    with hub.students(2) as accounts, hub.jupyterhub(folder, *ports) as password:
        address = f"http://127.0.0.1:{ports[0]}"
        try:
            until(lambda: hub.answers(f"{address}/hub/health"), 90, "the hub's start")
            seated = [Desk(account, browser, address, password) for account in accounts]
            yield seated
            for desk in seated:
                desk.page.context.close()
        finally:
            print((folder / "log").read_text())


def test_two_students_paint_lesson_0_at_once(desks):
    lessons = [desk.opened() for desk in desks]
    for lesson in lessons:
        assert lesson.page.url.endswith("/lab/tree/notebooks/00_start_here.ipynb")
        lesson.command("notebook:run-all-cells")
    for lesson in lessons:
        lesson.wait_until_idle()
        assert lesson.errors() == []
    studios = [StudioView(lesson.page) for lesson in lessons]
    for studio, style in zip(studios, STYLES, strict=True):
        studio.root.scroll_into_view_if_needed()
        studio.root.locator("button.widget-toggle-button", has_text=style).click()
        studio.root.locator("select").first.select_option("384")
        studio.press("Start")
    until(lambda: all(0 < studio.iteration() < 200 for studio in studios), 60, "that both paint")
    assert [studio.text("status") for studio in studios] == ["Painting", "Painting"]
    for studio in studios:
        until(lambda studio=studio: studio.text("status") == "Finished", 300, "the end of a run")
        studio.press("Save")
    for desk, style in zip(desks, STYLES, strict=True):
        until(lambda desk=desk: list(desk.results.glob("*.png")), 60, "that a picture is saved")
        assert [path.name for path in desk.results.iterdir()] == [f"landscape--{style}--1.png"]
        assert load_recipe(desk.results / f"landscape--{style}--1.png")["style"] == style
        assert load_image(desk.results / f"landscape--{style}--1.png").shape[3] == 384


def test_what_a_student_has_made_is_the_students_own_and_nobody_elses(desks):
    for desk, other in (desks, desks[::-1]):
        assert {path.owner() for path in desk.home.rglob("*")} == {desk.account.pw_name}
        lesson, (picture,) = desk.home / "notebooks" / "00_start_here.ipynb", desk.results.iterdir()
        assert desk.may("cat", picture) and desk.may("touch", lesson)
        for path in (lesson, picture):
            assert not other.may("cat", path) and not other.may("touch", path)
        assert not other.may("ls", desk.home) and not other.may("touch", desk.results / "mine.png")


def test_each_goes_on_with_the_own_last_run(desks):
    """The kernel of the first is killed while it paints; the other has nothing to go on with."""
    for desk, style in zip(desks, STYLES, strict=True):
        desk.write("own.ipynb", OWN_CELL.format(style=style))
    first = desks[0]
    notebook = first.opened("own.ipynb")
    notebook.run_all()
    studio = StudioView(notebook.page)
    studio.press("Start")
    (checkpoint,) = until(lambda: list(first.results.glob("*.checkpoint")), 60, "a checkpoint")
    until(lambda: checkpoint.stat().st_size, 60, "a whole checkpoint")
    first.kill_kernels()
    notebook.page.locator(".jp-Dialog button", has_text="Ok").click()
    notebooks = [desk.opened("own.ipynb") for desk in desks]
    for each in notebooks:
        each.run_all()
        assert each.errors() == []
    one, other = (StudioView(each.page) for each in notebooks)
    assert not other.button("Continue last run").is_visible() or other.button("Continue last run").is_disabled()
    cut_off = load_run(checkpoint).iteration
    one.press("Continue last run")
    until(lambda: one.iteration() > cut_off, 60, "that the run goes on")
    one.press("Stop")
    one.press("Save")
    picture = checkpoint.with_suffix(".png")
    until(picture.exists, 60, "that the picture is saved")
    assert load_recipe(picture)["style"] == STYLES[0] and cut_off < load_recipe(picture)["iteration"] < 400
    assert [len(list(desk.results.glob("*.png"))) for desk in desks] == [2, 1]
    for desk, each in zip(desks, notebooks, strict=True):
        said = each.page.locator(".jp-OutputArea-output", has_text="shared:").inner_text()
        assert said.strip() == f"shared: {hub.ROOT} may be written to: False results: {desk.results}"


def test_what_the_class_shares_is_as_it_was(desks, shared):
    assert hub.snapshot() == shared
