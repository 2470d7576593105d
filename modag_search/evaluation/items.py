"""Labelled items as arrays: who votes or answers, and who asks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.training.manifest import joined as connected
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modag_search.features.item_vectors import ItemVector

_QUERIES_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Items of one modality or of both.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
        Of unit length.
    features : np.ndarray [shape=(n, d_features), float32]
        What these were made of; of both modalities, the shorter ones are followed by zeros.
    classes : np.ndarray [shape=(n,), int64]
        Numbers of the items' labels.
    groups : np.ndarray [shape=(n,), int64]
        Items of one group, such as copies of one file, neither answer nor name each other.
    sources : np.ndarray [shape=(n,), int64]
        Number of the modality of each item, in `MODALITIES`.
    """

    vectors: Float32Array
    features: Float32Array
    classes: Int64Array
    groups: Int64Array
    sources: Int64Array

    def __len__(self) -> int:
        return len(self.classes)

    def only(self, chosen: np.ndarray) -> Items:
        """Return a choice of the items, by number or by mask."""
        return Items(
            self.vectors[chosen],
            self.features[chosen],
            self.classes[chosen],
            self.groups[chosen],
            self.sources[chosen],
        )


def joined(parts: Sequence[Items]) -> Items:
    """Put items after each other."""
    width = max(part.features.shape[1] for part in parts)
    return Items(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([np.pad(part.features, ((0, 0), (0, width - part.features.shape[1]))) for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.sources for part in parts]),
    )


def arranged(
    vectors: Sequence[ItemVector], labels: Mapping[str, str], *, names: Sequence[str], groups: Mapping[str, int]
) -> dict[Modality, Items]:
    """Make arrays of item vectors, by modality; modalities without an item are left out.

    Parameters
    ----------
    vectors : sequence of ItemVector
    labels : Mapping of str to str
        By path.
    names : sequence of str
        All labels, by number.
    groups : Mapping of str to int
        By path; see `groups_of`.

    Returns
    -------
    dict of modality to Items
    """
    number = {name: i for i, name in enumerate(names)}
    by_modality: dict[Modality, Items] = {}
    for source, modality in enumerate(MODALITIES):
        chosen = [one for one in vectors if one.modality == modality]
        if chosen:
            by_modality[modality] = Items(
                np.stack([one.vector for one in chosen]),
                np.stack([one.feature for one in chosen]),
                np.array([number[labels[one.path]] for one in chosen], dtype=np.int64),
                np.array([groups[one.path] for one in chosen], dtype=np.int64),
                np.full(len(chosen), source, dtype=np.int64),
            )
    return by_modality


def groups_of(vectors: Sequence[ItemVector]) -> dict[str, int]:
    """Give files that are the same one number, by path.

    Files of the same content are the same, and so are those with the very same features, as a sound in WAV and in FLAC,
    and a file and the item at its path, even where it has changed since.
    """
    leaders = connected((f"path {one.path}", same) for one in vectors for same in _marks_of_same(one))
    numbers: dict[str, int] = {}
    return {one.path: numbers.setdefault(leaders[f"path {one.path}"], len(numbers)) for one in vectors}


def _marks_of_same(one: ItemVector) -> tuple[str, str]:
    digest = hashlib.blake2b(one.feature.tobytes(), digest_size=16).hexdigest()
    return f"content {one.content_hash}", f"{one.modality} {digest}"


def count_right(queries: Items, others: Items) -> tuple[Int64Array, Int64Array]:
    """Count, for each query, the other items that it may get, and those of its class among them.

    Returns
    -------
    candidates : np.ndarray [shape=(n_queries,), int64]
    relevant : np.ndarray [shape=(n_queries,), int64]
    """
    n_classes = int(max(queries.classes.max(), others.classes.max())) + 1
    n_groups = int(max(queries.groups.max(), others.groups.max())) + 1
    candidates = len(others) - np.bincount(others.groups, minlength=n_groups)[queries.groups]
    right = np.bincount(others.classes, minlength=n_classes)[queries.classes]
    cells, counts = np.unique(others.groups * n_classes + others.classes, return_counts=True)
    own = queries.groups * n_classes + queries.classes
    place = np.minimum(np.searchsorted(cells, own), len(cells) - 1)
    return candidates, right - np.where(cells[place] == own, counts[place], 0)


def similarities_in_parts(queries: Items, others: Items) -> Iterator[tuple[slice, Float32Array]]:
    """Compare queries with others, some queries at a time: all at once may not fit into memory.

    Yields
    ------
    rows : slice
        Of the queries.
    similarities : np.ndarray [shape=(n_rows, n_others), float32]
        Cosines; -inf for what is the same as the query.
    """
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        rows = slice(start, start + _QUERIES_AT_ONCE)
        similarities = queries.vectors[rows] @ others.vectors.T
        similarities[queries.groups[rows, None] == others.groups] = -np.inf
        yield rows, similarities
