"""Labels that go from one item to another, since they were said of a content: which of them an item can take.

Where labels exclude each other, an item keeps what was given to it: what comes is then kept apart, and gives way itself
where it was only transferred. What was given to a former content of the item goes instead.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import Row, Select, func, select

from modag_search.catalog.conflicts import are_opposites, read_rivalry, stand_together
from modag_search.catalog.database import among, among_texts
from modag_search.catalog.names import label_mode, read_hierarchy
from modag_search.catalog.tables import (
    AnnotationRow,
    ItemRow,
    KeptAnnotationRow,
    LabelRow,
    SupersededAnnotationRow,
)
from modag_search.values import LabelPassage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

Said = Row[Any]
"""An annotation with the name of its label, and of its file; on an item, or kept."""


class Taker(NamedTuple):
    """An item that labels may go to."""

    id: int
    path: str
    kind: str
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one annotation.

    Attributes
    ----------
    said : Row
    to : Taker or None
        The item that has it from now on; None: it is kept.
    same : Row or None
        What says the same already; `said` adds nothing then, and is kept if it is of another run, which may outlast.
    giving_way : tuple of Row
        What of that item it excludes: what was transferred, and what was given to a former content.
    opposed_by : tuple of str
        The labels that made it be kept.
    """

    said: Said
    to: Taker | None
    same: Said | None = None
    giving_way: tuple[Said, ...] = ()
    opposed_by: tuple[str, ...] = ()


