"""Labels that become one."""

from __future__ import annotations

from itertools import chain
from operator import gt, lt
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, tuple_, update

from modag_search.catalog.database import among
from modag_search.catalog.departures import keep
from modag_search.catalog.judgements import settle_opposites
from modag_search.catalog.names import label_ids, read_hierarchy
from modag_search.catalog.superseded import note
from modag_search.catalog.tables import (
    AnnotationRow,
    ItemRow,
    KeptAnnotationRow,
    LabelParentRow,
    LabelRow,
    SupersededAnnotationRow,
)
from modag_search.catalog.tags import are_all_tags
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement


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
    """Give another label what one has, and remove it.

    Of what somebody said of both the first word stays, as where one label is given twice, and of opposites the last.
    """
    columns = [LabelRow.audioset_id, LabelRow.added_at, *([LabelRow.means] if with_words else [])]
    had = connection.execute(select(*columns).where(LabelRow.id == old_id)).one()
    _leave_one_word(connection, {old_id, new_id})
    _leave_one_word_kept(connection, {old_id, new_id})
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


def _leave_one_word(connection: Connection, label_ids: set[int]) -> None:
    """Of what was said of items at one place and by one origin, under two labels that become one, leave one.

    Undoing the run that said it gives back the other. What was said of a former content of an item waits for that.
    """
    row, other = AnnotationRow, AnnotationRow.aliased()
    contents = [func.coalesce(one.content_hash, ItemRow.content_hash) for one in (row, other)]
    beside = (
        select(row.id, other.run_id)
        .join(other, and_(other.item_id == row.item_id, *_at_one_place(row, other, label_ids)))
        .join(ItemRow, ItemRow.id == row.item_id)
    )
    of_former = beside.where(contents[0] != contents[1], contents[0] != ItemRow.content_hash)
    former = [row_id for row_id, _ in connection.execute(of_former)]
    keep(connection, former)
    by_run: dict[int | None, list[int]] = {}
    for row_id, run_id in connection.execute(beside.where(contents[0] == contents[1], _gives_way(row, other))):
        by_run.setdefault(run_id, []).append(row_id)
    for run_id, ids in by_run.items():
        note(connection, row.id.in_(among(ids)), run_id=run_id)
    gone = [*former, *chain.from_iterable(by_run.values())]
    connection.execute(delete(row).where(row.id.in_(among(gone))))


def _leave_one_word_kept(connection: Connection, label_ids: set[int]) -> None:
    """Leave one likewise of what waits for contents."""
    row, other = KeptAnnotationRow, KeptAnnotationRow.aliased()
    beside = and_(other.content_hash == row.content_hash, *_at_one_place(row, other, label_ids))
    gives_way = select(other.id).where(beside, _gives_way(row, other)).exists()
    connection.execute(delete(row).where(gives_way))


def _at_one_place(row: Any, other: Any, label_ids: set[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        row.label_id.in_(label_ids),
        other.label_id.in_(label_ids),
        other.label_id != row.label_id,
        other.start_s.is_not_distinct_from(row.start_s),
        other.end_s.is_not_distinct_from(row.end_s),
        other.origin == row.origin,
    )


def _gives_way(row: Any, other: Any) -> ColumnElement[bool]:
    """Whether a word gives way to another: to an earlier one that says the same, or a later one of the opposite."""
    was_before, was_after = (
        compared(tuple_(other.created_at, other.id), tuple_(row.created_at, row.id)) for compared in (lt, gt)
    )
    return or_(and_(other.is_not == row.is_not, was_before), and_(other.is_not != row.is_not, was_after))
