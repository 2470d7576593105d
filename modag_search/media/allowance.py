"""How much memory media may take while they are decoded: each file, and all that are decoded at once together."""

from __future__ import annotations

import mmap
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


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
        self._lent: Callable[[int], AbstractContextManager[None]] | None = None

    def borrow_from(self, lend: Callable[[int], AbstractContextManager[None]]) -> None:
        """Let another process keep the account: `lend` waits for so many bytes, and holds them inside its block."""
        self._lent = lend

    @contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Hold `amount` bytes, at most `total`, inside the block."""
        if self._lent is not None:
            with self._lent(amount):
                yield
            return
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
"""What decoded pictures and frames may take at any time, in the whole process and those that decode for it."""

DECODER_BYTES: Final = 4 << 30
"""What a process that decodes may take in all. Of what is within the limits, nothing took more than 1.2 GiB (WebP and
AV1 of 8K, of 10 bits)."""


def memory_is_short(n_bytes: int) -> bool:
    """Tell whether so many bytes more are not to be had: by the system, or by a limit of this process."""
    try:
        mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return True
    return False
