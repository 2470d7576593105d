"""What waits to be done, in little memory."""

from __future__ import annotations

import itertools
import pickle
import zlib
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

_PACKED_AT_ONCE = 2048


class Backlog(Generic[T]):
    """Values in order, to be gone through any number of times; all but the last few are packed.

    A path among many of its folder takes some ten bytes so, and some two hundred as a text of Python's.

    Parameters
    ----------
    values : iterable of T
    """

    def __init__(self, values: Iterable[T] = ()) -> None:
        self._packed: list[bytes] = []
        self._last: list[T] = []
        for value in values:
            self.append(value)

    def append(self, value: T) -> None:
        """Put a value behind the others."""
        self._last.append(value)
        if len(self._last) >= _PACKED_AT_ONCE:
            self._packed.append(zlib.compress(pickle.dumps(self._last), level=1))
            self._last.clear()

    def __iter__(self) -> Iterator[T]:
        for packed in self._packed:
            yield from pickle.loads(zlib.decompress(packed))  # noqa: S301  packed above
        yield from self._last

    def __bool__(self) -> bool:
        return bool(self._packed or self._last)

    def batches(self, n: int) -> Iterator[list[T]]:
        """Go through the values in lists of `n`, the last one shorter."""
        values = iter(self)
        while batch := list(itertools.islice(values, n)):
            yield batch
