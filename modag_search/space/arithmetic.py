"""Arithmetic of the vectors of words and names: unit length, nearness as likelihood, and 8 bits a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from modag_search.values import Float32Array

_LARGEST = 127
_LEAST_SCALE = 1e-7


def shared_out(meant: Float32Array, names: Float32Array, *, temperature: float) -> tuple[Float32Array, Float32Array]:
    """Share texts out to names that they are near to.

    Parameters
    ----------
    meant : np.ndarray [shape=(n, n_dimensions), float32]
        Unit vectors of the texts.
    names : np.ndarray [shape=(n_names, n_dimensions), float32]
        Of the names.
    temperature : float
        How near they must be: less is nearer.

    Returns
    -------
    shares : np.ndarray [shape=(n, n_names), float32]
        Each row adds up to 1.
    nearest : np.ndarray [shape=(n,), float32]
        Cosine of each text and the nearest name.
    """
    similarities = meant @ names.T
    nearest = similarities.max(axis=1, keepdims=True)
    likelihoods = np.exp((similarities - nearest) / np.float32(temperature))
    shares: Float32Array = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    return shares, nearest[:, 0]


def ramp(nearest: Float32Array, least: float) -> Float32Array:
    """Grow with a similarity: 0 up to the least, 1 where it is 1."""
    grown: Float32Array = np.clip((nearest - np.float32(least)) / np.float32(1 - least), 0, 1)
    return grown


def as_int8(vectors: Float32Array) -> tuple[npt.NDArray[np.int8], Float32Array]:
    """Round vectors to 8 bits a number.

    Parameters
    ----------
    vectors : np.ndarray [shape=(..., d), float32]

    Returns
    -------
    values : np.ndarray [shape=(..., d), int8]
    scales : np.ndarray [shape=(...,), float32]
        What the values of each vector are multiplied by; 16 bits can hold them. Vectors that were rounded before stay
        as they are.
    """
    scales = (np.abs(vectors).max(axis=-1) / _LARGEST).astype(np.float16).astype(np.float32)
    values = np.rint(vectors / np.maximum(scales, _LEAST_SCALE)[..., None]).clip(-_LARGEST, _LARGEST).astype(np.int8)
    return values, scales


def from_int8(values: npt.NDArray[np.int8], scales: npt.NDArray[np.floating]) -> Float32Array:
    """Multiply values by their scales."""
    vectors: Float32Array = values.astype(np.float32) * scales.astype(np.float32)[..., None]
    return vectors


def read_int8(tensors: Mapping[str, np.ndarray], name: str, *, n_axes: int, what: str) -> Float32Array:
    """Find vectors in a file, which keeps them as `as_int8` rounds them: ``NAME.values`` and ``NAME.scales``.

    Raises
    ------
    KeyError, ValueError
        If one is absent, or they do not fit each other; `what` they are begins the message.
    """
    values, scales = tensors[f"{name}.values"], tensors[f"{name}.scales"]
    if values.ndim != n_axes or values.dtype != np.int8 or scales.dtype != np.float16:
        raise ValueError(f"{what} has other arrays than it should")
    if scales.shape != values.shape[:-1] or not scales.size or not np.isfinite(scales).all():
        raise ValueError(f"{what} has arrays that do not fit each other")
    return from_int8(values, scales)
