"""What was said of items until a run took it back, or said what it gave way to: undoing that run gives it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, literal, select

from modag_search.catalog.tables import SAID, AnnotationRow, ItemRow, LabelRow, SupersededAnnotationRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def note(connection: Connection, *conditions: ColumnElement[bool], run_id: int | None) -> None:
    """Note annotations that are about to go on account of a run; without a run, nothing can give them back.

    What the run itself gave and took away again is nothing to give back.
    """
    if run_id is None:
        return
    own = AnnotationRow.__table__.c
    rows = (
        select(
            literal(run_id),
            own.item_id,
            func.coalesce(own.content_hash, ItemRow.content_hash),
            LabelRow.is_tag,
            *(own[name] for name in SAID),
        )
        .join(ItemRow, ItemRow.id == own.item_id)
        .join(LabelRow, LabelRow.id == own.label_id)
        .where(own.run_id.is_distinct_from(run_id), *conditions)
        .order_by(own.id)
    )
    columns = ["superseded_by", "item_id", "content_hash", "is_tag", *SAID]
    connection.execute(insert(SupersededAnnotationRow).from_select(columns, rows))


def forget_of_run(connection: Connection, run_id: int) -> None:
    """Let what a run gave, and what others superseded, be gone for good: the run is undone."""
    connection.execute(delete(SupersededAnnotationRow).where(SupersededAnnotationRow.run_id == run_id))


def count_by_run(connection: Connection) -> dict[int, int]:
    """Count what undoing each run would give back."""
    row = SupersededAnnotationRow
    statement = select(row.superseded_by, func.count()).group_by(row.superseded_by)
    return {one[0]: one[1] for one in connection.execute(statement)}
