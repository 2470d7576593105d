"""Sounds without a container, such as MP3: told by frames that follow each other, each as long as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, Literal, NamedTuple

from modag_search.media.views import read_at

if TYPE_CHECKING:
    from collections.abc import Callable

RawStream = Literal["mp3", "aac", "ac3", "eac3"]
"""Names of FFmpeg's demuxers."""

_FRAMES: Final = 4
"""So many frames in a row are no accident: less than one of 2**40 other files looks like that."""

_LONGEST_FRAME: Final = 8192
_MPEG_KBPS: Final = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG audio by (1 for MPEG-1, 2 for its halves of the sample rate) and layer (ISO 11172-3, 13818-3)."""

_MPEG_HZ: Final = (44_100, 48_000, 32_000)
_AC3_KBPS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_HZ: Final = (48_000, 44_100, 32_000)


def after_id3(file: BinaryIO) -> int:
    """Return where a file begins behind an ID3 tag; 0 where it has none."""
    return id3_length(read_at(file, 10, 0))


def id3_length(head: bytes) -> int:
    """Return how long an ID3 tag is by its first ten bytes; 0 for what is none."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def raw_stream_in(file: BinaryIO) -> RawStream | None:
    """Tell what sound without a container a file begins with, behind an ID3 tag if it has one; None if with none."""
    data = read_at(file, _FRAMES * _LONGEST_FRAME, after_id3(file))
    return next((name for name, frame_length in FRAME_LENGTHS.items() if _are_frames(data, frame_length)), None)


class FrameForm(NamedTuple):
    """How many samples a frame of MPEG audio holds, and at which rate."""

    samples: int
    rate_hz: int


def layer_3_form(head: bytes) -> FrameForm | None:
    """Return the form of a frame of layer III, which MP3 is; None for what is none."""
    if len(head) < 7 or not _mpeg_frame(head) or head[1] >> 1 & 3 != 1:
        return None
    version_bits = head[1] >> 3 & 3
    return FrameForm(1152 if version_bits == 3 else 576, _mpeg_hz(head))


def _mpeg_hz(head: bytes) -> int:
    return _MPEG_HZ[head[2] >> 2 & 3] // {3: 1, 2: 2, 0: 4}[head[1] >> 3 & 3]


def _are_frames(data: bytes, frame_length: Callable[[bytes], int]) -> bool:
    place = 0
    for _ in range(_FRAMES):
        head = data[place : place + 7]
        length = frame_length(head) if len(head) == 7 else 0
        if not length:
            return False
        place += length
    return True


def _mpeg_frame(head: bytes) -> int:
    """Return the length of a frame of MPEG audio, layers I to III; 0 for what is none."""
    version_bits, layer_bits = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate_bits, hz_bits = head[2] >> 4, head[2] >> 2 & 3
    if head[0] != 0xFF or head[1] < 0xE0 or version_bits == 1 or not layer_bits or hz_bits == 3:
        return 0
    if rate_bits in (0, 15):
        return 0
    layer, version = 4 - layer_bits, 1 if version_bits == 3 else 2
    rate_hz = _mpeg_hz(head)
    bit_rate = 1000 * _MPEG_KBPS[version, layer][rate_bits - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bit_rate // rate_hz + padding) * 4
    return (72 if layer == 3 and version == 2 else 144) * bit_rate // rate_hz + padding


def _adts_frame(head: bytes) -> int:
    """Return the length of a frame of AAC with an ADTS header; 0 for what is none."""
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 0xF > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def _ac3_frame(head: bytes) -> int:
    if head[:2] != b"\x0b\x77" or head[5] >> 3 > 10:
        return 0
    hz_bits, size_bits = head[4] >> 6, head[4] & 0x3F
    if hz_bits == 3 or size_bits >= 2 * len(_AC3_KBPS):
        return 0
    words = _AC3_KBPS[size_bits // 2] * 96_000 // _AC3_HZ[hz_bits]
    return 2 * (words + (size_bits & 1 if hz_bits == 1 else 0))


def _eac3_frame(head: bytes) -> int:
    if head[:2] != b"\x0b\x77" or not 10 < head[5] >> 3 <= 16:
        return 0
    return 2 * (((head[2] & 7) << 8 | head[3]) + 1)


FRAME_LENGTHS: Final[dict[RawStream, Callable[[bytes], int]]] = {
    "mp3": _mpeg_frame,
    "aac": _adts_frame,
    "ac3": _ac3_frame,
    "eac3": _eac3_frame,
}
