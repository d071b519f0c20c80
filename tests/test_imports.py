"""Who may import whom: each room those before it, never those after it."""

import ast
import sys
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parent.parent / "helpers"
ORDER = [
    ["base"], ["engine"], ["images"], ["colours"], ["vgg"], ["losses"], ["regions", "statistics"], ["manner"],
    ["objective"], ["tiles"], ["transfer"], ["plots"], ["runs"], ["distil"], ["teaching"], ["exercises"],
    ["studio", "commands"],
]  # fmt: skip
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
COUNTS_AS = {"machine": "runs"}
DOOR = {"__init__", "__main__"}


def room_of(path):
    room = path.relative_to(HELPERS).with_suffix("").parts[0]
    return COUNTS_AS.get(room, room)


def imports(path):
    """The modules that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (
                [f"helpers.{alias.name}" for alias in node.names] if node.module == "helpers" else [node.module]
            )


FILES = sorted(path for path in HELPERS.rglob("*.py") if room_of(path) not in DOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HELPERS)))
def test_a_room_imports_only_what_stands_before_it(path):
    here = room_of(path)
    for module in imports(path):
        package, *rest = module.split(".")
        if package == "helpers":
            there = COUNTS_AS.get(rest[0], rest[0])
            allowed = there == here or RANK[there] < RANK[here]
            assert allowed, f"{here} imports {module}, which does not stand before it"


@pytest.mark.parametrize(
    "path", [*sorted((HELPERS / "base").glob("*.py")), HELPERS / "__main__.py"], ids=lambda p: p.stem
)
def test_base_and_the_door_need_nothing_but_the_standard_library(path):
    for module in imports(path):
        package = module.split(".")[0]
        assert package == "helpers" or package in sys.stdlib_module_names, f"{path.name} imports {module}"


def test_every_room_has_its_place_in_the_order():
    assert {room_of(path) for path in FILES} == RANK.keys()
