"""Making pictures small: any of Pillow's modes in, RGB on white out.

A large picture goes through all steps tile by tile, so that beside its pixels as decoded there is never a second copy
of its size. The steps are those of `Image.resize` on the whole, and so are the pixels, but for what LANCZOS overshoots
where a picture is far taller than wide: there, Pillow squeezes the height first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.errors import CorruptMediaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL import Image

SHORTER_SIDE_PX: Final = 512
"""Pictures are reduced until their shorter side is at most this; none is enlarged."""

LONGER_SIDE_PX: Final = 8192
"""Strips are reduced further until their longer side is at most this."""

TILE_PIXELS: Final = SHORTER_SIDE_PX * LONGER_SIDE_PX
"""Pictures of more pixels than this are large; none that is kept at its size is."""

_REDUCING_GAP: Final = 3.0  # how far averaging may go before LANCZOS takes over: at least this times the final size


def reduced_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height to which a picture is reduced."""
    shorter, longer = min(size), max(size)
    factor = min(SHORTER_SIDE_PX / shorter, LONGER_SIDE_PX / longer, 1.0)
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def reduced(image: Image.Image) -> Image.Image:
    """Reduce an RGB picture to `reduced_size`; return small ones as they are."""
    from PIL import Image

    target = reduced_size(image.size)
    if target == image.size:
        return image
    return image.resize(target, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)


def reduced_rgb(image: Image.Image, path: str) -> Image.Image:
    """Lay a picture of any mode on white and reduce it to `reduced_size`.

    Raises
    ------
    CorruptMediaError
        It holds pixels that are not numbers.
    """
    is_large = image.width * image.height > TILE_PIXELS
    to_rgb = _to_rgb(image, path)
    return _reduced_by_tiles(image, to_rgb) if is_large else reduced(to_rgb(image))


def _reduced_by_tiles(image: Image.Image, to_rgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Average by a whole factor, then squeeze each band to its final width, then all of them to their height."""
    from PIL import Image

    width, height = image.size
    target = reduced_size(image.size)
    factor_x, factor_y = (
        int(whole / wanted / _REDUCING_GAP) or 1 for whole, wanted in zip(image.size, target, strict=True)
    )
    bands = Image.new("RGB", (target[0], math.ceil(height / factor_y)))
    rows = _multiple(TILE_PIXELS // width, factor_y)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = Image.new("RGB", (math.ceil(width / factor_x), math.ceil((bottom - top) / factor_y)))
        columns = _multiple(TILE_PIXELS // rows, factor_x)
        for left in range(0, width, columns):
            tile = image.crop((left, top, min(left + columns, width), bottom))
            band.paste(to_rgb(tile).reduce((factor_x, factor_y)), (left // factor_x, 0))
        box = (0, 0, width / factor_x, band.height)
        squeezed = band.resize((target[0], band.height), Image.Resampling.LANCZOS, box)
        bands.paste(squeezed, (0, top // factor_y))
    return bands.resize(target, Image.Resampling.LANCZOS, (0, 0, target[0], height / factor_y))


def _multiple(number: int, factor: int) -> int:
    """Round down to a multiple of `factor`, but to no less than one."""
    return max(number // factor, 1) * factor


def _to_rgb(image: Image.Image, path: str) -> Callable[[Image.Image], Image.Image]:
    """Return what brings a picture, or any tile of it, to RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return _DeepGray(image, path)
    return _laid_on_white if image.has_transparency_data else _opaque


def _opaque(tile: Image.Image) -> Image.Image:
    return tile.convert("RGB")


def _laid_on_white(tile: Image.Image) -> Image.Image:
    from PIL import Image

    layer = tile.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


class _DeepGray:
    """Brings 16-bit, 32-bit and float gray to 8 bits.

    Values within the range that the mode is commonly used for keep their brightness; others are stretched.
    """

    def __init__(self, image: Image.Image, path: str) -> None:
        extremes = np.array([(values.min(), values.max()) for values in map(_values, _tiles(image))])
        if not np.isfinite(extremes).all():
            raise CorruptMediaError(path, "holds pixels that are not numbers")
        self._low, self._high = float(extremes.min()), float(extremes.max())
        usual = 1.0 if image.mode == "F" else 65535.0
        if self._low >= 0 and self._high <= usual:
            self._low, self._high = 0.0, usual
        elif self._low >= 0 and self._high <= 255:
            self._low, self._high = 0.0, 255.0

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
