"""Stores on the disk: what was built, in one file, and beside it what has changed since, in a small one.

The vectors of some kinds lie in a third one, which is mapped (see `stores.mapped`). It has another name whenever it is
written anew, and the first file names it: who has mapped the former one keeps it, though it is gone.

All are written wholly or not at all, are compared with checksums, and say which state of the catalog they reflect. The
file of changes names the state that the first one reflects: after a new one has been built, an old file of changes is
not taken for its own.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.errors import DamagedStoreError, StoreError
from modag_search.files import mark_of, open_regular, read_checked, read_header, write_checked, writing
from modag_search.stores.base import StoreReader, StoreStamp, VectorStore
from modag_search.stores.layered import LayeredReader
from modag_search.stores.mapped import MappedStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modag_search.files import Mark
    from modag_search.values import Float32Array, Int64Array

logger = logging.getLogger(__name__)

_MAPPED = ".mapped"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StampedReader:
    """A reader, and what it reflects.

    Attributes
    ----------
    reader : LayeredReader
    stamp : StoreStamp
        What it reflects with all layers.
    built : StoreStamp
        What its base reflects.
    kind : type of VectorStore or None
        Of its base; None of one that a server keeps.
    """

    reader: LayeredReader
    stamp: StoreStamp
    built: StoreStamp
    kind: type[VectorStore] | None


class StoreFile:
    """Where the store of one modality is kept; one process at a time may write.

    Parameters
    ----------
    path : Path
    kind : type of VectorStore
    dimension : int
        Length of the vectors.
    """

    def __init__(self, path: Path, *, kind: type[VectorStore], dimension: int) -> None:
        self.path = path
        self._changes_path = path.with_name(f"{path.name}.changes")
        self._kind = kind
        self._dimension = dimension
        self._compared: tuple[tuple[Mark | None, ...], StoreStamp] | None = None

    def read(self, *, whole: bool = False) -> StampedReader | None:
        """Read what was written; None where nothing was, or vectors of another length.

        A damaged file of changes is passed over with a warning: the catalog knows what is in it.

        Parameters
        ----------
        whole : bool
            Compare now what is otherwise compared when it is first looked at, and pass over nothing.

        Returns
        -------
        StampedReader or None

        Raises
        ------
        DamagedStoreError
            If what was built is not what `write` wrote, or what has changed since, if `whole`.
        """
        if not self.path.exists():
            return None
        header, payload = read_checked(self.path)
        built, count, dimension = _described(self.path, header)
        if dimension != self._dimension:
            return None
        base = self._base(header, payload, count)
        if base is None:
            return self.read(whole=whole)  # written anew in between
        if whole:
            base.look_at_all()
        try:
            changed = self._with_changes(base, built)
        except DamagedStoreError as error:
            if whole:
                raise
            logger.warning("%s; taking these changes from the catalog", error)
            changed = None
        return changed or StampedReader(reader=LayeredReader(base), stamp=built, built=built, kind=self._kind)

    def reflects(self, stamp: StoreStamp) -> bool:
        """Tell whether the files reflect a state, and are whole; where they have not changed since, at once.

        Of what is mapped, who reads it tells.
        """
        marks = mark_of(self.path), mark_of(self._changes_path)
        if self._compared == (marks, stamp):
            return True
        if marks[0] is None or issubclass(self._kind, MappedStore):
            return False
        try:
            header = read_header(self.path)
            changes = read_checked(self._changes_path)[0] if marks[1] is not None else {}
            latest = changes if changes.get("built") == header.get("stamp") else header
            if latest.get("stamp") != asdict(stamp) or header.get("dimension") != self._dimension:
                return False
            read_checked(self.path)
        except DamagedStoreError:
            return False
        self._compared = marks, stamp
        return True

    def write(self, store: StampedReader, *, on_disk: StampedReader | None = None) -> None:
        """Write a store: the changes alone, where what is on the disk has the same base.

        Raises
        ------
        StoreError
            If it cannot be written; what is on the disk still holds together.
        """
        if on_disk is not None and (on_disk.kind, on_disk.built) == (store.kind, store.built):
            self._write_changes(store)
            return
        assert len(store.reader.delta_ids) == len(store.reader.gone) == 0
        header: dict[str, Any] = {
            "stamp": asdict(store.built),
            "count": len(store.reader.base),
            "dimension": self._dimension,
        }
        if issubclass(self._kind, MappedStore):
            header["mapped"] = f"{self.path.name}.{secrets.token_hex(8)}{_MAPPED}"
            with writing(self.path.with_name(header["mapped"]), error=StoreError) as file:
                content: bytes | memoryview = self._kind.write(store.reader.base, file)
        else:
            content = self._kind.to_bytes(store.reader.base)
        write_checked(self.path, header, memoryview(content))
        # One that is left behind is named by nobody, or names another state, and is passed over.
        self._remove([self._changes_path, *self._mapped_files(but=header.get("mapped"))])

    def remove(self) -> None:
        """Take the files away, those that are there; who reads them goes on."""
        self._remove([self.path, self._changes_path, *self._mapped_files(but=None)])

    def tidy(self) -> None:
        """Remove what killed writers left beside a store that is written no more; for the only one who writes."""
        self._remove(self.path.parent.glob(f".{self.path.name}*-*"))
        mapped = self._mapped_files(but=None)
        if len(mapped) > 1 or (mapped and not self.path.exists()):
            with contextlib.suppress(DamagedStoreError):  # what is damaged is written anew, and its files go then
                named = read_checked(self.path)[0].get("mapped") if self.path.exists() else None
                self._remove(path for path in mapped if path.name != named)

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()

    def _mapped_files(self, *, but: str | None) -> list[Path]:
        """List mapped files, and what killed writers left of some: who writes is the only one."""
        patterns = (f"{self.path.name}.*{_MAPPED}", f".{self.path.name}.*{_MAPPED}-*")
        found = itertools.chain.from_iterable(map(self.path.parent.glob, patterns))
        return [path for path in found if path.name != but]

    def _base(self, header: dict[str, Any], payload: bytes, count: int) -> StoreReader | None:
        """Read what was built; None where it has been written anew since its header was read."""
        try:
            if issubclass(self._kind, MappedStore):
                mapped = self.path.with_name(os.path.basename(str(header.get("mapped"))))
                try:
                    with open_regular(mapped) as file:
                        base: StoreReader = self._kind.open(file, payload, dimension=self._dimension)
                except FileNotFoundError as error:
                    if read_checked(self.path)[0].get("mapped") != header.get("mapped"):
                        return None
                    raise ValueError(f"{mapped.name} is gone") from error
            else:
                base = self._kind.from_bytes(payload, dimension=self._dimension)
        except (OSError, ValueError) as error:
            raise DamagedStoreError(f"{self.path}: cannot be read: {error}") from error
        if len(base) != count:
            raise DamagedStoreError(f"{self.path}: holds {len(base)} vectors, must hold {count}")
        return base

    def _with_changes(self, base: StoreReader, built: StoreStamp) -> StampedReader | None:
        if not self._changes_path.exists():
            return None
        header, payload = read_checked(self._changes_path)
        stamp, count, dimension = _described(self._changes_path, header)
        if header.get("built") != asdict(built) or dimension != self._dimension:
            return None
        ids, vectors, gone = _split(self._changes_path, payload, count=count, dimension=dimension)
        return StampedReader(
            reader=LayeredReader(base, ids=ids, vectors=vectors, gone=gone), stamp=stamp, built=built, kind=self._kind
        )

    def _write_changes(self, store: StampedReader) -> None:
        reader = store.reader
        header = {
            "stamp": asdict(store.stamp),
            "built": asdict(store.built),
            "count": len(reader.delta_ids),
            "dimension": self._dimension,
        }
        parts = (reader.delta_ids.astype("<i8"), reader.delta_vectors.astype("<f4"), reader.gone.astype("<i8"))
        write_checked(self._changes_path, header, memoryview(b"".join(part.tobytes() for part in parts)))


def _described(path: Path, header: dict[str, Any]) -> tuple[StoreStamp, int, int]:
    """Read what a header says: the state, how many vectors, and their length."""
    try:
        return StoreStamp(**header["stamp"]), int(header["count"]), int(header["dimension"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise DamagedStoreError(f"{path}: cannot be read: {error}") from error


def _split(path: Path, payload: bytes, *, count: int, dimension: int) -> tuple[Int64Array, Float32Array, Int64Array]:
    """Take changes apart: ids, then their vectors, then ids that are gone."""
    of_ids, of_vectors = 8 * count, 4 * count * dimension
    if len(payload) < of_ids + of_vectors or (len(payload) - of_ids - of_vectors) % 8:
        raise DamagedStoreError(f"{path}: is {len(payload)} bytes long, which is not what it must be")
    ids = np.frombuffer(payload, "<i8", count=count).astype(np.int64)
    vectors = np.frombuffer(payload, "<f4", count=count * dimension, offset=of_ids).astype(np.float32)
    gone = np.frombuffer(payload, "<i8", offset=of_ids + of_vectors).astype(np.int64)
    return ids, vectors.reshape(count, dimension), gone
