"""The course as a web site: lessons, guides and reference, from what is stored.

    python3 -m helpers site              # results/site/index.html
    python3 -m helpers site public/      # elsewhere

Sphinx makes it, with myst-nb for the notebooks and the PyData theme; nothing is executed, and nothing is fetched. The
pages are written in a temporary folder that is laid out as the project is, so that links from file to file become links
from page to page.
"""

import ast
import importlib.util
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.parser import Parser
from helpers.base.places import NOTEBOOKS, ROOT
from helpers.commands.pages import lessons

PAGES = Path(__file__).with_name("pages")
MARK = ".made-by-helpers-site"  # in a folder that may be replaced
NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme", "latex2mathml")

# The sidebar below the lessons: group -> file -> title.
GROUPS = {
    "Your own pictures": {
        "docs/hand.md": "The painter's hand",
        "docs/speed.md": "How fast it is",
        "docs/install.md": "Installation",
        "docs/online.md": "On Colab, Kaggle and Binder",
        "data/README.md": "Where the pictures come from",
        "data/weights/README.md": "The compact network",
    },
    "For the instructor": {
        "notebooks/README.md": "The guide for teaching",
        "docs/teaching.md": "Tools for teaching",
        "docs/gallery.md": "A whole class's pictures",
        "docs/hub.md": "A class on one server",
        "docs/site.md": "The course as a site",
    },
    "Reference": {
        "reference/index.md": "The code",
        "CONTRIBUTING.md": "How this is built",
        "docs/testing.md": "What is tested",
    },
}
# The modules that a reader of the lessons meets, as they build upon each other.
MODULES = (
    "images", "vgg", "losses", "transfer", "plots", "colours", "regions", "statistics", "manner", "objective", "tiles",
    "studio.studio", "studio.sliders", "studio.live", "runs.settings", "runs.recipe", "runs.judge", "runs.painting",
    "runs.film", "exercises", "teaching.projector", "teaching.originals", "machine", "engine.optimizers",
    "engine.precision", "engine.memory", "base.pictures", "base.errors",
)  # fmt: skip

REFERENCE = """\
# The code

What the lessons import, and what is behind it, as its docstrings say it. In lessons a function is written out first;
here it is under its name.
"""

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")  # the file in a link of Markdown


