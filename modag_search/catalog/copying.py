"""Rows of a catalog, copied to another one as they are: between files and servers, whichever way.

Rows go table by table, each in the order of its key, in transactions of some. What of a table is there is its
beginning, and a copy that was broken off goes on behind it. What says which generation
the catalog is of comes last, at once.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Table, delete, func, insert, select, tuple_

from modag_search.catalog.database import batches
from modag_search.catalog.dialects import ROW_BY_ROW
from modag_search.catalog.tables import Base, GenerationRow, StateRow

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sqlalchemy import Connection, Select

    from modag_search.catalog.database import Database

_AT_ONCE: Final = 1000
_SHOWN: Final = 3
_AT_LAST: Final = tuple(Base.metadata.tables[row.__tablename__] for row in (GenerationRow, StateRow))
_BEFORE: Final = tuple(table for table in Base.metadata.sorted_tables if table not in _AT_LAST)
"""In an order in which none refers to one that comes later."""
TABLES: Final = (*_BEFORE, *_AT_LAST)


def count_rows(database: Database) -> int:
    """Count the rows of all tables."""
    with database.read() as connection:
        return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES)


def copy_rows(source: Database, target: Database, *, on_rows: Callable[[int], None] | None = None) -> int:
    """Copy what a catalog lacks of the rows of another; the reader's view decides of which moment these are.

    Parameters
    ----------
    source : Database
    target : Database
        A new one, or one with the beginning of such a copy.
    on_rows : callable, optional
        Called with how many rows have been copied, batch by batch.

    Returns
    -------
    int
        How many rows were copied now.
    """
    with source.as_stored(), target.as_stored():
        return _copied(source, target, on_rows)


def _copied(source: Database, target: Database, on_rows: Callable[[int], None] | None) -> int:
    n_copied = 0
    for table in _BEFORE:
        behind = _rows_behind(table, _last_key(target, table))
        with source.read() as connection, connection.execute(behind) as rows:
            for batch in batches(rows.mappings(), _AT_ONCE):
                with target.load() as loading:
                    loading.execute(insert(table), [dict(row) for row in batch])
                n_copied += len(batch)
                if on_rows:
                    on_rows(len(batch))
    with source.read() as connection, target.load() as loading:
        target.give_behind(loading, source.last_ids(connection))
        for table in _AT_LAST:
            loading.execute(delete(table))
            for batch in batches(connection.execute(_rows_behind(table, None)).mappings(), _AT_ONCE):
                loading.execute(insert(table), [dict(row) for row in batch])
                n_copied += len(batch)
    return n_copied


def differences(source: Database, target: Database) -> list[str]:
    """Compare two catalogs row by row, and describe the first rows that differ, a line each."""
    found: list[str] = []
    with source.as_stored(), target.as_stored():
        for table in TABLES:
            with closing(_differences(source, target, table)) as lines:
                found += islice(lines, _SHOWN)
    return found


def _differences(source: Database, target: Database, table: Table) -> Generator[str]:
    key = [column.name for column in table.primary_key]
    with (
        source.read() as one,
        target.read() as other,
        closing(_all_rows(one, table)) as rows,
        closing(_all_rows(other, table)) as copies,
    ):
        for row, copy in zip_longest(rows, copies):
            if row != copy:
                there: Any = row or copy
                yield f"table {table.name}: row {[there[name] for name in key]} is not as it was copied"


def _all_rows(connection: Connection, table: Table) -> Generator[dict[str, Any]]:
    with connection.execute(_rows_behind(table, None)) as rows:
        yield from map(dict, rows.mappings())


def _last_key(target: Database, table: Table) -> Sequence[Any] | None:
    key = list(table.primary_key)
    last = select(*key).order_by(*(column.desc() for column in key)).limit(1)
    with target.read() as connection:
        return connection.execute(last).one_or_none()


def _rows_behind(table: Table, last: Sequence[Any] | None) -> Select[Any]:
    key = list(table.primary_key)
    rows = select(table).order_by(*key).execution_options(**ROW_BY_ROW)
    if last is None:
        return rows
    return rows.where(key[0] > last[0] if len(key) == 1 else tuple_(*key) > tuple_(*last))
