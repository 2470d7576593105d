"""Videos, and sounds that only FFmpeg reads: one pass for the frames, one for the sound.

Times of both count from the container's start; see `timeline`.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from modag_search.errors import CorruptMediaError, EmptyMediaError, MediaError, OversizedMediaError, UsageError
from modag_search.media.allowance import DECODING_BYTES
from modag_search.media.containers import (
    BYTES_A_FRAME_PIXEL,
    FRAME_PIXEL_LIMIT,
    DecodedFrames,
    SoundBlocks,
    open_container,
    picture_stream,
    promised_samples,
    sound_floor,
    sound_stream,
    upright_image,
)
from modag_search.media.opening import misnamed
from modag_search.media.pictures import check_pixels, picture_segment
from modag_search.media.reducing import reduced, reducing_factor
from modag_search.media.sounds import check_complete, sound_segments
from modag_search.media.timeline import Timeline, duration_of, with_pauses
from modag_search.values import DecodedSegment, MediaFacts

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


def decode_video(file: BinaryIO, request: DecodeRequest) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode a video: its frames, then the windows of its sound.

    A file without moving pictures is decoded as a sound. Damaged parts are passed over as long as
    anything is left.

    Raises
    ------
    CorruptMediaError, EmptyMediaError, OversizedMediaError, UsageError
    """
    with open_container(file, request.path, wanted="a video") as container:
        stream = picture_stream(container)
        if stream is not None:
            frames = _FrameSegments(container, stream, request)
            yield from frames
    sound = decode_sound_stream(file, request, wanted="a video")
    if stream is None:
        return (yield from sound)
    heard_s = yield from _as_far_as_it_goes(sound)
    if not frames.found and (frames.may_be_too_large or not heard_s):
        raise frames.nothing_found()
    return frames.facts(heard_s=heard_s)


def decode_sound_stream(
    file: BinaryIO, request: DecodeRequest, *, wanted: str
) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode the sound of any file that FFmpeg reads; see `decode_video`.

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
    """
    path = request.path
    with open_container(file, path, wanted=wanted) as container:
        stream = sound_stream(container)
        if stream is None:
            raise CorruptMediaError(path, f"holds no sound: it {misnamed(file, wanted)}")
        frames = DecodedFrames(container, stream)
        iterator = iter(frames)
        first = next(iterator, None)
        if first is None:
            raise _nothing_decoded(path, "sound", damaged=frames.damaged)
        rate_hz = first.sample_rate  # as decoded; headers of HE-AAC tell half of it
        timeline = Timeline(container, stream)
        begins_s = timeline.place(first.time)
        if begins_s >= request.end_s:
            raise request.before(begins_s)
        start, stop = request.sample_range(rate_hz, begins_s=begins_s)
        heard = with_pauses(chain([first], iterator), timeline)
        blocks = SoundBlocks(heard, path, rate_hz=rate_hz, start=start, stop=stop)
        yield from sound_segments(
            blocks, request, rate_hz=rate_hz, floor=sound_floor(stream, first), start_s=begins_s + start / rate_hz
        )
        if frames.damaged > frames.decoded:
            raise CorruptMediaError(path, "is damaged: most of its sound does not decode")
        if blocks.position <= start:
            raise request.outside(begins_s + blocks.position / rate_hz)
        if stop is None:
            promised = promised_samples(container, stream, rate_hz=rate_hz)
            check_complete(path, decoded=blocks.position, promised=promised, rate_hz=rate_hz)
        whole_s = None if stop is None else duration_of(container, stream)
        return MediaFacts(kind="sound", duration_s=whole_s or begins_s + blocks.position / rate_hz)


class _FrameSegments:
    """The segments of a video's frames: the first at or after each multiple of the interval.

    Attributes
    ----------
    found : int
        Segments yielded.
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
        self._timeline = Timeline(container, stream)
        self._size_px: tuple[int, int] | None = None
        self._reached_s = 0.0
        self.found = 0

    def __iter__(self) -> Iterator[DecodedSegment]:
        due_s = self._request.start_s
        before: tuple[float, VideoFrame] | None = None
        for time_s, frame in self._timed_frames():
            self._reached_s = max(self._reached_s, time_s)
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
        duration_s, reached_s = self._duration_s, max(self._reached_s, heard_s)
        if duration_s is None or reached_s > duration_s + _SLACK_S:
            duration_s = reached_s
        return MediaFacts(kind="video", duration_s=duration_s, width_px=width_px, height_px=height_px)

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
        return _nothing_decoded(self._request.path, "frames", damaged=self._frames.damaged)

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


def _as_far_as_it_goes(
    sound: Generator[DecodedSegment, None, MediaFacts],
) -> Generator[DecodedSegment, None, float]:
    """Yield the windows of a video's sound, which may lack or be damaged; return when the last ends, 0 without any."""
    heard_s = 0.0
    try:
        for segment in sound:
            heard_s = segment.end_s or 0.0
            yield segment
    except (CorruptMediaError, EmptyMediaError, UsageError):
        pass
    return heard_s


def _nothing_decoded(path: str, what: str, *, damaged: int) -> MediaError:
    if damaged:
        return CorruptMediaError(path, f"is damaged: none of its {what} decodes")
    return EmptyMediaError(path, f"holds no {what}")
