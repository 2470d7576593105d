"""JPEG 2000 pictures that were cut off: OpenJPEG takes none of them, unless what is missing is made up for.

Zeros stand for packets with nothing in them (ISO/IEC 15444-1, B.10). Where packets come by quality or by resolution,
the whole picture is there without the last ones, less sharp than it promises.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from modag_search.errors import CorruptMediaError
from modag_search.media.completeness import LEAST_SHARE
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL import Image

_START: Final = b"\xff\x4f\xff\x51"
_SIZE, _CODING, _TILE_PART, _END = 0xFF51, 0xFF52, 0xFF90, 0xFFD9
_BY_POSITION: Final = 3
"""Orders of packets from this number on go by place or by component: what lacks there are parts of the picture."""


def decode_cut_jpeg2000(
    path: str, file: BinaryIO, reopened: Callable[[BinaryIO], Image.Image]
) -> tuple[Image.Image, Remark | None] | None:
    """Decode a picture as sharp as the bytes that are there make it.

    Parameters
    ----------
    path : str
    file : BinaryIO
    reopened : callable
        Given a file, opens the picture anew.

    Returns
    -------
    PIL.Image.Image
    Remark or None
        How much of it that is; None where it lacks no more than the mark of its end.
    None
        Instead of both, where it was not cut off, or lacks parts rather than sharpness.

    Raises
    ------
    CorruptMediaError
        It is less than half.
    """
    file.seek(0)
    data = file.read()
    promised = _promised(data)
    if promised is None or promised <= len(data):
        return None
    share = len(data) / promised
    if share < LEAST_SHARE:
        raise CorruptMediaError(path, f"is cut off: only {len(data):,} of its {promised:,} bytes are there")
    image = reopened(io.BytesIO(data[: promised - 2].ljust(promised - 2, b"\0") + _END.to_bytes(2, "big")))
    try:
        image.load()
    except OSError as error:
        if error.errno is not None:
            raise
        return None  # it is damaged, too
    if len(data) >= promised - 2:
        return image, None
    text = f"holds {min(share, 0.99):.0%} of the bytes that it promises, so it is less sharp than it promises"
    return image, Remark("partly read", text)


class _Segment(NamedTuple):
    marker: int
    place: int
    length: int


def _promised(data: bytes) -> int | None:
    """Return how many bytes a picture of one tile promises, up to its end; None for others."""
    start = data.find(_START)
    if start < 0:
        return None
    segments = {segment.marker: segment for segment in _segments(data, start + 2)}
    if not {_SIZE, _CODING, _TILE_PART} <= segments.keys():
        return None
    size, coding, tile = (segments[marker].place for marker in (_SIZE, _CODING, _TILE_PART))
    right, below, _, _, wide, high, left, top = (_number(data, size + 6 + 4 * n) for n in range(8))
    is_one_tile = left + wide >= right and top + high >= below
    length = _number(data, tile + 6)
    has_one_part = data[tile + 11] == 1
    if not (is_one_tile and has_one_part and length) or data[coding + 5] >= _BY_POSITION:
        return None
    return tile + length + 2


def _segments(data: bytes, place: int) -> Iterator[_Segment]:
    """Yield what stands before the first tile, and the head of that."""
    while place + 12 <= len(data):
        segment = _Segment(_number(data, place, 2), place, _number(data, place + 2, 2))
        yield segment
        if segment.marker == _TILE_PART:
            return
        place += 2 + segment.length


def _number(data: bytes, place: int, n_bytes: int = 4) -> int:
    return int.from_bytes(data[place : place + n_bytes], "big")
