"""Labels that become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, exists, select, tuple_, update

from modag_search.catalog.judgements import settle_opposites
from modag_search.catalog.names import label_ids, read_hierarchy
from modag_search.catalog.tables import (
    AnnotationRow,
    KeptAnnotationRow,
    LabelParentRow,
    LabelRow,
    SupersededAnnotationRow,
)
from modag_search.catalog.tags import are_all_tags
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnClause


def merge_labels(connection: Connection, labels: Iterable[str], into: str) -> bool:
    """Let labels become one, and tell whether there were others than that; see `Labels.merge`."""
    old = label_ids(connection, {*map(composed, labels)} - {composed(into)})
    if not old:
        return False
    # What is there already means what it is called; words of others go with a mere change of name.
    is_new = not label_ids(connection, [into])
    is_tag = are_all_tags(connection, [*old, *([] if is_new else [into])])
    new_id = label_ids(connection, [into], create=True)[into]
    for old_id in old.values():
        move_label(connection, old_id, new_id, with_words=is_new)
    settle_opposites(connection, new_id)
    connection.execute(update(LabelRow).where(LabelRow.id == new_id).values(is_tag=is_tag))
    read_hierarchy(connection)  # refuses cycles
    return True


def move_label(connection: Connection, old_id: int, new_id: int, *, with_words: bool = True) -> None:
    """Give another label what one has, and remove it; of what somebody said of both, the last word holds."""
    columns = [LabelRow.audioset_id, LabelRow.added_at, *([LabelRow.means] if with_words else [])]
    had = connection.execute(select(*columns).where(LabelRow.id == old_id)).one()
    _leave_last_words(connection, AnnotationRow, AnnotationRow.item_id, label_ids={old_id, new_id})
    _leave_last_words(connection, KeptAnnotationRow, KeptAnnotationRow.content_hash, label_ids={old_id, new_id})
    for row in (AnnotationRow, KeptAnnotationRow, SupersededAnnotationRow):
        connection.execute(update(row).where(row.label_id == old_id).values(label_id=new_id))
    for column, kept in (
        (LabelParentRow.child_id, LabelParentRow.parent_id),
        (LabelParentRow.parent_id, LabelParentRow.child_id),
    ):
        other = LabelParentRow.aliased()
        is_there = exists().where(getattr(other, column.key) == new_id, getattr(other, kept.key) == kept)
        moved = update(LabelParentRow).where(column == old_id, ~is_there)
        connection.execute(moved.values({column.key: new_id}))
    connection.execute(
        delete(LabelParentRow).where(LabelParentRow.child_id == new_id, LabelParentRow.parent_id == new_id)
    )
    connection.execute(delete(LabelRow).where(LabelRow.id == old_id))
    for own, value in zip(columns, had, strict=True):
        without = update(LabelRow).where(LabelRow.id == new_id, own.is_(None))
        connection.execute(without.values({own.key: value}))


def _leave_last_words(
    connection: Connection,
    row: type[AnnotationRow | KeptAnnotationRow],
    whole: ColumnClause[Any],
    *,
    label_ids: set[int],
) -> None:
    """Of what was said at one place, by hand or by another origin, under two labels that become one, leave the last."""
    later = row.aliased()
    was_said_later = (
        select(later.id)
        .where(
            later.label_id.in_(label_ids),
            later.label_id != row.label_id,
            getattr(later, whole.key) == whole,
            later.start_s.is_not_distinct_from(row.start_s),
            later.end_s.is_not_distinct_from(row.end_s),
            later.origin == row.origin,
            tuple_(later.created_at, later.id) > tuple_(row.created_at, row.id),
        )
        .exists()
    )
    connection.execute(delete(row).where(row.label_id.in_(label_ids), was_said_later))
