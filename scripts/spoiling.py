"""What happens to a recording on its way: lossy codecs, few bits, telephones, clipping."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import soxr

if TYPE_CHECKING:
    import numpy.typing as npt

SAMPLE_RATE_HZ = 32_000
_CODECS = {
    "libmp3lame": ("mp3", 32_000, (32_000, 48_000, 64_000, 96_000)),
    "libopus": ("ogg", 48_000, (16_000, 24_000, 48_000)),
    "aac": ("adts", 32_000, (32_000, 64_000)),
}


def spoilt(samples: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Spoil a sound in one way.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), float32]
        Mono, at 32 kHz.
    random : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n,), float32]
        At any level.
    """
    ways = (_quietly_quantised, _through_a_codec, _through_a_telephone, _clipped)
    chosen = ways[random.choice(len(ways), p=(0.5, 0.3, 0.1, 0.1))]
    return np.nan_to_num(chosen(samples, random))[: len(samples)].astype(np.float32)


def _quietly_quantised(samples: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Record it 20 to 62 dB below full scale with 16 bits."""
    peak = np.abs(samples).max(initial=1e-9)
    quiet = samples / peak * 10 ** (random.uniform(-62, -20) / 20)
    rounded: npt.NDArray[np.float32] = np.round(quiet * 32768) / 32768
    return rounded


def _through_a_codec(samples: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    name = random.choice(list(_CODECS))
    container_format, rate_hz, rates = _CODECS[str(name)]
    peak = max(1.0, float(np.abs(samples).max(initial=0.0)))
    given = soxr.resample(samples / peak, SAMPLE_RATE_HZ, rate_hz).astype(np.float32)
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(str(name), rate=rate_hz, layout="mono", bit_rate=int(random.choice(rates)))
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(given[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            format=stream.codec_context.format or "fltp",
            layout="mono",
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or None,
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as coded:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate_hz)
        frames = [out for frame in coded.decode(audio=0) for out in resampler.resample(frame)]
    decoded = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    resampled: npt.NDArray[np.float32] = soxr.resample(decoded, rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
    return resampled


def _through_a_telephone(samples: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Keep what a sample rate of 8 to 16 kHz leaves."""
    rate_hz = int(random.choice([8_000, 11_025, 16_000]))
    narrow = soxr.resample(samples, SAMPLE_RATE_HZ, rate_hz)
    wide: npt.NDArray[np.float32] = soxr.resample(narrow, rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
    return wide


def _clipped(samples: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    peak = np.abs(samples).max(initial=1e-9)
    clipped: npt.NDArray[np.float32] = np.clip(samples / peak * 10 ** (random.uniform(2, 12) / 20), -1, 1)
    return clipped
