"""What cosines of unit vectors cannot exceed, told by a few coordinates.

For unit vectors x and y and the orthonormal columns of P, which take them to a few coordinates,

    x . y = P'x . P'y + (x - PP'x) . (y - PP'y) <= P'x . P'y + |x - PP'x| |y - PP'y|

by the inequality of Cauchy and Schwarz. So the vectors ``[P'x, |x - PP'x|]`` have an inner product that is not below
the cosine, and pairs for which it stays below a floor need no other look.

References
----------
Li, Chan, Yiu, Mamoulis, "FEXIPRO: Fast and Exact Inner Product Retrieval in Recommender Systems", SIGMOD 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import Float32Array

_ROWS_AT_ONCE: Final = 8192

MARGIN: Final = 1e-4
"""Room for what float32 leaves of errors, 1e-6 or so, in inner products and in squares that are subtracted."""


def bounding(vectors: Float32Array, directions: Float32Array) -> Float32Array:
    """Return the coordinates of vectors in some directions, and beside them the length of what is left over.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    directions : np.ndarray [shape=(d, m), float32]

    Returns
    -------
    np.ndarray [shape=(n, m + 1), float32]
    """
    result = np.empty((len(vectors), directions.shape[1] + 1), dtype=np.float32)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = vectors[start : start + _ROWS_AT_ONCE]
        coordinates = block @ directions
        # Squares are subtracted (the columns are orthonormal), as what is left over would take a matrix of full width.
        left = np.einsum("ij,ij->i", block, block) - np.einsum("ij,ij->i", coordinates, coordinates)
        result[start : start + len(block), :-1] = coordinates
        result[start : start + len(block), -1] = np.sqrt(np.maximum(left, 0) + MARGIN)
    return result


def principal_directions(vectors: Float32Array, *, most: int) -> Float32Array:
    """Find directions that hold much of some vectors, by two steps of subspace iteration.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
        Some hundred do for all.
    most : int

    Returns
    -------
    np.ndarray [shape=(d, m), float32]
        Orthonormal columns, no more than `most`.

    References
    ----------
    Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 2011.
    """
    n, d = vectors.shape
    columns = np.random.default_rng(0).standard_normal((d, min(most, n, d))).astype(np.float32)
    for _ in range(2):
        columns, _ = np.linalg.qr(vectors.T @ (vectors @ columns))
    directions: Float32Array = columns.astype(np.float32)
    return directions
