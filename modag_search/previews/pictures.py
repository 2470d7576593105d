"""Small pictures of pictures and of videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search import media
from modag_search.errors import EmptyMediaError
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from modag_search.values import DecodedSegment, MediaKind

SIDE_PX = 320
_ONE_SECOND = Segmentation(window_s=1.0, hop_s=1.0, frame_interval_s=1.0)
_ANY_RATE_HZ = 8_000
"""Of a video's sound, which is not read."""


def thumbnail(path: str, *, kind: MediaKind, at_s: float | None = None, longer_side_px: int = SIDE_PX) -> bytes:
    """Make a small picture of a picture, or of a frame of a video.

    Parameters
    ----------
    path : str
    kind : {"image", "video"}
    at_s : float, optional
        Where in a video, in seconds; default its first frame that is not black.
    longer_side_px : int

    Returns
    -------
    bytes
        JPEG.

    Raises
    ------
    MediaError
        If it cannot be decoded, or has no picture.
    """
    if kind == "video":
        return frame_thumbnail(path, at_s=at_s, longer_side_px=longer_side_px)
    return picture_thumbnail(path, longer_side_px=longer_side_px)


def picture_thumbnail(path: str, *, longer_side_px: int = SIDE_PX) -> bytes:
    """Make a small picture of a picture; see `thumbnail`."""
    return media.picture_as_jpeg(path, longer_side_px=longer_side_px)


def frame_thumbnail(path: str, *, at_s: float | None = None, longer_side_px: int = SIDE_PX) -> bytes:
    """Make a small picture of a frame; see `thumbnail`."""
    stream = media.open_media(path, sample_rate_hz=_ANY_RATE_HZ, segmentation=_ONE_SECOND, start_s=at_s)
    first: DecodedSegment | None = None
    for segment in stream.segments():
        if segment.modality != "image":
            break
        if first is None or segment.status == "ok":
            first = segment
        if at_s is not None or segment.status == "ok":
            break
    if first is None:
        raise EmptyMediaError(path, "has no picture there")
    return media.pixels_as_jpeg(first.data.astype(np.uint8, copy=False), longer_side_px=longer_side_px)
