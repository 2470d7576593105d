"""From query vectors to items: the best segment of each item, over all segments of the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.calibration import standard_scores
from modag_search.stores import NOTHING, VectorStore
from modag_search.values import Float32Array, Hit, Int64Array, Modality, SegmentRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        far it rises above that of unlike things (see `calibration`).

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
        found: dict[int, tuple[_Candidate, SegmentRecord]] = {}
        k = 2 * n + 8
        while True:
            candidates = [c for c in self._candidates(query, k=k, among=among) if c.similarity >= min_similarity]
            found = self._best_of_items(candidates, without=query.without)
            if len(found) >= n or k >= max((len(store) for store in self._stores.values()), default=0):
                break
            k *= 4
        nearest = sorted(found.values(), key=lambda pair: (-pair[0].rank, pair[0].segment))[:n]
        return self._as_hits(nearest)

    def _candidates(self, query: Query, *, k: int, among: Int64Array | None) -> Iterator[_Candidate]:
        for source, vectors in query.vectors.items():
            for target, store in self._stores.items():
                if len(vectors) == 0 or len(store) == 0:
                    continue
                similarities, ids = store.search(vectors, k=min(k, len(store)), among=among)
                ranks = standard_scores(similarities, self._space.background_of(source, target))
                there = ids != NOTHING
                rows = zip(ids[there].tolist(), similarities[there].tolist(), ranks[there].tolist(), strict=True)
                for segment, similarity, rank in rows:
                    yield _Candidate(segment, similarity, rank)

    def _best_of_items(
        self, candidates: Iterable[_Candidate], *, without: frozenset[int]
    ) -> dict[int, tuple[_Candidate, SegmentRecord]]:
        """Keep the nearest segment of each item; equals are decided by the segment's id."""
        ranked = sorted(candidates, key=lambda candidate: (-candidate.rank, candidate.segment))
        segments = self._catalog.segments.get_many({candidate.segment for candidate in ranked})
        best: dict[int, tuple[_Candidate, SegmentRecord]] = {}
        for candidate in ranked:
            segment = segments.get(candidate.segment)
            if segment is not None and segment.item_id not in without:
                best.setdefault(segment.item_id, (candidate, segment))
        return best

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
        ]
