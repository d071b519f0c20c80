"""The studio as a learner meets it: in JupyterLab, with mouse and keyboard."""

import io
import itertools
import json
import re
import time
from pathlib import Path

import nbformat
import pytest
from lab import PREPARE, StudioView, opened, until
from PIL import Image

from helpers.commands import render
from helpers.images import load_image

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LIVE = ("Studio(", "LivePlot(", "WeightSliders(", "LiveImage(", "interact(")

# Put before a lesson's cells, so that it takes a fifth of the time: here its widgets are tested, and not its pictures.
SMALL = """\
from helpers import images
in_full = images.load_image
images.load_image = lambda path, max_size=768, shape=None: in_full(path, min(max_size, 256), shape)
"""

STUDIO = "studio = Studio(size=128, steps=3000)\nstudio"


@pytest.fixture
def studio(shared_notebook):
    """A notebook with a studio that was made a moment ago, and its view."""
    notebook = shared_notebook
    notebook.page.evaluate("jupyterapp.shell.collapseLeft()")
    notebook.run_cell(1)
    notebook.wait_until_idle()
    view = StudioView(notebook.page)
    view.root.wait_for()
    assert notebook.errors() == []
    until(lambda: "on this machine" in view.text("head"), 60, "the estimate")
    view.root.scroll_into_view_if_needed()
    return notebook, view


@pytest.fixture(scope="module")
def shared_notebook(lab, browser):
    """One kernel for the tests that need no fresh one; their cells are run again, as learners do."""
    with opened(lab, browser, "studio.ipynb", PREPARE, STUDIO) as notebook:
        notebook.run_cell(0)
        yield notebook


def begin(view, iterations=5):
    view.press("Start")
    until(lambda: view.iteration() >= iterations, 120, f"iteration {iterations}")


def test_it_paints_pauses_goes_on_and_stops(studio):
    notebook, view = studio
    assert view.text("status") == "Ready"
    before, empty = view.picture(), view.curves()
    begin(view)
    assert view.text("status") == "Painting"
    pictures = {json.dumps(before)}
    for _ in range(3):
        until(lambda: json.dumps(view.picture()) not in pictures, 30, "another picture")
        pictures.add(json.dumps(view.picture()))
    curves = view.curves()
    assert curves != empty
    until(lambda: view.curves() != curves, 30, "the curves' growth")

    view.press("Pause")
    until(lambda: view.text("status") == "Paused", 10, "the pause")
    time.sleep(0.5)
    held, there = notebook.ask("len(studio.record)"), view.picture()
    time.sleep(1)
    assert notebook.ask("len(studio.record)") == held
    assert view.picture() == there and view.iteration() == held

    view.press("Resume")
    until(lambda: view.iteration() > held, 30, "the next iterations")
    assert notebook.ask("threads()") == 1
    view.press("Stop")
    until(lambda: view.text("status") == "Stopped", 10, "the stop")
    assert notebook.ask("[threads(), studio.status]") == [0, "stopped"]
    assert notebook.errors() == []


def test_a_slider_moved_by_keyboard_acts_within_a_second(studio):
    notebook, view = studio
    begin(view)
    for slider, key in (("style", "ArrowRight"), ("conv3_1", "PageDown"), ("learning rate", "ArrowLeft")):
        now = "studio.record[-1]"
        value = {"style": f"{now}.weights.style", "conv3_1": f"{now}.weights.layers['conv3_1']"}
        in_force = value.get(slider, f"{now}.learning_rate")
        old = notebook.ask(in_force)
        pace = notebook.ask("(lambda r: (r[-1].seconds - r[0].seconds) / len(r))(studio.record)")
        view.handle(slider).focus()
        notebook.page.keyboard.press(key)
        pressed = time.monotonic()
        until(lambda old=old, what=in_force: notebook.ask(what) != old, 10, f"{slider} in force")
        assert time.monotonic() - pressed < 1 + 2 * pace
    view.handle("tv").focus()
    notebook.page.keyboard.press("Home")
    until(lambda: notebook.ask("studio.record[-1].weights.tv") == 0, 10, "no tv")
    assert view.readout("tv").split()[-1] == "0"
    assert len(notebook.ask("studio.plot.marks")) >= 1


