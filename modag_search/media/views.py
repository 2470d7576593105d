"""A part of an open file, and a file with other bytes in some places, as files for decoders."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer


def read_at(file: BinaryIO, n_bytes: int, place: int) -> bytes:
    """Read up to so many bytes at a place of a file or a view, which stays where it is."""
    return file.read_at(n_bytes, place) if isinstance(file, View) else os.pread(file.fileno(), n_bytes, place)


def size_of(file: BinaryIO) -> int:
    """Return how many bytes a file or a view holds."""
    return file.length if isinstance(file, View) else os.fstat(file.fileno()).st_size


class View(io.RawIOBase):
    """A part of a file that reads like a file of its own.

    Parameters
    ----------
    file : BinaryIO
        Stays open, and where it is: views of one file do not disturb each other.
    start, stop : int
        The part, in bytes.
    patches : Mapping of int to bytes
        What is read instead of what the file holds, by its place in the file.

    Attributes
    ----------
    length : int
        In bytes.
    """

    def __init__(self, file: BinaryIO, *, start: int, stop: int, patches: Mapping[int, bytes] | None = None) -> None:
        self._file = file
        self._start = start
        self.length = stop - start
        self._patches = {place - start: patch for place, patch in (patches or {}).items()}
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def tell(self) -> int:
        """Return the place."""
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Read bytes into a buffer, and return how many; 0 at the end."""
        target = memoryview(buffer).cast("B")
        data = self.read_at(len(target), self._position)
        target[: len(data)] = data
        self._position += len(data)
        return len(data)

    def read_at(self, n_bytes: int, place: int) -> bytes:
        """Read up to so many bytes at a place, without going there."""
        wanted = max(min(n_bytes, self.length - place), 0)
        data = bytearray(read_at(self._file, wanted, self._start + place))
        for patched, patch in self._patches.items():
            for position, byte in enumerate(patch, start=patched - place):
                if 0 <= position < len(data):
                    data[position] = byte
        return bytes(data)

    def as_file(self) -> BinaryIO:
        """Return itself, as the type that decoders are given."""
        return cast("BinaryIO", self)
