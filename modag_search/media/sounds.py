"""Sounds: from a file's samples, block by block, to windows at the rate that an encoder asks for."""

from __future__ import annotations

import math
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
import soundfile

from modag_search.errors import CorruptMediaError, EmptyMediaError, ModagError, UsageError
from modag_search.media.chunks import promised_share
from modag_search.media.kinds import begins_like_mpeg
from modag_search.media.loudness import LOSSY_FLOOR, MOST_CHANNELS, integer_floor, loudest_channel, peak_about_mean
from modag_search.media.opening import damage
from modag_search.media.request import RESAMPLER_QUALITY
from modag_search.media.windows import cut, in_batches
from modag_search.values import DecodedSegment, Float32Array, MediaFacts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from modag_search.media.request import DecodeRequest

LOUDEST_SAMPLE: Final = 1e10
"""Larger samples, of which 1 is full scale, are damage. Integers of 32 bits stored as floats still pass, and the
power of a spectrum still fits a float32."""

LOWEST_RATE_HZ: Final = 1_000
HIGHEST_RATE_HZ: Final = 768_000
SHARE_THAT_MUST_DECODE: Final = 0.9
"""A sound that ends before this share of what its header promises counts as damaged."""

_READ_SAMPLES: Final = 4096  # what a damaged place costs at most
_UNKNOWN_LENGTH: Final = 1 << 62  # libsndfile's SF_COUNT_MAX stands for "not told"

# Bits of libsndfile's formats whose samples are integers, and those that the smallest step of a law or of an adaptive
# code stands for. A-law has no zero: silence toggles between the two steps beside it.
_BITS: Final = {
    **dict.fromkeys(("PCM_S8", "PCM_U8", "DPCM_8"), 8),
    **dict.fromkeys(("ALAW", "ULAW", "GSM610"), 13),
    **dict.fromkeys(("PCM_16", "ALAC_16", "DPCM_16", "DWVW_16", "IMA_ADPCM", "MS_ADPCM"), 16),
    "DWVW_12": 12,
    "ALAC_20": 20,
    **dict.fromkeys(("PCM_24", "ALAC_24", "DWVW_24"), 24),
    **dict.fromkeys(("PCM_32", "ALAC_32"), 32),
}


_NOISY: Final = "libsndfile's decoder of MPEG sound prints what is amiss on stderr, without a file's name"


class NotASoundError(Exception):
    """Not a sound to libsndfile; it may be one to FFmpeg."""


