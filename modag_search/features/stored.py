"""What the catalog holds of files, and whether they are still as it holds them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.errors import MediaError, UnreadableMediaError
from modag_search.values import EncodedSegment, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from modag_search.catalog import Catalog
    from modag_search.values import Float32Array, ItemRecord, Modality, SegmentRecord

Segments = tuple[EncodedSegment, ...]


def scanned(path: str) -> ScannedFile | None:
    """Look at a file as a scan does, without reading it; None where there is none, or it cannot be reached.

    Parameters
    ----------
    path : str

    Returns
    -------
    ScannedFile or None
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return ScannedFile(path, status.st_size, status.st_mtime_ns)


def require_as_scanned(file: ScannedFile) -> None:
    """Make sure that a file is as it was when it was scanned: else it is not known what was read of it.

    Raises
    ------
    UnreadableMediaError
        If it is not.
    """
    if scanned(file.path) != file:
        raise UnreadableMediaError(file.path, "changed while it was read; the next run takes it in")


def is_as_indexed(item: ItemRecord) -> bool:
    """Tell whether an item's file has the size and the time of change that it had when it was indexed.

    Whether encoders are still those of then is another question: see `Items.classify_scan`.
    """
    return scanned(item.path) == ScannedFile(item.path, item.size_bytes, item.mtime_ns)


class StoredFeatures:
    """The segments of a catalog, with features that today's pipelines made.

    Parameters
    ----------
    catalog : Catalog
    fingerprints : Mapping of modality to str
        Of the pipelines whose features count.
    """

    def __init__(self, catalog: Catalog, fingerprints: Mapping[Modality, str]) -> None:
        self._catalog = catalog
        self._fingerprints = fingerprints

    def by_id(self, segment_ids: Iterable[int]) -> dict[int, EncodedSegment]:
        """Return segments by their ids, as if the files had just been encoded."""
        records = self._catalog.segments.get_many(segment_ids)
        features = self._features_of(records.values())
        return {segment_id: _encoded(record, features.get(segment_id)) for segment_id, record in records.items()}

    def segments_of(self, item_ids: Iterable[int]) -> dict[int, Segments]:
        """Return the segments of items, by item id, in their order."""
        stored = self._catalog.segments.with_features_of_items(item_ids, fingerprints=self._fingerprints)
        by_item: dict[int, list[EncodedSegment]] = {}
        for record, feature in stored:
            by_item.setdefault(record.item_id, []).append(_encoded(record, feature))
        return {item_id: tuple(segments) for item_id, segments in by_item.items()}

    def current(self, items: Mapping[str, ItemRecord]) -> set[str]:
        """Return the paths of items whose features are those that encoding their files now would give.

        Parameters
        ----------
        items : Mapping of str to ItemRecord
            By path.

        Returns
        -------
        set of str
        """
        files = [file for file in map(scanned, items) if file is not None]
        verdicts = self._catalog.items.classify_scan(files, fingerprints=self._fingerprints, retry_failed=False)
        return {file.path for file, verdict in zip(files, verdicts, strict=True) if verdict == "unchanged"}

    def outdated(self, item_ids: Iterable[int]) -> set[int]:
        """Return those of the items whose features other pipelines made, or whose features are damaged."""
        return self._catalog.items.outdated(item_ids, fingerprints=self._fingerprints)

    def unchanged(self, paths: Sequence[str], pool: Executor) -> dict[str, Segments]:
        """Return the segments of the files whose content the catalog has, at that path or at another.

        Only files of a size that an item has are read.
        """
        seen = [file for file in map(scanned, paths) if file is not None]  # what cannot be seen, decoding will say
        sizes = self._catalog.items.sizes_among({file.size_bytes for file in seen})
        suspects = [file.path for file in seen if file.size_bytes in sizes]
        hashes = dict(zip(suspects, pool.map(_hash_of, suspects), strict=True))
        twins = self._catalog.items.with_hashes({one for one in hashes.values() if one})
        outdated = self.outdated([twin.id for items in twins.values() for twin in items])
        items = {
            path: twin.id
            for path, content_hash in hashes.items()
            if (twin := _twin(path, twins.get(content_hash or "", ()), outdated))
        }
        segments = self.segments_of(set(items.values()))
        return {path: segments[item_id] for path, item_id in items.items() if item_id in segments}

    def _features_of(self, records: Iterable[SegmentRecord]) -> dict[int, Float32Array]:
        by_modality: dict[Modality, list[int]] = {}
        for record in records:
            by_modality.setdefault(record.modality, []).append(record.id)
        found: dict[int, Float32Array] = {}
        for modality, ids in by_modality.items():
            found |= self._catalog.segments.features_of(ids, fingerprint=self._fingerprints[modality])
        return found


def _encoded(record: SegmentRecord, feature: Float32Array | None) -> EncodedSegment:
    return EncodedSegment(
        modality=record.modality,
        start_s=record.start_s,
        end_s=record.end_s,
        status=record.status,
        feature=feature,
    )


def _twin(path: str, items: Sequence[ItemRecord], outdated: set[int]) -> ItemRecord | None:
    """Find an item with the same content that is read as the same kind of media."""
    kind = media.kind_of(path)
    return next((item for item in items if item.id not in outdated and media.kind_of(item.path) == kind), None)


def _hash_of(path: str) -> str | None:
    try:
        return media.content_hash(path)
    except MediaError:
        return None
