"""Whether a file of SQLite is as it was written: what SQLite itself, its indexes and its first bytes can tell."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.types import NullType

from modag_search.catalog import schema
from modag_search.catalog.blobs import checksum_of
from modag_search.catalog.database import among
from modag_search.catalog.tables import Base, FeatureRow, NameBytes, SegmentRow
from modag_search.errors import DamagedCatalogError
from modag_search.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.catalog.database import Database

PUT_BACK = "`modag restore` brings a backup back"
PROBLEMS_SHOWN = 20
"""Of each sort: a damaged catalog has either a few or very many."""
_HEAD_BYTES = 100
_CHECKSUMS = "ix_segment_feature_checksum"
_ID = "of_segment"
"""A parameter of statements that change many rows; a column's own name would stand for its new value."""


def problems(connection: Connection) -> Iterator[str]:
    """Describe what is wrong with the file, its tables, and the kinds of values in them, a line each."""
    checks = (_sqlite_problems, _header_problems, _schema_problems, _value_problems)
    return chain.from_iterable(check(connection) for check in checks)


def rows_at_odds(connection: Connection, table: str) -> tuple[str, ...]:
    """Describe rows of a table that differ from its indexes."""
    found = connection.exec_driver_sql(f"PRAGMA integrity_check('{table}')").scalars()
    return tuple(f"table {table}: {message}" for message in found if message != "ok")


def _sqlite_problems(connection: Connection) -> Iterator[str]:
    for (message,) in connection.exec_driver_sql(f"PRAGMA integrity_check({PROBLEMS_SHOWN})"):
        if message != "ok":
            yield f"SQLite: {message}; {PUT_BACK}"
    for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(PROBLEMS_SHOWN):
        yield f"row {row_id} of table {table} belongs to a row of table {parent} that is not there; {PUT_BACK}"


def _header_problems(connection: Connection) -> Iterator[str]:
    """Look at what SQLite takes on trust of the first bytes of the file (https://sqlite.org/fileformat2.html)."""
    (_, _, path), *_ = connection.exec_driver_sql("PRAGMA database_list").fetchall()
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
    written, read, *fixed = head[18:24]
    if written != read or written not in (1, 2) or fixed != [0, 64, 32, 32] or any(head[72:92]):
        yield f"SQLite: the first bytes of the file are not those of a catalog; {PUT_BACK}"


def _schema_problems(connection: Connection) -> Iterator[str]:
    if schema.has_changed(connection.exec_driver_sql):
        yield schema.HAS_CHANGED
    for table in schema.tables_that_would_give_ids_again(connection.exec_driver_sql):
        yield f"table {table} has ids above the last one that it has given, and would give them again; {PUT_BACK}"


def _value_problems(connection: Connection) -> Iterator[str]:
    """Find values of another kind than their column's: SQLite keeps any value in any column."""
    for table in Base.metadata.sorted_tables:
        unfit = case(*((not_(_fits(column)), literal(column.name)) for column in table.columns))
        rows = select(literal_column("rowid"), unfit).select_from(table).where(unfit.is_not(None)).limit(PROBLEMS_SHOWN)
        for row, column in connection.execute(rows):
            yield f"row {row} of table {table.name} has a value in {column} that does not belong there"


def _fits(column: Column[Any]) -> ColumnElement[bool]:
    """Whether a value is of the kind of its column."""
    raw = type_coerce(column, NullType)
    match column.type:
        case NameBytes():
            fits = and_(func.typeof(raw) == "blob", func.instr(raw, literal_column("x'00'")) == 0)
        case LargeBinary():
            fits = func.typeof(raw) == "blob"
        case JSON():
            fits = and_(func.typeof(raw) == "text", func.json_valid(raw) == 1)
        case Float():
            fits = func.typeof(raw).in_(["real", "integer"])
        case Integer() | Boolean():
            fits = func.typeof(raw) == "integer"
        case _:
            fits = func.typeof(raw) == "text"
    return or_(raw.is_(None), fits) if column.nullable else fits


def mend_checksums(database: Database) -> int:
    """Write checksums as the features have them, where either the table or its index still does; return how many."""
    try:
        with database.read() as connection:
            right = _right_checksums(connection) if rows_at_odds(connection, "segment") else {}
        if not right:
            return 0
        with database.write() as connection, connection.begin_nested() as attempt:
            connection.exec_driver_sql(f"REINDEX {_CHECKSUMS}")
            changed = update(SegmentRow).where(SegmentRow.id == bindparam(_ID))
            rows = [{_ID: segment_id, "feature_checksum": checksum} for segment_id, checksum in right.items()]
            connection.execute(changed, rows)
            if rows_at_odds(connection, "segment"):  # something else has changed, too
                attempt.rollback()
                return 0
    except DamagedCatalogError:  # pages that cannot be read
        return 0
    return len(right)


def _right_checksums(connection: Connection) -> dict[int, int | None]:
    """Find segments whose checksum differs between table and index, and is known all the same; all of them, or none."""
    in_table = _checksums(connection, "NOT INDEXED")
    in_index = _checksums(connection, f"INDEXED BY {_CHECKSUMS}")
    if in_table.keys() != in_index.keys():
        return {}
    differing = [segment_id for segment_id, checksum in in_table.items() if in_index[segment_id] != checksum]
    data = func.coalesce(cast(FeatureRow.data, LargeBinary), b"")
    features = select(FeatureRow.segment_id, data).where(FeatureRow.segment_id.in_(among(differing)))
    found = {segment_id: checksum_of(blob) for segment_id, blob in connection.execute(features)}
    right = {segment_id: found.get(segment_id) for segment_id in differing}
    are_known = all(checksum in (in_table[one], in_index[one]) for one, checksum in right.items())
    return right if are_known else {}


def _checksums(connection: Connection, by: str) -> dict[int, object]:
    rows = connection.exec_driver_sql(f"SELECT id, feature_checksum FROM segment {by}")  # noqa: S608  ours
    return {segment_id: checksum for segment_id, checksum in rows}  # noqa: C416  rows are no pairs to mypy