def test_back_goes_back_and_on_from_there(studio):
    notebook, view = studio
    notebook.ask("studio.panel.controls.by_name['steps'].set_trait('value', 300)")
    begin(view, 70)
    view.handle("style").focus()
    notebook.page.keyboard.press("End")
    until(lambda: notebook.ask("studio.record[-1].weights.style") > 1000, 10, "the slider's effect")
    view.press("Back")
    until(lambda: "Back at iteration" in view.text("news"), 20, "the step back")
    at = notebook.ask("studio.session.iteration")
    assert at % 30 == 0 and view.iteration() == at
    while notebook.ask("bool(studio.session.earlier)"):
        view.press("Back")
        until(lambda at=at: notebook.ask("studio.session.iteration") < at, 20, "the next step back")
        at = notebook.ask("studio.session.iteration")
    assert at == 30
    until(lambda: view.readout("style").split()[-1] == "100", 10, "the old weight")
    view.press("Resume")
    until(lambda: view.iteration() > 35, 60, "the iterations after it")
    view.press("Stop")
    until(lambda: view.text("status") == "Stopped", 10, "the stop")
    assert notebook.ask("[threads(), studio.session.restarts]") == [0, [30]]


def test_what_is_saved_can_be_repeated(studio, tmp_path):
    notebook, view = studio
    notebook.ask("studio.panel.controls.by_name['steps'].set_trait('value', 60)")
    begin(view, 10)
    view.handle("tv").focus()
    notebook.page.keyboard.press("End")
    until(lambda: view.text("status") == "Finished", 120, "the end")
    view.press("Save")
    until(lambda: re.search(r"Saved as .*results/landscape--van_gogh--", view.text("news")), 20, "the save")
    saved = Path(notebook.ask("str(max(places.RESULTS.glob('*.png'), key=os.path.getmtime))"))
    out = tmp_path / "again.png"
    assert render.main(["--recipe", str(saved), "--out", str(out)]) == 0
    assert load_image(out).equal(load_image(saved))
    view.press("Film")
    until(lambda: ".webp" in view.text("news"), 60, "the film")
    assert 0 < notebook.ask("next(places.RESULTS.glob('*.webp')).stat().st_size") < 5_000_000


def test_running_the_cell_again_leaves_one_thread(studio):
    notebook, view = studio
    begin(view)
    assert notebook.ask("threads()") == 1
    notebook.run_cell(1)
    notebook.wait_until_idle()
    assert notebook.ask("threads()") == 0
    assert notebook.page.locator(".studio").count() == 1
    begin(view)
    assert notebook.ask("threads()") == 1


def test_closing_the_output_ends_the_thread(studio):
    notebook, view = studio
    begin(view)
    notebook.command("notebook:clear-all-cell-outputs")
    view.root.wait_for(state="detached")
    cleared = time.monotonic()
    until(lambda: notebook.ask("threads()") == 0, 10, "the thread's end")
    assert time.monotonic() - cleared < 2  # 0.4 s to see that it was not moved, and what this machine is busy with


def test_scrolling_away_and_back_leaves_the_run_alone(open_notebook):
    notebook = open_notebook("scrolling.ipynb", PREPARE, STUDIO, *["print('line\\n' * 60)"] * 6)
    notebook.run_all()
    view = StudioView(notebook.page)
    begin(view)
    notebook.page.locator(".jp-Cell").last.scroll_into_view_if_needed()
    notebook.page.wait_for_timeout(1500)
    assert notebook.ask("[threads(), studio.status]") == [1, "running"]
    view.root.scroll_into_view_if_needed()
    seen = view.picture()
    until(lambda: view.picture() != seen, 30, "another picture")


