"""Mel spectrograms as the sound networks expect them."""

from __future__ import annotations

import functools

import torch
from torch.nn import functional
from torchaudio.compliance import kaldi

SAMPLE_RATE_HZ = 32_000
FRAMES_A_SECOND = 100
MEL_BANDS = 128

_FFT_SIZE = 1024
_WINDOW_SIZE = 800
_HOP_SIZE = 320
_TOP_HZ = 15_000.0
_PREEMPHASIS = 0.97
_FLOOR = 1e-5


@functools.cache
def _mel_filters() -> torch.Tensor:
    """Kaldi's triangles ``[shape=(bands, bins)]``; its bank leaves out the Nyquist bin, which gets no weight."""
    triangles, _ = kaldi.get_mel_banks(
        MEL_BANDS,
        _FFT_SIZE,
        sample_freq=SAMPLE_RATE_HZ,
        low_freq=0.0,
        high_freq=_TOP_HZ,
        vtln_low=100.0,
        vtln_high=-500.0,
        vtln_warp_factor=1.0,
    )
    return functional.pad(triangles, (0, 1))


def log_mel(samples: torch.Tensor) -> torch.Tensor:
    """Compute the front end of EfficientAT: natural logarithm of the power in 128 Kaldi mel bands.

    Parameters
    ----------
    samples : torch.Tensor [shape=(n,)]
        Mono, at 32 kHz.

    Returns
    -------
    torch.Tensor [shape=(128, 1 + (n - 1) // 320)]
        100 frames a second.

    References
    ----------
    Schmid, Koutini, Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation",
    ICASSP 2023; its code uses no dither and this first-difference pre-emphasis.
    """
    emphasised = samples[1:] - _PREEMPHASIS * samples[:-1]
    spectrum = torch.stft(
        emphasised,
        _FFT_SIZE,
        hop_length=_HOP_SIZE,
        win_length=_WINDOW_SIZE,
        window=torch.hann_window(_WINDOW_SIZE, periodic=False),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.log(_mel_filters() @ power + _FLOOR)


def standardise(log_power: torch.Tensor) -> torch.Tensor:
    """Shift and scale a log-mel spectrogram to the range that the networks were trained on."""
    return (log_power + 4.5) / 5.0


def repeat_to(samples: torch.Tensor, *, shortest: int) -> torch.Tensor:
    """Repeat a sound that is shorter than `shortest` samples until it is that long."""
    if samples.shape[0] >= shortest:
        return samples
    return samples.repeat(-(-shortest // samples.shape[0]))[:shortest]
