"""Whether the numbers that a lesson marks with ≈ are about what they were: another processor rounds in another way.

Knows nothing of the runner that executes the notebooks; `lesson_runner.py` does.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

MARKED = re.compile(r"≈ ?(-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)")
TOLERANCE = 0.25  # of the stored number; and one unit of its last digit


def marked(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """The numbers after a ≈ in what a cell's outputs print, in order, as they are written."""
    texts = ("".join(output.get("text") or output.get("data", {}).get("text/plain", "")) for output in outputs)
    return [number for text in texts for number in MARKED.findall(text)]


def unit(written: str) -> float:
    """The size of one unit in the last digit of a number: 0.01 of 3.14, 100 of 2e+02."""
    digits, _, exponent = written.replace(",", "").partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def differences(found: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence for each marked number that is far from the stored one, or one if they are not as many."""
    now, before = marked(found), marked(stored)
    if len(now) != len(before):
        return [f"Numbers after ≈: {len(now)} now, {len(before)} stored."]
    values = [[float(number.replace(",", "")) for number in numbers] for numbers in (now, before)]
    return [
        f"≈ {now[i]} is far from the stored {before[i]}."
        for i, (new, old) in enumerate(zip(*values, strict=True))
        if abs(new - old) > TOLERANCE * abs(old) + 1.001 * unit(before[i])
    ]
