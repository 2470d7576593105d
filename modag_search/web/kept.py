"""What was made of files and may be asked for again: kept while there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict


class Kept:
    """Keeps bytes by key; those that were not asked for the longest go first.

    Parameters
    ----------
    most_bytes : int
        Of all together.
    """

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._n_bytes = 0

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep something, in the place of what was there."""
        with self._lock:
            self._n_bytes += len(value) - len(self._values.pop(key, b""))
            self._values[key] = value
            while self._n_bytes > self._most_bytes:
                _, gone = self._values.popitem(last=False)
                self._n_bytes -= len(gone)
