"""Labels on items, whole or in part, and where each comes from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, CompoundSelect, Connection, delete, func, select, union_all, update

from modag_search.catalog import superseded
from modag_search.catalog.conflicts import count_labelled, labels_beside, read_rivalry
from modag_search.catalog.counting import LabelCount, label_counts
from modag_search.catalog.database import Database, among, among_texts, batches, count_label_change, now
from modag_search.catalog.dialects import ROW_BY_ROW
from modag_search.catalog.forgotten import let_stay
from modag_search.catalog.judgements import Foreseen, foresee, judge, settle_opposites
from modag_search.catalog.likeness import likenesses
from modag_search.catalog.merging import merge_labels, move_label
from modag_search.catalog.names import label_ids, labels_in_use, read_hierarchy
from modag_search.catalog.places import (
    holds_for_segment,
    ids_of_labels,
    is_denied_of_segment,
    is_of_present_content,
    is_shown,
)
from modag_search.catalog.returns import give_back_alike, give_kept_back, give_superseded_back
from modag_search.catalog.runs import note_end
from modag_search.catalog.settling import settle_all, settle_conflicts
from modag_search.catalog.tables import (
    AnnotationRow,
    ItemRow,
    KeptAnnotationRow,
    LabelRow,
    SegmentRow,
    SupersededAnnotationRow,
)
from modag_search.catalog.tags import TurnedTransfers, forget_unused_tags, make_tags, refuse_tags, tags_among, turn_into
from modag_search.spelling import composed
from modag_search.values import Undone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.rivalry import Rivalry
    from modag_search.values import Int64Array, Modality

Origin = Literal["hand", "import", "transfer"]
"""Who said so: a person, a file that a person gave, or the labels of neighbours."""

ANNOTATIONS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A label on an item: that it holds, or that it does not.

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
    is_not : bool
        True where the label is said not to hold.
    """

    item_id: int
    label: str
    origin: Origin
    start_s: float | None = None
    end_s: float | None = None
    source: str | None = None
    confidence: float | None = None
    run_id: int | None = None
    is_not: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """What else came of giving labels.

    Attributes
    ----------
    before, after : Rivalry
        Which labels exclude each other.
    replaced : Mapping of str to int
        How often people or files had said the opposite, by label; that is taken back.
    """

    before: Rivalry
    after: Rivalry
    replaced: Mapping[str, int]


