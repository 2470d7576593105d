"""How much memory pictures may take while they are decoded: each of them, and all threads together."""

from __future__ import annotations

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
