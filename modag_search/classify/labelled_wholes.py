"""Labelled items as wholes, and which of them what is to be named may be copies of, by features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from modag_search.classify.queries import mean_of_queries
from modag_search.copies.bounds import bounding, principal_directions
from modag_search.copies.comparable import comparable_vectors
from modag_search.features.vectors import of_unit_length
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from modag_search.classify.labelled_set import LabelledSet, LabelledVectors
    from modag_search.classify.queries import QuerySegments

LEAST_ALIKE: Final[Mapping[Modality, float]] = {"image": 0.6, "sound": 0.88}
"""Of features that are looked at: what copies at a third of the size have in common; see `copies.limits`."""

_MOST_CANDIDATES: Final = 8
_MOST_BOUNDED: Final = 32
"""How many labelled contents each is compared with in full length, at the most, and of these with their files."""

_WIDTH: Final = 31
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


@dataclass(frozen=True, slots=True, eq=False)
class _Wholes:
    """Labelled items of one modality, one for each content.

    Attributes
    ----------
    part : LabelledVectors
    items : np.ndarray [shape=(n,), int64]
        Ids.
    starts : np.ndarray [shape=(n + 1,), int64]
        Where the segments of each begin and end in `places`.
    places : np.ndarray [shape=(n_segments,), int64]
        Of segments among the labelled vectors, those of an item in order of their ids.
    directions : np.ndarray [shape=(d, m), float32]
    coordinates : np.ndarray [shape=(n, m + 1), float32]
        By which cosines are bounded.
    """

    modality: Modality
    part: LabelledVectors
    items: Int64Array
    starts: Int64Array
    places: Int64Array
    directions: Float32Array
    coordinates: Float32Array

    @classmethod
    def of(cls, modality: Modality, part: LabelledVectors, chosen: Collection[int]) -> _Wholes:
        """Take those of the labelled items that are chosen."""
        of_chosen = np.flatnonzero(np.isin(part.items, list(chosen)))
        _, firsts = np.unique(part.contents[of_chosen], return_index=True)
        places = np.flatnonzero(np.isin(part.items, part.items[of_chosen[firsts]]))
        places = places[np.lexsort((part.segments[places], part.items[places]))]
        items, begins = np.unique(part.items[places], return_index=True)
        starts = np.append(begins, len(places))
        made = cls(modality, part, items, starts, places, *(np.zeros((0, 0), np.float32),) * 2)
        sample = np.linspace(0, len(items) - 1, min(len(items), _FITTED)).astype(np.int64)
        directions = principal_directions(made.vectors(sample), most=_WIDTH)
        coordinates = [bounding(made.vectors(some), directions) for some in made._some_at_once()]
        return cls(modality, part, items, starts, places, directions, np.concatenate(coordinates))

    def _some_at_once(self) -> Iterator[Int64Array]:
        """Divide the items, so that the segments of each part are not too many unless those of one item are."""
        parts = np.cumsum(np.diff(self.starts)) // _SEGMENTS_AT_ONCE
        yield from np.split(np.arange(len(self.items)), np.flatnonzero(np.diff(parts)) + 1)

    def features(self, place: int) -> np.ndarray:
        """Return the features of an item's segments ``[shape=(n, d), float16]``."""
        return np.asarray(self.part.features[self.places[self.starts[place] : self.starts[place + 1]]])

    def vectors(self, chosen: Int64Array) -> Float32Array:
        """Return some of the items as `duplicates` compares them ``[shape=(len(chosen), d)]``."""
        counts = self.starts[chosen + 1] - self.starts[chosen]
        owners = np.repeat(np.arange(len(chosen)), counts)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = self.part.features[self.places[np.repeat(self.starts[chosen], counts) + within]]
        return whole_vectors(rows.astype(np.float32), owners, self.modality)


class LabelledWholes:
    """Finds labelled items that queries may be copies of.

    Parameters
    ----------
    labelled : LabelledSet
    chosen : collection of int
        Ids of the items that count: those with labels that hold for the whole.
    """

    def __init__(self, labelled: LabelledSet, chosen: Collection[int]) -> None:
        self._wholes: dict[Modality, _Wholes] = {}
        for modality in MODALITIES:
            part = labelled.by_modality[modality]
            if np.isin(part.items, list(chosen)).any():
                self._wholes[modality] = _Wholes.of(modality, part, chosen)

    def holds(self, modality: Modality, item: int) -> bool:
        """Tell whether an item is among them by one of its modalities."""
        return modality in self._wholes and bool(np.isin(item, self._wholes[modality].items))

    def candidates(self, modality: Modality, asking: QuerySegments) -> dict[int, list[Candidate]]:
        """Find for queries the labelled items that are much like them.

        Parameters
        ----------
        modality : {"image", "sound"}
        asking : QuerySegments

        Returns
        -------
        dict of int to list of Candidate
            By place of the query, the most alike first; none of queries without any.
        """
        wholes = self._wholes.get(modality)
        if wholes is None or not len(asking.queries):
            return {}
        queries, firsts = np.unique(asking.queries, return_index=True)
        vectors = whole_vectors(asking.features, asking.queries, modality)
        ends = np.append(firsts[1:], len(asking.queries))
        found: dict[int, list[Candidate]] = {}
        for row, places in _near(vectors, wholes, least=LEAST_ALIKE[modality]):
            similarities = wholes.vectors(places) @ vectors[row]
            order = [n for n in np.argsort(-similarities, kind="stable") if similarities[n] >= LEAST_ALIKE[modality]]
            features = asking.features[firsts[row] : ends[row]].astype(np.float16)
            if order:
                found[int(queries[row])] = [
                    Candidate(
                        int(wholes.items[places[n]]),
                        float(similarities[n]),
                        np.array_equal(features, wholes.features(int(places[n]))),
                    )
                    for n in order[:_MOST_CANDIDATES]
                ]
        return found


def whole_vectors(features: Float32Array, owners: Int64Array, modality: Modality) -> Float32Array:
    """Average segments' features ``[shape=(n, d)]`` over each owner, as `duplicates` compares items; owners ascend."""
    return of_unit_length(mean_of_queries(comparable_vectors(features, modality), owners))


def _near(vectors: Float32Array, wholes: _Wholes, *, least: float) -> Iterator[tuple[int, Int64Array]]:
    """Yield rows with the places of the wholes that may be as near, of many those that may be nearest."""
    asking = bounding(vectors, wholes.directions)
    step = max(1, _CELLS_AT_ONCE // len(wholes.items))
    for start in range(0, len(asking), step):
        bounds = asking[start : start + step] @ wholes.coordinates.T
        may_be_near = bounds >= least
        for row in np.flatnonzero(may_be_near.any(axis=1)):
            places = np.flatnonzero(may_be_near[row])
            if len(places) > _MOST_BOUNDED:
                places = places[np.argpartition(bounds[row, places], -_MOST_BOUNDED)[-_MOST_BOUNDED:]]
            yield start + int(row), places
