"""What is said beside an answer: the command line prints it, and answers hold it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


class _Listener(logging.Handler):
    """Hands warnings to whoever listens in the context that they come from."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = _HEARD.get()
        if heard is not None:
            heard.append(record.getMessage())


def listen() -> None:
    """Have warnings of this package heard from now on; once is enough."""
    logger = logging.getLogger("modag_search")
    if not any(isinstance(handler, _Listener) for handler in logger.handlers):
        logger.addHandler(_Listener(logging.WARNING))


@contextmanager
def heard() -> Iterator[list[str]]:
    """Hear the warnings of what is done inside the block: a list that grows."""
    words: list[str] = []
    token = _HEARD.set(words)
    try:
        yield words
    finally:
        _HEARD.reset(token)
