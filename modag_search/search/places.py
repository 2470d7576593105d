"""The places of an item that answer, where one is not enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from modag_search.search.relevance import relevance_of
from modag_search.values import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.vectors import SegmentVectors
    from modag_search.search.probes import Question
    from modag_search.values import Hit, Int64Array, SegmentRecord


class Places:
    """Lists the segments of items that are like what is asked.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    most : float
        How many of an item to list, at the most.
    among : np.ndarray [shape=(m,), int64], optional
        Only these segments count.
    min_similarity, min_relevance : float
        Leave out what is below either.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: SegmentVectors,
        *,
        most: float,
        among: Int64Array | None,
        min_similarity: float,
        min_relevance: float,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._most = most
        self._among = among
        self._min_similarity = min_similarity
        self._min_relevance = min_relevance

    def of_hit(self, hit: Hit, question: Question) -> tuple[Place, ...]:
        """Return the places of an item that was found: that of the hit, then the best, none of which overlaps another.

        Parameters
        ----------
        hit : Hit
        question : Question

        Returns
        -------
        tuple of Place
        """
        segments = {one.id: one for one in self._catalog.segments.of_items([hit.id]) if one.status == "ok"}
        if self._among is not None:
            counts = np.intersect1d(np.array(list(segments), dtype=np.int64), self._among)
            segments = {one: segments[one] for one in counts.tolist()}
        ranked = sorted(self._ranked(segments, question), key=lambda one: (-one[0], one[1]))
        # First by what the store said: of places that are equally near, rounding would choose another here.
        places = [Place(modality=hit.modality, similarity=hit.similarity, start_s=hit.start_s, end_s=hit.end_s)]
        for _, segment_id, similarity in ranked:
            place = _place(segments[segment_id], similarity)
            if len(places) < self._most and not _overlaps_any(place, places):
                places.append(place)
        return tuple(places)

    def _ranked(self, segments: Iterable[int], question: Question) -> Iterable[tuple[float, int, float]]:
        """Iterate over rank, id and similarity of segments; each as near as the nearest thing that asks is."""
        segments = list(segments)
        for modality, probes in question.probes.items():
            ids, vectors = self._vectors.of(modality, segments)
            if not len(ids):
                continue
            similarities = np.stack([(vectors @ probe.vectors.T).max(axis=1) for probe in probes])
            ranks = np.stack([probe.ranks(row) for probe, row in zip(probes, similarities, strict=True)])
            relevances = np.stack(
                [relevance_of(probe.relevance.log_odds(row)) for probe, row in zip(probes, similarities, strict=True)]
            )
            nearest, each = ranks.argmax(axis=0), np.arange(len(ids))
            similarity, relevance = similarities[nearest, each], relevances[nearest, each]
            counts = (similarity >= self._min_similarity) & (relevance >= self._min_relevance)
            yield from zip(
                ranks[nearest, each][counts].tolist(), ids[counts].tolist(), similarity[counts].tolist(), strict=True
            )


def _place(segment: SegmentRecord, similarity: float) -> Place:
    return Place(
        modality=segment.modality,
        similarity=min(max(similarity, -1.0), 1.0),
        start_s=segment.start_s,
        end_s=segment.end_s,
    )


def _overlaps_any(place: Place, others: Sequence[Place]) -> bool:
    start, end = _extent(place)
    return any(start < other_end and other_start < end for other_start, other_end in map(_extent, others))


def _extent(place: Place) -> tuple[float, float]:
    """Return where a place begins and ends: a frame lasts a moment, a picture is one place alone."""
    if place.start_s is None or place.end_s is None:
        return -math.inf, math.inf
    return place.start_s, max(place.end_s, math.nextafter(place.start_s, math.inf))
