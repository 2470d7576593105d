"""The SQLite file: connections, transactions, and SQLite's errors in our own words."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from modag_search.catalog import schema, sqlite_checks
from modag_search.catalog.database import BUSY_TIMEOUT_S, CONNECTIONS_KEPT, DAMAGE_ADVICE, PLACES, Database
from modag_search.catalog.unwritable import Unwritable, UnwritableConnection
from modag_search.errors import CatalogError, DamagedCatalogError, IndexLockedError, ModagError, ReadOnlyIndexError
from modag_search.files import check_own, hindrance_to_writing, is_full, open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import ExceptionContext

_LONG_LOG_BYTES = 16 * 2**20
_LOG_WAIT_S = 0.2
_KEEPS_FROM_OPENING = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)
"""What SQLite says where it cannot make its files beside a catalog."""
_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")
"""How a journal ends that names another (`writeSuperJournal` in SQLite's pager.c)."""

_MOMENT = (
    "SELECT generation, token, label_generation, change_count FROM state JOIN generation ON number = state.generation"
)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ADVICE = {
    sqlite3.SQLITE_PROTOCOL: "too many processes opened it at once; try again",
    sqlite3.SQLITE_NOMEM: "free some memory, then run the same command again",
    sqlite3.SQLITE_FULL: "free some space on its disk, then run the same command again",
    sqlite3.SQLITE_CANTOPEN: "its folder must exist and allow writing, and processes must be allowed to open files",
    sqlite3.SQLITE_READONLY: "the file and its folder must allow writing",
    sqlite3.SQLITE_PERM: "the file and its folder must allow writing",
    sqlite3.SQLITE_IOERR: "check the disk, then run the same command again",
}


class SqliteDatabase(Database):
    """Transactions on one SQLite file, for any number of threads.

    Parameters
    ----------
    path : str or os.PathLike
    foreign_keys : bool
        False for migrations: there, SQLite alters a table by dropping it, which would delete its children.
    wait_s : float, optional
        How long a write waits for another process or thread that is writing, in seconds; default 30.

    Attributes
    ----------
    path : str
    hindrance : ReadOnlyIndexError or None
        Why nothing can be written; it can be read all the same.

    Raises
    ------
    CatalogError
        On creation, if to open the file could change or delete files elsewhere.
    """

    def __init__(self, path: str | os.PathLike[str], *, foreign_keys: bool = True, wait_s: float | None = None) -> None:
        super().__init__(os.fspath(path))
        _require_own(self.path)
        self._wait_s = BUSY_TIMEOUT_S if wait_s is None else wait_s
        self._foreign_keys = foreign_keys
        self._unwritable = Unwritable(self.path)
        self._engine = _engine(self.path, self._connect, wait_s=self._wait_s)
        _renew_outdated(self._engine, self._unwritable)
        self._writing = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        self._log_left = 0
        if os.path.exists(self.path) and (reason := hindrance_to_writing(self.path)):
            self.hindrance = ReadOnlyIndexError(self.path, reason)
        self._was_opened = False
        self._engine.connect().close()  # now, so that it is known what keeps from writing
        self._was_opened = True
        self._file = _file_at(self.path)

    def _connect(self) -> sqlite3.Connection:
        """Connect as usual; or, where nothing can be written or SQLite cannot make its files, for reading."""
        if self.hindrance is not None:
            return self._unwritable.connect()
        try:
            return _usual_connection(self.path, foreign_keys=self._foreign_keys, wait_s=self._wait_s)
        except sqlite3.Error as error:
            if self._was_opened or _code(error) not in _KEEPS_FROM_OPENING or not os.path.exists(self.path):
                raise
            try:
                connection = self._unwritable.connect()
            except sqlite3.Error:
                raise error from None
            code = sqlite3.SQLITE_FULL if is_full(self.path) else _code(error)
            reason = "its disk is full" if code == sqlite3.SQLITE_FULL else str(error)
            self.hindrance = ReadOnlyIndexError(self.path, reason, way_out=_ADVICE[code])
            return connection

    @contextmanager
    def _one_moment(self) -> Iterator[Connection]:
        """Connect for reading; where SQLite does not see to it that all is of one moment, this does."""
        self._require_there()
        with self._engine.connect() as connection:
            used = connection.connection.dbapi_connection
            try:
                yield connection
            except ModagError:
                self._require_unchanged(used)  # else it may look like damage
                raise
            self._require_unchanged(used)

    def _require_unchanged(self, used: object) -> None:
        if isinstance(used, UnwritableConnection) and self._unwritable.has_changed(used):
            raise CatalogError(f"{self.path}: was written to while it was read; run the same command again")

    def read_brought_up(self, bring_up: Callable[[str], None]) -> None:
        """Read copies of the catalog that `bring_up` was called with; where nothing can be written, nothing else is."""
        self._unwritable.bring_up_by(bring_up)
        self._engine.dispose()
        self._engine.connect().close()  # where there is no room for a copy, it shows now

    @contextmanager
    def _one_change(self) -> Iterator[Connection]:
        self._require_there()
        self.require_writable()
        with self._writing.begin() as connection:
            yield connection
            if self._foreign_keys:  # a migration may come before there is anything to count with
                connection.exec_driver_sql("UPDATE state SET change_count = change_count + 1")
        self._shorten_log()

    @contextmanager
    def load(self) -> Iterator[Connection]:
        """Connect for writing rows of another catalog."""
        self._require_open()
        self.require_writable()
        with self._writing.begin() as connection:
            yield connection
        self._shorten_log()

    def _places(self, connection: Connection) -> Sequence[Any]:
        """Return where machines have roots; asked of the driver, which takes a tenth of the time."""
        if not connection.in_transaction():
            connection.begin()
        driver = connection.connection.driver_connection
        assert driver is not None
        try:
            found: list[Any] = driver.execute(PLACES).fetchall()
        except sqlite3.Error:
            return super()._places(connection)  # says what is wrong
        return found

    def last_ids(self, connection: Connection) -> dict[str, int]:
        """Return what SQLite says it has given."""
        return dict(map(tuple, connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()))

    def give_behind(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """Write what SQLite is to have given."""
        connection.exec_driver_sql("DELETE FROM sqlite_sequence")
        for name, last_id in last_ids.items():
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, last_id))

    def copy_to(self, path: str) -> None:
        """Write this moment of the file to a new one, page by page, which is whole without a log beside it."""
        self._require_open()
        with self._one_moment() as connection, closing(sqlite3.connect(path)) as copy:
            source = connection.connection.driver_connection
            assert source is not None
            try:
                source.backup(copy)  # in one step: what others write meanwhile does not begin it anew
                with schema.damage_told():
                    copy.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.Error as error:
                is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
                explained = _explained(error, self.path if is_damaged else path, wait_s=0)
                raise explained or CatalogError(f"{path}: {error}") from error

    def _shorten_log(self) -> None:
        """Empty the write-ahead log once it is long; where that fails, once it is as long again.

        SQLite does so by itself only in a moment without readers, and where many threads read there may be none. Here
        it waits a moment for those who read what is in the log; others read the file alone by then.
        """
        with suppress(OSError, sqlite3.Error):
            length = os.path.getsize(f"{self.path}-wal")
            if length > self._log_left + _LONG_LOG_BYTES:
                with closing(sqlite3.connect(self.path, timeout=_LOG_WAIT_S)) as connection, schema.damage_told():
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._log_left = os.path.getsize(f"{self.path}-wal")
            self._log_left = min(self._log_left, length)

    def leave_no_log(self) -> None:
        """Take the log into the file, which is whole without anything beside it then; for who has it alone."""
        with self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.rollback()
            raw.execute("PRAGMA journal_mode = DELETE")

    def close(self) -> None:
        """Let go of the file; nothing can be read or written any more."""
        super().close()
        self._engine.dispose()
        self._unwritable.close()

    def problems(self, connection: Connection) -> Iterator[str]:
        """Describe what is wrong with the file, its tables, and the kinds of values in them, a line each."""
        return sqlite_checks.problems(connection)

    def rows_at_odds(self, connection: Connection, table: str) -> tuple[str, ...]:
        """Describe rows of a table that differ from its indexes."""
        return sqlite_checks.rows_at_odds(connection, table)

    def mend_checksums(self) -> int:
        """Write checksums as the features have them, where either the table or its index still does."""
        return sqlite_checks.mend_checksums(self)

    def _require_there(self) -> None:
        """Refuse to go on with a file that was moved or deleted: what is written to it, nobody finds again."""
        there = _file_at(self.path)
        if there == self._file:
            return
        if there is None or not self._holds_the_same():
            raise CatalogError(
                f"{self.path}: is gone, or another one has taken its place, since it was opened; is its drive mounted? "
                "What has it open must be started anew"
            )
        self._file = there
        self._engine.dispose()

    def _holds_the_same(self) -> bool:
        """Tell whether the file that is there is at the same moment; some disks number a file anew now and then."""
        try:
            with (
                self._engine.connect() as opened,
                closing(sqlite3.connect(f"{Path(self.path).absolute().as_uri()}?mode=ro", uri=True)) as there,
            ):
                return list(opened.exec_driver_sql(_MOMENT)) == there.execute(_MOMENT).fetchall()
        except (CatalogError, sqlite3.Error, UnicodeDecodeError):
            return False


