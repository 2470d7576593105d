"""Messages between this process and those that decode for it: a few values as JSON, and bytes, over a pair of pipes.

Nothing is unpickled: who took over a decoder with a file could send what it liked.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modag_search.values import DecodedSegment, MediaFacts, Remark, SoundForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from typing_extensions import Buffer

    from modag_search.values import Modality, Uint8Array

Message = dict[str, Any]

_HEAD: Final = struct.Struct("<IQ")
_LONGEST_MESSAGE: Final = 1 << 20
_MOST_BYTES: Final = 1 << 32
_PIPE_BYTES: Final = 1 << 20
"""A window of sound then goes over in few steps."""


class Channel:
    """One end of a pair of pipes.

    Parameters
    ----------
    reading, writing : int
        Descriptors, which are closed with it.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self._comes, self._goes = select.poll(), select.poll()
        self._comes.register(reading, select.POLLIN)
        self._goes.register(writing, select.POLLOUT)
        with suppress(OSError, AttributeError):  # where the system allows it
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def close(self) -> None:
        """Close both pipes."""
        os.close(self._reading)
        os.close(self._writing)

    def has_more(self, *, within_s: float) -> bool:
        """Tell whether a message, or the end of all, is there to be received, or comes within some time."""
        return bool(self._comes.poll(1000 * within_s))

    def send(self, message: Mapping[str, Any], data: Buffer = b"", *, within_s: float | None = None) -> None:
        """Send a message; waits for the other side to read what does not fit into the pipe.

        Raises
        ------
        BrokenPipeError
            The other side is gone.
        TimeoutError
            It does not read the whole of it in time.
        """
        by = None if within_s is None else time.monotonic() + within_s
        words, payload = json.dumps(message).encode("ascii"), memoryview(data).cast("B")
        self._write(_HEAD.pack(len(words), len(payload)) + words, by)
        self._write(payload, by)

    def receive(self, *, within_s: float | None = None) -> tuple[Message, Uint8Array]:
        """Wait for a message; return it, and the bytes that came with it.

        Raises
        ------
        EOFError
            The other side is gone, or sends what is no message.
        TimeoutError
            It does not send the whole of one in time.
        """
        by = None if within_s is None else time.monotonic() + within_s
        n_words, n_bytes = _HEAD.unpack(self._read(_HEAD.size, by).tobytes())
        if n_words > _LONGEST_MESSAGE or n_bytes > _MOST_BYTES:
            raise EOFError
        try:
            message: Message = json.loads(self._read(n_words, by).tobytes())
        except (ValueError, RecursionError):
            raise EOFError from None
        return message, self._read(n_bytes, by)

    def _read(self, n_bytes: int, by: float | None) -> Uint8Array:
        read = np.empty(n_bytes, np.uint8)
        view = read.data
        while view:
            _await(self._comes, by)
            n_read = os.readv(self._reading, [view])
            if not n_read:
                raise EOFError
            view = view[n_read:]
        return read

    def _write(self, data: bytes | memoryview, by: float | None) -> None:
        view = memoryview(data)
        while view:
            _await(self._goes, by)
            # So much fits into a pipe that takes anything: writing it does not wait.
            most = len(view) if by is None else select.PIPE_BUF
            view = view[os.write(self._writing, view[:most]) :]


def _await(polled: select.poll, by: float | None) -> None:
    if by is not None and not polled.poll(1000 * max(by - time.monotonic(), 0)):
        raise TimeoutError


_TYPES: Final[dict[Modality, npt.DTypeLike]] = {"sound": np.float32, "image": np.uint8}


def message_of_segment(segment: DecodedSegment) -> tuple[Message, memoryview]:
    """Make a message of a segment, and the bytes that go with it."""
    data = np.ascontiguousarray(segment.data, dtype=_TYPES[segment.modality])
    message = {
        "is": "segment",
        "modality": segment.modality,
        "start_s": segment.start_s,
        "end_s": segment.end_s,
        "status": segment.status,
        "peak": segment.peak,
        "shape": data.shape,
    }
    return message, data.data


def segment_of(message: Message, data: Uint8Array) -> DecodedSegment:
    """Return the segment that a message was made of; raises KeyError, TypeError or ValueError for other messages."""
    modality: Modality = message["modality"]
    return DecodedSegment(
        modality=modality,
        start_s=message["start_s"],
        end_s=message["end_s"],
        data=data.view(_TYPES[modality]).reshape(message["shape"]),
        status=message["status"],
        peak=message["peak"],
    )


def message_of_facts(facts: MediaFacts) -> Message:
    """Make a message of what is known of a file."""
    return {
        "is": "facts",
        "kind": facts.kind,
        "duration_s": facts.duration_s,
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "silent_below": facts.silent_below,
        "remarks": facts.remarks,
        "sound_form": facts.sound_form,
    }


def facts_of(message: Message) -> MediaFacts:
    """Return what a message was made of; errors as of `segment_of`."""
    return MediaFacts(
        kind=message["kind"],
        duration_s=message["duration_s"],
        width_px=message["width_px"],
        height_px=message["height_px"],
        silent_below=message["silent_below"],
        remarks=tuple(Remark(*remark) for remark in message["remarks"]),
        sound_form=None if message["sound_form"] is None else SoundForm(*message["sound_form"]),
    )
