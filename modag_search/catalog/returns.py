"""Labels that come back with their content, or stay with what only its tags have changed of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, exists, func, select, update

from modag_search.catalog.conflicts import are_opposites
from modag_search.catalog.database import among, among_texts, count_label_change
from modag_search.catalog.departures import make_way
from modag_search.catalog.dialects import upsert
from modag_search.catalog.likeness import Digest, alike, digests, likenesses
from modag_search.catalog.names import labels_in_use, read_hierarchy
from modag_search.catalog.passages import (
    Said,
    Step,
    Taker,
    nearest_first,
    said_and_kept,
    said_of_items,
    settle,
    superseded_by,
    takers_by_content,
    told,
)
from modag_search.catalog.tables import (
    SAID,
    AnnotationRow,
    ItemRow,
    KeptAnnotationRow,
    LabelRow,
    SupersededAnnotationRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select

    from modag_search.values import LabelPassage


class Former(NamedTuple):
    """What an item held before its file changed."""

    content_hash: str
    digest: Digest | None


def former_contents(connection: Connection, item_ids: Collection[int]) -> dict[int, Former]:
    """Note what labelled items hold, before it is replaced."""
    is_labelled = exists().where(AnnotationRow.item_id == ItemRow.id)
    statement = select(ItemRow.id, ItemRow.content_hash).where(ItemRow.id.in_(among(item_ids)), is_labelled)
    hashes = {row[0]: row[1] for row in connection.execute(statement)}
    held = digests(connection, hashes)
    return {item_id: Former(content, held.get(item_id)) for item_id, content in hashes.items()}


def follow_changes(connection: Connection, formers: Mapping[int, Former]) -> None:
    """Let labels stay with items of which only the bytes have changed, as where tags within a file were edited."""
    held = digests(connection, formers)
    for item_id, former in formers.items():
        if former.digest is None or held.get(item_id) != former.digest:
            continue
        present = select(ItemRow.content_hash).where(ItemRow.id == item_id).scalar_subquery()
        statement = update(AnnotationRow).where(AnnotationRow.item_id == item_id)
        of_former = AnnotationRow.content_hash == former.content_hash
        connection.execute(statement.where(of_former).values(content_hash=present))


def give_back(connection: Connection, item_ids: Collection[int]) -> tuple[LabelPassage, ...]:
    """Let labels come back to items that have arrived with their content: from those kept, and from replaced files."""
    return (*give_kept_back(connection, item_ids), *_give_former(connection, set(item_ids)))


def give_kept_back(connection: Connection, item_ids: Collection[int]) -> tuple[LabelPassage, ...]:
    """Let labels that were kept come back to items with their content."""
    if connection.execute(select(KeptAnnotationRow.id).limit(1)).first() is None:
        return ()
    by_content: dict[str, list[Taker]] = {}
    for taker in _takers(connection, ItemRow.id.in_(among(item_ids))):
        by_content.setdefault(taker.content_hash, []).append(taker)
    contents = select(ItemRow.content_hash).where(ItemRow.id.in_(among(item_ids)), ItemRow.status == "ok")
    kept = connection.execute(said_and_kept(KeptAnnotationRow.content_hash.in_(contents))).all()
    return _return(connection, [(said, by_content[said.content_hash]) for said in kept])


def _give_former(connection: Connection, item_ids: set[int]) -> tuple[LabelPassage, ...]:
    """Give what was said of replaced files to what holds, as from now on, what they held; they keep it as well.

    That is an item that has arrived with a content which no other has, or any if the file has been replaced just now.
    """
    contents = select(ItemRow.content_hash).where(ItemRow.id.in_(among(item_ids)), ItemRow.status == "ok")
    former = said_of_items(
        AnnotationRow.content_hash.in_(contents) | AnnotationRow.item_id.in_(among(item_ids)),
        AnnotationRow.content_hash != ItemRow.content_hash,
        AnnotationRow.origin != "transfer",
    )
    said = connection.execute(former).all()
    if not said:
        return ()
    by_content = takers_by_content(connection, {one.content_hash for one in said})
    homes = [
        (one, nearest_first(takers, one.path))
        for one in said
        if (takers := by_content.get(one.content_hash))
        and (one.item_id in item_ids or item_ids.issuperset(taker.id for taker in takers))
    ]
    steps = settle(connection, homes)
    placed = [step for step in steps if step.to is not None and step.same is None]
    gone = make_way(connection, placed)
    _give(connection, placed, AnnotationRow)
    if placed:
        count_label_change(connection)
    return (*told(placed, fate="returned"), *told(gone, fate="passed"))


def likes_are_awaited(connection: Connection) -> bool:
    """Tell whether `give_back_alike` has anything to give."""
    return connection.execute(_likenesses_kept().limit(1)).first() is not None


def give_back_alike(connection: Connection, item_ids: Collection[int]) -> tuple[LabelPassage, ...]:
    """Let labels that were kept come back to items with the features that they were given to.

    What an item with these features is said not to be, no other one is called.
    """
    awaited = set(connection.execute(_likenesses_kept()).scalars())
    if not awaited:
        return ()
    by_likeness: dict[str, list[int]] = {}
    for item_id, likeness in sorted(likenesses(connection, item_ids, awaited=awaited).items()):
        by_likeness.setdefault(likeness, []).append(item_id)
    if not by_likeness:
        return ()
    coming = {item_id for some in by_likeness.values() for item_id in some}
    takers = {taker.id: taker for taker in _takers(connection, ItemRow.id.in_(among(coming)))}
    opposed = _opposed_by_like_ones(connection, coming)
    kept = connection.execute(said_and_kept(KeptAnnotationRow.likeness.in_(among_texts(by_likeness)))).all()
    homes = [
        (said, [takers[item_id] for item_id in by_likeness[said.likeness] if not opposed(item_id, said)])
        for said in kept
    ]
    return _return(connection, [(said, some) for said, some in homes if some])


def _opposed_by_like_ones(connection: Connection, item_ids: Collection[int]) -> Callable[[int, Said], bool]:
    """Return what tells whether others with the features of an item are said to be the opposite of something."""
    others = alike(connection, item_ids, without=item_ids)
    if not others:
        return lambda _, __: False
    ancestors = read_hierarchy(connection).ancestors
    said_of: dict[int, list[Said]] = {}
    of_others = AnnotationRow.item_id.in_(among({other for some in others.values() for other in some}))
    for own in connection.execute(said_of_items(of_others, AnnotationRow.origin != "transfer")):
        if own.content_hash == own.item_hash:
            said_of.setdefault(own.item_id, []).append(own)
    return lambda item_id, said: any(
        are_opposites(own, said, ancestors) for other in others.get(item_id, ()) for own in said_of.get(other, ())
    )


def _likenesses_kept() -> Select[Any]:
    return select(KeptAnnotationRow.likeness).where(KeptAnnotationRow.likeness.is_not(None)).distinct()


def _takers(connection: Connection, *conditions: ColumnElement[bool]) -> list[Taker]:
    row = ItemRow
    statement = select(row.id, row.path, row.kind, row.content_hash).where(row.status == "ok", *conditions)
    return [Taker(*one) for one in connection.execute(statement.order_by(row.id))]


def _return(connection: Connection, homes: Sequence[tuple[Said, list[Taker]]]) -> tuple[LabelPassage, ...]:
    """Move what was kept to one of the items that it may go to: that of its last path, or what is called most like."""
    if not homes:
        return ()
    steps = settle(
        connection,
        ((said, nearest_first(some, said.path)) for said, some in homes),
    )
    placed = [step for step in steps if step.to is not None]
    gone = make_way(connection, placed)
    _place(connection, placed)
    if any(step.said.origin != "transfer" for step in placed):
        count_label_change(connection)
    return (*told(steps, fate="returned"), *told(gone, fate="passed"))


class Restored(NamedTuple):
    """What came back of what a run superseded, and what did not: something said since opposes it, or its item is gone.

    What did not come back may yet, once what opposes it is undone, too.
    """

    back: int
    left: int


def give_superseded_back(connection: Connection, run_id: int) -> Restored:
    """Let what a run took from items, and what gave way to it, come back to them."""
    row = SupersededAnnotationRow
    of_run = row.superseded_by == run_id
    left = select(func.count()).select_from(row).where(of_run)
    said = connection.execute(superseded_by(run_id)).all()
    if not said:
        return Restored(0, connection.execute(left).scalar_one())
    # A tag that nothing used any more ceased to be one.
    were_tags = select(row.label_id).where(of_run, row.is_tag)
    unused = update(LabelRow).where(LabelRow.id.in_(were_tags), LabelRow.id.not_in(labels_in_use()))
    connection.execute(unused.values(is_tag=True))
    homes = [(one, [Taker(one.item_id, one.path, one.kind, one.item_hash)]) for one in said]
    steps = settle(connection, homes, as_given=True)
    placed = [
        replace(step, to=step.to._replace(content_hash=step.said.content_hash))
        for step in steps
        if step.to is not None and step.same is None
    ]
    make_way(connection, placed)
    _give(connection, placed, row)
    done = among(step.said.id for step in steps if step.to is not None)
    connection.execute(delete(row).where(row.id.in_(done)))
    if any(step.said.origin != "transfer" for step in placed):
        count_label_change(connection)
    return Restored(len(placed), connection.execute(left).scalar_one())


def latest_kept(connection: Connection) -> int:
    """Return the id of the annotation that was kept last, or an earlier one's where that has come back."""
    return connection.execute(select(func.max(KeptAnnotationRow.id))).scalar() or 0


