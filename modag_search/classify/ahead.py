"""Work on arrays in threads, a little ahead of who takes the results."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from modag_search.features.ahead import map_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Input = TypeVar("Input")
Output = TypeVar("Output")

_WORKERS = 2
"""Numpy lets go of the interpreter while it computes. More threads would hold more at once and be no quicker: products
of matrices use all processors by themselves."""


def computed_ahead(function: Callable[[Input], Output], inputs: Iterable[Input]) -> Iterator[Output]:
    """Apply a function to inputs in threads, and give the results in order.

    Parameters
    ----------
    function : callable
    inputs : iterable
        Taken by the thread that takes the results, and never far ahead of it.

    Yields
    ------
    object
        What the function returns for each input. The first error ends it.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        yield from map_ahead(pool, function, inputs, look_ahead=_WORKERS + 1)
