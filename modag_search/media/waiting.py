"""How long a process that decodes is waited for."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET_S: Final = 300.0
QUIET_BYTES_A_SECOND: Final = 2_000_000
"""A decoder of which nothing comes for longer is ended: so many seconds, and one more for so many bytes of the file."""

WHOLE_S: Final = 86_400.0
WHOLE_BYTES_A_SECOND: Final = 100_000
"""So is one that does not come to the end of a file, though something comes: a day, and ten seconds for each MB."""


class Patience:
    """How long a decoder is waited for; what it waits for itself, memory or who takes what it gives, is not counted.

    Parameters
    ----------
    quiet_s : float
        The most from one thing that it gives to the next.
    whole_s : float
        The most in all.
    """

    def __init__(self, *, quiet_s: float, whole_s: float) -> None:
        self._quiet_s = quiet_s
        self._whole_s = whole_s
        self._left_quiet_s = quiet_s
        self._left_whole_s = whole_s

    @classmethod
    def with_file(cls, size: int) -> Patience:
        """Return what a file of so many bytes is worth."""
        return cls(quiet_s=QUIET_S + size / QUIET_BYTES_A_SECOND, whole_s=WHOLE_S + size / WHOLE_BYTES_A_SECOND)

    @property
    def left_s(self) -> float:
        """How long it may still be waited for."""
        return max(min(self._left_quiet_s, self._left_whole_s), 0.0)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the time that the block takes."""
        since = time.monotonic()
        try:
            yield
        finally:
            waited_s = time.monotonic() - since
            self._left_quiet_s -= waited_s
            self._left_whole_s -= waited_s

    def renew(self) -> None:
        """Count anew what is waited for one thing: it has come."""
        self._left_quiet_s = self._quiet_s

    def in_words(self) -> str:
        """Say what was waited for in vain."""
        if self._left_whole_s <= 0:
            return f"it did not come to its end within {self._whole_s:.0f} s"
        return f"nothing came of it within {self._quiet_s:.0f} s"
