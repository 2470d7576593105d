"""Requests that work hard take turns."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modag_search.web.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.web.limits import Limits


class Turns:
    """Lets so many work at once, and so many wait.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = threading.BoundedSemaphore(limits.at_once)
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        return self._waiting

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work inside the block, once others have finished.

        Raises
        ------
        ProblemError
            If too many wait already, or for too long.
        """
        with self._lock:
            if self._waiting >= self._limits.waiting:
                raise _busy()
            self._waiting += 1
        try:
            is_granted = self._places.acquire(timeout=self._limits.wait_s)
        finally:
            with self._lock:
                self._waiting -= 1
        if not is_granted:
            raise _busy()
        try:
            yield
        finally:
            self._places.release()


def _busy() -> ProblemError:
    return ProblemError(503, "too many requests wait already; ask again in a moment", kind="busy")
