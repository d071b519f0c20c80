"""Every notebook reads, looks and runs like the others; design rules that a machine can keep, one a test."""

import ast
import json
import re
from collections import Counter
from itertools import pairwise

import nbformat

from helpers.exercises import check

LESSONS = [
    "00_start_here", "01_utilities", "02_layers", "03_losses", "04_optimizer", "05_results", "06_going_further",
]  # fmt: skip

LONGEST = 25  # lines of a code cell: what a slide can hold
LARGEST = 1.5e6  # bytes of a file: what GitHub shows
SHORTEST_ALT = 20  # characters: less says nothing
MOST_CELLS = {"02_layers": 48}  # a lesson that once had sixty, and was too long for its hour

CAPTION = re.compile(r"^\*Figure (\d)\.(\d+): .+?[.?]\*", re.M | re.S)
TASK = re.compile(r"Exercise (\d)\.(\d)\b")
EFFORT = re.compile(r"^[●○]{3} · \d+ minutes$", re.M)

PATHS = re.compile(r"(?<![\w.~])/(home|Users|work|tmp|root|var|opt|mnt|content)/|\b[A-Za-z]:\\")
WARNINGS = re.compile(r"\w*Warning: |Traceback \(most recent")
# What is not the same on every machine, or in every run, and hence cannot be compared.
UNSTABLE = {
    "a number with more than four decimals": re.compile(r"\d\.\d{5}"),
    "a device": re.compile(r"\b(cuda|cpu|mps|gpu)\b", re.I),
    "a time": re.compile(r"\d ?(s|ms|sec|seconds?|min|minutes?)\b"),
    "a version": re.compile(r"\b\d+\.\d+\.\d+"),
    "an address in memory": re.compile(r"\b0x[0-9a-f]{6}"),
    "NaN": re.compile(r"\bnan\b", re.I),
}


def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def prose(cell):
    """A Markdown cell's text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", cell.source, flags=re.S | re.M) if cell.cell_type == "markdown" else ""


def pictures(output):
    """The kinds of picture in an output, such as image/png."""
    return [kind for kind in output.get("data", {}) if kind.startswith("image/")]


def still(output):
    """Whether an output is the picture of a widget, which stands for it where there is no kernel."""
    return any(output.metadata.get(kind, {}).get("alt", "").startswith("A still of ") for kind in pictures(output))


def figures(cell):
    """The outputs that are figures of the lesson, which stills are not."""
    return [output for output in cell.get("outputs", []) if pictures(output) and not still(output)]


def text(cell):
    """What a code cell printed, or showed as its value; a figure's caption or a widget's name is left out."""
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        if CAPTION.match(data.get("text/markdown", "")):
            continue
        if output.output_type == "stream":
            texts.append(output.text)
        elif data.keys() <= {"text/plain", "text/html", "text/markdown", "text/latex"}:
            texts.extend(data.values())
    return "\n".join(texts)


def ignored(cell):
    return "nbval-ignore-output" in tags(cell) or "NBVAL_IGNORE_OUTPUT" in cell.source


def compared(cell):
    """What nbval compares of a code cell, other than a figure's alternative text."""
    return "" if ignored(cell) else text(cell)


def only_imports(cell):
    """Whether a cell imports and names things, and does nothing else."""
    return all(isinstance(line, ast.Import | ast.ImportFrom | ast.Assign) for line in ast.parse(cell.source).body)


def asserts(cell):
    return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source)))


def test_all_seven_lessons_are_there(lessons):
    assert [path.stem for path in lessons] == LESSONS


