"""From query vectors to items: the best segment of each item, over all segments of the query."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.search.modality_offset import above_unrelated
from modag_search.stores import NOTHING, VectorStore
from modag_search.values import Float32Array, Hit, Int64Array, Modality, SegmentRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.space import Space


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What is asked.

    Attributes
    ----------
    vectors : Mapping of modality to np.ndarray [shape=(n, d), float32]
        Vectors of the query's segments, by the modality that they come from.
    without : frozenset of int
        Ids of items that are no answer: the query itself.
    """

    vectors: Mapping[Modality, Float32Array]
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A segment that was found, with its cosine and what it is ranked by."""

    segment: int
    similarity: float
    rank: float


class Search:
    """Searches over the stores of an index.

    Parameters
    ----------
    catalog : Catalog
    space : Space
    stores : Mapping of modality to VectorStore
        The modalities to search.
    """

    def __init__(self, catalog: Catalog, space: Space, stores: Mapping[Modality, VectorStore]) -> None:
        self._catalog = catalog
        self._space = space
        self._stores = stores

    def hits(self, query: Query, *, n: int, among: Int64Array | None, min_similarity: float) -> list[Hit]:
        """Find the `n` nearest items.

        Similarities of one pair of modalities rank as they are. Where several pairs meet, each similarity ranks by how
        far it rises from that of unlike things to that of the same thing (see `calibration`).

        Parameters
        ----------
        query : Query
        n : int
        among : np.ndarray [shape=(m,), int64], optional
            Only these segments count.
        min_similarity : float

        Returns
        -------
        list of Hit
            Nearest first.
        """
        k = 2 * n + 8
        while True:
            candidates, bound = self._candidates(query, k=k, among=among, min_similarity=min_similarity)
            nearest = self._best_of_items(candidates, without=query.without)[:n]
            if bound == -math.inf or (len(nearest) == n and nearest[-1][0].rank >= bound):
                return self._as_hits(nearest)
            k *= 4

    def _candidates(
        self, query: Query, *, k: int, among: Int64Array | None, min_similarity: float
    ) -> tuple[list[_Candidate], float]:
        """Find the `k` nearest segments of each segment of the query, in each store.

        Returns
        -------
        candidates : list of _Candidate
        bound : float
            No segment that is not among the candidates ranks higher; -inf where there is none that counts.
        """
        candidates: list[_Candidate] = []
        bound = -math.inf
        for source, vectors in query.vectors.items():
            for target, store in self._stores.items():
                similarities, ids = store.search(vectors, k=k, among=among)
                ranks = above_unrelated(similarities, self._space.unrelated_similarity(source, target))
                counts = (ids != NOTHING) & (similarities >= min_similarity)
                more = counts[:, -1]
                bound = max(bound, float(ranks[more, -1].max(initial=-math.inf)))
                rows = zip(ids[counts].tolist(), similarities[counts].tolist(), ranks[counts].tolist(), strict=True)
                candidates += [_Candidate(*row) for row in rows]
        return candidates, bound

    def _best_of_items(
        self, candidates: Iterable[_Candidate], *, without: frozenset[int]
    ) -> list[tuple[_Candidate, SegmentRecord]]:
        """Keep the nearest segment of each item, nearest first; equals are decided by the segment's id."""
        ranked = sorted(candidates, key=lambda candidate: (-candidate.rank, candidate.segment))
        segments = self._catalog.segments.get_many({candidate.segment for candidate in ranked})
        best: dict[int, tuple[_Candidate, SegmentRecord]] = {}
        for candidate in ranked:
            segment = segments.get(candidate.segment)
            if segment is not None and segment.item_id not in without:
                best.setdefault(segment.item_id, (candidate, segment))
        return list(best.values())

    def _as_hits(self, nearest: Sequence[tuple[_Candidate, SegmentRecord]]) -> list[Hit]:
        items = self._catalog.items.get_many({segment.item_id for _, segment in nearest})
        return [
            Hit(
                id=segment.item_id,
                path=items[segment.item_id].path,
                modality=segment.modality,
                similarity=float(np.clip(candidate.similarity, -1.0, 1.0)),
                start_s=segment.start_s,
                end_s=segment.end_s,
                labels=items[segment.item_id].labels,
            )
            for candidate, segment in nearest
            if segment.item_id in items
        ]
