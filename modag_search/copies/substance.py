"""What a sound holds: up to which frequency, in how many channels, for how long, and how finely.

What a header tells is no more than a promise: a file of 48 kHz may have been made of one of 8 kHz or of an MP3, one of
24 bits of one of 16, and both channels may be the same.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from modag_search.copies.decoded import DecodedContents
from modag_search.copies.waveforms import MAX_LAG_S, SECTION_S, section_stride
from modag_search.errors import UsageError
from modag_search.media import loudest_channel, open_media
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import Float32Array, ItemRecord, SoundForm

BAND_HZ: Final = 250.0
LEAST_HEARD: Final = 1e-9
"""A band is heard that has so much of the power of all."""

LEAST_HEARD_OF_LOSSY: Final = 1e-7
"""A band that lossy codecs alone have may hold no more than their noise, unless it has so much."""

ABOVE_ROUNDING: Final = 10.0
"""And so much more than rounding to the bits of any of the files leaves."""

WITH_DITHER: Final = 4.0
"""Dither makes three times of it."""

LEFT_BY_RESAMPLING: Final = 1e-11
"""So much of the power of all may be left above what was upsampled."""

SHARE_HELD: Final = 0.1
"""A sound holds a band that has so much of what the loudest of its copies has there, each of all it has."""

SHARE_OF_CHANNEL: Final = 1e-5
"""Channels of which one has no more of its own are one."""

_FRAME: Final = 4096
_LOSSY_BITS: Final = 16
_HUNDREDTH_S: Final = 0.01
_SHARE_SOUNDING: Final = 1e-5  # of the power of the loudest hundredth of a second
_STEPS: Final = 1 << 15  # of 16 bits; decoders of one format differ by far less than one
_LEAST_COMPARED: Final = 3e-2  # beside what is quieter, a good lossy codec may lose less than such a step
_SHARE_ROUNDED: Final = 0.9  # of samples; where it clips, a decoded sound differs
_WINDOWS: Final = Segmentation(window_s=SECTION_S, hop_s=SECTION_S)
_KEPT_BYTES: Final = 1 << 24
_KEPT_OF_BEGINNINGS_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True, eq=False)
class Substance:
    """What a sound holds.

    Attributes
    ----------
    rate_hz : int
    bands : np.ndarray [shape=(n,), float64]
        Mean power in bands of `BAND_HZ`, of all channels.
    inner_bands : np.ndarray [shape=(n,), float64]
        Likewise, without the edges of the sound.
    rounding : float
        What rounding adds to each band.
    channels : int
        Those that are not the same as others.
    sounds_s : float
        From where it begins to sound to where it ends.
    bits : int or None
        Of a sample, as far as they are used; None where a lossy codec holds it.
    """

    rate_hz: int
    bands: np.ndarray
    inner_bands: np.ndarray
    rounding: float
    channels: int
    sounds_s: float
    bits: int | None

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return self.bands.nbytes + self.inner_bands.nbytes

    def holds_above(self, frequency_hz: float) -> bool:
        """Tell whether more lies above a frequency than rounding, with dither, and resampling leave."""
        above = self.inner_bands[round(frequency_hz / BAND_HZ) + 1 :]
        return bool(above.sum() > WITH_DITHER * self.rounding * len(above) + LEFT_BY_RESAMPLING * self.bands.sum())


class Substances:
    """Reads what sounds hold; each file is decoded once, unless it had to make room in memory since."""

    def __init__(self) -> None:
        self._substances = DecodedContents(
            lambda item: read_substance(item.path, duration_s=item.duration_s or 0.0), most_bytes=_KEPT_BYTES
        )
        self._beginnings = DecodedContents(lambda item: _beginning(item.path), most_bytes=_KEPT_OF_BEGINNINGS_BYTES)

    def of(self, copies: Sequence[ItemRecord]) -> Substance | None:
        """Return what items with the same content hold; None where no file is as it was indexed, or all is silent."""
        return self._substances.of(copies)

    def are_decoded_from(self, lossless: Sequence[ItemRecord], lossy: Sequence[ItemRecord]) -> bool:
        """Tell whether a sound in a lossless format was made of a lossy one, which is the original then.

        Rounded to 16 bits, their samples are the same; those of a lossy copy differ by what it has lost, which is
        seldom less than such a step. Samples that are loud enough are compared, of the first ten seconds.

        Parameters
        ----------
        lossless, lossy : sequence of ItemRecord
            Items with the same content, each.

        Returns
        -------
        bool
            False where either cannot be read.
        """
        one, two = self._beginnings.of(lossless), self._beginnings.of(lossy)
        return one is not None and two is not None and _is_decoded_from(one, two)


def read_substance(path: str, *, duration_s: float) -> Substance | None:
    """Decode a sound as it is stored; of a long one the bands are those of sections from its start to its end.

    Parameters
    ----------
    path : str
    duration_s : float
        By which sections are chosen.

    Returns
    -------
    Substance or None
        None if all is silent, or the sections are that were chosen.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    media = open_media(path, sample_rate_hz=None, segmentation=_WINDOWS, all_channels=True)
    read = _Reading(section_stride(duration_s))
    for segment in media.segments():
        read.take(np.asarray(segment.data, np.float32), round((segment.start_s or 0.0) / SECTION_S), segment.end_s)
    return None if media.facts.sound_form is None else read.substance(media.facts.sound_form)


