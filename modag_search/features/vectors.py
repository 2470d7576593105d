"""Vectors of segments, made of the features in the catalog, and of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.features.words import vectors_of_words
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder
    from modag_search.space import Space
    from modag_search.values import Float32Array, Int64Array, Modality

_SEGMENTS_AT_ONCE = 4096
_MANY = 20_000


class SegmentVectors:
    """Reads vectors in the space; no media are decoded and no encoder runs.

    Parameters
    ----------
    catalog : Catalog
    space : Space
    encoder : MediaEncoder
        Features of its pipelines count: others are not comparable.
    """

    def __init__(self, catalog: Catalog, space: Space, encoder: MediaEncoder) -> None:
        self._catalog = catalog
        self._space = space
        self._encoder = encoder

    def of(self, modality: Modality, segment_ids: Iterable[int]) -> tuple[Int64Array, Float32Array]:
        """Return the vectors of segments of one modality.

        Parameters
        ----------
        modality : {"image", "sound"}
        segment_ids : iterable of int
            Those of other modalities, of other pipelines and without a feature are left out.

        Returns
        -------
        segment_ids : np.ndarray [shape=(n,), int64]
            Ascending.
        vectors : np.ndarray [shape=(n, d), float32]
        """
        wanted = np.unique(np.fromiter(segment_ids, dtype=np.int64))
        ids, vectors = [np.zeros(0, dtype=np.int64)], [np.zeros((0, self._space.dimension), dtype=np.float32)]
        for found, features in self._features(modality, wanted):
            ids.append(found)
            vectors.append(self._space.project(modality, features))
        joined = np.concatenate(ids)
        order = np.argsort(joined)
        return joined[order], np.concatenate(vectors)[order]

    def with_features(
        self, modality: Modality, segment_ids: Iterable[int]
    ) -> tuple[Int64Array, Float32Array, Float32Array]:
        """Return the vectors of segments of one modality, and the features that they are made of.

        Parameters
        ----------
        modality : {"image", "sound"}
        segment_ids : iterable of int
            As for `of`.

        Returns
        -------
        segment_ids : np.ndarray [shape=(n,), int64]
            Ascending.
        vectors : np.ndarray [shape=(n, d), float32]
        features : np.ndarray [shape=(n, d_features), float32]
            Of unit length.
        """
        wanted = np.unique(np.fromiter(segment_ids, dtype=np.int64))
        width = self._encoder.encoders[modality].dimension
        parts = [
            (found, self._space.project(modality, features), of_unit_length(features))
            for found, features in self._features(modality, wanted)
        ]
        none = (np.zeros(0, np.int64), np.zeros((0, self._space.dimension)), np.zeros((0, width)))
        ids, vectors, features = (np.concatenate(column) for column in zip(none, *parts, strict=True))
        order = np.argsort(ids)
        return ids[order], vectors[order].astype(np.float32), features[order].astype(np.float32)

    def of_words(self, texts: Sequence[str]) -> tuple[Int64Array, Float32Array]:
        """Return the places of the texts that are understood, and their vectors; see `words.vectors_of_words`."""
        return vectors_of_words(self._space, self._encoder, texts)

    def _features(self, modality: Modality, wanted: Int64Array) -> Iterator[tuple[Int64Array, Float32Array]]:
        """Look up few one by one; for many, one walk over all is quicker."""
        fingerprint = self._encoder.fingerprints[modality]
        if len(wanted) > _MANY:
            for ids, features in self._catalog.segments.features(fingerprint):
                chosen = np.isin(ids, wanted)
                if chosen.any():
                    yield ids[chosen], features[chosen]
            return
        for start in range(0, len(wanted), _SEGMENTS_AT_ONCE):
            chosen_ids = wanted[start : start + _SEGMENTS_AT_ONCE].tolist()
            ids, features = self._catalog.segments.feature_rows(chosen_ids, fingerprint=fingerprint)
            if len(ids):
                yield ids, features
