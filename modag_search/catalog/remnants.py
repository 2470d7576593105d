"""Remnants: segments of forgotten items, which stay where they are, with their features, until a later run sweeps them.

To delete them takes longer than all else that forgetting does: features fill most pages of a catalog. So they are noted
as gone, in a table of their own, and nobody who asks finds them (`is_there`). What is taken back is copied from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, exists, insert, select

from modag_search.catalog.database import among
from modag_search.catalog.tables import ForgottenItemRow, ItemRow, RemnantRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Select

SEGMENTS_AT_ONCE = 1000
"""Deleted in one step, and so in one transaction."""


def is_there() -> ColumnElement[bool]:
    """Whether a segment is there, and no remnant."""
    return ~exists().where(RemnantRow.segment_id == SegmentRow.id)


def without_item() -> Select[int]:
    """Select the segments that are there, and whose items are not; no database looks to that."""
    return select(SegmentRow.id).where(is_there(), ~exists().where(ItemRow.id == SegmentRow.item_id))


def leave(connection: Connection, segments: ColumnElement[bool]) -> None:
    """Let segments, all of which are there, be remnants."""
    connection.execute(insert(RemnantRow).from_select(["segment_id"], select(SegmentRow.id).where(segments)))


def discard(connection: Connection, item_ids: Iterable[int]) -> None:
    """Delete the remnants of items, with their features."""
    of_items = select(SegmentRow.id).where(SegmentRow.item_id.in_(among(item_ids)), ~is_there())
    connection.execute(delete(SegmentRow).where(SegmentRow.id.in_(of_items)))


def to_sweep(connection: Connection, *, after: int) -> Sequence[int]:
    """Return the next remnants, some of them, of items that cannot be taken back; ascending, behind an id."""
    can_be_taken_back = exists().where(ForgottenItemRow.id == SegmentRow.item_id)
    statement = (
        select(RemnantRow.segment_id)
        .join(SegmentRow, SegmentRow.id == RemnantRow.segment_id)
        .where(RemnantRow.segment_id > after, ~can_be_taken_back)
        .order_by(RemnantRow.segment_id)
        .limit(SEGMENTS_AT_ONCE)
    )
    return connection.execute(statement).scalars().all()


def sweep(connection: Connection, segment_ids: Iterable[int]) -> None:
    """Delete remnants, with their features."""
    remnants = select(RemnantRow.segment_id).where(RemnantRow.segment_id.in_(among(segment_ids)))
    connection.execute(delete(SegmentRow).where(SegmentRow.id.in_(remnants)))