def said_of_items(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select annotations of items; `content_hash` is that of what each was said of."""
    return (
        select(
            AnnotationRow.id,
            AnnotationRow.item_id,
            ItemRow.path,
            ItemRow.kind,
            ItemRow.content_hash.label("item_hash"),
            func.coalesce(AnnotationRow.content_hash, ItemRow.content_hash).label("content_hash"),
            *_statement_of(AnnotationRow),
        )
        .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
        .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .where(*conditions)
        .order_by(AnnotationRow.id)
    )


def said_and_kept(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select annotations that are kept."""
    row = KeptAnnotationRow
    return (
        select(row.id, row.path, row.content_hash, row.likeness, *_statement_of(row))
        .join(LabelRow, LabelRow.id == row.label_id)
        .where(*conditions)
        .order_by(row.id)
    )


def superseded_by(run_id: int) -> Select[Any]:
    """Select what a run superseded of items that are there."""
    row = SupersededAnnotationRow
    return (
        select(
            row.id,
            row.item_id,
            ItemRow.path,
            ItemRow.kind,
            ItemRow.content_hash.label("item_hash"),
            row.content_hash,
            *_statement_of(row),
        )
        .join(ItemRow, ItemRow.id == row.item_id)
        .join(LabelRow, LabelRow.id == row.label_id)
        .where(row.superseded_by == run_id)
        .order_by(row.id)
    )


def _statement_of(row: Any) -> tuple[Any, ...]:
    name = LabelRow.name.label("label")
    return row.label_id, name, row.start_s, row.end_s, row.origin, row.run_id, row.is_not, LabelRow.is_tag


def settle(
    connection: Connection, arrivals: Iterable[tuple[Said, Sequence[Taker]]], *, as_given: bool = False
) -> list[Step]:
    """Decide, for each annotation, which of the items that it may go to takes it.

    Where they come `as_given`, what people and files say may stand beside each other, unless the mode is ``single``.
    """
    listed = list(arrivals)
    known = {taker for _, some in listed for taker in some}
    if not known:
        return [Step(said=said, to=None) for said, _ in listed]  # which labels exclude each other takes all to tell
    takers = _Takers(connection, known, may_have_both=as_given and label_mode(connection) != "single")
    return [takers.take(said, some) for said, some in listed]


class _Takers:
    """Items, and what is said of them, and of others of the same contents, as annotations come to them."""

    def __init__(self, connection: Connection, takers: set[Taker], *, may_have_both: bool) -> None:
        self._may_have_both = may_have_both
        self._rivalry = read_rivalry(connection)
        self._hierarchy = read_hierarchy(connection)
        self._of_item: dict[int, list[Said]] = {taker.id: [] for taker in takers}
        self._of_content: dict[str, list[Said]] = {taker.content_hash: [] for taker in takers}
        self._gone: set[int] = set()
        self._come: set[int] = set()
        of_contents = select(ItemRow.content_hash).where(ItemRow.id.in_(among(self._of_item)))
        for row in connection.execute(said_of_items(ItemRow.content_hash.in_(of_contents))):
            self._of_content[row.item_hash].append(row)
            self._of_item.setdefault(row.item_id, []).append(row)

    def take(self, said: Said, takers: Sequence[Taker]) -> Step:
        for taker in takers:
            same = next((own for own in self._left(self._of_item[taker.id]) if _says_the_same(own, said)), None)
            if same is not None:
                return Step(said=said, to=None if _is_of_another_run(said, same) else taker, same=same)
        for taker in takers:
            opposing = self._opposing(said, taker)
            if all(_gives_way(own, said, taker) for own in opposing):
                self._gone.update(map(id, opposing))
                self._come.add(id(said))
                self._of_item[taker.id].append(said)
                self._of_content[taker.content_hash].append(said)
                return Step(said=said, to=taker, giving_way=tuple(opposing))
        opposing = self._opposing(said, takers[0]) if takers else []
        return Step(
            said=said, to=None, opposed_by=tuple(sorted({called(own.label, is_not=own.is_not) for own in opposing}))
        )

    def _left(self, said: Iterable[Said]) -> list[Said]:
        return [own for own in said if id(own) not in self._gone]

    def _opposing(self, said: Said, taker: Taker) -> list[Said]:
        """List what of an item excludes what comes, and what denies it of its content, on whatever item."""
        of_content = self._left(self._of_content[taker.content_hash])
        opposites = [own for own in of_content if are_opposites(own, said, self._hierarchy.ancestors)]
        return opposites + [own for own in self._left(self._of_item[taker.id]) if self._are_rivals(own, said)]

    def _are_rivals(self, own: Said, said: Said) -> bool:
        if own.is_not or said.is_not or own.is_tag or said.is_tag:
            return False
        if id(own) in self._come and own.path == said.path:
            return False  # they stood together where they come from
        if self._may_have_both and "transfer" not in (own.origin, said.origin):
            return False
        return self._rivalry.exclude(own.label, said.label) and stand_together(own, said, self._hierarchy)


def _says_the_same(own: Said, said: Said) -> bool:
    """Tell whether an annotation makes another superfluous; what is transferred never stands beside what is given."""
    place = (own.label_id, own.start_s, own.end_s, own.is_not)
    is_same = place == (said.label_id, said.start_s, said.end_s, said.is_not)
    return bool(is_same and said.origin in (own.origin, "transfer"))


def _is_of_another_run(said: Said, same: Said) -> bool:
    """Tell whether what says the same may be undone alone; what is transferred may come again."""
    return bool(said.origin == same.origin != "transfer" and said.run_id != same.run_id)


def _gives_way(own: Said, said: Said, taker: Taker) -> bool:
    if said.origin == "transfer":
        return False
    of_former_content = own.content_hash != taker.content_hash and said.content_hash == taker.content_hash
    return bool(of_former_content or own.origin == "transfer")


def called(label: str, *, is_not: bool) -> str:
    """Return what an annotation says, in words: its label, or that it is not that."""
    return f"not {label}" if is_not else label


def told(steps: Iterable[Step], *, fate: Literal["passed", "returned"]) -> tuple[LabelPassage, ...]:
    """Tell what became of labels that people or files gave, file by file; what others have already is not told of."""
    labels: dict[tuple[str, str | None], tuple[set[str], set[str]]] = {}
    for step in steps:
        if step.said.origin != "transfer" and step.same is None:
            key = (step.said.path, step.to.path if step.to else None)
            names, opposed_by = labels.setdefault(key, (set(), set()))
            names.add(called(step.said.label, is_not=step.said.is_not))
            opposed_by.update(step.opposed_by)
    return tuple(
        LabelPassage(
            path=path,
            labels=tuple(sorted(names)),
            fate="kept" if to is None else fate,
            to=to,
            opposed_by=tuple(sorted(opposed_by)),
        )
        for (path, to), (names, opposed_by) in labels.items()
    )


def nearest_first(takers: Iterable[Taker], path: str) -> list[Taker]:
    """Bring items in order of how far their paths end as another does: on another disk, a file has the same folders."""
    some = list(takers)
    if len(some) < 2:
        return some
    wanted = path.split(os.sep)[::-1]

    def in_common(taker: Taker) -> int:
        pairs = zip(taker.path.split(os.sep)[::-1], wanted, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    return sorted(some, key=lambda taker: (taker.path != path, -in_common(taker), taker.id))


def takers_by_content(
    connection: Connection, content_hashes: Iterable[str], *, without: Iterable[int] = ()
) -> Mapping[str, list[Taker]]:
    """Return the items that were indexed from some contents, by content, oldest first."""
    row = ItemRow
    statement = (
        select(row.id, row.path, row.kind, row.content_hash)
        .where(row.status == "ok", row.content_hash.in_(among_texts(set(content_hashes))))
        .where(row.id.not_in(among(without)))
        .order_by(row.id)
    )
    found: dict[str, list[Taker]] = {}
    for one in connection.execute(statement):
        found.setdefault(one.content_hash, []).append(Taker(*one))
    return found
