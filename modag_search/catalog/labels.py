"""Labels on items, whole or in part, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from modag_search.catalog.database import Database, among, batches, count_label_change, now
from modag_search.catalog.tables import ANNOTATION_KEY, AnnotationRow, ItemRow, LabelRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.values import Int64Array, MediaKind, Modality

Origin = Literal["hand", "import", "transfer"]
"""Who said so: a person, a file that a person gave, or the labels of neighbours."""

ANNOTATIONS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A label on an item.

    Attributes
    ----------
    item_id : int
    label : str
        Upper and lower case are different.
    origin : {"hand", "import", "transfer"}
    start_s, end_s : float or None
        The part of the item that it holds for, in seconds; None on both sides for all of it, on one side
        from the beginning or to the end.
    source : str or None
        The file that it was imported from.
    confidence : float or None
        Share of the vote, for transferred ones.
    run_id : int or None
    """

    item_id: int
    label: str
    origin: Origin
    start_s: float | None = None
    end_s: float | None = None
    source: str | None = None
    confidence: float | None = None
    run_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """A label and the number of its items of each kind."""

    name: str
    items: Mapping[MediaKind, int]


class Labels:
    """Labels: to give, to take back, to count, and to look up by segment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def annotate(self, annotations: Iterable[Annotation]) -> int:
        """Give labels to items, all or none of them.

        What is there already stays; only a label that was transferred gives way to one that a person gave.

        Returns
        -------
        int
            How many annotations are new, or took the place of a transferred one.

        Raises
        ------
        KeyError
            If an item is not in the catalog; carries its id.
        """
        with self._database.write() as connection:
            changed = sum(_annotate(connection, batch) for batch in batches(annotations, ANNOTATIONS_AT_ONCE))
            if changed:
                count_label_change(connection)
        return changed

    def unannotate(self, item_ids: Iterable[int], label: str) -> int:
        """Take a label from items, and return how many annotations that were."""
        return self._delete(AnnotationRow.item_id.in_(among(item_ids)), _is_named(label))

    def delete(self, label: str) -> int:
        """Take a label from all items, and return how many annotations that were."""
        return self._delete(_is_named(label))

    def undo(self, run_id: int) -> int:
        """Take back what a run annotated, and return how many annotations that were."""
        return self._delete(AnnotationRow.run_id == run_id)

    def rename(self, label: str, new_name: str) -> int:
        """Give a label another name, and return how many annotations have it now.

        Where the new name is taken, the two become one. 0 means that there is no such label.
        """
        with self._database.write() as connection:
            ids = _label_ids(connection, [label])
            if label not in ids:
                return 0
            new_id = _label_ids(connection, [new_name], create=True)[new_name]
            if new_id != ids[label]:
                moved = update(AnnotationRow).where(AnnotationRow.label_id == ids[label])
                connection.execute(moved.prefix_with("OR IGNORE").values(label_id=new_id))
                connection.execute(delete(LabelRow).where(LabelRow.id == ids[label]))
                count_label_change(connection)
            of_new = select(func.count()).where(AnnotationRow.label_id == new_id)
            return connection.execute(of_new).scalar_one()

    def counts(self) -> list[LabelCount]:
        """Return the labels in use, in order of name."""
        items: dict[str, dict[MediaKind, int]] = {}
        statement = (
            select(LabelRow.name, ItemRow.kind, func.count(ItemRow.id.distinct()))
            .join(AnnotationRow, AnnotationRow.label_id == LabelRow.id)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .group_by(LabelRow.name, ItemRow.kind)
            .order_by(LabelRow.name, ItemRow.kind)
        )
        with self._database.read() as connection:
            for name, kind, count in connection.execute(statement):
                items.setdefault(name, {})[kind] = count  # type: ignore[index]
        return [LabelCount(name=name, items=by_kind) for name, by_kind in items.items()]

    def annotations(self) -> Iterator[Annotation]:
        """Iterate over all annotations, oldest first."""
        statement = (
            select(AnnotationRow.__table__, LabelRow.name)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .order_by(AnnotationRow.id)
        )
        with self._database.read() as connection:
            for row in connection.execute(statement):
                yield Annotation(
                    item_id=row.item_id,
                    label=row.name,
                    origin=row.origin,
                    start_s=row.start_s,
                    end_s=row.end_s,
                    source=row.source,
                    confidence=row.confidence,
                    run_id=row.run_id,
                )

    def last_run(self) -> int | None:
        """Return the newest run with annotations that are still there, or None."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(AnnotationRow.run_id))).scalar()

    def items_labelled(self, label: str) -> Int64Array:
        """Return the ids of the items with a label, on the whole or in part, ascending.

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        statement = select(AnnotationRow.item_id).where(_is_named(label)).distinct().order_by(AnnotationRow.item_id)
        with self._database.read() as connection:
            return np.array(connection.execute(statement).scalars().all(), dtype=np.int64)

    def labelled_segments(
        self, modality: Modality | None = None, *, label: str | None = None
    ) -> tuple[Int64Array, Int64Array, list[str]]:
        """Return every pair of a segment that can be found and a label that holds for it.

        A label on a part of an item holds for the segments that overlap that part.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Of the segments; default both.
        label : str, optional
            Leaves out other labels.

        Returns
        -------
        segment_ids : np.ndarray [shape=(n,), int64]
            Ascending; a segment with several labels stands several times.
        item_ids : np.ndarray [shape=(n,), int64]
        labels : list of str, length n
        """
        statement = (
            select(SegmentRow.id, SegmentRow.item_id, LabelRow.name)
            .join(AnnotationRow, AnnotationRow.item_id == SegmentRow.item_id)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .where(SegmentRow.status == "ok", _holds_for_segment())
            .distinct()
            .order_by(SegmentRow.id, LabelRow.name)
        )
        if modality is not None:
            statement = statement.where(SegmentRow.modality == modality)
        if label is not None:
            statement = statement.where(LabelRow.name == label)
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        ids = np.array([(row[0], row[1]) for row in rows], dtype=np.int64).reshape(-1, 2)
        return ids[:, 0].copy(), ids[:, 1].copy(), [row[2] for row in rows]

    def _delete(self, *conditions: ColumnElement[bool]) -> int:
        with self._database.write() as connection:
            deleted = connection.execute(delete(AnnotationRow).where(*conditions)).rowcount
            if deleted:
                count_label_change(connection)
        return deleted


def _annotate(connection: Connection, annotations: Sequence[Annotation]) -> int:
    _require_items(connection, {annotation.item_id for annotation in annotations})
    label_ids = _label_ids(connection, {annotation.label for annotation in annotations}, create=True)
    moment = now()
    rows = [
        {
            "item_id": annotation.item_id,
            "label_id": label_ids[annotation.label],
            "start_s": annotation.start_s,
            "end_s": annotation.end_s,
            "origin": annotation.origin,
            "source": annotation.source,
            "confidence": annotation.confidence,
            "run_id": annotation.run_id,
            "created_at": moment,
        }
        for annotation in annotations
    ]
    statement = upsert(AnnotationRow)
    replaced = ("origin", "source", "confidence", "run_id", "created_at")
    statement = statement.on_conflict_do_update(
        index_elements=ANNOTATION_KEY,
        set_={name: statement.excluded[name] for name in replaced},
        where=and_(AnnotationRow.origin == "transfer", statement.excluded.origin != "transfer"),
    )
    return connection.execute(statement, rows).rowcount


def _require_items(connection: Connection, item_ids: set[int]) -> None:
    known = connection.execute(select(ItemRow.id).where(ItemRow.id.in_(among(item_ids)))).scalars()
    missing = item_ids.difference(known)
    if missing:
        raise KeyError(min(missing))


def _label_ids(connection: Connection, names: Iterable[str], *, create: bool = False) -> dict[str, int]:
    """Ids of labels by name; names without a label are left out, unless they are to be created."""
    wanted = set(names)
    if create and wanted:
        rows = [{"name": name, "created_at": now()} for name in sorted(wanted)]
        connection.execute(upsert(LabelRow).on_conflict_do_nothing(), rows)
    return {
        name: label_id
        for batch in batches(wanted, 500)
        for name, label_id in connection.execute(select(LabelRow.name, LabelRow.id).where(LabelRow.name.in_(batch)))
    }


def _is_named(label: str) -> ColumnElement[bool]:
    return AnnotationRow.label_id.in_(select(LabelRow.id).where(LabelRow.name == label))


def _holds_for_segment() -> ColumnElement[bool]:
    on_the_whole = AnnotationRow.start_s.is_(None) & AnnotationRow.end_s.is_(None)
    begins_before_its_end = AnnotationRow.end_s.is_(None) | (SegmentRow.start_s < AnnotationRow.end_s)
    # A frame has no length: its start alone can lie within.
    ends_after_its_start = or_(
        AnnotationRow.start_s.is_(None),
        SegmentRow.end_s > AnnotationRow.start_s,
        SegmentRow.start_s >= AnnotationRow.start_s,
    )
    return on_the_whole | (SegmentRow.start_s.is_not(None) & begins_before_its_end & ends_after_its_start)
