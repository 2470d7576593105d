"""What was forgotten last, put aside so that it can be taken back without its files: items with features, failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, exists, insert, literal, select, update

from modag_search.catalog import departures, remnants
from modag_search.catalog.changes import (
    RemovalReport,
    forget_failures,
    ids_at,
    mark_failed,
    remove_items,
    take_segments_back,
)
from modag_search.catalog.database import PATHS_AT_ONCE, among, batches, count_label_change, next_generation, now
from modag_search.catalog.dialects import upsert
from modag_search.catalog.returns import give_back, give_back_alike, latest_kept, put_back
from modag_search.catalog.selection import in_order_of_path
from modag_search.catalog.tables import (
    SAID,
    AnnotationRow,
    FailureRow,
    ForgottenFailureRow,
    ForgottenItemRow,
    ItemRow,
    RunRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from modag_search.catalog.passages import Step
    from modag_search.values import LabelPassage

_ITEMS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallReport:
    """What was taken back.

    Attributes
    ----------
    paths : list of str
        Of items.
    failures : int
        How many other files are known again to have failed.
    taken : list of str
        Paths at which the index holds something again; what was forgotten there stays forgotten.
    passages : tuple of LabelPassage
    """

    paths: list[str]
    failures: int
    taken: list[str]
    passages: tuple[LabelPassage, ...]


def forget(
    connection: Connection, item_ids: Iterable[int], *, failures: Collection[str] = (), run_id: int
) -> RemovalReport:
    """Remove items, and failures by path, and put them aside in the place of those that were forgotten before.

    Their segments stay as remnants. The run's outcome notes which annotations passed to other items and which were
    kept, so that these can be taken back, too.
    """
    ids = sorted(item_ids)  # as their rows lie, so that each page is gone to once
    _empty(connection)
    _put_aside(connection, ids, run_id=run_id)
    _put_failures_aside(connection, failures)
    kept_before = latest_kept(connection)
    steps = departures.carry_out(connection, departures.plan(connection, ids))
    report = remove_items(connection, ids, steps, leaves_remnants=True)
    outcome = {
        "removed": report.removed,
        "failures": forget_failures(connection, failures),
        "passed": _passed(steps, set(ids)),
        "moved": _moved(steps, set(ids)),
        "kept": (kept_before + 1, latest_kept(connection)),
    }
    connection.execute(update(RunRow).where(RunRow.id == run_id).values(finished_at=now(), outcome=outcome))
    return report


def recall(connection: Connection) -> RecallReport | None:
    """Take back what was forgotten last, items under the ids that they had; None where there is nothing."""
    item = ForgottenItemRow
    found = connection.execute(select(item.id, item.path, item.run_id).order_by(item.path)).all()
    rows = list(in_order_of_path(connection, found, path_of=lambda row: row.path))
    if not rows and connection.execute(select(ForgottenFailureRow.path).limit(1)).first() is None:
        return None
    failed = _failures_again(connection)  # first: behind it, items are there that were not
    taken = ids_at(connection, [row.path for row in rows])
    ids_by_path = {row.path: row.id for row in rows if row.path not in taken}
    passages = _items_again(connection, ids_by_path, run_id=rows[0].run_id) if ids_by_path else ()
    _empty(connection)
    return RecallReport(
        paths=list(ids_by_path),
        failures=len(failed - ids_by_path.keys()),
        taken=[row.path for row in rows if row.path in taken],
        passages=passages,
    )


def has_forgotten(connection: Connection, path: str) -> bool:
    """Tell whether what was forgotten last, and not taken back, was at a path: an item, or a failure."""
    rows = (ForgottenItemRow, ForgottenFailureRow)
    return any(connection.execute(select(exists().where(row.path == path))).scalar_one() for row in rows)


def _take_from_others(connection: Connection, moved: Iterable[tuple[int, int]], item_ids: set[int]) -> None:
    """Take from others the annotations that they have since items went which are there again, and have them again."""
    ids = [annotation_id for annotation_id, item_id in moved if item_id in item_ids]
    connection.execute(delete(AnnotationRow).where(AnnotationRow.id.in_(among(ids))))


def let_stay(connection: Connection, annotation_ids: Collection[int]) -> None:
    """Let items keep annotations that were said of them again, though these passed to them from what was forgotten."""
    if not annotation_ids:
        return
    of_forgotten = select(RunRow.id, RunRow.outcome).where(RunRow.id.in_(select(ForgottenItemRow.run_id))).limit(1)
    run = connection.execute(of_forgotten).first()
    if run is None:
        return
    again = set(annotation_ids)
    moved = [one for one in run.outcome.get("moved", ()) if one[0] not in again]
    statement = update(RunRow).where(RunRow.id == run.id)
    connection.execute(statement.values(outcome=run.outcome | {"moved": moved}))


def _items_again(connection: Connection, ids_by_path: Mapping[str, int], *, run_id: int) -> tuple[LabelPassage, ...]:
    """Insert items as they were, with what was said of them and what holds again now that they are there.

    One whose file has failed meanwhile is there as if it had been so then.

    An id is given to nothing else meanwhile: tables never give one again.
    """
    item_ids = sorted(ids_by_path.values())
    row = ForgottenItemRow.__table__.c
    columns = [column for column in row if column.name != "run_id"]
    for batch in batches(item_ids, _ITEMS_AT_ONCE):
        again = select(*columns).where(row.id.in_(among(batch))).order_by(row.id)
        connection.execute(insert(ItemRow).from_select([column.name for column in columns], again))
    _segments_again(connection, item_ids)
    mark_failed(connection, _failed_meanwhile(connection, item_ids))
    outcome = connection.execute(select(RunRow.outcome).where(RunRow.id == run_id)).scalar_one()
    _give_again(connection, outcome["passed"], set(item_ids))
    _take_from_others(connection, outcome.get("moved", ()), set(item_ids))
    put_back(connection, ids_by_path, kept_ids=outcome["kept"])
    return (*give_back(connection, item_ids), *give_back_alike(connection, item_ids))


def _failed_meanwhile(connection: Connection, item_ids: Iterable[int]) -> list[int]:
    """Return those of the items that are sound, and whose files are known to be at fault."""
    is_at_fault = exists().where(FailureRow.path == ItemRow.path, FailureRow.size_bytes.is_not(None))
    sound = select(ItemRow.id).where(ItemRow.id.in_(among(item_ids)), ItemRow.status == "ok")
    return list(connection.execute(sound.where(is_at_fault)).scalars())


def _empty(connection: Connection) -> None:
    for row in (ForgottenItemRow, ForgottenFailureRow):
        connection.execute(delete(row))


def _put_aside(connection: Connection, item_ids: Sequence[int], *, run_id: int) -> None:
    own = ItemRow.__table__.c
    columns = [column.name for column in own]
    items = select(*own, literal(run_id)).where(own.id.in_(among(item_ids)))
    connection.execute(insert(ForgottenItemRow).from_select([*columns, "run_id"], items))


def _put_failures_aside(connection: Connection, paths: Iterable[str]) -> None:
    columns = FailureRow.__table__.c
    for batch in batches(paths, PATHS_AT_ONCE):
        failed = select(*columns).where(FailureRow.path.in_(batch))
        connection.execute(insert(ForgottenFailureRow).from_select(columns.keys(), failed))


def _failures_again(connection: Connection) -> set[str]:
    """Note failures as they were, but where something is at their paths again; return their paths."""
    row = ForgottenFailureRow
    is_taken = exists().where(ItemRow.path == row.path) | exists().where(FailureRow.path == row.path)
    columns = row.__table__.c
    again = insert(FailureRow).from_select(columns.keys(), select(*columns).where(~is_taken))
    return set(connection.execute(again.returning(FailureRow.path)).scalars())


def _passed(steps: Iterable[Step], item_ids: set[int]) -> list[tuple[int, int, str]]:
    """Note the annotations of others that say what was said of items: annotation, item, and the content it was of."""
    return [
        (step.said.id if step.same is None else step.same.id, step.said.item_id, step.said.content_hash)
        for step in steps
        if step.to is not None
        and step.said.item_id in item_ids
        and (step.same is None or step.same.origin == step.said.origin)
    ]


def _moved(steps: Iterable[Step], item_ids: set[int]) -> list[tuple[int, int]]:
    """Note the annotations that others have since items went, with the item that each was on."""
    return [
        (step.said.id, step.said.item_id)
        for step in steps
        if step.to is not None and step.same is None and step.said.item_id in item_ids
    ]


def _segments_again(connection: Connection, item_ids: Sequence[int]) -> None:
    """Insert segments as they were, under new ids: stores know by them what has come."""
    generation = next_generation(connection)
    for batch in batches(item_ids, _ITEMS_AT_ONCE):
        take_segments_back(connection, batch, generation=generation)
    remnants.discard(connection, item_ids)


def _give_again(connection: Connection, passed_on: Iterable[tuple[int, int, str]], item_ids: set[int]) -> None:
    """Give items what passed from them to others, which may have been given the same before."""
    said = AnnotationRow.__table__.c
    passed = [
        {"passed": annotation_id, "to": item_id, "content": content_hash}
        for annotation_id, item_id, content_hash in passed_on
        if item_id in item_ids
    ]
    again = select(bindparam("to", type_=BigInteger), bindparam("content", type_=Text), *(said[name] for name in SAID))
    if passed:
        chosen = again.where(said.id == bindparam("passed"))
        statement = upsert(connection, AnnotationRow).from_select(["item_id", "content_hash", *SAID], chosen)
        connection.execute(statement.on_conflict_do_nothing(), passed)
        count_label_change(connection)
