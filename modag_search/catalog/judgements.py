"""What people, files and transfers say of items: who gives way to whom.

A judgement says that a label holds at a place, or that it does not. Its opposites are, on the same content and at the
same place: of a label that is given, the denial of it or of what it is a kind of; of a denial, the label and its kinds.
The last word of a person takes the place of all opposites, that of a file of those by files and transfers. Nothing is
transferred where something is said already, nor where it is denied. What was said of a former content of an item bears
on no other item and on no transfer, and goes before nothing; what gives way of it waits for that content.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, case, delete, func, select, update

from modag_search.catalog.conflicts import are_opposites
from modag_search.catalog.database import among, now
from modag_search.catalog.departures import keep
from modag_search.catalog.dialects import upsert
from modag_search.catalog.names import label_ids, read_hierarchy
from modag_search.catalog.places import is_of_present_content
from modag_search.catalog.superseded import note
from modag_search.catalog.tables import AnnotationRow, ItemRow, LabelRow
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog.labels import Annotation, Origin
    from modag_search.hierarchy import Hierarchy

_RANKS: dict[Origin, int] = {"hand": 2, "import": 1, "transfer": 0}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Judgement:
    """One that is in the catalog, with its id, or that will be; `is_of_former` content of its item or not."""

    id: int | None
    item_id: int
    label: str
    start_s: float | None
    end_s: float | None
    origin: Origin
    is_not: bool
    is_of_former: bool = False

    @property
    def is_of_whole(self) -> bool:
        return self.start_s is None and self.end_s is None


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of judgements.

    Attributes
    ----------
    new : int
        How many nobody had said, or a transfer alone.
    is_evidence : bool
        Whether people or files say something else than before of what items are.
    replaced : Counter of str
        Of what people or files had said before, how much gave way, by label.
    again : list of int
        Ids of annotations that say of the same item, by the same origin, what was said again.
    refused : list of Annotation
        What the word of a person, or of a file before a transfer, goes before.
    """

    new: int
    is_evidence: bool
    replaced: Counter[str]
    again: list[int]
    refused: list[Annotation]


class Foreseen(NamedTuple):
    """What would come of judgements: see `Judged`."""

    new: int
    refused: list[Annotation]


def judge(connection: Connection, annotations: Sequence[Annotation], *, run_id: int | None = None) -> Judged:
    """Write down what is said, and take away what gives way to it; undoing the run gives that back.

    Raises
    ------
    KeyError
        If an item is not in the catalog; carries its id.
    """
    contents = _contents(connection, {annotation.item_id for annotation in annotations})
    ids = label_ids(connection, {annotation.label for annotation in annotations}, create=True)
    said, taken, refused = _hear(connection, annotations, contents)
    moment = now()
    for given_up in said.given_up:
        taken.pop(given_up, None)
    rows = [
        _row(annotation, label_id=ids[annotation.label], created_at=moment)
        | {"content_hash": contents[annotation.item_id]}
        for annotation in taken.values()
    ]
    gone = {given_up.id: given_up for given_up in said.given_up if given_up.id is not None}
    keep(connection, [row_id for row_id, one in gone.items() if one.is_of_former])
    goes = AnnotationRow.id.in_(among(gone))
    note(connection, goes, run_id=run_id)
    connection.execute(delete(AnnotationRow).where(goes))
    confirmed = _confirm(connection, annotations, ids)
    if rows:
        connection.execute(upsert(connection, AnnotationRow), rows)
    tags = _tags(connection, ids.values())
    changed = [row["origin"] for row in rows if row["label_id"] not in tags]
    changed += [one.origin for one in gone.values()]
    replaced = Counter(one.label for one in gone.values() if one.origin != "transfer" and not one.is_of_former)
    is_evidence = confirmed or any(origin != "transfer" for origin in changed)
    return Judged(said.new, is_evidence, replaced, said.again, refused)


def foresee(connection: Connection, annotations: Sequence[Annotation]) -> Foreseen:
    """Tell what would come of what is said, and write nothing; errors as in `judge`."""
    said, _, refused = _hear(
        connection, annotations, _contents(connection, {annotation.item_id for annotation in annotations})
    )
    return Foreseen(said.new, refused)


