"""Which of several copies to keep, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from modag_search.values import ItemRecord

_LOSSLESS: Final = frozenset(
    {".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".ape", ".wv", ".tta"}
    | {".png", ".apng", ".bmp", ".dib", ".tif", ".tiff", ".qoi", ".tga"}
)


class Rank(NamedTuple):
    """Of two copies, the one whose first value that differs is less is kept; by path, so that order does not matter."""

    has_no_labels: bool
    fewer_pixels: int
    is_lossy: bool
    smaller_file: int
    path: str

    def because(self, other: Rank) -> str:
        """Say why this one is kept rather than another."""
        reasons = ("has labels", "has more pixels", "is lossless", "is the larger file", "its path comes first")
        return next(reason for reason, ours, theirs in zip(reasons, self, other, strict=True) if ours != theirs)


def rank(item: ItemRecord, *, has_labels: bool) -> Rank:
    """Rank an item by what one would keep.

    Parameters
    ----------
    item : ItemRecord
    has_labels : bool
        Given by hand or from files.

    Returns
    -------
    Rank
    """
    return Rank(
        has_no_labels=not has_labels,
        fewer_pixels=-(item.width_px or 0) * (item.height_px or 0),
        is_lossy=os.path.splitext(item.path)[1].lower() not in _LOSSLESS,
        smaller_file=-item.size_bytes,
        path=item.path,
    )
