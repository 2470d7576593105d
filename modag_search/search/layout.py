"""Vectors of many dimensions laid out in two: what a map is drawn by.

Sounds and pictures stand apart by an offset that all of one modality have in common, and that says nothing of any of
them. It is taken away first: each modality is centred on its own mean, so that sounds and pictures which go together
lie together.

Where more is wanted than the two directions that vary most, UMAP keeps neighbours near each other (McInnes, Healy,
Melville: "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", arXiv 1802.03426).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import MissingExtraError

if TYPE_CHECKING:
    from modag_search.values import Float32Array, Int64Array

_KEPT_DIRECTIONS = 50
"""Of the principal components, those that UMAP sees: beyond them is mostly noise, and time."""
_NEIGHBOURS = 30
"""So many that those of a sound are not sounds alone: of 15, fewer pictures that go with it came to lie beside it."""
_LEAST_DISTANCE = 0.1
_START = 10.0
"""UMAP's own start lies in [-10, 10]; forces are tuned to that."""
_NEAREST = 5
"""Neighbours among which something new is placed."""
_ROWS_AT_ONCE = 2048
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where things lie in two dimensions.

    Attributes
    ----------
    positions : np.ndarray [shape=(n, 2), float32]
        In [-1, 1], alike in both directions.
    explained : float or None
        Share of the variance that the two axes hold; None where there is none, or axes mean nothing.
    """

    positions: Float32Array
    explained: float | None = None


def centred(vectors: Float32Array) -> Float32Array:
    """Take away from vectors ``[shape=(n, d)]`` what they have in common, and scale what is left to unit length."""
    if not len(vectors):
        return vectors
    return directions(vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32))


def directions(vectors: Float32Array) -> Float32Array:
    """Scale vectors ``[shape=(n, d)]`` to unit length; what is only rounding, as where all are alike, becomes zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Float32Array = np.where(lengths > 1e-6, vectors / np.maximum(lengths, _TINY), 0).astype(np.float32)
    return scaled


def by_variance(vectors: Float32Array) -> Layout:
    """Lay vectors out by the two directions in which they vary most: principal component analysis.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]

    Returns
    -------
    Layout
        The same for the same vectors; where they are the same twice, so are their places.

    Examples
    --------
    >>> import numpy as np
    >>> by_variance(np.array([[0, 0, 2], [0, 0, -2], [0, 1, 0], [0, -1, 0]], dtype=np.float32)).positions.tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]]
    """
    components, variances = _components(vectors, 2)
    total = float(variances.sum())
    explained = float(variances[:2].sum()) / total if total > _TINY else None
    return Layout(_in_bounds(components), explained)


def by_neighbours(vectors: Float32Array) -> Layout:
    """Lay vectors out so that neighbours stay neighbours: UMAP, from where principal component analysis has them.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
        Of unit length, so that the nearest are the most similar.

    Returns
    -------
    Layout
        The same for the same vectors, on one machine; few, who all are each other's neighbours, as `by_variance` has
        them.

    Raises
    ------
    MissingExtraError
        If UMAP is not installed.
    """
    if not is_there():
        raise MissingExtraError("a map by umap", "map")
    if len(vectors) <= _NEIGHBOURS:
        return by_variance(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one of its parts, which is not needed, lacks another package
        import umap
    components, _ = _components(vectors, _KEPT_DIRECTIONS)
    reducer = umap.UMAP(
        n_neighbors=_NEIGHBOURS,
        min_dist=_LEAST_DISTANCE,
        init=_in_bounds(components[:, :2]) * _START,
        random_state=0,
        n_jobs=1,  # the same places each time: several threads would race
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # where all are the same in one direction
        found = reducer.fit_transform(components)
    return Layout(_in_bounds(np.nan_to_num(found - found.mean(axis=0))))


def is_there() -> bool:
    """Tell whether `by_neighbours` can be had."""
    return find_spec("umap") is not None


def placed_among(vectors: Float32Array, neighbours: Float32Array, positions: Float32Array) -> Float32Array:
    """Place what came later amid its nearest neighbours.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
        To be placed.
    neighbours : np.ndarray [shape=(m, d), float32]
        What has a place; one at least.
    positions : np.ndarray [shape=(m, 2), float32]
        These places.

    Returns
    -------
    np.ndarray [shape=(n, 2), float32]
    """
    n = min(_NEAREST, len(neighbours))
    places = [np.zeros((0, 2), dtype=np.float32)]
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        similarities = vectors[start : start + _ROWS_AT_ONCE] @ neighbours.T
        nearest: Int64Array = np.argpartition(-similarities, n - 1, axis=1)[:, :n]
        places.append(positions[nearest].mean(axis=1))
    return np.concatenate(places)


def _components(vectors: Float32Array, n: int) -> tuple[Float32Array, np.ndarray]:
    """Return the first `n` principal components ``[shape=(rows, n)]``, and the variances of all, largest first."""
    if not len(vectors):
        return np.zeros((0, n), dtype=np.float32), np.zeros(n)
    spread = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    variances, directions = np.linalg.eigh((spread.T @ spread).astype(np.float64) / len(spread))
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1][:, :n]
    # A direction and its opposite vary alike: of the two, the one whose largest entry is positive.
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    directions = directions * np.where(largest < 0, -1, 1)
    components = np.zeros((len(vectors), n), dtype=np.float32)
    components[:, : directions.shape[1]] = spread @ directions.astype(np.float32)
    return components, variances


def _in_bounds(positions: Float32Array) -> Float32Array:
    """Scale both axes alike, so that the farthest lies at 1."""
    farthest = float(np.abs(positions).max(initial=0))
    scaled: Float32Array = (positions / farthest if farthest > 1e-6 else np.zeros_like(positions)).astype(np.float32)
    return scaled