class _Reading:
    """What has been read of a sound so far."""

    def __init__(self, stride: int) -> None:
        self._stride = stride
        self._products: np.ndarray | float = 0.0
        self._powers: list[np.ndarray] = []
        self._spectra: list[tuple[np.ndarray, np.ndarray]] = []
        self._step = 1.0  # the largest of which all samples are multiples, as far as was seen

    def take(self, samples: Float32Array, number: int, end_s: float | None) -> None:
        """Take a section ``[shape=(n, channels)]``."""
        centred = samples - samples.mean(axis=0)
        length = max(round(len(samples) / max((end_s or 0.0) - number * SECTION_S, 1e-3) * _HUNDREDTH_S), 1)
        starts = np.arange(0, len(samples), length)
        powers = np.add.reduceat((centred.astype(np.float64) ** 2).sum(axis=1), starts)
        self._powers.append(powers / np.diff(starts, append=len(samples)))
        self._products = self._products + centred.T.astype(np.float64) @ centred
        while self._step > _step_of(24) and (samples / np.float32(self._step) % 1).any():
            self._step /= 2
        if number % self._stride == 0:
            self._spectra.append(_spectra(centred, is_first=number == 0))

    def substance(self, form: SoundForm) -> Substance | None:
        """Return what was read of a sound; None if all is silent that counts."""
        powers = np.concatenate(self._powers)
        sounding = np.flatnonzero(powers >= max(_SHARE_SOUNDING * powers.max(), 1e-30))
        if not len(sounding):
            return None
        bits = None if form.bits is None else min(form.bits, 1 - round(np.log2(self._step)))
        bands, inner_bands = (
            _bands(np.mean(spectra, axis=0), form.rate_hz) for spectra in zip(*self._spectra, strict=True)
        )
        if not bands.any():
            return None  # it sounds between the sections that were looked at
        rounding = form.channels * _step_of(bits or _LOSSY_BITS) ** 2 / 12 * BAND_HZ / (form.rate_hz / 2)
        eigenvalues = np.linalg.eigvalsh(np.atleast_2d(self._products))
        return Substance(
            rate_hz=form.rate_hz,
            bands=bands,
            inner_bands=inner_bands,
            rounding=rounding,
            channels=int((eigenvalues > SHARE_OF_CHANNEL * eigenvalues.max()).sum()),
            sounds_s=float(sounding[-1] + 1 - sounding[0]) * _HUNDREDTH_S,
            bits=bits,
        )


def _bands(spectrum: np.ndarray, rate_hz: int) -> np.ndarray:
    """Add up power ``[shape=(_FRAME // 2 + 1,)]`` in bands."""
    return np.bincount((np.arange(len(spectrum)) * (rate_hz / _FRAME / BAND_HZ)).astype(np.int64), spectrum)


def _step_of(bits: int) -> float:
    return float(2.0 ** (1 - bits))