def write_sources(folder: Path) -> None:
    """Fills a folder with what Sphinx makes the site of, laid out as the project is."""
    for lesson in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(lesson, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = with_links(cell.source, lesson, folder)
        path = _place(lesson, folder)
        nbformat.write(lessons.shown(notebook, path), path)
    for page in (ROOT / "README.md", *(ROOT / name for pages in GROUPS.values() for name in pages)):
        if page.exists():  # a class's copy has no guide
            text = with_links(page.read_text(encoding="utf-8"), page, folder)
            _place(page, folder).write_text(text, encoding="utf-8")
    write_reference(folder / "reference")
    with (folder / "index.md").open("a", encoding="utf-8") as start:
        start.write(contents(folder))


def with_links(text: str, page: Path, folder: Path) -> str:
    """Markdown whose links lead to the site's pages, and whose pictures and other files lie in the site's folder.

    page: the file that the text is from. folder: the one that `write_sources` fills.
    """

    def found(link: re.Match) -> str:
        target = (page.parent / link[1]).resolve()
        if target == ROOT / "README.md":
            return link[1].removesuffix("README.md") + "index.md"
        if target.is_file() and ROOT in target.parents and target.suffix not in (".md", ".ipynb"):
            shutil.copyfile(target, _place(target, folder))
        return link[1]

    return LINK.sub(found, text)


def write_reference(folder: Path) -> None:
    """Writes a page for each of MODULES, which autodoc fills from the docstrings, and one that lists them."""
    folder.mkdir()
    rows, names = [], []
    for module in MODULES:
        name = f"helpers.{module}"
        path = ROOT / "helpers" / module.replace(".", "/")
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        about = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))).split("\n\n")[0]
        rows.append(f"| [`{name}`]({name}.md) | {' '.join(about.split())} |")
        names.append(f"{module} <{name}>")
        directive = f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```"
        (folder / f"{name}.md").write_text(f"# `{name}`\n\n{directive}\n", encoding="utf-8")
    table = "\n".join(("| | |", "|---|---|", *rows))
    (folder / "index.md").write_text(f"{REFERENCE}\n{table}\n\n{_toctree(names)}", encoding="utf-8")


def contents(folder: Path) -> str:
    """The site's table of contents, for the sidebar: the lessons, then GROUPS."""
    titles = []
    for lesson in sorted((folder / "notebooks").glob("*.ipynb")):
        heading = re.match(r"# ([^:\n]+)", nbformat.read(lesson, as_version=4).cells[0].source)
        titles.append(f"{heading[1] if heading else lesson.stem} <notebooks/{lesson.stem}>")
    parts = [_toctree(titles, "Lessons")]
    for group, pages in GROUPS.items():
        names = [f"{title} <{name.removesuffix('.md')}>" for name, title in pages.items() if (folder / name).exists()]
        parts.append(_toctree(names, group))
    return "\n" + "\n".join(parts)


def _toctree(entries: Sequence[str], caption: str = "") -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(("```{toctree}", *options, "", *entries, "```", ""))


def _place(file: Path, folder: Path) -> Path:
    """Where a file of the project lies among the sources."""
    name = file.relative_to(ROOT).as_posix()
    path = folder / ("index.md" if name == "README.md" else name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def build(out: Path) -> str:
    """Makes the site in a folder, in place of an earlier one; returns Sphinx's warnings, a line each, or nothing.

    Raises TeachingError where Sphinx is missing, for a folder with something else in it, and if nothing can be written.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise TeachingError(
            f"The site is made by Sphinx, and {', '.join(missing)} is not installed here. Install the project with "
            'what it takes, `.venv/bin/python -m pip install -e ".[site]"`, and start again.'
        )
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise TeachingError(f"'{out}' is there already, and was not made by this command. Name a new folder.")
    with tempfile.TemporaryDirectory() as temporary:
        sources, made = Path(temporary, "sources"), Path(temporary, "site")
        sources.mkdir()
        try:
            write_sources(sources)
            warnings = _sphinx(sources, made)
            for lesson in NOTEBOOKS.glob("*.ipynb"):  # to download: as it is
                shutil.copyfile(lesson, made / "notebooks" / lesson.name)
            (made / MARK).touch()
            if out.exists():
                shutil.rmtree(out)
            out.mkdir(parents=True)
            shutil.copy(made / MARK, out)  # first, so that a site that was cut off can be made again
            shutil.copytree(made, out, dirs_exist_ok=True)
        except OSError as error:
            raise TeachingError(f"'{out}' could not be written: {error.strerror or error}.") from None
    return warnings


def _sphinx(sources: Path, out: Path) -> str:
    """Runs Sphinx on a folder of sources; returns its warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.console import nocolor

    nocolor()
    said = io.StringIO()
    app = Sphinx(sources, PAGES, out, sources / ".doctrees", "html", status=None, warning=said, freshenv=True)
    app.build()
    return said.getvalue().replace(f"{sources}/", "")


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong."""
    options = Parser(
        prog="python3 -m helpers site",
        description="Makes a web site of the course: lessons with their outputs, guides, and a reference of the code.",
    )
    options.add_argument("out", nargs="?", type=Path, default=places.RESULTS / "site", metavar="DIR",
                         help="where to; an earlier site is replaced (default: %(default)s)")  # fmt: skip
    try:
        out = options.parse_args(arguments).out
        print("Making the site ...", file=sys.stderr, flush=True)
        print(build(out), end="", file=sys.stderr)
        print(out / "index.html")
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
