"""Whether two sounds are one recording: their waveforms, laid over each other."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from modag_search.copies.agreement import MOST_LEFT_OUT, agree_throughout, channels_agree
from modag_search.copies.channels import are_the_same, channels_apart
from modag_search.copies.decoded import DecodedContents
from modag_search.media import loudest_channel, open_media
from modag_search.values import Float32Array, Segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.values import ItemRecord

SAMPLE_RATE_HZ: Final = 8_000
"""What copies at any usual rate and quality still have in common."""

MIN_CORRELATION: Final = 0.95
"""Chosen with ``scripts/evaluate_duplicates`` on train sources: copies at 64 kbit/s reach it, two strokes of one drum
seldom do."""

MAX_LAG_S: Final = 0.2
"""Encoders put up to 0.15 s of silence before a sound."""

SECTION_S: Final = 10.0
MOST_SECTIONS: Final = 30
"""Of a sound of up to five minutes all is compared, in sections; of a longer one this many sections at most, spread
evenly from its start to its end."""

SHARE_LAID_OVER: Final = 1 - MOST_LEFT_OUT
"""So much of the energy of either sound must lie where they overlap: a long silent tail costs nothing, and no lag
makes an edge pass for the whole."""

SHARE_QUIET: Final = 1e-4
"""Sections with a smaller share of the energy of the loudest, in both sounds, are passed over: noise of encoders."""

_BANDS_OF: Final = (1 << 17, 256)  # length of the transform, more than a section and a lag; bins to a band: 16 Hz
_REACH: Final = round(MAX_LAG_S * SAMPLE_RATE_HZ)
_STEPS_A_SAMPLE: Final = 4  # a copy may lag by a part of a sample, which turns the phase of high tones
_WINDOWS: Final = Segmentation(window_s=SECTION_S, hop_s=SECTION_S)
_KEPT_BYTES: Final = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """A sound at `SAMPLE_RATE_HZ`, the whole or sections spread over it.

    Attributes
    ----------
    sections : mapping of int to np.ndarray [shape=(n,), float32]
        Samples of sections by their number: section k starts at ``k * SECTION_S``.
    bands : np.ndarray [shape=(256,), float64]
        Energy in bands of 16 Hz.
    channels : tuple of mappings of int to np.ndarray [shape=(n,), int16]
        Sections of all channels, where these are several; see `channels.channels_apart`.
    """

    sections: Mapping[int, Float32Array]
    bands: np.ndarray
    channels: tuple[Mapping[int, np.ndarray], ...] = ()

    @classmethod
    def of(cls, sections: Mapping[int, Float32Array]) -> Waveform:
        """Take samples, less their mean."""
        centred = {number: (samples - samples.mean()).astype(np.float32) for number, samples in sections.items()}
        return cls(centred, sum((_bands(samples) for samples in centred.values()), np.zeros(1)))

    @classmethod
    def of_channels(cls, sections: Mapping[int, Float32Array]) -> Waveform:
        """Take samples of all channels ``[shape=(n, channels)]``; the loudest of each section stands for it."""
        channels = tuple(dict(zip(sections, each, strict=True)) for each in channels_apart([*sections.values()]))
        return replace(cls.of({k: loudest_channel(samples) for k, samples in sections.items()}), channels=channels)

    def thinned(self, stride: int) -> Waveform:
        """Return each section whose number `stride` divides, and the energy of these."""
        if all(number % stride == 0 for number in self.sections):
            return self
        channels = tuple({k: part for k, part in each.items() if k % stride == 0} for each in self.channels)
        sections = {k: part for k, part in self.sections.items() if k % stride == 0}
        return Waveform(sections, sum((_bands(part) for part in sections.values()), np.zeros(1)), channels)

    @property
    def energy(self) -> float:
        """The sum of the squares of all samples."""
        return float(self.bands.sum())

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        held = [self.sections, *self.channels]
        return self.bands.nbytes + sum(samples.nbytes for sections in held for samples in sections.values())


class Waveforms:
    """Compares the waveforms of items; each file is decoded once, unless it had to make room in memory since.

    Parameters
    ----------
    min_correlation : float
        From which on two sounds are one recording.
    """

    def __init__(self, *, min_correlation: float = MIN_CORRELATION) -> None:
        self._min_correlation = min_correlation
        self._waveforms = DecodedContents(
            lambda item: read_waveform(item.path, duration_s=item.duration_s or 0.0), most_bytes=_KEPT_BYTES
        )

    def are_alike(self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]]) -> list[bool | None]:
        """Tell which sounds are the same recording as one.

        Parameters
        ----------
        one : sequence of ItemRecord
            Items with the same content; the first whose file is as it was indexed, and can be decoded, is taken.
        others : sequence of sequences of ItemRecord
            Each likewise.

        Returns
        -------
        list of bool or None
            For each of the others; None where either cannot be had or is silent at `SAMPLE_RATE_HZ`.
        """
        first = self._waveforms.of(one)
        if first is None:
            return [None] * len(others)

        def is_alike(copies: Sequence[ItemRecord]) -> bool | None:
            waveform = self._waveforms.of(copies)
            if waveform is None:
                return None
            return are_one(first, waveform, min_correlation=self._min_correlation)

        with ThreadPoolExecutor(min(os.cpu_count() or 1, len(others) or 1), thread_name_prefix="modag") as pool:
            return list(pool.map(is_alike, others))

    def differ_in_channels(self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]]) -> list[bool]:
        """Tell which sounds have other channels than one, though something else is a copy of both, as mono may be.

        Parameters
        ----------
        one : sequence of ItemRecord
            As in `are_alike`.
        others : sequence of sequences of ItemRecord

        Returns
        -------
        list of bool
            False where either cannot be had or has one channel.
        """
        first = self._waveforms.of(one)
        return [
            first is not None and waveform is not None and _differ_in_channels(first, waveform)
            for waveform in map(self._waveforms.of, others)
        ]


def section_stride(duration_s: float) -> int:
    """Tell of how many sections of a sound one is kept: each, or of a long one each second, fourth, ...

    Examples
    --------
    >>> section_stride(3.0), section_stride(3600.0)
    (1, 16)
    """
    stride = 1
    while duration_s > stride * MOST_SECTIONS * SECTION_S:
        stride *= 2
    return stride


def read_waveform(path: str, *, duration_s: float) -> Waveform | None:
    """Decode a sound.

    The whole file is decoded, and of a long one a part kept: decoders that seek do not land on the sample.

    Parameters
    ----------
    path : str
    duration_s : float
        By which sections are chosen. They are at the same places in sounds that last about as long.

    Returns
    -------
    Waveform or None
        None if all is silent.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    stride = section_stride(duration_s)
    sections: dict[int, Float32Array] = {}
    is_silent = True
    media = open_media(path, sample_rate_hz=SAMPLE_RATE_HZ, segmentation=_WINDOWS, all_channels=True)
    for segment in media.segments():
        number = round((segment.start_s or 0.0) / SECTION_S)
        if number % stride == 0:
            sections[number] = np.asarray(segment.data, np.float32)
            is_silent = is_silent and segment.status != "ok"
    return None if is_silent else Waveform.of_channels(sections)


