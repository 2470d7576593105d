"""Items of which anything was said as wholes, and which of them what is to be named may be copies of, by features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from modag_search.classify.queries import mean_of_queries, stored_batches
from modag_search.copies.bounds import bounding, principal_directions
from modag_search.copies.comparable import comparable_vectors
from modag_search.copies.extents import Extents
from modag_search.copies.limits import OF_OTHER_LENGTH_MIN_SIMILARITY, Limits
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from modag_search.catalog import Catalog
    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.classify.queries import QuerySegments
    from modag_search.features.vectors import SegmentVectors
    from modag_search.values import Float32Array, Int64Array, MediaFacts, Modality

MOST_CANDIDATES: Final = 8
MOST_OF_OTHER_LENGTH: Final = 4
_MOST_COMPARED: Final = 16
_MOST_BOUNDED: Final = 64
"""How many labelled contents are told by bounds of their similarity, of these by their features, and of these by their
files, at the most: each time those that are the most alike."""

THE_SAME: Final = 0.999
"""What the very same features have in common at least, as they are rounded."""

_SMALLEST_PX: Final = np.array([32])

_WIDTH: Final = 47
_FITTED: Final = 1024
_SEGMENTS_AT_ONCE: Final = 4096
_CELLS_AT_ONCE: Final = 4_000_000


class Candidate(NamedTuple):
    """A labelled item that a query may be a copy of.

    Attributes
    ----------
    item : int
        Id.
    similarity : float
        Of the means of their features, as `duplicates` compares them.
    is_same : bool
        Whether features are the same, segment by segment.
    """

    item: int
    similarity: float
    is_same: bool


class Segments(NamedTuple):
    """Segments of one modality, of whole items.

    Attributes
    ----------
    segments, items : np.ndarray [shape=(n,), int64]
        Ids, or for segments what they can be ordered by.
    contents : np.ndarray [shape=(n,), int64]
        The same number for segments of items of the same content.
    features : np.ndarray [shape=(n, d), float16]
    """

    segments: Int64Array
    items: Int64Array
    contents: Int64Array
    features: np.ndarray


def stored_segments(catalog: Catalog, vectors: SegmentVectors, items: Collection[int]) -> dict[Modality, Segments]:
    """Read the segments of some items that have a vector, by modality."""
    batches = list(stored_batches(catalog, vectors, sorted(catalog.items.paths(items).items())))
    read = {}
    for modality in {modality for batch in batches for modality in batch.segments}:
        parts = [(batch.items, batch.segments[modality]) for batch in batches if modality in batch.segments]
        owners = np.concatenate([ids[part.queries] for ids, part in parts])
        features = np.concatenate([part.features.astype(np.float16) for _, part in parts])
        read[modality] = Segments(np.arange(len(owners)), owners, owners, features)
    return read


@dataclass(frozen=True, slots=True, eq=False)
class _Wholes:
    """Items of one modality of which anything was said, one for each content.

    Attributes
    ----------
    part : Segments
    items : np.ndarray [shape=(n,), int64]
        Ids, ascending.
    extents : Extents
    starts : np.ndarray [shape=(n + 1,), int64]
        Where the segments of each begin and end in `places`.
    places : np.ndarray [shape=(n_segments,), int64]
        Of segments in `part`, those of an item in order of their ids.
    vectors : np.ndarray [shape=(n, d), float16]
        As `duplicates` compares items.
    directions : np.ndarray [shape=(d, m), float32]
    coordinates : np.ndarray [shape=(n, m + 1), float32]
        By which cosines are bounded.
    """

    part: Segments
    items: Int64Array
    extents: Extents
    starts: Int64Array
    places: Int64Array
    vectors: np.ndarray
    directions: Float32Array
    coordinates: Float32Array

    @classmethod
    def of(cls, modality: Modality, part: Segments, facts: Mapping[int, MediaFacts]) -> _Wholes:
        """Take those of the items whose facts are given, of which there must be one at least."""
        of_known = np.flatnonzero(np.isin(part.items, list(facts)))
        _, firsts = np.unique(part.contents[of_known], return_index=True)
        places = np.flatnonzero(np.isin(part.items, part.items[of_known[firsts]]))
        places = places[np.lexsort((part.segments[places], part.items[places]))]
        items, begins, owners = np.unique(part.items[places], return_index=True, return_inverse=True)
        vectors = np.empty((len(items), part.features.shape[1]), dtype=np.float16)
        for some in np.split(np.arange(len(places)), _ends_of_parts(owners)):
            rows = part.features[places[some]].astype(np.float32)
            vectors[owners[some[0]] : owners[some[-1]] + 1] = whole_vectors(rows, owners[some], modality)
        sample = np.linspace(0, len(items) - 1, min(len(items), _FITTED)).astype(np.int64)
        directions = principal_directions(vectors[sample].astype(np.float32), most=_WIDTH)
        return cls(
            part=part,
            items=items,
            extents=Extents.of(facts[item] for item in items.tolist()),
            starts=np.append(begins, len(places)),
            places=places,
            vectors=vectors,
            directions=directions,
            coordinates=np.concatenate([bounding(some.astype(np.float32), directions) for some in _parts(vectors)]),
        )

    def features(self, place: int) -> np.ndarray:
        """Return the features of an item's segments ``[shape=(n, d), float16]``."""
        return np.asarray(self.part.features[self.places[self.starts[place] : self.starts[place + 1]]])


