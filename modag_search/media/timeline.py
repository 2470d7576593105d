"""When what a container holds is heard and seen: seconds from its start, as players count them.

Timestamps begin anywhere: at ten hours in what was cut from a broadcast, below zero where an encoder needs a run-up.
A container starts with the first of its streams; the others may come later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

RUN_UP_S: Final = 0.1
"""Streams that come no later than this start with their container: it is what encoders and muxers are off by."""

_PAUSE_S: Final = 0.25  # less between two frames of sound is rounding, drift, jitter
_SILENCE_SAMPLES: Final = 1 << 16
_STEP_BACK_S: Final = 1.0  # less may be frames out of order
_SPLICE_S: Final = 60.0  # a longer gap in a stream that may be spliced is a splice
_MOST_GAP_S: Final = 3600.0  # of others, where the header does not tell how long the file lasts
_MOST_PAUSED_S: Final = 86_400.0  # in all: a few damaged bytes claim more, which would be filled with silence


def start_of(container: InputContainer) -> float:
    """Return the timestamp, in seconds, at which a container starts; 0 where it does not tell."""
    streams = (stream for stream in container.streams if stream.type in ("audio", "video") and not is_still(stream))
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in streams
        if stream.start_time is not None and stream.time_base
    ]
    return min(starts, default=0.0)


def duration_of(container: InputContainer, stream: AudioStream | VideoStream) -> float | None:
    """Return how long the header says that a file lasts, in seconds; None where it says nothing that can be."""
    duration_s = container.duration / 1_000_000 if container.duration else _stream_duration(stream)
    if container.format.name == "asf":  # what it promises of a stream is when that ends
        duration_s = max(filter(None, map(_stream_duration, container.streams)), default=duration_s)
    if duration_s is None or duration_s <= 0:
        return None
    if container.format.name != "asf" and "matroska" not in container.format.name:
        return duration_s
    start_s = start_of(container)  # these two count from 0, not from there
    return duration_s - start_s if duration_s > start_s else duration_s


def is_still(stream: Stream) -> bool:
    """Tell whether a stream is cover art or the like."""
    from av.stream import Disposition

    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def _stream_duration(stream: Stream) -> float | None:
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None


class Timeline:
    """Places the frames of one stream, as they come out of its decoder.

    Where timestamps of a spliced stream start anew, or leap further than can be meant, time goes on from where it was.

    Parameters
    ----------
    container : InputContainer
    stream : AudioStream or VideoStream

    Attributes
    ----------
    reached_s : float
        How far the frames that were placed reach.
    paused_s : float
        For how long `with_pauses` put silence between them.
    """

    def __init__(self, container: InputContainer, stream: AudioStream | VideoStream) -> None:
        from av.format import Flags

        may_jump = cast("int", Flags.ts_discont.value)
        self._is_spliced = bool(container.format.flags & may_jump)  # as a broadcast may be
        self._most_gap_s = _SPLICE_S if self._is_spliced else duration_of(container, stream) or _MOST_GAP_S
        self._start_s = start_of(container)
        if stream.start_time is not None and stream.time_base:
            own_start_s = float(stream.start_time * stream.time_base)
            if own_start_s - self._start_s <= RUN_UP_S:
                self._start_s = own_start_s
        self._is_first = True
        self.reached_s = self.paused_s = 0.0

    def timestamp_of(self, time_s: float) -> float:
        """Return the timestamp, in seconds, that stands for a time; where the stream is spliced, in its first part."""
        return time_s + self._start_s

    def place(self, timestamp_s: float | None, *, lasts_s: float = 0.0) -> float:
        """Return when the next frame begins, in seconds from the container's start.

        Parameters
        ----------
        timestamp_s : float or None
            None for a frame that follows the one before it.
        lasts_s : float
            How long it lasts, where that tells when the next is to begin.

        Returns
        -------
        float
        """
        if timestamp_s is None:
            timestamp_s = self.timestamp_of(self.reached_s)
        if self._is_amiss(timestamp_s - self.timestamp_of(self.reached_s)):
            self._start_s = timestamp_s - self.reached_s
        placed_s = max(timestamp_s - self._start_s, 0.0)
        self.reached_s = max(self.reached_s, placed_s + lasts_s)
        self._is_first = False
        return placed_s

    def _is_amiss(self, step_s: float) -> bool:
        if self._is_first:
            return abs(step_s) <= RUN_UP_S
        most_gap_s = min(self._most_gap_s, _MOST_PAUSED_S - self.paused_s)
        return step_s > most_gap_s or (self._is_spliced and step_s < -_STEP_BACK_S)


def with_pauses(frames: Iterable[AudioFrame], timeline: Timeline) -> Iterator[AudioFrame]:
    """Put silence where a sound pauses, so that what comes after a pause comes at its time.

    Parameters
    ----------
    frames : Iterable of AudioFrame
    timeline : Timeline
        Its first frame has been placed.

    Yields
    ------
    AudioFrame
    """
    for frame in frames:
        reached_s = timeline.reached_s
        pause_s = timeline.place(frame.time, lasts_s=frame.samples / frame.sample_rate) - reached_s
        if pause_s > _PAUSE_S:
            timeline.paused_s += pause_s
            yield from _silence(frame, n_samples=round(pause_s * frame.sample_rate))
        yield frame


def _silence(like: AudioFrame, *, n_samples: int) -> Iterator[AudioFrame]:
    name, n_channels = like.format.packed.name, len(like.layout.channels)
    dtype = np.dtype({"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}[name])
    for start in range(0, n_samples, _SILENCE_SAMPLES):
        shape = (1, n_channels * min(_SILENCE_SAMPLES, n_samples - start))
        samples = np.full(shape, 128 if name == "u8" else 0, dtype)
        silence = like.from_ndarray(samples, format=name, layout=f"{n_channels} channels")
        silence.sample_rate = like.sample_rate
        yield silence
