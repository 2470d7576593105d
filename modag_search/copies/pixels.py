"""Whether items are one picture or one video: their pixels, decoded where that has to be known."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from math import ceil
from typing import TYPE_CHECKING, Final

from modag_search.copies.decoded import DecodedContents
from modag_search.copies.thumbnails import MIN_LIKENESS, SIDE_PX, SMALL_PX, Thumbnail, likeness, may_be_copies
from modag_search.errors import UsageError
from modag_search.features.ahead import one_thread_a_product
from modag_search.media import open_media, read_pixel_hash, read_thumbnail, thumbnail_of
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from modag_search.values import DecodedSegment, ItemRecord, Uint8Array

MOST_FRAMES: Final = 12
"""Of a video of up to 24 s a frame every two seconds is compared, of a longer one this many at most, spread evenly."""

SHARE_OF_FRAMES: Final = 0.5
"""More than so many frames of a video must be alike: at another frame rate, what moves stands elsewhere."""

_FRAME_EVERY_S: Final = 2.0
_RATE_HZ: Final = 8_000  # of sound, which is not decoded
_KEPT_BYTES: Final = 1 << 28
_KEPT_HASHES_BYTES: Final = 1 << 20
_CONTENTS_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """A picture, or frames of a video that show something.

    Attributes
    ----------
    at : mapping of int to Thumbnail
        By their number: frame k stands at ``k * 2`` s. That of a picture is 0.
    """

    at: Mapping[int, Thumbnail]

    @property
    def n_bytes(self) -> int:
        """What they take in memory."""
        return sum(thumbnail.grounds.nbytes for thumbnail in self.at.values())


@dataclass(frozen=True, slots=True)
class _PixelHash:
    of_pixels: bytes

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return len(self.of_pixels)


class Pixels:
    """Compares the pixels of items.

    Of each picture that is decoded a sketch is kept, which tells most others apart; thumbnails, by which the rest is
    told, are kept as long as there is room.

    Parameters
    ----------
    min_likeness : float
        From which on two pictures are one.
    """

    def __init__(self, *, min_likeness: float = MIN_LIKENESS) -> None:
        self._min_likeness = min_likeness
        self._frames = DecodedContents(read_frames, most_bytes=_KEPT_BYTES)
        self._hashes = DecodedContents(
            lambda item: _PixelHash(read_pixel_hash(item.path).tobytes()), most_bytes=_KEPT_HASHES_BYTES
        )
        self._sketches: dict[str, Uint8Array | None] = {}

    def are_alike(self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]]) -> list[bool | None]:
        """Tell which pictures, or which videos, are the same as one.

        Parameters
        ----------
        one : sequence of ItemRecord
            Items with the same content; the first whose file is as it was indexed, and can be decoded, is taken.
        others : sequence of sequences of ItemRecord
            Each likewise, and of the same kind.

        Returns
        -------
        list of bool or None
            For each of the others; None where either cannot be had, or videos show nothing wherever both were looked
            at.
        """
        if one[0].kind != "video" and self._sketch(one) is None:
            return [None] * len(others)
        compare = self._are_alike_as_videos if one[0].kind == "video" else self._are_alike_as_pictures
        workers = min(os.cpu_count() or 1, len(others) or 1)
        with one_thread_a_product(), ThreadPoolExecutor(workers, thread_name_prefix="modag") as pool:
            verdicts: list[bool | None] = []
            for start in range(0, len(others), _CONTENTS_AT_ONCE):
                verdicts += compare(one, others[start : start + _CONTENTS_AT_ONCE], pool)
            return verdicts

    def is_grey(self, copies: Sequence[ItemRecord]) -> bool | None:
        """Tell whether a picture or a video is without colours.

        Parameters
        ----------
        copies : sequence of ItemRecord
            As in `are_alike`.

        Returns
        -------
        bool or None
            None where it cannot be had, or shows nothing.
        """
        frames = self._frames.of(copies)
        return None if frames is None else all(thumbnail.is_grey for thumbnail in frames.at.values())

    def have_the_same(self, one: Sequence[ItemRecord], other: Sequence[ItemRecord]) -> bool:
        """Tell whether two pictures have the same pixels at full size, to the bit; never of what cannot be read.

        Parameters
        ----------
        one, other : sequence of ItemRecord
            As in `are_alike`.

        Returns
        -------
        bool
        """
        if (one[0].width_px, one[0].height_px) != (other[0].width_px, other[0].height_px):
            return False
        ours, theirs = self._hashes.of(one), self._hashes.of(other)
        return ours is not None and theirs is not None and ours.of_pixels == theirs.of_pixels

    def _are_alike_as_pictures(
        self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]], pool: Executor
    ) -> list[bool | None]:
        sketch = self._sketch(one)
        sketches = [None if sketch is None else other for other in pool.map(self._sketch, others)]
        there = [n for n, other in enumerate(sketches) if other is not None]
        verdicts: list[bool | None] = [None if other is None else False for other in sketches]
        if sketch is not None and there:
            near = may_be_copies(sketch, [other for other in sketches if other is not None])
            chosen = [n for n, is_near in zip(there, near.tolist(), strict=True) if is_near]
            closer = pool.map(self._verdict, repeat(one), [others[n] for n in chosen])
            for n, verdict in zip(chosen, closer, strict=True):
                verdicts[n] = verdict
        return verdicts

    def _are_alike_as_videos(
        self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]], pool: Executor
    ) -> list[bool | None]:
        return list(pool.map(self._verdict, repeat(one), others))

    def _sketch(self, copies: Sequence[ItemRecord]) -> Uint8Array | None:
        content = copies[0].content_hash
        if content not in self._sketches:
            frames = self._frames.of(copies)
            self._sketches[content] = None if frames is None else frames.at[0].sketch
        return self._sketches[content]

    def _verdict(self, one: Sequence[ItemRecord], other: Sequence[ItemRecord]) -> bool | None:
        ours, theirs = self._frames.of(one), self._frames.of(other)
        if ours is None or theirs is None:
            return None
        both = sorted(ours.at.keys() & theirs.at.keys())
        n_alike = sum(likeness(ours.at[n], theirs.at[n]) >= self._min_likeness for n in both)
        return n_alike > SHARE_OF_FRAMES * len(both) if both else None


def read_frames(item: ItemRecord) -> Frames | None:
    """Decode a picture, or frames of a video; None where none of these shows anything.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    is_small = min(item.width_px or 0, item.height_px or 0) < SMALL_PX
    if item.kind == "image":
        return Frames({0: Thumbnail(read_thumbnail(item.path, side_px=SIDE_PX), is_small)})
    stride, duration_s = 1, item.duration_s or 0.0
    while duration_s > stride * MOST_FRAMES * _FRAME_EVERY_S:
        stride *= 2
    found = {}
    for number in range(0, max(ceil(duration_s / _FRAME_EVERY_S), 1), stride):
        start_s = number * _FRAME_EVERY_S
        with suppress(UsageError):  # the pictures may end before the sound
            frame = _first_segment(item.path, start_s=start_s)
            if frame is not None and frame.modality == "image" and frame.status == "ok":
                found[number] = Thumbnail(thumbnail_of(frame, side_px=SIDE_PX), is_small)
    return Frames(found) if found else None


def _first_segment(path: str, *, start_s: float) -> DecodedSegment | None:
    """Decode no more than the first frame from some time on; of what has no frames from there, a window of sound."""
    media = open_media(path, sample_rate_hz=_RATE_HZ, segmentation=Segmentation(), start_s=start_s)
    return next(iter(media.segments()), None)
