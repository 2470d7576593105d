"""Many queries, each answered for itself."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from modag_search.errors import MediaError, ModagError, NothingFoundError, UsageError
from modag_search.features.ahead import decoding_threads, map_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Q = TypeVar("Q")
Answers = TypeVar("Answers")


def answered(
    find: Callable[[Q], Answers],
    queries: Iterable[Q],
    *,
    workers: int | None = None,
    on_failure: Callable[[Q, ModagError], None] | None = None,
) -> Iterator[tuple[Q, Answers]]:
    """Answer queries in their order, several at once; see `Index.search_many`.

    Parameters
    ----------
    find : callable
        Answers one; called by several threads.
    queries : iterable
        Taken as the answers are: few are looked at ahead.
    workers : int, optional
        Default one a processor.
    on_failure : callable, optional

    Yields
    ------
    query
    hits : list of Hit
    """
    workers = workers or os.cpu_count() or 1
    with decoding_threads(workers) as (pool, _):
        for query, found in map_ahead(pool, partial(_tried, find), queries, look_ahead=2 * workers):
            if not isinstance(found, ModagError):
                yield query, found
            elif on_failure is None:
                raise found
            else:
                on_failure(query, found)


def _tried(find: Callable[[Q], Answers], query: Q) -> tuple[Q, Answers | ModagError]:
    """Answer a query, or return why it cannot be; what is no query's fault is raised."""
    try:
        return query, find(query)
    except (MediaError, NothingFoundError, UsageError) as error:
        return query, error
