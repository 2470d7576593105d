"""Work on arrays in threads, a little ahead of who takes the results."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from modag_search.features.ahead import map_ahead, one_thread_a_product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Input = TypeVar("Input")
Output = TypeVar("Output")

_WORKERS = 2
"""Numpy lets go of the interpreter while it computes. More threads would hold more at once, and what takes the results
is busy as well."""


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
    with one_thread_a_product(), ThreadPoolExecutor(_WORKERS) as pool:
        yield from map_ahead(pool, function, inputs, look_ahead=_WORKERS + 1)
