"""From probes to items: the best segment of each item, over all that is asked with."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.search.copies import EQUALLY_NEAR, Folding
from modag_search.search.relevance import relevance_of
from modag_search.stores import NOTHING, StoreReader
from modag_search.values import Float32Array, Hit, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy.typing as npt

    from modag_search.catalog import Catalog
    from modag_search.search.probes import Probe, Question

_CELLS_AT_ONCE = 1_000_000
_FEW = 8
_WIDER = 8
"""So many times more segments are asked for where fewer do not settle an answer, as long as that is less than a share
of all, one in as many; else all are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Segments that were found, each once, the best first; of equally good ones the one with the lower id.

    Attributes
    ----------
    segments : np.ndarray [shape=(n,), int64]
    similarities, ranks, log_odds : np.ndarray [shape=(n,), float32]
        Cosine of the query's nearest segment, what segments are ranked by, and log-odds of relevance.
    """

    segments: Int64Array
    similarities: Float32Array
    ranks: Float32Array
    log_odds: Float32Array

    @classmethod
    def of(
        cls, segments: Int64Array, similarities: Float32Array, ranks: Float32Array, log_odds: Float32Array
    ) -> _Candidates:
        """Keep the best of what was found of each segment."""
        order = np.lexsort((segments, -ranks))
        _, firsts = np.unique(segments[order], return_index=True)
        best = order[np.sort(firsts)]
        return cls(segments[best], similarities[best], ranks[best], log_odds[best])

    @classmethod
    def together(cls, parts: Sequence[_Candidates]) -> _Candidates:
        """Put several together."""
        parts = [part for part in parts if len(part.segments)]
        if not parts:
            nothing = np.zeros(0, dtype=np.float32)
            return cls(np.zeros(0, dtype=np.int64), nothing, nothing, nothing)
        if len(parts) == 1:
            return parts[0]
        fields = (np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__)
        return cls.of(*fields)

    def only(self, chosen: np.ndarray) -> _Candidates:
        """Return some of them, by place."""
        return _Candidates(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class _Least:
    """What a hit must reach."""

    similarity: float
    log_odds: float

    @classmethod
    def of(cls, similarity: float, relevance: float) -> _Least:
        if relevance <= 0 or relevance >= 1:
            return cls(similarity, math.inf if relevance >= 1 else -math.inf)
        return cls(similarity, math.log(relevance / (1 - relevance)))

    def reached(self, similarities: Float32Array, log_odds: Float32Array) -> npt.NDArray[np.bool_]:
        reached: npt.NDArray[np.bool_] = (similarities >= self.similarity) & (log_odds >= self.log_odds)
        return reached


@dataclass(frozen=True, slots=True, eq=False)
class _Asking:
    """Vectors of a probe ``[shape=(n, d), float32]`` that may still find nearer segments of a modality."""

    modality: Modality
    probe: Probe
    vectors: Float32Array

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Asking:
        """Return some of the vectors."""
        return _Asking(self.modality, self.probe, self.vectors[chosen])


class ItemSearch:
    """Searches over the stores of an index.

    Parameters
    ----------
    catalog : Catalog
        In a view of the moment that the stores reflect.
    stores : Mapping of modality to StoreReader
    """

    def __init__(self, catalog: Catalog, stores: Mapping[Modality, StoreReader]) -> None:
        self._catalog = catalog
        self._stores = stores

    def hits(
        self,
        question: Question,
        *,
        n: int,
        among: Int64Array | None,
        min_similarity: float = -1.0,
        min_relevance: float = 0.0,
        copies: bool = True,
    ) -> list[Hit]:
        """Find the `n` nearest items.

        What is near one direction ranks as it is near. Where several meet, each similarity ranks by how far it rises
        from that of unlike things to that of the same thing (see `probes`).

        The stores are asked for the nearest few segments first, where these are fewer than all. If these are of the
        same few recordings, they may not settle which items are the nearest: then those segments of the query that may
        find nearer ones ask for more and more, and are compared with all at last.

        Parameters
        ----------
        question : Question
            Of modalities that there are stores of.
        n : int
        among : np.ndarray [shape=(m,), int64], optional
            Only these segments count, ascending.
        min_similarity, min_relevance : float
            Leave out what is below either.
        copies : bool
            Whether copies of each other are answers of their own.

        Returns
        -------
        list of Hit
            Nearest first.
        """
        least = _Least.of(min_similarity, min_relevance)
        folding = None if copies else Folding(self._catalog, self._passing(among, question.without))
        items, best = self._best(question, n=n, among=among, least=least, folding=folding)
        return self._as_hits(items, best, folding)

    def _best(
        self,
        question: Question,
        *,
        n: int,
        among: Int64Array | None,
        least: _Least,
        folding: Folding | None,
    ) -> tuple[Int64Array, _Candidates]:
        """Find the nearest items, and the nearest segment of each."""
        margin = 0.0 if folding is None else EQUALLY_NEAR  # in which more copies of the last may lie
        n_stored = sum(len(self._stores[modality]) for modality in question.probes)
        asking = [
            _Asking(modality, probe, probe.vectors) for modality, probes in question.probes.items() for probe in probes
        ]
        found = _Candidates.together([])
        k, worth = 2 * n + 8, n_stored
        while asking and k * sum(len(one.vectors) for one in asking) < worth:
            parts, bounds = zip(*(self._nearest(one, k=k, among=among, least=least) for one in asking), strict=True)
            found = _Candidates.together([found, *parts])
            items, best = self._best_of_items(found, n=n, without=question.without, folding=folding)
            reached = float(best.ranks[-1]) - margin if len(items) == n else -math.inf
            asking = [one.only(bound > reached) for one, bound in zip(asking, bounds, strict=True)]
            asking = [one for one in asking if len(one.vectors)]
            if not asking:
                return items, best
            k, worth = _WIDER * k, n_stored // _WIDER
        found = _Candidates.together([found, *(self._all(one, among=among, least=least) for one in asking)])
        return self._best_of_items(found, n=n, without=question.without, folding=folding)

    def _passing(self, among: Int64Array | None, without: frozenset[int]) -> Callable[[Collection[int]], set[int]]:
        """Return what tells which items may answer: with a segment that counts, and not asking themselves."""

        def passing(items: Collection[int]) -> set[int]:
            if among is None:
                return set(items) - without
            segments = self._catalog.segments.of_items(items)
            counts = np.isin([one.id for one in segments], among)
            return {one.item_id for one, does in zip(segments, counts, strict=True) if does} - without

        return passing

    def _nearest(
        self, asking: _Asking, *, k: int, among: Int64Array | None, least: _Least
    ) -> tuple[_Candidates, Float32Array]:
        """Find the `k` nearest segments of each vector that asks.

        Returns
        -------
        candidates : _Candidates
        bounds : np.ndarray [shape=(n,), float32]
            Of each vector: no segment that it has not found ranks higher; -inf where there is none that counts.
        """
        store = self._stores[asking.modality]
        there = len(store) if among is None else min(len(store), len(among))
        bounds = np.full(len(asking.vectors), -np.inf, dtype=np.float32)
        if not there:
            return _Candidates.together([]), bounds
        parts: list[_Candidates] = []
        for rows in _blocks(len(asking.vectors), width=min(k, there)):
            similarities, ids = store.search(asking.vectors[rows], k=min(k, there), among=among)
            ranks, log_odds = asking.probe.ranks(similarities), asking.probe.relevance.log_odds(similarities)
            counts = (ids != NOTHING) & least.reached(similarities, log_odds)
            parts.append(_Candidates.of(ids[counts], similarities[counts], ranks[counts], log_odds[counts]))
            if k < there:
                bounds[rows] = np.where(counts[:, -1], ranks[:, -1], -np.inf)
        return _Candidates.together(parts), bounds

    def _all(self, asking: _Asking, *, among: Int64Array | None, least: _Least) -> _Candidates:
        """Compare all segments with all vectors that ask; each counts with the one that is nearest to it."""
        store = self._stores[asking.modality]
        similarities, ids = store.nearest_to_any(asking.vectors), store.ids()
        ranks, log_odds = asking.probe.ranks(similarities), asking.probe.relevance.log_odds(similarities)
        counts = least.reached(similarities, log_odds)
        if among is not None:
            counts &= np.isin(ids, among)
        return _Candidates.of(ids[counts], similarities[counts], ranks[counts], log_odds[counts])

    def _best_of_items(
        self, found: _Candidates, *, n: int, without: frozenset[int], folding: Folding | None
    ) -> tuple[Int64Array, _Candidates]:
        """Keep the nearest segment of each of the `n` nearest items, nearest first, and say which items these are."""
        owners_of = self._catalog.segments.owners if folding is None else folding.owners
        owners = np.zeros(0, dtype=np.int64)
        best = np.zeros(0, dtype=np.int64)
        # Owners are looked up of the best segments alone: twice as many as items, unless these are of fewer recordings.
        while len(owners) < len(found.segments):
            if len(best) == n and (folding is None or found.ranks[len(owners)] < found.ranks[best[-1]] - EQUALLY_NEAR):
                break
            more = found.segments[len(owners) : max(4 * len(owners), 2 * n)]
            owners = np.concatenate([owners, owners_of(more)])
            places = np.flatnonzero((owners != NOTHING) & ~_are_among(owners, without))
            _, firsts = np.unique(owners[places], return_index=True)
            distinct = places[np.sort(firsts)]
            if folding is None:
                best = distinct[:n]
            else:
                best = distinct[folding.firsts(owners[distinct], found.ranks[distinct], n=n)]
        return owners[best], found.only(best)

    def _as_hits(self, items: Int64Array, best: _Candidates, folding: Folding | None) -> list[Hit]:
        if folding is None:
            records = {item: [record] for item, record in self._catalog.items.get_many(items.tolist()).items()}
        else:
            records = folding.copies(items.tolist())
        segments = self._catalog.segments.get_many(best.segments.tolist())
        return [
            Hit(
                id=records[item][0].id,
                path=records[item][0].path,
                modality=segments[segment].modality,
                similarity=min(max(similarity, -1.0), 1.0),
                start_s=segments[segment].start_s,
                end_s=segments[segment].end_s,
                labels=records[item][0].labels,
                relevance=relevance,
                duration_s=records[item][0].duration_s,
                exists=os.path.exists(records[item][0].path),
                copies=tuple(copy.path for copy in records[item][1:]),
            )
            for item, segment, similarity, relevance in zip(
                items.tolist(),
                best.segments.tolist(),
                best.similarities.tolist(),
                relevance_of(best.log_odds).tolist(),
                strict=True,
            )
        ]


def _are_among(items: Int64Array, some: frozenset[int]) -> npt.NDArray[np.bool_]:
    """Tell which items are among some: most often one asks, or a few, for which `np.isin` would sort in vain."""
    if len(some) > _FEW:
        return np.isin(items, np.fromiter(some, dtype=np.int64))
    found = np.zeros(len(items), dtype=bool)
    for item in some:
        found |= items == item
    return found


def _blocks(n: int, *, width: int) -> list[slice]:
    """Cut `n` rows of some width into blocks that memory has room for."""
    step = max(1, _CELLS_AT_ONCE // max(width, 1))
    return [slice(start, start + step) for start in range(0, n, step)]
