"""Bring a catalog to the newest revision of its tables.

Alembic is slow to import, so it is asked only where the revision in the file is not the newest.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError

from modag_search.addresses import is_url
from modag_search.catalog import schema
from modag_search.catalog.database import DAMAGE_ADVICE
from modag_search.catalog.remnants import without_item
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.catalog.tables import Base, GenerationRow, StateRow
from modag_search.errors import CatalogError, DamagedCatalogError, NewerCatalogError
from modag_search.files import replacing

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

CURRENT_REVISION = "0012"
"""The newest migration."""


def upgrade(path: str | os.PathLike[str], *, create: bool = False, backs_up: bool = True) -> None:
    """Bring the catalog at `path` to the newest revision.

    An older catalog is first copied to ``<path>.bak-<its revision>``, or where there is such a copy already to
    ``<path>.bak-<its revision>-2``, and so on; of one on a server no copy is made. All migrations happen in one
    transaction: after a failure or a crash the catalog is as it was.

    Parameters
    ----------
    path : str or os.PathLike
    create : bool
        True to make one where there is none. Otherwise a file without tables has lost them.
    backs_up : bool
        False for what is a copy itself.

    Raises
    ------
    ReadOnlyIndexError
        If the catalog cannot be written to.
    NewerCatalogError
        If a later version of modag-search wrote the catalog.
    DamagedCatalogError
        If the file is not a catalog.
    """
    if is_url(path):
        from modag_search.catalog.postgres import opened

        opened(os.fspath(path), create=create, wait_s=None).close()
        return
    database = SqliteDatabase(path, foreign_keys=False)
    try:
        with database.read() as connection:
            revision = _revision(connection, path)
            if revision is None and not create:
                raise DamagedCatalogError(f"{os.fspath(path)}: is empty: what it held is lost; {DAMAGE_ADVICE}")
            if revision == CURRENT_REVISION:
                _require_tables(connection, path)
                return
        with database.write() as connection:
            # Only now can no other process upgrade it, as one may have done meanwhile.
            revision = _revision(connection, path)
            if revision == CURRENT_REVISION:
                return
            _pending(_scripts(), revision, path)
            if revision is not None and schema.has_changed(connection.exec_driver_sql):
                raise DamagedCatalogError(f"{os.fspath(path)}: {schema.HAS_CHANGED}")
            if revision is not None and backs_up:
                _back_up(os.fspath(path), revision)
            run(connection, path)
            _require_parents(connection, path)
            schema.note_checksum(connection.exec_driver_sql)
    finally:
        database.close()


def pending(path: str | os.PathLike[str]) -> list[str]:
    """List the migrations that `upgrade` would run, oldest first, for people to read.

    Raises
    ------
    NewerCatalogError, DamagedCatalogError
        As `upgrade`.
    """
    if is_url(path):
        from modag_search.catalog.postgres import pending_at

        return pending_at(os.fspath(path))
    if not os.path.exists(path):
        return _pending(_scripts(), None, path)
    database = SqliteDatabase(path)
    try:
        return pending_in(database)
    finally:
        database.close()


def pending_in(database: SqliteDatabase) -> list[str]:
    """List the migrations that a catalog lacks; see `pending`."""
    with database.read() as connection:
        revision = _revision(connection, database.path)
    return pending_from(revision, database.path)


def pending_from(revision: str | None, path: str) -> list[str]:
    """List the migrations that a catalog of a revision lacks; see `pending`."""
    return [] if revision == CURRENT_REVISION else _pending(_scripts(), revision, path)


def configuration() -> Config:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _migrations_folder().replace("%", "%%"))
    return config


def _migrations_folder() -> str:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "migrations")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "migrations")


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(configuration())


def _revision(connection: Connection, path: str | os.PathLike[str]) -> str | None:
    """Revision of the tables in the file; None where there are no tables."""
    kinds = _require_plain(connection, path)
    if not kinds:
        return None
    if "alembic_version" not in kinds:
        raise DamagedCatalogError(f"{os.fspath(path)} is an SQLite file, but no catalog of modag-search")
    revisions = connection.execute(text("SELECT * FROM alembic_version")).all()
    if len(revisions) != 1 or not isinstance(revisions[0][0], str):
        raise DamagedCatalogError(f"{os.fspath(path)}: does not say which revision it has; {DAMAGE_ADVICE}")
    return revisions[0][0]


def _require_plain(connection: Connection, path: str | os.PathLike[str]) -> set[str]:
    """Return the names of the tables of a catalog.

    Raises
    ------
    DamagedCatalogError
        If it holds anything but tables and their indexes: what another program, or someone else, put there could change
        what statements mean, or what they do.
    """
    entries = connection.execute(text("SELECT type, name, coalesce(sql, '') FROM sqlite_master")).all()
    for kind, name, definition in entries:
        if kind not in ("table", "index") or definition.upper().startswith("CREATE VIRTUAL"):
            what = "virtual table" if kind in ("table", "index") else kind
            raise DamagedCatalogError(
                f"{os.fspath(path)}: has a {what} {name!r}, which no catalog has; {DAMAGE_ADVICE}"
            )
    return {name for kind, name, _ in entries if kind == "table"}


def _require_tables(connection: Connection, path: str | os.PathLike[str]) -> None:
    """Raise DamagedCatalogError unless a catalog of the newest revision has all tables, with their columns."""
    statement = text("SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'")
    there = {tuple(row) for row in connection.execute(statement)}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if (table.name, column.name) not in there:
                raise DamagedCatalogError(
                    f"{os.fspath(path)}: lacks column {column.name} of table {table.name}; {DAMAGE_ADVICE}"
                )
    moments = select(StateRow.id).join(GenerationRow, GenerationRow.number == StateRow.generation)
    if connection.execute(moments).scalars().all() != [1]:
        raise DamagedCatalogError(f"{os.fspath(path)}: does not say which state it is in; {DAMAGE_ADVICE}")


def _pending(scripts: ScriptDirectory, revision: str | None, path: str | os.PathLike[str]) -> list[str]:
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise NewerCatalogError(
            f"{os.fspath(path)} has revision {revision}, the newest known here is {CURRENT_REVISION}: "
            "a later version of modag-search wrote it; install that version"
        )
    steps = scripts.iterate_revisions("head", revision or "base")
    return [f"{script.revision} {script.doc.rstrip('.')}" for script in reversed(list(steps))]


def run(connection: Connection, path: str | os.PathLike[str]) -> None:
    """Run the migrations that a catalog lacks, in the caller's transaction."""
    from alembic import command

    config = configuration()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except (DatabaseError, KeyError, TypeError, ValueError) as error:
        reason = getattr(error, "orig", None) or error
        problem = f"{os.fspath(path)}: does not hold what its revision says ({reason}), and was left as it was"
        raise DamagedCatalogError(f"{problem}; {DAMAGE_ADVICE}") from error


def _require_parents(connection: Connection, path: str | os.PathLike[str]) -> None:
    has_lost_items = connection.execute(without_item().limit(1)).first() is not None
    table = "segment" if has_lost_items else connection.exec_driver_sql("PRAGMA foreign_key_check").scalar()
    if table is not None:
        raise DamagedCatalogError(
            f"{os.fspath(path)}: table {table} refers to rows that are not there; the catalog was left as it was"
        )


def _back_up(path: str, revision: str) -> None:
    """Copy the catalog; a copy of that name is never half a copy, and never replaces another."""
    name = f"{path}.bak-{revision}"
    numbered = (f"{name}-{number}" for number in count(2))
    backup = next(free for free in chain([name], numbered) if not os.path.lexists(free))
    try:
        with (
            replacing(Path(backup), error=CatalogError) as partial,
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(partial)) as copy,
        ):
            copy.execute("PRAGMA journal_mode = OFF")  # a journal would be left beside it where this is killed
            source.backup(copy)
    except sqlite3.Error as error:
        raise CatalogError(f"{backup}: cannot be written: {error}") from error
