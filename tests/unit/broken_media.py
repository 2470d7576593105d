"""A corpus of media files that are damaged, lie, or are merely odd; made anew wherever it is needed."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image

from modag_search.errors import CorruptMediaError, EmptyMediaError, MediaError, OversizedMediaError


@dataclass(frozen=True)
class BrokenFile:
    """A file and what decoding it must raise; None for files that are odd but fine."""

    path: str
    error: type[MediaError] | None


def build(folder: str | Path) -> list[BrokenFile]:
    """Write the corpus into a folder, which is made where it is missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, tuple[bytes, type[MediaError] | None]] = {
        **_empty_files(),
        **_truncated_files(),
        **_misnamed_files(),
        **_lying_headers(),
        **_odd_but_fine(),
    }
    broken = []
    for name, (data, error) in contents.items():
        (folder / name).write_bytes(data)
        broken.append(BrokenFile(str(folder / name), error))
    return broken


def tone(seconds: float = 3.0, *, rate_hz: int = 16_000, channels: int = 1) -> np.ndarray:
    """Return a quiet 440 Hz tone, ``[shape=(n, channels), float32]``."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 0.3 * np.sin(2 * np.pi * 440 * time_s)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def sound_bytes(
    samples: np.ndarray, *, rate_hz: int = 16_000, file_format: str = "WAV", subtype: str | None = None
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=file_format, subtype=subtype)
    return buffer.getvalue()


def picture_bytes(*, file_format: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, format=file_format)
    return buffer.getvalue()


def video_bytes(
    *, seconds: float = 2.0, frames_a_second: int = 10, file_format: str = "mp4", with_sound: bool = True
) -> bytes:
    """Return a small video whose frames brighten evenly, with a tone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "media")
        with _container(path, file_format) as container:
            picture_codec = {"webm": "libvpx", "ogg": "libvpx", "flv": "flv1", "asf": "wmv2"}.get(file_format, "mpeg4")
            pictures = container.add_stream(picture_codec, rate=frames_a_second)
            assert isinstance(pictures, av.VideoStream)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
            pictures.bit_rate = 400_000
            codec = {"webm": "libopus", "ogg": "libopus", "asf": "wmav2"}.get(file_format, "aac")
            sound = container.add_stream(codec, rate=48_000, layout="mono", bit_rate=96_000) if with_sound else None
            _mux_frames(container, pictures, n_frames=round(seconds * frames_a_second))
            if sound is not None:
                _mux_tone(container, sound, seconds=seconds)
        return path.read_bytes()


