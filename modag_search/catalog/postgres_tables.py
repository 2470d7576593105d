"""The tables of a catalog in a PostgreSQL database: made at the newest revision, and brought to later ones.

They are made as `tables` describes them, and not by going through the migrations that made the first revisions: those
speak of SQLite, and no catalog on PostgreSQL is older than `FIRST_REVISION`. Later migrations run on both.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, insert, inspect, select, text

from modag_search.catalog import migrations
from modag_search.catalog.database import DAMAGE_ADVICE
from modag_search.catalog.documents import SharedBase
from modag_search.catalog.schema import IDS_OF_WHAT_IS_GONE
from modag_search.catalog.tables import Base, GenerationRow, StateRow
from modag_search.errors import DamagedCatalogError, IndexNotFoundError, ReadOnlyIndexError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Table

    from modag_search.catalog.postgres import PostgresDatabase

FIRST_REVISION: Final = "0007"
"""The first that there were catalogs on PostgreSQL of."""
_VERSION: Final = "alembic_version"
METADATA: Final = (Base.metadata, SharedBase.metadata)
"""Of all tables that a catalog has here."""


def bring_up(database: PostgresDatabase, *, create: bool) -> None:
    """Bring the tables to the newest revision, in one transaction; make them where there are none.

    Parameters
    ----------
    database : PostgresDatabase
    create : bool
        Whether to make a catalog where there is none.

    Raises
    ------
    IndexNotFoundError
        If there is none, and none is to be made.
    NewerCatalogError
        If a later version of modag-search wrote it; it stays as it is.
    DamagedCatalogError
        If tables are missing.
    ReadOnlyIndexError
        If it is of an older revision, and cannot be changed.
    """
    with database.reading_tables() as connection:
        revision = _revision(connection, database)
        if revision == migrations.CURRENT_REVISION:
            _require_tables(connection, database)
            return
    if revision is None and not create:
        raise _none_at(database)
    if revision is not None:
        migrations.pending_from(revision, database.path)  # refuses a newer one
        if database.hindrance is not None:
            raise ReadOnlyIndexError(
                database.path, "it is of an older version", "open it once as a user who may change it"
            )
    with database.upgrading() as connection:
        # Only now can nobody else, who may have done it meanwhile.
        revision = _revision(connection, database)
        if revision is None:
            _make(connection, database)
        elif revision != migrations.CURRENT_REVISION:
            migrations.run(connection, database.path)


def pending(database: PostgresDatabase) -> list[str]:
    """List the migrations that a catalog lacks, oldest first; see `migrations.pending`."""
    with database.reading_tables() as connection:
        revision = _revision(connection, database)
    if revision is None:
        raise _none_at(database)
    return migrations.pending_from(revision, database.path)


def _none_at(database: PostgresDatabase) -> IndexNotFoundError:
    return IndexNotFoundError(
        f"{database.path}: there is no index here; `modag index PATH... --index URL` makes one, and `modag copy` "
        "brings one there"
    )


def _revision(connection: Connection, database: PostgresDatabase) -> str | None:
    """Revision of the tables; None where there are none."""
    there = set(inspect(connection).get_table_names(schema=database.schema))
    if not there:
        return None
    if _VERSION not in there:
        raise DamagedCatalogError(
            f"{database.path}: the schema {database.schema} holds {min(there)} and is no catalog of modag-search; name "
            "another by `?schema=NAME` behind the URL"
        )
    revisions = connection.execute(text(f"SELECT version_num FROM {_VERSION}")).scalars().all()  # noqa: S608  ours
    if len(revisions) != 1:
        raise DamagedCatalogError(f"{database.path}: does not say which revision it has; {DAMAGE_ADVICE}")
    return str(revisions[0])


def _require_tables(connection: Connection, database: PostgresDatabase) -> None:
    columns = inspect(connection).get_multi_columns(schema=database.schema)
    there = {(table, column["name"]) for (_, table), found in columns.items() for column in found}
    for table in (table for metadata in METADATA for table in metadata.sorted_tables):
        for column in table.columns:
            if (table.name, column.name) not in there:
                raise DamagedCatalogError(
                    f"{database.path}: lacks column {column.name} of table {table.name}; {DAMAGE_ADVICE}"
                )


def _make(connection: Connection, database: PostgresDatabase) -> None:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {database.schema}"))
    for metadata in METADATA:
        metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(GenerationRow).values(number=0, token=secrets.token_hex(16)))
    connection.execute(insert(StateRow).values(id=1, generation=0, label_generation=0))
    # As Alembic makes it; to ask Alembic for it would take longer than all the rest.
    connection.execute(
        text(f"CREATE TABLE {_VERSION} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"),
    )
    noted = text(f"INSERT INTO {_VERSION} VALUES (:revision)")  # noqa: S608  ours
    connection.execute(noted, {"revision": migrations.CURRENT_REVISION})


def counting_tables() -> list[Table]:
    """List the tables that give ids."""
    return [table for table in Base.metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]]


def holds_anything(database: PostgresDatabase) -> bool:
    """Tell whether the schema has any table."""
    with database.reading_tables() as connection:
        return bool(inspect(connection).get_table_names(schema=database.schema))


def last_ids(connection: Connection) -> dict[str, int]:
    """Return the last id that each table has given."""
    found = {}
    for table in counting_tables():
        last = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {_sequence(table.name)}")  # noqa: S608  ours
        found[table.name] = connection.execute(last).scalar_one()
    return found


def sequences_behind(connection: Connection) -> Iterator[str]:
    """Find tables with an id, there or gone, above the last one that their sequence has given."""
    given, tables = last_ids(connection), Base.metadata.tables
    of_gone = ((counted, tables[table].c[column]) for counted, table, column in IDS_OF_WHAT_IS_GONE)
    behind = set()
    for counted, ids in [*((table.name, table.c.id) for table in counting_tables()), *of_gone]:
        highest = connection.execute(select(func.max(ids))).scalar()
        if highest is not None and highest > given[counted]:
            behind.add(counted)
    yield from sorted(behind)


def give_behind(connection: Connection, last_ids: Mapping[str, int]) -> None:
    """Let tables give ids behind these."""
    statement = text("SELECT setval(CAST(:sequence AS regclass), :last)")
    for name, last_id in last_ids.items():
        if last_id > 0:
            connection.execute(statement, {"sequence": _sequence(name), "last": last_id})


def put_in_place(database: PostgresDatabase, schema: str) -> None:
    """Give the schema of a catalog another name, which no other has: it is there at once, and as a whole."""
    with database.upgrading() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} RESTRICT"))  # an empty one
        connection.execute(text(f"ALTER SCHEMA {database.schema} RENAME TO {schema}"))


def discard(database: PostgresDatabase) -> None:
    """Remove a catalog with all that it holds."""
    with database.upgrading() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {database.schema} CASCADE"))


def _sequence(table: str) -> str:
    return f"{table}_id_seq"
