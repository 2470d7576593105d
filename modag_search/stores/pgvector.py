"""Stores on PostgreSQL with the extension pgvector.

Up to `MOST_COMPARED` vectors are compared all; more have an HNSW graph over half precision, and what it gives is
ordered by exact products. Rows that went are noted in a small table beside, since to write it on the row itself would
put the row into the graph again.
"""

from __future__ import annotations

import itertools
import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg import errors, sql

from modag_search.errors import StoreChangedError, StoreServerError
from modag_search.stores.base import nothing_found
from modag_search.stores.engine import VectorEngine
from modag_search.stores.kinds import MOST_COMPARED
from modag_search.stores.postgres import Connections
from modag_search.stores.selection import KeptByArray, marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modag_search.stores.postgres import Connection
    from modag_search.values import Float32Array, Int64Array

logger = logging.getLogger(__name__)

_OLDEST_SERVER = 140_000
_OLDEST_EXTENSION = (0, 8)
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
        self._connections = Connections(address)
        self._listed: KeptByArray[tuple[str, list[Any]]] = KeptByArray()
        self._among: KeptByArray[tuple[str, list[Any]]] = KeptByArray()
        self._without: KeptByArray[tuple[str, list[Any]]] = KeptByArray()

    def prepare(self) -> None:
        """Look at versions, and make the extension and the table of records; see `VectorEngine.prepare`."""
        with self._connections.connected() as connection:
            if connection.info.server_version < _OLDEST_SERVER:
                raise StoreServerError(
                    f"{self.address}: is PostgreSQL {connection.info.server_version // 10_000}, and 14 or later is"
                    " wanted",
                    "update it",
                    StoreServerError.LEAVING,
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
                    f"{self.address}: lacks the extension pgvector, and this user may not make it",
                    "its owner must say `CREATE EXTENSION vector` in it once",
                ) from error
            except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
                major = connection.info.server_version // 10_000
                raise StoreServerError(
                    f"{self.address}: lacks the extension pgvector",
                    f"install it beside the server, as by `apt install postgresql-{major}-pgvector`",
                ) from error
            version = _value(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if tuple(int(part) for part in str(version).split(".")[:2]) < _OLDEST_EXTENSION:
            raise StoreServerError(
                f"{self.address}: has pgvector {version}, and 0.8 or later is wanted",
                "install that, and say `ALTER EXTENSION vector UPDATE` in the database",
            )

    def close(self) -> None:
        """Close connections that nobody uses; see `VectorEngine.close`."""
        self._connections.close()

    # Records.

    def records(self) -> dict[str, str]:
        """Return all records; see `VectorEngine.records`."""

        def read(connection: Connection) -> dict[str, str]:
            try:
                return dict(connection.execute("SELECT key, content FROM modag_record").fetchall())
            except errors.UndefinedTable:
                return {}

        return self._connections.asked(read)

    def record(self, key: str) -> str | None:
        """Return one record; see `VectorEngine.record`."""

        def read(connection: Connection) -> str | None:
            try:
                found: str | None = _value(connection, "SELECT content FROM modag_record WHERE key = %s", key)
            except errors.UndefinedTable:
                return None
            return found

        return self._connections.asked(read)

    def put_record(self, key: str, text: str, *, former: str | None) -> None:
        """Put a record in place of a former one; see `VectorEngine.put_record`."""
        with self._connections.connected() as connection:
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
        with self._connections.connected() as connection:
            connection.execute("DELETE FROM modag_record WHERE key = %s", (key,))

    @contextmanager
    def step(self) -> Iterator[None]:
        """Make what is written one transaction; see `VectorEngine.step`."""
        with self._connections.transaction():
            yield

    # Tables.

    def tables(self) -> set[str]:
        """Name all tables; see `VectorEngine.tables`."""
        statement = r"""
            SELECT relname FROM pg_class
            WHERE relkind = 'r' AND relname LIKE 'modag\_%' AND pg_table_is_visible(oid)
                AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'vector')
        """
        return self._connections.asked(
            lambda connection: {str(row[0]) for row in connection.execute(statement).fetchall()}
        )

    def create(self, table: str, *, dimension: int) -> None:
        """Make an empty table, and the one of rows that went; see `VectorEngine.create`."""
        with self._connections.connected() as connection, connection.transaction():
            columns = "(id bigint NOT NULL, born bigint NOT NULL, vector vector({}) NOT NULL)"
            connection.execute(_said(f"CREATE TABLE {{}} {columns}", table, sql.Literal(dimension)))
            if dimension <= _LONGEST_INLINE:
                connection.execute(_said("ALTER TABLE {} ALTER vector SET STORAGE PLAIN", table))
            columns = "(id bigint NOT NULL, born bigint NOT NULL, gone bigint NOT NULL, PRIMARY KEY (id, born))"
            connection.execute(_said(f"CREATE TABLE {{}} {columns}", _gone(table)))

    def drop(self, table: str) -> None:
        """Remove a table; see `VectorEngine.drop`."""
        with self._connections.connected() as connection:
            connection.execute(_said("DROP TABLE IF EXISTS {}, {}", table, _gone(table)))

    def fill(self, table: str, batches: Iterable[tuple[Int64Array, Float32Array]], *, born: int) -> int:
        """Copy rows into a table, in PostgreSQL's binary format; see `VectorEngine.fill`."""
        count = 0
        with self._connections.connected() as connection, connection.transaction(), connection.cursor() as cursor:
            with cursor.copy(_said("COPY {} (id, born, vector) FROM STDIN (FORMAT BINARY)", table)) as copying:
                copying.write(_HEADER)
                for ids, vectors in batches:
                    copying.write(_rows(ids, vectors, born=born))
                    count += len(ids)
                copying.write(_TRAILER)
            cursor.execute(_said("CREATE UNIQUE INDEX ON {} (id, born)", table))
        with self._connections.connected() as connection:
            connection.execute(_said("ANALYZE {}", table))
        return count

    def arrange(self, table: str, *, n: int) -> None:
        """Make an HNSW graph for many vectors; see `VectorEngine.arrange`."""
        if n <= MOST_COMPARED:
            return
        with self._connections.connected() as connection:
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
            settings = {"maintenance_work_mem": f"{memory_kb}kB"}
            if workers is not None:
                settings["max_parallel_maintenance_workers"] = str(workers)
            _set(connection, settings)
            statement = (
                "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw ((vector::halfvec({})) halfvec_ip_ops)"
                " WITH (m = {}, ef_construction = {})"
            )
            numbers = map(sql.Literal, (dimension, _NEIGHBOURS, _CONSIDERED))
            connection.execute(_said(statement, f"{table}_near", table, *numbers))

    def change(self, table: str, *, generation: int, gone: Int64Array, ids: Int64Array, vectors: Float32Array) -> None:
        """Let rows go and come, in one transaction; see `VectorEngine.change`."""
        with self._connections.connected() as connection, connection.transaction(), connection.cursor() as cursor:
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
        with self._connections.connected() as connection, connection.transaction():
            connection.execute(_said("DELETE FROM {} WHERE born > %s", table), (after,))
            connection.execute(_said("DELETE FROM {} WHERE gone > %s", _gone(table)), (after,))

    def purge(self, table: str, *, until: int) -> None:
        """Remove rows that went; see `VectorEngine.purge`."""
        with self._connections.connected() as connection, connection.transaction():
            statement = (
                "DELETE FROM {table} AS t USING {gone} AS g WHERE g.gone <= %s AND (t.id, t.born) = (g.id, g.born)"
            )
            connection.execute(_said(statement, table=table, gone=_gone(table)), (until,))
            connection.execute(_said("DELETE FROM {} WHERE gone <= %s", _gone(table)), (until,))

    def ids(self, table: str, *, at: int) -> Int64Array:
        """Return ids as one value, 8 bytes each; see `VectorEngine.ids`."""
        statement = _said("SELECT string_agg(int8send(id), '') FROM {table} WHERE {there}", table=table, at=at)
        content: bytes | None = self._connections.asked(lambda connection: _value(connection, statement))
        # Sorted here: to sort many, PostgreSQL writes files, and its disk may be full.
        return np.sort(np.frombuffer(content or b"", ">i8").astype(np.int64))

    def vectors(self, table: str, ids: Int64Array, *, at: int) -> tuple[Int64Array, Float32Array]:
        """Return vectors as one value; see `VectorEngine.vectors`."""
        statement = _said(
            "SELECT string_agg(int8send(id) || vector_send(vector), '') FROM {table}"
            " WHERE id = ANY(%s::bigint[]) AND {there}",
            table=table,
            at=at,
        )
        content: bytes | None = self._connections.asked(lambda connection: _value(connection, statement, _array(ids)))
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
        is_narrow, dimension = count * _NARROW < n, vectors.shape[1]
        has_graph = n > MOST_COMPARED and dimension <= _LONGEST_INDEXED
        if has_graph and wanted <= _MOST_LOOKED_AT and scanned <= _MOST_SCANNED and not is_narrow:
            looked_at = min(_MOST_LOOKED_AT, max(_LEAST_LOOKED_AT, 2 * wanted))
            statement, values = self._question(
                table, at, k, among, without, wanted=wanted, is_narrow=False, dimension=dimension
            )
            found = self._connections.asked(
                lambda one: self._ask(one, statement, values, vectors, k, looked_at=looked_at)
            )
            if (found[1] >= 0).all():
                return found
        statement, values = self._question(
            table, at, k, among, without, wanted=None, is_narrow=is_narrow, dimension=dimension
        )
        return self._connections.asked(
            lambda connection: self._ask(connection, statement, values, vectors, k, looked_at=None)
        )

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
        dimension: int,
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
        d = sql.Literal(dimension)
        parts = {
            "counts": sql.SQL(counts),
            "nearest": sql.SQL("") if wanted is None else sql.SQL(nearest).format(d=d, wanted=sql.Literal(wanted)),
        }
        return _said(statement, table=table, at=at, d=d, k=k, **parts), values

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
        settings = {"enable_indexscan": "off"}
        if looked_at is not None:
            settings = {
                "enable_seqscan": "off",
                "hnsw.ef_search": str(looked_at),
                "hnsw.iterative_scan": "relaxed_order",
                "hnsw.max_scan_tuples": str(2 * _MOST_SCANNED),
            }
        with connection.pipeline(), connection.transaction():  # one way there and back for all of it
            _set(connection, settings)
            rows = connection.execute(statement, [texts, *values], binary=True).fetchall()
        similarities, found = nothing_found(len(vectors), k)
        rows.sort(key=lambda row: (row[0], -row[2]))
        for number, of_one in itertools.groupby(rows, key=lambda row: row[0]):
            listed = list(of_one)
            found[number - 1, : len(listed)] = [row[1] for row in listed]
            similarities[number - 1, : len(listed)] = [row[2] for row in listed]
        return similarities, found


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


def _set(connection: Connection, settings: Mapping[str, str]) -> None:
    """Change settings until the end of the transaction."""
    connection.execute(
        sql.SQL("SELECT {}").format(
            sql.SQL(", ").join(
                sql.SQL("set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
                for name, value in settings.items()
            )
        )
    )


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
