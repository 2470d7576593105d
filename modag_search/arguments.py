"""Numbers that callers give: checked, and made Python's own, since numpy's are as good and few libraries take them."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

from modag_search.errors import UsageError


def whole(value: Any, name: str, *, least: int | None = None) -> int:
    """Return a whole number that a caller gave.

    Parameters
    ----------
    value : int
        Or one of numpy's.
    name : str
        Of the argument, for errors.
    least : int, optional

    Returns
    -------
    int

    Raises
    ------
    UsageError
        If it is none, or too small.

    Examples
    --------
    >>> whole(0, "n", least=1)
    Traceback (most recent call last):
        ...
    modag_search.errors.UsageError: n must be 1 at least, not 0
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise UsageError(f"{name} must be a whole number, not {value!r}") from None
    if least is not None and number < least:
        raise UsageError(f"{name} must be {least} at least, not {number}")
    return number


def within(value: Any, name: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a number that a caller gave, if it lies between two, or is one of them.

    Parameters
    ----------
    value : float
        Or one of numpy's.
    name : str
        Of the argument, for errors.
    least, most : float

    Returns
    -------
    float

    Raises
    ------
    UsageError
        If it is no number, or does not.
    """
    number = _real(value, name)
    if math.isnan(number):
        raise UsageError(f"{name} must be a number, not {value}")
    if not least <= number <= most:
        raise UsageError(f"{name} must lie from {least:g} to {most:g}, not {value}")
    return number


def seconds(value: Any, name: str) -> float | None:
    """Return a time or a duration that a caller gave, or None.

    Parameters
    ----------
    value : float or None
        Or one of numpy's.
    name : str
        Of the argument, for errors.

    Returns
    -------
    float or None

    Raises
    ------
    UsageError
        If it is no number; what it must be beyond that, whoever takes it knows.
    """
    return None if value is None else _real(value, name)


def positive(value: Any, name: str) -> float:
    """Return a finite number above 0 that a caller gave; UsageError if it is none."""
    number = _real(value, name)
    if not 0 < number < math.inf:
        raise UsageError(f"{name} must be a finite number above 0, not {value}")
    return number


def _real(value: Any, name: str) -> float:
    if not isinstance(value, Real):
        raise UsageError(f"{name} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise UsageError(f"{name} must be a number that is not so large") from None
