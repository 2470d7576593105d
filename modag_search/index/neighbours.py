"""Naming by labelled neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import NothingFoundError
from modag_search.knn import vote, vote_weights
from modag_search.stores import NOTHING, VectorStore
from modag_search.values import Classification, Float32Array, Int64Array, LabelScore, Modality, Neighbour

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modag_search.catalog import Catalog
    from modag_search.index.searching import Query


class Voters:
    """The labelled segments of an index, ready to vote.

    Parameters
    ----------
    catalog : Catalog
    stores : Mapping of modality to VectorStore
    background : callable
        Mean and deviation of the similarity of unlike things of two modalities; see `space.Space.background_of`.

    Raises
    ------
    NothingFoundError
        If nothing is labelled.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[Modality, VectorStore],
        *,
        background: Callable[[Modality, Modality], tuple[float, float]],
    ) -> None:
        self._catalog = catalog
        self._background = background
        self._stores = stores
        segment_ids, item_ids, labels = catalog.labels.labelled_segments()
        if len(segment_ids) == 0:
            raise NothingFoundError("no item has a label yet; `modag label PATH... --as NAME` gives one")
        self._segments, first = np.unique(segment_ids, return_index=True)
        self._items: Int64Array = item_ids[first]
        self._labels: dict[int, list[tuple[int, str]]] = {}
        for segment, item, label in zip(segment_ids.tolist(), item_ids.tolist(), labels, strict=True):
            self._labels.setdefault(segment, []).append((item, label))
        self._names = sorted(set(labels))
        votes = sorted(set(zip(np.searchsorted(self._segments, segment_ids).tolist(), labels, strict=True)))
        number = {name: i for i, name in enumerate(self._names)}
        self._vote_segments = np.array([segment for segment, _ in votes], dtype=np.int64)
        self._vote_labels = np.array([number[label] for _, label in votes], dtype=np.int64)

    def classify(self, path: str, query: Query, *, k: int, balanced: bool, min_confidence: float) -> Classification:
        """Let labelled segments vote on the segments of the query; see `Index.classify`.

        Of plain neighbours, one that is near several segments votes with its best similarity.
        """
        nearest: dict[int, float] = {}
        for vectors in query.vectors.values():
            for similarity, segment in self._nearest(vectors, k=k, without=query.without):
                nearest[segment] = max(similarity, nearest.get(segment, -np.inf))
        neighbours = self._neighbours(sorted(nearest.items(), key=lambda entry: (-entry[1], entry[0])))
        scores: tuple[LabelScore, ...] = ()
        if neighbours and balanced:
            scores = self._balanced(query)
        elif neighbours:
            similarities = np.array([neighbour.similarity for neighbour in neighbours], dtype=np.float32)
            scores = vote(similarities, [neighbour.label for neighbour in neighbours])
        confidence = scores[0].score if scores else 0.0
        return Classification(
            path=path,
            label=scores[0].label if scores and confidence >= min_confidence else None,
            confidence=confidence,
            scores=scores,
            neighbours=neighbours,
        )

    def _balanced(self, query: Query) -> tuple[LabelScore, ...]:
        """Average over the query's segments the shares of all labels."""
        others = self._segments[~np.isin(self._items, list(query.without))]
        shares, n_vectors = np.zeros(len(self._names)), 0
        for modality, vectors in query.vectors.items():
            above = np.full((len(vectors), len(self._names)), -np.inf, dtype=np.float32)
            for voting, store in self._stores.items():
                means = self._means(store, vectors, among=others)
                above = np.maximum(above, means - np.float32(self._background(modality, voting)[0]))
            weights = vote_weights(above)
            shares += (weights / weights.sum(axis=1, keepdims=True)).sum(axis=0)
            n_vectors += len(vectors)
        ranked = sorted(zip((-shares / n_vectors).tolist(), self._names, strict=True))
        return tuple(LabelScore(label=name, score=-share) for share, name in ranked if share < 0)

    def _means(self, store: VectorStore, vectors: Float32Array, *, among: Int64Array) -> Float32Array:
        """For each vector the mean similarity to the segments of each label; -inf where a store has none of it."""
        similarities, ids = store.search(vectors, k=len(among), among=among)
        table = np.full((len(vectors), len(self._segments)), np.nan, dtype=np.float32)
        for row, found in enumerate(ids != NOTHING):
            table[row, np.searchsorted(self._segments, ids[row, found])] = similarities[row, found]
        held = np.isfinite(table[0])
        here = held[self._vote_segments]
        labels, segments = self._vote_labels[here], self._vote_segments[here]
        counts = np.bincount(labels, minlength=len(self._names))
        sums = np.stack([np.bincount(labels, weights=row[segments], minlength=len(counts)) for row in table])
        means: Float32Array = np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf).astype(np.float32)
        return means

    def _nearest(self, vectors: np.ndarray, *, k: int, without: frozenset[int]) -> list[tuple[float, int]]:
        """For each vector the `k` nearest labelled segments of either modality that are not of the query itself."""
        others = self._segments[~np.isin(self._items, list(without))]
        found: list[tuple[float, int]] = []
        if len(others) == 0:
            return found
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
