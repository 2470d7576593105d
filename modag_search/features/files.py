"""Features of media files: those of the index, where a file is as it was indexed; others are decoded and encoded."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from modag_search import media
from modag_search.catalog.database import batches
from modag_search.errors import MediaError, UsageError
from modag_search.features.ahead import decoding_threads, map_ahead
from modag_search.features.stored import Segments, StoredFeatures
from modag_search.values import MODALITIES, Float32Array, ItemRecord, MediaFacts, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder

T = TypeVar("T")

_FILES_AT_ONCE = 32
_SEGMENTS_AT_ONCE = 2048
_LARGE_BYTES = 64 * 2**20
"""From which on starting a process takes little beside reading the file."""


@dataclass(frozen=True, slots=True, eq=False)
class FileFeatures:
    """The segments of a file with their features, rounded as a catalog does.

    Attributes
    ----------
    path : str
    item : ItemRecord or None
        The item at that path, whether or not the file is as it was.
    segments : tuple of EncodedSegment
        In order of time, those that are silent, black or flat too.
    is_stored : bool
        Whether they are those of the item: the file was not decoded.
    facts : MediaFacts or None
        Of a file that was decoded as a whole.
    """

    path: str
    item: ItemRecord | None
    segments: Segments
    is_stored: bool = False
    facts: MediaFacts | None = None

    def features(self) -> dict[Modality, Float32Array]:
        """Return the features ``[shape=(n, d), float32]`` by modality; none of one without any."""
        rows = {
            modality: [one.feature for one in self.segments if one.modality == modality and one.feature is not None]
            for modality in MODALITIES
        }
        return {modality: np.stack(own) for modality, own in rows.items() if own}


class FeatureReader:
    """Reads features of files and of items.

    Parameters
    ----------
    catalog : Catalog
    encoder : MediaEncoder
    """

    def __init__(self, catalog: Catalog, encoder: MediaEncoder) -> None:
        self._catalog = catalog
        self._encoder = encoder
        self._stored = StoredFeatures(catalog, encoder.fingerprints)

    def of_item(self, item: ItemRecord) -> FileFeatures:
        """Read what the catalog holds of an item; segments whose features other pipelines made have none."""
        return FileFeatures(item.path, item, self._stored.segments_of([item.id]).get(item.id, ()), is_stored=True)

    def of_file(self, path: str, *, start_s: float | None = None, end_s: float | None = None) -> FileFeatures:
        """Read or make the features of a file, or of a part of it; a large one is decoded in another process.

        Raises
        ------
        MediaError
            If it cannot be decoded.
        """
        with self._catalog.view():
            item = self._catalog.items.at(path)
            if item is not None and start_s is None and end_s is None and self._stored.current({path: item}):
                return self.of_item(item)
        with media.isolated() if _is_large(path) else nullcontext():
            _, segments = self._encoder.encode_file(path, start_s=start_s, end_s=end_s)
        return FileFeatures(path, item, as_stored(segments, self._encoder))

    def of_lent(
        self, lent: Any, *, sample_rate_hz: int | None, start_s: float | None = None, end_s: float | None = None
    ) -> FileFeatures:
        """Make the features of samples or of a picture, as of a file that holds them; see `media.lent_file`.

        Raises
        ------
        UsageError, MediaError
            If it is neither, or cannot be decoded.
        """
        with media.lent_file(lent, sample_rate_hz=sample_rate_hz) as (path, name):
            try:
                facts, segments = self._encoder.encode_file(path, start_s=start_s, end_s=end_s)
            except MediaError as error:
                raise type(error)(name, error.reason) from error
            except UsageError as error:
                raise UsageError(str(error).replace(path, name)) from error
        return FileFeatures(name, None, as_stored(segments, self._encoder), facts=facts)

    def of_each(
        self, asked: Iterable[str | ItemRecord], *, workers: int | None = None
    ) -> Iterator[FileFeatures | MediaError]:
        """Read or make the features of files, several at once, and of items.

        Parameters
        ----------
        asked : iterable of str or ItemRecord
            Absolute paths, or items, which are not decoded. Few are looked at ahead of who takes what comes of them.
        workers : int, optional
            Threads that encode what as many processes decode; default one a processor.

        Yields
        ------
        FileFeatures or MediaError
            In the order asked: the features, or why a file has none.
        """
        workers = workers or os.cpu_count() or 1
        with decoding_threads(workers) as (pool, isolation):
            files = self._looked_up(asked, isolation)
            yield from map_ahead(pool, self._encoded, files, look_ahead=2 * workers)

    def _looked_up(self, asked: Iterable[str | ItemRecord], isolation: media.Isolation) -> Iterator[FileFeatures]:
        """Read what is stored, some files at a time; the others come without segments, their networks loaded."""
        for batch in batches(asked, _FILES_AT_ONCE):
            n_done = 0
            while n_done < len(batch):
                files = self._first_looked_up(batch[n_done:])
                n_done += len(files)
                for file in files:
                    if not file.is_stored:
                        isolation.start(1)
                        self._encoder.warm_for([file.path])
                    yield file

    def _first_looked_up(self, asked: Sequence[str | ItemRecord]) -> list[FileFeatures]:
        """Read what is stored of the first ones: of so many as have few segments together."""
        # In one view, which ends before anything is yielded: between two, others may change or remove an item.
        with self._catalog.view():
            items = self._catalog.items.at_many(one for one in asked if isinstance(one, str))
            current = self._stored.current(items)
            stored = [(items[one] if one in current else None) if isinstance(one, str) else one for one in asked]
            counts = self._catalog.segments.count_by_item({item.id for item in stored if item})
            sized = ((item, counts.get(item.id, 0) if item else 0) for item in stored)
            first = next(within_bounds(sized, most=_SEGMENTS_AT_ONCE))
            segments = self._stored.segments_of({item.id for item in first if item})
        return [
            FileFeatures(item.path, item, segments.get(item.id, ()), is_stored=True)
            if item
            else FileFeatures(str(one), items.get(str(one)), ())
            for one, item in zip(asked, first, strict=False)
        ]

    def _encoded(self, file: FileFeatures) -> FileFeatures | MediaError:
        """Encode a file where nothing is stored of it; several threads may."""
        if file.is_stored:
            return file
        try:
            facts, segments = self._encoder.encode_file(file.path)
        except MediaError as error:
            return error
        return replace(file, segments=as_stored(segments, self._encoder), facts=facts)


def within_bounds(sized: Iterable[tuple[T, int]], *, most: int) -> Iterator[list[T]]:
    """Cut values that come with their sizes into lists whose sizes add up to `most`, unless one alone has more."""
    batch: list[T] = []
    total = 0
    for value, size in sized:
        if batch and total + size > most:
            yield batch
            batch, total = [], 0
        batch.append(value)
        total += size
    if batch:
        yield batch


def _is_large(path: str) -> bool:
    try:
        return os.path.getsize(path) >= _LARGE_BYTES
    except OSError:
        return False  # whoever opens it says why


def as_stored(segments: Segments, encoder: MediaEncoder) -> Segments:
    """Round features as a catalog does, so that a file gives what its item does."""
    return tuple(
        segment if segment.feature is None else replace(segment, feature=encoder.as_stored(segment.feature))
        for segment in segments
    )
