"""What a user asks with, made into vectors: a file, an item, a label."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import NothingFoundError, UsageError
from modag_search.index.searching import Query
from modag_search.values import MODALITIES, Float32Array, ItemRecord, Modality, ScannedFile, SegmentRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.catalog import Catalog
    from modag_search.index.encoding import MediaEncoder
    from modag_search.space import Space

Features = dict[Modality, list[Float32Array]]


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
        raise UsageError(f"{name}: is not in the index; `modag index` takes files in")
    return found


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
            return self._of_label(name.removeprefix("label:"))
        if name.startswith("id:"):
            return self._of_item(find_item(self._catalog, name), start_s=start_s, end_s=end_s)
        path = os.path.abspath(name)
        item = self._catalog.items.at(path)
        if item is not None and start_s is None and end_s is None and self._is_current(item):
            return self._of_item(item)
        return self._of_file(path, item, start_s=start_s, end_s=end_s)

    def _of_file(self, path: str, item: ItemRecord | None, *, start_s: float | None, end_s: float | None) -> Query:
        _, segments = self._encoder.encode_file(path, start_s=start_s, end_s=end_s)
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
        segments = [
            segment
            for segment in self._catalog.segments.of_items([item.id])
            if segment.status == "ok" and _overlaps(segment, start_s, end_s)
        ]
        stored = self._catalog.segments.features_of(segment.id for segment in segments)
        features: Features = {}
        for segment in segments:
            features.setdefault(segment.modality, []).append(stored[segment.id])
        if not features:
            raise NothingFoundError(f"id:{item.id} ({item.path}): there is nothing to search by, or not in that part")
        return self._projected(features, without=frozenset({item.id}))

    def _of_label(self, label: str) -> Query:
        """Ask with the mean of what has a label, for each modality."""
        item_ids = self._catalog.labels.items_labelled(label).tolist()
        if not item_ids:
            raise NothingFoundError(f"label:{label}: no item has this label")
        segment_ids, _, labels = self._catalog.labels.labelled_segments()
        chosen = {int(segment) for segment, name in zip(segment_ids, labels, strict=True) if name == label}
        segments = self._catalog.segments.get_many(chosen)
        features: Features = {}
        for segment_id, feature in self._catalog.segments.features_of(chosen).items():
            features.setdefault(segments[segment_id].modality, []).append(feature)
        if not features:
            raise NothingFoundError(f"label:{label}: what has this label is silent, black or failed")
        vectors = self._projected(features, without=frozenset(item_ids)).vectors
        return Query(vectors={modality: _mean(vectors[modality]) for modality in vectors}, without=frozenset(item_ids))

    def _projected(self, features: Features, *, without: frozenset[int]) -> Query:
        vectors: Mapping[Modality, Float32Array] = {
            modality: self._space.project(modality, np.stack(features[modality]))
            for modality in MODALITIES
            if modality in features
        }
        return Query(vectors=vectors, without=without)

    def _is_current(self, item: ItemRecord) -> bool:
        """Tell whether the catalog's features of an item are those that encoding its file now would give."""
        try:
            status = os.stat(item.path)
        except OSError:
            return False
        file = ScannedFile(item.path, status.st_size, status.st_mtime_ns)
        verdicts = self._catalog.items.classify_scan(
            [file], fingerprints=self._encoder.fingerprints, retry_failed=False
        )
        return verdicts == ["unchanged"]


def _overlaps(segment: SegmentRecord, start_s: float | None, end_s: float | None) -> bool:
    if segment.start_s is None or segment.end_s is None:
        return True
    return segment.start_s < (math.inf if end_s is None else end_s) and segment.end_s > (start_s or 0.0)


def _mean(vectors: Float32Array) -> Float32Array:
    """Return the direction that unit vectors have in common, ``[shape=(1, d)]``."""
    mean = vectors.mean(axis=0, keepdims=True)
    direction: Float32Array = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return direction
