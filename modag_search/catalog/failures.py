"""Files that could not be indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select

from modag_search.catalog import changes
from modag_search.catalog.selection import in_order_of_path
from modag_search.catalog.tables import FailureRow
from modag_search.values import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.catalog.database import Database


class Failures:
    """Failures, one a path; those of `Catalog.fail`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Failure]:
        """Return all failures, in order of path."""
        return self._where()

    def at(self, path: str) -> Failure | None:
        """Return how the file at a path failed, or None."""
        return next(iter(self._where(FailureRow.path == path)), None)

    def _where(self, *conditions: ColumnElement[bool]) -> list[Failure]:
        statement = select(FailureRow.__table__).where(*conditions).order_by(FailureRow.path)
        with self._database.read() as connection:
            failures = [
                Failure(
                    path=row.path,
                    reason=row.reason,
                    error=row.error,
                    size_bytes=row.size_bytes,
                    mtime_ns=row.mtime_ns,
                    failed_at=row.failed_at,
                )
                for row in connection.execute(statement)
            ]
            return list(in_order_of_path(connection, failures, path_of=lambda failure: failure.path))

    def forget(self, paths: Iterable[str]) -> int:
        """Forget that files failed, and return how many of them had."""
        with self._database.write() as connection:
            return changes.forget_failures(connection, paths)