def put_back(connection: Connection, item_ids: Mapping[str, int], *, kept_ids: tuple[int, int]) -> None:
    """Give items by path what was kept of them, of whatever content it was said.

    Parameters
    ----------
    connection : Connection
    item_ids : Mapping of str to int
        By path.
    kept_ids : tuple of int
        The first and the last id of what was kept when they went.
    """
    kept = connection.execute(said_and_kept(KeptAnnotationRow.id.between(*kept_ids))).all()
    steps = [
        Step(said=said, to=Taker(item_ids[said.path], said.path, "", said.content_hash))
        for said in kept
        if said.path in item_ids
    ]
    _place(connection, steps)
    if steps:
        count_label_change(connection)


def _place(connection: Connection, steps: Sequence[Step]) -> None:
    """Move annotations that were kept to items; those that add nothing to what an item has are done with."""
    _give(connection, [step for step in steps if step.same is None], KeptAnnotationRow)
    done = among(step.said.id for step in steps)
    connection.execute(delete(KeptAnnotationRow).where(KeptAnnotationRow.id.in_(done)))


def _give(
    connection: Connection,
    steps: Sequence[Step],
    source: type[AnnotationRow | KeptAnnotationRow | SupersededAnnotationRow],
) -> None:
    """Copy annotations to items from where they are."""
    said = source.__table__.c
    rows = [
        {"said": step.said.id, "to": step.to.id, "content": step.to.content_hash}
        for step in steps
        if step.to is not None
    ]
    chosen = select(bindparam("to", type_=BigInteger), bindparam("content", type_=Text), *(said[name] for name in SAID))
    if rows:
        columns = ["item_id", "content_hash", *SAID]
        statement = upsert(connection, AnnotationRow).from_select(columns, chosen.where(said.id == bindparam("said")))
        connection.execute(statement.on_conflict_do_nothing(), rows)
