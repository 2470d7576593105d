"""What SQLite and PostgreSQL say differently: all of it is here, so that statements elsewhere are of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, ClauseElement, Connection, DefaultClause, Index, Integer, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.sql.compiler import SQLCompiler

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_ONLY = "only"

INTEGER = Integer().with_variant(BigInteger(), POSTGRESQL)
"""A number of 64 bits; SQLite counts ids in a column of type INTEGER alone."""
TEXT = Text().with_variant(Text(collation="C"), POSTGRESQL)
"""Texts in the order of their code points, whatever order the database is made with."""


class IntegersOf(FunctionElement[Any]):
    """Rows of the integers of a JSON list, in a column `value`."""

    name = "json_each"
    inherit_cache = True


class TextsOf(FunctionElement[Any]):
    """Rows of the texts of a JSON list, in a column `value`."""

    name = "json_each"
    inherit_cache = True


@compiles(IntegersOf)
@compiles(TextsOf)
def _rows_in_sqlite(element: FunctionElement[Any], compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(IntegersOf, POSTGRESQL)
def _integers_in_postgres(element: IntegersOf, compiler: SQLCompiler, **how: Any) -> str:
    # As an array, which takes a third of the time that JSON takes, and whose length the planner knows.
    listed = compiler.process(element.clauses, **how)
    return f"(SELECT unnest(CAST(translate({listed}, '[]', '{{}}') AS BIGINT[])) AS value)"


@compiles(TextsOf, POSTGRESQL)
def _texts_in_postgres(element: TextsOf, compiler: SQLCompiler, **how: Any) -> str:
    listed = compiler.process(element.clauses, **how)
    return f"(SELECT each.value FROM json_array_elements_text(CAST({listed} AS JSON)) AS each(value))"  # noqa: S608  a parameter


class InLowerCase(FunctionElement[str]):
    """Bytes as a text with ASCII's letters in lower case, to be compared with others that became one so."""

    name = "lower"
    inherit_cache = True


@compiles(InLowerCase)
def _lower_in_sqlite(element: InLowerCase, compiler: SQLCompiler, **how: Any) -> str:
    return f"lower(CAST({compiler.process(element.clauses, **how)} AS TEXT))"


@compiles(InLowerCase, POSTGRESQL)
def _lower_in_postgres(element: InLowerCase, compiler: SQLCompiler, **how: Any) -> str:
    return f"lower(encode({compiler.process(element.clauses, **how)}, 'escape'))"  # the bytes need not be UTF-8


class _No(ClauseElement):
    """What a column says by default that says yes or no."""

    inherit_cache = True


@compiles(_No)
def _no_in_sqlite(element: _No, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ARG001
    return "0"


@compiles(_No, POSTGRESQL)
def _no_in_postgres(element: _No, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ARG001
    return "false"


ROW_BY_ROW: Final = {"stream_results": True}
"""Options of a statement whose rows are not to be in memory all at once; SQLite fetches them as they are asked for."""


def no() -> DefaultClause:
    """Let a column say no by default; SQLite's definitions stay as the migrations wrote them."""
    return DefaultClause(_No())


def upsert(connection: Connection, table: Any) -> Any:
    """Insert rows, with a word on those that are there already: ``.on_conflict_do_nothing()`` and the like."""
    if connection.dialect.name == POSTGRESQL:
        from sqlalchemy.dialects import postgresql  # takes a while to import

        return postgresql.insert(table)
    return sqlite.insert(table)


def for_sqlite(index: Index) -> Index:
    """Let an index be SQLite's alone."""
    return _only(index, SQLITE)


def for_postgres(index: Index) -> Index:
    """Let an index be PostgreSQL's alone."""
    return _only(index, POSTGRESQL)


def _only(index: Index, dialect: str) -> Index:
    index.ddl_if(dialect=dialect)
    index.info[_ONLY] = dialect
    return index


def is_of(dialect: str) -> Callable[..., bool]:
    """Return what tells Alembic which tables and indexes a database is to have (its `include_object`)."""

    def include(thing: Any, *_: object) -> bool:
        return str(thing.info.get(_ONLY, dialect)) == dialect

    return include
