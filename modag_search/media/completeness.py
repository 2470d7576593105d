"""How much of a picture is there, and whether that is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.values import Remark

if TYPE_CHECKING:
    from PIL import Image

LEAST_SHARE: Final = 0.5
"""Of the rows that a picture promises, so many must decode."""

_SMOOTHED_PX: Final = 4
"""Decoders smooth over the border of blocks: rows so near to what is not of the file may be mixed with it."""

_BAND_BYTES: Final = 1 << 24


def remark_on_share(path: str, share: float) -> Remark | None:
    """Say how much of a picture is there; None where that is all.

    Raises
    ------
    CorruptMediaError
        It is less than half.
    """
    if share < LEAST_SHARE:
        amount = (
            f"only {max(share, 0.01):.0%} of its rows of pixels decode"
            if share
            else "none of its rows of pixels decodes"
        )
        raise CorruptMediaError(path, f"is cut off or damaged: {amount}")
    if share == 1:
        return None
    return Remark("partly read", f"holds {min(share, 0.99):.0%} of the rows of pixels that it promises")


def rows_in_common(one: Image.Image, other: Image.Image) -> int:
    """Count the rows that are the same in two pictures of one size, from the top on."""
    step = max(_BAND_BYTES // (4 * one.width), 1)
    for top in range(0, one.height, step):
        box = (0, top, one.width, min(top + step, one.height))
        rows = [np.asarray(image.crop(box)).reshape(box[3] - top, -1) for image in (one, other)]
        differ = (rows[0] != rows[1]).any(axis=1)
        if differ.any():
            return max(top + int(differ.argmax()) - _SMOOTHED_PX, 0)
    return one.height
