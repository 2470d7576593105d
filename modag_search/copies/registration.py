"""Laying pictures over each other: how each must be stretched and shifted to fit over one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import Float32Array

MOST_STRETCHED: Final = 0.125
"""By how much one may be larger than the other, and how far from its place, in halves of a side: room for 5 % that are
cut off at each edge."""

GAINS: Final = (0.6, 1.6)
"""By how much less or more contrasty one may be."""

UNCHANGED: Final = np.array([1, 0, 1, 0], dtype=np.float32)
"""A place: stretch and shift across, stretch and shift down; sides reach from -1 to 1."""

_MOST_STEPS: Final = 6
_STEP_PX: Final = 0.05  # smaller ones change nothing that is seen
_DAMPING: Final = 2.5e-4  # of the sum of squares of slopes: where there are none in some direction, nothing moves
_LEAST_ENERGY: Final = 1e-3


def laid_over(fixed: Float32Array, moving: Float32Array, places: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Find by least squares how to stretch and shift pictures so that each fits over one, whatever its contrast.

    Parameters
    ----------
    fixed : np.ndarray [shape=(p, p), float32]
        Luma.
    moving : np.ndarray [shape=(m, p, p), float32]
    places : np.ndarray [shape=(m, 4), float32]
        Where to start from, as `UNCHANGED`.

    Returns
    -------
    places : np.ndarray [shape=(m, 4), float32]
    correlations : np.ndarray [shape=(m,), float32]
        Of what lies over each other, before the last step.

    References
    ----------
    Lucas, Kanade, "An iterative image registration technique with an application to stereo vision", IJCAI 1981.
    """
    fixed, moving = smoothed(fixed), smoothed(moving)
    correlations = np.zeros(len(moving), dtype=np.float32)
    for _ in range(_MOST_STEPS):
        former = places
        steps, correlations = _step(fixed, moving, places)
        places = np.clip(places + steps, UNCHANGED - MOST_STRETCHED, UNCHANGED + MOST_STRETCHED)
        if np.abs(places - former).max() * len(fixed) < _STEP_PX:
            break
    return places, correlations


def _step(fixed: Float32Array, moving: Float32Array, places: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return by how much `places` should change, to a first order, and the correlations at these places."""
    m, p = len(moving), len(fixed)
    across, down, inside = resampling(places, p)
    laid = down @ moving @ across.transpose(0, 2, 1)
    inside[:, [0, -1]] = inside[:, :, [0, -1]] = False  # there, slopes would be of one side
    weights = inside.reshape(m, -1).astype(np.float32)

    def centred(values: np.ndarray) -> Float32Array:
        values = values.astype(np.float32, copy=False).reshape(m, -1, p * p) * weights[:, None]
        means = values.sum(axis=2) / np.maximum(weights.sum(axis=1), 1)[:, None]
        result: Float32Array = values - means[:, :, None] * weights[:, None]
        return result

    ours, theirs = centred(np.broadcast_to(fixed, laid.shape))[:, 0], centred(laid)[:, 0]
    energies, products = np.einsum("ij,ij->i", theirs, theirs) + _LEAST_ENERGY, np.einsum("ij,ij->i", ours, theirs)
    gains = np.clip(products / energies, *GAINS)
    down_slope, across_slope = np.gradient(laid, axis=(1, 2))
    x = _positions(p)
    slopes = centred(np.stack([across_slope * x, across_slope, down_slope * x[:, None], down_slope], axis=1))
    slopes *= gains[:, None, None] * (p / 2)
    normal = slopes @ slopes.transpose(0, 2, 1)
    damping = _DAMPING * np.trace(normal, axis1=1, axis2=2) + _LEAST_ENERGY
    normal[:, range(4), range(4)] += damping[:, None]
    residuals = ours - gains[:, None] * theirs
    steps: Float32Array = np.linalg.solve(normal, slopes @ residuals[:, :, None])[:, :, 0]
    correlations = products / np.sqrt(energies * (np.einsum("ij,ij->i", ours, ours) + _LEAST_ENERGY))
    return steps, correlations


def resampling(places: Float32Array, p: int) -> tuple[Float32Array, Float32Array, np.ndarray]:
    """Make matrices that stretch and shift rows and columns, and what of the result lies inside.

    Parameters
    ----------
    places : np.ndarray [shape=(m, 4), float32]
    p : int

    Returns
    -------
    across, down : np.ndarray [shape=(m, p, p), float32]
        Linear: each pixel is a mean of two neighbours.
    inside : np.ndarray [shape=(m, p, p), bool]
    """
    stretches, shifts = places[:, ::2, None], places[:, 1::2, None]
    at = (_positions(p) * stretches + shifts + 1) * (p / 2) - 0.5  # across, and down
    inside = (at >= -0.5) & (at <= p - 0.5)
    nearness = 1 - np.abs(np.clip(at, 0, p - 1)[..., None] - np.arange(p, dtype=np.float32))
    matrices: Float32Array = np.maximum(nearness, 0).astype(np.float32)
    return matrices[:, 0], matrices[:, 1], inside[:, 1, :, None] & inside[:, 0, None, :]


@cache
def _positions(p: int) -> Float32Array:
    """Return where pixels of a side lie, from -1 to 1."""
    positions: Float32Array = ((np.arange(p) + 0.5) * (2 / p) - 1).astype(np.float32)
    return positions


@cache
def _smoothing(p: int) -> Float32Array:
    """Return the matrix ``[shape=(p, p)]`` that averages each pixel with its neighbours: a Gaussian of one pixel."""
    nearness = np.exp(-((np.arange(p)[:, None] - np.arange(p)) ** 2) / 2)
    matrix: Float32Array = (nearness / nearness.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def smoothed(planes: Float32Array) -> Float32Array:
    """Average each pixel of planes ``[shape=(..., p, p)]`` with its neighbours."""
    smoothing = _smoothing(planes.shape[-1])
    smooth: Float32Array = (smoothing @ planes @ smoothing.T).astype(np.float32, copy=False)
    return smooth
