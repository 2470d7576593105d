"""Tags: labels that are searched and listed like others, and say nothing of what items are."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, or_, select, update

from modag_search.catalog.names import label_ids, labels_in_use
from modag_search.catalog.tables import AnnotationRow, KeptAnnotationRow, LabelParentRow, LabelRow
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


def turn_into(connection: Connection, name: str, *, is_tag: bool) -> int:
    """Make a class a tag, or a tag a class; return how many transferred labels went with that.

    A tag is what a person says: of what had been transferred before, nobody did.

    Raises
    ------
    UsageError
        If the hierarchy names the label, or it counts without any item.
    """
    row = connection.execute(select(LabelRow).where(LabelRow.name == composed(name))).one()
    gone = 0
    if is_tag:
        related = or_(LabelParentRow.child_id == row.id, LabelParentRow.parent_id == row.id)
        if row.audioset_id or connection.execute(select(LabelParentRow).where(related)).first():
            raise UsageError(f"{name}: is named by the hierarchy of labels, and so a class; no tag can be a kind")
        if row.added_at:
            raise UsageError(f"{name}: counts without any item, as a class does; `modag label remove` it --all first")
        for said in (AnnotationRow, KeptAnnotationRow):
            transferred = delete(said).where(said.label_id == row.id, said.origin == "transfer")
            gone += connection.execute(transferred).rowcount
    connection.execute(update(LabelRow).where(LabelRow.id == row.id).values(is_tag=is_tag))
    return gone


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
