"""Labels on items, whole or in part, and where each comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, case, delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from modag_search.catalog.conflicts import has_conflict, settle_conflicts
from modag_search.catalog.database import Database, among, batches, count_label_change, now
from modag_search.catalog.names import label_ids, label_mode, labels_in_use, read_hierarchy
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelParentRow, LabelRow, SegmentRow
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.values import Int64Array, MediaKind, Modality

Origin = Literal["hand", "import", "transfer"]
"""Who said so: a person, a file that a person gave, or the labels of neighbours."""

ANNOTATIONS_AT_ONCE = 10_000
_Place = tuple[int, int, float | None, float | None]
"""Item, label, and the part of the item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A label on an item.

    Attributes
    ----------
    item_id : int
    label : str
        Upper and lower case are different; Unicode forms are not: names are kept in NFC.
    origin : {"hand", "import", "transfer"}
    start_s, end_s : float or None
        The part of the item that it holds for, in seconds; None on both sides for all of it, on one side
        from the beginning or to the end.
    source : str or None
        The file that it was imported from.
    confidence : float or None
        For transferred ones.
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
    """A label, the number of its items of each kind, and how many of these have it by transfer alone."""

    name: str
    items: Mapping[MediaKind, int]
    transferred: int = 0


class Labels:
    """Labels: to give, to take back, to count, and to look up by segment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def annotate(self, annotations: Iterable[Annotation]) -> int:
        """Give labels to items, all or none of them.

        What is there already stays as it is. A person, a file and a transfer may each say the same, so that each can be
        undone; nothing is transferred where a label is there. Where labels exclude each other, transferred ones give
        way to what a person or a file says; in mode ``auto``, as long as no item has two given ones.

        Returns
        -------
        int
            How many labels items did not have, or had by transfer alone.

        Raises
        ------
        KeyError
            If an item is not in the catalog; carries its id.
        LabelConflictError
            If labels exclude each other, and an item would have two.
        """
        with self._database.write() as connection:
            added, said, items = 0, False, set()
            for batch in batches(annotations, ANNOTATIONS_AT_ONCE):
                new, is_evidence = _annotate(connection, batch)
                added, said = added + new, said or is_evidence
                items |= {annotation.item_id for annotation in batch}
            mode = label_mode(connection)
            if mode == "single" or (said and mode == "auto" and not has_conflict(connection)):
                settle_conflicts(connection, items)
            if said:
                count_label_change(connection)
        return added

    def unannotate(self, item_ids: Iterable[int], label: str) -> int:
        """Take a label from items, and return how many annotations that were."""
        return self._delete(AnnotationRow.item_id.in_(among(item_ids)), _is_named(label))

    def add(self, means: Mapping[str, str | None]) -> int:
        """Let labels count without any item.

        Parameters
        ----------
        means : Mapping of str to str or None
            By label, words that say what it means; None leaves those that it has, and no words take them away.

        Returns
        -------
        int
            How many did not count so before.
        """
        moment = now()
        with self._database.write() as connection:
            ids = label_ids(connection, means, create=True)
            there = select(func.count()).where(LabelRow.id.in_(among(ids.values())), LabelRow.added_at.is_not(None))
            n_there = connection.execute(there).scalar_one()
            n_changed = len(ids) - n_there
            for name, words in means.items():
                row = update(LabelRow).where(LabelRow.id == ids[name])
                connection.execute(row.values(added_at=func.coalesce(LabelRow.added_at, moment)))
                if words is not None:
                    others = row.where(LabelRow.means.is_distinct_from(words or None))
                    n_changed += connection.execute(others.values(means=words or None)).rowcount
            if n_changed:
                count_label_change(connection)
        return len(ids) - n_there

    def added(self) -> set[str]:
        """Return the labels that count without any item."""
        with self._database.read() as connection:
            return set(connection.execute(select(LabelRow.name).where(LabelRow.added_at.is_not(None))).scalars())

    def meanings(self) -> dict[str, str]:
        """Return the words that say what labels mean, of those that have any."""
        statement = select(LabelRow.name, LabelRow.means).where(LabelRow.means.is_not(None))
        with self._database.read() as connection:
            return {name: words for name, words in connection.execute(statement) if words is not None}

    def delete(self, label: str) -> int:
        """Take a label from all items, and return how many annotations that were; it no longer counts without any."""
        named = LabelRow.name == composed(label)
        added = update(LabelRow).where(named, LabelRow.added_at.is_not(None))
        with self._database.write() as connection:
            if connection.execute(added.values(added_at=None)).rowcount:
                count_label_change(connection)
            deleted = _deleted(connection, _is_named(label))
            # Words stay where the hierarchy still names the label, and nowhere else: it might be given again.
            unused = update(LabelRow).where(named, LabelRow.id.not_in(labels_in_use()))
            connection.execute(unused.values(means=None))
        return deleted

    def undo(self, run_id: int) -> int:
        """Take back what a run annotated, and return how many annotations that were."""
        return self._delete(AnnotationRow.run_id == run_id)

    def merge(self, labels: Iterable[str], into: str) -> int:
        """Let labels become one, and return how many annotations it has then.

        What they are kinds of, and what is a kind of them, goes over to it. A label that is not there is passed over;
        with one label, and a name that is not taken, this is giving it another name.

        Raises
        ------
        UsageError
            If it would become a kind of itself.
        """
        with self._database.write() as connection:
            old = label_ids(connection, {*map(composed, labels)} - {composed(into)})
            if old:
                # What is there already means what it is called; words of others go with a mere change of name.
                is_new = not label_ids(connection, [into])
                new_id = label_ids(connection, [into], create=True)[into]
                for old_id in old.values():
                    move_label(connection, old_id, new_id, with_words=is_new)
                read_hierarchy(connection)  # refuses cycles
                count_label_change(connection)
            of_new = select(func.count()).where(_is_named(into))
            return connection.execute(of_new).scalar_one()

    def compose_names(self) -> list[str]:
        """Write all names in Unicode's form NFC, as an earlier version did not; labels that look the same become one.

        Returns
        -------
        list of str
            What had been several labels.

        Raises
        ------
        UsageError
            If one would become a kind of itself; nothing has changed then.
        """
        with self._database.read() as connection:
            if all(name == composed(name) for name in connection.execute(select(LabelRow.name)).scalars()):
                return []
        with self._database.write() as connection:
            names = connection.execute(select(LabelRow.id, LabelRow.name)).all()
            others = [(label_id, name) for label_id, name in names if name != composed(name)]
            made_one = set()
            for label_id, name in others:
                if there := label_ids(connection, [name]):
                    move_label(connection, label_id, there[name])
                    made_one.add(composed(name))
                else:
                    connection.execute(update(LabelRow).where(LabelRow.id == label_id).values(name=composed(name)))
            read_hierarchy(connection)  # refuses cycles
            count_label_change(connection)
        return sorted(made_one)

    def unknown(self, names: Iterable[str]) -> set[str]:
        """Return those of some names that no label has, in use or not; a look at few rows, unlike `names`."""
        wanted = set(names)
        with self._database.read() as connection:
            return wanted.difference(label_ids(connection, wanted))

    def names(self) -> set[str]:
        """Return the labels that an item or the hierarchy names, that were added, or have an id of AudioSet."""
        with self._database.read() as connection:
            return set(connection.execute(select(LabelRow.name).where(LabelRow.id.in_(labels_in_use()))).scalars())

    def counts(self) -> list[LabelCount]:
        """Return the labels in use, in order of name."""
        items: dict[str, dict[MediaKind, int]] = {}
        transferred: dict[str, int] = {}
        given = func.max(case((AnnotationRow.origin == "transfer", 0), else_=1)).label("given")
        an_item = (
            select(LabelRow.name, ItemRow.kind, given)
            .join(AnnotationRow, AnnotationRow.label_id == LabelRow.id)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .group_by(LabelRow.name, ItemRow.id)
            .subquery()
        )
        statement = (
            select(an_item.c.name, an_item.c.kind, func.count(), func.sum(1 - an_item.c.given))
            .group_by(an_item.c.name, an_item.c.kind)
            .order_by(an_item.c.name, an_item.c.kind)
        )
        with self._database.read() as connection:
            for name, kind, count, by_transfer in connection.execute(statement):
                items.setdefault(name, {})[kind] = count
                transferred[name] = transferred.get(name, 0) + by_transfer
        return [LabelCount(name=name, items=by_kind, transferred=transferred[name]) for name, by_kind in items.items()]

    def annotations(self, *, items: Iterable[int] | None = None) -> Iterator[Annotation]:
        """Iterate over all annotations, or those of some items, oldest first."""
        statement = (
            select(AnnotationRow.__table__, LabelRow.name)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .order_by(AnnotationRow.id)
        )
        if items is not None:
            statement = statement.where(AnnotationRow.item_id.in_(among(items)))
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

    def count_by_run(self) -> dict[int, int]:
        """Count the annotations of each run that are still there."""
        statement = (
            select(AnnotationRow.run_id, func.count())
            .where(AnnotationRow.run_id.is_not(None))
            .group_by(AnnotationRow.run_id)
        )
        with self._database.read() as connection:
            return {run_id: count for run_id, count in connection.execute(statement) if run_id is not None}

    def items_labelled(self, *labels: str) -> Int64Array:
        """Return the ids of the items with any of some labels, on the whole or in part, ascending.

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        statement = select(AnnotationRow.item_id).where(_is_named(*labels)).distinct().order_by(AnnotationRow.item_id)
        with self._database.read() as connection:
            return np.array(connection.execute(statement).scalars().all(), dtype=np.int64)

    def labelled_segments(
        self, modality: Modality | None = None, *, labels: Iterable[str] | None = None, given: bool = False
    ) -> tuple[Int64Array, Int64Array, list[str]]:
        """Return every pair of a segment that can be found and a label that holds for it.

        A label on a part of an item holds for the segments that overlap that part.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Of the segments; default both.
        labels : iterable of str, optional
            Leaves out other labels.
        given : bool
            Leaves out transferred ones: what labels of neighbours said is no evidence of its own.

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
        if labels is not None:
            statement = statement.where(_is_named(*labels))
        if given:
            statement = statement.where(AnnotationRow.origin != "transfer")
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        ids = np.array([(row[0], row[1]) for row in rows], dtype=np.int64).reshape(-1, 2)
        return ids[:, 0].copy(), ids[:, 1].copy(), [row[2] for row in rows]

    def _delete(self, *conditions: ColumnElement[bool]) -> int:
        with self._database.write() as connection:
            return _deleted(connection, *conditions)


def _deleted(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    given = select(AnnotationRow.id).where(*conditions, AnnotationRow.origin != "transfer").limit(1)
    was_evidence = connection.execute(given).first() is not None
    deleted = connection.execute(delete(AnnotationRow).where(*conditions)).rowcount
    if was_evidence:
        count_label_change(connection)
    return deleted


def _annotate(connection: Connection, annotations: Sequence[Annotation]) -> tuple[int, bool]:
    """Return how many labels are new, and whether anything was said that is evidence."""
    _require_items(connection, {annotation.item_id for annotation in annotations})
    ids = label_ids(connection, {annotation.label for annotation in annotations}, create=True)
    origins = _origins(connection, {annotation.item_id for annotation in annotations})
    moment = now()
    rows, new = [], 0
    for annotation in annotations:
        place = (annotation.item_id, ids[annotation.label], annotation.start_s, annotation.end_s)
        there = origins.setdefault(place, set())
        if annotation.origin in there or (annotation.origin == "transfer" and there):
            continue
        new += not there - {"transfer"}
        there.add(annotation.origin)
        rows.append(
            {
                "item_id": annotation.item_id,
                "label_id": ids[annotation.label],
                "start_s": annotation.start_s,
                "end_s": annotation.end_s,
                "origin": annotation.origin,
                "source": annotation.source,
                "confidence": annotation.confidence,
                "run_id": annotation.run_id,
                "created_at": moment,
            }
        )
    if rows:
        connection.execute(upsert(AnnotationRow), rows)
    return new, any(row["origin"] != "transfer" for row in rows)


def _origins(connection: Connection, item_ids: set[int]) -> dict[_Place, set[Origin]]:
    """Find who says so already, for each label on each part of some items."""
    place = (AnnotationRow.item_id, AnnotationRow.label_id, AnnotationRow.start_s, AnnotationRow.end_s)
    statement = select(*place, AnnotationRow.origin).where(AnnotationRow.item_id.in_(among(item_ids)))
    found: dict[_Place, set[Origin]] = {}
    for item_id, label_id, start_s, end_s, origin in connection.execute(statement):
        found.setdefault((item_id, label_id, start_s, end_s), set()).add(origin)  # type: ignore[arg-type]
    return found


def move_label(connection: Connection, old_id: int, new_id: int, *, with_words: bool = True) -> None:
    """Give another label what one has, and remove it; what the other has already stays."""
    columns = [LabelRow.audioset_id, LabelRow.added_at, *([LabelRow.means] if with_words else [])]
    had = connection.execute(select(*columns).where(LabelRow.id == old_id)).one()
    for column in (AnnotationRow.label_id, LabelParentRow.child_id, LabelParentRow.parent_id):
        moved = update(column.class_).where(column == old_id).values({column.key: new_id})
        connection.execute(moved.prefix_with("OR IGNORE"))
    connection.execute(
        delete(LabelParentRow).where(LabelParentRow.child_id == new_id, LabelParentRow.parent_id == new_id)
    )
    connection.execute(delete(LabelRow).where(LabelRow.id == old_id))
    for own, value in zip(columns, had, strict=True):
        without = update(LabelRow).where(LabelRow.id == new_id, own.is_(None))
        connection.execute(without.values({own.key: value}))


def _require_items(connection: Connection, item_ids: set[int]) -> None:
    known = connection.execute(select(ItemRow.id).where(ItemRow.id.in_(among(item_ids)))).scalars()
    missing = item_ids.difference(known)
    if missing:
        raise KeyError(min(missing))


def _is_named(*labels: str) -> ColumnElement[bool]:
    names = select(func.json_each(json.dumps([*map(composed, labels)])).table_valued("value").c.value)
    return AnnotationRow.label_id.in_(select(LabelRow.id).where(LabelRow.name.in_(names)))


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
