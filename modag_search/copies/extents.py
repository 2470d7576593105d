"""Which media can be copies by how long they last, or by their shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.values import ItemRecord, MediaFacts, MediaKind

DURATION_TOLERANCE_S: Final = 0.5
DURATION_TOLERANCE: Final = 0.05
"""Sounds and videos are compared where their lengths differ by no more than the larger of the two tolerances: room
for the padding of encoders and for a trimmed end, not for an excerpt."""

SHAPE_TOLERANCE: Final = 0.1
"""Pictures are compared where their ratios of width to height differ by no more than this share."""

_KINDS: Final[tuple[MediaKind, ...]] = ("image", "sound", "video")


@dataclass(frozen=True, slots=True, eq=False)
class Extents:
    """How large media are.

    Attributes
    ----------
    kinds : np.ndarray [shape=(n,), int64]
        Pictures, sounds and videos, by number.
    extents : np.ndarray [shape=(n,), float64]
        Lengths of sounds and videos in seconds, ratios of width to height of pictures.
    sides_px : np.ndarray [shape=(n,), float64]
        Shorter sides of pictures and videos; 1 of sounds.
    """

    kinds: np.ndarray
    extents: np.ndarray
    sides_px: np.ndarray

    @classmethod
    def of(cls, media: Iterable[ItemRecord | MediaFacts]) -> Self:
        """Look at media."""
        rows = [(_KINDS.index(one.kind), _extent_of(one), _shorter_side_px(one)) for one in media]
        kinds, extents, sides_px = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        return cls(kinds.astype(np.int64), extents, sides_px)

    def at(self, places: np.ndarray) -> Self:
        """Return some of them, by place."""
        return type(self)(self.kinds[places], self.extents[places], self.sides_px[places])

    def are_near(self, others: Extents) -> np.ndarray:
        """Tell of each whether another is of its kind and about as long, or of about its shape.

        Parameters
        ----------
        others : Extents
            As many, or one.

        Returns
        -------
        np.ndarray [shape=(n,), bool]
        """
        larger, smaller = np.maximum(self.extents, others.extents), np.minimum(self.extents, others.extents)
        are_as_long = larger - smaller <= np.maximum(DURATION_TOLERANCE_S, DURATION_TOLERANCE * larger)
        is_picture = self.kinds == _KINDS.index("image")
        have_one_shape = larger <= smaller * (1 + SHAPE_TOLERANCE)
        return np.asarray((self.kinds == others.kinds) & np.where(is_picture, have_one_shape, are_as_long))

    def ranges(self) -> np.ndarray:
        """Return from where to where ``[shape=(n, 2)]`` the extents of others lie that are near to each, or nearly."""
        is_picture = self.kinds == _KINDS.index("image")
        lowest = np.minimum(self.extents - DURATION_TOLERANCE_S, self.extents * (1 - DURATION_TOLERANCE))
        highest = np.maximum(self.extents + DURATION_TOLERANCE_S, self.extents / (1 - DURATION_TOLERANCE))
        lowest = np.where(is_picture, self.extents / (1 + SHAPE_TOLERANCE), lowest)
        highest = np.where(is_picture, self.extents * (1 + SHAPE_TOLERANCE), highest)
        return np.stack([lowest - 1e-6, highest + 1e-6], axis=1)  # so that rounding leaves nothing out


def _extent_of(media: ItemRecord | MediaFacts) -> float:
    if media.kind == "image":
        return (media.width_px or 1) / (media.height_px or 1)
    return media.duration_s or 0.0


def _shorter_side_px(media: ItemRecord | MediaFacts) -> int:
    return max(min(media.width_px or 1, media.height_px or 1), 1)
