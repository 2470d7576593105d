"""Patterns of paths that are never taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from modag_search.catalog.database import now
from modag_search.catalog.dialects import upsert
from modag_search.catalog.mounts import mounts_of
from modag_search.catalog.tables import ExclusionRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog.database import Database


class Exclusions:
    """Patterns as in .gitignore, in the order in which they were added: of those that match, the last one decides."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[str]:
        """Return all patterns, in order; what lies below a named root is written as this machine has it."""
        with self._database.read() as connection:
            stored = connection.execute(select(ExclusionRow.pattern).order_by(ExclusionRow.id)).scalars()
            return list(map(mounts_of(connection.dialect).pattern_shown, stored))

    def add(self, patterns: Sequence[str]) -> int:
        """Add patterns behind those that are there, and return how many are new."""
        n_before = len(self.all())
        with self._database.write() as connection:
            stored = map(mounts_of(connection.dialect).pattern_stored, patterns)
            rows = [{"pattern": pattern, "created_at": now()} for pattern in dict.fromkeys(stored)]
            if rows:
                connection.execute(upsert(connection, ExclusionRow).on_conflict_do_nothing(), rows)
        return len(self.all()) - n_before

    def remove(self, patterns: Sequence[str]) -> int:
        """Remove patterns, and return how many there were."""
        with self._database.write() as connection:
            stored = list(map(mounts_of(connection.dialect).pattern_stored, patterns))
            return connection.execute(delete(ExclusionRow).where(ExclusionRow.pattern.in_(stored))).rowcount