def test_shutting_the_kernel_down_takes_no_longer_for_a_run(open_notebook, lab):
    notebook = open_notebook("shutdown.ipynb", PREPARE, STUDIO)
    notebook.run_all()
    begin(StudioView(notebook.page))
    process = notebook.ask("os.getpid()")
    lab.api(f"kernels/{notebook.kernel}/restart", "POST")
    until(lambda: not Path(f"/proc/{process}").exists(), 10, "the kernel's end")
    assert "terminate called" not in (lab.folder / ".jupyter" / "log").read_text()


def test_an_upload_is_painted_and_a_bad_one_is_a_line_of_text(studio):
    notebook, view = studio
    content = io.BytesIO()
    Image.effect_noise((300, 200), 90).convert("RGB").save(content, "PNG")

    def upload(number, name, data):
        with notebook.page.expect_file_chooser() as choosing:
            view.root.locator(".widget-upload").nth(number).click()
        choosing.value.set_files({"name": name, "mimeType": "image/png", "buffer": data})

    upload(0, "holiday.png", content.getvalue())
    until(lambda: "holiday.png is chosen" in view.text("news"), 20, "the upload")
    assert view.root.locator('button[data-value="holiday"].mod-active').count() == 1
    upload(0, "notes.png", b"these are only words")
    until(lambda: "notes.png was not taken" in view.text("news"), 20, "the refusal")
    upload(1, "cut.png", content.getvalue()[:3000])
    until(lambda: "damaged or cut off" in view.text("news"), 20, "the refusal")
    chosen = "[studio.panel.content.name, studio.panel.style.name]"
    assert notebook.ask(chosen) == ["holiday", "van_gogh"]
    begin(view)
    assert notebook.ask("list(studio.image.shape)") == [1, 3, 85, 128]
    assert notebook.errors() == []


def test_a_part_is_drawn_by_hand_and_spared(studio):
    notebook, view = studio
    page = notebook.page
    view.press("More")
    more = view.root.locator(".studio-more")
    more.get_by_label("keep", exact=True).select_option("drawn by hand")
    canvas = more.locator(".mask-canvas:visible")
    canvas.scroll_into_view_if_needed()
    until(lambda: canvas.evaluate("canvas => canvas.width") == 480, 10, "the photograph under the brush")

    def draw(*ways: tuple[float, float]):
        box = canvas.bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ways]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=5)
        page.mouse.up()

    def inside(x: float, y: float) -> int:
        mask = Image.open(io.BytesIO(bytes(notebook.ask("list(studio.panel.more.keep.painter.file)"))))
        return mask.convert("L").getpixel((round(x * mask.width), round(y * mask.height)))

    draw((0.3, 0.5), (0.7, 0.5))
    until(lambda: notebook.ask("len(studio.panel.more.keep.painter.file)"), 10, "the mask")
    assert (inside(0.5, 0.5), inside(0.5, 0.9)) == (255, 0)
    more.get_by_role("button", name="Eraser").click()
    draw((0.5, 0.3), (0.5, 0.7))
    until(lambda: inside(0.5, 0.5) == 0, 10, "the eraser")
    assert inside(0.35, 0.5) == 255
    begin(view)
    different = notebook.ask(
        "(lambda a, b: [float((a - b)[..., a.shape[2] // 2, int(x * a.shape[3])].abs().max()) for x in (0.35, 0.5)])"
        "(studio.image, __import__('helpers.images', fromlist=['x']).load_image('landscape', max(studio.image.shape)))"
    )
    assert different[0] < 1e-4 < 0.01 < different[1]
    view.press("Stop")
    more.get_by_role("button", name="Clear").click()
    until(lambda: notebook.ask("studio.panel.more.keep.painter.mask") == "", 10, "the empty mask")
    view.press("Start")
    until(lambda: "nothing is drawn yet" in view.text("news"), 10, "the word about it")
    more.get_by_label("keep", exact=True).select_option("nowhere")
    view.press("More")
    until(lambda: not more.is_visible(), 10, "the folding")
    assert notebook.errors() == []


