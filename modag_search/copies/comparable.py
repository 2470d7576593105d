"""Items as vectors that duplicates are told by: each as a whole, and segment by segment."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.features.ahead import map_ahead, one_thread_a_product
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import Float32Array, Int64Array, ItemRecord, MediaKind, Modality, SegmentRecord

SHARE_IN_PLACE: Final = 0.9
"""Of the segments of either item that hold something, so many must do so at the same place in both."""

SHARE_LEFT_OUT: Final = 0.05
"""An item is as similar as its least similar segments, but for this share of them."""

_PLACE_TOLERANCE_S: Final = 0.25  # frames stand where the frame rate allows
_ITEMS_AT_ONCE: Final = 500
_READERS: Final = 2
_FEATURES_AT_ONCE: Final = 4096
_TRACK_BYTES: Final = 1 << 28
_NO_VECTORS: Final = np.zeros((0, 1), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wholes:
    """Contents of one kind that hold something in a modality, the best first.

    Attributes
    ----------
    kind : {"image", "sound", "video"}
    modality : {"image", "sound"}
    contents : list of sequences of ItemRecord, length n
        Items with the same content, each.
    vectors : np.ndarray [shape=(n, d), float32]
        The means of the items' segments over time, of unit length.
    are_single : np.ndarray [shape=(n,), bool]
        Whether the vector is all there is of an item.
    """

    kind: MediaKind
    modality: Modality
    contents: list[Sequence[ItemRecord]]
    vectors: Float32Array
    are_single: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """The segments of an item in one modality.

    Attributes
    ----------
    starts_s : np.ndarray [shape=(n,), float64]
        Ascending.
    holds : np.ndarray [shape=(n,), bool]
        Whether a segment holds something.
    vectors : np.ndarray [shape=(n, d), float32]
        Zero where it does not.
    """

    starts_s: np.ndarray
    holds: np.ndarray
    vectors: Float32Array

    def similarity(self, other: Track) -> float:
        """Return how alike the segments at the same places are; minus infinity where the items are not filled alike.

        Segments that start behind the other's last are passed over: the lengths have been compared.
        """
        one, two = (track.until(min(self.starts_s[-1], other.starts_s[-1])) for track in (self, other))
        if not (len(one.starts_s) and len(two.starts_s)):
            return -np.inf  # the last of one starts before the first of the other
        # The first that does not start too early: segments lie further apart than the tolerance.
        places = np.searchsorted(two.starts_s, one.starts_s - _PLACE_TOLERANCE_S).clip(max=len(two.starts_s) - 1)
        is_near = np.abs(one.starts_s - two.starts_s[places]) <= _PLACE_TOLERANCE_S
        both = is_near & one.holds & two.holds[places]
        n_either = int(one.holds.sum() + two.holds.sum() - both.sum())
        if both.sum() == 0 or both.sum() < SHARE_IN_PLACE * n_either:
            return -np.inf
        similarities = np.einsum("ij,ij->i", one.vectors[both], two.vectors[places[both]])
        left_out = int(SHARE_LEFT_OUT * len(similarities))
        return min(float(np.partition(similarities, left_out)[left_out]), 1.0)

    def until(self, last_s: float) -> Track:
        """Return the segments that start until then."""
        within = self.starts_s <= last_s + _PLACE_TOLERANCE_S
        return Track(starts_s=self.starts_s[within], holds=self.holds[within], vectors=self.vectors[within])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Held:
    """Those of some contents that hold something: vectors ``[shape=(n, d)]``, and whether of one segment alone."""

    contents: list[Sequence[ItemRecord]]
    vectors: Float32Array
    are_single: list[bool]


class ComparableItems:
    """Reads items of a catalog as vectors that can be compared.

    Features are compared as the encoders made them, since a shared space brings together what is of one kind.

    Parameters
    ----------
    catalog : Catalog
    fingerprints : Mapping of modality to str
        The pipelines whose features are compared.
    """

    def __init__(self, catalog: Catalog, fingerprints: Mapping[Modality, str]) -> None:
        self._catalog = catalog
        self._fingerprints = fingerprints
        self._tracks: dict[tuple[int, Modality], Track] = {}
        self._track_bytes = 0

    def wholes(self, kind: MediaKind, contents: Sequence[Sequence[ItemRecord]], modality: Modality) -> Wholes:
        """Make one vector of each item that holds something: the mean of its segments' unit vectors over time.

        Parameters
        ----------
        kind : {"image", "sound", "video"}
        contents : sequence of sequences of ItemRecord
            Items with the same content, each; the first is read.
        modality : {"image", "sound"}

        Returns
        -------
        Wholes
            In the order of `contents`.
        """
        found: list[Sequence[ItemRecord]] = []
        are_single: list[bool] = []
        vectors = np.empty((0, 1), np.float32)
        change_count = self._catalog.change_count

        def held_ahead(some: Sequence[Sequence[ItemRecord]]) -> _Held | None:
            with self._catalog.view():  # of this thread: it must not see what has changed since
                return self._held(some, modality) if self._catalog.change_count == change_count else None

        parts = [contents[start : start + _ITEMS_AT_ONCE] for start in range(0, len(contents), _ITEMS_AT_ONCE)]
        with one_thread_a_product(), ThreadPoolExecutor(_READERS, thread_name_prefix="modag") as pool:
            read = map_ahead(pool, held_ahead, parts, look_ahead=2 * _READERS)
            for some, ahead in zip(parts, read, strict=True):
                held = ahead or self._held(some, modality)
                if held.contents and not found:
                    # For all at once, as joining parts would take twice the memory. What stays empty takes none.
                    vectors = np.empty((len(contents), held.vectors.shape[1]), np.float32)
                if held.contents:
                    vectors[len(found) : len(found) + len(held.contents)] = held.vectors
                    are_single += [kind != "video" and is_one for is_one in held.are_single]
                    found += held.contents
        return Wholes(
            kind=kind,
            modality=modality,
            contents=found,
            vectors=vectors[: len(found)],
            are_single=np.array(are_single, dtype=bool),
        )

    def track(self, item_id: int, modality: Modality) -> Track:
        """Return the segments of an item; what was read a short while ago is not read again."""
        key = (item_id, modality)
        if key not in self._tracks:
            if self._track_bytes > _TRACK_BYTES:
                self.forget_tracks()
            self._tracks[key] = self._read_track(item_id, modality)
            self._track_bytes += self._tracks[key].vectors.nbytes
        return self._tracks[key]

    def forget_tracks(self) -> None:
        """Make room in memory."""
        self._tracks.clear()
        self._track_bytes = 0

    def _held(self, contents: Sequence[Sequence[ItemRecord]], modality: Modality) -> _Held:
        """Add up the unit vectors of the segments of items that hold something, by their seconds."""
        read = self._catalog.segments.of_items([copies[0].id for copies in contents])
        segments = [one for one in read if one.modality == modality]
        counts, weights = Counter(one.item_id for one in segments), _weights(segments)
        owners = {one.id: one.item_id for one in segments if one.status == "ok"}
        items, sums = np.zeros(0, dtype=np.int64), _NO_VECTORS
        for segment_ids, vectors in self._vectors(list(owners), modality):
            of_items = np.array([owners[one] for one in segment_ids.tolist()])
            weighted = vectors * np.array([weights[one] for one in segment_ids.tolist()])[:, None]
            items, sums = _added_up(items, sums, of_items, weighted)
        places = {item: place for place, item in enumerate(items.tolist())}
        holding = [copies for copies in contents if copies[0].id in places]
        return _Held(
            contents=holding,
            vectors=of_unit_length(sums[[places[copies[0].id] for copies in holding]]) if holding else _NO_VECTORS,
            are_single=[counts[copies[0].id] == 1 for copies in holding],
        )

    def _read_track(self, item_id: int, modality: Modality) -> Track:
        """Read the segments of an item, in order of time."""
        segments = [one for one in self._catalog.segments.of_items([item_id]) if one.modality == modality]
        vectors = {
            segment_id: vector
            for segment_ids, rows in self._vectors([one.id for one in segments if one.status == "ok"], modality)
            for segment_id, vector in zip(segment_ids.tolist(), rows, strict=True)
        }
        nothing = np.zeros_like(next(iter(vectors.values()), np.zeros(1, np.float32)))
        return Track(
            starts_s=np.array([one.start_s or 0.0 for one in segments]),
            holds=np.array([one.id in vectors for one in segments], dtype=bool),
            vectors=np.array([vectors.get(one.id, nothing) for one in segments], dtype=np.float32),
        )

    def _vectors(self, segment_ids: Sequence[int], modality: Modality) -> Iterator[tuple[Int64Array, Float32Array]]:
        """Read features, some at a time, as vectors ``[shape=(n, d), float32]`` that can be compared."""
        for start in range(0, len(segment_ids), _FEATURES_AT_ONCE):
            chosen = segment_ids[start : start + _FEATURES_AT_ONCE]
            ids, features = self._catalog.segments.feature_rows(chosen, fingerprint=self._fingerprints[modality])
            if len(ids):
                yield ids, comparable_vectors(features, modality)


def comparable_vectors(features: Float32Array, modality: Modality) -> Float32Array:
    """Make unit vectors of features, so that near-duplicates stand out.

    Of pictures' features the square root is taken, with the sign kept: it lessens the weight of the few values that
    are large for all pictures of a kind. Sounds' features, many of them negative, are better left as they are.

    Parameters
    ----------
    features : np.ndarray [shape=(n, d), float32]
    modality : {"image", "sound"}

    Returns
    -------
    np.ndarray [shape=(n, d), float32]

    References
    ----------
    Arandjelović, Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.

    Examples
    --------
    >>> comparable_vectors(np.array([[9.0, 16.0, 0.0]], dtype=np.float32), "image").round(3).tolist()
    [[0.6000000238418579, 0.800000011920929, 0.0]]
    """
    return of_unit_length(np.sign(features) * np.sqrt(np.abs(features)) if modality == "image" else features)


def _added_up(
    items: Int64Array, sums: Float32Array, of_items: Int64Array, vectors: Float32Array
) -> tuple[Int64Array, Float32Array]:
    """Add vectors to the sums of their items.

    Parameters
    ----------
    items : np.ndarray [shape=(n,), int64]
        Those that have a sum so far; ascending.
    sums : np.ndarray [shape=(n, d), float32]
    of_items : np.ndarray [shape=(m,), int64]
        Of each vector.
    vectors : np.ndarray [shape=(m, d), float32]

    Returns
    -------
    items : np.ndarray [shape=(k,), int64]
        Ascending.
    sums : np.ndarray [shape=(k, d), float32]
    """
    if len(items):
        of_items, vectors = np.concatenate([items, of_items]), np.concatenate([sums, vectors])
    order = np.argsort(of_items, kind="stable")
    distinct, firsts = np.unique(of_items[order], return_index=True)
    ordered = vectors[order]
    # Most often an item has one segment, and adding up its one vector would take as long as to read it.
    return distinct, ordered if len(distinct) == len(ordered) else np.add.reduceat(ordered, firsts, axis=0)


def _weights(segments: Sequence[SegmentRecord]) -> dict[int, np.float32]:
    """Weigh segments by the seconds that they add to those before: a last window may reach little further."""
    weights: dict[int, np.float32] = {}
    reached: dict[int, float] = {}
    for segment in segments:
        start_s, end_s = segment.start_s or 0.0, 1.0 if segment.end_s is None else segment.end_s
        covered_s = max(start_s, reached.get(segment.item_id, 0.0))
        weights[segment.id] = np.float32(max(end_s - covered_s, 1e-3))
        reached[segment.item_id] = max(end_s, covered_s)
    return weights
