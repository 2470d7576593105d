"""How much memory pictures may take while they are decoded: each of them, and all threads together."""

from __future__ import annotations

import mmap
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class Allowance:
    """A number of bytes that threads share; who wants more than is left waits.

    Parameters
    ----------
    total : int
        The most that anyone may take.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._left = total
        self._turn = threading.Lock()
        self._returned = threading.Condition()

    @contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Hold `amount` bytes, at most `total`, inside the block."""
        # One after the other, so that many small ones do not keep a large one waiting for ever.
        with self._turn, self._returned:
            self._returned.wait_for(lambda: amount <= self._left)
            self._left -= amount
        try:
            yield
        finally:
            with self._returned:
                self._left += amount
                self._returned.notify_all()


DECODING_BYTES: Final = Allowance(1_200_000_000)
"""What decoded pictures and frames may take at any time, in the whole process."""


def memory_is_short(n_bytes: int) -> bool:
    """Tell whether so many bytes more are not to be had: by the system, or by a limit of this process."""
    try:
        mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return True
    return False
