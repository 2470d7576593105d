"""Videos whose sound and pictures come when they are told to."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES_A_SECOND = 25
RATE_HZ = 48_000
CODECS = {
    "mp4": ("mpeg4", "aac"),
    "mov": ("mpeg4", "aac"),
    "matroska": ("mpeg4", "flac"),
    "webm": ("libvpx", "libopus"),
    "mpegts": ("mpeg2video", "mp2"),
    "mpeg": ("mpeg2video", "mp2"),
    "flv": ("flv", "aac"),
    "asf": ("msmpeg4v3", "wmav2"),
    "avi": ("mpeg4", "pcm_s16le"),
}


@cache
def timed_video(
    file_format: str,
    *,
    pictures_at: float = 0.0,
    sound_at: float = 0.0,
    pause: tuple[float, float] = (0.0, 0.0),
    seconds: float = 4.0,
    with_pictures: bool = True,
    movflags: str = "",
) -> bytes:
    """Return a video whose picture brightens, and whose tone rises, by steps each second, in a container's time.

    Parameters
    ----------
    file_format : str
    pictures_at, sound_at : float
        Timestamps that the streams begin at, in seconds.
    pause : tuple of float
        When the sound pauses, counted from its begin, and for how long.
    seconds : float
        How long both last, pauses apart.
    with_pictures : bool
        Whether there are any.
    movflags : str, optional
        Of the muxer of MPEG-4.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=file_format, options={"movflags": movflags} if movflags else {}) as container:
        picture_codec, sound_codec = CODECS[file_format]
        packets = _pictures(container, picture_codec, seconds, pictures_at) if with_pictures else []
        packets += _sound(container, sound_codec, seconds, sound_at, pause)
        for _, packet in sorted(packets, key=lambda each: each[0]):
            container.mux(packet)
    return buffer.getvalue()


def grey_at(time_s: float) -> int:
    """Return how bright the picture is, so long after the first; it starts anew after five seconds."""
    return 40 + 40 * (int(time_s) % 5)


def hz_at(time_s: float) -> int:
    """Return how high the tone is, so long after its begin; it starts anew after five seconds."""
    return 400 * (1 + int(time_s) % 5)


Timed = list[tuple[Fraction, "av.Packet[av.stream.Stream]"]]


def _pictures(container: av.container.OutputContainer, codec: str, seconds: float, begins_s: float) -> Timed:
    stream = container.add_stream(codec, rate=FRAMES_A_SECOND)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 400_000
    packets = [packet for frame in _frames(seconds) for packet in stream.encode(frame)] + stream.encode(None)
    return [_later(packet, begins_s) for packet in packets]


def _sound(
    container: av.container.OutputContainer, codec: str, seconds: float, begins_s: float, pause: tuple[float, float]
) -> Timed:
    stream = container.add_stream(codec, rate=RATE_HZ, layout="mono")
    assert isinstance(stream, av.AudioStream)
    stream.bit_rate = 96_000
    packets = [packet for frame in _tones(stream, seconds) for packet in stream.encode(frame)] + stream.encode(None)
    return [_later(packet, begins_s + (pause[1] if _time_of(packet) >= pause[0] else 0.0)) for packet in packets]


def _later(packet: av.Packet[av.stream.Stream], seconds: float) -> tuple[Fraction, av.Packet[av.stream.Stream]]:
    shift = round(seconds / packet.time_base)
    packet.pts, packet.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
    return packet.dts * packet.time_base, packet


def _time_of(packet: av.Packet[av.stream.Stream]) -> Fraction:
    return (packet.pts or 0) * packet.time_base


def _frames(seconds: float) -> Iterator[av.VideoFrame]:
    for number in range(round(seconds * FRAMES_A_SECOND)):
        pixels = np.full((48, 64, 3), grey_at(number / FRAMES_A_SECOND), np.uint8)
        pixels[:2] = 255
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
        yield frame


def _tones(stream: av.AudioStream, seconds: float) -> Iterator[av.AudioFrame]:
    codec = stream.codec_context
    codec.open()
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    hz = 400 * (1 + np.floor(time_s) % 5)
    samples = (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
    resampler = av.AudioResampler(codec.format.name, "mono", RATE_HZ, frame_size=codec.frame_size or 1024)
    yield from resampler.resample(frame)
    yield from resampler.resample(None)