class Labels:
    """Labels: to give, to take back, to count, and to look up by segment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def annotate(
        self,
        annotations: Iterable[Annotation],
        *,
        tags: Collection[str] = (),
        run: int | None = None,
        outcome: Mapping[str, Any] | None = None,
        on_change: Callable[[LabelChange], None] | None = None,
        on_refusal: Callable[[Sequence[Annotation]], None] | None = None,
    ) -> int:
        """Give labels to items, or deny them, all or none.

        What is there already stays as it is. A person, a file and a transfer may each say the same, so that each can be
        undone; nothing is transferred where something is said, and opposites give way as `judgements` says. Where
        labels exclude each other, transferred ones give way to what a person or a file says.

        Parameters
        ----------
        annotations : iterable of Annotation
        tags : collection of str
            Labels among them that are tags.
        run : int, optional
            That has come to its end once they are given; to undo it gives back what gave way.
        outcome : Mapping, optional
            JSON values that it records beside how many were new.
        on_change : callable, optional
            Called with what else came of it, where anything was said that is no transfer.
        on_refusal : callable, optional
            Called with what was not given, since the opposite was said with more say, if there is any.

        Returns
        -------
        int
            How much of it nobody had said before, or a transfer alone.

        Raises
        ------
        KeyError
            If an item is not in the catalog; carries its id.
        UsageError
            If a label is to be a tag and is none, or is to be denied or transferred and is a tag.
        LabelConflictError
            If labels exclude each other by the mode of the catalog, and an item would have two.
        """
        with self._database.write() as connection:
            before = read_rivalry(connection)
            added, refused = _annotate(
                connection, annotations, before=before, tags=tags, run=run, outcome=outcome, on_change=on_change
            )
        if refused and on_refusal:
            on_refusal(refused)
        return added

    def exchange(
        self,
        annotations: Sequence[Annotation],
        label: str,
        *,
        run: int,
        on_change: Callable[[LabelChange], None] | None = None,
    ) -> tuple[int, int]:
        """Take a label from items, and say something else of these: both or nothing.

        Parameters and errors are as of `annotate`.

        Returns
        -------
        taken : int
            As of `unannotate`.
        added : int
            As of `annotate`.
        """
        with self._database.write() as connection:
            before = read_rivalry(connection)
            items = {annotation.item_id for annotation in annotations}
            taken = _take(connection, items, label, is_not=False, run=run)
            outcome = {"removed": taken}
            added, _ = _annotate(connection, annotations, before=before, run=run, outcome=outcome, on_change=on_change)
        return taken, added

    def foresee(self, annotations: Iterable[Annotation]) -> Foreseen:
        """Tell how much of some annotations `annotate` would find new, and what it would not give; writes nothing.

        Raises
        ------
        KeyError
            If an item is not in the catalog; carries its id.
        """
        with self._database.read() as connection:
            return foresee(connection, list(annotations))

    def unannotate(self, item_ids: Iterable[int], label: str, *, run: int | None = None) -> int:
        """Take a label from items, and return how many annotations that were; denials of it stay.

        A run has come to its end then; to undo it gives them back.
        """
        with self._database.write() as connection:
            return _take(connection, list(item_ids), label, is_not=False, run=run)

    def undeny(self, item_ids: Iterable[int], label: str, *, run: int | None = None) -> int:
        """Take back that items are not a label, and return how many denials that were; a run as of `unannotate`."""
        with self._database.write() as connection:
            return _take(connection, list(item_ids), label, is_not=True, run=run)

    def count_transferred(self, item_ids: Iterable[int], label: str) -> int:
        """Count those of some items that have a label by transfer alone."""
        ids = list(item_ids)
        given = (
            select(AnnotationRow.item_id)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .where(AnnotationRow.origin != "transfer", _is_named(label), _is_given(), is_of_present_content())
        )
        by_transfer = (
            select(func.count(AnnotationRow.item_id.distinct()))
            .where(AnnotationRow.item_id.in_(among(ids)), AnnotationRow.origin == "transfer", _is_named(label))
            .where(AnnotationRow.item_id.not_in(given))
        )
        with self._database.read() as connection:
            return connection.execute(by_transfer).scalar_one()

    def standing_beside(self, label: str) -> set[str]:
        """Return the labels that were given together with one: at one place, neither a kind of the other."""
        with self._database.read() as connection:
            return labels_beside(connection, label)

    def count_labelled(self) -> tuple[int, int]:
        """Count the items that people and files gave labels, and those on which labels stand together."""
        with self._database.read() as connection:
            return count_labelled(connection)

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

        Raises
        ------
        UsageError
            If one is a tag.
        """
        moment = now()
        with self._database.write() as connection:
            refuse_tags(connection, means, what="never an answer")
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
            kept = delete(KeptAnnotationRow).where(KeptAnnotationRow.label_id.in_(ids_of_labels(label)))
            gave_way = delete(SupersededAnnotationRow)
            connection.execute(gave_way.where(SupersededAnnotationRow.label_id.in_(ids_of_labels(label))))
            deleted = connection.execute(kept).rowcount + _deleted(connection, _is_named(label))
            # Words stay where the hierarchy still names the label, and nowhere else: it might be given again.
            unused = update(LabelRow).where(named, LabelRow.id.not_in(labels_in_use()))
            connection.execute(unused.values(means=None))
        return deleted

    def tags(self) -> set[str]:
        """Return the labels that are tags."""
        with self._database.read() as connection:
            return tags_among(connection)

    def turn_into(self, label: str, *, is_tag: bool) -> TurnedTransfers:
        """Make a class a tag, or a tag a class.

        Raises
        ------
        UsageError
            If the hierarchy names what is to be a tag, or it counts without any item.
        LabelConflictError
            If labels exclude each other by the mode of the catalog, and an item would have two.
        """
        with self._database.write() as connection:
            turned = turn_into(connection, label, is_tag=is_tag)
            count_label_change(connection)
        return turned

    def undo(self, run_id: int) -> Undone:
        """Take back what a run annotated, also what waits for its content.

        What the run took from items comes back to them, and what gave way to it; so does what was kept of the same
        content, or of the same features, since these annotations said the same or excluded it.
        """
        of_run = AnnotationRow.run_id == run_id
        with self._database.write() as connection:
            origins = select(AnnotationRow.item_id, AnnotationRow.origin).where(of_run).distinct()
            said = connection.execute(origins).all()
            kept = connection.execute(delete(KeptAnnotationRow).where(KeptAnnotationRow.run_id == run_id)).rowcount
            deleted = _deleted(connection, of_run)
            superseded.forget_of_run(connection, run_id)
            restored = give_superseded_back(connection, run_id)
            give_kept_back(connection, {item_id for item_id, _ in said})
            # What was transferred keeps nothing away.
            give_back_alike(connection, {item_id for item_id, origin in said if origin != "transfer"})
        return Undone(removed=deleted + kept, restored=restored.back, left=restored.left)

    def merge(self, labels: Iterable[str], into: str) -> int:
        """Let labels become one, and return how many annotations it has then.

        What they are kinds of, and what is a kind of them, goes over to it. A label that is not there is passed over;
        with one label, and a name that is not taken, this is giving it another name.

        Raises
        ------
        UsageError
            If it would become a kind of itself, or some are tags and others are not.
        """
        with self._database.write() as connection:
            if merge_labels(connection, labels, into):
                settle_all(connection)
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
                    settle_opposites(connection, there[name])
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
        """Return the labels that items have or had, that the hierarchy names, that were added, or AudioSet has."""
        return self._names(labels_in_use())

    def class_names(self) -> set[str]:
        """Return those of `names` that can be answers: no tags, not what is only denied, and not what is only kept."""
        return self._names(labels_in_use(denied=False)) - self.tags()

    def _names(self, ids: CompoundSelect[tuple[int]]) -> set[str]:
        with self._database.read() as connection:
            return set(connection.execute(select(LabelRow.name).where(LabelRow.id.in_(ids))).scalars())

    def counts(self) -> list[LabelCount]:
        """Return the labels in use, in order of name."""
        with self._database.read() as connection:
            return label_counts(connection)

    def annotations(self, *, items: Iterable[int] | None = None, of_former: bool = True) -> Iterator[Annotation]:
        """Iterate over annotations, oldest first.

        Parameters
        ----------
        items : iterable of int, optional
            Leaves out other items.
        of_former : bool
            False leaves out what was said of former contents of items, and not since.

        Yields
        ------
        Annotation
        """
        statement = (
            select(AnnotationRow.__table__, LabelRow.name)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .where(is_shown())
            .order_by(AnnotationRow.id)
            .execution_options(**ROW_BY_ROW)
        )
        if not of_former:
            statement = statement.where(is_of_present_content())
        if items is not None:
            statement = statement.where(AnnotationRow.item_id.in_(among(items)))
        with self._database.read() as connection, connection.execute(statement) as rows:
            for row in rows:
                yield Annotation(
                    item_id=row.item_id,
                    label=row.name,
                    origin=row.origin,
                    start_s=row.start_s,
                    end_s=row.end_s,
                    source=row.source,
                    confidence=row.confidence,
                    run_id=row.run_id,
                    is_not=row.is_not,
                )

    def given(self) -> dict[int, tuple[str, ...]]:
        """Return the labels that people and files gave, on the whole or on parts, by item; each item's sorted."""
        statement = (
            select(AnnotationRow.item_id, LabelRow.name)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .where(AnnotationRow.origin != "transfer", AnnotationRow.is_not.is_(False))
            .distinct()
            .order_by(LabelRow.name)
        )
        found: dict[int, list[str]] = {}
        with self._database.read() as connection:
            for item_id, name in connection.execute(statement):
                found.setdefault(item_id, []).append(name)
        return {item_id: tuple(names) for item_id, names in found.items()}

    def given_to_wholes(self) -> dict[int, dict[str, bool]]:
        """Return what people and files said of items as wholes, by item: whether each label holds.

        Where both was said of a label, that it does not hold. Tags are left out, and what was said of former contents.
        """
        statement = (
            select(AnnotationRow.item_id, LabelRow.name, AnnotationRow.is_not)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .where(is_of_present_content())
            .where(AnnotationRow.origin != "transfer", LabelRow.is_tag.is_(False))
            .where(AnnotationRow.start_s.is_(None), AnnotationRow.end_s.is_(None))
            .distinct()
            .order_by(AnnotationRow.item_id, LabelRow.name, AnnotationRow.is_not)
        )
        found: dict[int, dict[str, bool]] = {}
        with self._database.read() as connection:
            for item_id, name, is_not in connection.execute(statement):
                found.setdefault(item_id, {})[name] = not is_not
        return found

    def said(self) -> list[tuple[int, str, Origin, float | None]]:
        """Return what items are said to be, oldest first: item, label, origin, and confidence where it was transferred.

        Tags and denials are left out, and what was said of former contents.
        """
        statement = (
            select(AnnotationRow.item_id, LabelRow.name, AnnotationRow.origin, AnnotationRow.confidence)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .where(LabelRow.is_tag.is_(False), AnnotationRow.is_not.is_(False), is_of_present_content())
            .order_by(AnnotationRow.id)
        )
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def count_by_run(self) -> dict[int, int]:
        """Count the annotations of each run that are still there, or wait for their content.

        Of a run without such, those are counted that it took from items, or that gave way to it.
        """
        runs = union_all(select(AnnotationRow.run_id), select(KeptAnnotationRow.run_id)).subquery()
        statement = select(runs.c.run_id, func.count()).where(runs.c.run_id.is_not(None)).group_by(runs.c.run_id)
        with self._database.read() as connection:
            given = {run_id: count for run_id, count in connection.execute(statement) if run_id is not None}
            return superseded.count_by_run(connection) | given

    def items_labelled(self, *labels: str) -> Int64Array:
        """Return the ids of the items with any of some labels, on the whole or in part, ascending.

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        statement = select(AnnotationRow.item_id).where(_is_named(*labels), _is_given(), is_shown()).distinct()
        statement = statement.order_by(AnnotationRow.item_id)
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
            Leaves out other labels; by default tags alone.
        given : bool
            Leaves out transferred ones: what labels of neighbours said is no evidence of its own; and those that were
            given to former contents of items.

        Returns
        -------
        segment_ids : np.ndarray [shape=(n,), int64]
            Ascending; a segment with several labels stands several times.
        item_ids : np.ndarray [shape=(n,), int64]
        labels : list of str, length n
        """
        conditions = [holds_for_segment(), is_shown(), ~LabelRow.is_tag if labels is None else _is_named(*labels)]
        if modality is not None:
            conditions.append(SegmentRow.modality == modality)
        if given:
            conditions += [AnnotationRow.origin != "transfer", is_of_present_content()]
        return self._segments(*conditions)

    def denied_segments(self) -> tuple[Int64Array, Int64Array, list[str]]:
        """Return every pair of a segment that can be found and a label that is said not to hold for it.

        A denial on a part of an item holds for the segments that lie within that part. One of a former content of an
        item holds for none.

        Returns
        -------
        segment_ids, item_ids, labels
            As of `labelled_segments`.
        """
        return self._segments(is_denied_of_segment(), is_of_present_content(), ~LabelRow.is_tag)

    def _segments(self, *conditions: ColumnElement[bool]) -> tuple[Int64Array, Int64Array, list[str]]:
        statement = (
            select(SegmentRow.id, SegmentRow.item_id, LabelRow.name)
            .join(ItemRow, ItemRow.id == SegmentRow.item_id)
            .join(AnnotationRow, AnnotationRow.item_id == SegmentRow.item_id)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .where(SegmentRow.status == "ok", *conditions)
            .distinct()
            .order_by(SegmentRow.id, LabelRow.name)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        ids = np.array([(row[0], row[1]) for row in rows], dtype=np.int64).reshape(-1, 2)
        return ids[:, 0].copy(), ids[:, 1].copy(), [row[2] for row in rows]


def _annotate(
    connection: Connection,
    annotations: Iterable[Annotation],
    *,
    before: Rivalry,
    tags: Collection[str] = (),
    run: int | None = None,
    outcome: Mapping[str, Any] | None = None,
    on_change: Callable[[LabelChange], None] | None = None,
) -> tuple[int, list[Annotation]]:
    """Give labels, and return how many are new, and what was not given; see `Labels.annotate`."""
    last = connection.execute(select(func.max(AnnotationRow.id))).scalar() or 0
    added, said, items = 0, False, set()
    refused: list[Annotation] = []
    replaced: Counter[str] = Counter()
    make_tags(connection, tags)
    for batch in batches(annotations, ANNOTATIONS_AT_ONCE):
        denied = {annotation.label for annotation in batch if annotation.is_not}
        refuse_tags(connection, denied, what="nothing guesses it, so that there is nothing to deny")
        transferred = {annotation.label for annotation in batch if annotation.origin == "transfer"}
        refuse_tags(connection, transferred, what="never an answer")
        judged = judge(connection, batch, run_id=run)
        added, said = added + judged.new, said or judged.is_evidence
        let_stay(connection, judged.again)
        items |= {annotation.item_id for annotation in batch}
        replaced += judged.replaced
        refused += judged.refused
    rivalry = read_rivalry(connection) if said else before
    given_way = settle_conflicts(connection, rivalry, items, run_id=run)
    added -= sum(annotation > last for annotation in given_way)  # transferred just now, and gone
    if said:
        count_label_change(connection)
        if on_change:
            on_change(LabelChange(before=before, after=rivalry, replaced=replaced))
    if run is not None:
        note_end(connection, run, {"added": added, **(outcome or {})})
    return added, refused


def _take(connection: Connection, item_ids: Collection[int], label: str, *, is_not: bool, run: int | None) -> int:
    """Take back what was said of items, also what waits for them, or for what is like them, to say the same again."""
    own = (AnnotationRow.item_id.in_(among(item_ids)), _is_named(label), AnnotationRow.is_not.is_(is_not))
    superseded.note(connection, *own, run_id=run)
    if connection.execute(select(AnnotationRow.id).where(*own).limit(1)).first() is not None:
        # Before it is looked whether anything uses a tag still.
        _discard_kept(connection, item_ids, label, is_not=is_not)
    deleted = _deleted(connection, *own)
    if run is not None:
        note_end(connection, run, {"removed": deleted})
    return deleted


def _discard_kept(connection: Connection, item_ids: Collection[int], label: str, *, is_not: bool) -> None:
    """Let nothing say again what is taken back from items: no other of the same content, and none that is like one.

    What was said of another content waits for that, and for that alone.
    """
    row = KeptAnnotationRow
    said = (row.label_id.in_(ids_of_labels(label)), row.is_not.is_(is_not))
    contents = select(ItemRow.content_hash).where(ItemRow.id.in_(among(item_ids)))
    connection.execute(delete(row).where(*said, row.content_hash.in_(contents)))
    kept = connection.execute(select(row.likeness).where(*said)).scalars()
    if awaited := {likeness for likeness in kept if likeness is not None}:
        found = set(likenesses(connection, item_ids, awaited=awaited).values())
        connection.execute(update(row).where(*said, row.likeness.in_(among_texts(found))).values(likeness=None))


def _deleted(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    classes = select(LabelRow.id).where(~LabelRow.is_tag)
    evidence = (*conditions, AnnotationRow.origin != "transfer", AnnotationRow.label_id.in_(classes))
    was_evidence = connection.execute(select(AnnotationRow.id).where(*evidence).limit(1)).first() is not None
    deleted = connection.execute(delete(AnnotationRow).where(*conditions)).rowcount
    forget_unused_tags(connection)
    if was_evidence:
        count_label_change(connection)
    return deleted


def _is_named(*labels: str) -> ColumnElement[bool]:
    return AnnotationRow.label_id.in_(ids_of_labels(*labels))


def _is_given() -> ColumnElement[bool]:
    return AnnotationRow.is_not.is_(False)
