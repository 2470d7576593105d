"""Whether a sound lies in a longer one, cut at its ends, faded or behind silence: their waveforms, moment by moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.copies.agreement import MIN_OF_CHANNELS, SHARE_HEARD, agree_throughout
from modag_search.copies.channels import are_the_same, channels_apart
from modag_search.copies.extents import DURATION_TOLERANCE, DURATION_TOLERANCE_S
from modag_search.copies.marks import HOP
from modag_search.copies.waveforms import MIN_CORRELATION, SAMPLE_RATE_HZ, later, part_of
from modag_search.media import loudest_channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import Float32Array

MIN_STEADY: Final = 0.85
"""What waveforms as wholes must correlate with, at one gain: a fade at an end leaves more, other dynamics less."""

MIN_ANYWHERE: Final = 0.8
"""What each second must correlate with: a loop with one stroke more differs in one."""

MIN_IN_FADES: Final = 0.6
"""What each moment of two wholes must correlate with: within one, a fade changes the weight of what is heard."""

MIN_PART_S: Final = 2.0
"""A part must last so long: a single stroke lies in many a loop."""

SHARE_OF_MOST: Final = 0.5
"""A part that lasts so much of a longer one is what is left of it when it is trimmed."""

SHARE_LEFT: Final = 0.01
"""What holds no more of a longer one's energy beside it is all of it."""

_HUNDREDTH: Final = SAMPLE_RATE_HZ // 100
_MOMENT: Final = SAMPLE_RATE_HZ // 4
_SECOND: Final = 4  # moments
_STRETCH: Final = 40 * _MOMENT
_MOST_STRETCHES: Final = 30
_SHARE_HEARD: Final = 1e-3  # of the loudest second's energy; quieter ones hold little but noise of encoders
_SHARE_SOUNDING: Final = 1e-5  # of the loudest hundredth's energy; what is quieter at the ends is silence
_EDGE_S: Final = 0.1  # encoders leave out or add so much
_REACH: Final = 2 * HOP  # samples by which the lag that marks tell may be wrong
_STEPS_A_SAMPLE: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A sound at `waveforms.SAMPLE_RATE_HZ`, from its start to its end.

    Attributes
    ----------
    samples : np.ndarray [shape=(n,), int16]
        As loud as that allows.
    starts, stops : int
        The samples between which it sounds.
    channels : tuple of np.ndarray [shape=(n,), int16]
        All channels, where these are several; see `channels.channels_apart`.
    """

    samples: np.ndarray
    starts: int
    stops: int
    channels: tuple[np.ndarray, ...] = ()

    @classmethod
    def of(cls, samples: Float32Array) -> Recording | None:
        """Take samples, less their mean; None if all is silent."""
        centred = samples - samples.mean() if len(samples) else samples
        peak = float(np.abs(centred).max(initial=0.0))
        if not peak:
            return None
        scaled = np.rint(centred * np.float32(np.iinfo(np.int16).max / peak)).astype(np.int16)
        variances = _variances(centred)
        sounding = np.flatnonzero(variances >= _SHARE_SOUNDING * variances.max())
        return cls(scaled, int(sounding[0]) * _HUNDREDTH, min((int(sounding[-1]) + 1) * _HUNDREDTH, len(scaled)))

    @classmethod
    def of_channels(cls, sections: Sequence[Float32Array]) -> Recording | None:
        """Take samples of all channels ``[shape=(n, channels)]``, likewise: in each section those of the loudest."""
        found = cls.of(np.concatenate([loudest_channel(samples) for samples in sections]))
        channels = tuple(np.concatenate(each) for each in channels_apart(sections))
        return replace(found, channels=channels) if found else None

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return self.samples.nbytes + sum(channel.nbytes for channel in self.channels)

    def channel(self, number: int) -> Recording:
        """Return one of its channels."""
        return replace(self, samples=self.channels[number], channels=())

    def at(self, start: int, stop: int) -> Float32Array:
        """Return samples, and silence where there are none."""
        return part_of(self.samples, start, stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Where a sound lies in a longer one.

    Attributes
    ----------
    lag_s : float
        How much later it begins than the longer one; negative where it has silence before it.
    is_whole : bool
        Whether the longer one holds nothing more that sounds, but for what a trimmed end may have.
    """

    lag_s: float
    is_whole: bool


