"""The calls of verbs that wrote to the catalog: what is needed to say where a row comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from modag_search.catalog.database import Database, now
from modag_search.catalog.tables import RunRow
from modag_search.catalog.versions import library_versions
from modag_search.values import RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping


class Runs:
    """Runs, in the order in which they started."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, verb: str, *, arguments: Mapping[str, Any]) -> int:
        """Note that a verb was called, by the library versions of today, and return the run's id."""
        statement = insert(RunRow).values(
            verb=verb, arguments=dict(arguments), versions=library_versions(), started_at=now()
        )
        with self._database.write() as connection:
            return connection.execute(statement.returning(RunRow.id)).scalar_one()

    def finish(self, run_id: int, outcome: Mapping[str, Any]) -> None:
        """Note that a run has come to its end."""
        with self._database.write() as connection:
            note_end(connection, run_id, outcome)

    def all(self) -> list[RunRecord]:
        """Return all runs, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(RunRow.__table__).order_by(RunRow.id)).mappings()
            return [RunRecord(**row) for row in rows]


def note_end(connection: Connection, run_id: int, outcome: Mapping[str, Any]) -> None:
    """Note that a run has come to its end, together with what it did."""
    statement = update(RunRow).where(RunRow.id == run_id)
    connection.execute(statement.values(finished_at=now(), outcome=dict(outcome)))
