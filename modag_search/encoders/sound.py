"""What the sound encoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import Float32Array


SHORTEST_S: Final = 5.0
"""Shorter sounds are repeated: notes then resemble the longer sounds that the networks were trained on."""


def repeated(samples: Float32Array, *, shortest: int) -> Float32Array:
    """Repeat a sound that is shorter than `shortest` samples until it is that long.

    Examples
    --------
    >>> repeated(np.array([1, 2, 3], dtype=np.float32), shortest=5)
    array([1., 2., 3., 1., 2.], dtype=float32)
    """
    if len(samples) >= shortest:
        return samples
    return np.resize(samples, shortest)
