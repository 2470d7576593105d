"""Labels that exclude each other."""

from __future__ import annotations

from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, delete, func, select

from modag_search.catalog.database import among
from modag_search.catalog.names import read_hierarchy
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelRow
from modag_search.errors import LabelConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.hierarchy import Hierarchy


class LabelledPart(Protocol):
    """A label on a part of an item, in seconds; None for its beginning, and for its end."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def start_s(self) -> float | None: ...  # noqa: D102
    @property
    def end_s(self) -> float | None: ...  # noqa: D102


def exclude(first: LabelledPart, second: LabelledPart, hierarchy: Hierarchy) -> bool:
    """Tell whether two labels of one item exclude each other: at one place, and neither a kind of the other."""
    overlap = _before_end(first.start_s, second.end_s) and _before_end(second.start_s, first.end_s)
    return overlap and not hierarchy.are_related(first.label, second.label)


def settle_conflicts(connection: Connection, item_ids: Iterable[int] | None = None) -> None:
    """Let transferred labels give way to given ones, and refuse two given ones that exclude each other.

    Parameters
    ----------
    connection : Connection
    item_ids : iterable of int, optional
        Of these items; default all.

    Raises
    ------
    LabelConflictError
        If an item has two given labels at one place, of which neither is a kind of the other.
    """
    statement = (
        select(AnnotationRow.__table__, LabelRow.name.label("label"), ItemRow.path)
        .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
        .order_by(AnnotationRow.id)
    )
    if item_ids is not None:
        statement = statement.where(AnnotationRow.item_id.in_(among(item_ids)))
    by_item: dict[int, list[Any]] = {}
    for row in connection.execute(statement):
        by_item.setdefault(row.item_id, []).append(row)
    hierarchy = read_hierarchy(connection)
    giving_way = []
    for rows in by_item.values():
        for first, second in combinations(rows, 2):
            if not exclude(first, second, hierarchy):
                continue
            transferred = [row.id for row in (first, second) if row.origin == "transfer"]
            if not transferred:
                raise LabelConflictError(first.path, (first.label, second.label))
            giving_way += transferred
    connection.execute(delete(AnnotationRow).where(AnnotationRow.id.in_(among(giving_way))))


def has_conflict(connection: Connection) -> bool:
    """Tell whether an item has two given labels at one place, of which neither is a kind of the other."""
    of_several = (
        select(AnnotationRow.item_id)
        .where(AnnotationRow.origin != "transfer")
        .group_by(AnnotationRow.item_id)
        .having(func.count(AnnotationRow.label_id.distinct()) > 1)
    )
    statement = (
        select(AnnotationRow.item_id, AnnotationRow.start_s, AnnotationRow.end_s, LabelRow.name.label("label"))
        .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .where(AnnotationRow.origin != "transfer", AnnotationRow.item_id.in_(of_several))
        .order_by(AnnotationRow.item_id)
    )
    hierarchy = read_hierarchy(connection)
    for _, rows in groupby(connection.execute(statement).all(), key=lambda row: row.item_id):
        if any(exclude(first, second, hierarchy) for first, second in combinations(rows, 2)):
            return True
    return False


def _before_end(start_s: float | None, end_s: float | None) -> bool:
    return start_s is None or end_s is None or start_s < end_s
