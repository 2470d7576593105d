"""Whether pixels show anything, and on which ground what is transparent shows.

Black and flat pictures get no feature: all of them are alike, whatever they are meant to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import Float32Array, SegmentStatus, Uint8Array

BLACK_MEAN_LUMA: Final = 4.0
BLACK_HIGH_LUMA: Final = 16.0
"""A picture is black where its mean luma and its 99.9th percentile both lie below these, of 255."""

FLAT_APART: Final = 16.0
"""A picture is flat where no more than a thousandth of it lies so far from its median colour, in any channel of 255.

Of 2,443 photographs none comes below 66; noise, compression and the shades of blank paper stay below 16.
"""

FLAT_BLOCK_PX: Final = 4
"""Squares that are averaged before that, so that the grain of a scan is no detail; in small pictures there are none."""

_SMALL_PX: Final = 64
_MOST: Final = 99.9

_LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)

FADING_LUMA: Final = 64.0
"""What comes as near to a ground as this begins to fade on it, the more the nearer."""

FADING_MORE: Final = 0.25
"""White is left for black where so much more of what is visible fades on it: a share of the visible part."""


def status_of(pixels: Uint8Array) -> SegmentStatus:
    """Tell whether pixels ``[shape=(height, width, 3), uint8]`` show anything.

    Returns
    -------
    {"ok", "black", "flat"}
    """
    luma = luma_of(pixels)
    if luma.mean() < BLACK_MEAN_LUMA and np.percentile(luma, _MOST) < BLACK_HIGH_LUMA:
        return "black"
    return "flat" if _is_flat(pixels) else "ok"


def luma_of(pixels: Uint8Array) -> Float32Array:
    """Return the luma of pixels ``[shape=(..., 3), uint8]``, of 255."""
    luma: Float32Array = pixels.astype(np.float32) @ _LUMA
    return luma


def fades_on_white(on_white: Uint8Array, on_black: Uint8Array) -> bool:
    """Tell whether a transparent picture is to be laid on black: on white too much of it would be lost.

    Parameters
    ----------
    on_white, on_black : np.ndarray [shape=(height, width, 3), uint8]
        The picture on both grounds.

    Returns
    -------
    bool
    """
    white, black = luma_of(on_white), luma_of(on_black)
    # On black stands alpha * luma, on white 255 * (1 - alpha) more: so both can be told from what both grounds show.
    alpha = np.clip(1 - (white - black) / 255, 0, 1)
    visible = float(alpha.sum())
    if visible == 0:
        return False
    own = black / np.maximum(alpha, 1 / 255)
    on_both = [float((alpha * np.clip(1 - apart / FADING_LUMA, 0, 1)).sum()) for apart in (255 - own, own)]
    return on_both[0] - on_both[1] > FADING_MORE * visible


def _is_flat(pixels: Uint8Array) -> bool:
    from PIL import Image

    block_px = FLAT_BLOCK_PX if min(pixels.shape[:2]) >= _SMALL_PX else 1
    colours = np.asarray(Image.fromarray(pixels).reduce(block_px), dtype=np.float32).reshape(-1, 3)
    apart = np.abs(colours - np.median(colours, axis=0)).max(axis=1)
    return float(np.percentile(apart, _MOST)) < FLAT_APART
