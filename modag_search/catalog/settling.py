"""What gives way where labels exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, exists, func, select

from modag_search.catalog.conflicts import names_a_class, read_rivalry, standing_together
from modag_search.catalog.database import among
from modag_search.catalog.departures import keep
from modag_search.catalog.names import label_mode, read_hierarchy
from modag_search.catalog.superseded import note
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelRow
from modag_search.errors import LabelConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.rivalry import Rivalry


def settle_all(connection: Connection) -> int:
    """Settle all conflicts as things stand, after what labels are, or how they relate, has changed.

    Returns
    -------
    int
        How many transferred labels gave way.

    Raises
    ------
    LabelConflictError
        As of `settle_conflicts`.
    """
    return len(settle_conflicts(connection, read_rivalry(connection), is_new=False))


def settle_conflicts(
    connection: Connection,
    rivalry: Rivalry,
    item_ids: Iterable[int] | None = None,
    *,
    is_new: bool = True,
    run_id: int | None = None,
) -> list[int]:
    """Let transferred labels give way to given ones; in mode ``single``, refuse two given ones that exclude each other.

    What was given to a former content of an item excludes nothing of what was given to this. In mode ``single`` it
    gives way itself, and waits for that content; but not to what was transferred.

    Parameters
    ----------
    connection : Connection
    rivalry : Rivalry
    item_ids : iterable of int, optional
        Of these items; default all.
    is_new : bool
        Whether labels exclude each other already, and one of these is new.
    run_id : int, optional
        What gave these: to undo it gives back what was transferred and gives way.

    Returns
    -------
    list of int
        Ids of the transferred annotations that gave way. In mode ``single``, of two the later does.

    Raises
    ------
    LabelConflictError
        If an item has two given labels at one place, of which neither is a kind of the other.
    """
    if not (rivalry.rest_exclude or rivalry.apart):
        return []
    hierarchy, may_have_both = read_hierarchy(connection), label_mode(connection) != "single"
    refused: list[tuple[str, str, str]] = []
    giving_way, of_former = set(), set()
    for rows in _labels_of_items(connection, item_ids, with_transfers=may_have_both):
        for first, second in standing_together(rows, hierarchy):
            if not rivalry.exclude(first.label, second.label):
                continue
            transferred = [row for row in (second, first) if row.origin == "transfer"]
            if first.content != second.content:
                of_former |= _former_beside_given(first, second)
            elif transferred and not (may_have_both and len(transferred) == 2):
                giving_way.add(transferred[0].id)
            elif not may_have_both and not any(path == first.path for path, *_ in refused):
                refused.append((first.path, first.label, second.label))
    if refused:
        path, *labels = refused[0]
        raise LabelConflictError(path, (labels[0], labels[1]), is_new=is_new, others=len(refused) - 1)
    gives_way = AnnotationRow.id.in_(among(giving_way))
    note(connection, gives_way, run_id=run_id)
    connection.execute(delete(AnnotationRow).where(gives_way))
    if not may_have_both:
        keep(connection, sorted(of_former - giving_way))
    return sorted(giving_way)


def _former_beside_given(*rows: Any) -> set[int]:
    """Return which of two annotations was of a former content, where the other was given to what its item holds now."""
    is_given_now = any(row.origin != "transfer" and row.content == row.item_content for row in rows)
    return {row.id for row in rows if is_given_now and row.content != row.item_content}


def _labels_of_items(
    connection: Connection, item_ids: Iterable[int] | None, *, with_transfers: bool
) -> Iterable[Sequence[Any]]:
    """List the classes that each item has; where asked to, of items alone that have any by transfer."""
    content = func.coalesce(AnnotationRow.content_hash, ItemRow.content_hash).label("content")
    statement = (
        select(
            AnnotationRow.__table__,
            content,
            ItemRow.content_hash.label("item_content"),
            LabelRow.name.label("label"),
            ItemRow.path,
        )
        .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
        .where(names_a_class())
        .order_by(AnnotationRow.id)
    )
    if item_ids is not None:
        statement = statement.where(AnnotationRow.item_id.in_(among(item_ids)))
    if with_transfers:
        other = AnnotationRow.aliased()
        by_transfer = exists().where(other.item_id == AnnotationRow.item_id, other.origin == "transfer")
        statement = statement.where(by_transfer.correlate(AnnotationRow))
    by_item: dict[int, list[Any]] = {}
    for row in connection.execute(statement):
        by_item.setdefault(row.item_id, []).append(row)
    return by_item.values()
