"""Numbers that somebody has given: checked, and made plain.

Python's, NumPy's and any others that say what they are (the standard library's `numbers`) are taken alike.
"""

import math
from numbers import Integral, Real


def is_whole(value: object, least: float = -math.inf) -> bool:
    """Whether a value is a whole number from `least` up."""
    return isinstance(value, Integral) and value >= least


def is_real(value: object, least: float = -math.inf) -> bool:
    """Whether a value is a finite number from `least` up."""
    if not isinstance(value, Real):
        return False
    try:
        number = float(value)
    except OverflowError:  # a whole number with more digits than a float can hold
        return False
    return math.isfinite(number) and number >= least


def is_positive(value: object) -> bool:
    """Whether a value is a finite number above 0."""
    return is_real(value) and value > 0


def is_share(value: object) -> bool:
    """Whether a value is a number from 0 to just under 1."""
    return is_real(value, 0) and value < 1
