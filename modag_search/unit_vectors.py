"""Vectors of unit length, whose products are cosine similarities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from modag_search.values import Float32Array

_LEAST_LENGTH = 1e-12


def of_unit_length(vectors: npt.NDArray[np.floating]) -> Float32Array:
    """Scale vectors to unit length, row by row; zeros stay zeros.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), floating]

    Returns
    -------
    np.ndarray [shape=(n, d), float32]

    Examples
    --------
    >>> of_unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).round(3).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Float32Array = (vectors / np.maximum(lengths, _LEAST_LENGTH)).astype(np.float32, copy=False)
    return scaled