def test_with_a_cell_busy_in_the_foreground(open_notebook, lab):
    """Pictures come all the same; sliders act at once over subshells, and without them when the cell is done."""
    busy = "until = time.time() + 6\nwhile time.time() < until: sum(range(10000))\nended = len(studio.record)"
    notebook = open_notebook("busy.ipynb", PREPARE, STUDIO, busy)
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_until_idle()
    view = StudioView(notebook.page)
    begin(view)
    notebook.run_cell(2)
    notebook.page.wait_for_timeout(1000)
    seen, iteration = view.picture(), view.iteration()
    view.handle("style").focus()
    notebook.page.keyboard.press("End")
    until(lambda: view.picture() != seen and view.iteration() > iteration, 5, "a picture while the cell is busy")
    notebook.wait_until_idle()
    changed = "next((s.iteration for s in studio.record if s.weights.style != 100), None)"
    until(lambda: notebook.ask(changed), 10, "the slider's effect")
    assert (notebook.ask(changed) <= notebook.ask("ended")) == lab.subshells
    view.press("Stop")
    until(lambda: notebook.ask("threads()") == 0, 10, "the stop")


def test_a_run_in_the_foreground_can_be_stopped_and_leaves_figures(open_notebook, lab):
    """Its own cell keeps the kernel busy, so that without subshells nothing arrives until it has ended."""
    steps, end = (3000, "stopped") if lab.subshells else (60, "done")
    cell = f"studio = Studio(size=128, steps={steps})\nstudio.run()"
    notebook = open_notebook("foreground.ipynb", PREPARE, cell, "after = studio.status")
    notebook.command("notebook:run-all-cells")
    view = StudioView(notebook.page)
    view.root.wait_for()
    first = view.picture()
    until(lambda: view.picture() != first and view.iteration() > 3, 120, "the first pictures")
    if lab.subshells:
        view.handle("tv").focus()
        notebook.page.keyboard.press("Home")
        at = view.iteration()
        until(lambda: view.iteration() > at + 2, 60, "some iterations with it")
        view.press("Stop")
    notebook.wait_until_idle()
    assert notebook.errors() == []
    assert notebook.ask("[after, threads()]") == [end, 0]
    assert notebook.ask("studio.record[-1].weights.tv") == (0 if lab.subshells else 2)
    assert notebook.page.locator(".jp-RenderedImage img").count() == 2
    view.press("Start anew")
    until(lambda: notebook.ask("threads()") == 1, 10, "the thread")


def test_two_studios_in_one_notebook(open_notebook):
    second = "other = Studio(size=128, steps=3000, style='monet')\nother"
    notebook = open_notebook("two.ipynb", PREPARE, STUDIO, second)
    notebook.run_all()
    one, two = StudioView(notebook.page, 0), StudioView(notebook.page, 1)
    begin(one)
    begin(two)
    assert notebook.ask("threads()") == 2
    one.handle("tv").focus()
    notebook.page.keyboard.press("Home")
    until(lambda: notebook.ask("studio.record[-1].weights.tv") == 0, 10, "the slider's effect")
    assert notebook.ask("other.record[-1].weights.tv") == 2
    one.press("Stop")
    until(lambda: one.text("status") == "Stopped", 10, "the stop")
    at = two.iteration()
    until(lambda: two.iteration() > at, 30, "the other's next iterations")
    assert notebook.ask("[threads(), studio.status, other.status]") == [1, "stopped", "running"]


