"""Near-duplicates: items that are copies of each other but for their encoding, size, level or a trimmed end."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.curate.waveforms import Waveforms
from modag_search.errors import UsageError
from modag_search.values import MODALITIES, Float32Array, MediaKind, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import ItemRecord, SegmentRecord

DEFAULT_MIN_SIMILARITY: Final[dict[Modality, float]] = {"image": 0.92, "sound": 0.985}
"""Chosen with ``scripts/evaluate_duplicates`` on train sources: notes of one instrument are alike, photographs less."""

CONFIRMED_MIN_SIMILARITY: Final = 0.88
"""Of sounds whose waveforms are compared too. Chosen likewise: lower ones find little more, and compare more pairs."""

DURATION_TOLERANCE_S: Final = 0.5
DURATION_TOLERANCE: Final = 0.05
"""Sounds and videos are compared where their lengths differ by no more than the larger of the two tolerances: room
for the padding of encoders and for a trimmed end, not for an excerpt."""

SHAPE_TOLERANCE: Final = 0.1
"""Pictures are compared where their ratios of width to height differ by no more than this share."""

SHARE_IN_PLACE: Final = 0.9
"""Of the segments of either item that hold something, so many must do so at the same place in both."""

SHARE_LEFT_OUT: Final = 0.05
"""An item is as similar as its least similar segments, but for this share of them."""

_PLACE_TOLERANCE_S: Final = 0.25  # frames stand where the frame rate allows
_ITEMS_AT_ONCE: Final = 500
_FEATURES_AT_ONCE: Final = 4096
_ROWS_AT_ONCE: Final = 512
_TRACK_BYTES: Final = 1 << 28

_MODALITIES_OF: Final[dict[MediaKind, tuple[Modality, ...]]] = {
    "image": ("image",),
    "sound": ("sound",),
    "video": ("image", "sound"),
}
_LOSSLESS: Final = frozenset(
    {".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".ape", ".wv", ".tta"}
    | {".png", ".apng", ".bmp", ".dib", ".tif", ".tiff", ".qoi", ".tga"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """An item of a group of duplicates.

    Attributes
    ----------
    id : int
    path : str
    modality : {"image", "sound"}
        That of the group.
    similarity : float
        To the first item of the group, in [-1, 1]; 1 for itself. That of features, which `min_similarity` sets a limit
        to, of sounds that waveforms confirm too.
    is_exact : bool
        Whether the file was, byte for byte, that of the first item when it was indexed; true of the first itself.
    size_bytes : int
    duration_s : float or None
    width_px, height_px : int or None
    """

    id: int
    path: str
    modality: Modality
    similarity: float
    is_exact: bool
    size_bytes: int
    duration_s: float | None
    width_px: int | None
    height_px: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateGroup:
    """Items that are duplicates of the first of them.

    Attributes
    ----------
    modality : {"image", "sound"}
        What they were compared by. Videos count as images, unless their frames are black throughout.
    items : tuple of Duplicate
        Two at least. First the one to keep: of the most pixels, else of a lossless format, else of the largest file.
        Then its exact copies, then the others, the most similar first.
    """

    modality: Modality
    items: tuple[Duplicate, ...]


class Duplicates:
    """Finds items of an index that are near-duplicates; reads the catalog, and changes nothing.

    Features are compared as the encoders made them, since a shared space brings together what is of one kind. An item
    is compared as a whole: see `find`.

    Parameters
    ----------
    catalog : Catalog
    fingerprints : Mapping of modality to str
        The pipelines whose features are compared.
    waveforms : Waveforms, optional
        Confirms sounds; kept for all that is found.
    """

    def __init__(
        self,
        catalog: Catalog,
        fingerprints: Mapping[Modality, str],
        *,
        waveforms: Waveforms | None = None,
    ) -> None:
        self._catalog = catalog
        self._fingerprints = fingerprints
        self._waveforms = Waveforms() if waveforms is None else waveforms
        self._tracks: dict[tuple[int, Modality], _Track] = {}

    def find(
        self,
        *,
        modality: Modality | None = None,
        min_similarity: float | None = None,
        among: Iterable[int] | None = None,
        confirm: bool = True,
    ) -> list[DuplicateGroup]:
        """Find groups of duplicates.

        Pictures are compared with pictures, sounds with sounds, videos with videos. Sounds and videos are duplicates
        where they last about as long, hold something (are not silent, not black) at the same places, and are alike at
        all of them; videos, by their frames and by their sound if both have it. What is silent or black throughout,
        or was made by another version of an encoder, is a duplicate of nothing. No item is in two groups.

        Encoders of sounds hardly hear pitch. So sounds with similar features must have the same waveform too, for which
        files are decoded; see `waveforms.correlation`. Where that cannot be done, since a file is gone, has changed or
        holds nothing below 4 kHz, the features must reach `DEFAULT_MIN_SIMILARITY`.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Only groups of this modality.
        min_similarity : float, optional
            How similar in its features an item must be to the first of its group, in [-1, 1]; default
            `DEFAULT_MIN_SIMILARITY`, and `CONFIRMED_MIN_SIMILARITY` of sounds that are confirmed.
        among : iterable of int, optional
            Only these items, by id.
        confirm : bool
            Whether to compare the waveforms of sounds. Without it no file is read.

        Returns
        -------
        list of DuplicateGroup
            Pictures, sounds, videos; each in order of the first item's path.

        Raises
        ------
        UsageError
            If `modality` or `min_similarity` is not one that can be.
        DamagedCatalogError
            If a feature cannot be read.
        """
        if modality not in (*MODALITIES, None):
            raise UsageError(f"modality must be image or sound, not {modality!r}")
        if min_similarity is not None and not -1 <= min_similarity <= 1:
            raise UsageError(f"min_similarity must be between -1 and 1, not {min_similarity}")
        chosen = None if among is None else set(among)
        items = [
            item for item in self._catalog.items.all() if item.status == "ok" and (chosen is None or item.id in chosen)
        ]
        groups: list[DuplicateGroup] = []
        for kind, modalities in _MODALITIES_OF.items():
            limits = _Limits.of(kind, min_similarity=min_similarity, confirm=confirm)
            contents = _contents(item for item in items if item.kind == kind)
            for lead in modalities:
                wholes = self._wholes(contents, lead)
                if modality in (lead, None):
                    groups += self._groups(wholes, limits)
                compared = {copies[0].id for copies in wholes.contents}
                contents = [copies for copies in contents if copies[0].id not in compared]
                self._tracks.clear()
        return groups

    def _groups(self, wholes: _Wholes, limits: _Limits) -> list[DuplicateGroup]:
        stars: dict[int, list[tuple[Sequence[ItemRecord], float]]] = {}
        for row, (centre, similarity) in enumerate(self._centres(wholes, limits)):
            stars.setdefault(centre, []).append((wholes.contents[row], similarity))
        groups = [_group(wholes.modality, star) for star in stars.values()]
        return sorted((group for group in groups if len(group.items) > 1), key=lambda group: group.items[0].path)

    def _centres(self, wholes: _Wholes, limits: _Limits) -> list[tuple[int, float]]:
        """Let each row that is near to none before it gather the later ones that are nearer to it than to others.

        Returns
        -------
        list of (int, float)
            For each row, the one that gathered it, and their similarity; itself where none did.
        """
        extents = np.array([_extent(copies[0]) for copies in wholes.contents])
        centres = [(row, 1.0) for row in range(len(extents))]
        for start in range(0, len(extents), _ROWS_AT_ONCE):
            block = wholes.vectors[start : start + _ROWS_AT_ONCE] @ wholes.vectors[start:].T
            for row, similarities in enumerate(block, start):
                if centres[row][0] != row:
                    continue
                near = (similarities >= wholes.floor(limits)) & _are_comparable(
                    wholes.kind, extents[row], extents[start:]
                )
                near[: row - start + 1] = False
                alike: dict[int, float] = {}
                for place in np.flatnonzero(near).tolist():
                    other = start + place
                    similarity = self._similarity(wholes, row, other, float(similarities[place]), limits)
                    if similarity is not None and (centres[other][0] == other or similarity > centres[other][1]):
                        alike[other] = similarity
                for other in self._confirmed(wholes, row, alike, limits):
                    centres[other] = (row, alike[other])
        return centres

    def _confirmed(self, wholes: _Wholes, row: int, alike: Mapping[int, float], limits: _Limits) -> list[int]:
        """Return those of the rows that are alike to one by their features which are so by their waveforms too."""
        if limits.unconfirmed is None or not alike:
            return list(alike)
        verdicts = self._waveforms.are_alike(wholes.contents[row], [wholes.contents[other] for other in alike])
        return [
            other
            for (other, similarity), verdict in zip(alike.items(), verdicts, strict=True)
            if (similarity >= limits.unconfirmed if verdict is None else verdict)
        ]

    def _similarity(self, wholes: _Wholes, row: int, other: int, similarity: float, limits: _Limits) -> float | None:
        """Return the similarity of two items in all their parts; None where they are no duplicates."""
        if wholes.are_single[row] and wholes.are_single[other]:
            return min(similarity, 1.0) if similarity >= limits.features[wholes.modality] else None
        found: dict[Modality, float] = {}
        for modality in _MODALITIES_OF[wholes.kind]:
            one, two = (self._kept_track(wholes.contents[place][0].id, modality) for place in (row, other))
            if len(one.starts_s) and len(two.starts_s) and (one.holds.any() or two.holds.any()):
                found[modality] = one.similarity(two)
        if any(value < limits.features[modality] for modality, value in found.items()):
            return None
        return found.get(wholes.modality)

    def _wholes(self, contents: Sequence[Sequence[ItemRecord]], modality: Modality) -> _Wholes:
        """Make one vector of each item that holds something: the mean of its segments' unit vectors over time."""
        ids = [copies[0].id for copies in contents]
        sums: dict[int, Float32Array] = {}
        counts: Counter[int] = Counter()
        for start in range(0, len(ids), _ITEMS_AT_ONCE):
            segments = self._catalog.segments.of_items(ids[start : start + _ITEMS_AT_ONCE])
            segments = [segment for segment in segments if segment.modality == modality]
            counts.update(segment.item_id for segment in segments)
            weights = _weights(segments)
            held = {segment.id: segment.item_id for segment in segments if segment.status == "ok"}
            for segment_ids, vectors in self._vectors(list(held), modality):
                for segment_id, vector in zip(segment_ids, vectors, strict=True):
                    item_id = held[segment_id]
                    sums[item_id] = sums.get(item_id, np.float32(0)) + weights[segment_id] * vector
        found = [copies for copies in contents if copies[0].id in sums]
        return _Wholes(
            kind=found[0][0].kind if found else modality,
            modality=modality,
            contents=found,
            vectors=_unit(np.array([sums[copies[0].id] for copies in found]))
            if found
            else np.empty((0, 1), np.float32),
            are_single=[copies[0].kind != "video" and counts[copies[0].id] == 1 for copies in found],
        )

    def _vectors(self, segment_ids: Sequence[int], modality: Modality) -> Iterator[tuple[list[int], Float32Array]]:
        """Read features, some at a time, as vectors ``[shape=(n, d), float32]`` that can be compared."""
        for start in range(0, len(segment_ids), _FEATURES_AT_ONCE):
            chosen = segment_ids[start : start + _FEATURES_AT_ONCE]
            features = self._catalog.segments.features_of(chosen, fingerprint=self._fingerprints[modality])
            if features:
                yield list(features), comparable_vectors(np.stack(list(features.values())), modality)

    def _kept_track(self, item_id: int, modality: Modality) -> _Track:
        """Return a track, read anew unless it was read a short while ago."""
        if (item_id, modality) not in self._tracks:
            if sum(track.vectors.nbytes for track in self._tracks.values()) > _TRACK_BYTES:
                self._tracks.clear()
            self._tracks[item_id, modality] = self._track(item_id, modality)
        return self._tracks[item_id, modality]

    def _track(self, item_id: int, modality: Modality) -> _Track:
        """Read the segments of an item, in order of time."""
        segments = [one for one in self._catalog.segments.of_items([item_id]) if one.modality == modality]
        vectors = {
            segment_id: vector
            for segment_ids, rows in self._vectors([one.id for one in segments if one.status == "ok"], modality)
            for segment_id, vector in zip(segment_ids, rows, strict=True)
        }
        nothing = np.zeros_like(next(iter(vectors.values()), np.zeros(1, np.float32)))
        return _Track(
            starts_s=np.array([one.start_s or 0.0 for one in segments]),
            holds=np.array([one.id in vectors for one in segments], dtype=bool),
            vectors=np.array([vectors.get(one.id, nothing) for one in segments], dtype=np.float32),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """From which similarity on items of one kind are duplicates.

    Attributes
    ----------
    features : mapping of modality to float
    unconfirmed : float or None
        Of features of sounds whose waveforms cannot be compared; None where none are to be.
    """

    features: Mapping[Modality, float]
    unconfirmed: float | None

    @classmethod
    def of(cls, kind: MediaKind, *, min_similarity: float | None, confirm: bool) -> _Limits:
        alone = DEFAULT_MIN_SIMILARITY
        are_confirmed = confirm and kind == "sound"
        chosen = {**alone, "sound": CONFIRMED_MIN_SIMILARITY} if are_confirmed else alone
        if min_similarity is not None:
            chosen = dict.fromkeys(alone, min_similarity)
        return cls(features=chosen, unconfirmed=max(alone["sound"], chosen["sound"]) if are_confirmed else None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Wholes:
    """Contents of one kind that hold something in a modality, the best first.

    Attributes
    ----------
    kind : {"image", "sound", "video"}
    modality : {"image", "sound"}
    contents : list of sequences of ItemRecord, length n
        Items with the same content, each.
    vectors : np.ndarray [shape=(n, d), float32]
    are_single : list of bool, length n
        Whether the vector is all there is of an item.
    """

    kind: MediaKind
    modality: Modality
    contents: list[Sequence[ItemRecord]]
    vectors: Float32Array
    are_single: list[bool]

    def floor(self, limits: _Limits) -> float:
        """Return what the similarity of duplicates as wholes cannot well lie below.

        What segments have by chance is evened out in their mean; but at the end other segments may stand.
        """
        limit = limits.features[self.modality]
        return limit if all(self.are_single) else limit - (1 - limit) / 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Track:
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

    def similarity(self, other: _Track) -> float:
        """Return how alike the segments at the same places are; minus infinity where the items are not filled alike.

        Segments that start behind the other's last are passed over: the lengths have been compared.
        """
        one, two = (track.until(min(self.starts_s[-1], other.starts_s[-1])) for track in (self, other))
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

    def until(self, last_s: float) -> _Track:
        """Return the segments that start until then."""
        within = self.starts_s <= last_s + _PLACE_TOLERANCE_S
        return _Track(starts_s=self.starts_s[within], holds=self.holds[within], vectors=self.vectors[within])


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
    return _unit(np.sign(features) * np.sqrt(np.abs(features)) if modality == "image" else features)


def _unit(vectors: np.ndarray) -> Float32Array:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    unit: Float32Array = (vectors / lengths).astype(np.float32)
    return unit


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


def _contents(items: Iterable[ItemRecord]) -> list[Sequence[ItemRecord]]:
    """Bring items with the same content together; the best content, and the first path of each, come first."""
    ordered = sorted(items, key=lambda item: (item.content_hash, _rank(item)))
    contents = [list(copies) for _, copies in groupby(ordered, key=lambda item: item.content_hash)]
    return sorted(contents, key=lambda copies: _rank(copies[0]))


def _rank(item: ItemRecord) -> tuple[int, bool, int, str]:
    """Order items by what one would keep; by path, so that the order in which they were indexed does not matter."""
    is_lossy = os.path.splitext(item.path)[1].lower() not in _LOSSLESS
    return -(item.width_px or 0) * (item.height_px or 0), is_lossy, -item.size_bytes, item.path


def _extent(item: ItemRecord) -> float:
    """Return the length of a sound or video in seconds, the ratio of width to height of a picture."""
    if item.kind == "image":
        return (item.width_px or 1) / (item.height_px or 1)
    return item.duration_s or 0.0


def _are_comparable(kind: MediaKind, extent: float, others: np.ndarray) -> np.ndarray:
    larger, smaller = np.maximum(others, extent), np.minimum(others, extent)
    if kind == "image":
        return np.asarray(larger <= smaller * (1 + SHAPE_TOLERANCE))
    return np.asarray(larger - smaller <= np.maximum(DURATION_TOLERANCE_S, DURATION_TOLERANCE * larger))


def _group(modality: Modality, star: Sequence[tuple[Sequence[ItemRecord], float]]) -> DuplicateGroup:
    """Put items in order: the one to keep, its exact copies, the others."""
    best = star[0][0][0]
    duplicates = [
        Duplicate(
            id=item.id,
            path=item.path,
            modality=modality,
            similarity=similarity,
            is_exact=item.content_hash == best.content_hash,
            size_bytes=item.size_bytes,
            duration_s=item.duration_s,
            width_px=item.width_px,
            height_px=item.height_px,
        )
        for copies, similarity in star
        for item in copies
    ]
    others = sorted(
        (one for one in duplicates if one.id != best.id), key=lambda one: (not one.is_exact, -one.similarity, one.path)
    )
    return DuplicateGroup(modality=modality, items=(next(one for one in duplicates if one.id == best.id), *others))