def test_the_file_is_valid_and_portable(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    nbformat.validate(notebook)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook["metadata"]  # GitHub refuses to show a notebook that has them
    assert path.stat().st_size <= LARGEST


def test_a_widget_is_stored_as_a_still_alone(cells):
    """Its number means nothing to another kernel: JupyterLab would say "model not found" in its place."""
    for cell in code(cells):
        stored = [output for output in cell.outputs if still(output)]
        assert bool(stored) == bool(re.search(r"^studio(\.run\(\))?$|display\(Explorer\(", cell.source, re.M))
        assert not [output for output in cell.outputs if any("widget-view" in kind for kind in output.get("data", {}))]


def test_it_was_run_once_from_top_to_bottom(cells):
    assert [cell.execution_count for cell in code(cells)] == list(range(1, len(code(cells)) + 1))


def test_it_begins_with_title_aims_prerequisites_time_and_imports(path, cells):
    first, second = cells[:2]
    assert first.cell_type == "markdown"
    assert re.match(rf"# {int(path.stem[:2])}\. \w", first.source)
    for part in ("You will be able to", "**Before:**", "**Time:**"):
        assert part in first.source
    assert second.cell_type == "code"
    assert only_imports(second)


def test_it_ends_with_a_summary_and_what_comes_next(cells):
    last = [cell for cell in cells if cell.cell_type == "markdown"][-1]
    assert last is cells[-1]
    assert last.source.startswith("## Summary\n")
    assert "**Next:**" in last.source


def test_headings_are_in_order(cells):
    levels = [len(marks) for cell in cells for marks in re.findall(r"^(#+) ", prose(cell), flags=re.M)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    for level, following in pairwise(levels):
        assert following <= level + 1, "a heading is two levels below the one before"


def test_code_cells_are_short(cells):
    for cell in code(cells):
        assert len(cell.source.splitlines()) <= LONGEST, cell.source


def test_no_path_of_one_machine(cells):
    for cell in cells:
        assert not PATHS.search(cell.source), cell.source
    for cell in code(cells):
        assert not PATHS.search(text(cell)), text(cell)


def test_no_error_and_no_warning_is_stored(cells):
    for cell in code(cells):
        for output in cell.outputs:
            assert output.get("name") != "stderr", cell.source
            assert output.output_type != "error" or "raises-exception" in tags(cell), cell.source
        assert not WARNINGS.search(text(cell)), text(cell)


def test_every_picture_says_what_it_shows(cells):
    for cell in cells:
        alts = re.findall(r"!\[(.*?)\]\(", prose(cell), flags=re.S)
        for tag in re.findall(r"<img\b[^>]*>", prose(cell)):
            alts.append("".join(re.findall(r'\balt="(.*?)"', tag)))
        for output in cell.get("outputs", []):
            alts += [output.metadata.get(kind, {}).get("alt", "") for kind in pictures(output)]
        for alt in alts:
            assert len(alt.strip()) >= SHORTEST_ALT, cell.source


def captions(cell):
    """The captions in a cell's prose, or below its figures, as (lesson, number)."""
    texts = [prose(cell), *(output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", []))]
    return [(int(lesson), int(number)) for text in texts for lesson, number in CAPTION.findall(text)]


def test_every_figure_has_a_caption_and_they_are_numbered(path, cells):
    found = [caption for cell in cells for caption in captions(cell)]
    assert found == [(int(path.stem[:2]), n) for n in range(1, len(found) + 1)]
    for cell, *following in zip(cells, cells[1:], cells[2:], strict=False):
        shown = "plots.show(" in cell.source and figures(cell)
        if shown or "![" in prose(cell):
            assert captions(cell), cell.source
        elif figures(cell):  # the studio's, which knows no number
            assert any(captions(later) for later in following), cell.source


def test_every_figure_that_is_spoken_of_exists(cells):
    numbers = {caption for cell in cells for caption in captions(cell)}
    for cell in cells:
        for lesson, number in re.findall(r"Figure (\d)\.(\d+)", prose(cell)):
            assert (int(lesson), int(number)) in numbers, cell.source


def test_every_exercise_has_a_number_a_difficulty_and_its_minutes(path, cells):
    numbers = []
    for cell in cells:
        if cell.cell_type == "markdown" and "exercise" not in tags(cell) and EFFORT.search(cell.source):
            numbers += TASK.findall(cell.source)
    tasks = [cell for cell in cells if "exercise" in tags(cell)]
    assert numbers == [(str(int(path.stem[:2])), str(n)) for n in range(1, len(tasks) + 1)]


def test_there_are_at_least_twenty_exercises(lessons):
    counts = {
        path.stem: sum("exercise" in tags(c) for c in nbformat.read(path, as_version=4).cells) for path in lessons
    }
    assert sum(counts.values()) >= 20
    assert counts["04_optimizer"] + counts["05_results"] >= 5


def test_no_lesson_has_grown_too_long(path, cells):
    assert len(cells) <= MOST_CELLS.get(path.stem, 75)


def test_every_cell_has_its_place_among_the_slides(cells):
    for cell in cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        assert kind in ("slide", "subslide", "fragment", "skip", "notes", "-"), cell.source
        if prose(cell).startswith(("# ", "## ")):
            assert kind in ("slide", "subslide"), cell.source
    assert cells[0].metadata.slideshow.slide_type == "slide"


def test_an_exercise_is_a_stub_a_check_and_a_folded_solution(cells):
    for i, cell in enumerate(cells):
        assert ("exercise" in tags(cell)) == (i + 1 < len(cells) and "check." in cells[i + 1].source), cell.source
        if "exercise" in tags(cell):
            _, verdict, solution = cells[i : i + 3]
            assert compared(verdict).startswith("not tried yet")
            assert solution.cell_type == "markdown"
            assert "solution" in tags(solution)
            assert re.search(r"<details>.*^```python\n.*^```.*</details>", solution.source, re.S | re.M)


def test_every_check_is_asked_once(lessons):
    sources = [cell.source for path in lessons for cell in code(nbformat.read(path, as_version=4).cells)]
    asked = Counter(name for source in sources for name in re.findall(r"\bcheck\.(\w+)\(", source))
    assert asked == Counter(name for name in dir(check) if not name.startswith("_"))


def test_what_is_not_compared_is_asserted_next(cells):
    assert not ignored(code(cells)[-1])
    for cell, following in pairwise(code(cells)):
        if ignored(cell):
            assert asserts(following) or compared(following), cell.source


def test_at_least_half_of_the_code_cells_compare_what_they_print(cells):
    working = [cell for cell in code(cells) if not only_imports(cell)]
    assert 2 * sum(bool(compared(cell)) for cell in working) >= len(working)


def test_what_is_compared_is_the_same_everywhere(cells):
    for cell in code(cells):
        for what, pattern in UNSTABLE.items():
            found = pattern.search(compared(cell))
            assert not found, f"{what}, '{found.group()}', in the output of\n{cell.source}"


def test_links_between_the_files_lead_somewhere(path, cells):
    for cell in cells:
        for target in re.findall(r"\]\((?!https?:|#|attachment:)([^)#\s]+)", prose(cell)):
            assert (path.parent / target).exists(), target
