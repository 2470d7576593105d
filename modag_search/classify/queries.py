"""What is to be named, as arrays: the segments of files, or of items by their stored features, in batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from modag_search.features.files import within_bounds
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.vectors import SegmentVectors
    from modag_search.search.query import Query
    from modag_search.values import MediaFacts, SegmentRecord

OUTSIDE = -1
"""Stands for the item of a query that is not in the index."""
ITEMS_AT_ONCE = 768
SEGMENTS_AT_ONCE = 2048
_FILES_AT_ONCE = 32
"""Decoding takes longer than naming, so that answers need not wait for many files."""


@dataclass(frozen=True, slots=True, eq=False)
class QuerySegments:
    """Segments of one modality, of one query after the other.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    features : np.ndarray [shape=(n, d_features), float32]
        What these were made of, of unit length.
    queries : np.ndarray [shape=(n,), int64]
        Place of the query of each segment, ascending.
    """

    vectors: Float32Array
    features: Float32Array
    queries: Int64Array

    def within(self, first: int, stop: int) -> QuerySegments:
        """Return the segments of queries from one place to before another, which count from 0 then."""
        start, end = np.searchsorted(self.queries, [first, stop]).tolist()
        return QuerySegments(self.vectors[start:end], self.features[start:end], self.queries[start:end] - first)

    def of(self, queries: Collection[int]) -> QuerySegments:
        """Return the segments of some queries, by place."""
        chosen = np.isin(self.queries, list(queries))
        return QuerySegments(self.vectors[chosen], self.features[chosen], self.queries[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class QueryBatch:
    """Queries that are answered together.

    Attributes
    ----------
    paths : tuple of str, length n
    items : np.ndarray [shape=(n,), int64]
        Id of each query's item, or `OUTSIDE`.
    segments : Mapping of modality to QuerySegments
        Of the modalities that any query has segments of.
    facts : Mapping of int to MediaFacts
        Of files that are not as the index holds them, by the place of the query.
    """

    paths: tuple[str, ...]
    items: Int64Array
    segments: Mapping[Modality, QuerySegments]
    facts: Mapping[int, MediaFacts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)


def query_batches(queries: Iterable[tuple[str, Query]]) -> Iterator[QueryBatch]:
    """Put queries with their paths together, as they come."""
    entries: list[tuple[str, Query]] = []
    n_segments = 0
    for path, query in queries:
        entries.append((path, query))
        n_segments += sum(len(vectors) for vectors in query.vectors.values())
        if len(entries) >= _FILES_AT_ONCE or n_segments >= SEGMENTS_AT_ONCE:
            yield _batch(entries)
            entries, n_segments = [], 0
    if entries:
        yield _batch(entries)


def _batch(entries: Sequence[tuple[str, Query]]) -> QueryBatch:
    segments = {}
    for modality in MODALITIES:
        places = [place for place, (_, query) in enumerate(entries) if modality in query.features]
        if places:
            asking = [entries[place][1] for place in places]
            segments[modality] = QuerySegments(
                np.concatenate([query.vectors[modality] for query in asking]),
                np.concatenate([query.features[modality] for query in asking]),
                np.repeat(np.array(places, dtype=np.int64), [len(query.vectors[modality]) for query in asking]),
            )
    items = np.array([min(query.without, default=OUTSIDE) for _, query in entries], dtype=np.int64)
    facts = {place: query.facts for place, (_, query) in enumerate(entries) if query.facts is not None}
    return QueryBatch(tuple(path for path, _ in entries), items, segments, facts)


def stored_batches(catalog: Catalog, vectors: SegmentVectors, items: Sequence[tuple[int, str]]) -> Iterator[QueryBatch]:
    """Iterate over items as queries of their stored features; nothing is decoded.

    The same as `unread_batches`, each read when it is its turn.
    """
    return (batch.read() for batch in unread_batches(catalog, vectors, items))


@dataclass(frozen=True, slots=True, eq=False)
class UnreadBatch:
    """Items whose features are not read yet.

    Attributes
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    items : sequence of (int, str)
        Ids and paths.
    change_count : int
        That of the catalog when they were listed.
    """

    catalog: Catalog
    vectors: SegmentVectors
    items: Sequence[tuple[int, str]]
    change_count: int

    def read(self) -> QueryBatch:
        """Read them, in the view of who listed them."""
        return _stored(self.catalog, self.vectors, self.items)

    def read_ahead(self) -> QueryBatch | None:
        """Read them in another thread; None where the catalog has changed since, which that thread would see."""
        with self.catalog.view():
            return self.read() if self.catalog.change_count == self.change_count else None


def unread_batches(
    catalog: Catalog, vectors: SegmentVectors, items: Sequence[tuple[int, str]]
) -> Iterator[UnreadBatch]:
    """Divide items into batches that other threads may read ahead.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    items : sequence of (int, str)
        Ids and paths.

    Yields
    ------
    UnreadBatch
        Items stand in the order of `items`; those without any vector are left out. A batch has no
        more than `ITEMS_AT_ONCE` items, and no more than `SEGMENTS_AT_ONCE` segments unless one item alone has more.
    """
    change_count = catalog.change_count
    for start in range(0, len(items), ITEMS_AT_ONCE):
        part = items[start : start + ITEMS_AT_ONCE]
        counts = catalog.segments.count_by_item(item_id for item_id, _ in part)
        sized = ((item, counts[item[0]]) for item in part if item[0] in counts)
        for batch in within_bounds(sized, most=SEGMENTS_AT_ONCE):
            yield UnreadBatch(catalog, vectors, batch, change_count)


def _stored(catalog: Catalog, vectors: SegmentVectors, items: Sequence[tuple[int, str]]) -> QueryBatch:
    place_of = {item_id: place for place, (item_id, _) in enumerate(items)}
    records = [record for record in catalog.segments.of_items(place_of) if record.status == "ok"]
    found = _found(vectors, records, place_of)
    # What has no vector that can be compared is no query: the others move up.
    there = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(places for places, _, _ in found.values())]))
    return QueryBatch(
        tuple(items[place][1] for place in there.tolist()),
        np.array([items[place][0] for place in there.tolist()], dtype=np.int64),
        {
            modality: QuerySegments(rows, features, np.searchsorted(there, places))
            for modality, (places, rows, features) in found.items()
        },
    )


def _found(
    vectors: SegmentVectors, records: Sequence[SegmentRecord], place_of: Mapping[int, int]
) -> dict[Modality, tuple[Int64Array, Float32Array, Float32Array]]:
    """Read vectors and features of segments, in the order of their items' places."""
    found: dict[Modality, tuple[Int64Array, Float32Array, Float32Array]] = {}
    for modality in MODALITIES:
        owner = {record.id: place_of[record.item_id] for record in records if record.modality == modality}
        ids, rows, features = vectors.with_features(modality, owner)
        if len(ids):
            places = np.array([owner[segment] for segment in ids.tolist()], dtype=np.int64)
            order = np.argsort(places, kind="stable")
            found[modality] = (places[order], rows[order], features[order])
    return found


def mean_of_queries(values: Float32Array, queries: Int64Array) -> Float32Array:
    """Average over the segments of each query that has any.

    Parameters
    ----------
    values : np.ndarray [shape=(n, ...), float32]
        -inf stays -inf.
    queries : np.ndarray [shape=(n,), int64]
        Ascending.

    Returns
    -------
    np.ndarray [shape=(n_present, ...), float32]
    """
    if len(queries) == 0:
        return values
    firsts = np.flatnonzero(np.diff(queries, prepend=queries[0] - 1))
    counts = np.diff(firsts, append=len(queries))
    sums = np.add.reduceat(values, firsts, axis=0)
    means: Float32Array = (sums / counts.reshape(-1, *([1] * (values.ndim - 1)))).astype(np.float32)
    return means