def _file_at(path: str) -> tuple[int, int] | None:
    """Return what tells one file from any other that there is now."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _require_own(path: str) -> None:
    """Refuse a catalog that would have SQLite change, wait for or delete what lies elsewhere, as who sent it may mean.

    A journal can name another one, of a transaction in several files, which SQLite deletes once all is rolled back: any
    file, as its name is not looked at. Our transactions are in one file, and their journals name none.
    """
    if hindrance_to_writing(path) is None:
        for ending in ("", "-wal", "-shm", "-journal"):
            check_own(Path(f"{path}{ending}"), error=CatalogError)
    journal = Path(f"{path}-journal")
    with suppress(OSError), open_regular(journal) as file:  # also where a copy of both would be read
        file.seek(-len(_NAMES_ANOTHER), os.SEEK_END)
        if file.read() == _NAMES_ANOTHER:
            raise CatalogError(f"{journal}: names another file, which SQLite would delete; remove it")


def _usual_connection(path: str, *, foreign_keys: bool, wait_s: float) -> sqlite3.Connection:
    # isolation_level=None: transactions begin where we say, and data definition is part of them.
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        with schema.damage_told():
            connection.execute("PRAGMA journal_mode = WAL")
        # FULL waits for the disk once a transaction, NORMAL does not: a store, which waits, could then outlive
        # the changes that it was made from. A batch takes a thousand times longer to encode than to wait for.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        # What the file itself defines, which another may have written, calls no function that has effects.
        connection.execute("PRAGMA trusted_schema = OFF")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _engine(path: str, connect: Callable[[], sqlite3.Connection], *, wait_s: float) -> Engine:
    # Any number of threads may read at once: beyond those that are kept, connections are opened and closed again.
    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=CONNECTIONS_KEPT, max_overflow=-1
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    @event.listens_for(engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        explained = _explained(context.original_exception, path, wait_s=wait_s)
        if explained is not None:
            raise explained from context.original_exception

    return engine


def _renew_outdated(engine: Engine, unwritable: Unwritable) -> None:
    """Have connections that were made without writing anything made anew, once what they read may have changed."""

    @event.listens_for(engine, "checkout")
    def look(connection: object, _: object, __: object) -> None:
        if isinstance(connection, UnwritableConnection) and unwritable.has_changed(connection):
            raise DisconnectionError


def _code(error: BaseException) -> int:
    """SQLite's code of an error, without its finer distinctions; 0 where it is none of SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _explained(error: BaseException, path: str, *, wait_s: float) -> ModagError | None:
    """Our error for one of SQLite's; None where the fault is in the program."""
    code = _code(error)
    if code in _DAMAGE or _is_of_damage(error, code, path):
        reason, *_ = str(error).split(" with text ")  # which may be long, and is none
        return DamagedCatalogError(f"{path}: {reason}; {DAMAGE_ADVICE}")
    if code == sqlite3.SQLITE_BUSY:
        return IndexLockedError(
            f"{path}: another process is writing to this catalog, and was not done within {wait_s:g} s; try again"
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY) and is_full(path):
        return CatalogError(f"{path}: {error}; {_ADVICE[sqlite3.SQLITE_FULL]}")
    if code == sqlite3.SQLITE_READONLY and (hindrance := hindrance_to_writing(path)):
        return ReadOnlyIndexError(path, hindrance)  # since it was opened
    return CatalogError(f"{path}: {error}; {_ADVICE[code]}") if code in _ADVICE else None


def _is_of_damage(error: BaseException, code: int, path: str) -> bool:
    """Tell errors of statements that were right, if tables and texts were as they were written."""
    # Texts are decoded by Python's own module, whose errors have no code.
    if isinstance(error, UnicodeDecodeError) or str(error).startswith("Could not decode to UTF-8"):
        return True
    if code != sqlite3.SQLITE_ERROR:
        return False
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection, schema.damage_told():
        return schema.has_changed(connection.execute)
    return True