def are_one(one: Waveform, other: Waveform, *, min_correlation: float = MIN_CORRELATION) -> bool:
    """Tell whether two sounds are one recording: they correlate, and agree from start to end in all channels.

    Parameters
    ----------
    one, other : Waveform
    min_correlation : float
        See `correlation`.

    Returns
    -------
    bool

    Examples
    --------
    >>> click, tick = np.random.default_rng(0).standard_normal((2, 400)).astype(np.float32)
    >>> gap = np.zeros(800, np.float32)
    >>> one, other = (Waveform.of({0: np.concatenate(parts)}) for parts in ([click, gap, tick], [tick, gap, click]))
    >>> are_one(one, one), are_one(one, other)
    (True, False)
    """
    one, other = _of_the_same_places(one, other)
    if highest_correlation(one, other) < min_correlation:
        return False
    alignment = _alignment(one, other)
    if alignment is None or alignment.correlation < min_correlation:
        return False
    ours, theirs = _laid_over(one.sections, other.sections, step=alignment.step)
    if not agree_throughout(alignment.polarity * ours, theirs, rate_hz=SAMPLE_RATE_HZ):
        return False
    return _have_the_same_channels(one, other, step=alignment.step)


def _of_the_same_places(one: Waveform, other: Waveform) -> tuple[Waveform, Waveform]:
    """Leave of two sounds the sections that are kept of both: of one that lasts a little longer, there may be fewer."""
    stride = max(_stride(one.sections), _stride(other.sections))
    return one.thinned(stride), other.thinned(stride)


def _differ_in_channels(one: Waveform, other: Waveform) -> bool:
    if not (one.channels and other.channels):
        return False
    one, other = _of_the_same_places(one, other)
    alignment = _alignment(one, other)
    return alignment is not None and not _have_the_same_channels(one, other, step=alignment.step)


