"""Which way up a picture is, as EXIF counts, and turning it upright."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

ORIENTATION_TAG: Final = 0x0112
SIDEWAYS: Final = frozenset({5, 6, 7, 8})


def orientation_of(image: Image.Image) -> int:
    """Return how a picture is to be turned yet after it was decoded; 1, not at all, where its metadata are damaged."""
    if image.format == "TIFF":
        return 1  # Pillow turns it while it decodes it
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, LookupError, TypeError, OSError, struct.error):
        return 1
    return orientation if isinstance(orientation, int) else 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture upright."""
    from PIL.Image import Transpose

    method = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if method is None else image.transpose(method)
