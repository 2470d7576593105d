"""How loud the windows of a sound are: which of the channels is taken, and what is silence.

Channels are never added up: those of which one is wired upside down would cancel, and one that sounds among many that
do not would be lost. Nothing is judged by its absolute level either, since recordings are made at any.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Generator

    from modag_search.values import DecodedSegment, Float32Array, MediaFacts

SILENCE_DB: Final = -60.0
"""A window is silent whose peak lies further below the loudest window of its file."""

DITHER_STEPS: Final = 3.0
"""A window of integers is silent that never goes further from its mean, in steps of their bits. Dither, which moves by
one step, still reaches 2.4 once it is resampled."""

MOST_BITS: Final = 24
"""What wider integers really hold: no converter tells smaller steps apart, and FFmpeg widens 24 bits to 32."""

LOSSY_FLOOR: Final = 10 ** (-100 / 20)
"""A window of a lossy codec is silent that never goes further from its mean, where 1 is full scale."""

MOST_CHANNELS: Final = 16
"""Of a sound with more, each block is reduced to its loudest before it is cut, or windows would fill the memory."""


def integer_floor(bits: int) -> float:
    """Return how far silence may go from its mean in integers of so many bits, where 1 is full scale."""
    return DITHER_STEPS / 2.0 ** (min(bits, MOST_BITS) - 1)


def loudest_channel(samples: Float32Array) -> Float32Array:
    """Choose the channel that has most power about its own mean, so that an offset does not count.

    Parameters
    ----------
    samples : np.ndarray [shape=(n, channels), float32]
        At least one sample.

    Returns
    -------
    np.ndarray [shape=(n,), float32]
        The first of those that are equally loud. One with samples that are not numbers, if there is any.

    Examples
    --------
    >>> loudest_channel(np.array([[5, 0, 1], [5, 0, -1]], dtype=np.float32))
    array([ 1., -1.], dtype=float32)
    """
    n_channels = samples.shape[1]
    if n_channels == 1:
        return samples[:, 0]
    # One after the other and in float64: the power of a channel then hangs neither on where it stands nor on its scale.
    with np.errstate(invalid="ignore"):
        powers = [samples[:, channel].astype(np.float64).var() for channel in range(n_channels)]
    return np.ascontiguousarray(samples[:, int(np.argmax(powers))])


def peak_about_mean(samples: Float32Array) -> float:
    """Return how far samples ``[shape=(n,)]`` go from their mean."""
    mean = samples.mean(dtype=np.float64).astype(np.float32)  # of equal samples it is exactly what they are
    return float(max(samples.max() - mean, mean - samples.min()))


def with_silence_told(
    segments: Generator[DecodedSegment, None, MediaFacts],
) -> Generator[DecodedSegment, None, MediaFacts]:
    """Mark the windows of a file that lie far below the loudest one, as far as it is known when they come.

    Parameters
    ----------
    segments : generator of DecodedSegment
        Those of a whole file; it is closed with this one.

    Returns
    -------
    MediaFacts
        With `silent_below`, by which windows that came before the loudest are to be judged again.

    Yields
    ------
    DecodedSegment
    """
    loudest: float | None = None
    with closing(segments):
        while True:
            try:
                segment = next(segments)
            except StopIteration as end:
                facts: MediaFacts = end.value
                return replace(facts, silent_below=None if loudest is None else _silent_below(loudest))
            if segment.peak is not None:
                loudest = max(segment.peak, loudest or 0.0)
                if segment.peak < _silent_below(loudest):
                    segment = replace(segment, status="silent")
            yield segment


def _silent_below(loudest: float) -> float:
    return loudest * 10 ** (SILENCE_DB / 20)
