"""Lessons as slides: one HTML file for each, which needs no other file and no network.

    python3 -m helpers slides 03_losses             # results/slides/03_losses.html
    python3 -m helpers slides 03_losses --rehearse  # runs its cells, and prints how long the slow ones take

The cells' slide types in JupyterLab (slide, subslide, skip) divide a lesson into slides; nbconvert writes them. In the
browser, deck/deck.js lays them out on pages of 1280 x 720, and reveal.js (deck/LICENSE.reveal.js) shows them. The
speaker's notes (key S) are what notebooks/README.md says about each section of the lesson.
"""

import base64
import html
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from matplotlib import mathtext
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.parser import Parser
from helpers.base.places import NOTEBOOKS
from helpers.teaching.lessons import attach_pictures
from helpers.teaching.rehearsal import read, rehearse

DECK = Path(__file__).with_name("deck")
GUIDE = NOTEBOOKS / "README.md"

CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.S | re.M)
FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$\n]+)\$", re.S)
POINTS = 12  # the type size at which Matplotlib sets a formula


def deck(path: Path, guide: str) -> str:
    """A lesson's slides as HTML. guide: the text of notebooks/README.md, with the speaker's notes; it may be empty."""
    notebook, notes = read(path), notes_on(path.stem, guide)
    notebook.metadata.pop("widgets", None)  # without their state, nbconvert shows of widgets the still or the text
    notebook.cells = [part for cell in notebook.cells for part in (cell, *_notes(cell, notes))]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\((\d\d_\w+)\.ipynb", r"(\1.html", with_formulas(cell.source))
            attach_pictures(cell, path.parent)
        else:
            cell.outputs = [_described(output) for output in cell.outputs]
    files = {name: (DECK / name).read_text(encoding="utf-8") for name in ("reveal.css", "deck.css", "reveal.js",
                                                                         "notes.js", "deck.js")}  # fmt: skip
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    # The text </script inside a script would end it.
    scripts = [files[name].replace("</script", r"<\/script") for name in ("reveal.js", "notes.js", "deck.js")]
    title = next((text[1] for cell in notebook.cells if (text := re.match("# (.+)", cell.source))), path.stem)
    looks = {"title": title, "style": "\n".join((files["reveal.css"], colours, files["deck.css"])), "scripts": scripts}
    exporter = SlidesExporter(extra_template_basedirs=[str(DECK.parent)], template_name=DECK.name)
    return exporter.from_notebook_node(notebook, {"deck": looks})[0]


def notes_on(lesson: str, guide: str) -> dict[str, str]:
    """heading -> what the guide says about that section of a lesson, in its lines `- **heading**: ...`."""
    number = lesson[:2].lstrip("0") or "0"
    about = re.search(rf"^## {re.escape(number)}\. .*?(?=^## |\Z)", guide, re.S | re.M)
    points = re.findall(r"^- \*\*(.+?)\*\*: (.+?)(?=^- |^\S|\Z|\n\n)", about[0] if about else "", re.S | re.M)
    return {heading: " ".join(text.split()) for heading, text in points}


def _notes(cell: NotebookNode, notes: dict[str, str]) -> list[NotebookNode]:
    """The speaker's notes for a cell, as a list of one cell; empty if the guide does not have the cell's heading."""
    heading = re.match(r"#+ (.+)", cell.source) if cell.cell_type == "markdown" else None
    if not heading or heading[1] not in notes:
        return []
    note = nbformat.v4.new_markdown_cell(notes[heading[1]])
    note.metadata.slideshow = {"slide_type": "notes"}
    return [note]


def with_formulas(markdown: str) -> str:
    """Markdown with its formulas, $...$ and $$...$$, as pictures that need no script; code stays as it is."""
    parts = CODE.split(markdown)
    return "".join(part if i % 2 else FORMULA.sub(_formula, part) for i, part in enumerate(parts))


def _formula(match: re.Match) -> str:
    tex = " ".join(match.group("display" if match["display"] else "inline").split())
    known = re.sub(r"\\[lr]Vert", r"\\Vert", tex)
    picture = io.BytesIO()
    try:
        depth = mathtext.math_to_image(f"${known}$", picture, format="svg")
    except ValueError:
        raise TeachingError(f"The formula ${tex}$ cannot be set by Matplotlib, which knows no environments.") from None
    svg = picture.getvalue()
    height = float(re.search(rb'height="([\d.]+)pt"', svg)[1]) / POINTS
    image = (
        f'<img class="math" alt="{tex}" src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" '
        f'style="height: {height:.2f}em; vertical-align: {-depth / POINTS:.2f}em">'
    )
    return f'<span class="display">{image}</span>' if match["display"] else image


def _described(output: NotebookNode) -> NotebookNode:
    """An output whose figure, if it has one, becomes HTML, so that the text for those who cannot see it is kept."""
    for kind in [kind for kind in output.get("data", {}) if kind in ("image/png", "image/jpeg")]:
        alt = html.escape(output.metadata.get(kind, {}).get("alt", ""))
        picture = "".join(output.data[kind].split())
        output.data = {"text/html": f'<img alt="{alt}" src="data:{kind};base64,{picture}">'}
    return output


def find_lessons(names: Sequence[str]) -> list[Path]:
    """Finds lessons by path, name or number; all if `names` is empty. Raises TeachingError for an unknown one."""
    lessons = sorted(NOTEBOOKS.glob("*.ipynb"))
    paths = []
    for name in names:
        matches = [Path(name)] if Path(name).suffix == ".ipynb" and Path(name).is_file() else [
            lesson for lesson in lessons if lesson.stem == Path(name).stem or lesson.stem[:2] == name.zfill(2)
        ]  # fmt: skip
        if not matches:
            known = ", ".join(lesson.stem for lesson in lessons)
            raise TeachingError(f"There is no lesson '{name}'; there are {known}.")
        paths += matches
    return paths or lessons


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, 1 if a rehearsal failed, or 2 after one line on what was wrong."""
    options = Parser(
        prog="python3 -m helpers slides",
        description="Writes lessons as slides that need no network: one file of HTML each. Key S: speaker's notes.",
    )
    add = options.add_argument
    add("lessons", nargs="*", metavar="NOTEBOOK", help="a lesson's name, number or path (default: all)")
    add("--out", type=Path, default=places.RESULTS / "slides", metavar="DIR", help="where to (default: %(default)s)")
    add("--rehearse", action="store_true", help="run all cells instead, and say what takes how long")
    try:
        typed = options.parse_args(arguments)
        lessons = find_lessons(typed.lessons)
        if typed.rehearse:
            return 0 if all([rehearse(path) for path in lessons]) else 1
        guide = GUIDE.read_text(encoding="utf-8") if GUIDE.exists() else ""  # a class's copy has none
        for path in lessons:
            out = typed.out / f"{path.stem}.html"
            write_whole(out, deck(path, guide).encode())
            print(out)
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