class LabelledWholes:
    """Finds items of which anything was said, and which queries may be copies of.

    Parameters
    ----------
    catalog : Catalog
    labelled : LabelledSet
    chosen : collection of int
        Ids of the items that count: those with labels that hold for the whole.
    others : Mapping of modality to Segments
        Of items that count as well.
    """

    def __init__(
        self,
        catalog: Catalog,
        labelled: LabelledSet,
        chosen: Collection[int],
        *,
        others: Mapping[Modality, Segments],
    ) -> None:
        of_chosen = {
            modality: Segments(part.segments, part.items, part.contents, part.features)
            for modality, part in labelled.by_modality.items()
        }
        of_others = {item for part in others.values() for item in part.items.tolist()}
        self._wholes: dict[Modality, list[_Wholes]] = {}
        for parts, items in ((of_chosen, chosen), (others, of_others)):
            facts = catalog.items.facts(items)
            for modality, part in parts.items():
                if np.isin(part.items, list(facts)).any():
                    self._wholes.setdefault(modality, []).append(_Wholes.of(modality, part, facts))

    def holds(self, modality: Modality, item: int) -> bool:
        """Tell whether an item is among them by one of its modalities."""
        return any(np.isin(item, wholes.items) for wholes in self._wholes.get(modality, ()))

    def candidates(
        self, modality: Modality, asking: QuerySegments, facts: Mapping[int, MediaFacts], *, least: float = 0.0
    ) -> dict[int, list[Candidate]]:
        """Find for queries the items that are as alike as copies are, and about as long or of their shape.

        Parameters
        ----------
        modality : {"image", "sound"}
        asking : QuerySegments
        facts : Mapping of int to MediaFacts
            Of the queries, by place; others are left out.
        least : float
            How alike they must be beside that.

        Returns
        -------
        dict of int to list of Candidate
            By place of the query, the most alike first; none of queries without any.
        """
        return self._found(modality, asking, facts, least=least, of_any_length=False)

    def sounds_of_any_length(
        self, asking: QuerySegments, facts: Mapping[int, MediaFacts]
    ) -> dict[int, list[Candidate]]:
        """Find for queries that are sounds those that they may be a part of, or that they may hold behind silence.

        Parameters
        ----------
        asking : QuerySegments
        facts : Mapping of int to MediaFacts
            Of the queries, by place; others are left out.

        Returns
        -------
        dict of int to list of Candidate
            As of `candidates`, and fewer.
        """
        found = self._found("sound", asking, facts, least=OF_OTHER_LENGTH_MIN_SIMILARITY, of_any_length=True)
        return {query: some[:MOST_OF_OTHER_LENGTH] for query, some in found.items()}

    def _found(
        self,
        modality: Modality,
        asking: QuerySegments,
        facts: Mapping[int, MediaFacts],
        *,
        least: float,
        of_any_length: bool,
    ) -> dict[int, list[Candidate]]:
        asking = asking.of(facts.keys()) if facts else asking.within(0, 0)
        if modality not in self._wholes or not len(asking.queries):
            return {}
        queries, firsts = np.unique(asking.queries, return_index=True)
        segments = np.split(asking.features, firsts[1:])
        vectors = whole_vectors(asking.features, asking.queries, modality)
        extents = Extents.of(facts[place] for place in queries.tolist())
        found: dict[int, list[Candidate]] = {}
        for wholes in self._wholes[modality]:
            for row, place, similarity in _alike(
                vectors, extents, wholes, modality, least=least, of_any_length=of_any_length
            ):
                is_same = similarity >= THE_SAME and np.array_equal(
                    segments[row].astype(np.float16), wholes.features(place)
                )
                candidate = Candidate(int(wholes.items[place]), similarity, is_same)
                found.setdefault(int(queries[row]), []).append(candidate)
        return {query: sorted(some, key=lambda one: -one.similarity)[:MOST_CANDIDATES] for query, some in found.items()}


