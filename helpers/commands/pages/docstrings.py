"""Docstrings of this project, which are plain text, as reStructuredText, which Sphinx reads."""

import inspect
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sphinx.util.inspect import stringify_signature

CODE = re.compile(r"`([^`]+)`")
SPECIAL = re.compile(r"([\\*_|`])")
ITEM = re.compile(r"- ")


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Sphinx's `autodoc-process-docstring`: rewrites the lines of a docstring in place."""
    lines[:] = as_rst(lines, parameters(thing))


def signature(
    app: Any, what: str, name: str, thing: Any, options: Any, found: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Sphinx's `autodoc-process-signature`: what a widget's class takes, where its base class takes anything."""
    if what == "class" and found and found.startswith("(*args"):
        found = stringify_signature(inspect.signature(thing), unqualified_typehints=True)
    return found, returned


def parameters(thing: Any) -> list[str]:
    """The names of what a function or a class takes; none for anything else."""
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


def as_rst(lines: Sequence[str], names: Collection[str] = ()) -> list[str]:
    """A docstring's lines as reStructuredText.

    An indented example becomes a literal block, what stands in backticks becomes code, and a line such as
    "size: the long side, in pixels" an entry in a list of parameters, if `names` has its name.
    """
    result: list[str] = []
    for block in blocks(lines, names):
        head = ITEM.match(block[0])
        if block[0].startswith("    "):
            result += ["::", "", *block, ""]
        elif head:
            result += [inline(line) if line.startswith(" ") else f"- {inline(line[2:])}" for line in block] + [""]
        elif entry := _entry(block[0], names):
            named, text = entry
            result.append(", ".join(f"``{name}``" for name in named.split(", ")))
            result += [f"    {inline(line.strip())}" for line in (text, *block[1:])] + [""]
        else:
            result += [inline(line.strip()) for line in block] + [""]
    return result


def blocks(lines: Sequence[str], names: Collection[str] = ()) -> Iterator[list[str]]:
    """The paragraphs of a docstring, its parameters and list items each apart."""
    block: list[str] = []
    for line in _apart(lines, names):
        starts = not line.strip() or ITEM.match(line) or _entry(line, names) or line.startswith("Raises ")
        if block and (starts or _ends(block, line, names)):
            yield block
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield block


def inline(text: str) -> str:
    """Plain text, with code in backticks, as reStructuredText."""
    parts = CODE.split(text)
    # An escaped space separates code from the letters that follow it at once.
    return "".join(rf"``{part}``\ " if i % 2 else SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts))


def _apart(lines: Sequence[str], names: Collection[str]) -> list[str]:
    """The lines, a new one for each parameter."""
    if not names:
        return list(lines)
    later = re.compile(rf"(?<=[.;]) (?=(?:{'|'.join(map(re.escape, names))}): )")
    return [part for line in lines for part in later.split(line)]


def _entry(line: str, names: Collection[str]) -> tuple[str, str] | None:
    """("content, style", "a picture's name") for "content, style: a picture's name"."""
    found = re.match(r"(\w+(?:, \w+)*): (.+)", line)
    return (found[1], found[2]) if found and set(found[1].split(", ")) <= set(names) else None


def _ends(block: Sequence[str], line: str, names: Collection[str]) -> bool:
    """Whether a block ends before a line although nothing separates them."""
    if line.startswith("    ") != block[-1].startswith("    "):
        return block[-1].endswith(":") or (block[-1].startswith("    ") and not _entry(block[0], names))
    # A sentence that begins on a line of its own, after a parameter, belongs to the whole again.
    return bool(_entry(block[0], names)) and block[-1].endswith(".")