def _variances(samples: Float32Array) -> np.ndarray:
    """Return how far each hundredth of a second goes from its own mean: silence is not where that of all lies."""
    starts = np.arange(0, len(samples), _HUNDREDTH)
    lengths = np.diff(starts, append=len(samples))
    wide = samples.astype(np.float64)
    return np.asarray(np.add.reduceat(wide**2, starts) - np.add.reduceat(wide, starts) ** 2 / lengths)


def overlap(longer: Recording, shorter: Recording, *, near: int) -> Overlap | None:
    """Tell whether a sound lies in a longer one.

    All that sounds of the shorter must be in the longer, with the same waveform whatever the gain and the polarity.

    Parameters
    ----------
    longer, shorter : Recording
    near : int
        The lag at which to look, in samples, within two of `marks.HOP`.

    Returns
    -------
    Overlap or None
        None if it does not, or if it is too short to tell; see `MIN_PART_S`.
    """
    is_whole = _is_whole(longer, shorter, lag=near)
    may_be_part = shorter.stops - shorter.starts >= MIN_PART_S * SAMPLE_RATE_HZ
    if not (is_whole or may_be_part):
        return None
    lag = _best_lag(longer, shorter, near=near)
    if not (_are_alike(*_moments(longer, shorter, lag=lag)) and _are_alike_in_channels(longer, shorter, lag=lag)):
        return None
    is_whole = is_whole and _agree(longer, shorter, lag=lag)
    if not (is_whole or may_be_part):
        return None
    return Overlap(lag_s=lag / SAMPLE_RATE_HZ, is_whole=is_whole)


def holds_most(longer: Recording, shorter: Recording) -> bool:
    """Tell whether what lies in a longer sound lasts long enough to be called what that is."""
    return shorter.stops - shorter.starts >= SHARE_OF_MOST * (longer.stops - longer.starts)


def _is_whole(longer: Recording, shorter: Recording, *, lag: int) -> bool:
    """Tell whether a sound that lies in a longer one is all that sounds of it."""
    lasts, holds = ((one.stops - one.starts) / SAMPLE_RATE_HZ for one in (shorter, longer))
    if holds - lasts > max(DURATION_TOLERANCE_S, DURATION_TOLERANCE * holds):
        return False
    edge = round(_EDGE_S * SAMPLE_RATE_HZ)
    laid_over = longer.at(shorter.starts + lag - edge, shorter.stops + lag + edge)
    energies = [float((part**2).sum(dtype=np.float64)) for part in (laid_over, longer.at(0, len(longer.samples)))]
    return energies[0] >= (1 - SHARE_LEFT) * energies[1]


def _agree(longer: Recording, shorter: Recording, *, lag: float) -> bool:
    """Tell whether two sounds agree from start to end; of long ones, `_moments` have told."""
    whole = int(np.floor(lag))
    start, stop = min(0, -whole), max(len(shorter.samples), len(longer.samples) - whole)
    if stop - start > _MOST_STRETCHES * _STRETCH:
        return True
    ours, theirs = shorter.at(start, stop), later(longer.at(start + whole, stop + whole), lag - whole)
    polarity = np.float32(np.sign(np.dot(ours, theirs)))
    return agree_throughout(ours * polarity, theirs, rate_hz=SAMPLE_RATE_HZ, least=MIN_IN_FADES)


