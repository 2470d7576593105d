"""Sounds that FFmpeg reads, alone or of videos: one recording, or several joined end to end."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.errors import CorruptMediaError, EmptyMediaError, MediaError
from modag_search.media.completeness import remarks_on
from modag_search.media.containers import DecodedFrames, SoundParts, open_container, promised_end, remarks_on_length
from modag_search.media.headers import read_header, remarks_in
from modag_search.media.opening import misnamed
from modag_search.media.recordings import recordings_in, remarks_on_breaking_off, remarks_on_joining
from modag_search.media.sounds import sound_segments
from modag_search.media.timeline import Timeline, duration_of, with_pauses
from modag_search.media.tracks import choose_track
from modag_search.values import MediaFacts, Remark

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from av.container import InputContainer

    from modag_search.media.headers import Header
    from modag_search.media.request import DecodeRequest
    from modag_search.media.sounds import SoundPart
    from modag_search.media.tracks import Track
    from modag_search.values import DecodedSegment


def decode_sound_stream(
    file: BinaryIO, request: DecodeRequest, *, wanted: str
) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode the sound of any file that FFmpeg reads; of several tracks, the first that sounds.

    Parameters
    ----------
    file : BinaryIO
    request : DecodeRequest
    wanted : str
        What the file's name promises, such as ``"a sound"``; for the message where it holds none.

    Returns
    -------
    MediaFacts

    Yields
    ------
    DecodedSegment

    Raises
    ------
    CorruptMediaError, EmptyMediaError, UsageError
    """
    parts = _Parts(file, request, wanted=wanted)
    form = yield from sound_segments(parts, request)
    return replace(parts.facts(), sound_form=form)


def nothing_decoded(path: str, what: str, *, damaged: int) -> MediaError:
    """Word that not a single frame came out."""
    if damaged:
        return CorruptMediaError(path, f"is damaged: none of its {what} decodes")
    return EmptyMediaError(path, f"holds no {what}")


def slack_s(promised: float | None, *, damaged: int = 0) -> float:
    """Return what may lack without a word: containers round, and codecs pad; nothing where packets are damaged."""
    return 0.0 if damaged else max(0.3, 0.01 * (promised or 0.0))


_NOTED_PAUSE_S: Final = 1.0
"""Containers do not tell whether what lacks between two frames was never there."""


class _Parts:
    """The parts of a sound, of all its recordings; what is known of it once they have been read."""

    def __init__(self, file: BinaryIO, request: DecodeRequest, *, wanted: str) -> None:
        self._request = request
        self._wanted = wanted
        self._recordings = recordings_in(file)
        self._headers = [read_header(recording) for recording in self._recordings]
        self._position_s = Fraction(0)
        self._there_s = self._promised_s = self._whole_s = 0.0
        self._paused_s = 0.0
        self._damaged = self._n_lost = 0
        self._has_decoded = False
        self._failure: CorruptMediaError | None = None
        self._remarks: tuple[Remark, ...] = ()
        self._unfinished: tuple[Remark, ...] = ()

    def __iter__(self) -> Iterator[SoundPart]:
        for recording, header in zip(self._recordings, self._headers, strict=True):
            track = self._track_of(recording)
            if track is None:
                self._n_lost += 1
                continue
            with open_container(recording, self._request.path, wanted=self._wanted) as container:
                yield from self._parts_of(container, track, header)

    def _track_of(self, recording: BinaryIO) -> Track | None:
        """Choose a track; None where one of several recordings holds none, or cannot be read."""
        try:
            track = choose_track(recording, self._request, wanted=self._wanted)
            if track is None:
                raise self._no_sound(recording)
        except CorruptMediaError as error:
            if len(self._recordings) == 1:
                raise
            self._failure = self._failure or error
            return None
        return track

    def _parts_of(self, container: InputContainer, track: Track, header: Header) -> Iterator[SoundPart]:
        stream = container.streams.audio[track.position]
        frames = DecodedFrames(container, stream)
        iterator = iter(frames)
        first = next(iterator, None)
        if first is None:
            self._damaged += frames.damaged
            return
        self._has_decoded = True
        timeline = Timeline(container, stream)
        late_s = timeline.place(first.time)
        begins_s = self._position_s + Fraction(late_s)
        if len(self._recordings) == 1 and begins_s >= self._request.end_s:
            raise self._request.before(float(begins_s))
        heard = with_pauses(chain([first], iterator), timeline)
        is_lossless = stream.codec_context.codec.lossless
        parts = SoundParts(heard, self._request, is_lossless=is_lossless, begins_s=begins_s)
        yield from parts
        self._damaged += frames.damaged
        self._position_s = parts.position_s
        heard_s = float(parts.position_s - begins_s)
        damaged_s = frames.damaged * (heard_s - timeline.paused_s) / frames.decoded
        there_s = heard_s - min(damaged_s, timeline.paused_s)  # in place of what is damaged may lie a pause
        self._there_s += there_s
        self._paused_s += timeline.paused_s - (heard_s - there_s)
        told_s = max(promised_end(container, stream) or 0.0, header.lasts_s) - late_s
        if told_s <= 0:
            told_s = (there_s + damaged_s) / (header.share or 1.0)
        self._promised_s += max(told_s, there_s)
        self._whole_s += duration_of(container, stream) or late_s + heard_s
        self._remarks = self._remarks or track.remarks
        self._unfinished = self._unfinished or remarks_on_length(container)

    def facts(self) -> MediaFacts:
        """Return what is known of the sound; valid once all parts have been read.

        Raises
        ------
        CorruptMediaError, EmptyMediaError, UsageError
            Nothing came out, or too little.
        """
        request, reached_s = self._request, float(self._position_s)
        if not self._has_decoded:
            raise self._failure or nothing_decoded(request.path, "sound", damaged=self._damaged)
        if reached_s <= request.start_s:
            raise request.outside(reached_s)
        remarks = (*remarks_on_joining(len(self._recordings), n_lost=self._n_lost), *self._remarks)
        if not math.isinf(request.end_s):
            return MediaFacts(kind="sound", duration_s=self._whole_s, remarks=remarks)
        promised = self._promised_s
        incomplete = remarks_on(
            request.path,
            there=self._there_s,
            promised=promised,
            slack=slack_s(promised, damaged=self._damaged),
            unit="s of sound",
        )
        unfinished = remarks_in(self._headers) or remarks_on_breaking_off(self._recordings) or self._unfinished
        remarks = (*remarks, *unfinished, *incomplete, *self._remarks_on_pauses())
        return MediaFacts(kind="sound", duration_s=reached_s, remarks=remarks)

    def _remarks_on_pauses(self) -> tuple[Remark, ...]:
        if self._paused_s < _NOTED_PAUSE_S:
            return ()
        text = f"holds no sound for {self._paused_s:.2f} s in its midst: it pauses there, or is damaged"
        return (Remark("partly read", text),)

    def _no_sound(self, recording: BinaryIO) -> CorruptMediaError:
        return CorruptMediaError(self._request.path, f"holds no sound: it {misnamed(recording, self._wanted)}")
