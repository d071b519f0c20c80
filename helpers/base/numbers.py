"""Checks of numbers that come from a user or a file.

Numbers of Python, NumPy and every other library that registers its types with the standard library's `numbers` are
treated alike.
"""

import math
from numbers import Integral, Real

from helpers.base.errors import TeachingError


def is_whole(value: object, least: float = -math.inf) -> bool:
    """Whether a value is a whole number, `least` or larger."""
    return isinstance(value, Integral) and value >= least


def is_real(value: object, least: float = -math.inf) -> bool:
    """Whether a value is a finite number, `least` or larger."""
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


def checked_seed(value: object) -> int:
    """A seed as a plain int; raises TeachingError unless it is a whole number of 18 digits at most."""
    if not is_whole(value) or abs(value) >= 10**18:
        raise TeachingError(f"seed is a whole number of 18 digits at most; got {value!r}.")
    return int(value)
