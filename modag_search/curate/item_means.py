"""Items as single vectors: what their segments of one modality have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from modag_search.classify.queries import mean_of_queries
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES, Float32Array, Int64Array

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.classify.queries import QueryBatch

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class ItemMeans:
    """Items of one modality or the other, a row each; a video has one of each.

    Attributes
    ----------
    items : np.ndarray [shape=(n,), int64]
        Ids.
    paths : tuple of str, length n
    sources : np.ndarray [shape=(n,), int64]
        Number of the modality, in `MODALITIES`.
    vectors : np.ndarray [shape=(n, d), float32]
        Mean of the segments, of unit length.
    """

    items: Int64Array
    paths: tuple[str, ...]
    sources: Int64Array
    vectors: Float32Array

    def __len__(self) -> int:
        return len(self.paths)

    @classmethod
    def joined(cls, parts: Sequence[ItemMeans]) -> ItemMeans:
        """Put the rows of several after each other; there must be one at least."""
        return cls(
            np.concatenate([part.items for part in parts]),
            tuple(path for part in parts for path in part.paths),
            np.concatenate([part.sources for part in parts]),
            np.concatenate([part.vectors for part in parts]),
        )

    def only(self, rows: Int64Array) -> ItemMeans:
        """Return some of the rows, by place."""
        paths = tuple(self.paths[row] for row in rows.tolist())
        return ItemMeans(self.items[rows], paths, self.sources[rows], self.vectors[rows])


def item_means(batches: Iterable[QueryBatch]) -> ItemMeans | None:
    """Average the segments of items; None where there are no items with vectors."""
    parts = [means_of_batch(batch) for batch in batches if len(batch)]
    return ItemMeans.joined(parts) if parts else None


def means_of_batch(batch: QueryBatch) -> ItemMeans:
    """Average the segments of the items of a batch, which holds one at least."""
    means = [mean_of_queries(part.vectors, part.queries) for part in batch.segments.values()]
    queries = [np.unique(part.queries) for part in batch.segments.values()]
    sources = [np.full(len(own), MODALITIES.index(m)) for m, own in zip(batch.segments, queries, strict=True)]
    vectors, places, source = np.concatenate(means), np.concatenate(queries), np.concatenate(sources)
    units = of_unit_length(vectors)
    order = np.lexsort((source, places))
    paths = tuple(batch.paths[place] for place in places[order].tolist())
    return ItemMeans(batch.items[places[order]], paths, source[order], units[order])


def drawn(values: Sequence[T], *, most: int, seed: int) -> list[T]:
    """Draw some of many values; their order stays."""
    if len(values) <= most:
        return list(values)
    places = np.sort(np.random.default_rng(seed).choice(len(values), most, replace=False))
    return [values[place] for place in places.tolist()]
