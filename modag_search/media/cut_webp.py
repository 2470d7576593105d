"""WebP pictures that were cut off: libwebp takes none of them, unless what is missing is made up for."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.errors import CorruptMediaError
from modag_search.media.completeness import remark_on_share, rows_in_common
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

_HEADER_BYTES: Final = 12
_PIXELS: Final = (b"VP8 ", b"VP8L")
_METADATA: Final = (b"EXIF", b"XMP ")
_UNLIKE_ZEROS: Final = b"\x5a\xc3\x96\x3c"
"""Put where the data end, these make libwebp go on otherwise than zeros do: from there on, nothing is of the file."""

_MOST_TIMES: Final = 4
"""What was cut to less than this part of itself is not tried: zeros in its place might fill the memory."""


def is_cut_webp(file: BinaryIO) -> bool:
    """Tell whether a file is a WebP picture that promises more bytes than there are."""
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    is_webp = header[:4] == b"RIFF" and header[8:] == b"WEBP"
    return is_webp and file.seek(0, os.SEEK_END) < _promised(header)


def decode_cut_webp(path: str, file: BinaryIO) -> tuple[Image.Image, Remark | None]:
    """Decode the rows of a WebP picture that are there; of an animation, the frames that are there wholly.

    Parameters
    ----------
    path : str
    file : BinaryIO

    Returns
    -------
    PIL.Image.Image
    Remark or None
        How much of it that is; None where it is all.

    Raises
    ------
    CorruptMediaError
        It is less than half, or cannot be told.
    """
    file.seek(0)
    data = file.read()
    promised = _promised(data)
    name, place = _broken_chunk(data)
    if name not in _PIXELS:
        image = _opened(path, _with_size(data[:place]))
        return image, None if name in _METADATA else _remark_on_frames(data, n_frames=getattr(image, "n_frames", 1))
    if promised > _MOST_TIMES * len(data):
        raise CorruptMediaError(path, f"is cut off: {len(data):,} of its {promised:,} bytes are there")
    # libwebp decodes from top to bottom, and zeros in place of what is missing to anything.
    image = _opened(path, data.ljust(promised, b"\0"))
    other = _opened(path, (data + _UNLIKE_ZEROS).ljust(promised, b"\0")[:promised])
    n_rows = rows_in_common(image, other)
    remark = remark_on_share(path, n_rows / image.height)
    rows = image.crop((0, 0, image.width, n_rows))
    rows.format = image.format
    return rows, remark


def _remark_on_frames(data: bytes, *, n_frames: int) -> Remark | None:
    """Say how many frames of an animation are there; it does not tell how many there were."""
    if not any(name == b"ANIM" for name, _, _ in _chunks(data)):
        return None
    return Remark("partly read", f"is cut off after {n_frames} {'frame' if n_frames == 1 else 'frames'}")


def _promised(data: bytes) -> int:
    return _stored(data, 4) + 8


def _stored(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "little")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield names of chunks, and where they begin and end."""
    place = _HEADER_BYTES
    while place < len(data):
        n_bytes = _stored(data, place + 4)
        end = place + 8 + n_bytes + n_bytes % 2
        yield data[place : place + 4], place, end
        place = end


def _broken_chunk(data: bytes) -> tuple[bytes, int]:
    """Return the name of the chunk that the data break off in, and where it begins."""
    return next(((name, place) for name, place, end in _chunks(data) if end > len(data)), (b"", len(data)))


def _with_size(data: bytes) -> bytes:
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def _opened(path: str, data: bytes) -> Image.Image:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=["WEBP"])
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        raise CorruptMediaError(path, "is cut off, and what is there does not decode") from error
    return image
