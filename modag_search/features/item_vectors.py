"""Items and files as single vectors, for who scores an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search import media
from modag_search.errors import MediaError, ModagError, NothingFoundError
from modag_search.features.files import FeatureReader, FileFeatures
from modag_search.features.vectors import SegmentVectors
from modag_search.features.words import vectors_of_words
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder
    from modag_search.space import Space
    from modag_search.values import ItemRecord


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemVector:
    """What an item's segments of one modality have in common; a video has one of each modality.

    Attributes
    ----------
    path : str
    content_hash : str
    modality : {"image", "sound"}
    labels : tuple of str
        Those that hold for the segments; none for files that were not looked up by label.
    vector : np.ndarray [shape=(d,), float32]
        Mean of the vectors of the segments, of unit length.
    feature : np.ndarray [shape=(d_features,), float32]
        Mean of what these were made of, each of unit length.
    """

    path: str
    content_hash: str
    modality: Modality
    labels: tuple[str, ...]
    vector: Float32Array
    feature: Float32Array


class ItemVectors:
    """Reads items of an index, and files beside it, as single vectors; changes nothing.

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

    def of_words(self, texts: Sequence[str]) -> tuple[Int64Array, Float32Array]:
        """Return the places of the texts that are understood, and their vectors; see `words.vectors_of_words`."""
        return vectors_of_words(self._space, self._encoder, texts)

    def labelled(self) -> list[ItemVector]:
        """Return the items that a person or a file labelled, in order of their ids.

        A label on a part of an item counts the segments of that part alone. What is silent, black, flat, or was made
        by another version of an encoder is left out.
        """
        segment_ids, item_ids, names = self._catalog.labels.labelled_segments(given=True)
        items = self._catalog.items.get_many(item_ids.tolist())
        labels: dict[int, set[str]] = {}
        segments: dict[int, list[int]] = {}
        for segment, item, name in zip(segment_ids.tolist(), item_ids.tolist(), names, strict=True):
            labels.setdefault(item, set()).add(name)
            segments.setdefault(item, []).append(segment)
        found = [items[item] for item in sorted(segments) if item in items]
        return list(self._stored(found, segments, labels))

    def count_labelled(self) -> int:
        """Count the items that have a label, whether or not they have a vector."""
        tags = self._catalog.labels.tags()
        said = self._catalog.labels.annotations(of_former=False)
        given = (one for one in said if one.origin != "transfer" and not one.is_not)
        return len({annotation.item_id for annotation in given if annotation.label not in tags})

    def of_files(
        self,
        paths: Sequence[str],
        *,
        workers: int | None = None,
        progress: Callable[[int], None] | None = None,
        on_failure: Callable[[ModagError], None],
    ) -> list[ItemVector]:
        """Return the vectors of media files; those that the index holds as they are now are not decoded again.

        Parameters
        ----------
        paths : sequence of str
            Absolute.
        workers : int, optional
            Files that are decoded and encoded at a time; default one a processor.
        progress : callable, optional
            Called with the number of files done.
        on_failure : callable
            Called with the error of each file that cannot be read, or is silent, black or flat.

        Returns
        -------
        list of ItemVector
            In the order of `paths`, without labels.
        """
        vectors = []
        reader = FeatureReader(self._catalog, self._encoder)
        for done, (path, found) in enumerate(zip(paths, reader.of_each(paths, workers=workers), strict=True), start=1):
            try:
                vectors += self._of_file(path, found)
            except (MediaError, NothingFoundError) as error:
                on_failure(error)
            if progress:
                progress(done)
        return vectors

    def _of_file(self, path: str, found: FileFeatures | MediaError) -> list[ItemVector]:
        if isinstance(found, MediaError):
            raise found
        features = found.features()
        if not features:
            raise NothingFoundError(f"{path}: is silent, or as good as black or of one colour, so nothing is like it")
        content_hash = found.item.content_hash if found.is_stored and found.item else media.content_hash(path)
        return [
            ItemVector(
                path=path,
                content_hash=content_hash,
                modality=modality,
                labels=(),
                vector=_unit(self._space.project(modality, rows).sum(axis=0, dtype=np.float64)),
                feature=of_unit_length(rows).mean(axis=0),
            )
            for modality, rows in sorted(features.items())
        ]

    def _stored(
        self,
        items: Sequence[ItemRecord],
        segments: Mapping[int, Sequence[int]],
        labels: Mapping[int, Iterable[str]],
    ) -> Iterator[ItemVector]:
        """Make vectors of the features in the catalog."""
        owners = {segment: item.id for item in items for segment in segments.get(item.id, ())}
        sums = {modality: self._sums(modality, owners) for modality in MODALITIES}
        for item in items:
            for modality in MODALITIES:
                if item.id in sums[modality]:
                    vector, feature, count = sums[modality][item.id]
                    yield ItemVector(
                        path=item.path,
                        content_hash=item.content_hash,
                        modality=modality,
                        labels=tuple(sorted(labels.get(item.id, ()))),
                        vector=_unit(vector),
                        feature=(feature / count).astype(np.float32),
                    )

    def _sums(self, modality: Modality, owners: Mapping[int, int]) -> dict[int, tuple[np.ndarray, np.ndarray, int]]:
        """Add up the vectors and the features of segments by item, and count them."""
        sums: dict[int, tuple[np.ndarray, np.ndarray, int]] = {}
        reader = SegmentVectors(self._catalog, self._space, self._encoder)
        ids, vectors, features = reader.with_features(modality, owners)
        for segment, vector, feature in zip(ids.tolist(), vectors.astype(np.float64), features, strict=True):
            of_vectors, of_features, count = sums.get(owners[segment], (0.0, 0.0, 0))
            sums[owners[segment]] = (of_vectors + vector, of_features + feature, count + 1)
        return sums


def _unit(total: np.ndarray) -> Float32Array:
    unit: Float32Array = (total / max(float(np.linalg.norm(total)), 1e-12)).astype(np.float32)
    return unit
