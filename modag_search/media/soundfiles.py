"""Sounds that libsndfile reads: one recording, or several joined end to end."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
import soundfile

from modag_search.errors import CorruptMediaError, EmptyMediaError, ModagError, UsageError
from modag_search.media.completeness import remarks_on
from modag_search.media.headers import has_broken_packets, read_header, remarks_in
from modag_search.media.kinds import begins_like_mpeg
from modag_search.media.loudness import LOSSY_FLOOR, MOST_BITS, integer_floor
from modag_search.media.opening import damage
from modag_search.media.recordings import is_multiplexed, recordings_in, remarks_on_breaking_off, remarks_on_joining
from modag_search.media.sounds import SoundPart, check_rate, sound_segments
from modag_search.media.views import View, read_at
from modag_search.media.windows import in_batches
from modag_search.values import Float32Array, MediaFacts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from modag_search.media.headers import Header
    from modag_search.media.request import DecodeRequest
    from modag_search.values import DecodedSegment

_READ_SAMPLES: Final = 4096  # what a damaged place costs at most
_GAPS: Final = tuple(_READ_SAMPLES * step // 4 for step in (1, 2, 3, 4, 6, 8, 12, 16, *(1 << n for n in range(5, 25))))
"""So far behind a damaged place, in samples, reading is tried again."""

_MOST_DAMAGES: Final = 1000
_UNKNOWN_LENGTH: Final = 1 << 62  # libsndfile's SF_COUNT_MAX stands for "not told"

_SLACK_S: Final = 0.02
"""What lacks is told in hundredths of a second, and codecs round to frames."""

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

_COUNTED: Final = "ALAC"
"""Of other codecs libsndfile shortens a sound to the bytes that are there; for these a table counts the packets."""

_NOISY: Final = "libsndfile's decoder of MPEG sound prints what is amiss on stderr, without a file's name"
_NOISY_OF_PACKETS: Final = "libsndfile prints on stdout, among answers, that a CAF's table of packets is broken"


class NotASoundError(Exception):
    """Not a sound to libsndfile; it may be one to FFmpeg."""


def decode_sound(file: BinaryIO, request: DecodeRequest) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode a sound with libsndfile.

    Of recordings that are joined end to end, all are read. A header that was never finished is read as if it had
    been. For a sound of which a part is missing, see `completeness`.

    Raises
    ------
    NotASoundError
        libsndfile does not know the format; nothing has been yielded.
    CorruptMediaError, EmptyMediaError, UsageError
    """
    parts = _Parts(file, request)
    form = yield from sound_segments(parts, request)
    return replace(parts.facts(), sound_form=form)


class _Parts:
    """The parts of a sound, one of each recording; what is known of it once they have been read."""

    def __init__(self, file: BinaryIO, request: DecodeRequest) -> None:
        self._request = request
        self._recordings = recordings_in(file)
        if any(map(is_multiplexed, self._recordings)):
            raise NotASoundError("libsndfile reads one stream of several, whichever comes first")
        self._headers = [read_header(recording) for recording in self._recordings]
        self._begins_s = self._reached_s = self._there_s = self._promised_s = Fraction(0)
        self._n_lost = 0
        self._has_decoded = False
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[SoundPart]:
        for number, (recording, header) in enumerate(zip(self._recordings, self._headers, strict=True)):
            try:
                finished = header.finish(recording)
                with _open_soundfile(finished) as sound:
                    yield from self._parts_of(sound, finished, header)
            except NotASoundError:
                if number == 0:
                    raise
                self._n_lost += 1

    def _parts_of(self, sound: soundfile.SoundFile, file: BinaryIO, header: Header) -> Iterator[SoundPart]:
        check_rate(self._request.path, sound.samplerate)
        blocks = _Blocks(sound, file, self._request, begins_s=self._begins_s)
        if blocks.is_wanted:
            start_s = float(self._begins_s + Fraction(blocks.start, sound.samplerate))
            yield SoundPart(sound.samplerate, _floor(sound.subtype), start_s, blocks, _lossless_bits(sound.subtype))
            self._has_decoded = self._has_decoded or blocks.position > blocks.start
            self._failure = self._failure or blocks.failure
        self._reached_s += Fraction(blocks.n_reached, sound.samplerate)
        self._there_s += Fraction(blocks.n_reached - blocks.n_damaged, sound.samplerate)
        promised_s = Fraction(blocks.n_promised, sound.samplerate)
        self._begins_s += promised_s
        if sound.subtype.startswith(_COUNTED):
            self._promised_s += promised_s
        elif header.share:
            self._promised_s += promised_s / Fraction(header.share)
        else:
            self._n_lost += 1

    def facts(self) -> MediaFacts:
        """Return what is known of the sound; valid once all parts have been read.

        Raises
        ------
        CorruptMediaError, EmptyMediaError, UsageError
            Nothing came out, or too little.
        """
        if not self._has_decoded:
            raise self._nothing_decoded()
        incomplete = remarks_on(
            self._request.path,
            there=float(self._there_s),
            promised=float(self._promised_s),
            slack=_SLACK_S,
        )
        joining = remarks_on_joining(len(self._recordings), n_lost=self._n_lost)
        unfinished = remarks_in(self._headers) or remarks_on_breaking_off(self._recordings)
        remarks = (*joining, *unfinished, *incomplete)
        return MediaFacts(kind="sound", duration_s=float(self._reached_s), remarks=remarks)

    def _nothing_decoded(self) -> ModagError:
        """Word that not a single sample came out."""
        path = self._request.path
        if self._failure is not None:
            return CorruptMediaError(path, damage(self._failure))
        if self._reached_s:
            return self._request.outside(float(self._reached_s))
        if self._promised_s or not all(header.share for header in self._headers):
            return CorruptMediaError(path, "is cut off: its header promises sound, but none is there")
        if self._request.start_s > 0:
            return UsageError(f"{path}: ends before {self._request.start_s:g} s")
        return EmptyMediaError(path, "holds no samples")


