"""Work that threads do ahead of who takes what comes of it, in order, and never far; each product by one thread.

Threads that decode have it done by other processes, which files may harm without harm to this one.
"""

from __future__ import annotations

import collections
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from threadpoolctl import ThreadpoolController

from modag_search import media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Input = TypeVar("Input")
Output = TypeVar("Output")


def map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Input], Output], inputs: Iterable[Input], *, look_ahead: int
) -> Iterator[Output]:
    """Apply `function` in the pool and yield the outcomes in order, with a bounded number of them under way."""
    under_way: collections.deque[Future[Output]] = collections.deque()
    for one in inputs:
        under_way.append(pool.submit(function, one))
        if len(under_way) >= look_ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


@contextmanager
def decoding_threads(workers: int) -> Iterator[tuple[ThreadPoolExecutor, media.Isolation]]:
    """Let threads work whose media other processes decode; where the block breaks off, these do so at once.

    Yields
    ------
    pool : ThreadPoolExecutor
        Done with its work when the block ends.
    isolation : Isolation
    """
    with media.isolated() as isolation:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="modag", initializer=isolation.enter_thread)
        try:
            yield pool, isolation
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            isolation.interrupt()
            raise
        finally:
            pool.shutdown()


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
