"""Connections to a PostgreSQL, which threads share, and what it fails with, in words."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from modag_search.errors import StoreChangedError, StoreServerError
from modag_search.postgres import WATCHED, WatchedConnection, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Connection = WatchedConnection[tuple[Any, ...]]

T = TypeVar("T")

_CONNECTING: dict[str, Any] = {
    **WATCHED,
    "application_name": "modag",
    "client_encoding": "UTF8",  # of a database without an encoding psycopg gives bytes otherwise
}
_SILENT_S = 10.0
"""A command asks for each modality; it need not wait for each."""
_MEMORY_OF_HASHES = "SET hash_mem_multiplier = 250"
"""Rows that went are looked up in a hash. With that of work_mem alone, 4 MB, some 100,000 of them make PostgreSQL go
through all of them for each row instead, which does not come to an end; 1 GB holds millions, and so much is used as
there are."""
_IDLE = 8
"""So many connections are kept for threads that come again."""


class Connections:
    """Connections to one database: each is one thread's while it is used, and kept for the next one.

    A pool with threads of its own would have to be told of forks; a connection a thread would be kept for threads that
    have ended.

    Parameters
    ----------
    address : str
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._idle: list[tuple[int, Connection]] = []
        self._of_others: list[Connection] = []
        self._lock = threading.Lock()
        self._within = threading.local()
        self._silent_until_s = 0.0
        """Until when a server that did not answer at all is not waited for again."""

    def close(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process, connection in idle:
            if process == os.getpid():
                connection.close()

    def asked(self, question: Callable[[Connection], T]) -> T:
        """Ask something that changes nothing; once more where a connection that was kept had been cut meanwhile.

        Parameters
        ----------
        question : callable
            Given a connection.

        Returns
        -------
        object
            What it returned.
        """
        kept = self._kept()
        if kept is not None:
            try:
                with self._given_back(kept):
                    return question(kept)
            except StoreServerError:
                if not kept.broken:
                    raise
        with self.connected(kept=False) as connection:
            return question(connection)

    @contextmanager
    def connected(self, *, kept: bool = True) -> Iterator[Connection]:
        """Give a connection that works: that of the transaction which this thread is within, or one of its own."""
        held: Connection | None = getattr(self._within, "connection", None)
        if held is not None:
            with self._in_words():
                yield held
            return
        connection = self._kept() if kept else None
        if connection is not None:
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                connection.close()
                connection = None
        if connection is None:
            with self._in_words():
                connection = self._new()
        with self._given_back(connection):
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that this thread writes within the block one transaction."""
        with self.connected() as connection, connection.transaction():
            self._within.connection = connection
            try:
                yield
            finally:
                self._within.connection = None

    def _new(self) -> Connection:
        if time.monotonic() < self._silent_until_s:
            raise errors.ConnectionTimeout("connection timeout expired a moment ago")
        parameters = {**_CONNECTING, **conninfo_to_dict(self._address)}
        try:
            # Plans that are made anew for each question know which ids count.
            connection = WatchedConnection.connect(**parameters, autocommit=True, prepare_threshold=None)
        except errors.ConnectionTimeout:
            self._silent_until_s = time.monotonic() + _SILENT_S
            raise
        try:
            connection.execute(_MEMORY_OF_HASHES)
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _kept(self) -> Connection | None:
        """Take a connection that this process made before, and not the one that forked it."""
        with self._lock:
            while self._idle:
                process, connection = self._idle.pop()
                if process != os.getpid():
                    self._of_others.append(connection)  # to close it here would end it there
                elif not connection.closed:
                    return connection
        return None

    @contextmanager
    def _given_back(self, connection: Connection) -> Iterator[None]:
        try:
            with self._in_words():
                yield
        finally:
            idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            with self._lock:
                keep = idle and not connection.closed and len(self._idle) < _IDLE
                if keep:
                    self._idle.append((os.getpid(), connection))
            if not keep:
                connection.close()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say in one line what the server or the connection failed with."""
        try:
            yield
        except errors.UndefinedTable as error:
            raise StoreChangedError(
                f"{self._address}: what was read of the store has been replaced meanwhile; ask again"
            ) from error
        except errors.InsufficientPrivilege as error:
            raise StoreServerError(f"{self._address}: {_first_line(error)}", "its owner can grant it") from error
        except (errors.DiskFull, errors.OutOfMemory) as error:
            raise StoreServerError(
                f"{self._address}: its disk or memory is full: {_first_line(error)}",
                "make room there",
                StoreServerError.LEAVING,
            ) from error
        except psycopg.OperationalError as error:
            problem, *ways_out = refusal(str(error)) or (_first_line(error),)
            raise StoreServerError(f"{self._address}: {problem}", *ways_out, StoreServerError.LEAVING) from error
        except psycopg.Error as error:
            raise StoreServerError(f"{self._address}: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
