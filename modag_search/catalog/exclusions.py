"""Patterns of paths that are never taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from modag_search.catalog.database import now
from modag_search.catalog.mounts import mounts_of
from modag_search.catalog.tables import ExclusionRow
from modag_search.spelling import printable, unescaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog.database import Database
    from modag_search.catalog.mounts import Mounts


class Exclusions:
    """Patterns as in .gitignore, in the order in which they were added: of those that match, the last one decides."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[str]:
        """Return all patterns, in order; what lies below a named root is written as this machine has it."""
        with self._database.read() as connection:
            stored = connection.execute(select(ExclusionRow.pattern).order_by(ExclusionRow.id)).scalars()
            shown = mounts_of(connection.dialect).pattern_shown
            return [shown(unescaped(pattern)) for pattern in stored]

    def add(self, patterns: Sequence[str]) -> int:
        """Add patterns behind those that are there, which decide less, and return how many are new.

        One that is there already goes behind the others, too, and one that is given twice is as where it is last.
        """
        with self._database.write() as connection:
            stored = list(reversed(dict.fromkeys(reversed(_stored(mounts_of(connection.dialect), patterns)))))
            there = connection.execute(select(ExclusionRow.pattern).order_by(ExclusionRow.id)).scalars().all()
            if stored and list(there[-len(stored) :]) != stored:
                connection.execute(delete(ExclusionRow).where(ExclusionRow.pattern.in_(stored)))
                rows = [{"pattern": pattern, "created_at": now()} for pattern in stored]
                connection.execute(insert(ExclusionRow), rows)
            return len(set(stored).difference(there))

    def remove(self, patterns: Sequence[str]) -> int:
        """Remove patterns, and return how many there were."""
        with self._database.write() as connection:
            stored = _stored(mounts_of(connection.dialect), patterns)
            return connection.execute(delete(ExclusionRow).where(ExclusionRow.pattern.in_(stored))).rowcount


def _stored(mounts: Mounts, patterns: Sequence[str]) -> list[str]:
    # A column of texts holds no bytes that are not UTF-8.
    return [printable(mounts.pattern_stored(pattern)) for pattern in patterns]
