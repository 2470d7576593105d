"""Naming by labelled neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import NothingFoundError
from modag_search.knn import vote
from modag_search.stores import NOTHING, VectorStore
from modag_search.values import Classification, Int64Array, Modality, Neighbour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.catalog import Catalog
    from modag_search.index.searching import Query


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

    def classify(self, path: str, query: Query, *, k: int, min_confidence: float) -> Classification:
        """Let the `k` nearest labelled segments of each segment of the query vote.

        A neighbour of several segments votes with its best similarity.
        """
        nearest: dict[int, float] = {}
        for vectors in query.vectors.values():
            for similarity, segment in self._nearest(vectors, k=k, without=query.without):
                nearest[segment] = max(similarity, nearest.get(segment, -np.inf))
        neighbours = self._neighbours(sorted(nearest.items(), key=lambda entry: (-entry[1], entry[0])))
        similarities = np.array([neighbour.similarity for neighbour in neighbours], dtype=np.float32)
        scores = vote(similarities, [neighbour.label for neighbour in neighbours]) if neighbours else ()
        confidence = scores[0].score if scores else 0.0
        return Classification(
            path=path,
            label=scores[0].label if scores and confidence >= min_confidence else None,
            confidence=confidence,
            scores=scores,
            neighbours=neighbours,
        )

    def _nearest(self, vectors: np.ndarray, *, k: int, without: frozenset[int]) -> list[tuple[float, int]]:
        """For each vector the `k` nearest labelled segments of either modality that are not of the query itself."""
        others = self._segments[~np.isin(self._items, list(without))]
        found: list[tuple[float, int]] = []
        answers = [store.search(vectors, k=k, among=others) for store in self._stores.values()]
        similarities = np.concatenate([answer[0] for answer in answers], axis=1)
        ids = np.concatenate([answer[1] for answer in answers], axis=1)
        for row, order in enumerate(np.argsort(-similarities, axis=1, kind="stable")[:, :k]):
            found += [
                (float(similarities[row, column]), int(ids[row, column]))
                for column in order
                if ids[row, column] != NOTHING
            ]
        return found

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