def _best_lag(longer: Recording, shorter: Recording, *, near: int) -> float:
    """Return the lag in samples at which the loudest stretch correlates best."""
    starts = range(shorter.starts, shorter.stops, _STRETCH)
    loudest = max(starts, key=lambda start: float((shorter.at(start, start + _STRETCH) ** 2).sum(dtype=np.float64)))
    stop = min(loudest + _STRETCH, shorter.stops)
    ours = shorter.at(loudest, stop)
    theirs = longer.at(loudest + near - _REACH, stop + near + _REACH)
    n = 1 << len(theirs).bit_length()
    spectrum = np.fft.rfft(theirs, n) * np.conj(np.fft.rfft(ours, n))
    products = np.fft.irfft(spectrum, n * _STEPS_A_SAMPLE)[: 2 * _REACH * _STEPS_A_SAMPLE + 1]
    return near - _REACH + int(np.abs(products).argmax()) / _STEPS_A_SAMPLE


def _moments(longer: Recording, shorter: Recording, *, lag: float) -> tuple[np.ndarray, np.ndarray]:
    """Compare both, moment by moment, in stretches from where the shorter starts to where it stops.

    Returns
    -------
    products : np.ndarray [shape=(n,), float64]
    energies : np.ndarray [shape=(2, n), float64]
    """
    starts = np.arange(shorter.starts, shorter.stops, _STRETCH)
    whole = int(np.floor(lag))
    products, energies = [], []
    for start in starts[:: -(-len(starts) // _MOST_STRETCHES)].tolist():
        stop = min(start + _STRETCH, shorter.stops)
        stop = start + max((stop - start) // _MOMENT, 1) * _MOMENT
        ours = shorter.at(start, stop).reshape(-1, _MOMENT)
        theirs = later(longer.at(start + whole - _REACH, stop + whole + _REACH), lag - whole)
        theirs = theirs[_REACH:-_REACH].reshape(-1, _MOMENT)
        products.append(np.einsum("ij,ij->i", ours, theirs, dtype=np.float64))
        energies.append([np.einsum("ij,ij->i", one, one, dtype=np.float64) for one in (ours, theirs)])
    return np.concatenate(products), np.concatenate(energies, axis=1)


def _are_alike_in_channels(longer: Recording, shorter: Recording, *, lag: float) -> bool:
    """Tell whether each second of each channel is the same where it is heard."""

    def agree(order: Sequence[int]) -> bool:
        found = [_moments(longer.channel(k), shorter.channel(n), lag=lag) for n, k in enumerate(order)]
        loudest = np.max([energies.max(axis=1) for _, energies in found], axis=0)
        return all(_are_alike_where_heard(products, energies, loudest=loudest) for products, energies in found)

    return are_the_same(len(longer.channels), len(shorter.channels), agree)


def _are_alike_where_heard(products: np.ndarray, energies: np.ndarray, *, loudest: np.ndarray) -> bool:
    """Tell so of a channel by its moments; ``loudest [shape=(2,)]`` is the energy of the loudest of all channels."""
    firsts = np.arange(0, len(products), _SECOND)
    alike, together = np.add.reduceat(products, firsts), np.add.reduceat(energies, firsts, axis=1)
    is_heard = (together >= SHARE_HEARD * loudest[:, None]).any(axis=0)
    alike = np.sign(products.sum()) * alike / np.sqrt(np.maximum(together.prod(axis=0), 1.0))
    return bool((alike >= MIN_OF_CHANNELS)[is_heard].all())


def _are_alike(products: np.ndarray, energies: np.ndarray) -> bool:
    """Tell whether two sounds are one by their moments; see `_moments`."""
    steady = products.sum() / np.sqrt(energies.sum(axis=1).prod())
    if not abs(steady) >= MIN_STEADY:
        return False
    correlations = np.sign(steady) * products / np.sqrt(np.maximum(energies.prod(axis=0), 1.0))
    weights = (energies / energies.sum(axis=1, keepdims=True)).mean(axis=0)
    firsts = np.arange(0, len(weights), _SECOND)
    seconds = np.add.reduceat(weights, firsts)
    alike = np.add.reduceat(weights * correlations, firsts)
    is_heard = seconds >= _SHARE_HEARD * seconds.max()
    return bool(alike.sum() >= MIN_CORRELATION and (alike >= MIN_ANYWHERE * seconds)[is_heard].all())
