"""Work that threads do ahead of who takes what comes of it, in order, and never far."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

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
