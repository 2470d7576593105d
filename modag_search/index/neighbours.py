"""Naming by labelled neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import NothingFoundError
from modag_search.knn import vote, vote_weights
from modag_search.stores import NOTHING, VectorStore
from modag_search.values import Classification, Int64Array, Modality, Neighbour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.catalog import Catalog
    from modag_search.index.searching import Query

_HEARD = 0.01
"""Neighbours that weigh less, beside the nearest, are not listed."""


class Voters:
    """The labelled segments of an index, ready to vote.

    Parameters
    ----------
    catalog : Catalog
    stores : Mapping of modality to VectorStore

    Raises
    ------
    NothingFoundError
        If nothing is labelled.
    """

    def __init__(self, catalog: Catalog, stores: Mapping[Modality, VectorStore]) -> None:
        self._catalog = catalog
        self._stores = stores
        segment_ids, item_ids, labels = catalog.labels.labelled_segments()
        if len(segment_ids) == 0:
            raise NothingFoundError("no item has a label yet; `modag label PATH... --as NAME` gives one")
        self._segments, first = np.unique(segment_ids, return_index=True)
        self._items: Int64Array = item_ids[first]
        self._labels: dict[int, list[tuple[int, str]]] = {}
        for segment, item, label in zip(segment_ids.tolist(), item_ids.tolist(), labels, strict=True):
            self._labels.setdefault(segment, []).append((item, label))

    def classify(self, path: str, query: Query, *, k: int, balanced: bool, min_confidence: float) -> Classification:
        """Let labelled segments near each segment of the query vote; see `Index.classify`.

        A neighbour of several segments votes with its best similarity.
        """
        nearest: dict[int, float] = {}
        for vectors in query.vectors.values():
            for similarity, segment in self._nearest(vectors, k=k, balanced=balanced, without=query.without):
                nearest[segment] = max(similarity, nearest.get(segment, -np.inf))
        neighbours = self._neighbours(sorted(nearest.items(), key=lambda entry: (-entry[1], entry[0])))
        if balanced:
            neighbours = _nearest_of_each_label(neighbours, n=_a_label(k))
        similarities = np.array([neighbour.similarity for neighbour in neighbours], dtype=np.float32)
        labels = [neighbour.label for neighbour in neighbours]
        scores = vote(similarities, labels, balanced=balanced) if neighbours else ()
        confidence = scores[0].score if scores else 0.0
        return Classification(
            path=path,
            label=scores[0].label if scores and confidence >= min_confidence else None,
            confidence=confidence,
            scores=scores,
            neighbours=tuple(n for n, w in zip(neighbours, vote_weights(similarities), strict=True) if w >= _HEARD)
            if neighbours
            else (),
        )

    def _nearest(
        self, vectors: np.ndarray, *, k: int, balanced: bool, without: frozenset[int]
    ) -> list[tuple[float, int]]:
        """For each vector the nearest labelled segments of either modality that are not of the query itself.

        The `k` nearest of all; or, for a balanced vote, the nearest of each label.
        """
        others = self._segments[~np.isin(self._items, list(without))]
        found: list[tuple[float, int]] = []
        if len(others) == 0:
            return []
        wanted = len(others) if balanced else k
        answers = [store.search(vectors, k=wanted, among=others) for store in self._stores.values()]
        similarities = np.concatenate([answer[0] for answer in answers], axis=1)
        ids = np.concatenate([answer[1] for answer in answers], axis=1)
        for row, order in enumerate(np.argsort(-similarities, axis=1, kind="stable")):
            ranked = [(float(similarities[row, c]), int(ids[row, c])) for c in order if ids[row, c] != NOTHING]
            found += self._first_of_each_label(ranked, n=_a_label(k)) if balanced else ranked[:k]
        return found

    def _first_of_each_label(self, ranked: list[tuple[float, int]], *, n: int) -> list[tuple[float, int]]:
        """Keep what is among the first `n` of one of its labels."""
        counts: dict[str, int] = {}
        kept = []
        for similarity, segment in ranked:
            labels = {label for _, label in self._labels[segment]}
            if any(counts.get(label, 0) < n for label in labels):
                kept.append((similarity, segment))
            for label in labels:
                counts[label] = counts.get(label, 0) + 1
        return kept

    def _neighbours(self, ranked: list[tuple[int, float]]) -> tuple[Neighbour, ...]:
        """Return who votes; what another process has removed since the labels were read does not."""
        segments = self._catalog.segments.get_many(segment for segment, _ in ranked)
        items = self._catalog.items.get_many({segment.item_id for segment in segments.values()})
        return tuple(
            Neighbour(
                id=item,
                path=items[item].path,
                modality=segments[segment].modality,
                label=label,
                similarity=similarity,
            )
            for segment, similarity in ranked
            for item, label in self._labels[segment]
            if segment in segments and item in items
        )


def _a_label(k: int) -> int:
    """How many neighbours of each label vote where `k` is asked for: five of 20."""
    return max(1, k // 4)


def _nearest_of_each_label(neighbours: tuple[Neighbour, ...], *, n: int) -> tuple[Neighbour, ...]:
    counts: dict[str, int] = {}
    kept = []
    for neighbour in neighbours:
        counts[neighbour.label] = counts.get(neighbour.label, 0) + 1
        if counts[neighbour.label] <= n:
            kept.append(neighbour)
    return tuple(kept)
