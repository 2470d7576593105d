"""The channels of sounds: whether they are several, and whether those of two sounds are the same."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modag_search.values import Float32Array

SHARE_OF_LOUDEST: Final = 1e-3
"""A channel is heard beside the loudest that has so much of its energy, and is another one that has so much of its own;
what has less may be noise of encoders."""

_STEREO: Final = 2


def channels_apart(parts: Sequence[Float32Array]) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return the channels of a sound one by one, where they are several.

    Parameters
    ----------
    parts : sequence of np.ndarray [shape=(n, channels), float32]
        All with as many channels.

    Returns
    -------
    tuple of tuples of np.ndarray [shape=(n,), int16]
        By channel, and then by part; all by the same gain, less their means. Empty where all channels are the same but
        for their level, or silent.

    Examples
    --------
    >>> one, other = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    >>> [len(channels_apart([np.stack(pair, axis=1)])) for pair in ([one, other / 2], [one, one / 2])]
    [2, 0]
    """
    n_channels = parts[0].shape[1] if parts else 1
    if n_channels == 1:
        return ()
    # One after the other is centred, twice: all of an hour of many channels would fill the memory.
    products, peak = np.zeros((n_channels, n_channels)), 0.0
    for part in map(_centred, parts):
        products += part.T.astype(np.float64) @ part
        peak = max(peak, float(np.abs(part).max()))
    energies = products.diagonal()
    loudest = int(energies.argmax())
    own = energies - products[loudest] ** 2 / max(energies[loudest], 1e-30)  # what is left of each beside the loudest
    if not (own > SHARE_OF_LOUDEST * energies[loudest]).any():
        return ()
    gain = np.float32(np.iinfo(np.int16).max / peak)
    scaled = [np.rint(gain * _centred(part)).astype(np.int16) for part in parts]
    return tuple(tuple(np.ascontiguousarray(part[:, n]) for part in scaled) for n in range(n_channels))


def _centred(part: Float32Array) -> Float32Array:
    centred: Float32Array = part - part.mean(axis=0)
    return centred


def are_the_same(n_ones: int, n_others: int, agree: Callable[[Sequence[int]], bool]) -> bool:
    """Tell whether the channels of two sounds whose loudest are the same are so, too.

    One channel may be a copy of several, and other numbers cannot be compared. Both of stereo may have changed places.

    Parameters
    ----------
    n_ones, n_others : int
        How many there are; 0 of a sound whose channels are one.
    agree : callable
        Tells whether each channel of one agrees with the channel of the other at its place among those given.

    Returns
    -------
    bool
    """
    if n_ones != n_others or not n_ones:
        return True
    orders = permutations(range(n_ones)) if n_ones == _STEREO else (range(n_ones),)
    return any(agree(tuple(order)) for order in orders)
