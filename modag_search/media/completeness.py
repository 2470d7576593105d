"""The one rule for files of which a part is missing: half of what is promised is enough, and what lacks is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.errors import CorruptMediaError
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

LEAST_SHARE: Final = 0.5
"""A file of which less decodes than this share of what its header promises is refused."""

_SMOOTHED_PX: Final = 4
"""Decoders smooth over the border of blocks: rows so near to what is not of the file may be mixed with it."""

_BAND_BYTES: Final = 1 << 24
_BYTES_A_PIXEL: Final = 4


def remarks_on(
    path: str, *, there: float, promised: float | None, slack: float = 0.0, unit: str = "s"
) -> tuple[Remark, ...]:
    """Judge whether enough of a file decoded, and say what lacks.

    Parameters
    ----------
    path : str
    there, promised : float
        How much decoded, and how much the header promises; None where it promises nothing usable.
    slack : float
        So much may lack without a word: what a header rounds.
    unit : str
        What is counted: ``"s"`` or ``"s of pictures"`` for seconds, told with two decimals, or a noun such as
        ``"rows"``.

    Returns
    -------
    tuple of Remark
        Empty where all is there.

    Raises
    ------
    CorruptMediaError
        Less than `LEAST_SHARE` is there.
    """
    if promised is not None and there < promised * LEAST_SHARE:
        raise CorruptMediaError(path, f"holds only {_amounts(there, promised, unit)}: it is cut off or damaged")
    return remarks_on_a_part(there=there, promised=promised, slack=slack, unit=unit)


def remarks_on_a_part(
    *, there: float, promised: float | None, slack: float = 0.0, unit: str = "s"
) -> tuple[Remark, ...]:
    """Say what lacks of a part of a file that is taken in any case; see `remarks_on`."""
    if promised is None or there >= promised - slack:
        return ()
    return (Remark("partly read", f"holds {_amounts(there, promised, unit)}"),)


def _amounts(there: float, promised: float, unit: str) -> str:
    decimals = 2 if unit.split(maxsplit=1)[0] == "s" else 0
    return f"{there:.{decimals}f} of the {promised:.{decimals}f} {unit} that its header promises"


def remark_on_share(path: str, share: float) -> Remark | None:
    """Judge by the same rule how much of a picture is there, and say so; None where that is all.

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
    for (top, ours), (_, theirs) in zip(bands_of(one), bands_of(other), strict=True):
        differ = (np.asarray(ours) != np.asarray(theirs)).reshape(ours.height, -1).any(axis=1)
        if differ.any():
            return max(top + int(differ.argmax()) - _SMOOTHED_PX, 0)
    return one.height


def bands_of(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield rows of a picture as pictures of few bytes, each with the row that it begins at."""
    step = max(_BAND_BYTES // (_BYTES_A_PIXEL * image.width), 1)
    for top in range(0, image.height, step):
        yield top, image.crop((0, top, image.width, min(top + step, image.height)))