def decode_sound(file: BinaryIO, request: DecodeRequest) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode a sound with libsndfile.

    A sound that ends a little early (see `SHARE_THAT_MUST_DECODE`) is taken as it is; one that lacks more
    is an error, whether its header or its decoder says so.

    Raises
    ------
    NotASoundError
        libsndfile does not know the format; nothing has been yielded.
    CorruptMediaError, EmptyMediaError, UsageError
    """
    path = request.path
    with _open_soundfile(file) as sound:
        check_rate(path, sound.samplerate)
        blocks = _SoundfileBlocks(sound, request)
        start_s = blocks.start / sound.samplerate
        floor = _floor(sound.subtype)
        yield from sound_segments(blocks, request, rate_hz=sound.samplerate, floor=floor, start_s=start_s)
        if blocks.position == blocks.start:
            raise blocks.nothing_decoded()
        check_complete(path, decoded=blocks.position, promised=blocks.wanted, rate_hz=sound.samplerate)
        return MediaFacts(kind="sound", duration_s=blocks.duration_s())


def sound_segments(
    blocks: Iterable[Float32Array], request: DecodeRequest, *, rate_hz: int, floor: float, start_s: float
) -> Iterator[DecodedSegment]:
    """Resample and cut a sound, and take the loudest channel of each window.

    Parameters
    ----------
    blocks : Iterable of np.ndarray [shape=(n, channels), float32]
        The part of the sound that is asked for.
    request : DecodeRequest
    rate_hz : int
        Rate of `blocks`.
    floor : float
        Windows that go no further from their mean are silent: what the file's format cannot tell from nothing.
    start_s : float
        When the part begins, in seconds from the file's start.

    Yields
    ------
    DecodedSegment
    """
    wanted_hz = request.sample_rate_hz
    window = max(round(request.segmentation.window_s * wanted_hz), 1)
    hop = max(round(request.segmentation.hop_s * wanted_hz), 1)
    resampled = resample(map(_few_channels, blocks), rate_hz=rate_hz, sample_rate_hz=wanted_hz)
    for start, channels in cut(resampled, window=window, hop=hop):
        _check_samples(request.path, channels)
        data = loudest_channel(channels)
        peak = peak_about_mean(data)
        yield DecodedSegment(
            modality="sound",
            start_s=start_s + start / wanted_hz,
            end_s=start_s + (start + len(data)) / wanted_hz,
            data=data,
            status="silent" if peak <= floor else "ok",
            peak=peak,
        )


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


def check_not_cut_off(file: BinaryIO, path: str) -> None:
    """Refuse a sound that lacks many of the bytes that its header promises."""
    share = promised_share(file)
    if share < SHARE_THAT_MUST_DECODE:
        raise CorruptMediaError(path, f"is cut off: only {share:.0%} of what its header promises is there")


def check_rate(path: str, rate_hz: int) -> None:
    """Refuse sample rates that no recording has."""
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise CorruptMediaError(path, f"claims a sample rate of {rate_hz} Hz")


def check_complete(path: str, *, decoded: int, promised: int | None, rate_hz: int) -> None:
    """Refuse a sound that ends well before its header says that it does."""
    if promised is not None and decoded < promised * SHARE_THAT_MUST_DECODE:
        raise CorruptMediaError(
            path, f"ends after {decoded / rate_hz:.2f} s of the {promised / rate_hz:.2f} s that it promises"
        )


def _few_channels(block: Float32Array) -> Float32Array:
    """Reduce many channels to one, about its mean: another block may take one with another offset."""
    if block.shape[1] <= MOST_CHANNELS:
        return block
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


def _floor(subtype: str) -> float:
    if subtype in ("FLOAT", "DOUBLE"):
        return 0.0  # of any scale, so that nothing but one and the same value is silence
    return integer_floor(_BITS[subtype]) if subtype in _BITS else LOSSY_FLOOR


@contextmanager
def _open_soundfile(file: BinaryIO) -> Iterator[soundfile.SoundFile]:
    file.seek(0)
    if begins_like_mpeg(file.read(3)):
        raise NotASoundError(_NOISY)
    file.seek(0)
    try:
        # By descriptor: names that are not UTF-8 work, and libsndfile goes by the content, not the name.
        sound = _ForwardSound(file.fileno(), closefd=False)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise NotASoundError(str(error)) from error
    with sound:
        if sound.subtype.startswith("MPEG_LAYER"):
            raise NotASoundError(_NOISY)
        yield sound


class _ForwardSound(soundfile.SoundFile):  # type: ignore[misc] # soundfile has no types
    """A sound that is read from start to end.

    Where a file can be sought, soundfile seeks after each block that it reads. That costs time, and makes the
    decoders of lossy formats stumble at each block.
    """

    def seekable(self) -> bool:
        return False


class _SoundfileBlocks:
    """The blocks, ``[shape=(n, channels)]``, of the part of a sound that is asked for.

    Attributes
    ----------
    start, wanted : int
        Where the part starts and ends, in samples; `wanted` is None where the header gives no length.
    position : int
        How far reading has come.
    """

    def __init__(self, sound: soundfile.SoundFile, request: DecodeRequest) -> None:
        self._sound = sound
        self._request = request
        self._promised = sound.frames if sound.frames < _UNKNOWN_LENGTH else None
        self.start, stop = request.sample_range(sound.samplerate)
        if self._promised and self.start >= self._promised:
            raise request.outside(self._promised / sound.samplerate)
        self.wanted = min((end for end in (self._promised, stop) if end is not None), default=None)
        self.position = self.start
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[Float32Array]:
        return in_batches(self._parts())

    def _parts(self) -> Iterator[Float32Array]:
        try:
            if self.start:
                self._sound.seek(self.start)
            while self.wanted is None or self.position < self.wanted:
                left = _READ_SAMPLES if self.wanted is None else self.wanted - self.position
                block = self._sound.read(min(left, _READ_SAMPLES), dtype="float32", always_2d=True)
                if not len(block):
                    return
                self.position += len(block)
                yield block
        except soundfile.SoundFileError as error:
            self._failure = error  # what came before counts; `check_complete` judges whether it is enough

    def duration_s(self) -> float:
        """Return how long the whole sound lasts, by what was decoded or else by its header."""
        reads_to_end = self._promised is None or self.wanted == self._promised
        samples = self.position if reads_to_end else self._promised or 0
        return samples / float(self._sound.samplerate)

    def nothing_decoded(self) -> ModagError:
        """Word that not a single sample came out."""
        if self._failure is not None:
            return CorruptMediaError(self._request.path, damage(self._failure))
        if self._promised is None and self.start > 0:
            return UsageError(f"{self._request.path}: ends before {self._request.start_s:g} s")
        return EmptyMediaError(self._request.path, "holds no samples")
