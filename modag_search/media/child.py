"""What a process runs that decodes files for another one; see `isolation`.

It decodes one file at a time, and ends at once with the process that it decodes for. What a file may cost is bounded
here: so much memory, and the process itself.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.errors import ModagError
from modag_search.media.allowance import DECODER_BYTES, DECODING_BYTES, memory_is_short
from modag_search.media.channel import Channel, message_of_facts, message_of_segment
from modag_search.media.decode import MediaStream
from modag_search.media.opening import is_out_of_memory
from modag_search.media.rendering import picture_as_jpeg
from modag_search.media.request import DecodeRequest
from modag_search.media.thumbnails import read_pixel_hash, read_thumbnail
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Buffer

    from modag_search.media.channel import Message
    from modag_search.values import MediaFacts, Uint8Array

IDLE_S: Final = 60.0
"""Who has had nothing to do for so long ends."""


def main(lifeline: int) -> None:
    """Decode what is asked for on stdin, and answer on stdout, until there is nobody to ask.

    Parameters
    ----------
    lifeline : int
        The end of a pipe that nobody writes to; whose other end closes with the process that is decoded for.
    """
    _end_with(lifeline)
    channel = Channel(os.dup(0), os.dup(1))
    # What libraries print is no answer.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _limit_memory()
    with suppress(EOFError, BrokenPipeError):
        channel.send({"is": "ready"})
        child = _Child(channel)
        while channel.has_more(within_s=IDLE_S):
            request, _ = channel.receive()
            if request["is"] != "stop":  # which may come late
                child.work(request)


def _end_with(lifeline: int) -> None:
    """End at once when the other end of a pipe is closed, even in the midst of a decoder that never returns."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # which ends the process
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)


def _limit_memory() -> None:
    import resource

    for limit, most in ((resource.RLIMIT_DATA, DECODER_BYTES), (resource.RLIMIT_CORE, 0)):
        soft, hard = resource.getrlimit(limit)
        lowest = min(value for value in (soft, hard, most) if value != resource.RLIM_INFINITY)
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (lowest, hard))
    # Where memory runs out, rather this process than the one that it works for, or another.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def _picture_as_jpeg(path: str, *, longer_side_px: int) -> Uint8Array:
    return np.frombuffer(picture_as_jpeg(path, longer_side_px=longer_side_px), np.uint8)


_ARRAYS: Final[Mapping[str, Callable[..., Uint8Array]]] = {
    "picture_as_jpeg": _picture_as_jpeg,
    "read_pixel_hash": read_pixel_hash,
    "read_thumbnail": read_thumbnail,
}
"""What is made of files beside their segments; here nobody wants decoding to be isolated."""


class _StoppedError(Exception):
    """Nobody wants the rest of a file."""


class _Child:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._is_stopped = False
        DECODING_BYTES.borrow_from(self._lent)

    def work(self, request: Message) -> None:
        """Decode a file and send its segments and what is known of it, or what was made of it, or why neither is."""
        self._is_stopped = False
        answer, data = self._answer(request)
        if answer["is"] == "out of memory":  # asked once the error has gone, which holds what was taken
            gc.collect()
            answer["is_short"] = memory_is_short(DECODER_BYTES // 2)
        self._channel.send(answer, data)

    def _answer(self, request: Message) -> tuple[Message, Buffer]:
        try:
            if request["folder"] is not None:
                os.chdir(request["folder"])
            if request["is"] == "segments":
                return message_of_facts(self._segments(request)), b""
            made = _ARRAYS[request["of"]](request["path"], **request["options"])
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001
            return _in_words(error), b""
        return {"is": "array", "shape": made.shape}, made.data

    def _segments(self, request: Message) -> MediaFacts:
        wanted = request["request"]
        wanted["segmentation"] = Segmentation(**wanted["segmentation"])
        stream = MediaStream(DecodeRequest(**wanted), kind=request["kind"])
        for segment in stream.decoded_here():
            if self._is_stopped or self._channel.has_more(within_s=0):  # nothing else comes meanwhile
                raise _StoppedError
            self._channel.send(*message_of_segment(segment))
        return stream.facts

    @contextmanager
    def _lent(self, amount: int) -> Iterator[None]:
        """Take part in what all decoders together may take, which the process decoded for keeps the account of."""
        self._channel.send({"is": "take", "amount": amount})
        answer, _ = self._channel.receive()
        self._is_stopped = self._is_stopped or answer["is"] != "granted"
        try:
            yield
        finally:
            self._channel.send({"is": "give"})


def _in_words(error: Exception) -> Message:
    if isinstance(error, _StoppedError):
        return {"is": "stopped"}
    if isinstance(error, MemoryError) or is_out_of_memory(error.__cause__):
        return {"is": "out of memory"}
    if isinstance(error, ModagError):
        return {"is": "error", "type": type(error).__name__, "words": list(error.args)}
    return {"is": "unexpected", "words": f"{type(error).__name__}: {error}".rstrip(": ")}