def whole_vectors(features: Float32Array, owners: Int64Array, modality: Modality) -> Float32Array:
    """Average segments' features ``[shape=(n, d)]`` over each owner, as `duplicates` compares items; owners ascend."""
    return of_unit_length(mean_of_queries(comparable_vectors(features, modality), owners))


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _SEGMENTS_AT_ONCE))


def _ends_of_parts(owners: Int64Array) -> Int64Array:
    """Divide segments into parts that are not too large, unless the segments of one owner are."""
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    ends: Int64Array = begins[np.flatnonzero(np.diff(begins // _SEGMENTS_AT_ONCE)) + 1]
    return ends


def _alike(
    vectors: Float32Array,
    extents: Extents,
    wholes: _Wholes,
    modality: Modality,
    *,
    least: float,
    of_any_length: bool,
) -> Iterator[tuple[int, int, float]]:
    """Yield rows, places of wholes, and how similar they are: one row after the other, the most alike first."""
    limits = Limits.of("image" if modality == "image" else "sound", min_similarity=least if of_any_length else None)
    asking = bounding(vectors, wholes.directions)
    step = max(1, _CELLS_AT_ONCE // len(wholes.items))
    for start in range(0, len(asking), step):
        of_rows = extents.at(np.arange(start, min(start + step, len(asking))))
        bounds = asking[start : start + step] @ wholes.coordinates.T
        rows, places = _greatest(bounds, least=max(least, float(limits.floors(modality, _SMALLEST_PX)[0])))
        others = wholes.extents.at(places)
        required = np.maximum(limits.least(modality, of_rows.sides_px[rows], others.sides_px), least)
        asked = of_rows.at(rows)
        are_near = asked.kinds == others.kinds if of_any_length else asked.are_near(others)
        near = np.flatnonzero(are_near & (bounds[rows, places] >= required))
        near = near[_ranks(rows[near], -bounds[rows[near], places[near]]) < _MOST_COMPARED]
        rows, places, required = rows[near], places[near], required[near]
        similarities = np.einsum("ij,ij->i", vectors[start + rows], wholes.vectors[places].astype(np.float32))
        for n in np.lexsort((places, -similarities, rows)).tolist():
            if similarities[n] >= required[n]:
                yield start + int(rows[n]), int(places[n]), float(similarities[n])


def _greatest(bounds: Float32Array, *, least: float) -> tuple[Int64Array, Int64Array]:
    """Return rows and columns of what is not below `least`, of each row no more than the greatest; rows ascend."""
    # Of a table with few that are true, places in one row of all are found in a tenth of the time.
    rows, columns = np.divmod(np.flatnonzero(bounds >= least), bounds.shape[1])
    counts = np.bincount(rows, minlength=len(bounds))
    if len(rows) and counts.max() > _MOST_BOUNDED:
        near = _ranks(rows, -bounds[rows, columns]) < _MOST_BOUNDED
        rows, columns = rows[near], columns[near]
    return rows, columns


def _ranks(rows: Int64Array, values: np.ndarray) -> Int64Array:
    """Rank the values of each row, the least first; rows ascend."""
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[np.lexsort((values, rows))] = np.arange(len(rows)) - np.searchsorted(rows, rows, side="left")
    return ranks
