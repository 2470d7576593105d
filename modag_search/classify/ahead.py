"""Work on arrays in threads, a little ahead of who takes the results."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from threadpoolctl import ThreadpoolController

from modag_search.features.ahead import map_ahead

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


class _OneThreadAProduct:
    """Keeps each product of matrices to the thread that asks for it, as long as anyone wants that.

    Threads of BLAS that wait for each other beside the threads here burn a third of all time. How many BLAS uses holds
    for the whole process: the first to come sets it, and the last to go sets it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._limited = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._wanted += 1
            if self._wanted == 1:
                self._limited.enter_context(ThreadpoolController().limit(limits=1, user_api="blas"))
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1
                if self._wanted == 0:
                    self._limited.close()


one_thread_a_product = _OneThreadAProduct()
"""For many small steps of linear algebra, too: on a machine that others use as well, threads of BLAS that wait for each
other take many times longer than one."""
