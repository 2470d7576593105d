"""What there is to know of items that did not fail: that nothing finds them, or how their files were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Connection, func, select

from modag_search.catalog.database import PATHS_AT_ONCE, Database, among, batches
from modag_search.catalog.tables import ItemRow, SegmentRow
from modag_search.values import Notice, Remark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from modag_search.values import NoticeKind, SegmentStatus

_WORDS: Final[dict[SegmentStatus, str]] = {"black": "black", "flat": "of one colour", "silent": "silent"}

_KINDS: Final[tuple[NoticeKind, ...]] = ("flat", "black", "silent")
"""A video without anything to find goes by what it shows."""


class Notices:
    """Notices of items; what is passed over is no item."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Notice]:
        """Return all notices, in order of path."""
        with self._database.read() as connection:
            return _sorted([*_unfindable(connection), *_remarked(connection)])

    def at(self, paths: Iterable[str]) -> list[Notice]:
        """Return the notices of the items at some paths, in order of path."""
        found: list[Notice] = []
        with self._database.read() as connection:
            for batch in batches(paths, PATHS_AT_ONCE):
                here = ItemRow.path.in_(batch)
                found += [*_unfindable(connection, here), *_remarked(connection, here)]
        return _sorted(found)

    def unfindable(self, item_ids: Iterable[int]) -> list[Notice]:
        """Return a notice of each of some items that nothing finds, in order of path."""
        with self._database.read() as connection:
            return _sorted(_unfindable(connection, ItemRow.id.in_(among(item_ids))))


def statuses_in_words(statuses: Collection[SegmentStatus]) -> str:
    """Say what segments without a feature are.

    Parameters
    ----------
    statuses : collection of {"black", "flat", "silent"}

    Returns
    -------
    str

    Examples
    --------
    >>> statuses_in_words({"silent", "black"})
    'black and silent'
    """
    *words, last = [word for status, word in _WORDS.items() if status in statuses] or [""]
    return f"{', '.join(words)} and {last}" if words else last


def _sorted(notices: Iterable[Notice]) -> list[Notice]:
    return sorted(notices, key=lambda notice: notice.path)


def _unfindable(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Notice]:
    """Find items of which no segment has a feature."""
    has_feature = select(SegmentRow.id).where(SegmentRow.item_id == ItemRow.id, SegmentRow.status == "ok")
    statement = (
        select(ItemRow.id, ItemRow.path, func.group_concat(SegmentRow.status.distinct()))
        .join(SegmentRow, SegmentRow.item_id == ItemRow.id)
        .where(ItemRow.status == "ok", ~has_feature.correlate(ItemRow).exists(), *conditions)
        .group_by(ItemRow.id)
    )
    for item_id, path, statuses in connection.execute(statement):
        found = set(statuses.split(","))
        kind = next(kind for kind in _KINDS if kind in found)
        yield Notice(
            id=item_id, path=path, kind=kind, text=f"is {statuses_in_words(found)} throughout, so nothing finds it"
        )


def _remarked(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Notice]:
    statement = select(ItemRow.id, ItemRow.path, ItemRow.remarks).where(
        ItemRow.status == "ok", ItemRow.remarks.is_not(None), *conditions
    )
    for item_id, path, remarks in connection.execute(statement):
        for kind, text in (Remark(*one) for one in remarks):
            yield Notice(id=item_id, path=path, kind=kind, text=text)
