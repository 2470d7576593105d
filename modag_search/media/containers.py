"""FFmpeg's side of things, through PyAV: containers, their streams, and what these decode to."""

from __future__ import annotations

import errno
import math
import os
import re
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.media.allowance import DECODING_BYTES, memory_is_short
from modag_search.media.headers import read_header
from modag_search.media.kinds import begins_like_mpeg, extension_of
from modag_search.media.loudness import LOSSY_FLOOR, MOST_BITS, integer_floor
from modag_search.media.opening import misnamed
from modag_search.media.raw_streams import raw_stream_in
from modag_search.media.sounds import SoundPart, check_rate
from modag_search.media.timeline import duration_of, is_still, start_of
from modag_search.media.views import read_at
from modag_search.media.windows import in_batches
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL import Image

    from modag_search.media.request import DecodeRequest
    from modag_search.values import Float32Array

FRAME_PIXEL_LIMIT: Final = 36_000_000
"""Videos of larger frames than those of 8K are refused: decoders hold up to seventeen frames at once."""

BYTES_A_FRAME_PIXEL: Final = 11
"""What `upright_image` takes: RGB as FFmpeg gives it, as Pillow holds it, and that turned."""

_PLANES_OF_A_FRAME: Final = 8
_MOST_CALLS: Final = 200_000
"""Of reading and seeking, until a file is open: some hundreds do; one of nothing but empty pieces takes millions."""

# Named one by one: FFmpeg also knows playlists (which name other files and addresses), and text as video.
_DEMUXERS: Final = "mov,mp4,matroska,webm,avi,mpeg,mpegts,ogg,flv,live_flv,asf,amr,wav,w64,flac,aiff,au,caf,ape,wv,tta"
# Streams without a container: nearly any bytes pass for one, so only the file's name allows them, or several frames.
_RAW_DEMUXERS: Final = {
    ".mp3": "mp3",
    ".mp2": "mp3",
    ".aac": "aac",
    ".ac3": "ac3",
    ".eac3": "eac3",
    ".amr": "amrnb,amrwb",
    ".mpg": "mpegvideo",
    ".mpeg": "mpegvideo",
}

_RAW_NAMES: Final = frozenset(",".join(_RAW_DEMUXERS.values()).split(","))

_MOST_UNFRAMED_BYTES: Final = 64 << 20
"""What may be read of a stream without a container before a frame comes: more than any tag before the first one."""

_FEW_UNFRAMED_BYTES: Final = 4 << 20
_TIMES_UNFRAMED: Final = 3
"""FFmpeg's buffers double, and hold what they held meanwhile."""

_SHORT_BYTES: Final = 256 << 20
"""Where no more than this is to be had, memory is short."""

