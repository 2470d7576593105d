"""Small media of every format that modag reads, and what becomes of them when bytes are changed."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soundfile
from PIL import Image

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

RATE_HZ = 16_000
SECONDS = 1.0
SIZE = (96, 72)
HEADER_BYTES = 160

Mutation = Callable[[bytearray, "random.Random", bytes], bytearray]

_PICTURES: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "jpg": ("JPEG", "RGB", {}),
    "progressive.jpg": ("JPEG", "RGB", {"progressive": True}),
    "cmyk.jpg": ("JPEG", "CMYK", {}),
    "png": ("PNG", "RGB", {}),
    "palette.png": ("PNG", "P", {}),
    "deep.png": ("PNG", "I;16", {}),
    "bits.tif": ("TIFF", "1", {"compression": "group4"}),
    "plain.tif": ("TIFF", "RGB", {}),
    "lzw.tif": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "deflate.tif": ("TIFF", "RGBA", {"compression": "tiff_deflate"}),
    "jpeg.tif": ("TIFF", "RGB", {"compression": "jpeg"}),
    "packbits.tif": ("TIFF", "L", {"compression": "packbits"}),
    "webp": ("WEBP", "RGB", {}),
    "lossless.webp": ("WEBP", "RGBA", {"lossless": True}),
    "avif": ("AVIF", "RGB", {}),
    "heic": ("HEIF", "RGB", {}),
    "bmp": ("BMP", "RGB", {}),
    "dib": ("DIB", "RGB", {}),
    "ppm": ("PPM", "RGB", {}),
    "pbm": ("PPM", "1", {}),
    "ico": ("ICO", "RGBA", {}),
    "jp2": ("JPEG2000", "RGB", {}),
    "pcx": ("PCX", "RGB", {}),
    "sgi": ("SGI", "RGB", {}),
    "tga": ("TGA", "RGB", {"compression": "tga_rle"}),
    "qoi": ("QOI", "RGB", {}),
}
_PAGES: Mapping[str, str] = {"gif": "GIF", "apng": "PNG", "pages.tif": "TIFF", "moving.webp": "WEBP", "mpo": "MPO"}
_SOUNDFILES: Mapping[str, tuple[str, str]] = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "adpcm.wav": ("WAV", "IMA_ADPCM"),
    "microsoft.wav": ("WAV", "MS_ADPCM"),
    "rf64": ("RF64", "PCM_24"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "ULAW"),
    "caf": ("CAF", "ALAC_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_STREAMS: Mapping[str, tuple[str, str, str]] = {
    "m4a": ("mp4", "", "aac"),
    "alac.m4a": ("mp4", "", "alac"),
    "aac": ("adts", "", "aac"),
    "wma": ("asf", "", "wmav2"),
    "mka": ("matroska", "", "flac"),
    "weba": ("webm", "", "libopus"),
    "ac3": ("ac3", "", "ac3"),
    "eac3": ("eac3", "", "eac3"),
    "mp2": ("mp2", "", "mp2"),
    "wv": ("wv", "", "wavpack"),
    "tta": ("tta", "", "tta"),
    "mp4": ("mp4", "mpeg4", "aac"),
    "h264.mp4": ("mp4", "libx264", "aac"),
    "hevc.mp4": ("mp4", "libx265", "aac"),
    "mov": ("mov", "mjpeg", "pcm_s16le"),
    "3gp": ("3gp", "mpeg4", "aac"),
    "mkv": ("matroska", "libx264", "ac3"),
    "webm": ("webm", "libvpx-vp9", "libopus"),
    "vp8.webm": ("webm", "libvpx", "libopus"),
    "avi": ("avi", "mpeg4", "pcm_s16le"),
    "mpg": ("mpeg", "mpeg2video", "mp2"),
    "m2ts": ("mpegts", "mpeg2video", "mp2"),
    "flv": ("flv", "flv", "aac"),
    "wmv": ("asf", "msmpeg4v3", "wmav2"),
    "ogv": ("ogg", "libvpx", "libopus"),
}


@cache
def sources() -> Mapping[str, bytes]:
    """Make a whole file of each format, by its ending; left out is what this installation cannot write."""
    made = {**_written(_PICTURES, _picture), **_written(_PAGES, _pages), **_written(_SOUNDFILES, _soundfile)}
    return {**made, **_written(_STREAMS, _stream), "amr": _amr(), "psd": _psd()}


def _written(recipes: Mapping[str, Any], write: Callable[..., bytes]) -> dict[str, bytes]:
    made = {}
    for ending, recipe in recipes.items():
        try:
            made[ending] = write(*recipe) if isinstance(recipe, tuple) else write(recipe)
        except (av.FFmpegError, av.codec.codec.UnknownCodecError, KeyError, OSError):
            continue
    return made


def mutant(number: int, chance: random.Random) -> tuple[str, bytes]:
    """Spoil one of the sources, in one to three ways; return an ending and the bytes."""
    whole = sources()
    endings = list(whole)
    ending = endings[number % len(endings)]
    data = bytearray(whole[ending])
    for mutation in chance.choices(MUTATIONS, k=chance.choice([1, 1, 1, 2, 3])):
        data = mutation(data, chance, whole[chance.choice(endings)]) or bytearray(b"\0")
    if chance.random() < 0.05:
        ending = f"{ending}.{chance.choice(endings)}"  # a name that lies
    return ending, bytes(data)


def flip(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Turn some bits."""
    for _n in range(chance.choice([1, 1, 4, 16, 64])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def cut(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Break off."""
    return data[: chance.randrange(len(data)) + 1]


def blank(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Fill a stretch with one value, or with noise."""
    start, stop = _stretch(data, chance)
    filling = chance.choice([bytes(stop - start), b"\xff" * (stop - start), chance.randbytes(stop - start)])
    return data[:start] + filling + data[stop:]


def lose(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Leave a stretch out."""
    start, stop = _stretch(data, chance)
    return data[:start] + data[stop:]


def repeat(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Put a stretch in several times, up to a mebibyte."""
    start, stop = _stretch(data, chance)
    return (data[:start] + data[start:stop] * chance.choice([2, 3, 50]) + data[stop:])[: 1 << 20]


def splice(data: bytearray, chance: random.Random, other: bytes) -> bytearray:
    """Go on as another file does, of another format too."""
    return data[: chance.randrange(len(data)) + 1] + other[chance.randrange(len(other)) :]


def swap(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Put a stretch elsewhere."""
    start, stop = _stretch(data, chance)
    part, rest = data[start:stop], data[:start] + data[stop:]
    place = chance.randrange(len(rest) + 1)
    return rest[:place] + part + rest[place:]


def head(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Set bytes of the header to values at a border."""
    for _n in range(chance.choice([1, 2, 6])):
        data[chance.randrange(min(len(data), HEADER_BYTES))] = chance.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
    return data


def size(data: bytearray, chance: random.Random, _: bytes) -> bytearray:
    """Set what may be a size, anywhere or in the header, to another one."""
    form = chance.choice([">I", "<I", ">H", "<H", ">Q", "<Q"])
    length = struct.calcsize(form)
    if len(data) < length:
        return data
    reach = min(len(data), chance.choice([HEADER_BYTES, len(data)])) - length
    place = chance.randrange(max(reach, 0) + 1)
    (value,) = struct.unpack_from(form, data, place)
    most = (1 << 8 * length) - 1
    changed = chance.choice([0, 1, value + 1, value - 1, value * 2, value // 2, most, most // 2, most // 2 + 1])
    struct.pack_into(form, data, place, changed & most)
    return data


MUTATIONS: tuple[Mutation, ...] = (flip, cut, blank, lose, repeat, splice, swap, head, head, size, size)


def _stretch(data: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data))
    length = chance.choice([4, 64, 1024, len(data)])
    return start, min(start + 1 + chance.randrange(length), len(data))


def _pixels(turn: int = 0) -> np.ndarray:
    width, height = SIZE
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 40, (height, width))
    return np.roll(np.stack([2 * columns + noise, 2 * rows + noise, rows + columns], axis=2), turn, 2).astype(np.uint8)


def _picture(form: str, mode: str, options: dict[str, Any]) -> bytes:
    if form == "HEIF":
        _register_heif()
    pixels = _pixels()
    image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 256) if mode == "I;16" else Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    written = {"exif": exif} if form in {"JPEG", "PNG", "WEBP", "TIFF"} else {}
    (image if mode == "I;16" else image.convert(mode)).save(buffer, format=form, **written, **options)
    return buffer.getvalue()


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise OSError("HEIC pictures need pillow_heif") from error
    pillow_heif.register_heif_opener()


def _pages(form: str) -> bytes:
    first, *others = (Image.fromarray(_pixels(turn)) for turn in range(3))
    buffer = io.BytesIO()
    first.save(buffer, format=form, save_all=True, append_images=others)
    return buffer.getvalue()


def _psd() -> bytes:
    width, height = SIZE
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, height, width, 8, 3)
    return header + bytes(12) + bytes(2) + _pixels().transpose(2, 0, 1).tobytes()


def _amr() -> bytes:
    frame = bytes([0x3C]) + np.random.default_rng(0).bytes(31)
    return b"#!AMR\n" + frame * round(SECONDS * 50)


def _tone(rate_hz: int) -> np.ndarray:
    time_s = np.arange(round(SECONDS * rate_hz)) / rate_hz
    wave: np.ndarray = (0.3 * np.sin(2 * np.pi * 440 * time_s * (1 + time_s))).astype(np.float32)
    return wave


def _soundfile(form: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, _tone(RATE_HZ), RATE_HZ, format=form, subtype=subtype)
    return buffer.getvalue()


def _stream(form: str, picture_codec: str, sound_codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        quiet = {"x265-params": "log-level=none"} if picture_codec == "libx265" else {}
        pictures = container.add_stream(picture_codec, rate=25, options=quiet) if picture_codec else None
        rate_hz = 48_000 if sound_codec == "libopus" else 44_100
        sound = container.add_stream(sound_codec, rate=rate_hz, layout="mono")
        assert isinstance(sound, av.AudioStream)
        sound.bit_rate = 64_000
        if pictures is not None:
            assert isinstance(pictures, av.VideoStream)
            pictures.width, pictures.height = SIZE
            pictures.pix_fmt = "yuvj420p" if picture_codec == "mjpeg" else "yuv420p"
            for frame in _frames():
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
        for part in _sound_frames(sound, rate_hz):
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return buffer.getvalue()


def _frames() -> Iterator[av.VideoFrame]:
    for number in range(round(25 * SECONDS)):
        frame = av.VideoFrame.from_ndarray(np.roll(_pixels(), 3 * number, 1), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        yield frame


def _sound_frames(stream: av.AudioStream, rate_hz: int) -> Iterator[av.AudioFrame]:
    codec = stream.codec_context
    codec.open(strict=False)
    frame = av.AudioFrame.from_ndarray(_tone(rate_hz)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
    resampler = av.AudioResampler(codec.format.name, "mono", rate_hz, frame_size=codec.frame_size or 1024)
    yield from resampler.resample(frame)
    yield from resampler.resample(None)
