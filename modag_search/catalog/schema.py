"""What the tables of a catalog are, as its last upgrade left them: SQLite checks rows, and not their definitions.

The checksum stands in the file's ``user_version``, which SQLite leaves to its users. Whoever asks lends what executes:
a method of a connection of SQLite or of SQLAlchemy.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Execute = Callable[[str], Any]
"""Takes a statement, and returns what has `fetchall`."""

HAS_CHANGED = (
    "what its tables are is not as the last upgrade left it; put a copy of this file back, or, where you have changed "
    "tables or indexes yourself, take that back"
)
# Statistics come and go (ANALYZE).
_DEFINITIONS = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name"
_COUNTING = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
IDS_OF_WHAT_IS_GONE = (
    ("item", "forgotten_item", "id"),
    ("item", "segment", "item_id"),
    ("item", "superseded_annotation", "item_id"),
    ("segment", "removal", "segment_id"),
)
"""Tables that count ids, and where ids of theirs may stand that are gone."""


@contextmanager
def damage_told() -> Iterator[None]:
    """Let SQLite say that tables are damaged, also in words that quote what is no text.

    Python's module decodes what SQLite says of an error before it raises one, and fails at that.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        damage = sqlite3.DatabaseError("malformed database schema: its tables are not defined in text")
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage from error


def note_checksum(execute: Execute) -> None:
    """Write the checksum of the tables as they are; within a transaction."""
    execute(f"PRAGMA user_version = {_checksum(execute)}")


def has_changed(execute: Execute) -> bool:
    """Tell whether tables are defined otherwise than `note_checksum` found them; never before it was called."""
    [(noted,)] = execute("PRAGMA user_version").fetchall()
    return noted not in (0, _checksum(execute))


def tables_that_would_give_ids_again(execute: Execute) -> list[str]:
    """List tables with an id above the last one that SQLite says it has given."""
    given = dict(map(tuple, execute("SELECT name, seq FROM sqlite_sequence").fetchall()))
    found, counting = set(), [name for (name,) in execute(_COUNTING).fetchall()]
    for counted, table, column in [*((name, name, "id") for name in counting), *IDS_OF_WHAT_IS_GONE]:
        [(highest,)] = execute(f"SELECT max({column}) FROM {table}").fetchall()  # noqa: S608  names of tables
        if counted in counting and highest is not None and highest > given.get(counted, -1):
            found.add(counted)
    return sorted(found)


def _checksum(execute: Execute) -> int:
    """Return the CRC-32 of revision and definitions, as SQLite writes it: signed, and not 0."""
    revision = execute("SELECT version_num FROM alembic_version").fetchall()
    content = json.dumps([[*map(list, revision)], [*map(list, execute(_DEFINITIONS).fetchall())]], default=repr)
    return int.from_bytes(zlib.crc32(content.encode()).to_bytes(4, "big"), "big", signed=True) or 1
