"""Kinds of stores whose vectors lie in a file that is mapped, not read: opened at once, however many there are."""

from __future__ import annotations

import io
import mmap
import tempfile
import zlib
from abc import abstractmethod
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from modag_search.errors import DamagedStoreError
from modag_search.stores.base import StoreReader, VectorStore

if TYPE_CHECKING:
    import numpy.typing as npt

    from modag_search.values import Int64Array


class MappedStore(VectorStore):
    """A kind of store whose vectors lie in a file of their own.

    The file is too large to be read, or hashed, whenever an index is opened. So it is mapped, and each block of it is
    compared with its checksum when it is first looked at (`Blocks`); the checksums are among what `write` returns,
    which is kept elsewhere, under a checksum of its own.
    """

    @classmethod
    @abstractmethod
    def write(cls, reader: StoreReader, file: BinaryIO) -> bytes:
        """Write what is mapped into a file that is empty, and return what `open` needs beside it."""

    @classmethod
    @abstractmethod
    def open(cls, file: BinaryIO, known: bytes, *, dimension: int) -> StoreReader:
        """Make a reader of a file that `write` wrote; it may be closed and unlinked then.

        Raises
        ------
        ValueError
            If it cannot be read.
        """

    @classmethod
    def to_bytes(cls, reader: StoreReader) -> bytes:
        """Turn a reader into bytes, for who has no file; see `VectorStore.to_bytes`."""
        with tempfile.TemporaryFile() as file:
            known = cls.write(reader, file)
            file.seek(0)
            return len(known).to_bytes(8, "little") + known + file.read()

    @classmethod
    def from_bytes(cls, content: bytes, *, dimension: int) -> StoreReader:
        """Make a reader of bytes; see `VectorStore.from_bytes`."""
        source = io.BytesIO(content)
        known = source.read(int.from_bytes(source.read(8), "little"))
        with tempfile.TemporaryFile() as file:
            file.write(source.read())
            file.flush()
            return cls.open(file, known, dimension=dimension)


class Blocks:
    """Parts of a mapped file, each compared with its checksum when it is first looked at; threads may share it.

    Parameters
    ----------
    file : BinaryIO
    ends : np.ndarray [shape=(n,), int64]
        Where each block ends, in bytes; it begins where the one before it ends.
    checksums : np.ndarray [shape=(n,), uint32]
        CRC-32 of each: any flipped bit changes it.

    Attributes
    ----------
    are_all_looked_at : bool

    Raises
    ------
    ValueError
        On creation, if the file is shorter than its blocks.
    """

    def __init__(self, file: BinaryIO, *, ends: Int64Array, checksums: npt.NDArray[np.uint32]) -> None:
        size = file.seek(0, io.SEEK_END)
        if len(ends) == 0 or size != ends[-1]:
            raise ValueError(f"is {size} bytes long, and must be {ends[-1] if len(ends) else 0}")
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._name = getattr(file, "name", "a store")
        self._starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        self._ends = ends
        self._checksums = checksums
        self._looked_at = np.zeros(len(ends), dtype=bool)
        self.are_all_looked_at = False

    def look_at(self, blocks: Int64Array) -> None:
        """Compare blocks with their checksums, those that have not been yet.

        Raises
        ------
        DamagedStoreError
            If a bit of one differs.
        """
        if self.are_all_looked_at:
            return
        for block in np.unique(blocks[~self._looked_at[blocks]]).tolist():
            start, end = int(self._starts[block]), int(self._ends[block])
            if zlib.crc32(memoryview(self._map)[start:end]) != self._checksums[block]:
                raise DamagedStoreError(f"{self._name}: its checksum is off; `modag rebuild` makes it anew")
            self._looked_at[block] = True
            self._let_go(start, end)
        self.are_all_looked_at = bool(self._looked_at.all())

    def _let_go(self, start: int, end: int) -> None:
        """Keep no part of the file in this map: who reads it maps it as well, and it would count twice."""
        start -= start % mmap.PAGESIZE
        if hasattr(mmap, "MADV_DONTNEED") and end > start:
            self._map.madvise(mmap.MADV_DONTNEED, start, end - start)

    def look_at_all(self) -> None:
        """Compare the whole file; see `look_at`."""
        self.look_at(np.arange(len(self._ends)))

    def array(self, block: int, *, dtype: str) -> npt.NDArray[np.generic]:
        """Return a block as numbers, without copying it, once it has been compared."""
        self.look_at(np.array([block], dtype=np.int64))
        start, end = int(self._starts[block]), int(self._ends[block])
        return np.frombuffer(memoryview(self._map)[start:end], dtype=dtype)


def checksums_of(file: BinaryIO, ends: Int64Array) -> npt.NDArray[np.uint32]:
    """Read a file from its beginning, and return the CRC-32 of each block; see `Blocks`."""
    file.seek(0)
    sizes = np.diff(ends, prepend=0).tolist()
    return np.array([zlib.crc32(file.read(size)) for size in sizes], dtype=np.uint32)