def _hear(
    connection: Connection, annotations: Iterable[Annotation], contents: Mapping[int, str]
) -> tuple[_Said, dict[_Judgement, Annotation], list[Annotation]]:
    """Take judgements beside what is said already; return all that is said then, what was added, and what refused."""
    said = _Said(_there(connection, contents), read_hierarchy(connection))
    taken: dict[_Judgement, Annotation] = {}
    refused = []
    for annotation in annotations:
        judgement = _judgement_of(annotation)
        if said.take(contents[annotation.item_id], judgement):
            taken[judgement] = annotation
        elif judgement in said.refused:
            refused.append(annotation)
    return said, taken, refused


def _confirm(connection: Connection, annotations: Sequence[Annotation], label_ids: Mapping[str, int]) -> bool:
    """Take what is said again for what its item holds now, whatever that held then; tell whether there was any."""
    row = AnnotationRow
    place = (row.item_id, row.label_id, row.start_s, row.end_s, row.is_not)
    stale = (
        select(row.id, *place)
        .join(ItemRow, ItemRow.id == row.item_id)
        .where(row.content_hash != ItemRow.content_hash, row.item_id.in_(among(one.item_id for one in annotations)))
    )
    said = {
        (one.item_id, label_ids[one.label], one.start_s, one.end_s, one.is_not)
        for one in annotations
        if one.origin != "transfer"
    }
    again = [row_id for row_id, *its_place in connection.execute(stale) if tuple(its_place) in said]
    present = select(ItemRow.content_hash).where(ItemRow.id == row.item_id).scalar_subquery()
    connection.execute(update(row).where(row.id.in_(among(again))).values(content_hash=present))
    return bool(again)


def settle_opposites(connection: Connection, label_id: int) -> None:
    """Let opposites give way that came together when labels became one, if they were said of one content."""
    stronger = AnnotationRow.aliased()
    rank, of_stronger = (case(_RANKS, value=origin) for origin in (AnnotationRow.origin, stronger.origin))
    of_content, of_stronger_content = (
        func.coalesce(hashed, ItemRow.content_hash) for hashed in (AnnotationRow.content_hash, stronger.content_hash)
    )
    gives_way = (
        select(stronger.id)
        .join(ItemRow, ItemRow.id == stronger.item_id)
        .where(
            stronger.item_id == AnnotationRow.item_id,
            of_stronger_content == of_content,
            stronger.label_id == AnnotationRow.label_id,
            stronger.start_s.is_not_distinct_from(AnnotationRow.start_s),
            stronger.end_s.is_not_distinct_from(AnnotationRow.end_s),
            stronger.is_not != AnnotationRow.is_not,
            of_stronger > rank,
        )
        .exists()
    )
    connection.execute(delete(AnnotationRow).where(AnnotationRow.label_id == label_id, gives_way))


