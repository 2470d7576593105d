"""What the headers of WAVE, AIFF and MP3 files promise.

Decoders quietly shorten such a sound to the bytes that are there, so that a copy that broke off half way
would pass for a short recording.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final

_FORMS: Final = {(b"RIFF", b"WAVE"): "<", (b"FORM", b"AIFF"): ">", (b"FORM", b"AIFC"): ">"}
_SOUND_CHUNKS: Final = (b"data", b"SSND")
_SMALLEST_PLACEHOLDER: Final = 0x7FFFF000  # programs that write to a pipe leave this or more as the size
_MOST_CHUNKS: Final = 1000


def promised_share(file: BinaryIO) -> float:
    """Return how much of the bytes that a header promises is there, in [0, 1].

    1.0 for formats other than WAVE, AIFF and MP3, and where the header gives no size.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    header = file.read(12)
    order = _FORMS.get((header[:4], header[8:12]))
    if order is not None:
        return _chunk_share(file, size, order)
    return _mp3_share(file, size, header)


def _chunk_share(file: BinaryIO, size: int, order: str) -> float:
    for _ in range(_MOST_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            return 1.0
        name, length = struct.unpack(f"{order}4sI", chunk)
        if name in _SOUND_CHUNKS:
            there = size - file.tell()
            return 1.0 if length >= _SMALLEST_PLACEHOLDER or length <= there else there / length
        file.seek(length + length % 2, os.SEEK_CUR)
    return 1.0


def _mp3_share(file: BinaryIO, size: int, header: bytes) -> float:
    start = 0
    if header.startswith(b"ID3") and len(header) >= 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(header[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(64)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 1.0  # not a frame of layer III
    is_version_1 = frame[1] & 0x18 == 0x18
    is_mono = frame[3] & 0xC0 == 0xC0
    tag = frame[4 + {(True, False): 32, (False, True): 9}.get((is_version_1, is_mono), 17) :]
    has_frames, has_bytes = tag[7] & 1, tag[7] & 2
    if tag[:4] not in (b"Xing", b"Info") or not has_bytes:
        return 1.0
    (promised,) = struct.unpack_from(">I", tag, 12 if has_frames else 8)
    return 1.0 if promised <= size - start else (size - start) / promised
