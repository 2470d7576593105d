"""Tags: labels that are searched and listed like others, and say nothing of what items are."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, delete, exists, func, or_, select, update

from modag_search.catalog.database import among
from modag_search.catalog.names import label_ids, labels_in_use
from modag_search.catalog.settling import settle_all
from modag_search.catalog.tables import AnnotationRow, LabelParentRow, LabelRow
from modag_search.errors import UsageError
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Collection


def tags_among(connection: Connection) -> set[str]:
    """Return the labels that are tags."""
    return set(connection.execute(select(LabelRow.name).where(LabelRow.is_tag)).scalars())


def make_tags(connection: Connection, names: Collection[str]) -> None:
    """Make tags of names that nothing uses yet.

    Raises
    ------
    UsageError
        If one names a class.
    """
    ids = label_ids(connection, names, create=True)
    used = select(LabelRow.id).where(LabelRow.id.in_(labels_in_use()), ~LabelRow.is_tag)
    classes = set(connection.execute(used).scalars())
    for name, number in sorted(ids.items()):
        if number in classes:
            turn = shlex.join(["modag", "label", "kind", name, "tag"])
            raise UsageError(f"{name}: names a class in this index; `{turn}` makes it a tag")
        connection.execute(update(LabelRow).where(LabelRow.id == number).values(is_tag=True))


class TurnedTransfers(NamedTuple):
    """What a change of kind does to transferred labels.

    Attributes
    ----------
    affected : int
        How many wait from now on, since nobody said that these items have the tag; or hold again.
    given_way : int
        How many do not hold again: their items have been called otherwise since.
    displaced : int
        How many gave way to given labels that exclude them from now on.
    """

    affected: int
    given_way: int = 0
    displaced: int = 0


def turn_into(connection: Connection, name: str, *, is_tag: bool) -> TurnedTransfers:
    """Make a class a tag, or a tag a class; what was transferred waits as long as it is a tag.

    Raises
    ------
    UsageError
        If the hierarchy names the label, or it counts without any item.
    LabelConflictError
        If labels exclude each other by the mode of the catalog, and an item would have two.
    """
    row = connection.execute(select(LabelRow).where(LabelRow.name == composed(name))).one()
    if is_tag:
        related = or_(LabelParentRow.child_id == row.id, LabelParentRow.parent_id == row.id)
        if row.audioset_id or connection.execute(select(LabelParentRow).where(related)).first():
            raise UsageError(f"{name}: is named by the hierarchy of labels, and so a class; no tag can be a kind")
        if row.added_at:
            raise UsageError(f"{name}: counts without any item, as a class does; `modag label remove` it --all first")
    if row.is_tag == is_tag:
        return TurnedTransfers(0)
    given_way = 0 if is_tag else _give_way(connection, row.id)
    connection.execute(update(LabelRow).where(LabelRow.id == row.id).values(is_tag=is_tag))
    displaced = settle_all(connection)
    transferred = (AnnotationRow.label_id == row.id, AnnotationRow.origin == "transfer")
    count = connection.execute(select(func.count()).select_from(AnnotationRow).where(*transferred)).scalar_one()
    return TurnedTransfers(count, given_way, displaced)


def _give_way(connection: Connection, tag: int) -> int:
    """Take back what was transferred of a tag, before it was one, to items that were called otherwise since."""
    other = AnnotationRow.aliased()
    classes = select(LabelRow.id).where(~LabelRow.is_tag)
    called = exists().where(other.item_id == AnnotationRow.item_id, other.id > AnnotationRow.id, ~other.is_not)
    transferred = (AnnotationRow.label_id == tag, AnnotationRow.origin == "transfer")
    since = called.where(other.label_id.in_(classes)).correlate(AnnotationRow)
    ids = connection.execute(select(AnnotationRow.id).where(*transferred, since)).scalars().all()
    return connection.execute(delete(AnnotationRow).where(AnnotationRow.id.in_(among(ids)))).rowcount


def refuse_tags(connection: Connection, names: Collection[str], *, what: str) -> None:
    """Refuse tags where classes alone make sense.

    Raises
    ------
    UsageError
        For the first of them; `what` says what it cannot be.
    """
    if found := sorted(tags_among(connection).intersection(map(composed, names))):
        turn = shlex.join(["modag", "label", "kind", found[0], "class"])
        raise UsageError(f"{found[0]}: is a tag, and {what}; `{turn}` makes it a class")


def are_all_tags(connection: Connection, names: Collection[str]) -> bool:
    """Tell whether labels are tags or classes.

    Raises
    ------
    UsageError
        If some are these and some those.
    """
    tags = tags_among(connection).intersection(map(composed, names))
    if others := sorted({*map(composed, names)} - tags):
        refuse_tags(connection, names, what=f"{others[0]} is a class")
    return bool(tags)


def forget_unused_tags(connection: Connection) -> None:
    """Let names that nothing uses any more be no tags: they might be given again, as classes."""
    unused = update(LabelRow).where(LabelRow.is_tag, LabelRow.id.not_in(labels_in_use()))
    connection.execute(unused.values(is_tag=False))
