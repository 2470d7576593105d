"""The moving pictures of one video, and its sound: one pass for the frames, one for the sound.

Times of both count from the container's start; see `timeline`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from modag_search.errors import CorruptMediaError, EmptyMediaError, MediaError, OversizedMediaError, UsageError
from modag_search.media.allowance import DECODING_BYTES
from modag_search.media.completeness import remarks_on_a_part
from modag_search.media.containers import (
    BYTES_A_FRAME_PIXEL,
    FRAME_PIXEL_LIMIT,
    DecodedFrames,
    open_container,
    picture_stream,
    promised_end,
    promised_s,
    remarks_on_length,
    sound_streams,
    upright_image,
)
from modag_search.media.pictures import check_pixels, picture_segment
from modag_search.media.reducing import reduced, reducing_factor
from modag_search.media.sound_streams import decode_sound_stream, nothing_decoded, slack_s
from modag_search.media.timeline import Timeline, duration_of
from modag_search.values import DecodedSegment, MediaFacts, Remark

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from modag_search.media.request import DecodeRequest

_SEEK_MARGIN_S: Final = 10.0
"""A range that starts later than this is jumped to; the margin makes up for frames stored out of order."""

_ROUNDING_S: Final = 1e-6

_SLACK_S: Final = 1.0  # what decodes may go on for so long after the end that the header gives


class Outcome(NamedTuple):
    """What came of a recording.

    Attributes
    ----------
    facts : MediaFacts
        Without remarks.
    reached_s : float
        How far its pictures or its sound reach, whichever reaches further.
    promised_s : float or None
        How far its header promises that; None where it promises nothing usable.
    on_pictures, on_sound : tuple of Remark
        What lacks of either.
    unfinished : tuple of Remark
        What is the matter with its header.
    """

    facts: MediaFacts
    reached_s: float
    promised_s: float | None = None
    on_pictures: tuple[Remark, ...] = ()
    on_sound: tuple[Remark, ...] = ()
    unfinished: tuple[Remark, ...] = ()


def decode_recording(file: BinaryIO, request: DecodeRequest) -> Generator[DecodedSegment, None, Outcome | None]:
    """Decode the frames of a recording, then the windows of its sound.

    Returns
    -------
    Outcome or None
        None where it holds no moving pictures: nothing has been yielded.

    Yields
    ------
    DecodedSegment

    Raises
    ------
    CorruptMediaError, EmptyMediaError, OversizedMediaError, UsageError
        Nothing has been yielded.
    """
    with open_container(file, request.path, wanted="a video") as container:
        stream = picture_stream(container)
        if stream is None:
            return None
        has_sound = bool(sound_streams(container))
        whole_s, unfinished = promised_s(container), remarks_on_length(container)
        frames = _FrameSegments(container, stream, request)
        yield from frames
    sound = Sound()
    if has_sound:
        sound = yield from sound_as_far_as_it_goes(file, request)
    if not frames.found and (frames.may_be_too_large or not sound.n_windows):
        raise frames.nothing_found()
    reached_s = max(frames.reached_s, sound.reached_s)
    on_sound = tuple(remark for remark in sound.remarks if remark not in unfinished)
    return Outcome(frames.facts(heard_s=sound.reached_s), reached_s, whole_s, frames.remarks(), on_sound, unfinished)


class _FrameSegments:
    """The segments of a video's frames: the first at or after each multiple of the interval.

    Attributes
    ----------
    found : int
        Segments yielded.
    reached_s : float
        How far the frames reach, in seconds.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, request: DecodeRequest) -> None:
        self._container = container
        self._stream = stream
        self._request = request
        self._interval_s = request.segmentation.frame_interval_s
        self._duration_s = duration_of(container, stream)
        if self._duration_s is not None and request.start_s >= self._duration_s:
            raise request.outside(self._duration_s)
        check_pixels(request.path, (stream.width, stream.height), limit=FRAME_PIXEL_LIMIT, among=" of videos")
        self._frames = DecodedFrames(container, stream)
        self._promised_s = promised_end(container, stream)
        self._timeline = Timeline(container, stream)
        self._size_px: tuple[int, int] | None = None
        self.reached_s = 0.0
        self.found = 0

    def __iter__(self) -> Iterator[DecodedSegment]:
        due_s = self._request.start_s
        before: tuple[float, VideoFrame] | None = None
        for time_s, frame in self._timed_frames():
            self.reached_s = max(self.reached_s, time_s + _duration_s(frame))
            if time_s >= self._request.end_s:
                break
            if time_s < self._request.start_s - _ROUNDING_S:
                before = time_s, frame
            elif time_s >= due_s - _ROUNDING_S:
                yield self._segment(time_s, frame)
                passed = math.floor((time_s - self._request.start_s + _ROUNDING_S) / self._interval_s)
                due_s = self._request.start_s + (passed + 1) * self._interval_s
        if not self.found and before is not None:
            yield self._segment(*before)  # the range lies between two frames: the one that is on screen

    def facts(self, *, heard_s: float) -> MediaFacts:
        """Return what is known of the video, whose sound ends at some time; valid after iterating."""
        width_px, height_px = self._size_px or (self._stream.width, self._stream.height)
        duration_s, reached_s = self._duration_s, max(self.reached_s, heard_s)
        if duration_s is None or reached_s > duration_s + _SLACK_S:
            duration_s = reached_s
        return MediaFacts(kind="video", duration_s=duration_s, width_px=width_px, height_px=height_px)

    def remarks(self) -> tuple[Remark, ...]:
        """Say how much of the pictures is there, where the header promises some; valid after iterating."""
        there_s = self.reached_s * self._frames.share
        promised = self._promised_s or self.reached_s
        return remarks_on_a_part(
            there=there_s,
            promised=promised,
            slack=slack_s(promised, damaged=self._frames.damaged),
            unit="s of pictures",
        )

    @property
    def may_be_too_large(self) -> bool:
        """Whether FFmpeg refused the first frames, and with them forgot the size that the header claims."""
        return self._frames.damaged > 0 and not self._stream.width

    def nothing_found(self) -> MediaError:
        """Word that not a single frame came out."""
        if self.may_be_too_large:
            return OversizedMediaError(
                self._request.path,
                f"none of its frames decodes: they are damaged, or above the limit of "
                f"{FRAME_PIXEL_LIMIT / 1e6:.0f} megapixels",
            )
        return nothing_decoded(self._request.path, "frames", damaged=self._frames.damaged)

    def _timed_frames(self) -> Iterator[tuple[float, VideoFrame]]:
        """Yield frames with their time since the container's start, in seconds."""
        rate_hz = float(self._stream.average_rate or 25)
        for count, frame in enumerate(self._frames_near_range()):
            yield count / rate_hz if frame.time is None else self._timeline.place(frame.time), frame

    def _frames_near_range(self) -> Iterator[VideoFrame]:
        """Yield all frames, or those from a jump on that lands before the range."""
        target_s = self._request.start_s - _SEEK_MARGIN_S
        if target_s > 0 and self._stream.time_base:
            target = int(self._timeline.timestamp_of(target_s) / self._stream.time_base)
            self._container.seek(target, stream=self._stream)
            frames = iter(self._frames)
            first = next(frames, None)
            latest_s = self._timeline.timestamp_of(self._request.start_s)
            if first is not None and first.time is not None and first.time <= latest_s:
                yield first
                yield from frames
                return
            self._container.seek(0)  # landed behind the range, or nowhere
        yield from self._frames

    def _segment(self, time_s: float, frame: VideoFrame) -> DecodedSegment:
        end_s = min(time_s + self._interval_s, self._request.end_s)
        if self._duration_s is not None and self._duration_s > time_s:
            end_s = min(end_s, self._duration_s)
        with DECODING_BYTES.take(frame.width * frame.height * BYTES_A_FRAME_PIXEL):
            image = upright_image(frame)
            self._size_px = image.size
            pixels = np.array(reduced(image, factor=reducing_factor(image.size)), dtype=np.uint8)
        self.found += 1
        return picture_segment(pixels, start_s=time_s, end_s=end_s)


class Sound(NamedTuple):
    """What came of the sound of a video: windows, how far they reach, and what is to be said of it."""

    n_windows: int = 0
    reached_s: float = 0.0
    remarks: tuple[Remark, ...] = ()


def sound_as_far_as_it_goes(file: BinaryIO, request: DecodeRequest) -> Generator[DecodedSegment, None, Sound]:
    """Yield the windows of a video's sound, which may be damaged."""
    sound = decode_sound_stream(file, request, wanted="a video")
    n_windows, reached_s = 0, 0.0
    try:
        while True:
            segment = next(sound)
            n_windows, reached_s = n_windows + 1, segment.end_s or 0.0
            yield segment
    except StopIteration as end:
        return Sound(n_windows, reached_s, end.value.remarks)
    except UsageError:
        return Sound(n_windows, reached_s)  # it ends before the range begins
    except EmptyMediaError:
        return Sound(remarks=(Remark("partly read", "has a sound track with nothing in it"),))
    except CorruptMediaError as error:
        return Sound(n_windows, reached_s, (Remark("partly read", f"has sound that {error.reason}"),))


def _duration_s(frame: VideoFrame) -> float:
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
