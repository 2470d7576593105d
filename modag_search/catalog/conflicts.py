"""Labels that exclude each other, and what denies them."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, func, select

from modag_search.catalog.names import label_mode, read_hierarchy
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelRow
from modag_search.rivalry import Rivalry, Several, rivalry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from modag_search.hierarchy import Hierarchy


class LabelledPart(Protocol):
    """A label on a part of an item, in seconds; None for its beginning, and for its end."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def start_s(self) -> float | None: ...  # noqa: D102
    @property
    def end_s(self) -> float | None: ...  # noqa: D102


Part = TypeVar("Part", bound=LabelledPart)


def stand_together(first: LabelledPart, second: LabelledPart, hierarchy: Hierarchy) -> bool:
    """Tell whether two labels of one item are at one place, and neither is a kind of the other."""
    overlap = _before_end(first.start_s, second.end_s) and _before_end(second.start_s, first.end_s)
    return overlap and not hierarchy.are_related(first.label, second.label)


def standing_together(parts: Collection[Part], hierarchy: Hierarchy) -> Iterator[tuple[Part, Part]]:
    """Iterate over the pairs that stand together, of the labels of one item; of each pair, what comes first is first.

    A recording may have thousands of labels, few of them at any one time: from its beginning to its end, each is
    compared with those that have not ended.
    """
    going_on: list[tuple[int, Part]] = []
    by_start = sorted(enumerate(parts), key=lambda one: -math.inf if one[1].start_s is None else one[1].start_s)
    for place, part in by_start:
        going_on = [(before, other) for before, other in going_on if _before_end(part.start_s, other.end_s)]
        for before, other in going_on:
            if stand_together(other, part, hierarchy):
                yield (other, part) if before < place else (part, other)
        going_on.append((place, part))


class Statement(LabelledPart, Protocol):
    """That a label holds for a part of an item, or does not."""

    @property
    def origin(self) -> str: ...  # noqa: D102
    @property
    def is_not(self) -> bool: ...  # noqa: D102


def are_opposites(one: Statement, other: Statement, ancestors: Callable[[str], Collection[str]]) -> bool:
    """Tell whether one statement denies what another says, or what that is a kind of, at its place.

    What is transferred is said of all that a file is like: it is denied wherever the whole is.
    """
    if one.is_not == other.is_not:
        return False
    denied, given = (one, other) if one.is_not else (other, one)
    if denied.label != given.label and denied.label not in ancestors(given.label):
        return False
    is_of_same_place = (denied.start_s, denied.end_s) == (given.start_s, given.end_s)
    return is_of_same_place or (given.origin == "transfer" and denied.start_s is None and denied.end_s is None)


def names_a_class() -> ColumnElement[bool]:
    """Select annotations that say what an item is: no denials, no tags; needs the label's row."""
    return AnnotationRow.is_not.is_(False) & LabelRow.is_tag.is_(False)


def read_rivalry(connection: Connection) -> Rivalry:
    """Return which labels exclude each other as things stand; in mode ``auto``, by what was given together."""
    mode = label_mode(connection)
    if mode != "auto":
        return Rivalry(rest_exclude=mode == "single")
    several = _several(connection)
    if not any(one.together for one in several):
        return Rivalry()
    n_items = func.count(AnnotationRow.item_id.distinct())
    counts = _given(select(LabelRow.name, n_items)).group_by(LabelRow.id).order_by(LabelRow.id)
    return rivalry_of({row[0]: row[1] for row in connection.execute(counts)}, several)


def labels_beside(connection: Connection, label: str) -> set[str]:
    """Return the labels that were given together with one."""
    pairs = (pair for one in _several(connection) for pair in one.together if label in pair)
    return {name for pair in pairs for name in pair} - {label}


def count_labelled(connection: Connection) -> tuple[int, int]:
    """Count the items with given labels, and those of them on which labels stand together."""
    n_items = connection.execute(_given(select(func.count(AnnotationRow.item_id.distinct())))).scalar_one()
    return n_items, sum(one.count for one in _several(connection) if one.together)


def _given(statement: Any) -> Any:
    """Restrict a statement to what people and files said that items are."""
    return (
        statement.select_from(AnnotationRow)
        .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .where(AnnotationRow.origin != "transfer", names_a_class())
    )


def _several(connection: Connection) -> list[Several]:
    """List what items were given several labels; those that were given the same stand together.

    What was given to another content of an item does not stand beside what was given to this.
    """
    of_several = (
        _given(select(AnnotationRow.item_id))
        .group_by(AnnotationRow.item_id)
        .having(func.count(AnnotationRow.label_id.distinct()) > 1)
    )
    content = func.coalesce(AnnotationRow.content_hash, ItemRow.content_hash)
    said = (AnnotationRow.item_id, content, LabelRow.name, AnnotationRow.start_s, AnnotationRow.end_s)
    statement = _given(select(*said)).join(ItemRow, ItemRow.id == AnnotationRow.item_id)
    by_item: dict[tuple[int, str], list[_Part]] = {}
    for item_id, of_content, *part in connection.execute(statement.where(AnnotationRow.item_id.in_(of_several))):
        by_item.setdefault((item_id, of_content), []).append(_Part(*part))
    hierarchy, counts = read_hierarchy(connection), Counter(map(frozenset, by_item.values()))
    return [_stacked(parts, hierarchy, count=count) for parts, count in counts.items()]


class _Part(NamedTuple):
    label: str
    start_s: float | None
    end_s: float | None


def _stacked(parts: frozenset[_Part], hierarchy: Hierarchy, *, count: int) -> Several:
    together = {
        (min(first.label, second.label), max(first.label, second.label))
        for first, second in standing_together(parts, hierarchy)
    }
    return Several(tuple(sorted(together)), count)


def _before_end(start_s: float | None, end_s: float | None) -> bool:
    return start_s is None or end_s is None or start_s < end_s