def _spectra(samples: Float32Array, *, is_first: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean power at each frequency ``[shape=(_FRAME // 2 + 1,)]`` of samples ``[shape=(n, channels)]``.

    What a sound begins with counts in full, and not at all in the second: where it starts or ends in the midst of
    something, there is a click, which holds any frequency.
    """
    before = _FRAME // 2 if is_first or len(samples) < _FRAME else 0
    padded = np.pad(samples, ((before, max(_FRAME - before - len(samples), 0)), (0, 0)))
    window = np.hanning(_FRAME).astype(np.float32)[:, None]
    powers = []
    for start in range(0, len(padded) - _FRAME + 1, _FRAME // 2):
        spectrum = np.fft.rfft(padded[start : start + _FRAME] * window, axis=0)
        powers.append((np.abs(spectrum) ** 2).sum(axis=1) * 2 / (float((window**2).sum()) * _FRAME))
        powers[-1][0] = 0.0
    return np.mean(powers, axis=0), np.mean(powers[1:] or powers, axis=0)


def bandwidths_hz(substances: Sequence[Substance]) -> list[float]:
    """Return up to which frequency sounds that are copies of each other hold what any of them does.

    They are held to one measure, that of the coarsest: what rounding adds to one would count as heard beside another.

    Parameters
    ----------
    substances : sequence of Substance

    Returns
    -------
    list of float
    """
    least = max([LEAST_HEARD, *(ABOVE_ROUNDING * one.rounding / one.bands.sum() for one in substances)])
    shares = np.zeros((len(substances), max(len(one.bands) for one in substances)))
    for row, one in enumerate(substances):
        shares[row, : len(one.bands)] = one.bands / one.bands.sum()
    of_lossless = shares[[row for row, one in enumerate(substances) if one.bits is not None]].max(axis=0, initial=0.0)
    loudest = np.where(of_lossless > least, of_lossless, shares.max(axis=0))
    is_heard = (of_lossless > least) | (loudest > max(least, LEAST_HEARD_OF_LOSSY))
    are_held = is_heard & (shares >= SHARE_HELD * loudest)
    tops = [(np.flatnonzero(row)[-1] + 1) * BAND_HZ if row.any() else 0.0 for row in are_held]
    return [min(float(top), one.rate_hz / 2) for top, one in zip(tops, substances, strict=True)]


class _Beginning(NamedTuple):
    samples: Float32Array
    rate_hz: int

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return self.samples.nbytes


def _beginning(path: str) -> _Beginning | None:
    """Decode the loudest channel of the first seconds of a sound, at its own rate; None where there is nothing."""
    media = open_media(path, sample_rate_hz=None, segmentation=_WINDOWS, end_s=SECTION_S, all_channels=True)
    sections: list[Float32Array] = []
    with suppress(UsageError):  # it may begin later
        sections += [loudest_channel(np.asarray(segment.data, np.float32)) for segment in media.segments()]
    form = media.facts.sound_form
    return _Beginning(sections[0], form.rate_hz) if form and sections else None


def _is_decoded_from(one: _Beginning, two: _Beginning) -> bool:
    """Tell whether the first was made of the second; see `Substances.are_decoded_from`."""
    if one.rate_hz != two.rate_hz:
        return False
    reach = round(MAX_LAG_S * one.rate_hz)
    n = 1 << (len(one.samples) + len(two.samples)).bit_length()
    products = np.fft.irfft(np.fft.rfft(one.samples, n) * np.conj(np.fft.rfft(two.samples, n)), n)
    lag = int(products[np.arange(-reach, reach + 1)].argmax()) - reach
    start, stop = max(lag, 0), min(len(one.samples), len(two.samples) + lag)
    ours, theirs = one.samples[start:stop].astype(np.float64), two.samples[start - lag : stop - lag].astype(np.float64)
    are_heard = np.abs(ours) > _LEAST_COMPARED
    ours, theirs = ours[are_heard], theirs[are_heard]
    steps = np.rint(ours * _STEPS)
    return len(ours) > 0 and any(
        float(np.mean(steps == as_whole(theirs * scale))) >= _SHARE_ROUNDED
        for scale in (_STEPS, _STEPS - 1)  # both are common for full scale
        for as_whole in (np.rint, np.floor, np.trunc)
    )