def sound_container_bytes(*, seconds: float = 3.0, file_format: str = "mp4", codec: str = "aac") -> bytes:
    """Return a container that holds sound alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "media")
        with _container(path, file_format) as container:
            _mux_tone(container, container.add_stream(codec, rate=48_000, layout="mono"), seconds=seconds)
        return path.read_bytes()


def png_claiming(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size, with next to no pixels behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def webp_claiming(width: int, height: int) -> bytes:
    """Return a WebP whose header claims a size, with next to no pixels behind it."""
    bits = (width - 1) | (height - 1) << 14
    pixels = b"\x2f" + struct.pack("<I", bits) + bytes(7)
    return b"RIFF" + struct.pack("<I", len(pixels) + 12) + b"WEBPVP8L" + struct.pack("<I", len(pixels)) + pixels


def _container(path: Path, file_format: str) -> av.container.OutputContainer:
    # The table of contents goes first, so that a file cut in two still has one.
    options = {"movflags": "faststart"} if file_format == "mp4" else {}
    return av.open(str(path), "w", format=file_format, options=options)


def _mux_frames(container: av.container.OutputContainer, stream: av.VideoStream, *, n_frames: int) -> None:
    for number in range(n_frames):
        pixels = np.full((stream.height, stream.width, 3), 40 + 200 * number // n_frames, np.uint8)
        pixels[:, : stream.width // 4] -= 24  # what is of one colour throughout is flat
        pixels[:, stream.width // 4 :] += 8
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(stream.encode(None))


def _mux_tone(container: av.container.OutputContainer, stream: av.stream.Stream, *, seconds: float) -> None:
    assert isinstance(stream, av.AudioStream)
    stream.bit_rate = 96_000
    sample_format = stream.codec_context.format.name
    samples = tone(seconds, rate_hz=48_000).T
    if sample_format.startswith("s"):
        bits = int(sample_format[1:3])
        samples = (samples * (2 ** (bits - 1) - 1)).astype(f"int{bits}")
    elif sample_format.startswith("u"):
        samples = (samples * 127 + 128).astype(np.uint8)
    for start in range(0, samples.shape[1], 960):
        part = np.ascontiguousarray(samples[:, start : start + 960])
        frame = av.AudioFrame.from_ndarray(part, format=sample_format, layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _empty_files() -> dict[str, tuple[bytes, type[MediaError] | None]]:
    names = ("zero.wav", "zero.mp3", "zero.m4a", "zero.png", "zero.jpg", "zero.mp4")
    return {
        **dict.fromkeys(names, (b"", EmptyMediaError)),
        "no-samples.wav": (sound_bytes(np.zeros((0, 1), np.float32)), EmptyMediaError),
    }


def _truncated_files() -> dict[str, tuple[bytes, type[MediaError] | None]]:
    sources = {
        "cut.wav": sound_bytes(tone()),
        "cut.aiff": sound_bytes(tone(), file_format="AIFF"),
        "cut.flac": sound_bytes(tone(), file_format="FLAC"),
        "cut.mp3": sound_bytes(tone(), file_format="MP3"),
        "cut.m4a": sound_container_bytes(),
        "cut.png": picture_bytes(),
        "cut.jpg": picture_bytes(file_format="JPEG", size=(640, 480)),
        "cut.gif": picture_bytes(file_format="GIF"),
        "cut.webp": picture_bytes(file_format="WEBP"),
        "cut.bmp": picture_bytes(file_format="BMP"),
    }
    halves = {name: (data[: len(data) // 2], CorruptMediaError) for name, data in sources.items()}
    heads = {f"head-{name}": (data[:20], CorruptMediaError) for name, data in sources.items()}
    video = video_bytes()
    return {
        **halves,
        **heads,
        "head.mp4": (video[:100], CorruptMediaError),
        "cut.ogg": (_half(sound_bytes(tone(20), file_format="OGG")), None),  # pages stand for themselves
        "cut.mp4": (video[: len(video) * 2 // 3], None),  # its first frames decode
    }


def _misnamed_files() -> dict[str, tuple[bytes, type[MediaError] | None]]:
    text = b"Dear diary, today I renamed a text file.\n" * 50
    noise = random.Random(7).randbytes(20_000)
    picture_endings = ("png", "jpg", "gif", "tiff", "webp")
    endings = ("wav", "flac", "ogg", "mp3", "m4a", "aac", "mp4", "webm", "mpg", *picture_endings)
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    return {
        **{f"text.{ending}": (text, CorruptMediaError) for ending in endings},
        **{f"noise.{ending}": (noise, CorruptMediaError) for ending in endings},
        "picture.wav": (picture_bytes(file_format="JPEG"), None),
        "picture.mp4": (picture_bytes(), None),
        "sound.png": (sound_bytes(tone()), None),
        "playlist.mp4": (playlist, CorruptMediaError),
        "mp3.wav": (sound_bytes(tone(), file_format="MP3"), None),
        "m4a.wav": (sound_container_bytes(), None),
        "wav.m4a": (sound_bytes(tone()), None),
        "png.jpg": (picture_bytes(), None),
    }


def _lying_headers() -> dict[str, tuple[bytes, type[MediaError] | None]]:
    wav = sound_bytes(tone(), subtype="FLOAT")
    no_number = tone()
    no_number[1000] = np.nan
    infinite = tone()
    infinite[-1] = np.inf
    huge = tone()
    huge[1000:2000] = 1e25
    return {
        "bomb.png": (png_claiming(60_000, 60_000), OversizedMediaError),
        "large.webp": (webp_claiming(16_383, 16_383 // 2), OversizedMediaError),
        "large.png": (png_claiming(17_920, 9_980), OversizedMediaError),
        "lying.png": (png_claiming(3_000, 3_000), CorruptMediaError),
        "rate-zero.wav": (_with_rate(wav, 0), CorruptMediaError),
        "rate-huge.wav": (_with_rate(wav, 2_000_000_000), CorruptMediaError),
        "not-a-number.wav": (sound_bytes(no_number, subtype="FLOAT"), CorruptMediaError),
        "huge-samples.wav": (sound_bytes(huge, subtype="FLOAT"), CorruptMediaError),
        "infinite.wav": (sound_bytes(infinite, subtype="FLOAT"), CorruptMediaError),
    }


def _odd_but_fine() -> dict[str, tuple[bytes, type[MediaError] | None]]:
    streamed = bytearray(sound_bytes(tone()))
    place = streamed.index(b"data") + 4
    streamed[place : place + 4] = b"\xff" * 4
    counts = tone() * 2**31
    return {
        "integers-as-floats.wav": (sound_bytes(counts, subtype="FLOAT"), None),
        "streamed.wav": (bytes(streamed), None),
        "one-sample.wav": (sound_bytes(tone()[40:41]), None),
        "eight-channels.wav": (sound_bytes(tone(channels=8)), None),
        "silent.wav": (sound_bytes(np.zeros((16_000, 1), np.float32)), None),
        "one-pixel.png": (picture_bytes(size=(1, 1)), None),
        "strip.png": (picture_bytes(size=(10_000, 1)), None),
        "CAPITALS.PNG": (picture_bytes(), None),
        "sound-only.mp4": (sound_container_bytes(), None),
        "mute.mp4": (video_bytes(with_sound=False), None),
    }


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _with_rate(wav: bytes, rate_hz: int) -> bytes:
    place = wav.index(b"fmt ") + 12
    return wav[:place] + struct.pack("<I", rate_hz) + wav[place + 4 :]
