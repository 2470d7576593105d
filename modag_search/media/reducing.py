"""Making pictures small: any of Pillow's modes in, RGB on white out.

Pictures are averaged by a power of two and never resampled: an encoder does that, to a size that it alone knows, and
once is enough. A large picture goes through all steps tile by tile, so that beside its pixels as decoded there is never
a second copy of its size; the pixels are those of the whole.
"""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from modag_search.errors import CorruptMediaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL import Image

Ground = Literal["white", "black"]
"""What a picture is laid on where it is transparent."""

SHORTER_SIDE_PX: Final = 384
"""Pictures are reduced as far as their shorter side stays this long; half as long again as what encoders look at, so
that nothing is seen of how they were reduced."""

LONGER_SIDE_PX: Final = 8192
"""Strips are reduced further until their longer side is at most this."""

TILE_PIXELS: Final = SHORTER_SIDE_PX * LONGER_SIDE_PX
"""Pictures of more pixels than this are large."""


def reducing_factor(size: tuple[int, int], *, shorter_side_px: int = SHORTER_SIDE_PX) -> int:
    """Return the power of two by which the width and the height of a picture are divided.

    Parameters
    ----------
    size : tuple of int
        Width and height.
    shorter_side_px : int
        How long the shorter side must stay, if it is not shorter already.

    Returns
    -------
    int

    Examples
    --------
    >>> reducing_factor((1024, 768)), reducing_factor((767, 800)), reducing_factor((2, 10_000))
    (2, 1, 2)
    """
    by_shorter = 1 << max((min(size) // shorter_side_px).bit_length() - 1, 0)
    by_longer = 1 << ((max(size) - 1) // LONGER_SIDE_PX).bit_length()
    return max(by_shorter, by_longer)


def reduced(image: Image.Image, *, factor: int) -> Image.Image:
    """Average an RGB picture by a whole factor."""
    return image if factor == 1 else image.reduce(factor)


def reduced_rgb(image: Image.Image, path: str, *, factor: int, ground: Ground = "white") -> Image.Image:
    """Lay a picture of any mode on a ground, where it is transparent, and average it by a whole factor.

    Raises
    ------
    CorruptMediaError
        It holds pixels that are not numbers.
    """
    is_large = image.width * image.height > TILE_PIXELS
    to_rgb = _to_rgb(image, path, ground)
    return _reduced_by_tiles(image, to_rgb, factor=factor) if is_large else reduced(to_rgb(image), factor=factor)


def _reduced_by_tiles(image: Image.Image, to_rgb: Callable[[Image.Image], Image.Image], *, factor: int) -> Image.Image:
    from PIL import Image

    width, height = image.size
    whole = Image.new("RGB", (math.ceil(width / factor), math.ceil(height / factor)))
    rows = _multiple(TILE_PIXELS // width, factor)
    columns = _multiple(TILE_PIXELS // rows, factor)
    for top, left in itertools.product(range(0, height, rows), range(0, width, columns)):
        tile = image.crop((left, top, min(left + columns, width), min(top + rows, height)))
        whole.paste(to_rgb(tile).reduce(factor), (left // factor, top // factor))
    return whole


def _multiple(number: int, factor: int) -> int:
    """Round down to a multiple of `factor`, but to no less than one."""
    return max(number // factor, 1) * factor


def _to_rgb(image: Image.Image, path: str, ground: Ground) -> Callable[[Image.Image], Image.Image]:
    """Return what brings a picture, or any tile of it, to RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return _DeepGray(image, path)
    return partial(_laid_on, ground=ground) if image.has_transparency_data else _opaque


def _opaque(tile: Image.Image) -> Image.Image:
    return tile.convert("RGB")


def _laid_on(tile: Image.Image, *, ground: Ground) -> Image.Image:
    from PIL import Image

    layer = tile.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, ground), layer).convert("RGB")


_USUAL_WHITES: Final = {"F": (1.0, 255.0), "I": tuple(2.0**n_bits - 1 for n_bits in (8, 10, 12, 14, 16))}


class _DeepGray:
    """Brings 16-bit, 32-bit and float gray to 8 bits.

    Whole numbers are scaled by the least usual depth that holds the brightest, for files do not say how many of 16 bits
    a camera or a scanner filled; floats within a usual range by that range. Others are stretched.
    """

    def __init__(self, image: Image.Image, path: str) -> None:
        extremes = np.array([(values.min(), values.max()) for values in map(_values, _tiles(image))])
        if not np.isfinite(extremes).all():
            raise CorruptMediaError(path, "holds pixels that are not numbers")
        low, high = float(extremes.min()), float(extremes.max())
        usual = _USUAL_WHITES["F" if image.mode == "F" else "I"]
        white = next((white for white in usual if high <= white), None) if low >= 0 else None
        self._low, self._high = (low, max(high, low + 1)) if white is None else (0.0, white)

    def __call__(self, tile: Image.Image) -> Image.Image:
        from PIL import Image

        values = _values(tile)
        values -= self._low
        values *= 255 / (self._high - self._low)
        return Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGB")


def _values(tile: Image.Image) -> np.ndarray:
    return np.asarray(tile).astype(np.float32)


def _tiles(image: Image.Image) -> Iterator[Image.Image]:
    width, height = image.size
    columns = min(width, TILE_PIXELS)
    rows = TILE_PIXELS // columns
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield image.crop((left, top, min(left + columns, width), min(top + rows, height)))
