"""Reading a catalog that nothing can be written to: all that was acknowledged, and never two moments at once.

SQLite wants to write even where it only reads: who reads says so in ``-shm``, a file beside the catalog, and a killed
writer's ``-wal`` is taken in by the next who opens it (https://sqlite.org/wal.html#read_only_databases). Where that
cannot be, there are three ways:

- both files are there: SQLite reads them as they are, also while another user writes;
- there is no ``-wal``, or an empty one: all is in the catalog, which is read as a file that does not change
  (``immutable``). SQLite then looks at no lock, so it is we who see whether it has changed after all;
- there is a ``-wal`` with something in it, and no ``-shm``: catalog and ``-wal`` are copied, and the copy is read.

A catalog of an older revision is copied, too, and the copy brought up to date.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.catalog import schema
from modag_search.errors import CatalogError
from modag_search.files import Mark, is_running, mark_of

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

_LOGS = ("-wal", "-journal")
_ATTEMPTS = 5
_COPIES = "modag-catalog-"

Marks = tuple[Mark | None, ...]


class UnwritableConnection(sqlite3.Connection):
    """A connection to a catalog that cannot be written to.

    Attributes
    ----------
    seen : Marks or None
        What the files were when it was made, where SQLite does not see to it that it reads one moment.
    """

    seen: Marks | None = None


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of a catalog, and what the files were that it was made of."""

    folder: tempfile.TemporaryDirectory[str]
    path: str
    seen: Marks


class Unwritable:
    """Connects to a catalog without writing to it, or to anything beside it; threads may share it.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._copy: _Copy | None = None
        self._bring_up: Callable[[str], None] | None = None
        self._has_said_so = False

    def bring_up_by(self, bring_up: Callable[[str], None]) -> None:
        """Read copies from now on, each of which `bring_up` has been called with."""
        self.close()
        self._bring_up = bring_up

    def connect(self) -> UnwritableConnection:
        """Open a connection that reads.

        Raises
        ------
        sqlite3.Error
            If the catalog cannot be read.
        CatalogError
            If a copy would be needed, and there is no room for it.
        """
        seen = self.marks()
        if self._bring_up is not None:
            return self._of_copy(seen)
        if not any(_holds_something(self.path + log) for log in _LOGS):
            connection = self._opened(self.path, "immutable=1")
            connection.seen = seen
            return connection
        if os.path.exists(f"{self.path}-shm"):
            with suppress(sqlite3.OperationalError):
                return self._opened(self.path, "mode=ro")
        return self._of_copy(seen)

    def has_changed(self, connection: UnwritableConnection) -> bool:
        """Tell whether what a connection reads may not be one moment any more."""
        return connection.seen is not None and connection.seen != self.marks()

    def marks(self) -> Marks:
        """Look at the files, without reading them."""
        return tuple(mark_of(Path(self.path + ending)) for ending in ("", *_LOGS))

    def close(self) -> None:
        """Remove the copy, if there is one."""
        with self._lock:
            if self._copy is not None:
                self._copy.folder.cleanup()
                self._copy = None

    def _of_copy(self, seen: Marks) -> UnwritableConnection:
        with self._lock:
            if self._copy is None or self._copy.seen != seen:
                former, self._copy = self._copy, self._copied()
                if former is not None:
                    former.folder.cleanup()  # who reads it has it open, and goes on
                self._say_so()
            copy = self._copy
            connection = self._opened(copy.path, "mode=rw")
        connection.execute("PRAGMA query_only = ON")
        connection.seen = copy.seen
        return connection

    def _copied(self) -> _Copy:
        """Copy the catalog and its log as they are at one moment; brought up to date, if that is wanted."""
        folder = None
        try:
            _remove_abandoned()
            folder = tempfile.TemporaryDirectory(prefix=f"{_COPIES}{os.getpid()}-")
            copy = os.path.join(folder.name, os.path.basename(self.path))
            seen = self._copy_one_moment(copy)
            if self._bring_up is not None:
                self._bring_up(copy)
        except BaseException as error:
            if folder is not None:
                folder.cleanup()
            if isinstance(error, OSError):
                raise CatalogError(
                    f"{self.path}: is read-only here, and can only be read from a copy, which cannot be made: "
                    f"{error.strerror or error} ({error.filename2 or error.filename or 'no temporary folder'}); "
                    f"TMPDIR names a folder with room for it"
                ) from error
            raise
        return _Copy(folder, copy, seen)

    def _copy_one_moment(self, copy: str) -> Marks:
        for _ in range(_ATTEMPTS):
            seen = self.marks()
            for ending, mark in zip(("", *_LOGS), seen, strict=True):
                if mark is not None:
                    shutil.copyfile(self.path + ending, copy + ending)
            if seen == self.marks():
                return seen
        raise CatalogError(f"{self.path}: is being written to, and is read-only here; try again")

    def _say_so(self) -> None:
        if self._has_said_so:
            return
        self._has_said_so = True
        reason = "is of an older version" if self._bring_up else "has a log that a writer left when it was killed"
        logger.warning(
            "%s: %s, and is read-only here: each command reads a temporary copy of it, which takes time; "
            "any command makes it whole where it can be written to",
            self.path,
            reason,
        )

    def _opened(self, path: str, how: str) -> UnwritableConnection:
        connection: UnwritableConnection = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?{how}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=UnwritableConnection,
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            with schema.damage_told():
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _remove_abandoned() -> None:
    """Remove copies whose processes were killed; those of other users stay."""
    for path in Path(tempfile.gettempdir()).glob(f"{_COPIES}*-*"):
        process = path.name.removeprefix(_COPIES).partition("-")[0]
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _holds_something(path: str) -> bool:
    with suppress(FileNotFoundError):
        return os.path.getsize(path) > 0
    return False
