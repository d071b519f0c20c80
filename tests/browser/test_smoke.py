"""The one test in a browser that `python3 -m helpers test` runs without --all: a studio paints a picture."""

from lab import PREPARE, StudioView, jupyterlab, opened, until


def test_a_studio_paints_to_the_end(browser, tmp_path):
    with (
        jupyterlab(tmp_path) as lab,
        opened(lab, browser, "smoke.ipynb", PREPARE + "Studio(size=64, steps=30)") as notebook,
    ):
        notebook.run_cell(0)
        view = StudioView(notebook.page)
        view.root.wait_for()
        view.root.scroll_into_view_if_needed()
        before = view.picture()
        view.press("Start")
        until(lambda: view.text("status") == "Finished", 60, "the end of the run")
        assert view.iteration() == 30
        assert view.picture() != before
        assert notebook.errors() == []
