"""What holds of what an item holds now, and which segments what is said of it, or of a part of it, is said of.

A label on a part holds for what overlaps the part: a window that has some laughter in it is an example of laughter. A
denial on a part holds for what lies within it: a window that reaches beyond may have laughter there. What is said of a
part goes before what is said of the whole.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from modag_search.catalog.database import among_texts
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelRow, SegmentRow
from modag_search.spelling import composed

_SLACK_S = 0.5
"""Windows end with the file; people and programs round."""


def is_of_present_content() -> ColumnElement[bool]:
    """Select what was said of what its item holds now, and not of a file that was replaced; needs the item's row."""
    return AnnotationRow.content_hash.is_(None) | (AnnotationRow.content_hash == ItemRow.content_hash)


def ids_of_labels(*labels: str) -> Select[int]:
    """Select the ids of some labels; of names that are none, none."""
    return select(LabelRow.id).where(LabelRow.name.in_(among_texts(map(composed, labels))))


def is_shown() -> ColumnElement[bool]:
    """Select what holds as things stand: of a label that is a tag now, what was transferred waits for it to be none."""
    tags = select(LabelRow.id).where(LabelRow.is_tag)
    return (AnnotationRow.origin != "transfer") | AnnotationRow.label_id.not_in(tags)


def holds_for_segment() -> ColumnElement[bool]:
    """Select labels with the segments of their items that they hold for."""
    denied = AnnotationRow.aliased()
    on_its_part = (
        select(denied.id)
        .where(_is_of_same(denied), denied.is_not, ~_is_of_whole(denied), _covers(denied))
        .exists()
        .correlate(AnnotationRow, SegmentRow)
    )
    goes_before = _is_of_whole(AnnotationRow) & on_its_part
    return ~AnnotationRow.is_not & _overlaps(AnnotationRow) & ~goes_before


def is_denied_of_segment() -> ColumnElement[bool]:
    """Select denials with the segments of their items that they hold for."""
    given = AnnotationRow.aliased()
    on_its_part = (
        select(given.id)
        .where(_is_of_same(given), ~given.is_not, given.origin != "transfer", ~_is_of_whole(given), _overlaps(given))
        .exists()
        .correlate(AnnotationRow, SegmentRow)
    )
    return AnnotationRow.is_not & _covers(AnnotationRow) & ~on_its_part


def _is_of_same(other: type[AnnotationRow]) -> ColumnElement[bool]:
    return and_(other.item_id == AnnotationRow.item_id, other.label_id == AnnotationRow.label_id)


def _is_of_whole(said: type[AnnotationRow]) -> ColumnElement[bool]:
    return said.start_s.is_(None) & said.end_s.is_(None)


def _overlaps(said: type[AnnotationRow]) -> ColumnElement[bool]:
    begins_before_its_end = said.end_s.is_(None) | (SegmentRow.start_s < said.end_s)
    # A frame has no length: its start alone can lie within.
    ends_after_its_start = or_(
        said.start_s.is_(None),
        SegmentRow.end_s > said.start_s,
        SegmentRow.start_s >= said.start_s,
    )
    return _is_of_whole(said) | (SegmentRow.start_s.is_not(None) & begins_before_its_end & ends_after_its_start)


def _covers(said: type[AnnotationRow]) -> ColumnElement[bool]:
    begins_within = said.start_s.is_(None) | (SegmentRow.start_s >= said.start_s - _SLACK_S)
    ends_within = said.end_s.is_(None) | (func.coalesce(SegmentRow.end_s, SegmentRow.start_s) <= said.end_s + _SLACK_S)
    return _is_of_whole(said) | (SegmentRow.start_s.is_not(None) & begins_within & ends_within)
