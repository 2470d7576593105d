"""A process that decodes as ours do, but comes to grief over files whose names say how.

Of media that are at hand none does what a fault that is yet unknown in a decoder would do.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
from typing import TYPE_CHECKING, Final

from modag_search.media import child
from modag_search.media.allowance import DECODING_BYTES
from modag_search.media.decode import MediaStream
from tests.decoders import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Generator

    from modag_search.values import DecodedSegment

PROGRAM: Final = "import sys; sys.path[:] = sys.argv[2:]; from tests.hostile_decoders import main; main({lifeline})"
"""What stands in place of `children._PROGRAM`."""


GATE: Final = "MODAG_HOSTILE_GATE"
"""Environment variable: a named pipe, told when a decoder hangs."""


def await_the_gate(told: int) -> None:
    """Wait until a decoder has come to the file that it hangs at."""
    ready, _, _ = select.select([told], [], [], PATIENCE_S)
    assert ready, "no decoder came to the file that it hangs at"


def main(lifeline: int) -> None:
    """Run as `child.main`."""
    ours = MediaStream.decoded_here

    def come_to_grief(stream: MediaStream) -> Generator[DecodedSegment, None, None]:
        name = os.path.basename(stream._request.path)
        kind = name.partition(".")[0].removesuffix("-too")
        if kind in _SIGNALS:
            os.kill(os.getpid(), _SIGNALS[kind])
        if name.startswith("hang"):
            if GATE in os.environ:
                with open(os.environ[GATE], "wb") as gate:
                    gate.write(b".")
            signal.pause()
        if name.startswith("greedy"):
            raise MemoryError from _greed()
        if kind in _MESSAGES:
            _MESSAGES[kind]()
        while kind == "endless":
            yield from ours(stream)
        yield from ours(stream)

    setattr(MediaStream, "decoded_here", come_to_grief)  # noqa: B010 - where types would be in the way
    child.main(lifeline)


def _stall() -> None:
    """Send a part of the head of a message."""
    channel = getattr(DECODING_BYTES._lent, "__self__")._channel  # noqa: B009 - where types would be in the way
    os.write(channel._writing, b"\0")
    signal.pause()


def _dribble() -> None:
    while True:
        with DECODING_BYTES.take(1):
            pass


def _want_all() -> None:
    with DECODING_BYTES.take(10**12):
        pass


_SIGNALS: Final = {"crash": signal.SIGSEGV, "killed": signal.SIGKILL, "real-time": signal.SIGRTMIN + 3}
_MESSAGES: Final = {"stall": _stall, "dribble": _dribble, "boundless": _want_all}


def _greed() -> OSError | None:
    """Take more memory than a decoder may, if it may."""
    try:
        mmap.mmap(-1, 5 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        return error
    return None
