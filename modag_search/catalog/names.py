"""Names of labels: their ids, which are kinds of which, and whether they exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlalchemy import CompoundSelect, Connection, select, union

from modag_search.catalog.database import batches, now
from modag_search.catalog.dialects import upsert
from modag_search.catalog.tables import AnnotationRow, KeptAnnotationRow, LabelParentRow, LabelRow, StateRow
from modag_search.hierarchy import Hierarchy
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Iterable

LabelMode = Literal["auto", "single", "multi"]
"""``single``: labels exclude each other unless one is a kind of the other; ``multi``: an item may have any; ``auto``:
an item may have any, and labels exclude each other but for those that often stand beside others."""


def read_hierarchy(connection: Connection) -> Hierarchy:
    """Return which labels are kinds of which; cycles are refused with a UsageError."""
    child, parent = LabelRow.aliased(), LabelRow.aliased()
    statement = (
        select(child.name, parent.name)
        .select_from(LabelParentRow)
        .join(child, child.id == LabelParentRow.child_id)
        .join(parent, parent.id == LabelParentRow.parent_id)
    )
    return Hierarchy.of((row[0], row[1]) for row in connection.execute(statement))


def labels_in_use(*, denied: bool = True) -> CompoundSelect[tuple[int]]:
    """Select the ids of the labels that an item or the hierarchy names, that were added, or have an id of AudioSet.

    Where not `denied`, what items are only said not to be is left out, and what waits for its content.
    """
    of_items, kept = select(AnnotationRow.label_id), select(KeptAnnotationRow.label_id)
    return union(
        *([of_items, kept] if denied else [of_items.where(~AnnotationRow.is_not)]),
        select(LabelParentRow.child_id),
        select(LabelParentRow.parent_id),
        select(LabelRow.id).where(LabelRow.audioset_id.is_not(None) | LabelRow.added_at.is_not(None)),
    )


def label_mode(connection: Connection) -> LabelMode:
    """Return whether labels exclude each other."""
    mode: LabelMode = connection.execute(select(StateRow.label_mode)).scalar_one()  # type: ignore[assignment]
    return mode


def label_ids(connection: Connection, names: Iterable[str], *, create: bool = False) -> dict[str, int]:
    """Ids of labels by name, in whatever Unicode form; names without a label are left out, unless they are created."""
    stored = {name: composed(name) for name in names}
    wanted = set(stored.values())
    if create and wanted:
        rows = [{"name": name, "created_at": now()} for name in sorted(wanted)]
        connection.execute(upsert(connection, LabelRow).on_conflict_do_nothing(), rows)
    found = {
        name: label_id
        for batch in batches(wanted, 500)
        for name, label_id in connection.execute(select(LabelRow.name, LabelRow.id).where(LabelRow.name.in_(batch)))
    }
    return {name: found[form] for name, form in stored.items() if form in found}
