"""Which items can be copies by how long they last, or by their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import ItemRecord, MediaKind

DURATION_TOLERANCE_S: Final = 0.5
DURATION_TOLERANCE: Final = 0.05
"""Sounds and videos are compared where their lengths differ by no more than the larger of the two tolerances: room
for the padding of encoders and for a trimmed end, not for an excerpt."""

SHAPE_TOLERANCE: Final = 0.1
"""Pictures are compared where their ratios of width to height differ by no more than this share."""


def extent_of(item: ItemRecord) -> float:
    """Return the length of a sound or video in seconds, the ratio of width to height of a picture."""
    if item.kind == "image":
        return (item.width_px or 1) / (item.height_px or 1)
    return item.duration_s or 0.0


def are_comparable(kind: MediaKind, extent: float, others: np.ndarray) -> np.ndarray:
    """Tell which of some extents are about as large as one ``[shape=(n,), bool]``."""
    larger, smaller = np.maximum(others, extent), np.minimum(others, extent)
    if kind == "image":
        return np.asarray(larger <= smaller * (1 + SHAPE_TOLERANCE))
    return np.asarray(larger - smaller <= np.maximum(DURATION_TOLERANCE_S, DURATION_TOLERANCE * larger))


def comparable_ranges(kind: MediaKind, extents: np.ndarray) -> np.ndarray:
    """Return from where to where ``[shape=(n, 2)]`` extents are comparable to each, by `are_comparable` or nearly."""
    if kind == "image":
        lowest, highest = extents / (1 + SHAPE_TOLERANCE), extents * (1 + SHAPE_TOLERANCE)
    else:
        lowest = np.minimum(extents - DURATION_TOLERANCE_S, extents * (1 - DURATION_TOLERANCE))
        highest = np.maximum(extents + DURATION_TOLERANCE_S, extents / (1 - DURATION_TOLERANCE))
    return np.stack([lowest - 1e-6, highest + 1e-6], axis=1)  # so that rounding leaves nothing out
