"""Whether two sounds that are laid over each other agree all along, not only where they are loudest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import Float32Array

MIN_ANYWHERE: Final = 0.8
"""What the waveforms of two sounds must correlate with in each moment. Chosen with ``scripts/evaluate_duplicates`` on
train sources: copies at 64 kbit/s reach 0.97."""

MIN_OF_CHANNELS: Final = 0.7
"""Likewise of each channel but the loudest: copies at 64 kbit/s reach 0.89."""

SHARE_HEARD: Final = 1e-3
"""Moments with a smaller share of the power of a sound's loudest are passed over where they have so in both: noise of
encoders."""

MOST_LEFT_OUT: Final = 0.3
"""Of either sound, so much may lie before the other begins or behind its end, in energy and in moments that are heard:
what a trimmed end may have."""

MOST_RISE: Final = 10.0
"""What one sound alone has behind the end of the other must go on from what both have, and what both have from what one
has before: where power rises by more there, what is left out is an event of its own, as one stroke more. Chosen
likewise: what is trimmed seldom has it."""

SHARE_OF_EVENT: Final = 1e-2
"""An event has more than this share of the power of the loudest moment; a room before the first note has less."""

_SHARE_SOUNDING: Final = 1e-5  # of the loudest step's variance; what is quieter at the ends is silence
_STEP_S: Final = 0.0025
_RISE_STEPS: Final = 8  # a fiftieth of a second; strokes are seldom shorter
_MOMENT_S: Final = 0.1
_LEAST_MOMENTS: Final = 10  # of short sounds


def agree_throughout(
    one: Float32Array,
    other: Float32Array,
    *,
    rate_hz: int,
    least: float = MIN_ANYWHERE,
    unheard: tuple[float, float] = (0.0, 0.0),
) -> bool:
    """Tell whether two sounds are the same from start to end.

    They are compared in moments of a tenth of a second, or of a tenth of what both have: each that is heard in either
    must have the same waveform in both. Either may begin earlier or end later, see `MOST_LEFT_OUT` and `MOST_RISE`.

    Parameters
    ----------
    one, other : np.ndarray [shape=(n,), float32]
        Laid over each other, of the same polarity, with silence where either has not begun or has ended.
    rate_hz : int
    least : float
        What the waveforms must correlate with in each moment.
    unheard : (float, float)
        Power below which moments of either are not heard, beside those far below its own loudest.

    Returns
    -------
    bool

    Examples
    --------
    >>> one, other = np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)
    >>> agree_throughout(one, one / 2, rate_hz=8000)
    True
    >>> agree_throughout(one, np.concatenate([one[:7000], other[7000:] / 10]), rate_hz=8000)
    False
    """
    step = round(_STEP_S * rate_hz)
    bounds = [_bounds(samples, step) for samples in (one, other)]
    both = slice(max(start for start, _ in bounds), min(stop for _, stop in bounds))
    if both.start >= both.stop:
        return False
    length = max(min(round(_MOMENT_S * rate_hz), (both.stop - both.start) // _LEAST_MOMENTS), 1)
    powers = [_means(samples[both], samples[both], length) for samples in (one, other)]
    correlations = _means(one[both], other[both], length) / np.sqrt(np.maximum(powers[0] * powers[1], 1e-60))
    is_heard = np.logical_or(
        *(each >= max(SHARE_HEARD * each.max(), floor) for each, floor in zip(powers, unheard, strict=True))
    )
    return bool((correlations[is_heard] >= least).all()) and all(
        _may_be_left_out(samples, both, length=length, rise_length=_RISE_STEPS * step, step=step, unheard=floor)
        for samples, floor in zip((one, other), unheard, strict=True)
    )


def channels_agree(ones: Sequence[Float32Array], others: Sequence[Float32Array], *, rate_hz: int) -> bool:
    """Tell whether each channel of a sound that is heard is the same as that of another one, from start to end.

    Parameters
    ----------
    ones, others : sequence of np.ndarray [shape=(n,), float32]
        As many channels, laid over each other as in `agree_throughout`; of any polarity.
    rate_hz : int

    Returns
    -------
    bool

    Examples
    --------
    >>> one, quiet, other = np.random.default_rng(0).standard_normal((3, 8000)).astype(np.float32)
    >>> [channels_agree([one, quiet / 5], [one, right], rate_hz=8000) for right in (-quiet / 4, other / 5)]
    [True, False]
    """
    length = round(_MOMENT_S * rate_hz)
    unheard = [SHARE_HEARD * max(_means(one, one, length).max() for one in channels) for channels in (ones, others)]
    return all(
        agree_throughout(
            one * np.float32(np.sign(np.dot(one, other)) or 1.0),
            other,
            rate_hz=rate_hz,
            least=MIN_OF_CHANNELS,
            unheard=(unheard[0], unheard[1]),
        )
        for one, other in zip(ones, others, strict=True)
    )


def _may_be_left_out(
    samples: Float32Array, both: slice, *, length: int, rise_length: int, step: int, unheard: float
) -> bool:
    """Tell whether what a sound has before and behind what both have is no more than a trimmed end may have.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), float32]
    both : slice
        What both have.
    length, rise_length, step : int
        Of the moments that are counted, of those whose power must not rise, and within which `both` holds, in samples.
    unheard : float
        See `agree_throughout`.

    Returns
    -------
    bool
    """
    inside = samples[both]
    powers = _means(inside, inside, length)
    least = max(SHARE_HEARD * powers.max(), unheard)
    before, behind = samples[: both.start], samples[both.stop :]
    for alone, earlier, then in ((before, before, inside[:rise_length]), (behind, inside, behind)):
        if len(alone) and _means(alone, alone, rise_length).max() >= max(SHARE_OF_EVENT * powers.max(), unheard):
            last = earlier[-rise_length - step : -step]  # in the last step what follows may have begun
            if _means(then, then, rise_length).max() > MOST_RISE * _means(last, last, rise_length).sum():
                return False
    counts = [int((_means(part, part, length) >= least).sum()) for part in (before, behind, inside)]
    energies = [float(np.sum(part**2, dtype=np.float64)) for part in (before, behind, inside)]
    return all(sum(shares[:2]) <= MOST_LEFT_OUT * sum(shares) for shares in (counts, energies))


def _bounds(samples: Float32Array, length: int) -> tuple[int, int]:
    """Return the samples between which a sound is not silent."""
    if len(samples) < length:
        return 0, len(samples)
    # About their own means, as silence is not where the mean of all lies.
    variances = samples[: len(samples) // length * length].reshape(-1, length).var(axis=1, dtype=np.float64)
    sounding = np.flatnonzero(variances >= _SHARE_SOUNDING * variances.max())
    return int(sounding[0]) * length, (int(sounding[-1]) + 1) * length


def _means(one: Float32Array, other: Float32Array, length: int) -> np.ndarray:
    """Return the mean products of two sounds in moments of at least a length, or in one shorter one."""
    n = len(one)
    if not n:
        return np.zeros(0)
    starts = np.arange(max(n // length, 1)) * n // max(n // length, 1)
    products = one.astype(np.float64) * other
    return np.asarray(np.add.reduceat(products, starts) / np.diff(starts, append=n))
