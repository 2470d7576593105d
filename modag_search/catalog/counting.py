"""How many items have which label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, case, func, select

from modag_search.catalog.places import is_shown
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelRow
from modag_search.catalog.tags import tags_among

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """A label, the number of its items of each kind, how many of these have it by transfer alone, and how many are not.

    A tag is no class: it says nothing of what its items are.
    """

    name: str
    items: Mapping[MediaKind, int]
    transferred: int = 0
    denied: int = 0
    is_tag: bool = False


def label_counts(connection: Connection) -> list[LabelCount]:
    """Count the items of the labels in use, in order of name."""
    items: dict[str, dict[MediaKind, int]] = {}
    transferred: dict[str, int] = {}
    is_given = func.max(case((AnnotationRow.origin == "transfer", 0), else_=1)).label("given")
    an_item = (
        select(LabelRow.name, ItemRow.kind, is_given)
        .join(AnnotationRow, AnnotationRow.label_id == LabelRow.id)
        .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
        .where(~AnnotationRow.is_not, is_shown())
        .group_by(LabelRow.name, ItemRow.id)
        .subquery()
    )
    statement = select(an_item.c.name, an_item.c.kind, func.count(), func.sum(1 - an_item.c.given)).group_by(
        an_item.c.name, an_item.c.kind
    )
    denials = (
        select(LabelRow.name, func.count(AnnotationRow.item_id.distinct()))
        .join(AnnotationRow, AnnotationRow.label_id == LabelRow.id)
        .where(AnnotationRow.is_not)
        .group_by(LabelRow.name)
    )
    for name, kind, count, by_transfer in connection.execute(statement):
        items.setdefault(name, {})[kind] = count
        transferred[name] = transferred.get(name, 0) + by_transfer
    denied = {row[0]: row[1] for row in connection.execute(denials)}
    tags = tags_among(connection)
    return [
        LabelCount(
            name=name,
            items=items.get(name, {}),
            transferred=transferred.get(name, 0),
            denied=denied.get(name, 0),
            is_tag=name in tags,
        )
        for name in sorted({*items, *denied})
    ]
