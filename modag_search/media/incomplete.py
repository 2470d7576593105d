"""Pictures whose data end early, or are damaged from some place on: as far as they decode.

Pillow has a switch for this, but it is one for the whole process, fills what is missing with black or grey, and does
not say how much that is. So a picture that failed is decoded once more, over noise: rows that are noise afterwards are
missing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.media.completeness import bands_of, remark_on_share
from modag_search.media.cut_jpeg import decode_cut_jpeg
from modag_search.media.cut_jpeg2000 import decode_cut_jpeg2000
from modag_search.media.orientation import ORIENTATION_TAG, turned

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from modag_search.values import Remark

_TILE_WIDTH_TAG: Final = 322
_NARROWEST_TILE_PX: Final = 4
"""So much at its end tells that a row of tiles lacks the last."""

_CHANCE: Final = 1 / 8
"""More of a row than this does not equal noise by chance."""


def decode_what_is_there(
    path: str, file: BinaryIO, reopened: Callable[[BinaryIO], Image.Image]
) -> tuple[Image.Image, Remark | None]:
    """Decode a picture, of which decoding failed, as far as it goes.

    Parameters
    ----------
    path : str
    file : BinaryIO
    reopened : callable
        Given a file, opens the picture anew.

    Returns
    -------
    PIL.Image.Image
        The rows that decode; of a TIFF, upright, as Pillow leaves it.
    Remark or None
        How many these are; None where they are all.

    Raises
    ------
    CorruptMediaError
        It is less than half of what the header promises, or of a frame that needs those before it.
    """
    image = reopened(file)
    if image.format in ("JPEG", "MPO"):
        return decode_cut_jpeg(path, file, reopened)
    less_sharp = decode_cut_jpeg2000(path, file, reopened) if image.format == "JPEG2000" else None
    if less_sharp is not None:
        return less_sharp
    if _lies_on_others(image):
        raise CorruptMediaError(path, "is cut off or damaged within a frame that lies on those before it")
    orientation = _kept_from_turning(image)
    noise = _over_noise(image)
    image = _as_stored(image)
    rows, remark = _cropped(path, image, _rows_decoded(image, noise))
    return turned(rows, orientation), remark


def _lies_on_others(image: Image.Image) -> bool:
    """Tell whether a picture is turned to a frame that is decoded onto those before it, not to pixels of its own."""
    if image.format == "TIFF" or image.tell() == 0:
        return False
    tiles = getattr(image, "tile", [])
    return image.format == "GIF" or any(tile[1] != (0, 0, *image.size) for tile in tiles)


def _kept_from_turning(image: Image.Image) -> int:
    """Have Pillow decode a TIFF as it is stored, so that what lacks are rows; return how it is to be turned."""
    if image.format != "TIFF":
        return 1
    orientation = getattr(image, "tag_v2", {}).get(ORIENTATION_TAG, 1)
    image.getexif()[ORIENTATION_TAG] = 1
    return orientation if isinstance(orientation, int) else 1


def _as_stored(image: Image.Image) -> Image.Image:
    """Return a picture of which Pillow says the size that it would have when turned, with the size that it has."""
    return image if image.im.size == image.size else image.crop((0, 0, *image.im.size))


def _over_noise(image: Image.Image) -> bytes:
    """Decode a picture over rows that are all the same noise; return that of a row."""
    from PIL import Image, ImageFile

    width, height = getattr(image, "_tile_size", image.size)
    n_bytes = len(Image.new(image.mode, (width, 1)).tobytes())
    row = Image.frombytes(image.mode, (width, 1), np.random.default_rng(0).bytes(n_bytes))
    canvas = Image.new(image.mode, (width, height))
    for top in range(height):
        canvas.paste(row, (0, top))
    image.im = canvas.im
    with suppress(Exception):
        image.load()
    if isinstance(image, ImageFile.ImageFile):
        image.tile = []  # so that Pillow takes it as decoded
    if _is_transparent_gif(image):
        return bytes([image.info["transparency"]]) * width  # Pillow lays those on what is transparent
    return row.tobytes()


def _is_transparent_gif(image: Image.Image) -> bool:
    return image.format == "GIF" and isinstance(image.info.get("transparency"), int)


def _rows_decoded(image: Image.Image, noise: bytes) -> np.ndarray:
    """Tell which rows are not as they were before decoding ``[shape=(height,), bool]``."""
    least = 1.0 if _is_transparent_gif(image) else _CHANCE
    is_tiled = image.format == "JPEG2000" or _TILE_WIDTH_TAG in getattr(image, "tag_v2", {})
    n_channels = max(len(noise) // image.width, 1)
    before = np.frombuffer(noise, np.uint8)
    decoded, ends = np.empty((2, image.height), dtype=bool)
    for top, band in bands_of(image):
        same = np.frombuffer(band.tobytes(), np.uint8).reshape(band.height, -1) == before
        same = same.reshape(band.height, -1, n_channels)
        # What is stored channel by channel, or in passes, has rows that are decoded in part.
        decoded[top : top + band.height] = (same.mean(axis=1) < least).all(axis=1)
        ends[top : top + band.height] = ~same[:, -1].any(axis=1)
        if is_tiled:
            decoded[top : top + band.height] &= ~same[:, -_NARROWEST_TILE_PX:].all(axis=(1, 2))
    # Others have one such row, which is the last before those that are missing.
    is_inside = np.concatenate([[True], decoded[:-1]]) & np.concatenate([decoded[1:], [True]])
    return np.asarray(decoded & (is_inside | ends))


def _cropped(path: str, image: Image.Image, decoded: np.ndarray) -> tuple[Image.Image, Remark | None]:
    """Keep the rows from the first to the last that decodes; between them, one that does not is as that above."""
    remark = remark_on_share(path, float(decoded.mean()))
    if remark is None:
        return image, None
    rows = np.flatnonzero(decoded)
    for missing in np.flatnonzero(~decoded[rows[0] : rows[-1]]) + rows[0]:
        image.paste(image.crop((0, missing - 1, image.width, missing)), (0, int(missing)))
    return image.crop((0, int(rows[0]), image.width, int(rows[-1]) + 1)), remark
