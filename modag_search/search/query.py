"""What a user asks with, made into vectors: a file, an item, a label."""

from __future__ import annotations

import collections
import math
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.catalog.database import batches
from modag_search.errors import MediaError, ModagError, NothingFoundError, UsageError
from modag_search.features.stored import scanned
from modag_search.features.vectors import SegmentVectors
from modag_search.labels.book import LabelBook
from modag_search.search.items import Query
from modag_search.values import MODALITIES, Float32Array, Int64Array, ItemRecord, Modality, SegmentRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder
    from modag_search.space import Space
    from modag_search.values import EncodedSegment

Features = dict[Modality, list[Float32Array]]

_NAMES_AT_ONCE = 256

_OUTDATED = "was made by another encoder, or another version of one; `modag rebuild` renews it"


def find_item(catalog: Catalog, name: str) -> ItemRecord:
    """Return the item at a path, or ``id:N``.

    Raises
    ------
    UsageError
        If it is not in the catalog.
    """
    if name.startswith("id:"):
        number = name.removeprefix("id:")
        if not (number.isascii() and number.isdecimal()):
            raise UsageError(f"{name}: an id is a whole number, as in id:12")
        found = catalog.items.get(int(number))
    else:
        found = catalog.items.at(os.path.abspath(name))
    if found is None:
        raise UsageError(f"{name}: {_why_absent(catalog, name)}")
    return found


def _why_absent(catalog: Catalog, name: str) -> str:
    path = os.path.abspath(name)
    if os.path.isdir(path):
        return "is a folder; name its files, or take the names of folders for labels with --from-folders"
    reason = next((failure.reason for failure in catalog.failures.all() if failure.path == path), None)
    if reason is None:
        return "is not in the index; `modag index` takes files in"
    return f"could not be indexed ({reason}); `modag failures` lists such files, `--retry-failed` tries again"


