"""How far apart the classes of sounds and of pictures lie in the space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.evaluation.results import CentroidDistances, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.evaluation.items import Items
    from modag_search.values import Float32Array, Int64Array


def centroid_distances(sounds: Items, images: Items, *, names: Sequence[str]) -> CentroidDistances:
    """Measure the cosine distances between the mean directions of classes.

    Parameters
    ----------
    sounds, images : Items
    names : sequence of str
        Labels, by number.

    Returns
    -------
    CentroidDistances
    """
    shared = np.intersect1d(sounds.classes, images.classes)
    rows, columns = (
        np.concatenate([shared, np.setdiff1d(items.classes, shared)]).astype(np.int64) for items in (sounds, images)
    )
    distances = 1 - _centroids(sounds, rows) @ _centroids(images, columns).T
    same = rows[:, None] == columns
    return CentroidDistances(
        sounds=tuple(names[number] for number in rows.tolist()),
        images=tuple(names[number] for number in columns.tolist()),
        distances=tuple(tuple(rounded(value) for value in row) for row in distances.tolist()),
        same=rounded(distances[same].mean()) if same.any() else None,
        different=rounded(distances[~same].mean()) if not same.all() else None,
    )


def _centroids(items: Items, classes: Int64Array) -> Float32Array:
    sums = np.stack([items.vectors[items.classes == number].sum(axis=0, dtype=np.float64) for number in classes])
    units: Float32Array = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return units