def _have_the_same_channels(one: Waveform, other: Waveform, *, step: int) -> bool:
    def agree(order: Sequence[int]) -> bool:
        pairs = (
            _laid_over(channel, other.channels[n], step=step) for channel, n in zip(one.channels, order, strict=True)
        )
        ones, others = zip(*pairs, strict=True)
        return channels_agree(ones, others, rate_hz=SAMPLE_RATE_HZ)

    return are_the_same(len(one.channels), len(other.channels), agree)


def correlation(one: Waveform, other: Waveform) -> float:
    """Return how alike two sounds are at the lag where they are most alike.

    The normalised cross-correlation of what overlaps, whatever the gain and the polarity, at lags up to `MAX_LAG_S`;
    where a section is less alike than the whole, at the same lag and of the same polarity, that of the section.

    Parameters
    ----------
    one, other : Waveform

    Returns
    -------
    float
        In [-1, 1]; below 0 where sections differ in polarity.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    >>> later = np.concatenate([np.zeros(200, np.float32), noise[:-400]])
    >>> round(correlation(Waveform.of({0: noise}), Waveform.of({0: -later / 2})), 2)
    1.0
    >>> correlation(Waveform.of({0: noise}), Waveform.of({0: noise[::-1]})) < 0.1
    True
    """
    found = _alignment(*_of_the_same_places(one, other))
    return 0.0 if found is None else found.correlation


def highest_correlation(one: Waveform, other: Waveform) -> float:
    """Return what the correlation of two sounds cannot exceed, from the energies in bands alone.

    By the inequality of Cauchy and Schwarz, no product of the waveforms at any lag exceeds the sum, over bands, of the
    square roots of the products of their energies; notes of unlike pitch share little.
    """
    energies = one.energy * other.energy
    highest = np.sqrt(one.bands * other.bands).sum() / max(np.sqrt(energies) * SHARE_LAID_OVER, 1e-30)
    return float(highest)


class _Alignment(NamedTuple):
    """The lag at which two sounds are most alike, in steps of a part of a sample, and how alike they are there."""

    step: int
    polarity: np.float32
    correlation: float


