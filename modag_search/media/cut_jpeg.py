"""JPEG pictures that were cut off: an end is put where they break off, for without it libjpeg keeps rows back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.media.completeness import remark_on_share, rows_in_common
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

_END_OF_IMAGE: Final = b"\xff\xd9"
_MARKER: Final = 0xFF
_NOISE: Final = np.random.default_rng(0).integers(0, _MARKER, 1000, dtype=np.uint8).tobytes()
"""Put where the data end, it decodes to something, where libjpeg goes on with nothing: both are not of the file."""

_START_OF_SCAN: Final = 0xDA
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_WITHIN_A_SCAN: Final = frozenset({0x00, _MARKER, *range(0xD0, 0xD8)})


def decode_cut_jpeg(
    path: str, file: BinaryIO, reopened: Callable[[BinaryIO], Image.Image]
) -> tuple[Image.Image, Remark | None]:
    """Decode the rows that are there; of a progressive JPEG, all rows as sharp as the passes that are there make them.

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
        How much of it that is; None where it is all.

    Raises
    ------
    CorruptMediaError
        It is less than half of the rows, or not even the first pass.
    """
    file.seek(0)
    data = file.read().rstrip(b"\xff")  # of a marker that was cut in two
    image = _decoded(data + _END_OF_IMAGE, reopened)
    other = _decoded(data + _NOISE + _END_OF_IMAGE, reopened)
    n_rows = rows_in_common(image, other)
    if image.info.get("progressive") and n_rows < image.height:
        return image, _remark_on_passes(path, data)
    remark = remark_on_share(path, n_rows / image.height)
    return (image if remark is None else image.crop((0, 0, image.width, n_rows))), remark


def _decoded(data: bytes, reopened: Callable[[BinaryIO], Image.Image]) -> Image.Image:
    image = reopened(io.BytesIO(data))
    image.load()
    return image


def _remark_on_passes(path: str, data: bytes) -> Remark:
    n_whole = _whole_scans(data)
    if n_whole == 0:
        raise CorruptMediaError(path, "is cut off within the first of the passes that its pixels come in")
    passes = "1 pass" if n_whole == 1 else f"{n_whole} passes"
    return Remark("partly read", f"is cut off after {passes}, so it is less sharp than it promises")


def _whole_scans(data: bytes) -> int:
    """Count the scans of a JPEG that another marker follows."""
    n_scans, place = 0, 2
    while 0 <= place < len(data) - 4 and data[place] == _MARKER:
        marker = data[place + 1]
        if marker == _MARKER or marker in _WITHOUT_LENGTH:
            place += 1 if marker == _MARKER else 2
            continue
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
        if marker == _START_OF_SCAN:
            place = _next_marker(data, place)
            n_scans += place >= 0
    return n_scans


def _next_marker(data: bytes, place: int) -> int:
    """Return where a scan ends; -1 where it does not."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            return -1
        if data[place + 1] not in _WITHIN_A_SCAN:
            return place
        place += 1
