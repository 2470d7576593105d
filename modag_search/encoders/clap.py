"""CLAP with HTSAT, as LAION trained it: sounds, and words for them."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from modag_search.encoders.base import EncoderCard
from modag_search.encoders.mel_bank import MelBank
from modag_search.encoders.towers import TowerEncoder
from modag_search.encoders.weights import WeightsFile
from modag_search.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import torch

    from modag_search.values import Float32Array, Uint8Array

_REVISION = "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a"
_ADDRESS = f"https://huggingface.co/laion/clap-htsat-unfused/resolve/{_REVISION}"
_SAMPLE_RATE_HZ: Final = 48_000
_WINDOW: Final = 10 * _SAMPLE_RATE_HZ
_FFT_SIZE: Final = 1024
_HOP: Final = 480
_MEL_BANDS: Final = 64
_BAND_HZ: Final = (50.0, 14_000.0)
_LEAST_POWER: Final = 1e-10
_FRAMES_AT_ONCE: Final = 128


class Clap(TowerEncoder):
    """Sounds to 512 features that can be compared with those of texts.

    The network hears 10 s. Of a longer segment it hears as many windows of 10 s as cover it, and what it makes of them
    is averaged before it gets unit length; a shorter one is repeated as often as it fits.
    """

    name = "clap"
    modality = "sound"
    dimension = 512
    sample_rate_hz = _SAMPLE_RATE_HZ
    caption = "This is a sound of {}."
    architecture: ClassVar[Mapping[str, Any]] = {}  # all of it is what transformers takes by default
    card = EncoderCard(
        summary="sounds and words, trained on 630,000 captioned sounds and AudioSet; needs modag-search[transformers]",
        licence="Apache-2.0",
        source="huggingface.co/laion/clap-htsat-unfused",
        size_bytes=614_525_833,
    )
    weights = WeightsFile(
        encoder="clap",
        file_name="clap-htsat-unfused.bin",
        sha256="1cd3c601bc4afe0fa87be3de4c13dd2cfadd249fac1e29acf74a9b296c3219bb",
        address=f"{_ADDRESS}/pytorch_model.bin",
    )
    vocabulary = WeightsFile(
        encoder="clap",
        file_name="clap-htsat-unfused.tokenizer.json",
        sha256="77ef92283d67f0d97e1454909a964afcbfa2019f0fb9f18f8e88d5c25c3ba729",
        address=f"{_ADDRESS}/tokenizer.json",
    )

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to sounds before the network hears them."""
        return {
            "sample_rate_hz": self.sample_rate_hz,
            "window_s": _WINDOW / _SAMPLE_RATE_HZ,
            "shorter": "repeated, then silence",
            "longer": "mean of windows that cover it",
            "mel": [_MEL_BANDS, *_BAND_HZ],
        }

    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Make log-mel spectrograms of windows that cover a sound, ``[shape=(n_windows, 1, 1001, 64)]``, in dB."""
        samples = np.asarray(segment, dtype=np.float32)
        return np.stack([log_mel(window)[None] for window in windows(samples)])

    def build(self) -> torch.nn.Module:
        """Make the network, as transformers has it."""
        from transformers import ClapConfig, ClapModel

        network: torch.nn.Module = ClapModel(ClapConfig(**self.architecture))
        return network

    def read_weights(self) -> dict[str, torch.Tensor]:
        """Read the weights: tensors alone, although the file is a pickle."""
        import pickle

        import torch

        path = self.weights.ensure()
        try:
            weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise WeightsDamagedError(f"{path}: not the weights of a CLAP: {error}") from error
        return weights

    def own_features(self, prepared: torch.Tensor) -> torch.Tensor:
        """Run the tower of sounds on each window, and average."""
        import torch

        # Not get_audio_features, which brings each window to unit length.
        each = [self.model.audio_model(input_features=window[None]).pooler_output for window in prepared[0]]  # type: ignore[operator]
        projected: list[torch.Tensor] = [self.model.audio_projection(pooled) for pooled in each]  # type: ignore[operator]
        return torch.stack(projected).mean(dim=0)

    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Run the tower of texts."""
        features: torch.Tensor = self.model.get_text_features(input_ids=tokens).pooler_output  # type: ignore[operator]
        return features


def windows(samples: Float32Array) -> list[Float32Array]:
    """Cut a sound into windows of 10 s at equal distances, the last at its end, or fill one with it.

    What is shorter is repeated as often as it fits, and silence follows, as in training.
    """
    if len(samples) <= _WINDOW:
        repeated = np.tile(samples, _WINDOW // len(samples))
        return [np.pad(repeated, (0, _WINDOW - len(repeated)))]
    starts = np.linspace(0, len(samples) - _WINDOW, math.ceil(len(samples) / _WINDOW)).round().astype(np.int64)
    return [samples[start : start + _WINDOW] for start in starts.tolist()]


def log_mel(samples: Float32Array) -> Float32Array:
    """Compute the power in 64 mel bands, 100 times a second, in dB.

    In double precision until then: beside a loud tone, what is silent otherwise would be the noise of rounding.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), float32]
        At 48 kHz; more than half a Fourier frame long.

    Returns
    -------
    np.ndarray [shape=(1 + n // 480, 64), float32]
        Row ``t`` is centred on sample ``480 t``; the ends are mirrored.

    References
    ----------
    Wu, Chen, Zhang, Hui, Berg-Kirkpatrick, Dubnov, "Large-scale contrastive language-audio pretraining with feature
    fusion and keyword-to-caption augmentation", ICASSP 2023, and transformers' ``ClapFeatureExtractor``.
    """
    hann, bank, norms = _hann(), _mel_bank(), _norms()
    mirrored = np.pad(samples.astype(np.float64), _FFT_SIZE // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, _FFT_SIZE)[::_HOP]
    decibels = np.empty((len(frames), _MEL_BANDS), dtype=np.float32)
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * hann)[:, bank.bins]
        power = bank(np.ascontiguousarray((np.square(spectrum.real) + np.square(spectrum.imag)).T)) * norms
        decibels[start : start + _FRAMES_AT_ONCE] = 10 * np.log10(np.maximum(power.T, _LEAST_POWER))
    return decibels


@functools.cache
def _hann() -> npt.NDArray[np.float64]:
    return np.hanning(_FFT_SIZE + 1)[:-1]  # periodic


@functools.cache
def _mel_bank() -> MelBank:
    """Make Slaney's bands, which are triangles in hertz."""
    hertz = np.arange(_FFT_SIZE // 2 + 1) * (_SAMPLE_RATE_HZ / _FFT_SIZE)
    places = np.interp(hertz, _edges_hz(), np.arange(_MEL_BANDS + 2), left=-1)
    return MelBank(places, bands=_MEL_BANDS)


@functools.cache
def _norms() -> npt.NDArray[np.float64]:
    """Return what makes all bands' areas alike, ``[shape=(64, 1)]``."""
    edges = _edges_hz()
    return (2 / (edges[2:] - edges[:-2]))[:, None]


def _edges_hz() -> npt.NDArray[np.float64]:
    """Return where bands begin and end: at equal distances in Slaney's mel, linear to 1 kHz and then by ratio."""
    step = math.log(6.4) / 27  # of a mel above 1 kHz, which is 15 mel
    low, high = (hz * 3 / 200 if hz < 1000 else 15 + math.log(hz / 1000) / step for hz in _BAND_HZ)
    mels = np.linspace(low, high, _MEL_BANDS + 2)
    edges: npt.NDArray[np.float64] = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    return edges