class _Blocks:
    """The blocks, ``[shape=(n, channels)]``, of the part of a recording that is asked for; of what is damaged, silence.

    Attributes
    ----------
    start : int
        Where the part starts, in samples of this recording.
    position : int
        How far reading has come.
    n_damaged : int
        How many samples of silence stand for what does not decode.
    failure : Exception or None
        What was the matter with it last. What came counts: `completeness` judges whether it is enough.
    """

    def __init__(
        self, sound: soundfile.SoundFile, file: BinaryIO, request: DecodeRequest, *, begins_s: Fraction
    ) -> None:
        self._sound = sound
        self._file = file
        self._promised: int | None = sound.frames if sound.frames < _UNKNOWN_LENGTH else None
        self._is_before_end = begins_s < request.end_s
        self.start, stop = request.sample_range(sound.samplerate, begins_s=float(begins_s))
        self._wanted = min((end for end in (self._promised, stop) if end is not None), default=None)
        self.position = self.start
        self.n_damaged = 0
        self.failure: Exception | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the part lies in this recording, as far as its header tells."""
        return self._is_before_end and (self._wanted is None or self.start < self._wanted)

    @property
    def n_reached(self) -> int:
        """How many samples there are, as far as was read; beyond that, those that the header promises."""
        if self._promised is not None and (not self.is_wanted or self.position == self._wanted):
            return self._promised
        return self.position if self.position > self.start else 0

    @property
    def n_promised(self) -> int:
        """How many samples the header promises; what was read where it promises nothing."""
        return self.position if self._promised is None else self._promised

    def __iter__(self) -> Iterator[Float32Array]:
        return in_batches(self._parts())

    def _parts(self) -> Iterator[Float32Array]:
        for n_damages in range(_MOST_DAMAGES):
            try:
                if n_damages == 0:
                    self._go_to_start()
                yield from self._whole_parts()
            except soundfile.SoundFileError as error:
                self.failure = error
            else:
                return
            n_lost = self._pass_damage()
            if not n_lost:
                return
            for first in range(0, n_lost, _READ_SAMPLES):
                yield np.zeros((min(n_lost - first, _READ_SAMPLES), self._sound.channels), np.float32)

    def _whole_parts(self) -> Iterator[Float32Array]:
        while self._wanted is None or self.position < self._wanted:
            left = _READ_SAMPLES if self._wanted is None else self._wanted - self.position
            block = self._sound.read(min(left, _READ_SAMPLES), dtype="float32", always_2d=True)
            if not len(block):
                return
            self.position += len(block)
            yield block

    def _pass_damage(self) -> int:
        """Go to where it decodes again; return how many samples lie between, 0 where nothing more decodes.

        libsndfile's decoder of FLAC gives up at a frame that is damaged, but one that is new finds those behind it.
        """
        for gap in _GAPS:
            place = self.position + gap
            if self._wanted is None or place >= self._wanted:
                return 0
            self._sound.close()
            with suppress(soundfile.SoundFileError):
                self._sound = _opened(self._file)
                self._sound.seek(place)
                if len(self._sound.read(1)):
                    self._sound.seek(place)
                    self.position = place
                    self.n_damaged += gap
                    return gap
        return 0

    def _go_to_start(self) -> None:
        if not self.start:
            return
        try:
            self._sound.seek(self.start)
        except soundfile.SoundFileError:  # in GSM 6.10, ADPCM of G.721 and the like there is no going anywhere
            left = self.start
            while left and (n_read := len(self._sound.read(min(left, _READ_SAMPLES), dtype="float32"))):
                left -= n_read
            if left:
                raise  # it lies at a damaged place


def _floor(subtype: str) -> float:
    if subtype in ("FLOAT", "DOUBLE"):
        return 0.0  # of any scale, so that nothing but one and the same value is silence
    return integer_floor(_BITS[subtype]) if subtype in _BITS else LOSSY_FLOOR


def _lossless_bits(subtype: str) -> int | None:
    if subtype in ("FLOAT", "DOUBLE"):
        return MOST_BITS
    return min(_BITS[subtype], MOST_BITS) if subtype.startswith(("PCM_", "ALAC_")) else None


@contextmanager
def _open_soundfile(file: BinaryIO) -> Iterator[soundfile.SoundFile]:
    if begins_like_mpeg(read_at(file, 3, 0)):
        raise NotASoundError(_NOISY)
    if has_broken_packets(file):
        raise NotASoundError(_NOISY_OF_PACKETS)
    try:
        sound = _opened(file)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise NotASoundError(str(error)) from error
    with sound:
        if sound.subtype.startswith("MPEG_LAYER"):
            raise NotASoundError(_NOISY)
        yield sound


def _opened(file: BinaryIO) -> soundfile.SoundFile:
    file.seek(0)
    # By descriptor: names that are not UTF-8 work, and libsndfile goes by the content, not the name.
    return _ForwardSound(file if isinstance(file, View) else file.fileno(), closefd=False)


class _ForwardSound(soundfile.SoundFile):  # type: ignore[misc] # soundfile has no types
    """A sound that is read from start to end.

    Where a file can be sought, soundfile seeks after each block that it reads. That costs time, and makes the
    decoders of lossy formats stumble at each block.
    """

    def seekable(self) -> bool:
        return False
