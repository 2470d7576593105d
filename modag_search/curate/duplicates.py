"""Near-duplicates: items that are copies of each other but for their encoding, size, level or a trimmed end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.curate.comparable import ComparableItems, Wholes
from modag_search.curate.similarity_join import SimilarityJoin
from modag_search.curate.waveforms import Waveforms
from modag_search.errors import UsageError
from modag_search.values import MODALITIES, Duplicate, DuplicateGroup, Int64Array, MediaKind, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import ItemRecord

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

_ROWS_AT_ONCE: Final = 512

_MODALITIES_OF: Final[dict[MediaKind, tuple[Modality, ...]]] = {
    "image": ("image",),
    "sound": ("sound",),
    "video": ("image", "sound"),
}
_LOSSLESS: Final = frozenset(
    {".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".ape", ".wv", ".tta"}
    | {".png", ".apng", ".bmp", ".dib", ".tif", ".tiff", ".qoi", ".tga"}
)


class Duplicates:
    """Finds items of an index that are near-duplicates; reads the catalog, and changes nothing.

    An item is compared as a whole: see `find`.

    Parameters
    ----------
    catalog : Catalog
    fingerprints : Mapping of modality to str
        The pipelines whose features are compared.
    waveforms : Waveforms, optional
        Confirms sounds; kept for all that is found.

    Attributes
    ----------
    n_pairs, n_compared : int
        Pairs that there were in all searches so far, and those of them whose features were compared in full length.
    """

    def __init__(
        self,
        catalog: Catalog,
        fingerprints: Mapping[Modality, str],
        *,
        waveforms: Waveforms | None = None,
    ) -> None:
        self._catalog = catalog
        self._items = ComparableItems(catalog, fingerprints)
        self._waveforms = Waveforms() if waveforms is None else waveforms
        self.n_pairs = 0
        self.n_compared = 0

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
        groups: list[DuplicateGroup] = []
        for kind, modalities in _MODALITIES_OF.items():
            if modality not in (*modalities, None):
                continue
            limits = _Limits.of(kind, min_similarity=min_similarity, confirm=confirm)
            items = self._catalog.items.all(kind=kind)
            contents = _contents(one for one in items if one.status == "ok" and (chosen is None or one.id in chosen))
            for lead in modalities:
                wholes = self._items.wholes(kind, contents, lead)
                if modality in (lead, None):
                    groups += self._groups(wholes, limits)
                compared = {copies[0].id for copies in wholes.contents}
                contents = [copies for copies in contents if copies[0].id not in compared]
                self._items.forget_tracks()
        return groups

    def _groups(self, wholes: Wholes, limits: _Limits) -> list[DuplicateGroup]:
        stars: dict[int, list[tuple[Sequence[ItemRecord], float]]] = {}
        for row, (centre, similarity) in enumerate(zip(*self._centres(wholes, limits), strict=True)):
            stars.setdefault(centre, []).append((wholes.contents[row], similarity))
        groups = [
            _group(wholes.modality, star) for star in stars.values() if sum(len(copies) for copies, _ in star) > 1
        ]
        return sorted(groups, key=lambda group: group.items[0].path)

    def _centres(self, wholes: Wholes, limits: _Limits) -> tuple[list[int], list[float]]:
        """Let each row that is near to none before it gather the later ones that are nearer to it than to others.

        Returns
        -------
        centres : list of int
            For each row, the one that gathered it; itself where none did.
        similarities : list of float
            Of each row and its centre.
        """
        n = len(wholes.contents)
        extents = np.array([_extent(copies[0]) for copies in wholes.contents])
        join = SimilarityJoin(
            wholes.vectors, floor=_floor(wholes, limits), keys=extents, ranges=_ranges(wholes.kind, extents)
        )
        self.n_pairs += n * (n - 1) // 2
        centres, similarities = np.arange(n), np.ones(n)
        for start in range(0, n, _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, n))
            for row, candidates in join.candidates(rows[centres[rows] == rows]):
                if centres[row] != row:  # one of these rows gathered it
                    continue
                others = candidates[_are_comparable(wholes.kind, extents[row], extents[candidates])]
                self.n_compared += len(others)
                alike = self._similarities(wholes, row, others, join.cosines(row, others), limits)
                is_nearest = (alike > -np.inf) & ((centres[others] == others) | (alike > similarities[others]))
                others, alike = others[is_nearest], alike[is_nearest]
                is_confirmed = self._are_confirmed(wholes, row, others, alike, limits)
                centres[others[is_confirmed]] = row
                similarities[others[is_confirmed]] = alike[is_confirmed]
        return centres.tolist(), similarities.tolist()

    def _are_confirmed(
        self, wholes: Wholes, row: int, others: Int64Array, alike: np.ndarray, limits: _Limits
    ) -> np.ndarray:
        """Tell which of the rows that are alike to one by their features are so by their waveforms too."""
        if limits.unconfirmed is None or not len(others):
            return np.ones(len(others), dtype=bool)
        verdicts = self._waveforms.are_alike(wholes.contents[row], [wholes.contents[other] for other in others])
        by_features = (alike >= limits.unconfirmed).tolist()
        return np.array(
            [
                by_feature if verdict is None else verdict
                for by_feature, verdict in zip(by_features, verdicts, strict=True)
            ]
        )

    def _similarities(
        self, wholes: Wholes, row: int, others: Int64Array, cosines: np.ndarray, limits: _Limits
    ) -> np.ndarray:
        """Return the similarities of a row and others in all their parts.

        Parameters
        ----------
        wholes : Wholes
        row : int
        others : np.ndarray [shape=(k,), int64]
        cosines : np.ndarray [shape=(k,), float64]
            Of the items as wholes.
        limits : _Limits

        Returns
        -------
        np.ndarray [shape=(k,), float64]
            Minus infinity where they are no duplicates.
        """
        alike = np.where(cosines >= limits.features[wholes.modality], np.minimum(cosines, 1.0), -np.inf)
        in_parts = ~(wholes.are_single[row] & wholes.are_single[others])
        alike[in_parts] = -np.inf
        for place in np.flatnonzero(in_parts & (cosines >= _floor(wholes, limits))):
            alike[place] = self._similarity_in_parts(wholes, row, int(others[place]), limits)
        return alike

    def _similarity_in_parts(self, wholes: Wholes, row: int, other: int, limits: _Limits) -> float:
        """Return the similarity of two items segment by segment; minus infinity where they are no duplicates."""
        found: dict[Modality, float] = {}
        for modality in _MODALITIES_OF[wholes.kind]:
            one, two = (self._items.track(wholes.contents[place][0].id, modality) for place in (row, other))
            if len(one.starts_s) and len(two.starts_s) and (one.holds.any() or two.holds.any()):
                found[modality] = one.similarity(two)
        if any(value < limits.features[modality] for modality, value in found.items()):
            return -np.inf
        return found.get(wholes.modality, -np.inf)


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


def _floor(wholes: Wholes, limits: _Limits) -> float:
    """Return what the cosine of duplicates as wholes cannot well lie below.

    What segments have by chance is evened out in their mean; but at the end other segments may stand.
    """
    limit = limits.features[wholes.modality]
    return limit if wholes.are_single.all() else limit - (1 - limit) / 2


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


def _ranges(kind: MediaKind, extents: np.ndarray) -> np.ndarray:
    """Return from where to where ``[shape=(n, 2)]`` extents are comparable to each, by `_are_comparable` or nearly."""
    if kind == "image":
        lowest, highest = extents / (1 + SHAPE_TOLERANCE), extents * (1 + SHAPE_TOLERANCE)
    else:
        lowest = np.minimum(extents - DURATION_TOLERANCE_S, extents * (1 - DURATION_TOLERANCE))
        highest = np.maximum(extents + DURATION_TOLERANCE_S, extents / (1 - DURATION_TOLERANCE))
    return np.stack([lowest - 1e-6, highest + 1e-6], axis=1)  # so that rounding leaves nothing out


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
