"""FFmpeg's side of things, through PyAV: containers, their streams, and what these decode to."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.media.kinds import begins_like_mpeg, extension_of
from modag_search.media.loudness import LOSSY_FLOOR, integer_floor, loudest_channel
from modag_search.media.opening import misnamed
from modag_search.media.sounds import check_rate
from modag_search.media.timeline import is_still
from modag_search.media.windows import in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL import Image

    from modag_search.values import Float32Array

FRAME_PIXEL_LIMIT: Final = 36_000_000
"""Videos of larger frames than those of 8K are refused: decoders hold up to seventeen frames at once."""

BYTES_A_FRAME_PIXEL: Final = 11
"""What `upright_image` takes: RGB as FFmpeg gives it, as Pillow holds it, and that turned."""

_PLANES_OF_A_FRAME: Final = 8

# Named one by one: FFmpeg also knows playlists (which name other files and addresses), and text as video.
_DEMUXERS: Final = "mov,mp4,matroska,webm,avi,mpeg,mpegts,ogg,flv,live_flv,asf,amr,wav,w64,flac,aiff,au,caf,ape,wv,tta"
# Streams without a container: nearly any bytes pass for one, so only the file's name or first bytes allow them.
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


@contextmanager
def open_container(file: BinaryIO, path: str, *, wanted: str) -> Iterator[InputContainer]:
    """Open a file with FFmpeg.

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

    file.seek(0)
    raw = _RAW_DEMUXERS.get(extension_of(path)) or ("mp3" if begins_like_mpeg(file.read(3)) else None)
    options = {"format_whitelist": ",".join(filter(None, (_DEMUXERS, raw))), **_decoder_options()}
    file.seek(0)
    try:
        container = av.open(_Source(file), mode="r", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise CorruptMediaError(path, misnamed(file, wanted)) from error
    with container:
        yield container


class _Source:
    """A file as PyAV reads it; PyAV prints what is raised a second time, and FFmpeg goes on after errors."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_broken = False
        self.tell = file.tell

    def read(self, n_bytes: int) -> bytes:
        if self._is_broken:
            return b""
        try:
            return self._file.read(n_bytes)
        except OSError:
            self._is_broken = True
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL  # a damaged file sends its reader before its start; FFmpeg's own word for that


def sound_stream(container: InputContainer) -> AudioStream | None:
    """Return the sound stream that a player would choose."""
    return container.streams.best("audio")  # type: ignore[return-value] # "audio" is an AudioStream


def picture_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; cover art is none."""
    stream = next((stream for stream in container.streams.video if not is_still(stream)), None)
    if stream is not None:
        stream.codec_context.options = _decoder_options()
    return stream


def _decoder_options() -> dict[str, str]:
    """Options that make FFmpeg refuse larger frames: a stream may change its size at any place."""
    return {"max_pixels": str(FRAME_PIXEL_LIMIT)}


def promised_samples(container: InputContainer, stream: AudioStream, *, rate_hz: int) -> int | None:
    """Return how many samples the header promises; None unless the container counts them exactly."""
    if "mp4" not in container.format.name or not stream.duration or not stream.time_base:
        return None
    return int(stream.duration * stream.time_base * rate_hz)


def sound_floor(stream: AudioStream, frame: AudioFrame) -> float:
    """Return how far silence may go from its mean, by how a stream stores its samples; see `loudness`."""
    if not frame.format.name.startswith(("flt", "dbl")):
        return integer_floor(frame.format.bits)
    return 0.0 if stream.codec_context.codec.lossless else LOSSY_FLOOR


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

    def __iter__(self) -> Iterator[Any]:
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, ValueError):
                self.damaged += 1  # the file ends here, or might as well
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                self.damaged += 1
                continue
            for frame in frames:
                self.decoded += 1
                yield frame


class SoundBlocks:
    """The blocks, ``[shape=(n, channels)]``, of a range of a sound stream.

    Attributes
    ----------
    position : int
        How far reading has come, in samples.
    """

    def __init__(self, frames: Iterable[AudioFrame], path: str, *, rate_hz: int, start: int, stop: int | None) -> None:
        check_rate(path, rate_hz)
        self._frames = frames
        self._path = path
        self._rate_hz = rate_hz
        self._start = start
        self._stop = stop
        self.position = 0

    def __iter__(self) -> Iterator[Float32Array]:
        return in_batches(self._parts())

    def _parts(self) -> Iterator[Float32Array]:
        n_channels: int | None = None
        for frame in self._frames:
            if frame.sample_rate != self._rate_hz:
                raise CorruptMediaError(
                    self._path, f"changes its sample rate from {self._rate_hz} to {frame.sample_rate} Hz"
                )
            samples = samples_of(frame)
            n_channels = n_channels or samples.shape[1]
            if samples.shape[1] != n_channels:
                samples = np.repeat(loudest_channel(samples)[:, None], n_channels, axis=1)
            first, self.position = self.position, self.position + len(samples)
            stop = None if self._stop is None else max(self._stop - first, 0)
            part = samples[max(self._start - first, 0) : stop]
            if len(part):
                yield part
            if self._stop is not None and self.position >= self._stop:
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
