"""Whether media are decoded in this process, or in others, which a file may crash, hang or fill without harm to this.

Many files, and files of strangers, are decoded apart. One file of whoever asks is decoded here, since it takes a
quarter of a second to start a process.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_WANTED: Final[list[Isolation]] = []
_CHANGING: Final = threading.Lock()
_THREAD: Final = threading.local()


class Isolation:
    """What someone has decoded apart; see `isolated`.

    Attributes
    ----------
    is_interrupted : bool
        Whether it was broken off.
    """

    def __init__(self) -> None:
        self.is_interrupted = False

    def enter_thread(self) -> None:
        """Count what this thread decodes as part of it, so that `interrupt` reaches it."""
        _THREAD.isolation = self

    def start(self, n: int) -> None:
        """Let so many processes be there soon, which takes a quarter of a second.

        Raises
        ------
        DecoderError
            If none can be started.
        """
        from modag_search.media.children import CHILDREN

        CHILDREN.start(n)

    def interrupt(self) -> None:
        """Break off what its threads have decoded; files fail with an UnreadableMediaError."""
        from modag_search.media.children import CHILDREN

        self.is_interrupted = True
        CHILDREN.interrupt(self)


@contextmanager
def isolated() -> Iterator[Isolation]:
    """Let other processes decode inside the block, whichever thread of this one asks for it.

    Yields
    ------
    Isolation
    """
    isolation = Isolation()
    with _CHANGING:
        _WANTED.append(isolation)
    try:
        yield isolation
    finally:
        with _CHANGING:
            _WANTED.remove(isolation)


def stop_decoding() -> None:
    """End all that other processes decode for this one; files that are at hand fail with an UnreadableMediaError."""
    from modag_search.media.children import CHILDREN

    CHILDREN.close()


def is_isolated() -> bool:
    """Tell whether media are to be decoded apart."""
    return bool(_WANTED)


def isolation_of_thread() -> Isolation | None:
    """Return what this thread decodes for, if it has entered an isolation."""
    isolation: Isolation | None = getattr(_THREAD, "isolation", None)
    return isolation
