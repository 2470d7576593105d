"""The calls of verbs that wrote to the catalog: what is needed to say where a row comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Text, cast, func, insert, select, update

from modag_search.catalog.database import Database, now
from modag_search.catalog.mounts import mounts_of
from modag_search.catalog.tables import RunRow
from modag_search.catalog.versions import library_versions
from modag_search.spelling import printable, unescaped
from modag_search.values import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modag_search.catalog.mounts import Mounts


class Runs:
    """Runs, in the order in which they started."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, verb: str, *, arguments: Mapping[str, Any]) -> int:
        """Note that a verb was called, by the library versions of today, and return the run's id."""
        with self._database.write() as connection:
            mounts = mounts_of(connection.dialect)
            kept = with_paths(arguments, mounts.argument_stored, pattern=mounts.pattern_stored)
            statement = insert(RunRow).values(verb=verb, arguments=kept, versions=library_versions(), started_at=now())
            return connection.execute(statement.returning(RunRow.id)).scalar_one()

    def finish(self, run_id: int, outcome: Mapping[str, Any]) -> None:
        """Note that a run has come to its end."""
        with self._database.write() as connection:
            note_end(connection, run_id, outcome)

    def all(self) -> list[RunRecord]:
        """Return all runs, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(RunRow.__table__).order_by(RunRow.id)).mappings()
            mounts = mounts_of(connection.dialect)
            if not mounts.places:
                return [RunRecord(**row) for row in rows]
            return [RunRecord(**{**row, "arguments": _shown(row["arguments"], mounts)}) for row in rows]

    def indexed(self) -> list[str]:
        """Return the files and folders that ``index`` was told to take in, each once, by when it first was.

        However many runs there are, most are told the same, and that is read once.
        """
        arguments = cast(RunRow.arguments, Text)
        statement = select(arguments).where(RunRow.verb == "index").group_by(arguments).order_by(func.min(RunRow.id))
        with self._database.read() as connection:
            shown = mounts_of(connection.dialect).argument_shown
            told = [json.loads(text).get("paths", ()) for text in connection.execute(statement).scalars()]
            return list(dict.fromkeys(shown(path) for paths in told for path in paths))


def _shown(arguments: Mapping[str, Any], mounts: Mounts) -> dict[str, Any]:
    return with_paths(arguments, mounts.argument_shown, pattern=mounts.pattern_shown)


def with_paths(
    arguments: Mapping[str, Any], path: Callable[[str], str], *, pattern: Callable[[str], str]
) -> dict[str, Any]:
    """Write the paths among the arguments of a run in another way, and the patterns of paths."""
    written = {"paths": path, "exclude": lambda one: printable(pattern(unescaped(one)))}
    anew = {
        name: list(map(write, arguments[name]))
        for name, write in written.items()
        if isinstance(arguments.get(name), (list, tuple))
    }
    return {**arguments, **anew}


def note_end(connection: Connection, run_id: int, outcome: Mapping[str, Any]) -> None:
    """Note that a run has come to its end, together with what it did."""
    statement = update(RunRow).where(RunRow.id == run_id)
    connection.execute(statement.values(finished_at=now(), outcome=dict(outcome)))
