"""The input of the packaged sound network: a log-mel spectrogram of a sound brought to one level; numpy alone.

Dense on purpose: this runs for every window of sound, beside the network it costs most, and what it does to a sample
is part of what a feature means.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.encoders.mel_bank import MelBank

if TYPE_CHECKING:
    from modag_search.values import Float32Array

SAMPLE_RATE_HZ: Final = 32_000
FRAMES_A_SECOND: Final = 100
MEL_BANDS: Final = 128

LEVEL_DBFS: Final = -36.0
"""Level (root mean square) that the pre-emphasised samples of every sound are brought to.

After pre-emphasis, since that is what the network sees: a bass and a cymbal of one loudness then fill the same range.
"""

FLOOR: Final = 1e-3
"""Power that is added in every band, about 46 dB below a pure tone of that level: what lies far below the loudest is
hidden, be it the hiss of a room, of a converter or of 16 bits."""

_FFT_SIZE: Final = 1024
_WINDOW_SIZE: Final = 800
_HOP_SIZE: Final = SAMPLE_RATE_HZ // FRAMES_A_SECOND
_TOP_HZ: Final = 15_000.0
_PREEMPHASIS: Final = np.float32(0.97)
_FRAMES_AT_ONCE: Final = 128  # as many as stay in a processor's cache between the steps


def emphasised(samples: Float32Array) -> Float32Array:
    """Take away the mean of a sound and most of its low frequencies, and bring what is left to `LEVEL_DBFS`.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), float32]
        Mono, at any level; at least two samples.

    Returns
    -------
    np.ndarray [shape=(n - 1,), float32]
        ``y[t] = x[t + 1] - 0.97 x[t]``, as the network's authors have it, at one level; zeros where the sound is
        constant.
    """
    # The loudest sample comes to 1 first, so that no square over- or underflows whatever the scale was.
    centred = samples - samples.mean(dtype=np.float64).astype(np.float32)
    peak = np.abs(centred).max(initial=0.0)
    if not peak > 0:
        return np.zeros(max(len(samples) - 1, 0), dtype=np.float32)
    centred /= peak
    differences: Float32Array = centred[1:] - _PREEMPHASIS * centred[:-1]
    level = np.sqrt(np.mean(np.square(differences), dtype=np.float64))
    return differences * np.float32(10 ** (LEVEL_DBFS / 20) / max(level, 1e-6))


def mel_power(signal: Float32Array) -> Float32Array:
    """Compute the power in 128 mel bands, 100 times a second.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,), float32]
        Pre-emphasised, at 32 kHz; more than half a Fourier window long.

    Returns
    -------
    np.ndarray [shape=(128, 1 + n // 320), float32]
        Column ``t`` is centred on sample ``320 t``; the ends are mirrored.

    References
    ----------
    Schmid, Koutini, Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation",
    ICASSP 2023, and its code: Hann windows of 800 samples that are not periodic, Kaldi's mel bands to 15 kHz.
    """
    window, bank = _window(), _mel_bank()
    margin = _WINDOW_SIZE // 2
    mirrored = np.pad(signal, margin, mode="reflect")
    n_frames = 1 + len(signal) // _HOP_SIZE
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, _WINDOW_SIZE)[::_HOP_SIZE][:n_frames]
    power = np.empty((MEL_BANDS, n_frames), dtype=np.float32)
    # The window stands at the start of the Fourier frame, not in its middle: that turns phases, not powers.
    windowed = np.zeros((_FRAMES_AT_ONCE, _FFT_SIZE), dtype=np.float32)
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        part = frames[start : start + _FRAMES_AT_ONCE]
        np.multiply(part, window, out=windowed[: len(part), :_WINDOW_SIZE])
        spectrum = np.fft.rfft(windowed[: len(part)])[:, bank.bins]
        bins = np.square(spectrum.real)
        bins += np.square(spectrum.imag)
        power[:, start : start + len(part)] = bank(np.ascontiguousarray(bins.T))
    return power


def standardised_log(power: Float32Array) -> Float32Array:
    """Bring mel power to the range that the network was trained on: ``(ln(power + FLOOR) + 4.5) / 5``."""
    logarithm: Float32Array = np.log(power + np.float32(FLOOR))
    logarithm += np.float32(4.5)
    logarithm /= np.float32(5.0)
    return logarithm


@functools.cache
def _window() -> Float32Array:
    window: Float32Array = np.hanning(_WINDOW_SIZE).astype(np.float32)
    return window


@functools.cache
def _mel_bank() -> MelBank:
    """Make Kaldi's bands, which are triangles in mel."""
    # The Nyquist bin has no weight in them.
    hertz = np.arange(_FFT_SIZE // 2) * (SAMPLE_RATE_HZ / _FFT_SIZE)
    return MelBank(_mel(hertz) / (_mel(np.array([_TOP_HZ])) / (MEL_BANDS + 1)), bands=MEL_BANDS)


def _mel(hertz: np.ndarray) -> np.ndarray:
    mel: np.ndarray = 1127.0 * np.log1p(hertz / 700.0)
    return mel
