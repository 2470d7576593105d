"""Files decoded once to be compared with many others, as long as there is room in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from modag_search.errors import MediaError
from modag_search.features.stored import is_as_indexed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modag_search.values import ItemRecord


class _Sized(Protocol):
    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""


T = TypeVar("T", bound=_Sized)


class DecodedContents(Generic[T]):
    """Decodes contents, and keeps those that were asked for last; for several threads.

    Parameters
    ----------
    decode : callable
        Makes of an item what is compared; None where there is nothing to compare.
    most_bytes : int
        How much is kept.
    """

    def __init__(self, decode: Callable[[ItemRecord], T | None], *, most_bytes: int) -> None:
        self._decode = decode
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, T | None] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def of(self, copies: Sequence[ItemRecord]) -> T | None:
        """Return the content of some items, by the first whose file is as it was indexed and can be decoded.

        Parameters
        ----------
        copies : sequence of ItemRecord
            With the same content.

        Returns
        -------
        object or None
            None where no file is there as it was, or there is nothing to compare.
        """
        content = copies[0].content_hash
        with self._lock:
            if content in self._kept:
                self._kept.move_to_end(content)
                return self._kept[content]
        decoded = self._first_of(copies)
        with self._lock:
            if content not in self._kept:
                self._n_bytes += decoded.n_bytes if decoded else 0
            self._kept[content] = decoded
            while self._n_bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._n_bytes -= oldest.n_bytes if oldest else 0
        return decoded

    def _first_of(self, copies: Sequence[ItemRecord]) -> T | None:
        for item in copies:
            if is_as_indexed(item):
                try:
                    return self._decode(item)
                except MediaError:
                    continue
        return None