class QueryMaker:
    """Makes queries over an index.

    Parameters
    ----------
    catalog : Catalog
    encoder : MediaEncoder
    space : Space
    """

    def __init__(self, catalog: Catalog, encoder: MediaEncoder, space: Space) -> None:
        self._catalog = catalog
        self._encoder = encoder
        self._space = space

    def make(self, name: str, *, start_s: float | None = None, end_s: float | None = None) -> Query:
        """Make a query of a media file's path, ``id:N`` or ``label:NAME``.

        A file that is in the index as it is on the disk is not decoded again.

        Raises
        ------
        UsageError, MediaError
            If it cannot be meant or read.
        NothingFoundError
            If there is nothing in it to search by.
        """
        if name.startswith("label:"):
            if start_s is not None or end_s is not None:
                raise UsageError(f"{name}: a label has no duration, so no part of it can be chosen by time")
            return self._of_label(name)
        if name.startswith("id:"):
            return self._of_item(find_item(self._catalog, name), start_s=start_s, end_s=end_s)
        path = os.path.abspath(name)
        item = self._catalog.items.at(path)
        if item is not None and start_s is None and end_s is None and self._current({path: item}):
            return self._of_item(item)
        _, segments = self._encoder.encode_file(path, start_s=start_s, end_s=end_s)
        return self._of_file(path, item, segments)

    def make_all(
        self,
        names: Iterable[str],
        *,
        workers: int | None = None,
        on_failure: Callable[[ModagError], None] | None = None,
    ) -> Iterator[tuple[str, Query]]:
        """Make queries of media files and ``id:N``, decoding several files at once.

        Parameters
        ----------
        names : iterable of str
            Taken as the queries are: few are looked at ahead.
        workers : int, optional
            Threads that decode and encode; default one a processor.
        on_failure : callable, optional
            Called with the error of each that cannot be read, or has nothing in it to ask with; without it, the first
            such error is raised.

        Yields
        ------
        path : str
            As it was named, or that of ``id:N``; in the order given.
        query : Query

        Raises
        ------
        UsageError
            If an ``id:N`` is not in the catalog.
        """
        workers = workers or os.cpu_count() or 1
        pool = ThreadPoolExecutor(workers, thread_name_prefix="modag")
        under_way: collections.deque[_Asked] = collections.deque()
        try:
            for asked in self._looked_up(names):
                if asked.query is None:
                    self._encoder.warm_for([asked.name])
                    asked.encoded = pool.submit(self._encoded, asked.name)
                under_way.append(asked)
                # So much is encoded ahead of who takes the queries, however many names there are.
                if len(under_way) > 2 * workers:
                    yield from self._answered(under_way.popleft(), on_failure)
            while under_way:
                yield from self._answered(under_way.popleft(), on_failure)
        finally:
            pool.shutdown(cancel_futures=True)

    def _looked_up(self, names: Iterable[str]) -> Iterator[_Asked]:
        """Make queries of what need not be decoded, some names at a time; others are still without one."""
        for batch in batches(names, _NAMES_AT_ONCE):
            with self._catalog.view():
                items = self._catalog.items.at_many(os.path.abspath(name) for name in batch if not _is_id(name))
                current = self._current(items)
                found = [self._at_once(name, items, current) for name in batch]
            yield from found

    def _at_once(self, name: str, items: Mapping[str, ItemRecord], current: Container[str]) -> _Asked:
        """Make a query of an item that is as it was indexed."""
        item = find_item(self._catalog, name) if _is_id(name) else items.get(os.path.abspath(name))
        if item is None or not (_is_id(name) or item.path in current):
            return _Asked(name, item)
        shown = item.path if _is_id(name) else name
        try:
            return _Asked(shown, item, self._of_item(item))
        except NothingFoundError as error:
            return _Asked(shown, item, error)

    def _answered(self, asked: _Asked, on_failure: Callable[[ModagError], None] | None) -> Iterator[tuple[str, Query]]:
        outcome = asked.query
        if asked.encoded is not None:
            outcome = self._decoded(asked.name, asked.item, asked.encoded.result())
        if isinstance(outcome, Query):
            yield asked.name, outcome
        elif outcome is not None and on_failure is None:
            raise outcome
        elif outcome is not None and on_failure is not None:
            on_failure(outcome)

    def _encoded(self, name: str) -> tuple[EncodedSegment, ...] | MediaError:
        """Encode a file; several threads may."""
        try:
            return self._encoder.encode_file(os.path.abspath(name))[1]
        except MediaError as error:
            return error

    def _decoded(
        self, name: str, item: ItemRecord | None, segments: tuple[EncodedSegment, ...] | MediaError
    ) -> Query | MediaError | NothingFoundError:
        if isinstance(segments, MediaError):
            return segments
        try:
            return self._of_file(os.path.abspath(name), item, segments)
        except NothingFoundError as error:
            return error

    def _of_file(self, path: str, item: ItemRecord | None, segments: Iterable[EncodedSegment]) -> Query:
        features: Features = {}
        for segment in segments:
            if segment.feature is not None:
                features.setdefault(segment.modality, []).append(self._encoder.as_stored(segment.feature))
        if not features:
            raise NothingFoundError(f"{path}: is silent or black throughout, so nothing is like it")
        return self._projected(features, without=frozenset({item.id} if item else ()))

    def _of_item(self, item: ItemRecord, *, start_s: float | None = None, end_s: float | None = None) -> Query:
        """Ask with the stored features of an item: nothing is decoded."""
        if item.kind == "image" and not (start_s is None and end_s is None):
            raise UsageError(f"{item.path}: a picture has no duration, so no part of it can be chosen by time")
        if (start_s or 0.0) >= (math.inf if end_s is None else end_s):
            raise UsageError(f"id:{item.id}: {start_s} s to {end_s} s is empty; the start must lie before the end")
        with self._catalog.view():
            segments = [
                segment
                for segment in self._catalog.segments.of_items([item.id])
                if segment.status == "ok" and _overlaps(segment, start_s, end_s)
            ]
            features = self._stored(segments)
        if not segments:
            where = "throughout" if start_s is None and end_s is None else "in that part"
            raise NothingFoundError(f"id:{item.id} ({item.path}): is silent or black {where}, or failed")
        if not features:
            raise NothingFoundError(f"id:{item.id} ({item.path}): {_OUTDATED}")
        return self._projected(features, without=frozenset({item.id}))

    def _of_label(self, name: str) -> Query:
        """Ask with the mean of what was given a label, or a kind of it, for each modality; that is no answer itself."""
        labels = LabelBook(self._catalog).with_descendants(name.removeprefix("label:"))
        if not len(self._catalog.labels.items_labelled(*labels)):
            raise NothingFoundError(f"{name}: no item has this label")
        found = {m: self._catalog.labels.labelled_segments(m, labels=labels, given=True) for m in MODALITIES}
        if not any(len(ids) for ids, _, _ in found.values()):
            found = {m: self._catalog.labels.labelled_segments(m, labels=labels) for m in MODALITIES}
        segment_ids = {modality: ids for modality, (ids, _, _) in found.items()}
        item_ids = {item for _, items, _ in found.values() for item in items.tolist()}
        if not any(len(ids) for ids in segment_ids.values()):
            raise NothingFoundError(f"{name}: what has this label is silent, black or failed")
        means = {modality: self._mean(modality, ids) for modality, ids in segment_ids.items()}
        vectors = {modality: mean for modality, mean in means.items() if mean is not None}
        if not vectors:
            raise NothingFoundError(f"{name}: what has this label {_OUTDATED}")
        return Query(vectors=vectors, without=frozenset(item_ids))

    def _mean(self, modality: Modality, segment_ids: Int64Array) -> Float32Array | None:
        """Return the direction that the vectors of segments have in common, ``[shape=(1, d)]``; None without any."""
        fingerprints = self._encoder.fingerprints
        _, vectors = SegmentVectors(self._catalog, self._space, fingerprints).of(modality, segment_ids.tolist())
        if len(vectors) == 0:
            return None
        total = vectors.sum(axis=0, dtype=np.float64, keepdims=True)
        direction: Float32Array = (total / max(float(np.linalg.norm(total)), 1e-12)).astype(np.float32)
        return direction

    def _stored(self, segments: Sequence[SegmentRecord]) -> Features:
        """Return the features of segments that today's pipeline made; others are not comparable."""
        features: Features = {}
        for modality in MODALITIES:
            ids = [segment.id for segment in segments if segment.modality == modality]
            fingerprint = self._encoder.fingerprints[modality]
            if ids and (stored := self._catalog.segments.features_of(ids, fingerprint=fingerprint)):
                features[modality] = list(stored.values())
        return features

    def _projected(self, features: Features, *, without: frozenset[int]) -> Query:
        vectors: Mapping[Modality, Float32Array] = {
            modality: self._space.project(modality, np.stack(features[modality]))
            for modality in MODALITIES
            if modality in features
        }
        return Query(vectors=vectors, without=without)

    def _current(self, items: Mapping[str, ItemRecord]) -> set[str]:
        """Return the paths of items whose features are those that encoding their files now would give."""
        files = [file for file in map(scanned, items) if file is not None]
        fingerprints = self._encoder.fingerprints
        verdicts = self._catalog.items.classify_scan(files, fingerprints=fingerprints, retry_failed=False)
        return {file.path for file, verdict in zip(files, verdicts, strict=True) if verdict == "unchanged"}


@dataclass(slots=True)
class _Asked:
    """A name, and what has come of it so far.

    Attributes
    ----------
    name : str
        As it was given, or the path of ``id:N``.
    item : ItemRecord or None
        The one at its path.
    query : Query, NothingFoundError or None
        None for a file that has to be decoded.
    encoded : Future or None
        Its segments, or why it cannot be decoded.
    """

    name: str
    item: ItemRecord | None
    query: Query | NothingFoundError | MediaError | None = None
    encoded: Future[tuple[EncodedSegment, ...] | MediaError] | None = None


def _is_id(name: str) -> bool:
    return name.startswith("id:")


def _overlaps(segment: SegmentRecord, start_s: float | None, end_s: float | None) -> bool:
    if segment.start_s is None or segment.end_s is None:
        return True
    return segment.start_s < (math.inf if end_s is None else end_s) and segment.end_s > (start_s or 0.0)
