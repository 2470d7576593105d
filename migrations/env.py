"""Runs migrations for Alembic.

The package passes its own connection. From a shell, in the root of a checkout::

    alembic check                                   # do the tables match the migrations?
    alembic revision --autogenerate -m "add a column" --rev-id 0002
    alembic -x catalog=PATH upgrade head            # a catalog on disk

Without ``-x catalog=PATH`` there is an empty catalog in memory, made by the migrations themselves.
There is no way down: before an upgrade the package copies the catalog.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

from alembic import context
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, StaticPool, create_engine

from modag_search.catalog.dialects import POSTGRESQL, is_of
from modag_search.catalog.documents import SharedBase
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.catalog.tables import Base, NameBytes


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Write column types that stay what they are when the package changes."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, NameBytes) else False


def migrate(connection: Connection) -> None:
    is_shared = connection.dialect.name == POSTGRESQL
    context.configure(
        connection=connection,
        target_metadata=[Base.metadata, SharedBase.metadata] if is_shared else Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        include_object=is_of(connection.dialect.name),
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_catalog(path: str) -> None:
    database = SqliteDatabase(path, foreign_keys=False)
    with database.write() as connection:
        migrate(connection)
    database.close()


def migrate_empty_catalog() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        empty = MigrationContext.configure(connection)
        with Operations.context(empty):
            for script in reversed(list(context.script.walk_revisions())):
                script.module.upgrade()
        empty.stamp(context.script, "head")
        migrate(connection)
    engine.dispose()


def print_statements() -> None:
    context.configure(dialect_name="sqlite", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is None:
    # Indexes on expressions cannot be read back; a unit test compares them.
    warnings.filterwarnings("ignore", message=r".*expression-based index")
if given is not None:
    migrate(given)
elif context.is_offline_mode():
    print_statements()
elif "catalog" in context.get_x_argument(as_dictionary=True):
    migrate_catalog(context.get_x_argument(as_dictionary=True)["catalog"])
else:
    migrate_empty_catalog()
