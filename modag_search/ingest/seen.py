"""Which paths a scan found, in little memory."""

from __future__ import annotations

import itertools
from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AT_ONCE = 4096


class SeenPaths:
    """Paths, known by their hashes alone: eight bytes each."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, paths: Iterable[str]) -> None:
        """Take note of some."""
        self._hashes.extend(map(hash, paths))

    def lacking(self, items: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Iterate over those of some items, by id and path, whose paths have not been added."""
        seen = np.sort(np.array(self._hashes, dtype=np.int64))
        rest = iter(items)
        while batch := list(itertools.islice(rest, _AT_ONCE)):
            hashes = np.fromiter((hash(path) for _, path in batch), dtype=np.int64, count=len(batch))
            places = np.searchsorted(seen, hashes)
            is_seen = np.append(seen, 0)[places] == hashes
            is_seen &= places < len(seen)
            yield from itertools.compress(batch, ~is_seen)
