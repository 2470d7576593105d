"""Whether media are decoded in this process, or in others, which a file may crash, hang or fill without harm to this.

Many files, and files of strangers, are decoded apart. One file of whoever asks is decoded here, since it takes a
quarter of a second to start a process.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_WANTED: Final[list[Isolation]] = []
_CHANGING: Final = threading.Lock()
_ENTERED: Final[ContextVar[Isolation | None]] = ContextVar("entered", default=None)


class Isolation:
    """What someone has decoded apart: inside `isolated`, and by whoever has entered it.

    What is isolated by one who has entered another is part of that, too.
    """

    def __init__(self) -> None:
        self._is_interrupted = False
        self._outer = entered_isolation()

    @property
    def is_interrupted(self) -> bool:
        """Whether it was broken off, or what it is part of."""
        return self._is_interrupted or (self._outer is not None and self._outer.is_interrupted)

    def is_part_of(self, other: Isolation) -> bool:
        """Tell whether another one takes it in, as each does itself."""
        return self is other or (self._outer is not None and self._outer.is_part_of(other))

    def enter_thread(self) -> None:
        """Count what this thread decodes as part of it, so that `interrupt` reaches it."""
        _ENTERED.set(self)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count as part of it what is decoded inside the block, by this thread and those that have its context."""
        token = _ENTERED.set(self)
        try:
            yield
        finally:
            _ENTERED.reset(token)

    def start(self, n: int) -> None:
        """Let so many processes be there soon, which takes a quarter of a second.

        Raises
        ------
        DecoderError
            If none can be started.
        """
        if not _is_possible():
            return
        from modag_search.media.children import CHILDREN

        CHILDREN.start(n)

    def interrupt(self) -> None:
        """Break off what is decoded as part of it; files fail with an UnreadableMediaError, later ones too."""
        from modag_search.media.children import CHILDREN

        self._is_interrupted = True
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


def is_isolated() -> bool:
    """Tell whether media are to be decoded apart."""
    return (bool(_WANTED) or entered_isolation() is not None) and _is_possible()


def _is_possible() -> bool:
    """Tell whether there is an interpreter to start: what embeds one, or was frozen with one, would start itself.

    Nor may everybody start the one that this process was started with, as where privileges were dropped.
    """
    if sys.executable and not getattr(sys, "frozen", False) and os.access(sys.executable, os.X_OK):
        return True
    _warn_once()
    return False


@cache
def _warn_once() -> None:
    logger.warning("media are decoded in this process, which a bad file may end: no Python is there to start others")


def entered_isolation() -> Isolation | None:
    """Return what is decoded for here, if an isolation was entered."""
    return _ENTERED.get()
