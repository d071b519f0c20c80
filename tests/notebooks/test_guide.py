"""The guide for teaching is true of the notebooks: it knows every section by its name."""

import re

import nbformat

from helpers.base.places import NOTEBOOKS
from helpers.commands.slides import notes_on

GUIDE = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
WITHOUT = {"Summary", "The lessons", "How to use the notebooks"}  # sections that explain themselves


def test_it_has_a_note_for_every_section_and_for_no_other(path):
    notebook = nbformat.read(path, as_version=4)
    found = [re.match(r"##? (.+)", cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    sections = {heading[1] for heading in found if heading}
    notes = notes_on(path.stem, GUIDE)
    assert notes.keys() <= sections
    assert sections - notes.keys() - WITHOUT <= {notebook.cells[0].source.splitlines()[0][2:]}


def test_it_says_of_every_lesson_what_it_is_for_and_how_long_it_takes(path):
    number = int(path.stem[:2])
    title = re.search(rf"^## {number}\. (.+)$", GUIDE, re.M)[1]
    about = re.search(rf"^## {number}\. .*?(?=^## |\Z)", GUIDE, re.S | re.M)[0]
    lesson = nbformat.read(path, as_version=4).cells[0].source
    assert title in lesson.splitlines()[0]
    assert re.search(r"Minutes: (\d+)\.", about)[1] == re.search(r"\*\*Time:\*\* (\d+) minutes", lesson)[1]
    for part in ("For: ", "Before: ", "To run: ", "Students stumble over: "):
        assert part in about


def test_the_exercises_that_it_gives_exist(lessons):
    checks = set()
    for path in lessons:
        checks |= set(re.findall(r"check\.(\w+)\(", nbformat.writes(nbformat.read(path, as_version=4))))
    plan = re.search(r"## Three sessions.*?(?=^## )", GUIDE, re.S | re.M)[0]
    assert set(re.findall(r"`(\w+)`", plan)) <= checks
