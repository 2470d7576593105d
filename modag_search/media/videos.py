"""Videos: one recording, or several joined end to end."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from modag_search.errors import CorruptMediaError, EmptyMediaError, MediaError
from modag_search.media.completeness import remarks_on
from modag_search.media.containers import open_container, picture_stream, sound_streams
from modag_search.media.recordings import recordings_in, remarks_on_joining
from modag_search.media.sound_streams import decode_sound_stream, slack_s
from modag_search.media.timeline import duration_of
from modag_search.media.video_streams import Outcome, decode_recording, sound_as_far_as_it_goes
from modag_search.values import DecodedSegment, MediaFacts, Remark

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from modag_search.media.request import DecodeRequest


def decode_video(file: BinaryIO, request: DecodeRequest) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode a video: its frames, then the windows of its sound; of videos that are joined, one after the other.

    A file without moving pictures is decoded as a sound. Where either reaches as far as the header promises, the
    other may lack; for the rest, see `completeness`.

    Raises
    ------
    CorruptMediaError, EmptyMediaError, OversizedMediaError, UsageError
    """
    recordings = recordings_in(file)
    if len(recordings) > 1:
        looks = [_look_at(recording, request.path) for recording in recordings]
        if any(look.has_pictures for look in looks):
            return (yield from _Joined(recordings, looks, request).decode())
        return (yield from decode_sound_stream(file, request, wanted="a video"))
    outcome = yield from decode_recording(file, request)
    if outcome is None:
        return (yield from decode_sound_stream(file, request, wanted="a video"))
    if not math.isinf(request.end_s):
        return outcome.facts
    incomplete = _judged([outcome], request)
    return replace(
        outcome.facts, remarks=(*outcome.unfinished, *(outcome.on_pictures or incomplete), *outcome.on_sound)
    )


def _judged(outcomes: Sequence[Outcome], request: DecodeRequest) -> tuple[Remark, ...]:
    """Judge whether enough is there of recordings, and say what lacks."""
    there_s = sum(one.reached_s for one in outcomes)
    promised_s = sum(max(one.promised_s or 0.0, one.reached_s) for one in outcomes)
    return remarks_on(request.path, there=there_s, promised=promised_s, slack=slack_s(promised_s))


class _Look(NamedTuple):
    """How long a recording lasts by its header, None where that tells nothing; and whether it has pictures."""

    lasts_s: float | None = None
    has_pictures: bool = False


def _look_at(recording: BinaryIO, path: str) -> _Look:
    with suppress(CorruptMediaError), open_container(recording, path, wanted="a video") as container:
        pictures = picture_stream(container)
        stream = pictures or next(iter(sound_streams(container)), None)
        return _Look(None if stream is None else duration_of(container, stream), pictures is not None)
    return _Look()


class _Joined:
    """Recordings joined end to end: each begins where the one before it ends by its header."""

    def __init__(self, recordings: Sequence[BinaryIO], looks: Sequence[_Look], request: DecodeRequest) -> None:
        self._recordings = recordings
        self._looks = looks
        self._request = request
        self._outcomes: dict[int, Outcome] = {}
        self._failure: MediaError | None = None
        self._n_lost = 0

    def decode(self) -> Generator[DecodedSegment, None, MediaFacts]:
        request, begins_s = self._request, 0.0
        for number, (recording, look) in enumerate(zip(self._recordings, self._looks, strict=True), start=1):
            ends_s = begins_s + (look.lasts_s or 0.0)
            if begins_s < request.end_s and (look.lasts_s is None or request.start_s < ends_s):
                part = replace(request, start_s=max(request.start_s - begins_s, 0.0), end_s=request.end_s - begins_s)
                try:
                    outcome = yield from _later(_decode_any(recording, part, look), by_s=begins_s)
                except MediaError as error:  # what follows it begins where its header says that it ends
                    self._failure = self._failure or error
                    self._n_lost += 1
                else:
                    self._outcomes[number] = outcome
                    ends_s = begins_s + (outcome.facts.duration_s or 0.0)
            begins_s = ends_s
        return self._facts(lasts_s=begins_s)

    def _facts(self, *, lasts_s: float) -> MediaFacts:
        request, outcomes = self._request, list(self._outcomes.values())
        if not outcomes:
            raise self._failure or request.outside(lasts_s)
        facts = next((one.facts for one in outcomes if one.facts.kind == "video"), outcomes[0].facts)
        remarks = remarks_on_joining(len(self._recordings), n_lost=self._n_lost)
        if math.isinf(request.end_s):
            lacking = [
                Remark(remark.kind, f"{remark.text}, in its recording {number}")
                for number, one in self._outcomes.items()
                for remark in (*one.unfinished, *one.on_pictures, *one.on_sound)
            ]
            remarks = (*remarks, *_judged(outcomes, request), *lacking)
        return replace(facts, duration_s=lasts_s, remarks=remarks)


def _decode_any(recording: BinaryIO, request: DecodeRequest, look: _Look) -> Generator[DecodedSegment, None, Outcome]:
    """Decode a recording with pictures, or one of sound alone."""
    outcome = (yield from decode_recording(recording, request)) if look.has_pictures else None
    if outcome is not None:
        return outcome
    sound = yield from sound_as_far_as_it_goes(recording, request)
    if not sound.n_windows:
        raise EmptyMediaError(request.path, "holds neither pictures nor sound")
    facts = MediaFacts(kind="sound", duration_s=look.lasts_s or sound.reached_s)
    return Outcome(facts, sound.reached_s, look.lasts_s, on_sound=sound.remarks)


def _later(
    segments: Generator[DecodedSegment, None, Outcome], *, by_s: float
) -> Generator[DecodedSegment, None, Outcome]:
    """Yield segments of a recording with times of the file."""
    while True:
        try:
            segment = next(segments)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        yield replace(segment, start_s=(segment.start_s or 0.0) + by_s, end_s=(segment.end_s or 0.0) + by_s)