class _Said:
    """All that is said of some contents.

    Parameters
    ----------
    there : iterable of (str, _Judgement)
        What is said already, with the content.
    hierarchy : Hierarchy

    Attributes
    ----------
    new : int
    given_up : list of _Judgement
        What gave way.
    again : list of int
        Ids of what was said again.
    refused : set of _Judgement
        What an opposite of higher rank goes before.
    """

    def __init__(self, there: Iterable[tuple[str, _Judgement]], hierarchy: Hierarchy) -> None:
        self._at_place: dict[tuple[str, float | None, float | None], list[_Judgement]] = {}
        self._transferred: dict[str, list[_Judgement]] = {}
        for content, judgement in there:
            self._add(content, judgement)
        self._hierarchy = hierarchy
        self._above: dict[str, frozenset[str]] = {}
        self.new = 0
        self.given_up: list[_Judgement] = []
        self.again: list[int] = []
        self.refused: set[_Judgement] = set()

    def take(self, content: str, one: _Judgement) -> bool:
        """Add a judgement, unless it says nothing new, or gives way itself; tell whether it was added."""
        here = self._at_place.get((content, one.start_s, one.end_s), [])
        same = [other for other in here if (other.item_id, other.label) == (one.item_id, one.label)]
        agreeing = {other.origin for other in same if other.is_not == one.is_not}
        said = [other for other in same if other.is_not == one.is_not and other.origin == one.origin]
        self.again += [other.id for other in said if other.id is not None]
        if said or (one.origin == "transfer" and any(not other.is_of_former for other in same)):
            return False
        opposites = [other for other in self._rivals(content, one, here) if self._are_opposites(one, other)]
        if any(_RANKS[other.origin] > _RANKS[one.origin] for other in opposites if not other.is_of_former):
            self.refused.add(one)
            return False
        for other in opposites:
            self._remove(content, other)
        self.given_up += opposites
        self.new += not agreeing - {"transfer"}
        self._add(content, one)
        return True

    def _rivals(self, content: str, one: _Judgement, here: list[_Judgement]) -> list[_Judgement]:
        """List what might be an opposite: what is at the same place, or transferred where the whole is denied."""
        if one.is_not and one.is_of_whole:
            return [*here, *(other for other in self._transferred.get(content, ()) if not other.is_of_whole)]
        if one.origin == "transfer" and not one.is_of_whole:
            return [*here, *self._at_place.get((content, None, None), ())]
        return here

    def _are_opposites(self, one: _Judgement, other: _Judgement) -> bool:
        if other.is_of_former and (one.item_id != other.item_id or one.origin == "transfer"):
            return False
        return are_opposites(one, other, self._ancestors)

    def _ancestors(self, label: str) -> frozenset[str]:
        if label not in self._above:
            self._above[label] = self._hierarchy.ancestors(label)
        return self._above[label]

    def _add(self, content: str, judgement: _Judgement) -> None:
        self._at_place.setdefault((content, judgement.start_s, judgement.end_s), []).append(judgement)
        if judgement.origin == "transfer":
            self._transferred.setdefault(content, []).append(judgement)

    def _remove(self, content: str, judgement: _Judgement) -> None:
        self._at_place[content, judgement.start_s, judgement.end_s].remove(judgement)
        if judgement.origin == "transfer":
            self._transferred[content].remove(judgement)


def _judgement_of(annotation: Annotation) -> _Judgement:
    return _Judgement(
        id=None,
        item_id=annotation.item_id,
        label=composed(annotation.label),
        start_s=annotation.start_s,
        end_s=annotation.end_s,
        origin=annotation.origin,
        is_not=annotation.is_not,
    )


def _row(annotation: Annotation, *, label_id: int, created_at: str) -> dict[str, Any]:
    return {
        "item_id": annotation.item_id,
        "label_id": label_id,
        "start_s": annotation.start_s,
        "end_s": annotation.end_s,
        "origin": annotation.origin,
        "source": annotation.source,
        "confidence": annotation.confidence,
        "run_id": annotation.run_id,
        "created_at": created_at,
        "is_not": annotation.is_not,
    }


def _contents(connection: Connection, item_ids: set[int]) -> dict[int, str]:
    """Return the content of each item, by id."""
    statement = select(ItemRow.id, ItemRow.content_hash).where(ItemRow.id.in_(among(item_ids)))
    found = {row.id: row.content_hash for row in connection.execute(statement)}
    missing = item_ids - found.keys()
    if missing:
        raise KeyError(min(missing))
    return found


def _there(connection: Connection, contents: Mapping[int, str]) -> Iterator[tuple[str, _Judgement]]:
    """Find what is said already of items of the same contents."""
    of_content = select(ItemRow.content_hash).where(ItemRow.id.in_(among(contents)))
    statement = (
        select(
            AnnotationRow.__table__,
            LabelRow.name,
            ItemRow.content_hash.label("content"),
            is_of_present_content().label("is_of_present"),
        )
        .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
        .where(ItemRow.content_hash.in_(of_content))
    )
    for row in connection.execute(statement):
        yield (
            row.content,
            _Judgement(
                id=row.id,
                item_id=row.item_id,
                label=row.name,
                start_s=row.start_s,
                end_s=row.end_s,
                origin=row.origin,
                is_not=row.is_not,
                is_of_former=not row.is_of_present,
            ),
        )


def _tags(connection: Connection, label_ids: Iterable[int]) -> set[int]:
    statement = select(LabelRow.id).where(LabelRow.id.in_(among(label_ids)), LabelRow.is_tag)
    return set(connection.execute(statement).scalars())
