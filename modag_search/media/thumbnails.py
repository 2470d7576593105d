"""Pictures as small squares, to be laid over each other."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from modag_search.media.isolation import is_isolated
from modag_search.media.opening import media_errors, open_not_empty

if TYPE_CHECKING:
    from PIL import Image

    from modag_search.values import DecodedSegment, Uint8Array


def read_thumbnail(path: str, *, side_px: int) -> Uint8Array:
    """Decode a picture, and make it a small square, whatever its shape; of an animation, the first frame.

    Parameters
    ----------
    path : str
    side_px : int

    Returns
    -------
    np.ndarray [shape=(n, side_px, side_px, 3), uint8]
        One; two where parts of it are transparent, on white and on black.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    if is_isolated():
        from modag_search.media.children import array_apart

        return array_apart("read_thumbnail", path, side_px=side_px)
    from modag_search.media.pictures import decoded_picture

    with (
        media_errors(path),
        open_not_empty(path) as file,
        decoded_picture(file, path, shorter_side_px=side_px) as (picture, _),
    ):
        white = _square(picture.laid_on("white"), side_px)
        black = _square(picture.laid_on("black"), side_px) if picture.image.has_transparency_data else white
    return white[None] if np.array_equal(white, black) else np.stack([white, black])


def read_pixel_hash(path: str) -> Uint8Array:
    """Decode a picture at its full size, and return a hash of its pixels; of an animation, of those of the first frame.

    Parameters
    ----------
    path : str

    Returns
    -------
    np.ndarray [shape=(16,), uint8]
        Of its size and its pixels (blake2b), upright, in RGB, on white where it is transparent.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    if is_isolated():
        from modag_search.media.children import array_apart

        return array_apart("read_pixel_hash", path)
    from modag_search.media.picture_formats import PIXEL_LIMIT
    from modag_search.media.pictures import decoded_picture

    with (
        media_errors(path),
        open_not_empty(path) as file,
        decoded_picture(file, path, shorter_side_px=round(PIXEL_LIMIT)) as (picture, _),
    ):
        pixels = np.array(picture.laid_on("white"), dtype=np.uint8)
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(pixels.data)
    return np.frombuffer(digest.digest(), np.uint8)


def thumbnail_of(frame: DecodedSegment, *, side_px: int) -> Uint8Array:
    """Make of a frame that was decoded what `read_thumbnail` returns of an opaque picture."""
    from PIL import Image

    return _square(Image.fromarray(frame.data), side_px)[None]


def _square(image: Image.Image, side_px: int) -> Uint8Array:
    from PIL import Image

    return np.array(image.resize((side_px, side_px), Image.Resampling.BILINEAR), dtype=np.uint8)
