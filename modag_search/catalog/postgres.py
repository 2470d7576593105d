"""A catalog on a PostgreSQL server: connections, transactions, and PostgreSQL's errors in our own words.

All tables are in a schema of their own, ``modag`` or the one that ``?schema=NAME`` names: a database may hold others.
One moment is a transaction of isolation REPEATABLE READ. One change begins with a change of the one row of ``state``,
which nobody else can change before it is done: there is one writer at a time, as in a file of SQLite.
"""

from __future__ import annotations

import logging
import re
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from modag_search.addresses import without_password
from modag_search.catalog import copying, postgres_tables
from modag_search.catalog.database import BUSY_TIMEOUT_S, CONNECTIONS_KEPT, DAMAGE_ADVICE, Database
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.errors import (
    CatalogError,
    CatalogServerError,
    DamagedCatalogError,
    IndexLockedError,
    MissingExtraError,
    ModagError,
    ReadOnlyIndexError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import URL
    from sqlalchemy.engine import ExceptionContext

logger = logging.getLogger(__name__)

_LOG: Final = "modag"
_FORM: Final = "postgresql://USER@HOST:PORT/DATABASE"
_SCHEMA: Final = "modag"
_UNFINISHED: Final = "_unfinished"
_NAME_OF_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
OLDEST_VERSION: Final = 15
"""Of the server: the oldest that is tested."""

_AGAIN: Final = "run the same command again once it is"
_OF_STATEMENTS: Final = {
    "53100": ("the server's disk is full", "free some space on it, then run the same command again"),
    "53200": ("the server has no memory left", "try again later"),
    "53300": ("the server takes no more connections", "try again later, or raise its max_connections"),
    "42501": (
        "the user may not do that",
        "GRANT it the rights, once more where an upgrade has added tables, or name another user in the URL",
    ),
    "57014": ("the server ended a statement", "raise its statement_timeout, then run the same command again"),
    "54000": ("a value is too long for the server", "see its log"),
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
_NOT_AS_MADE: Final = "; its tables are not as they were made"
_DAMAGE: Final = {
    **dict.fromkeys(["XX001", "XX002"], ""),
    **dict.fromkeys(["42P01", "42703", "3F000"], _NOT_AS_MADE),  # a table, a column or the schema is not there
}
_KEY: Final = "hashtextextended(:name, 0)"
"""Of a lock that is no row's."""
_LOCKED: Final = "55P03"
_READ_ONLY: Final = "25006"
_GONE: Final = ("57P01", "57P02", "57P03", "57P05", "25P03", "08000", "08003", "08006", "08007")


def opened(url: str, *, create: bool, wait_s: float | None) -> PostgresDatabase:
    """Open the catalog at a URL, brought to the newest revision; see `Catalog.open`."""
    database = PostgresDatabase(url, wait_s=wait_s)
    try:
        postgres_tables.bring_up(database, create=create)
    except BaseException:
        database.close()
        raise
    return database


def beside(url: str) -> str:
    """Return the URL at which a copy is made that is not yet whole: another schema of the same database."""
    parsed = _parsed(url)
    schema = f"{_schema_of(parsed, without_password(url))}{_UNFINISHED}"
    return parsed.update_query_dict({"schema": schema}).render_as_string(hide_password=False)


def put_in_place(url: str) -> None:
    """Let the copy that was made `beside` a URL be what is there.

    Raises
    ------
    CatalogServerError
        If that may not have happened; where the connection was lost over it, and it had, all is well.
    """
    try:
        with _lent(beside(url)) as unfinished:
            postgres_tables.put_in_place(unfinished, _schema_of(_parsed(url), without_password(url)))
    except CatalogServerError:
        if not _is_in_place(url):
            raise


def _is_in_place(url: str) -> bool:
    with suppress(CatalogServerError):
        return holds_anything(url) and not holds_anything(beside(url))
    return False


def discard_beside(url: str) -> None:
    """Remove what there is of a copy that is not yet whole."""
    with _lent(beside(url)) as unfinished:
        postgres_tables.discard(unfinished)


def holds_anything(url: str) -> bool:
    """Tell whether there is a catalog at a URL, or anything else in the place of one."""
    with _lent(url) as database:
        return postgres_tables.holds_anything(database)


@contextmanager
def _lent(url: str) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(url)
    try:
        yield database
    finally:
        database.close()


def pending_at(url: str) -> list[str]:
    """List the migrations that the catalog at a URL lacks; see `migrations.pending`."""
    with _lent(url) as database:
        return postgres_tables.pending(database)


def _parsed(url: str) -> URL:
    told = without_password(url)
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except (ArgumentError, ValueError) as error:
        raise UsageError(f"{told}: cannot be read as a URL: {_FORM}") from error
    if not parsed.database:
        raise UsageError(f"{told}: names no database: {_FORM}")
    return parsed


class _SoleWriterOfThread(threading.local):
    """The connection that holds the lock of the one who writes, in the thread that is that one."""

    connection: Connection | None = None


class _Standing(NamedTuple):
    """What a server says of itself and of who asks."""

    version: int
    encoding: str
    is_standby: bool
    is_read_only: bool
    may_use: bool
    may_write: bool


_STANDING: Final = text(
    "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), "
    "pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool, "
    "coalesce(has_schema_privilege(to_regnamespace(:schema), 'USAGE'), true), "
    "coalesce(has_table_privilege(to_regclass(:state), 'UPDATE'), true)"
)


class PostgresDatabase(Database):
    """Transactions on a catalog in a PostgreSQL database, for any number of threads.

    Parameters
    ----------
    url : str
        ``postgresql://USER@HOST:PORT/DATABASE``; what follows a ``?`` goes to libpq, but for ``schema``.
    wait_s : float, optional
        How long a write waits for another process or thread that is writing, in seconds; default 30.

    Attributes
    ----------
    path : str
        The URL without its password.
    schema : str
        Where the tables are.
    hindrance : ReadOnlyIndexError or None
        Why nothing can be written; it can be read all the same.

    Raises
    ------
    CatalogServerError
        If the server cannot be reached, refuses, or is too old.
    UsageError
        If the URL cannot be meant.
    MissingExtraError
        If psycopg is not installed.
    """

    def __init__(self, url: str, *, wait_s: float | None = None) -> None:
        parsed = _parsed(url)
        super().__init__(without_password(url))
        self.schema = _schema_of(parsed, self.path)
        self._wait_s = BUSY_TIMEOUT_S if wait_s is None else wait_s
        self._sole = _SoleWriterOfThread()
        self._engine = self._connecting(parsed)
        reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self._engine.execution_options(**reading)
        try:
            self._look_at_server()
        except BaseException:
            self.close()
            raise

    def _connecting(self, url: URL) -> Engine:
        given = dict(url.query)
        given.pop("schema", None)
        options = (
            # Of transactions that were acknowledged none is lost, whatever the server's own default.
            f"-c search_path={self.schema} -c synchronous_commit=on -c lock_timeout={round(1000 * self._wait_s)} "
            # The server, too, is to notice that a client is gone: its locks go with it.
            f"-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
        )
        options = " ".join(filter(None, [options, str(given.pop("options", ""))]))
        try:
            from modag_search.postgres import WATCHED, WatchedConnection

            settings = {"application_name": "modag", **WATCHED}
            engine = create_engine(
                url.set(drivername="postgresql+psycopg", query=given),
                connect_args={
                    **{key: value for key, value in settings.items() if key not in given},
                    "options": options,
                },
                client_encoding="utf8",
                poolclass=QueuePool,
                pool_logging_name=_LOG,
                pool_size=CONNECTIONS_KEPT,
                max_overflow=-1,
                # A server that was started anew since costs one look, and no error.
                pool_pre_ping=True,
            )
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise MissingExtraError("an index on PostgreSQL", extra="postgres") from error

        def connected(_: object, __: object, arguments: list[Any], named: dict[str, Any]) -> WatchedConnection[Any]:
            return WatchedConnection.connect(*arguments, **named)

        # A connection that is cut once all is read is no loss; what is one is raised. Neither is for a traceback.
        logging.getLogger(f"{QueuePool.__module__}.QueuePool.{_LOG}").setLevel(logging.CRITICAL + 1)
        event.listen(engine, "do_connect", connected)
        event.listen(engine, "handle_error", self._explain)
        event.listen(engine, "checkin", self._end_late_ones)
        return engine

    def _explain(self, context: ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # what was cut while nobody used it is made anew
        error = context.original_exception
        explained = _explained(error, self.path, wait_s=self._wait_s, is_connecting=context.connection is None)
        if explained is not None:
            raise explained from error

    def _end_late_ones(self, connection: Any, _: object) -> None:
        """Close a connection that comes back when all others were closed."""
        if self._is_closed and connection is not None:
            connection.close()

    def _look_at_server(self) -> None:
        with self._engine.connect() as connection:
            asked = {"schema": self.schema, "state": f"{self.schema}.state"}
            found = _Standing(*connection.execute(_STANDING, asked).one())
        if found.version < OLDEST_VERSION:
            raise CatalogServerError(
                f"{self.path}: the server is PostgreSQL {found.version}; {OLDEST_VERSION} is the oldest that will do"
            )
        if found.encoding != "UTF8":
            raise CatalogError(
                f"{self.path}: the database keeps texts as {found.encoding}; make one with `createdb -E UTF8`"
            )
        if not found.may_use:
            raise CatalogError(
                f"{self.path}: the user may not read the schema {self.schema}; GRANT it the right, or name another user"
            )
        if found.is_standby:
            self.hindrance = ReadOnlyIndexError(self.path, "the server is a standby", "name the primary in the URL")
        elif found.is_read_only:
            reason = "the database is read-only for this user"
            self.hindrance = ReadOnlyIndexError(self.path, reason, "see default_transaction_read_only there")
        elif not found.may_write:
            reason = "the user may only read it"
            self.hindrance = ReadOnlyIndexError(self.path, reason, "GRANT it the rights, or name another user")

    @contextmanager
    def _one_moment(self) -> Iterator[Connection]:
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _one_change(self) -> Iterator[Connection]:
        with self.load() as connection:
            # Of those who come at once, all but one wait here; what is read from now on is what the last one left.
            connection.exec_driver_sql("UPDATE state SET change_count = change_count + 1")
            yield connection

    @contextmanager
    def reading_tables(self) -> Iterator[Connection]:
        """Connect for reading, before there may be anything to read."""
        with self._one_moment() as connection:
            yield connection

    @contextmanager
    def upgrading(self) -> Iterator[Connection]:
        """Change the tables themselves, alone among those who do."""
        self.require_writable()
        with self._engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_KEY})"), {"name": self.schema})
            yield connection

    @contextmanager
    def sole_writer(self, *, wait_s: float, on_wait: Callable[[], None]) -> Iterator[None]:
        """Be the one who writes to the index; see `Catalog.sole_writer`.

        This thread then writes on the connection that holds the lock: who loses the one has lost the other.
        """
        self._require_open()
        self.require_writable()
        locking = self._engine.connect()
        asked = {"name": f"{self.schema} writer"}
        try:
            with locking.begin():
                if not locking.execute(text(f"SELECT pg_try_advisory_lock({_KEY})"), asked).scalar_one():
                    on_wait()
                    locking.exec_driver_sql(f"SET LOCAL lock_timeout = {max(round(1000 * wait_s), 1)}")
                    locking.execute(text(f"SELECT pg_advisory_lock({_KEY})"), asked)
            self._sole.connection = locking
            yield
        finally:
            self._sole.connection = None
            locking.invalidate()  # the lock goes with the connection, also that of a process that is killed
            locking.close()

    def require_sole_writer(self) -> None:
        """Make sure that this thread has lost no lock; see `Catalog.require_sole_writer`."""
        locking = self._sole.connection
        if locking is not None:
            with self._locked(locking):
                locking.exec_driver_sql("SELECT 1")

    @contextmanager
    def _locked(self, locking: Connection) -> Iterator[None]:
        """Begin a transaction on the connection that holds the lock: on another one it would begin without a lock."""
        if locking.invalidated:
            raise CatalogServerError(
                f"{self.path}: the connection was lost, and the lock with it that keeps others from writing; what was "
                f"acknowledged is kept; is the server there? {_AGAIN}"
            )
        with locking.begin():
            yield

    @contextmanager
    def load(self) -> Iterator[Connection]:
        """Connect for writing rows of another catalog."""
        self._require_open()
        self.require_writable()
        locking = self._sole.connection
        if locking is not None:
            with self._locked(locking):
                yield locking
            return
        with self._engine.begin() as connection:
            yield connection

    def last_ids(self, connection: Connection) -> dict[str, int]:
        """Return what sequences have given."""
        return postgres_tables.last_ids(connection)

    def give_behind(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """Set sequences."""
        postgres_tables.give_behind(connection, last_ids)

    def problems(self, connection: Connection) -> Iterator[str]:
        """Describe sequences that would give ids again; PostgreSQL sees to the rest itself."""
        if connection.exec_driver_sql("SHOW data_checksums").scalar_one() != "on":
            logger.warning(
                "%s: the server keeps no checksums of pages (`pg_checksums --enable`, once it is stopped): a row that "
                "has changed on its disk may not be noticed",
                self.path,
            )
        for table in postgres_tables.sequences_behind(connection):
            yield f"table {table} has ids above the last one that it has given, and would give them again"

    def copy_to(self, path: str) -> None:
        """Write this moment of the catalog, row by row, to a new file of SQLite."""
        from modag_search.catalog.migrations import upgrade

        upgrade(path, create=True)
        target = SqliteDatabase(path)
        try:
            with self.view():
                copying.copy_rows(self, target)
            target.leave_no_log()
        finally:
            target.close()

    def close(self) -> None:
        """Let go of all connections; nothing can be read or written any more."""
        super().close()
        self._engine.dispose()


def _schema_of(url: URL, path: str) -> str:
    name = url.query.get("schema", _SCHEMA)
    if not isinstance(name, str) or not _NAME_OF_SCHEMA.fullmatch(name):
        raise UsageError(f"{path}: a schema is named by small letters, digits and _")
    return name


def _explained(error: BaseException, path: str, *, wait_s: float, is_connecting: bool) -> ModagError | None:
    """Our error for one of PostgreSQL's; None where the fault is in the program."""
    import psycopg

    code, said = getattr(error, "sqlstate", None) or "", _first_line(error)
    if code == _LOCKED:
        return IndexLockedError(
            f"{path}: another process is writing to this catalog, and was not done within {wait_s:g} s; try again"
        )
    if code in _DAMAGE:
        return DamagedCatalogError(f"{path}: {said}{_DAMAGE[code]}; {DAMAGE_ADVICE}")
    if code == _READ_ONLY:
        return ReadOnlyIndexError(path, "the server takes no changes just now", "name the primary server in the URL")
    problem = _refusal(str(error), said) if is_connecting else _problem(error, code, said)
    if problem:
        return CatalogServerError(f"{path}: {problem}")
    if isinstance(error, psycopg.DataError) and "NUL" in said:
        return CatalogError(f"{path}: PostgreSQL keeps no texts with the character NUL in them")
    return None


def _problem(error: BaseException, code: str, said: str) -> str | None:
    """Say what is wrong that is no fault of the program, and what to do."""
    import psycopg

    if code in _OF_STATEMENTS:
        problem, way_out = _OF_STATEMENTS[code]
        return f"{problem} ({said}); {way_out}"
    if code in _GONE or (isinstance(error, psycopg.OperationalError) and not code):
        return f"the connection was lost ({said}); what was acknowledged is kept; is the server there? {_AGAIN}"
    if isinstance(error, psycopg.OperationalError):
        return f"{said}; see the server's log"
    return None


def _refusal(message: str, said: str) -> str:
    from modag_search.postgres import refusal

    known = refusal(message)
    return "; ".join(known) if known else f"cannot be reached ({said}); is the server there? {_AGAIN}"


def _first_line(error: BaseException) -> str:
    """Return what a server or libpq says first, without what it says of where."""
    first = str(error).strip().partition("\n")[0]
    return first.rpartition("FATAL:")[2].strip() or type(error).__name__
