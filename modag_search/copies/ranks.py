"""In which order copies are looked at, before any is read: probably the best first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from modag_search.values import ItemRecord

_LOSSLESS: Final = frozenset(
    {".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".ape", ".wv", ".tta"}
    | {".png", ".apng", ".bmp", ".dib", ".tif", ".tiff", ".qoi", ".tga"}
)

_LOSING: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".heic", ".heif", ".hif"})


class Rank(NamedTuple):
    """Of two copies, the one whose first value that differs is less comes first; no two have the same."""

    is_gone: bool
    has_no_labels: bool
    fewer_pixels: int
    is_lossy: bool
    smaller_file: int
    path: str


def loses(path: str) -> bool:
    """Tell by its name whether a picture has a format that always loses something; GIF and WebP may lose nothing."""
    return os.path.splitext(path)[1].lower() in _LOSING


def is_lossless(path: str) -> bool:
    """Tell by its name whether a file has a format that loses nothing."""
    return os.path.splitext(path)[1].lower() in _LOSSLESS


def rank(item: ItemRecord, *, has_labels: bool, is_gone: bool = False) -> Rank:
    """Rank an item by what is known without reading its file.

    Parameters
    ----------
    item : ItemRecord
    has_labels : bool
        Given by hand or from files.
    is_gone : bool
        Whether its file is not there as it was: then it cannot be compared, and gathers nothing that others would not.

    Returns
    -------
    Rank
    """
    return Rank(
        is_gone=is_gone,
        has_no_labels=not has_labels,
        fewer_pixels=-(item.width_px or 0) * (item.height_px or 0),
        is_lossy=not is_lossless(item.path),
        smaller_file=-item.size_bytes,
        path=item.path,
    )
