"""Stores on PostgreSQL with the extension pgvector.

Up to `MOST_COMPARED` vectors are compared all; more have an HNSW graph over half precision, and what it gives is
ordered by exact products. Rows that went are noted in a small table beside, since to write it on the row itself would
put the row into the graph again.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from modag_search.errors import MissingExtraError, StoreChangedError, StoreServerError
from modag_search.stores.base import nothing_found
from modag_search.stores.engine import VectorEngine
from modag_search.stores.kinds import MOST_COMPARED
from modag_search.stores.selection import KeptByArray, marked

try:
    import psycopg
    from psycopg import errors, sql
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise MissingExtraError("a store on PostgreSQL", "postgres") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modag_search.values import Float32Array, Int64Array

    Connection = psycopg.Connection[tuple[Any, ...]]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_OLDEST_SERVER = 140_000
_OLDEST_EXTENSION = (0, 8)
_CONNECTING: dict[str, Any] = {
    "connect_timeout": 10,
    # A server that is cut off is given up after half a minute, not after the hours of TCP.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "modag",
}
_SILENT_S = 10.0
"""A command asks for each modality; it need not wait for each."""
_IDLE = 8
"""So many connections are kept for threads that come again."""
_LONGEST_INLINE = 1900
"""Numbers of a vector that fit into a page with the rest of a row; longer ones PostgreSQL keeps elsewhere."""
_LONGEST_INDEXED = 4000
_NEIGHBOURS, _CONSIDERED = 24, 128
"""HNSW's m and ef_construction."""
_LEAST_LOOKED_AT, _MOST_LOOKED_AT = 160, 1000
"""HNSW's ef_search."""
_MOST_SCANNED = 20_000
"""Rows of the graph that are passed over for those that count; where there would be more, all are compared."""
_NARROW = 20
_MOST_MEMORY_KB = 1 << 20
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_WAY_OUT = "`modag rebuild --store auto` keeps the stores in files again"


