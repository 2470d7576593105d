"""Sounds for the eye, and excerpts that every browser plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search import media
from modag_search.errors import EmptyMediaError
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from modag_search.values import Float32Array, Uint8Array

RATE_HZ = 16_000
"""Of what is drawn: little of what people look for lies above its half."""
EXCERPT_RATE_HZ = 44_100
LONGEST_EXCERPT_S = 120.0
CLIP_RATE_HZ = 32_000
CLIP_S = 8.0
COLUMNS = 512
ROWS = 96

_PIECE = Segmentation(window_s=10.0, hop_s=10.0)
_WINDOW = 1024
_FINE = 40
"""Samples, of 2.5 ms: what a peak, and the least hop between two windows, stands for."""
_SILENT = 1e-9
_LOWEST_HZ = 40.0
_RANGE_DB = 80.0
_LEAST_LOUD_DB = -20.0
"""Of a bin of a window: a tone at -68 dB of full scale. What is fainter is dark, and so is silence."""
_SHADES: tuple[tuple[int, int, int], ...] = (
    (10, 12, 28),
    (46, 30, 92),
    (110, 40, 122),
    (178, 54, 112),
    (228, 88, 84),
    (250, 150, 84),
    (252, 214, 140),
    (252, 250, 214),
)
"""From silent to loud, of rising lightness, so that it reads without colours, too."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waveform:
    """How loud a sound is from column to column.

    Attributes
    ----------
    peaks : np.ndarray [shape=(n,), float32]
        The largest distance from zero in each column, as a share of the largest of all; 0 throughout a silent sound.
    duration_s : float
    """

    peaks: Float32Array
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A short piece of a sound, to be heard and seen where the sound itself is not.

    Attributes
    ----------
    sound : bytes
        MP3, one channel.
    spectrogram : bytes
        JPEG.
    peaks : np.ndarray [shape=(n,), float32]
        As those of a `Waveform`.
    start_s, end_s : float
        Where it lies in the sound.
    """

    sound: bytes
    spectrogram: bytes
    peaks: Float32Array
    start_s: float
    end_s: float


def waveform(path: str, *, columns: int = COLUMNS) -> Waveform:
    """Measure how loud a sound, or that of a video, is from column to column.

    Parameters
    ----------
    path : str
    columns : int
        How many at the most: a sound shorter than so many samples has fewer.

    Returns
    -------
    Waveform

    Raises
    ------
    MediaError
        If it cannot be decoded, or has no sound.
    """
    return _measured(path, _pieces(path, rate_hz=RATE_HZ), columns)


def spectrogram(path: str, *, duration_s: float | None = None, columns: int = COLUMNS, rows: int = ROWS) -> bytes:
    """Draw how loud each frequency is over time: low ones below, on a logarithmic scale, 80 dB from dark to light.

    Parameters
    ----------
    path : str
    duration_s : float, optional
        How long it lasts, where that is known: of short sounds, more is drawn.
    columns, rows : int
        Pixels at the most.

    Returns
    -------
    bytes
        PNG.

    Raises
    ------
    MediaError
        If it cannot be decoded, or has no sound.
    """
    return media.pixels_as_png(_drawn(path, _pieces(path, rate_hz=RATE_HZ), duration_s, columns, rows))


def excerpt(path: str, *, start_s: float = 0.0, end_s: float | None = None) -> bytes:
    """Decode part of a sound, or of that of a video, for browsers that do not play its format.

    Parameters
    ----------
    path : str
    start_s, end_s : float
        The part, in seconds; of a longer one, the first two minutes.

    Returns
    -------
    bytes
        WAVE, one channel, 16 bits.

    Raises
    ------
    MediaError, UsageError
        If it cannot be decoded, has no sound, or no such part.
    """
    latest_s = start_s + LONGEST_EXCERPT_S
    end_s = latest_s if end_s is None else min(end_s, latest_s)
    pieces = list(_pieces(path, rate_hz=EXCERPT_RATE_HZ, start_s=start_s, end_s=end_s))
    if not pieces:
        raise EmptyMediaError(path, "has no sound there")
    return media.samples_as_wave(np.concatenate(pieces), sample_rate_hz=EXCERPT_RATE_HZ)


def clip(path: str, *, start_s: float = 0.0, most_s: float = CLIP_S, columns: int = COLUMNS, rows: int = ROWS) -> Clip:
    """Take a short piece out of a sound, or out of that of a video.

    Parameters
    ----------
    path : str
    start_s, most_s : float
        Where it begins, and how long it is at the most, in seconds.
    columns, rows : int
        Of peaks and of pixels, at the most.

    Returns
    -------
    Clip

    Raises
    ------
    MediaError, UsageError
        If it cannot be decoded, has no sound, or none there.
    """
    part = {"start_s": start_s, "end_s": start_s + most_s}
    heard = list(_pieces(path, rate_hz=CLIP_RATE_HZ, **part))
    if not heard:
        raise EmptyMediaError(path, "has no sound there")
    samples = np.concatenate(heard)
    seen = list(_pieces(path, rate_hz=RATE_HZ, **part))
    length_s = len(samples) / CLIP_RATE_HZ
    return Clip(
        sound=media.samples_as_mp3(samples, sample_rate_hz=CLIP_RATE_HZ),
        spectrogram=media.pixels_as_jpeg(_drawn(path, seen, length_s, columns, rows), longer_side_px=columns),
        peaks=_measured(path, seen, columns).peaks,
        start_s=start_s,
        end_s=start_s + length_s,
    )


def _measured(path: str, pieces: Iterable[Float32Array], columns: int) -> Waveform:
    # Finer at first, since how long it lasts is known at the end.
    fine = [np.abs(block).max(axis=1) for block in _windows(path, pieces, size=_FINE, hop=_FINE)]
    peaks = np.concatenate(fine)
    duration_s = len(peaks) * _FINE / RATE_HZ
    return Waveform(peaks=_loudest(peaks, columns) / max(float(peaks.max()), _SILENT), duration_s=duration_s)


def _drawn(path: str, pieces: Iterable[Float32Array], duration_s: float | None, columns: int, rows: int) -> Uint8Array:
    """Draw a spectrogram as pixels ``[shape=(height, width, 3), uint8]``."""
    bands = _bands(rows)
    hop = _WINDOW if duration_s is None else int(np.clip(duration_s * RATE_HZ / columns, _FINE, _WINDOW))
    windows = _windows(path, pieces, size=_WINDOW, hop=hop)
    powers = [np.maximum.reduceat(_power(block), bands, axis=1) for block in windows]
    power = _loudest(np.concatenate(powers), columns)
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    loudest = np.float32(max(decibels.max(), _LEAST_LOUD_DB))
    shade = np.clip(1 + (decibels - loudest) / _RANGE_DB, 0, 1)
    return _coloured(shade.T[::-1])


def _pieces(
    path: str, *, rate_hz: int, start_s: float | None = None, end_s: float | None = None
) -> Iterator[Float32Array]:
    """Decode the sound of a file piece by piece, without overlap, silent ones too."""
    stream = media.open_media(path, sample_rate_hz=rate_hz, segmentation=_PIECE, start_s=start_s, end_s=end_s)
    for segment in stream.segments():
        if segment.modality == "sound":
            yield segment.data.astype(np.float32, copy=False)


def _windows(path: str, pieces: Iterable[Float32Array], *, size: int, hop: int) -> Iterator[Float32Array]:
    """Cut a sound into windows ``[shape=(m, size), float32]``, some at a time, the last filled up with silence.

    Raises
    ------
    EmptyMediaError
        If there is no sound.
    """
    rest = np.zeros(0, dtype=np.float32)
    found = False
    for piece in pieces:
        found = True
        samples = np.concatenate([rest, piece])
        if len(samples) >= size:
            windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
            yield windows
            samples = samples[len(windows) * hop :]
        rest = samples
    if not found:
        raise EmptyMediaError(path, "has no sound")
    if len(rest):
        yield np.pad(rest, (0, size - len(rest)))[None]


def _power(block: Float32Array) -> Float32Array:
    """Return the power of bins of windows ``[shape=(m, size)]``, each shaped by Hann's, as ``[shape=(m, bins)]``."""
    spectrum = np.fft.rfft(block * np.hanning(block.shape[1]).astype(np.float32), axis=1)
    power: Float32Array = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return power


def _bands(rows: int) -> npt.NDArray[np.int64]:
    """Return where bands of bins begin, as far apart as to be alike in octaves, and no two the same."""
    edges = np.geomspace(_LOWEST_HZ, RATE_HZ / 2, rows + 1)[:-1] / RATE_HZ * _WINDOW
    # Low bands are narrower than a bin: each begins at least one bin behind the one below it.
    return np.unique(np.maximum(edges.round().astype(np.int64), 1))


def _loudest(values: Float32Array, columns: int) -> Float32Array:
    """Reduce the first axis to so many at the most, each the largest of its share."""
    if len(values) <= columns:
        return values
    starts = np.linspace(0, len(values), columns, endpoint=False).astype(np.int64)
    reduced: Float32Array = np.maximum.reduceat(values, starts, axis=0)
    return reduced


def _coloured(shade: Float32Array) -> Uint8Array:
    """Give each value from 0 to 1 its colour."""
    places = np.linspace(0, 1, len(_SHADES))
    channels = [np.interp(shade, places, [colour[channel] for colour in _SHADES]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
