"""Sounds: from samples, block by block, to windows at the rate that an encoder asks for."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.media.loudness import MOST_CHANNELS, loudest_channel, peak_about_mean
from modag_search.media.request import RESAMPLER_QUALITY
from modag_search.media.windows import cut
from modag_search.values import DecodedSegment, Float32Array, SoundForm

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from modag_search.media.request import DecodeRequest

LOUDEST_SAMPLE: Final = 1e10
"""Larger samples, of which 1 is full scale, are damage. Integers of 32 bits stored as floats still pass, and the
power of a spectrum still fits a float32."""

LOWEST_RATE_HZ: Final = 1_000
HIGHEST_RATE_HZ: Final = 768_000


class SoundPart(NamedTuple):
    """A part of a sound, at one sample rate.

    Attributes
    ----------
    rate_hz : int
    floor : float
        Windows that go no further from their mean are silent: what the file's format cannot tell from nothing.
    start_s : float
        When it begins, in seconds from the file's start.
    blocks : Iterable of np.ndarray [shape=(n, channels), float32]
        Of that which is asked for; all of them have as many channels.
    bits : int or None
        As in `SoundForm`.
    """

    rate_hz: int
    floor: float
    start_s: float
    blocks: Iterable[Float32Array]
    bits: int | None = None


def sound_segments(
    parts: Iterable[SoundPart], request: DecodeRequest
) -> Generator[DecodedSegment, None, SoundForm | None]:
    """Resample and cut a sound, and take the loudest channel of each window, or all.

    Parameters
    ----------
    parts : Iterable of SoundPart
        One after the other without a gap; each is asked for once the one before it has been read.
    request : DecodeRequest

    Returns
    -------
    SoundForm or None
        None where nothing came.

    Yields
    ------
    DecodedSegment
    """
    parts = iter(parts)
    first = next(parts, None)
    if first is None:
        return None
    wanted_hz, n_channels = request.sample_rate_hz or first.rate_hz, 0
    window = max(round(request.segmentation.window_s * wanted_hz), 1)
    hop = max(round(request.segmentation.hop_s * wanted_hz), 1)
    for start, channels in cut(_resampled(chain([first], parts), wanted_hz), window=window, hop=hop):
        _check_samples(request.path, channels)
        loudest, n_channels = loudest_channel(channels), channels.shape[1]
        peak = peak_about_mean(loudest)
        yield DecodedSegment(
            modality="sound",
            start_s=first.start_s + start / wanted_hz,
            end_s=first.start_s + (start + len(channels)) / wanted_hz,
            data=channels if request.all_channels else loudest,
            status="silent" if peak <= first.floor else "ok",
            peak=peak,
        )
    return SoundForm(first.rate_hz, n_channels, first.bits) if n_channels else None


def resample(blocks: Iterable[Float32Array], *, rate_hz: int, sample_rate_hz: int) -> Iterator[Float32Array]:
    """Resample a sound, ``[shape=(n, channels)]``, block by block with soxr.

    The same blocks always give the same samples. The mean of the first block is set aside meanwhile: to a resampler a
    sound comes out of zeros, so that one with an offset would begin and end with a crack, often louder than itself.
    """
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        return
    blocks = chain([first], blocks)
    if rate_hz == sample_rate_hz:
        yield from blocks
        return
    import soxr

    with _any_samples():
        offset = first.mean(axis=0, dtype=np.float64).astype(np.float32)
    stream = soxr.ResampleStream(rate_hz, sample_rate_hz, len(offset), dtype="float32", quality=RESAMPLER_QUALITY)
    has_output = False
    for block in blocks:
        with _any_samples():
            output = stream.resample_chunk(block - offset)
            output += offset
        if len(output):
            has_output = True
            yield output
    tail = stream.resample_chunk(np.empty((0, len(offset)), np.float32), last=True)
    if len(tail):
        with _any_samples():
            tail += offset
        yield tail
    elif not has_output:
        yield first[:1]  # shorter than one sample at the new rate, yet not nothing


def _any_samples() -> np.errstate:
    """Let samples pass that are not numbers or too large, which `_check_samples` refuses."""
    return np.errstate(over="ignore", invalid="ignore")


def check_rate(path: str, rate_hz: int) -> None:
    """Refuse sample rates that no recording has."""
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise CorruptMediaError(path, f"claims a sample rate of {rate_hz} Hz")


def _resampled(parts: Iterable[SoundPart], sample_rate_hz: int) -> Iterator[Float32Array]:
    """Bring the parts of a sound to one rate, and to the number of channels of the first."""
    n_channels = 0
    for part in parts:
        blocks = map(_few_channels, part.blocks)
        for block in resample(blocks, rate_hz=part.rate_hz, sample_rate_hz=sample_rate_hz):
            n_channels = n_channels or block.shape[1]
            yield _of_channels(block, n_channels)


def _of_channels(block: Float32Array, n_channels: int) -> Float32Array:
    """Put the loudest channel in place of each where there are more or fewer: whichever a window takes, has it."""
    if block.shape[1] == n_channels:
        return block
    loudest = block if block.shape[1] == 1 else _loudest_about_mean(block)
    return np.repeat(loudest, n_channels, axis=1)


def _few_channels(block: Float32Array) -> Float32Array:
    return block if block.shape[1] <= MOST_CHANNELS else _loudest_about_mean(block)


def _loudest_about_mean(block: Float32Array) -> Float32Array:
    """Reduce channels to one, about its mean: another block may take one with another offset."""
    loudest = loudest_channel(block)
    with _any_samples():
        about_mean: Float32Array = loudest - loudest.mean(dtype=np.float64).astype(np.float32)
    return about_mean[:, None]


def _check_samples(path: str, samples: Float32Array) -> None:
    lowest, highest = float(samples.min()), float(samples.max())
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise CorruptMediaError(path, "holds samples that are not numbers")
    peak = max(-lowest, highest)
    if peak > LOUDEST_SAMPLE:
        raise CorruptMediaError(path, f"is damaged: holds samples of {peak:.0e}, where 1 is full scale")
