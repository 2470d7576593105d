"""Near-duplicates: items that are copies of each other but for their encoding, size, level or a trimmed end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.classify.ahead import computed_ahead
from modag_search.copies.comparable import ComparableItems, Wholes
from modag_search.copies.extents import Extents
from modag_search.copies.keeping import Keeper
from modag_search.copies.limits import Limits
from modag_search.copies.pixels import Pixels
from modag_search.copies.ranks import Rank, rank
from modag_search.copies.recordings import Part, Recordings
from modag_search.copies.substance import Substances
from modag_search.copies.waveforms import Waveforms
from modag_search.curate.centres import Centres
from modag_search.curate.similarity_join import SimilarityJoin
from modag_search.curate.stars import Copies, joined
from modag_search.errors import UsageError
from modag_search.features.stored import is_as_indexed
from modag_search.values import (
    MODALITIES,
    ConfirmedBy,
    Duplicate,
    DuplicateGroup,
    Int64Array,
    ItemRecord,
    MediaKind,
    Modality,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog

HOLDS_THE_OTHERS: Final = "holds the others"

_OF_GONE: Final = Keeper(are_gone=True)
_ROWS_AT_ONCE: Final = 2048
_LEAST_IN_GROUP: Final = 2

_MODALITIES_OF: Final[dict[MediaKind, tuple[Modality, ...]]] = {
    "image": ("image",),
    "sound": ("sound",),
    "video": ("image", "sound"),
}


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
    pixels : Pixels, optional
        Confirms pictures and videos, likewise.

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
        pixels: Pixels | None = None,
    ) -> None:
        self._catalog = catalog
        self._items = ComparableItems(catalog, fingerprints)
        self._waveforms = Waveforms() if waveforms is None else waveforms
        self._pixels = Pixels() if pixels is None else pixels
        self._recordings = Recordings()
        self._substances = Substances()
        self._labels: Mapping[int, tuple[str, ...]] = {}
        self._gone: set[int] = set()
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
        where they last about as long, hold something (are not silent, black or flat) at the same places, and are alike
        at all of them; videos, by their frames and by their sound if both have it. What is silent, black or flat
        throughout, or was made by another version of an encoder, is a duplicate of nothing. No item is in two groups.

        Encoders of sounds hardly hear pitch, and those of pictures see what kind of thing there is. So what has
        similar features must have the same waveform, or the same pixels, too, for which files are decoded; see
        `waveforms.correlation` and `thumbnails.likeness`. Where that cannot be done, since a file is gone, has changed
        or holds nothing below 4 kHz, the features must reach `DEFAULT_MIN_SIMILARITY`. So must always the sound of
        videos.

        A picture also goes, with its copies, to the group of another one of the same pixels whose features are less
        similar, where some picture is a copy of both.

        A sound also goes to the group of a longer one that it lies in, cut at its ends, faded or with silence before
        it, whatever their features and lengths; see `overlaps.overlap`. It is a part of it (`Duplicate.part_start_s`),
        unless that holds nothing more. What is a part stands behind what it is a part of.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Only groups of this modality.
        min_similarity : float, optional
            How similar in its features an item must be to the first of its group, in [-1, 1]; default
            `DEFAULT_MIN_SIMILARITY`, and `CONFIRMED_MIN_SIMILARITY` of what is confirmed, less for small pictures.
        among : iterable of int, optional
            Only these items, by id.
        confirm : bool
            Whether to compare waveforms and pixels. Without it no file is read.

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
        self._labels = self._catalog.labels.given()
        for kind, modalities in _MODALITIES_OF.items():
            if modality not in (*modalities, None):
                continue
            limits = Limits.of(kind, min_similarity=min_similarity, confirm=confirm)
            items = self._catalog.items.all(kind=kind)
            contents = self._contents(
                (one for one in items if one.status == "ok" and (chosen is None or one.id in chosen)), confirm=confirm
            )
            for lead in modalities:
                wholes = self._items.wholes(kind, contents, lead)
                if modality in (lead, None):
                    groups += self._groups(wholes, limits)
                compared = {copies[0].id for copies in wholes.contents}
                del wholes  # before what comes next is read
                contents = [copies for copies in contents if copies[0].id not in compared]
                self._items.forget_tracks()
        return groups

    def alike(
        self,
        *,
        modality: Modality | None = None,
        min_similarity: float | None = None,
        among: Iterable[int] | None = None,
    ) -> list[DuplicateGroup]:
        """Find groups of items that their features alone would take for duplicates, and that nothing confirms.

        Of each group of duplicates its first item is looked at.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Only groups of this modality.
        min_similarity : float, optional
            How similar in its features an item must be to the first of its group; default `DEFAULT_MIN_SIMILARITY`.
        among : iterable of int, optional
            Only these items, by id.

        Returns
        -------
        list of DuplicateGroup
            In the order of `find`.

        Raises
        ------
        UsageError
            If `modality` or `min_similarity` is not one that can be.
        DamagedCatalogError
            If a feature cannot be read.
        """
        chosen = {item.id for item in self._catalog.items.all()} if among is None else set(among)
        copies = {one.id for group in self.find(modality=modality, among=chosen) for one in group.items[1:]}
        return self.find(modality=modality, min_similarity=min_similarity, among=chosen - copies, confirm=False)

    def _contents(self, items: Iterable[ItemRecord], *, confirm: bool) -> list[Sequence[ItemRecord]]:
        """Bring items with the same content together; the best content, and the first path of each, come first."""
        listed = list(items)
        self._gone = {item.id for item in listed if confirm and not is_as_indexed(item)}
        contents: dict[str, list[ItemRecord]] = {}
        for item in sorted(listed, key=self._rank):
            contents.setdefault(item.content_hash, []).append(item)
        return list(contents.values())

    def _rank(self, item: ItemRecord) -> Rank:
        return rank(item, has_labels=item.id in self._labels, is_gone=item.id in self._gone)

    def _are_gone(self, items: Iterable[ItemRecord]) -> bool:
        """Tell whether no file was there when the search began: to look for it each time takes longer than all else."""
        return all(item.id in self._gone for item in items)

    def _groups(self, wholes: Wholes, limits: Limits) -> list[DuplicateGroup]:
        stars: dict[int, list[Copies]] = {}
        centres = self._centres(_Compared(wholes, limits, Extents.of(copies[0] for copies in wholes.contents)))
        confirmed_by: ConfirmedBy = "waveform" if wholes.kind == "sound" else "pixels"
        for row, items in enumerate(wholes.contents):
            copies = Copies(
                row=row,
                centre=int(centres.rows[row]),
                items=items,
                similarity=float(centres.similarities[row]),
                by=confirmed_by if centres.are_confirmed[row] else "features",
            )
            stars.setdefault(copies.centre, []).append(copies)
        keeper = Keeper(self._pixels, self._substances) if limits.unconfirmed else Keeper()
        groups = [
            group
            for centre, star in joined(stars, self._parts(wholes, list(stars), limits)).items()
            for group in self._groups_of(wholes, star, keeper, centre=centre)
        ]
        return sorted(groups, key=lambda group: group.items[0].path)

    def _parts(self, wholes: Wholes, rows: Sequence[int], limits: Limits) -> Iterator[Part]:
        """Find which sounds lie in longer ones, by row."""
        if wholes.kind != "sound" or not limits.unconfirmed:
            return
        rows = [row for row in rows if not self._are_gone(wholes.contents[row])]
        for part in self._recordings.parts([wholes.contents[row] for row in rows]):
            shorter, longer = rows[part.shorter], rows[part.longer]
            if limits.of_parts is None or wholes.vectors[shorter] @ wholes.vectors[longer] >= limits.of_parts:
                yield Part(shorter, longer, part.overlap)

    def _centres(self, compared: _Compared) -> Centres:
        """Let each row that is near to none before it gather the later ones that are nearer to it than to others."""
        wholes, limits = compared.wholes, compared.limits
        n = len(wholes.contents)
        join = SimilarityJoin(
            wholes.vectors,
            floors=_floors(wholes, limits.floors(wholes.modality, compared.extents.sides_px)),
            keys=compared.extents.extents,
            ranges=compared.extents.ranges(),
            required=self._required(wholes, limits),
        )
        self.n_pairs += n * (n - 1) // 2
        centres, ties = Centres.of_none(n), set[tuple[int, int]]()
        blocks = (np.arange(start, min(start + _ROWS_AT_ONCE, n)) for start in range(0, n, _ROWS_AT_ONCE))
        ungathered = (rows[centres.rows[rows] == rows] for rows in blocks)
        for found in computed_ahead(join.candidates, ungathered):
            for place, row in enumerate(found.rows.tolist()):
                if centres.rows[row] != row:  # gathered since
                    continue
                others, cosines = found.of(place)
                if not len(others):
                    continue
                are_near = compared.extents.at(others).are_near(compared.extents.at(np.array([row])))
                others, cosines = others[are_near], cosines[are_near]
                self.n_compared += len(others)
                alike = self._similarities(compared, row, others, cosines)
                may_tie = limits.are_tied & centres.are_confirmed[others]
                are_looked_at = (alike > -np.inf) & (may_tie | centres.are_farther(others, alike))
                others, alike = others[are_looked_at], alike[are_looked_at]
                are_copies, are_confirmed = self._are_copies(compared, row, others, alike)
                if limits.are_tied:
                    ties |= {(other, row) for other in centres.of_confirmed(others[are_confirmed])}
                are_copies &= centres.are_farther(others, alike)
                centres.take(row, others[are_copies], alike[are_copies], are_confirmed[are_copies])
        self._join(compared, centres, ties)
        return centres

    def _required(self, wholes: Wholes, limits: Limits) -> np.ndarray | None:
        """Return from which cosine on contents can be duplicates whose files are gone, so that nothing confirms it.

        Of those that are there it is -1; of all None, where nothing is to be confirmed.
        """
        if not limits.unconfirmed:
            return None
        unconfirmed = limits.unconfirmed["sound" if wholes.kind == "sound" else "image"]
        are_gone = np.fromiter(map(self._are_gone, wholes.contents), dtype=bool, count=len(wholes.contents))
        return np.where(are_gone, _floors(wholes, np.full(len(are_gone), unconfirmed)), -1.0)

    def _join(self, compared: _Compared, centres: Centres, ties: set[tuple[int, int]]) -> None:
        """Let a centre go to an earlier one where a copy of both ties them, and they are copies by themselves, too.

        Copies that were changed in two ways, one grey and one small, have features that lie farther from the
        original's than from each other's. Without the second condition a small copy, in which details are lost, could
        tie two pictures that differ by these.
        """
        contents = compared.wholes.contents
        for earlier, later in sorted(ties):
            first, second = int(centres.rows[earlier]), int(centres.rows[later])
            if first == second:
                continue
            first, second = min(first, second), max(first, second)
            if self._pixels.are_alike(contents[first], [contents[second]])[0]:
                gathered = np.flatnonzero(centres.rows == second)
                alike = np.array([_cosine(compared.wholes, first, int(row)) for row in gathered])
                are_confirmed = centres.are_confirmed[gathered] | (gathered == second)
                centres.take(first, gathered, alike, are_confirmed)

    def _are_copies(
        self, compared: _Compared, row: int, others: Int64Array, alike: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tell which of the rows whose features are alike to one's are copies of it, and of which more tells so."""
        none = np.zeros(len(others), dtype=bool)
        if not (compared.limits.unconfirmed and len(others)):
            return ~none, none
        contents, by_sound = compared.wholes.contents, compared.wholes.kind == "sound"
        if self._are_gone(contents[row]):
            are_confirmed, are_unseen = none, ~none
        else:
            compare = self._waveforms.are_alike if by_sound else self._pixels.are_alike
            verdicts = compare(contents[row], [contents[other] for other in others])
            are_confirmed = np.array([verdict is True for verdict in verdicts])
            are_unseen = np.array([verdict is None for verdict in verdicts])
        enough = alike >= compared.limits.unconfirmed["sound" if by_sound else "image"]
        return are_confirmed | (are_unseen & enough), are_confirmed

    def _similarities(self, compared: _Compared, row: int, others: Int64Array, cosines: np.ndarray) -> np.ndarray:
        """Return the similarities of a row and others in all their parts.

        Parameters
        ----------
        compared : _Compared
        row : int
        others : np.ndarray [shape=(k,), int64]
        cosines : np.ndarray [shape=(k,), float64]
            Of the items as wholes.

        Returns
        -------
        np.ndarray [shape=(k,), float64]
            Minus infinity where they are no duplicates.
        """
        wholes, sides_px = compared.wholes, compared.extents.sides_px
        least = compared.limits.least(wholes.modality, sides_px[[row]], sides_px[others])
        alike = np.where(cosines >= least, np.minimum(cosines, 1.0), -np.inf)
        in_parts = ~(wholes.are_single[row] & wholes.are_single[others])
        if not in_parts.any():
            return alike
        alike[in_parts] = -np.inf
        for place in np.flatnonzero(in_parts & (cosines >= _floors(wholes, least))):
            required = {**compared.limits.features, wholes.modality: least[place]}
            alike[place] = self._similarity_in_parts(wholes, row, int(others[place]), required)
        return alike

    def _similarity_in_parts(self, wholes: Wholes, row: int, other: int, required: Mapping[Modality, float]) -> float:
        """Return the similarity of two items segment by segment; minus infinity where they are no duplicates."""
        found: dict[Modality, float] = {}
        for modality in _MODALITIES_OF[wholes.kind]:
            one, two = (self._items.track(wholes.contents[place][0].id, modality) for place in (row, other))
            if len(one.starts_s) and len(two.starts_s) and (one.holds.any() or two.holds.any()):
                found[modality] = one.similarity(two)
        if any(value < required[modality] for modality, value in found.items()):
            return -np.inf
        return found.get(wholes.modality, -np.inf)

    def _groups_of(
        self, wholes: Wholes, star: Sequence[Copies], keeper: Keeper, *, centre: int
    ) -> Iterator[DuplicateGroup]:
        """Put items in order: the one to keep, its exact copies, the others, and what is a part of it.

        What mono gathered may differ in the channels that it lacks; it makes a group of its own then.

        Yields
        ------
        DuplicateGroup
        """
        if sum(len(copies.items) for copies in star) < _LEAST_IN_GROUP:
            return
        rows = {item.id: copies for copies in star if copies.is_whole for item in copies.items}
        items = [item for copies in star if copies.is_whole for item in copies.items]
        kept, reasons = (_OF_GONE if self._are_gone(items) else keeper).choose(items, labelled=self._labels)
        best = rows[kept.id]
        apart = self._apart(star, best) if wholes.kind == "sound" else set()
        if apart:
            for part in ([one for one in star if (one.row in apart) == is_apart] for is_apart in (False, True)):
                yield from self._groups_of(wholes, part, keeper, centre=centre)
            return
        # What gathered the others was compared with the one to keep when that was.
        star = [replace(copies, by=best.by) if copies.row == centre else copies for copies in star]
        duplicates = [self._duplicate(item, copies, best, wholes) for copies in star for item in copies.items]
        first = next(one for one in duplicates if one.id == kept.id)
        others = sorted(
            (one for one in duplicates if one.id != first.id),
            key=lambda one: (not one.is_exact, one.part_start_s is not None, -one.similarity, one.path),
        )
        because = ", ".join(reasons) or HOLDS_THE_OTHERS
        yield DuplicateGroup(modality=wholes.modality, items=(first, *others), kept_because=because)

    def _apart(self, star: Sequence[Copies], best: Copies) -> set[int]:
        """Return the rows of what something else gathered, as it did the one to keep, and has other channels."""
        if best.row == best.centre or best.by != "waveform":
            return set()
        others = [one for one in star if one.centre == best.centre and one.by == "waveform" and one.row != best.row]
        differ = self._waveforms.differ_in_channels(best.items, [one.items for one in others])
        return {one.row for one, differs in zip(others, differ, strict=True) if differs}

    def _duplicate(self, item: ItemRecord, copies: Copies, best: Copies, wholes: Wholes) -> Duplicate:
        part_start_s, part_end_s = copies.part_of(best) or (None, None)
        return Duplicate(
            id=item.id,
            path=item.path,
            modality=wholes.modality,
            similarity=copies.similarity if copies.centre == best.row else _cosine(wholes, copies.row, best.row),
            is_exact=copies.row == best.row,
            confirmed_by=copies.by if copies.row != best.row else "content" if item.id != best.items[0].id else None,
            labels=self._labels.get(item.id, ()),
            size_bytes=item.size_bytes,
            duration_s=item.duration_s,
            width_px=item.width_px,
            height_px=item.height_px,
            part_start_s=part_start_s,
            part_end_s=part_end_s,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """What is compared, and by which limits."""

    wholes: Wholes
    limits: Limits
    extents: Extents


def _cosine(wholes: Wholes, row: int, other: int) -> float:
    return min(float(wholes.vectors[row] @ wholes.vectors[other]), 1.0)


def _floors(wholes: Wholes, limits: np.ndarray) -> np.ndarray:
    """Return what the cosine of duplicates as wholes cannot well lie below.

    What segments have by chance is evened out in their mean; but at the end other segments may stand.
    """
    return limits if wholes.are_single.all() else limits - (1 - limits) / 2
