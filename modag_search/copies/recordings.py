"""Which sounds lie in longer ones: found by marks, confirmed by waveforms."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from modag_search.copies.decoded import DecodedContents
from modag_search.copies.marks import MarkIndex, Marks
from modag_search.copies.overlaps import Overlap, Recording, holds_most, overlap
from modag_search.copies.waveforms import SAMPLE_RATE_HZ, SECTION_S
from modag_search.features.ahead import map_ahead
from modag_search.media import open_media
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.values import ItemRecord

logger = logging.getLogger(__name__)

MOST_S: Final = 3600.0
"""Longer sounds are not looked at: each is held in memory."""

_WINDOWS: Final = Segmentation(window_s=SECTION_S, hop_s=SECTION_S)
_KEPT_BYTES: Final = 1 << 28


class Part(NamedTuple):
    """A sound that lies in a longer one, each by its place among those asked about."""

    shorter: int
    longer: int
    overlap: Overlap


class Recordings:
    """Compares sounds of any length; files are decoded once, unless they had to make room in memory since."""

    def __init__(self) -> None:
        self._recordings = DecodedContents(lambda item: read_recording(item.path), most_bytes=_KEPT_BYTES)

    def parts(self, contents: Sequence[Sequence[ItemRecord]]) -> Iterator[Part]:
        """Find sounds that lie in longer ones.

        Parameters
        ----------
        contents : sequence of sequences of ItemRecord
            Items with the same content, each; the first whose file is as it was indexed, and can be decoded, is read.

        Yields
        ------
        Part
            The longest of the shorter ones first.
        """
        durations = np.array([copies[0].duration_s or 0.0 for copies in contents])
        places = [place for place in np.argsort(-durations, kind="stable").tolist() if durations[place] <= MOST_S]
        if n_longer := len(contents) - len(places):
            logger.warning(
                "sounds of more than an hour (%d) were not compared with what may lie in them, or they in it; "
                "copies of their whole are found",
                n_longer,
            )
        ordered = [contents[place] for place in places]
        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers, thread_name_prefix="modag") as pool:
            index = MarkIndex(list(map_ahead(pool, self._marks, ordered, look_ahead=2 * workers)))
            for row, copies in enumerate(ordered):
                for other, lag in index.places(row):
                    found = self._overlap(ordered[other], copies, near=lag)
                    if found:
                        yield Part(places[row], places[other], found)

    def hold_the_same(self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]]) -> list[bool | None]:
        """Tell which sounds hold what one holds: all that sounds, but for what may be cut off it.

        Parameters
        ----------
        one : sequence of ItemRecord
            Items with the same content. It may lack up to half of what the other holds, not the reverse.
        others : sequence of sequences of ItemRecord
            Each likewise.

        Returns
        -------
        list of bool or None
            For each of the others; None where either cannot be had, is silent, or lasts longer than `MOST_S`.
        """
        first = self._of_bounded(one)
        return [None if first is None else self._holds_the_same(first, copies) for copies in others]

    def _holds_the_same(self, first: Recording, copies: Sequence[ItemRecord]) -> bool | None:
        other = self._of_bounded(copies)
        if other is None:
            return None
        shorter, longer = sorted([first, other], key=lambda recording: recording.stops - recording.starts)
        lags = MarkIndex([Marks.of(longer.samples), Marks.of(shorter.samples)]).places(1)
        found = overlap(longer, shorter, near=lags[0][1]) if lags else None
        return found is not None and (found.is_whole or (shorter is first and holds_most(longer, shorter)))

    def _of_bounded(self, copies: Sequence[ItemRecord]) -> Recording | None:
        return self._recordings.of(copies) if (copies[0].duration_s or 0.0) <= MOST_S else None

    def _marks(self, copies: Sequence[ItemRecord]) -> Marks:
        recording = self._recordings.of(copies)
        return Marks.of(np.empty(0, np.float32) if recording is None else recording.samples)

    def _overlap(self, longer: Sequence[ItemRecord], shorter: Sequence[ItemRecord], *, near: int) -> Overlap | None:
        ours, theirs = self._recordings.of(longer), self._recordings.of(shorter)
        return overlap(ours, theirs, near=near) if ours and theirs else None


def read_recording(path: str) -> Recording | None:
    """Decode a sound; None if all is silent.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    media = open_media(path, sample_rate_hz=SAMPLE_RATE_HZ, segmentation=_WINDOWS, all_channels=True)
    return Recording.of_channels([np.asarray(one.data, np.float32) for one in media.segments()])
