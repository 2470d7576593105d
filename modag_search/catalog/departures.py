"""What becomes of the labels of items that are about to go.

They pass to an item of the content that they were given to, or that their item has now, else to one with the same
features. What no item can take is kept until its content comes back, or what has the same features.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Text, bindparam, delete, exists, func, insert, literal, select, update

from modag_search.catalog.database import among, now
from modag_search.catalog.likeness import alike, likenesses
from modag_search.catalog.passages import (
    Said,
    Step,
    Taker,
    called,
    nearest_first,
    said_of_items,
    settle,
    takers_by_content,
)
from modag_search.catalog.tables import SAID, AnnotationRow, ItemRow, KeptAnnotationRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


def plan(connection: Connection, item_ids: Collection[int]) -> list[Step]:
    """Decide what becomes of the labels of items that are about to go."""
    said = connection.execute(said_of_items(AnnotationRow.item_id.in_(among(item_ids)))).all()
    if not said:
        return []
    leaving = set(item_ids)
    contents = {one for row in said for one in (row.content_hash, row.item_hash)}
    by_content = takers_by_content(connection, contents, without=leaving)
    takers = {
        row.id: _of_kind(by_content.get(row.content_hash, ()), row) or _of_kind(by_content.get(row.item_hash, ()), row)
        for row in said
    }
    by_features = _takers_by_features(connection, {row.item_id for row in said if not takers[row.id]}, leaving)
    return settle(
        connection,
        ((row, nearest_first(takers[row.id] or by_features.get(row.item_id, []), row.path)) for row in said),
    )


def carry_out(connection: Connection, steps: Sequence[Step]) -> list[Step]:
    """Pass annotations on or keep them, and return all that was done: what gives way goes, too.

    An annotation that adds nothing to what its taker has stays where it is.
    """
    gone = make_way(connection, steps)
    keep(connection, [step.said.id for step in steps if step.to is None])
    _pass(connection, [step for step in steps if step.to is not None and step.same is None])
    return [*gone, *steps]


def make_way(connection: Connection, steps: Sequence[Step]) -> list[Step]:
    """Take from items what gives way to what they are about to get, and return what becomes of it, where given."""
    giving_way = [(own, step.said) for step in steps for own in step.giving_way]
    transferred = [own.id for own, _ in giving_way if own.origin == "transfer"]
    connection.execute(delete(AnnotationRow).where(AnnotationRow.id.in_(among(transferred))))
    return _evict(connection, [(own, said) for own, said in giving_way if own.origin != "transfer"])


def _evict(connection: Connection, evicted: Sequence[tuple[Said, Said]]) -> list[Step]:
    """Let what was given to former contents of items go where that content is; each comes with what it gives way to."""
    if not evicted:
        return []
    by_content = takers_by_content(connection, {own.content_hash for own, _ in evicted})
    steps = settle(
        connection,
        ((own, [one for one in by_content.get(own.content_hash, ()) if one.id != own.item_id]) for own, _ in evicted),
    )
    # What is said there already by the same run goes; of items that leave, it would go with them.
    superfluous = [step.said.id for step in steps if step.to is not None and step.same is not None]
    connection.execute(delete(AnnotationRow).where(AnnotationRow.id.in_(among(superfluous))))
    for_what = {own.id: called(said.label, is_not=said.is_not) for own, said in evicted}
    return carry_out(
        connection,
        [step if step.to else replace(step, opposed_by=(for_what[step.said.id],)) for step in steps],
    )


def _takers_by_features(connection: Connection, item_ids: set[int], leaving: set[int]) -> dict[int, list[Taker]]:
    found = alike(connection, item_ids, without=leaving) if item_ids else {}
    wanted = {item_id for others in found.values() for item_id in others}
    row = ItemRow
    statement = select(row.id, row.path, row.kind, row.content_hash).where(row.id.in_(among(wanted)))
    takers = {one.id: Taker(*one) for one in connection.execute(statement)}
    return {item_id: [takers[other] for other in others] for item_id, others in found.items()}


def _of_kind(takers: Iterable[Taker], said: Said) -> list[Taker]:
    """Leave out items whose content is read as another kind of media, for the name of their file."""
    return [taker for taker in takers if taker.kind == said.kind]


def keep(connection: Connection, annotation_ids: Sequence[int]) -> None:
    """Take annotations from their items, and let them wait for what they were given to, or what is like it."""
    if not annotation_ids:
        return
    row = AnnotationRow.__table__.c
    kept = select(
        func.coalesce(row.content_hash, ItemRow.content_hash),
        ItemRow.path,
        literal(now()),
        bindparam("likeness", type_=Text),
        *(row[name] for name in SAID),
    ).join(ItemRow, ItemRow.id == row.item_id)
    columns = ["content_hash", "path", "kept_at", "likeness", *SAID]
    statement = insert(KeptAnnotationRow).from_select(columns, kept.where(row.id == bindparam("kept")))
    connection.execute(statement, _with_likenesses(connection, annotation_ids))
    connection.execute(delete(AnnotationRow).where(row.id.in_(among(annotation_ids))))


def _with_likenesses(connection: Connection, annotation_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return what items are like, for each of their annotations; none of what was said of a former content."""
    of_present = func.coalesce(AnnotationRow.content_hash, ItemRow.content_hash) == ItemRow.content_hash
    statement = (
        select(AnnotationRow.id, AnnotationRow.item_id, AnnotationRow.origin, of_present.label("of_present"))
        .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
        .where(AnnotationRow.id.in_(among(annotation_ids)))
        .order_by(AnnotationRow.id)
    )
    said = connection.execute(statement).all()
    # What was transferred can be again, and need not be recognised.
    known = likenesses(connection, {one.item_id for one in said if one.of_present and one.origin != "transfer"})
    return [{"kept": one.id, "likeness": known.get(one.item_id) if one.of_present else None} for one in said]


def _pass(connection: Connection, steps: Sequence[Step]) -> None:
    """Give annotations other items; those of a former content stay such."""
    rows = [
        {
            "passed": step.said.id,
            "to": step.to.id,
            "content": step.to.content_hash
            if step.said.content_hash == step.said.item_hash
            else step.said.content_hash,
        }
        for step in steps
        if step.to is not None
    ]
    other = AnnotationRow.aliased()
    is_said_already = exists().where(
        other.item_id == bindparam("to"),
        other.label_id == AnnotationRow.label_id,
        other.start_s.is_not_distinct_from(AnnotationRow.start_s),
        other.end_s.is_not_distinct_from(AnnotationRow.end_s),
        other.origin == AnnotationRow.origin,
    )
    # Where two go to one item and say the same, the second stays behind, and goes with its own.
    statement = update(AnnotationRow).where(AnnotationRow.id == bindparam("passed"), ~is_said_already)
    if rows:
        connection.execute(statement.values(item_id=bindparam("to"), content_hash=bindparam("content")), rows)