_ESTIMATED: Final = frozenset(
    ("mp3", "aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "mpeg", "mpegvideo", "mpegts", "ogg")
)
"""Formats whose headers tell no duration."""

_LONGEST_S: Final = 1e9
"""What tells that it lasts longer, thirty years, tells nothing."""

_DURATION_TAG: Final = re.compile(r"(\d+):(\d\d):(\d\d\.?\d*)$")
"""How Matroska's writers note the duration of a stream."""


@contextmanager
def open_container(file: BinaryIO, path: str, *, wanted: str) -> Iterator[InputContainer]:
    """Open a file with FFmpeg; a header that was never finished is read as if it had been.

    Parameters
    ----------
    file : BinaryIO
    path : str
    wanted : str
        What the file's name promises, such as ``"a video"``; for the message.

    Raises
    ------
    CorruptMediaError
        FFmpeg does not take it for any container that we read.
    """
    import av

    raw_stream = raw_stream_in(file)
    by_look = "mp3" if begins_like_mpeg(read_at(file, 3, 0)) else ""
    raw = raw_stream or _RAW_DEMUXERS.get(extension_of(path)) or by_look
    demuxers = ",".join(filter(None, (_DEMUXERS, raw)))
    # No protocol: nothing beyond the file itself is opened, whatever a format says should be.
    options = {"format_whitelist": demuxers, "protocol_whitelist": "none", **_decoder_options()}
    source = _Source(read_header(file).finish(file), is_bounded=bool(raw))
    with closing(source):
        try:
            # Named where it is known: FFmpeg goes by the ending of the name where few frames could as well be an
            # accident.
            container = av.open(source, mode="r", format=raw_stream, options=options, metadata_errors="replace")
        except (av.error.FFmpegError, ValueError) as error:
            _check_memory(error)
            raise CorruptMediaError(path, misnamed(file, wanted)) from error
        source.is_opened(is_bounded=container.format.name in _RAW_NAMES)
        with container:
            yield container


def _check_memory(error: Exception) -> None:
    """Raise MemoryError where memory is short; FFmpeg says so too of damage that claims to be large."""
    if isinstance(error, MemoryError) and memory_is_short(_SHORT_BYTES):
        raise MemoryError from error


class _Source:
    """A file as PyAV reads it; PyAV prints what is raised a second time, and FFmpeg goes on after errors.

    Of streams without a container, FFmpeg gathers all bytes between two frames, were it a gigabyte of them, and holds
    tags in memory: what comes after too many without a frame is not read.

    Attributes
    ----------
    is_bounded : bool
        Whether it is such a stream.
    """

    def __init__(self, file: BinaryIO, *, is_bounded: bool) -> None:
        file.seek(0)
        self._file = file
        self._is_broken = False
        self._calls_left: float = _MOST_CALLS
        self._unframed = 0
        self._memory = ExitStack()
        self._is_bounded = is_bounded
        self.tell = file.tell

    def is_opened(self, *, is_bounded: bool) -> None:
        """Let the rest be read, however many calls that takes; of a stream without a container, so much at once."""
        self._calls_left = math.inf
        self._is_bounded = is_bounded

    def framed(self) -> None:
        """Take note that what was read has come out as a frame."""
        self._unframed = 0
        self._memory.close()

    def close(self) -> None:
        """Give back what it held of the memory for decoding; the file stays open."""
        self._memory.close()

    def read(self, n_bytes: int) -> bytes:
        self._calls_left -= 1
        if self._is_broken or self._calls_left < 0 or not self._may_go_on(n_bytes):
            return b""
        try:
            return self._file.read(n_bytes)
        except OSError:
            self._is_broken = True
            raise

    def _may_go_on(self, n_bytes: int) -> bool:
        if not self._is_bounded:
            return True
        had, self._unframed = self._unframed, self._unframed + n_bytes
        if had <= _FEW_UNFRAMED_BYTES < self._unframed:
            self._memory.enter_context(DECODING_BYTES.take(_TIMES_UNFRAMED * _MOST_UNFRAMED_BYTES))
        return had <= _MOST_UNFRAMED_BYTES

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._calls_left -= 1
        if self._calls_left < 0:
            return -errno.EIO
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL  # a damaged file sends its reader before its start; FFmpeg's own word for that


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """Return the sound streams: first the one that a player would choose; none where it could choose none."""
    best = container.streams.best("audio")
    return [] if best is None else sorted(container.streams.audio, key=lambda stream: stream is not best)


def picture_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; cover art is none."""
    stream = next((stream for stream in container.streams.video if not is_still(stream)), None)
    if stream is not None:
        stream.codec_context.options = _decoder_options()
    return stream


def _decoder_options() -> dict[str, str]:
    """Options that make FFmpeg refuse larger frames: a stream may change its size at any place."""
    return {"max_pixels": str(FRAME_PIXEL_LIMIT)}


def promised_end(container: InputContainer, stream: AudioStream | VideoStream) -> float | None:
    """Return when the header says that a stream ends, in seconds from the container's start.

    None if it says nothing usable: what FFmpeg estimates from the bytes that are there is no promise.
    """
    if _is_estimated(container):
        return None
    end_s = _told_end(container, stream)
    return None if end_s is None or end_s >= _LONGEST_S else end_s


def _told_end(container: InputContainer, stream: AudioStream | VideoStream) -> float | None:
    start_s = start_of(container)
    tag = _DURATION_TAG.match(stream.metadata.get("DURATION", ""))
    if tag is not None:
        end_s = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])  # counts from 0, not from the start
        return end_s - start_s if end_s > start_s else end_s
    if container.format.name == "asf" or not stream.time_base:
        return duration_of(container, stream)
    length = stream.duration
    if container.format.name == "avi":
        length = stream.frames  # FFmpeg shortens the duration to what is there
    if container.format.name == "flv" and len(container.streams) == 1:
        return duration_of(container, stream)  # its header tells of the file, not of streams
    own_start_s = float((stream.start_time or 0) * stream.time_base)
    return float(length * stream.time_base) + max(own_start_s - start_s, 0.0) if length else None


def promised_s(container: InputContainer) -> float | None:
    """Return how many seconds the header promises of the whole file; None as of `promised_end`."""
    ends: list[float | None] = []
    streams: tuple[AudioStream | VideoStream, ...] = (*container.streams.video, *container.streams.audio)
    for stream in streams:
        if not (_is_estimated(container) or is_still(stream)):
            ends += [promised_end(container, stream), duration_of(container, stream)]
    return max((end_s for end_s in ends if end_s is not None and end_s < _LONGEST_S), default=None)


def remarks_on_length(container: InputContainer) -> tuple[Remark, ...]:
    """Say that a Matroska tells nowhere how long it is, as where it was written to a pipe or its recorder crashed."""
    if "matroska" not in container.format.name or promised_s(container) is not None:
        return ()
    return (Remark("unfinished", "has a header that tells no length: read to the end of the file"),)


def _is_estimated(container: InputContainer) -> bool:
    return bool(_ESTIMATED.intersection(container.format.name.split(",")))


class DecodedFrames:
    """The frames of one stream, in order; damaged packets are passed over and counted.

    Attributes
    ----------
    decoded, damaged : int
        Frames that came out, and packets that did not decode.
    """

    def __init__(self, container: InputContainer, stream: AudioStream | VideoStream) -> None:
        self._container = container
        self._stream = stream
        self.decoded = 0
        self.damaged = 0

    @property
    def share(self) -> float:
        """How much of what was read decoded, in [0, 1]; valid after iterating."""
        return self.decoded / max(self.decoded + self.damaged, 1)

    def __iter__(self) -> Iterator[Any]:
        import av

        source = self._container.file.file
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, ValueError) as error:
                _check_memory(error)
                self.damaged += 1  # the file ends here, or might as well
                return
            if packet is None:
                return
            source.framed()
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                _check_memory(error)
                self.damaged += 1
                continue
            for frame in frames:
                self.decoded += 1
                yield frame


class SoundParts:
    """The parts of a range of a sound stream; a new one begins where the rate or the number of channels changes.

    Parameters
    ----------
    frames : Iterable of AudioFrame
    request : DecodeRequest
    is_lossless : bool
        Whether the codec is.
    begins_s : Fraction
        When the stream begins, in seconds from the file's start.

    Attributes
    ----------
    position_s : Fraction
        How far reading has come.
    """

    def __init__(
        self,
        frames: Iterable[AudioFrame],
        request: DecodeRequest,
        *,
        is_lossless: bool,
        begins_s: Fraction = Fraction(0),
    ) -> None:
        self._frames = frames
        self._request = request
        self._is_lossless = is_lossless
        self._is_at_end = False
        self.position_s = begins_s

    def __iter__(self) -> Iterator[SoundPart]:
        for (rate_hz, _, floor, bits), frames in groupby(self._frames, key=self._form):
            check_rate(self._request.path, rate_hz)
            start, stop = self._request.sample_range(rate_hz, begins_s=float(self.position_s))
            start_s = float(self.position_s + Fraction(start, rate_hz))
            blocks = in_batches(self._blocks(frames, rate_hz, start=start, stop=stop))
            yield SoundPart(rate_hz, floor, start_s, blocks, bits)
            if self._is_at_end:
                return

    def _form(self, frame: AudioFrame) -> tuple[int, int, float, int | None]:
        """Return what decides how a frame is read on: rate, channels, floor, and bits where nothing is lost.

        The rate is that of what was decoded: headers of HE-AAC tell half. The floor is how far silence may go from its
        mean, by how the stream stores its samples; see `loudness`.
        """
        floor = 0.0 if self._is_lossless else LOSSY_FLOOR
        if not frame.format.name.startswith(("flt", "dbl")):
            floor = integer_floor(frame.format.bits)
        bits = min(frame.format.bits, MOST_BITS) if self._is_lossless else None
        return frame.sample_rate, len(frame.layout.channels), floor, bits

    def _blocks(
        self, frames: Iterable[AudioFrame], rate_hz: int, *, start: int, stop: int | None
    ) -> Iterator[Float32Array]:
        begins_s, position = self.position_s, 0
        for frame in frames:
            samples = samples_of(frame)
            first, position = position, position + len(samples)
            self.position_s = begins_s + Fraction(position, rate_hz)
            part = samples[max(start - first, 0) : None if stop is None else max(stop - first, 0)]
            if len(part):
                yield part
            if stop is not None and position >= stop:
                self._is_at_end = True
                return


def samples_of(frame: AudioFrame) -> Float32Array:
    """Return a frame of sound as ``[shape=(n, channels), float32]``; full scale of integers is 1."""
    if frame.format.is_planar and len(frame.layout.channels) >= _PLANES_OF_A_FRAME:
        frame = _packed(frame)
    samples = frame.to_ndarray()
    by_channel = samples if frame.format.is_planar else samples.reshape(-1, len(frame.layout.channels)).T
    if samples.dtype.kind == "f":
        return by_channel.T.astype(np.float32, order="C")
    full_scale = float(2 ** (8 * samples.dtype.itemsize - 1))
    middle = full_scale if samples.dtype.kind == "u" else 0.0
    return ((by_channel.T.astype(np.float64) - middle) / full_scale).astype(np.float32, order="C")


def _packed(frame: AudioFrame) -> AudioFrame:
    """Interleave the channels of a frame.

    PyAV takes what lies behind the last of eight planes or more for planes, and crashes.
    """
    import av

    to_packed = av.AudioResampler(frame.format.packed.name, frame.layout, frame.sample_rate)
    (packed,) = to_packed.resample(frame)
    return packed


def upright_image(frame: VideoFrame) -> Image.Image:
    """Return a frame as an RGB picture, turned the way that a player shows it."""
    from PIL import Image

    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    quarter_turns = round(frame.rotation / 90) % 4  # counterclockwise, as Pillow counts too
    if quarter_turns == 0:
        return image
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return image.transpose(turns[quarter_turns - 1])
