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

from sqlalchemy import Connection, inspect, text

from modag_search.catalog import schema
from modag_search.catalog.database import Database
from modag_search.errors import CatalogError, DamagedCatalogError, NewerCatalogError
from modag_search.files import replacing

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

CURRENT_REVISION = "0007"
"""The newest migration."""


def upgrade(path: str | os.PathLike[str], *, backs_up: bool = True) -> None:
    """Bring the catalog at `path` to the newest revision, creating it where there is none.

    An older catalog is first copied to ``<path>.bak-<its revision>``, or where there is such a copy already to
    ``<path>.bak-<its revision>-2``, and so on. All migrations happen in one transaction: after a failure or a
    crash the catalog is as it was.

    Parameters
    ----------
    path : str or os.PathLike
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
    database = Database(path, foreign_keys=False)
    try:
        with database.read() as connection:
            revision = _revision(connection, path)
        if revision == CURRENT_REVISION:
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
            _run(connection, path)
    finally:
        database.close()


def pending(path: str | os.PathLike[str]) -> list[str]:
    """List the migrations that `upgrade` would run, oldest first, for people to read.

    Raises
    ------
    NewerCatalogError, DamagedCatalogError
        As `upgrade`.
    """
    if not os.path.exists(path):
        return _pending(_scripts(), None, path)
    database = Database(path)
    try:
        return pending_in(database)
    finally:
        database.close()


def pending_in(database: Database) -> list[str]:
    """List the migrations that a catalog lacks; see `pending`."""
    with database.read() as connection:
        revision = _revision(connection, database.path)
    return [] if revision == CURRENT_REVISION else _pending(_scripts(), revision, database.path)


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
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise DamagedCatalogError(f"{os.fspath(path)} is an SQLite file, but no catalog of modag-search")
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _pending(scripts: ScriptDirectory, revision: str | None, path: str | os.PathLike[str]) -> list[str]:
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise NewerCatalogError(
            f"{os.fspath(path)} has revision {revision}, the newest known here is {CURRENT_REVISION}: "
            "a later version of modag-search wrote it; install that version"
        )
    steps = scripts.iterate_revisions("head", revision or "base")
    return [f"{script.revision} {script.doc.rstrip('.')}" for script in reversed(list(steps))]


def _run(connection: Connection, path: str | os.PathLike[str]) -> None:
    from alembic import command

    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise DamagedCatalogError(
            f"{os.fspath(path)}: table {broken[0]} refers to rows that are not there; the catalog was left as it was"
        )
    schema.note_checksum(connection.exec_driver_sql)


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
            source.backup(copy)
    except sqlite3.Error as error:
        raise CatalogError(f"{backup}: cannot be written: {error}") from error