class PgVector(VectorEngine):
    """A database of PostgreSQL.

    Parameters
    ----------
    address : str
        As libpq takes it: ``postgresql://user@host:port/database``. Passwords are read from where libpq looks for them.
    """

    name = "pgvector"

    def __init__(self, address: str) -> None:
        self.address = address
        self._idle: list[tuple[int, Connection]] = []
        self._of_others: list[Connection] = []
        self._listed: KeptByArray[tuple[str, list[Any]]] = KeptByArray()
        self._among: KeptByArray[tuple[str, list[Any]]] = KeptByArray()
        self._without: KeptByArray[tuple[str, list[Any]]] = KeptByArray()
        self._lock = threading.Lock()
        self._within = threading.local()
        self._silent_until_s = 0.0
        """Until when a server that did not answer at all is not waited for again."""

    def prepare(self) -> None:
        """Look at versions, and make the extension and the table of records; see `VectorEngine.prepare`."""
        with self._connected() as connection:
            if connection.info.server_version < _OLDEST_SERVER:
                raise StoreServerError(
                    f"{self.address}: is PostgreSQL {connection.info.server_version // 10_000}, and 14 or later is"
                    f" wanted; {_WAY_OUT}"
                )
            self._require_extension(connection)
            if _value(connection, "SELECT to_regclass('modag_record')") is None:
                with suppress(errors.UniqueViolation, errors.DuplicateTable):  # another process has just made it
                    connection.execute("CREATE TABLE modag_record (key text PRIMARY KEY, content text NOT NULL)")

    def _require_extension(self, connection: Connection) -> None:
        version = _value(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if version is None:
            try:
                with suppress(errors.UniqueViolation):
                    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            except errors.InsufficientPrivilege as error:
                raise StoreServerError(
                    f"{self.address}: its owner must say `CREATE EXTENSION vector` in it once, which is denied here"
                ) from error
            except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
                major = connection.info.server_version // 10_000
                raise StoreServerError(
                    f"{self.address}: lacks the extension pgvector; install it beside the server, as by"
                    f" `apt install postgresql-{major}-pgvector`"
                ) from error
            version = _value(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if tuple(int(part) for part in str(version).split(".")[:2]) < _OLDEST_EXTENSION:
            raise StoreServerError(
                f"{self.address}: has pgvector {version}, and 0.8 or later is wanted; install that, and say"
                " `ALTER EXTENSION vector UPDATE` in the database"
            )

    # Records.

    def records(self) -> dict[str, str]:
        """Return all records; see `VectorEngine.records`."""

        def read(connection: Connection) -> dict[str, str]:
            try:
                return dict(connection.execute("SELECT key, content FROM modag_record").fetchall())
            except errors.UndefinedTable:
                return {}

        return self._asked(read)

    def record(self, key: str) -> str | None:
        """Return one record; see `VectorEngine.record`."""

        def read(connection: Connection) -> str | None:
            try:
                found: str | None = _value(connection, "SELECT content FROM modag_record WHERE key = %s", key)
            except errors.UndefinedTable:
                return None
            return found

        return self._asked(read)

    def put_record(self, key: str, text: str, *, former: str | None) -> None:
        """Put a record in place of a former one; see `VectorEngine.put_record`."""
        with self._connected() as connection:
            if former is None:
                statement = "INSERT INTO modag_record (content, key) VALUES (%s, %s) ON CONFLICT DO NOTHING"
                changed = connection.execute(statement, (text, key)).rowcount
            else:
                statement = "UPDATE modag_record SET content = %s WHERE key = %s AND content = %s"
                changed = connection.execute(statement, (text, key, former)).rowcount
        if changed != 1:
            raise StoreChangedError(f"{self.address}: another process writes to this store")

    def drop_record(self, key: str) -> None:
        """Remove a record; see `VectorEngine.drop_record`."""
        with self._connected() as connection:
            connection.execute("DELETE FROM modag_record WHERE key = %s", (key,))

    @contextmanager
    def step(self) -> Iterator[None]:
        """Make what is written one transaction; see `VectorEngine.step`."""
        with self._connected() as connection, connection.transaction():
            self._within.connection = connection
            try:
                yield
            finally:
                self._within.connection = None

    # Tables.

    def tables(self) -> set[str]:
        """Name all tables; see `VectorEngine.tables`."""
        statement = r"""
            SELECT relname FROM pg_class
            WHERE relkind = 'r' AND relname LIKE 'modag\_%' AND pg_table_is_visible(oid)
                AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'vector')
        """
        return self._asked(lambda connection: {str(row[0]) for row in connection.execute(statement).fetchall()})

    def create(self, table: str, *, dimension: int) -> None:
        """Make an empty table, and the one of rows that went; see `VectorEngine.create`."""
        with self._connected() as connection, connection.transaction():
            columns = "(id bigint NOT NULL, born bigint NOT NULL, vector vector({}) NOT NULL)"
            connection.execute(_said(f"CREATE TABLE {{}} {columns}", table, sql.Literal(dimension)))
            if dimension <= _LONGEST_INLINE:
                connection.execute(_said("ALTER TABLE {} ALTER vector SET STORAGE PLAIN", table))
            columns = "(id bigint NOT NULL, born bigint NOT NULL, gone bigint NOT NULL, PRIMARY KEY (id, born))"
            connection.execute(_said(f"CREATE TABLE {{}} {columns}", _gone(table)))

    def drop(self, table: str) -> None:
        """Remove a table; see `VectorEngine.drop`."""
        with self._connected() as connection:
            connection.execute(_said("DROP TABLE IF EXISTS {}, {}", table, _gone(table)))

    def fill(self, table: str, batches: Iterable[tuple[Int64Array, Float32Array]], *, born: int) -> int:
        """Copy rows into a table, in PostgreSQL's binary format; see `VectorEngine.fill`."""
        count = 0
        with self._connected() as connection, connection.transaction(), connection.cursor() as cursor:
            with cursor.copy(_said("COPY {} (id, born, vector) FROM STDIN (FORMAT BINARY)", table)) as copying:
                copying.write(_HEADER)
                for ids, vectors in batches:
                    copying.write(_rows(ids, vectors, born=born))
                    count += len(ids)
                copying.write(_TRAILER)
            cursor.execute(_said("CREATE UNIQUE INDEX ON {} (id, born)", table))
        with self._connected() as connection:
            connection.execute(_said("ANALYZE {}", table))
        return count

    def arrange(self, table: str, *, n: int) -> None:
        """Make an HNSW graph for many vectors; see `VectorEngine.arrange`."""
        if n <= MOST_COMPARED:
            return
        with self._connected() as connection:
            dimension = _dimension(connection, table)
            if dimension > _LONGEST_INDEXED:
                logger.warning(
                    "%s: vectors of %d numbers are too long for an index; all are compared", self.address, dimension
                )
                return
            memory_kb = min(_MOST_MEMORY_KB, 65_536 + n * (2 * dimension + 512) // 1024)
            try:
                self._make_graph(connection, table, dimension, memory_kb=memory_kb)
            except (errors.DiskFull, errors.OutOfMemory):
                # In containers, what processes share is often small: one process needs none of it.
                self._make_graph(connection, table, dimension, memory_kb=memory_kb, workers=0)

    def _make_graph(
        self, connection: Connection, table: str, dimension: int, *, memory_kb: int, workers: int | None = None
    ) -> None:
        with connection.transaction():
            _set(connection, "maintenance_work_mem", f"{memory_kb}kB")
            if workers is not None:
                _set(connection, "max_parallel_maintenance_workers", str(workers))
            statement = (
                "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw ((vector::halfvec({})) halfvec_ip_ops)"
                " WITH (m = {}, ef_construction = {})"
            )
            numbers = map(sql.Literal, (dimension, _NEIGHBOURS, _CONSIDERED))
            connection.execute(_said(statement, f"{table}_near", table, *numbers))

    def change(self, table: str, *, generation: int, gone: Int64Array, ids: Int64Array, vectors: Float32Array) -> None:
        """Let rows go and come, in one transaction; see `VectorEngine.change`."""
        with self._connected() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute(
                _said(
                    "INSERT INTO {gone} (id, born, gone) SELECT id, born, %s FROM {table}"
                    " WHERE id = ANY(%s::bigint[]) AND (id, born) NOT IN (SELECT id, born FROM {gone})",
                    table=table,
                    gone=_gone(table),
                ),
                (generation, _array(gone)),
            )
            with cursor.copy(_said("COPY {} (id, born, vector) FROM STDIN (FORMAT BINARY)", table)) as copying:
                copying.write(_HEADER)
                for start in range(0, len(ids), 4096):
                    some = slice(start, start + 4096)
                    copying.write(_rows(ids[some], vectors[some], born=generation))
                copying.write(_TRAILER)

    def undo(self, table: str, *, after: int) -> None:
        """Take a change back; see `VectorEngine.undo`."""
        with self._connected() as connection, connection.transaction():
            connection.execute(_said("DELETE FROM {} WHERE born > %s", table), (after,))
            connection.execute(_said("DELETE FROM {} WHERE gone > %s", _gone(table)), (after,))

    def purge(self, table: str, *, until: int) -> None:
        """Remove rows that went; see `VectorEngine.purge`."""
        with self._connected() as connection, connection.transaction():
            statement = (
                "DELETE FROM {table} AS t USING {gone} AS g WHERE g.gone <= %s AND (t.id, t.born) = (g.id, g.born)"
            )
            connection.execute(_said(statement, table=table, gone=_gone(table)), (until,))
            connection.execute(_said("DELETE FROM {} WHERE gone <= %s", _gone(table)), (until,))

    def ids(self, table: str, *, at: int) -> Int64Array:
        """Return ids as one value, 8 bytes each; see `VectorEngine.ids`."""
        statement = _said(
            "SELECT string_agg(int8send(id), '' ORDER BY id) FROM {table} WHERE {there}", table=table, at=at
        )
        content: bytes | None = self._asked(lambda connection: _value(connection, statement))
        return np.frombuffer(content or b"", ">i8").astype(np.int64)

    def vectors(self, table: str, ids: Int64Array, *, at: int) -> tuple[Int64Array, Float32Array]:
        """Return vectors as one value; see `VectorEngine.vectors`."""
        statement = _said(
            "SELECT string_agg(int8send(id) || vector_send(vector), '') FROM {table}"
            " WHERE id = ANY(%s::bigint[]) AND {there}",
            table=table,
            at=at,
        )
        content: bytes | None = self._asked(lambda connection: _value(connection, statement, _array(ids)))
        if content is None:
            return np.zeros(0, dtype=np.int64), np.zeros((0, 1), dtype=np.float32)
        dimension = int(np.frombuffer(content, ">i2", count=1, offset=8)[0])
        rows = np.frombuffer(content, [("id", ">i8"), ("of_vector", ">i2", 2), ("vector", ">f4", dimension)])
        return rows["id"].astype(np.int64), rows["vector"].astype(np.float32)

    def search(
        self,
        table: str,
        vectors: Float32Array,
        *,
        at: int,
        k: int,
        among: Int64Array | None,
        without: Int64Array | None,
        n: int,
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours in the graph, or by comparing all; see `VectorEngine.search`."""
        count = n - (0 if without is None else len(without)) if among is None else len(among)
        # Half precision changes the order of what is equally near but for the fourth digit.
        wanted = min(count, k + max(16, k // 4))
        scanned = wanted * n / max(count, 1)
        is_narrow = count * _NARROW < n
        has_graph = n > MOST_COMPARED and vectors.shape[1] <= _LONGEST_INDEXED
        if has_graph and wanted <= _MOST_LOOKED_AT and scanned <= _MOST_SCANNED and not is_narrow:
            looked_at = min(_MOST_LOOKED_AT, max(_LEAST_LOOKED_AT, 2 * wanted))
            statement, values = self._question(table, at, k, among, without, wanted=wanted, is_narrow=False)
            found = self._asked(lambda one: self._ask(one, statement, values, vectors, k, looked_at=looked_at))
            if (found[1] >= 0).all():
                return found
        statement, values = self._question(table, at, k, among, without, wanted=None, is_narrow=is_narrow)
        return self._asked(lambda one: self._ask(one, statement, values, vectors, k, looked_at=None))

    def _question(
        self,
        table: str,
        at: int,
        k: int,
        among: Int64Array | None,
        without: Int64Array | None,
        *,
        wanted: int | None,
        is_narrow: bool,
    ) -> tuple[sql.Composed, list[Any]]:
        """Write the question of neighbours, `asked.vector` for each; of so many by half precision, where `wanted`."""
        if among is not None and is_narrow:
            counts, values = self._listed.get(among, _list)
        elif among is not None:
            counts, values = self._among.get(among, lambda ids: _bits(ids, is_among=True))
        elif without is not None:
            counts, values = self._without.get(without, lambda ids: _bits(ids, is_among=False))
        else:
            counts, values = "TRUE", []
        statement = """
            WITH asked AS MATERIALIZED (
                SELECT number, one::vector({d}) AS vector FROM unnest(%s::text[]) WITH ORDINALITY AS a (one, number)
            )
            SELECT asked.number, near.id, near.similarity FROM asked CROSS JOIN LATERAL (
                SELECT id, -(vector <#> asked.vector) AS similarity
                FROM (SELECT id, vector FROM {table} WHERE {there} AND {counts} {nearest}) AS rows
                ORDER BY vector <#> asked.vector LIMIT {k}
            ) AS near
        """
        nearest = "ORDER BY vector::halfvec({d}) <#> asked.vector::halfvec({d}) LIMIT {wanted}"
        dimension = sql.Literal(self._asked(lambda connection: _dimension(connection, table)))
        parts = {
            "counts": sql.SQL(counts),
            "nearest": sql.SQL("")
            if wanted is None
            else sql.SQL(nearest).format(d=dimension, wanted=sql.Literal(wanted)),
        }
        return _said(statement, table=table, at=at, d=dimension, k=k, **parts), values

    def _ask(
        self,
        connection: Connection,
        statement: sql.Composed,
        values: list[Any],
        vectors: Float32Array,
        k: int,
        *,
        looked_at: int | None,
    ) -> tuple[Float32Array, Int64Array]:
        texts = ["[" + ",".join(map(repr, row)) + "]" for row in vectors.tolist()]
        with connection.transaction():
            if looked_at is None:
                _set(connection, "enable_indexscan", "off")
            else:
                _set(connection, "enable_seqscan", "off")
                _set(connection, "hnsw.ef_search", str(looked_at))
                _set(connection, "hnsw.iterative_scan", "relaxed_order")
                _set(connection, "hnsw.max_scan_tuples", str(2 * _MOST_SCANNED))
            rows = connection.execute(statement, [texts, *values], binary=True).fetchall()
        similarities, found = nothing_found(len(vectors), k)
        rows.sort(key=lambda row: (row[0], -row[2]))
        for number, of_one in itertools.groupby(rows, key=lambda row: row[0]):
            listed = list(of_one)
            found[number - 1, : len(listed)] = [row[1] for row in listed]
            similarities[number - 1, : len(listed)] = [row[2] for row in listed]
        return similarities, found

    # Connections.

    def close(self) -> None:
        """Close connections that nobody uses; see `VectorEngine.close`."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process, connection in idle:
            if process == os.getpid():
                connection.close()

    def _asked(self, question: Callable[[Connection], T]) -> T:
        """Ask something; once more where a connection that was kept had been cut meanwhile."""
        kept = self._kept()
        if kept is not None:
            try:
                with self._given_back(kept):
                    return question(kept)
            except StoreServerError:
                if not kept.broken:
                    raise
        with self._connected(kept=False) as connection:
            return question(connection)

    @contextmanager
    def _connected(self, *, kept: bool = True) -> Iterator[Connection]:
        """Give a connection that works: that of the step which this thread is within, or one of its own."""
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

    def _new(self) -> Connection:
        if time.monotonic() < self._silent_until_s:
            raise errors.ConnectionTimeout("connection timeout expired a moment ago")
        parameters = {**_CONNECTING, **conninfo_to_dict(self.address)}
        try:
            # Plans that are made anew for each question know which ids count.
            return psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
        except errors.ConnectionTimeout:
            self._silent_until_s = time.monotonic() + _SILENT_S
            raise

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
                f"{self.address}: what was read of the store has been replaced meanwhile; ask again"
            ) from error
        except errors.InsufficientPrivilege as error:
            raise StoreServerError(f"{self.address}: {_first_line(error)}; its owner can grant it") from error
        except (errors.DiskFull, errors.OutOfMemory) as error:
            raise StoreServerError(
                f"{self.address}: its disk or memory is full: {_first_line(error)}; make room there, or {_WAY_OUT}"
            ) from error
        except psycopg.OperationalError as error:
            line = _first_line(error)
            way_out = "its password is read from PGPASSWORD or ~/.pgpass" if "password" in line else _WAY_OUT
            raise StoreServerError(f"{self.address}: {line}; {way_out}") from error
        except psycopg.Error as error:
            raise StoreServerError(f"{self.address}: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _gone(table: str) -> str:
    return f"{table}_gone"


def _said(statement: str, *names: str | sql.Literal, **values: Any) -> sql.Composed:
    """Put names of tables and numbers into a statement; `there` is which rows are there at the generation `at`."""
    if "at" in values:
        values["there"] = sql.SQL(
            "born <= {at} AND (id, born) NOT IN (SELECT id, born FROM {gone} WHERE gone <= {at})"
        ).format(at=sql.Literal(values["at"]), gone=sql.Identifier(_gone(values["table"])))
    composed = {
        name: sql.Identifier(value)
        if isinstance(value, str)
        else sql.Literal(value)
        if isinstance(value, int)
        else value
        for name, value in values.items()
    }
    return sql.SQL(statement).format(
        *(sql.Identifier(one) if isinstance(one, str) else one for one in names), **composed
    )


def _set(connection: Connection, name: str, value: str) -> None:
    """Change a setting until the end of the transaction."""
    connection.execute("SELECT set_config(%s, %s, true)", (name, value))


def _value(connection: Connection, statement: str | sql.Composed, *values: Any) -> Any:
    row = connection.execute(statement, values, binary=True).fetchone()
    return None if row is None else row[0]


def _dimension(connection: Connection, table: str) -> int:
    statement = "SELECT atttypmod FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'vector'"
    return int(_value(connection, statement, table))


def _array(ids: Int64Array) -> str:
    return "{" + ",".join(map(str, ids.tolist())) + "}"


def _list(ids: Int64Array) -> tuple[str, list[Any]]:
    """Say that these ids count, so that an index leads to them."""
    return "id = ANY(%s::bigint[])", [_array(ids)]


def _bits(ids: Int64Array, *, is_among: bool) -> tuple[str, list[Any]]:
    """Say that these ids count, or all but these, by a bit for each id."""
    marks = marked(ids)
    if marks is None:
        return _list(ids) if is_among else ("id <> ALL(%s::bigint[])", [_array(ids)])
    bits = np.packbits(marks, bitorder="little").tobytes()
    # In a CASE, since to ask for a bit beyond the last one is an error.
    bit, beyond = (1, "FALSE") if is_among else (0, "TRUE")
    return f"CASE WHEN id >= 0 AND id < {8 * len(bits)} THEN get_bit(%s, id) = {bit} ELSE {beyond} END", [bits]


def _rows(ids: Int64Array, vectors: Float32Array, *, born: int) -> bytes:
    """Write rows as COPY takes them in binary: a count of fields, and each field after its length, big-endian."""
    n, dimension = vectors.shape
    rows = np.zeros(
        n,
        dtype=[
            ("fields", ">i2"),
            ("of_id", ">i4"),
            ("id", ">i8"),
            ("of_born", ">i4"),
            ("born", ">i8"),
            ("of_vector", ">i4"),
            ("dimension", ">i2"),
            ("unused", ">i2"),
            ("vector", ">f4", (dimension,)),
        ],
    )
    rows["fields"], rows["of_id"], rows["of_born"], rows["of_vector"] = 3, 8, 8, 4 + 4 * dimension
    rows["id"], rows["born"], rows["dimension"], rows["vector"] = ids, born, dimension, vectors
    return rows.tobytes()