def test_the_parts_work_in_a_plain_loop(open_notebook):
    loop = """\
from helpers.images import load_image
from helpers.studio.live import LiveImage, LivePlot
from helpers.studio.sliders import WeightSliders
from helpers.transfer import style_transfer
from helpers.vgg import load_vgg19
content, style = load_image("landscape", 96), load_image("monet", 96)
sliders, picture, plot = WeightSliders(), LiveImage("the picture so far"), LivePlot(steps=40)
display(sliders, picture, plot)
for step in style_transfer(content, style, load_vgg19(), sliders, steps=40):
    picture.offer(step.image)
    plot.add(step)"""
    notebook = open_notebook("parts.ipynb", loop)
    notebook.run_all()
    assert notebook.errors() == []
    images = notebook.page.locator("img.widget-image")
    assert images.count() == 2
    assert images.first.get_attribute("title") == "the picture so far"
    assert all(image.evaluate("e => e.naturalWidth") > 50 for image in images.all())


def test_it_fits_the_screen_and_the_keyboard_reaches_everything(studio):
    notebook, view = studio
    page, root = notebook.page, view.root

    def fits():
        shown, box = page.locator(".jp-WindowedPanel-outer").bounding_box(), root.bounding_box()
        overflowing = root.evaluate(
            "e => [...e.querySelectorAll('*')].filter(c => c.getBoundingClientRect().right > "
            "e.getBoundingClientRect().right + 1).map(c => c.className)"
        )
        return box["height"] <= shown["height"] and box["width"] <= shown["width"] and overflowing == []

    for large in (False, True):
        if large:
            view.press("Large type")
        for sidebar in ("collapseLeft", "expandLeft"):
            page.evaluate(f"jupyterapp.shell.{sidebar}()")
            page.wait_for_timeout(500)  # JupyterLab moves its side bar, and the studio makes room
            until(fits, 10, f"the studio to fit, large: {large}, after {sidebar}")
    name_in_focus = """(() => {
        const e = document.activeElement;
        const label = e.closest('.widget-inline-hbox')?.querySelector('label')?.textContent;
        return e.closest('.studio') ? label || e.title || e.textContent : '';
    })()"""
    reached = set()
    root.locator("button").first.focus()
    for _ in range(60):
        reached.add(page.evaluate(name_in_focus).strip())
        page.keyboard.press("Tab")
    wanted = {"landscape", "monet", "size", "steps", "network", "content", "style", "tv", "conv5_1", "learning rate"}
    assert wanted <= reached
    assert {title for title in reached if title.startswith("Paint with these settings")}


def live_notebooks():
    """Each lesson with a widget, in the two settings of `lab` by turns."""
    settings = itertools.cycle(("default", "disabled"))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = nbformat.read(path, 4).cells
        if any(word in cell.source for word in LIVE for cell in cells if cell.cell_type == "code"):
            yield pytest.param(next(settings), path, cells, id=path.stem)


@pytest.mark.parametrize("lab, path, cells", list(live_notebooks()), indirect=["lab"])
def test_the_lessons_run_and_their_studios_paint(open_notebook, lab, path, cells):
    lesson = nbformat.read(path, 4)
    lesson.cells.insert(1, nbformat.v4.new_code_cell(SMALL))
    nbformat.write(lesson, lab.folder / path.name)
    notebook = open_notebook(path.name)
    notebook.run_all(1800)
    expected = sum("raises-exception" in cell.metadata.get("tags", ()) for cell in cells)
    assert len(notebook.errors()) == expected, notebook.errors()
    handles = notebook.page.locator(".noUi-handle:not(.studio *)")
    if handles.count():
        picture = notebook.page.locator("img.widget-image:not(.studio *)").first
        before = picture.get_attribute("src")
        handles.first.focus()
        notebook.page.keyboard.press("ArrowRight")
        until(lambda: picture.get_attribute("src") != before, 20, "the picture's answer to the slider")
    for number in range(notebook.page.locator(".studio").count()):
        view = StudioView(notebook.page, number)
        view.root.scroll_into_view_if_needed()
        before = view.picture()
        view.press("Start")
        until(lambda view=view, before=before: view.picture() != before, 60, "the picture's change")
        view.press("Stop")
        until(lambda view=view: view.text("status") in ("Stopped", "Ready"), 20, "the stop")