def _alignment(one: Waveform, other: Waveform) -> _Alignment | None:
    """Lay two sounds over each other; None where they do not overlap enough at any lag."""
    pairs = [(one.sections[k], other.sections[k]) for k in sorted(one.sections.keys() & other.sections.keys())]
    n = 1 << (max((max(len(a), len(b)) for a, b in pairs), default=0) + _REACH).bit_length()
    spectra = [np.fft.rfft(a, n) * np.conj(np.fft.rfft(b, n)) for a, b in pairs]
    energies = np.array([_energies(a, b, _REACH) for a, b in pairs]).reshape(-1, 2, 2 * _REACH + 1)
    step = _best_step(sum(spectra, np.zeros(n // 2 + 1)), n, energies.sum(axis=0), least=(one.energy, other.energy))
    if step is None:
        return None
    polarity, least = _least_correlation(spectra, n, energies[:, :, round(step / _STEPS_A_SAMPLE) + _REACH], step=step)
    return _Alignment(step, polarity, least)


def _laid_over(
    one: Mapping[int, np.ndarray], other: Mapping[int, np.ndarray], *, step: int
) -> tuple[Float32Array, Float32Array]:
    """Return the samples of two sounds at the same times, and silence where either has not begun or has ended.

    Where either has sections left out between others, what lies at the edges of these is not looked at.
    """
    stride = max(_stride(one), _stride(other))
    last = max(*one, *other)
    nothing = np.zeros(0, np.float32)
    ours, theirs = ([sections.get(k, nothing) for k in range(0, last + 1, stride)] for sections in (one, other))
    if stride == 1:
        ours, theirs = [np.concatenate(ours)], [np.concatenate(theirs)]
    lag = int(np.floor(step / _STEPS_A_SAMPLE))
    laid = []
    for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        start = -_REACH if place == 0 else _REACH
        stop = max(len(a), len(b)) + (_REACH if place == len(ours) - 1 else -_REACH)
        laid.append((part_of(a, start + lag, stop + lag), part_of(b, start, stop)))
    one_laid, other_laid = (np.concatenate(parts) for parts in zip(*laid, strict=True))
    return later(one_laid, step / _STEPS_A_SAMPLE - lag), other_laid


def _stride(sections: Mapping[int, np.ndarray]) -> int:
    """Return which of its sections a sound has: each, or each second and so on."""
    return int(np.diff(sorted(sections)).min()) if len(sections) > 1 else 1


def part_of(samples: np.ndarray, start: int, stop: int) -> Float32Array:
    """Return some samples, and silence where there are none."""
    found = np.zeros(max(stop - start, 0), np.float32)
    first, last = max(start, 0), min(stop, len(samples))
    if first < last:
        found[first - start : last - start] = samples[first:last]
    return found


def later(samples: Float32Array, part: float) -> Float32Array:
    """Return samples as they are a part of a sample later."""
    if not part:
        return samples
    n = 1 << len(samples).bit_length()
    turn = np.exp(2j * np.pi * np.arange(n // 2 + 1) * part / n)
    shifted: Float32Array = np.fft.irfft(np.fft.rfft(samples, n) * turn, n)[: len(samples)].astype(np.float32)
    return shifted


def _bands(samples: Float32Array) -> np.ndarray:
    length, width = _BANDS_OF
    powers = np.abs(np.fft.rfft(samples, length)[:-1]) ** 2
    return np.asarray(powers.reshape(-1, width).sum(axis=1, dtype=np.float64) * 2 / length)


def _best_step(spectrum: np.ndarray, n: int, energies: np.ndarray, *, least: tuple[float, float]) -> int | None:
    """Find the lag of the largest correlation.

    Parameters
    ----------
    spectrum : np.ndarray [shape=(n // 2 + 1,)]
        Of the products of both sounds.
    n : int
    energies : np.ndarray [shape=(2, 2 * reach + 1)]
        Of what overlaps, by lag in samples.
    least : (float, float)
        Energies of the sounds.

    Returns
    -------
    int or None
        In steps of a part of a sample; None if they do not overlap enough at any.
    """
    reach = energies.shape[1] // 2
    steps = np.arange(-reach * _STEPS_A_SAMPLE, reach * _STEPS_A_SAMPLE + 1)
    products = np.fft.irfft(spectrum, n * _STEPS_A_SAMPLE)[steps]
    is_enough = (energies > 0).all(axis=0) & (energies >= SHARE_LAID_OVER * np.array(least)[:, None]).all(axis=0)
    weights = np.where(is_enough, 1 / np.sqrt(np.maximum(energies.prod(axis=0), np.finfo(np.float64).tiny)), 0.0)
    correlations = np.abs(products) * weights[np.rint(steps / _STEPS_A_SAMPLE).astype(int) + reach]
    return int(steps[correlations.argmax()]) if is_enough.any() else None


def _least_correlation(
    spectra: Sequence[np.ndarray], n: int, energies: np.ndarray, *, step: int
) -> tuple[np.float32, float]:
    """Return the correlation of the least alike of the sections and the whole, at one lag and of the whole's polarity.

    Parameters
    ----------
    spectra : sequence of np.ndarray [shape=(n // 2 + 1,)]
        Of the products of both sounds, by section.
    n : int
    energies : np.ndarray [shape=(len(spectra), 2)]
        Of what overlaps.
    step : int
        The lag.

    Returns
    -------
    polarity : np.float32
        1 or -1.
    correlation : float
    """
    turn = np.exp(2j * np.pi * np.arange(n // 2 + 1) * step / (_STEPS_A_SAMPLE * n))
    products = np.array([np.fft.irfft(spectrum * turn, n)[0] for spectrum in spectra])
    is_loud = (energies >= SHARE_QUIET * energies.max(axis=0)).any(axis=1)
    whole = products.sum() / np.sqrt(energies.sum(axis=0).prod())
    parts = products[is_loud] / np.sqrt(np.maximum(energies[is_loud].prod(axis=1), np.finfo(np.float64).tiny))
    polarity = np.float32(-1 if whole < 0 else 1)
    return polarity, float(np.clip(min(abs(whole), (polarity * parts).min()), -1, 1))


def _energies(one: Float32Array, other: Float32Array, reach: int) -> np.ndarray:
    """Return the energies ``[shape=(2, 2 * reach + 1)]`` of what overlaps, by the lag of `one` in samples."""
    lags = np.arange(-reach, reach + 1)
    starts = np.clip(lags, 0, len(one))
    stops = np.clip(len(other) + lags, starts, len(one))
    sums, other_sums = (np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)]) for samples in (one, other))
    ours = sums[stops] - sums[starts]
    theirs = other_sums[np.clip(stops - lags, 0, len(other))] - other_sums[np.clip(starts - lags, 0, len(other))]
    return np.stack([ours, theirs])
