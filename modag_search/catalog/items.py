"""What the catalog knows of files."""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from modag_search.catalog.database import (
    PATHS_AT_ONCE,
    Database,
    among,
    among_given,
    among_texts_given,
    batches,
    given,
    texts_given,
)
from modag_search.catalog.dialects import ROW_BY_ROW, InLowerCase
from modag_search.catalog.likeness import alike_among, digests
from modag_search.catalog.mounts import mounts_of
from modag_search.catalog.places import is_of_present_content, is_shown
from modag_search.catalog.remnants import is_there
from modag_search.catalog.segments import damaged_features, has_whole_feature
from modag_search.catalog.selection import in_order_of_path, is_under
from modag_search.catalog.tables import (
    AnnotationRow,
    FailureRow,
    FeatureRow,
    GenerationRow,
    ItemRow,
    LabelRow,
    PipelineRow,
    SegmentRow,
    StateRow,
)
from modag_search.spelling import cased
from modag_search.values import ItemRecord, MediaFacts, MediaKind, Modality, Remark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog.labels import Origin

ScanVerdict = Literal["unchanged", "failed_before", "pending"]
"""What is to be done about a scanned file: nothing, nothing yet again, or read it."""

ITEMS_AT_ONCE = 1000
FILES_AT_ONCE = 4096
_ROOTS_AT_ONCE = 100
"""SQLite takes expressions of some depth."""


class Items:
    """Items, and what a scan should do about them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen_current: tuple[str, dict[Modality, str]] | None = None

    def at(self, path: str) -> ItemRecord | None:
        """Return the item at a path, or None."""
        return self._record(ItemRow.path == path)

    def get(self, item_id: int) -> ItemRecord | None:
        """Return the item with an id, or None."""
        return self._record(ItemRow.id == item_id)

    def get_many(self, item_ids: Iterable[int]) -> dict[int, ItemRecord]:
        """Return items by id; ids that are not there are left out."""
        with self._database.read() as connection:
            rows = connection.execute(_items_of_ids(), given(item_ids))
            return {record.id: record for record in _records(rows)}

    def at_many(self, paths: Iterable[str]) -> dict[str, ItemRecord]:
        """Return items by path; paths without one are left out."""
        with self._database.read() as connection:
            return {
                record.path: record
                for batch in batches(paths, PATHS_AT_ONCE)
                for record in _records(connection.execute(_items(ItemRow.path.in_(batch))))
            }

    def paths(self, item_ids: Iterable[int]) -> dict[int, str]:
        """Return paths of items by id; ids that are not there are left out."""
        statement = select(ItemRow.id, ItemRow.path).where(ItemRow.id.in_(among(item_ids)))
        with self._database.read() as connection:
            return {row.id: row.path for row in connection.execute(statement)}

    def content_hashes(self, item_ids: Iterable[int]) -> dict[int, str]:
        """Return hashes of items' contents by id, in order of ids; ids that are not there are left out."""
        statement = select(ItemRow.id, ItemRow.content_hash).where(ItemRow.id.in_(among(item_ids)))
        with self._database.read() as connection:
            return {row.id: row.content_hash for row in connection.execute(statement.order_by(ItemRow.id))}

    def contents(self, item_ids: Iterable[int]) -> dict[int, tuple[str, MediaKind]]:
        """Return hash and kind of items by id: what agrees in both is the same; ids that are not there are left out."""
        statement = select(ItemRow.id, ItemRow.content_hash, ItemRow.kind).where(ItemRow.id.in_(among(item_ids)))
        with self._database.read() as connection:
            rows = connection.execute(statement)
            return {item_id: (content_hash, kind) for item_id, content_hash, kind in rows}  # type: ignore[misc]

    def digests(self, item_ids: Iterable[int]) -> dict[int, bytes]:
        """Return what stands for the features of all segments of items, by id; see `likeness.digests`."""
        with self._database.read() as connection:
            return digests(connection, item_ids, whole=True)

    def alike_among(self, item_ids: Collection[int]) -> list[list[int]]:
        """Group those of some items that have the very same features; see `likeness.alike_among`."""
        with self._database.read() as connection:
            return alike_among(connection, item_ids)

    def facts(self, item_ids: Iterable[int]) -> dict[int, MediaFacts]:
        """Return what is known of items' media by id; ids that are not there are left out."""
        columns = (
            *(ItemRow.id, ItemRow.kind, ItemRow.duration_s, ItemRow.width_px, ItemRow.height_px),
            ItemRow.remarks,
        )
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).where(ItemRow.id.in_(among(item_ids))))
            return {
                row.id: MediaFacts(
                    kind=row.kind,
                    duration_s=row.duration_s,
                    width_px=row.width_px,
                    height_px=row.height_px,
                    remarks=tuple(Remark(*one) for one in row.remarks or ()),
                )
                for row in rows
            }

    def found(self, *, unlabelled: bool = False) -> list[tuple[int, str, MediaKind]]:
        """Return id, path and kind of each item that was indexed and has not failed since, in order of ids.

        Parameters
        ----------
        unlabelled : bool
            True for items only that no label says what they are: tags and denials do not, nor does what was said of
            a former content.

        Returns
        -------
        list of (int, str, {"image", "sound", "video"})
        """
        statement = select(ItemRow.id, ItemRow.path, ItemRow.kind).where(ItemRow.status == "ok").order_by(ItemRow.id)
        if unlabelled:
            statement = statement.where(_has_no_label())
        with self._database.read() as connection:
            rows = connection.execute(statement)
            return [(item_id, path, kind) for item_id, path, kind in rows]  # type: ignore[misc]

    def sizes_among(self, sizes: Collection[int]) -> set[int]:
        """Return those of some sizes, in bytes, that items' files have: of another size, content is no item's."""
        with self._database.read() as connection:
            return set(connection.execute(_sizes_given(), given(sizes)).scalars())

    def with_hash(self, content_hash: str) -> list[ItemRecord]:
        """Return the items that were indexed from this content, oldest first.

        Those whose file has failed since then are left out: their segments are gone.
        """
        return self.with_hashes([content_hash]).get(content_hash, [])

    def with_hashes(self, content_hashes: Iterable[str]) -> dict[str, list[ItemRecord]]:
        """Return the items that were indexed from some contents, by content, as `with_hash` does for one."""
        found: dict[str, list[ItemRecord]] = {}
        with self._database.read() as connection:
            for batch in batches(set(content_hashes), PATHS_AT_ONCE):
                for record in _records(connection.execute(_items_of_contents(), texts_given(batch))):
                    found.setdefault(record.content_hash, []).append(record)
        return found

    def all(
        self,
        *,
        kind: MediaKind | None = None,
        unlabelled: bool = False,
        origin: Origin | None = None,
        after: int = 0,
    ) -> Iterator[ItemRecord]:
        """Iterate over items, in order of their ids.

        Parameters
        ----------
        kind : {"image", "sound", "video"}, optional
        unlabelled : bool
            True for items only that no label says what they are: tags and denials do not, nor does what was said of
            a former content.
        origin : {"hand", "import", "transfer"}, optional
            For items only that have a label of it: one that holds as things stand.
        after : int
            Leaves out items up to this id.
        """
        conditions: list[ColumnElement[bool]] = [ItemRow.id > after] if after else []
        if kind is not None:
            conditions.append(ItemRow.kind == kind)
        if unlabelled:
            conditions.append(_has_no_label())
        if origin is not None:
            conditions.append(_has_label_by(origin))
        statement = _items(*conditions).execution_options(**ROW_BY_ROW)
        with self._database.read() as connection, connection.execute(statement) as rows:
            yield from _records(chain.from_iterable(rows.partitions(ITEMS_AT_ONCE)))

    def paths_under(self, root: str) -> Iterator[tuple[int, str]]:
        """Iterate over id and path of the item at `root` and of those below it, in order of path."""
        statement = select(ItemRow.id, ItemRow.path).order_by(ItemRow.path).execution_options(**ROW_BY_ROW)
        with (
            self._database.read() as connection,
            connection.execute(statement.where(is_under(root, connection))) as rows,
        ):
            pairs = ((item_id, path) for item_id, path in rows)
            yield from in_order_of_path(connection, pairs, path_of=itemgetter(1))

    def called(self, name: str, *, most: int) -> list[tuple[int, str]]:
        """Return id and path of items whose files are called so, in whatever folder, Unicode form, upper or lower case.

        Parameters
        ----------
        name : str
            Of a file, without a folder.
        most : int
            How many, at the most.

        Returns
        -------
        list of (int, str)
            In order of path.
        """
        path = type_coerce(ItemRow.path, LargeBinary)
        # Databases know the case of ASCII's letters alone: other letters are asked for in each.
        endings: dict[int, set[bytes]] = {}
        for ending in {os.fsencode(f"/{form}").lower() for form in cased(name)}:
            endings.setdefault(len(ending), set()).add(ending)
        is_called_so = (
            InLowerCase(func.substr(path, func.length(path) - length + 1, type_=LargeBinary)).in_(
                [InLowerCase(literal(ending, LargeBinary)) for ending in some]
            )
            for length, some in endings.items()
        )
        statement = select(ItemRow.id, ItemRow.path).where(or_(*is_called_so)).order_by(ItemRow.path).limit(most)
        with self._database.read() as connection:
            return [(item_id, path) for item_id, path in connection.execute(statement)]

    def has_under(self, root: str) -> bool:
        """Tell whether there is an item at a path or below it; however many there are, at once."""
        with self._database.read() as connection:
            statement = select(ItemRow.id).where(is_under(root, connection)).limit(1)
            return connection.execute(statement).first() is not None

    def count(self) -> int:
        """Count all items; however many there are, nearly at once."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(ItemRow)).scalar_one()

    def count_under(self, roots: Sequence[str]) -> int:
        """Count the items at some paths and below them; where one path lies below another, some may count twice."""
        counting = select(func.count()).select_from(ItemRow)
        with self._database.read() as connection:
            return sum(
                connection.execute(counting.where(or_(*(is_under(root, connection) for root in some)))).scalar_one()
                for some in batches(roots, _ROOTS_AT_ONCE)
            )

    def outdated(self, item_ids: Iterable[int], *, fingerprints: Mapping[Modality, str]) -> set[int]:
        """Return those of the items whose features other pipelines made, or whose features are damaged.

        Parameters
        ----------
        item_ids : iterable of int
        fingerprints : mapping of modality to str
            The pipelines of today.

        Returns
        -------
        set of int
        """
        statement = select(ItemRow.id).where(ItemRow.id.in_(among(item_ids)), _is_outdated(fingerprints))
        with self._database.read() as connection:
            return set(connection.execute(statement).scalars())

    def damaged(self, item_ids: Iterable[int]) -> set[int]:
        """Return those of the items with a feature that is not what was stored; every one is read."""
        with self._database.read() as connection:
            damaged = [segment_id for segment_id, *_ in damaged_features(connection, item_ids)]
            owners = select(SegmentRow.item_id).where(SegmentRow.id.in_(among(damaged)))
            return set(connection.execute(owners).scalars()) if damaged else set()

    def has_outdated(self, fingerprints: Mapping[Modality, str]) -> bool:
        """Tell whether `outdated` would return any of all there are; looks into all segments, but faster than that.

        Where none is, `is_seen_current` knows.
        """
        with self._database.read() as connection:
            looked_into = connection.execute(_token_of_now()).scalar_one(), dict(fingerprints)
            outdated = _outdated_segments(fingerprints).where(is_there())
            has_any = connection.execute(outdated.limit(1)).first() is not None
        self._seen_current = None if has_any else looked_into
        return has_any

    def is_seen_current(self, fingerprints: Mapping[Modality, str]) -> bool:
        """Tell whether `has_outdated` has found none, and no feature came or went since; at once."""
        with self._database.read() as connection:
            return self._seen_current == (connection.execute(_token_of_now()).scalar_one(), fingerprints)

    def count_outdated(self, fingerprints: Mapping[Modality, str]) -> int:
        """Count the items that `outdated` would return of all there are."""
        statement = select(func.count()).select_from(ItemRow).where(_is_outdated(fingerprints))
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def are_outdated(self, fingerprints: Mapping[Modality, str]) -> bool:
        """Tell whether any item has features that other pipelines made; at once, however many items there are."""
        others = select(PipelineRow.id).where(PipelineRow.fingerprint.not_in(list(fingerprints.values())))
        with self._database.read() as connection:
            of_others = (
                select(SegmentRow.id).where(SegmentRow.pipeline_id == other, is_there())
                for other in connection.execute(others).scalars().all()
            )
            return any(connection.execute(of_other.limit(1)).first() for of_other in of_others)

    def outdated_paths(self, fingerprints: Mapping[Modality, str]) -> list[str]:
        """Return the paths of the items that `outdated` would return of all there are, sorted."""
        statement = select(ItemRow.path).where(_is_outdated(fingerprints)).order_by(ItemRow.path)
        with self._database.read() as connection:
            return list(in_order_of_path(connection, connection.execute(statement).scalars(), path_of=str))

    def classify_scan(
        self, files: Sequence[tuple[str, int, int]], *, fingerprints: Mapping[Modality, str] | None, retry_failed: bool
    ) -> list[ScanVerdict]:
        """Say what is to be done about each of the files that a scan found.

        Parameters
        ----------
        files : sequence of (str, int, int), length n
            Path, size in bytes and time in ns of each, as of a ScannedFile.
        fingerprints : mapping of modality to str, or None
            The pipelines of today; None where `has_outdated` says that no item is.
        retry_failed : bool
            True to read files again that failed and have not changed since.

        Returns
        -------
        list of {"unchanged", "failed_before", "pending"}, length n
        """
        with self._database.read() as connection:
            return [
                verdict
                for batch in batches(files, FILES_AT_ONCE)
                for verdict in _verdicts(connection, batch, fingerprints, retry_failed=retry_failed)
            ]

    def _record(self, condition: ColumnElement[bool]) -> ItemRecord | None:
        with self._database.read() as connection:
            return next(_records(connection.execute(_items(condition))), None)


_OF_RECORD = tuple(one.name for one in fields(ItemRecord) if one.name != "labels")


def _items(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select items with their labels: a row for each label, one for an item without any."""
    has_it = (AnnotationRow.item_id == ItemRow.id) & ~AnnotationRow.is_not & is_shown()
    return (
        select(*(getattr(ItemRow, name) for name in _OF_RECORD), LabelRow.name)
        .select_from(ItemRow)
        .outerjoin(AnnotationRow, has_it)
        .outerjoin(LabelRow, LabelRow.id == AnnotationRow.label_id)
        .where(*conditions)
        .order_by(ItemRow.id)
    )


def _records(rows: Iterable[Row[Any]]) -> Iterator[ItemRecord]:
    """Make records of rows that `_items` selects."""
    for _, of_one in groupby(rows, key=itemgetter(0)):
        of_labels = list(of_one)
        labels = {row[-1] for row in of_labels} - {None}
        yield ItemRecord(**dict(zip(_OF_RECORD, of_labels[0][:-1], strict=True)), labels=tuple(sorted(labels)))


@cache
def _items_of_ids() -> Select[Any]:
    return _items(ItemRow.id.in_(among_given()))


@cache
def _items_of_contents() -> Select[Any]:
    return _items(ItemRow.content_hash.in_(among_texts_given()), ItemRow.status == "ok")


@cache
def _sizes_given() -> Select[int]:
    return select(ItemRow.size_bytes).where(ItemRow.size_bytes.in_(among_given())).distinct()


def _has_no_label() -> ColumnElement[bool]:
    classes = select(LabelRow.id).where(~LabelRow.is_tag)
    names_it = (AnnotationRow.item_id == ItemRow.id) & ~AnnotationRow.is_not & AnnotationRow.label_id.in_(classes)
    return ~select(AnnotationRow.id).where(names_it, is_of_present_content()).exists().correlate(ItemRow)


def _has_label_by(origin: Origin) -> ColumnElement[bool]:
    has_it = (AnnotationRow.item_id == ItemRow.id) & ~AnnotationRow.is_not & (AnnotationRow.origin == origin)
    return select(AnnotationRow.id).where(has_it, is_of_present_content(), is_shown()).exists().correlate(ItemRow)


def _token_of_now() -> Select[str]:
    return select(GenerationRow.token).join(StateRow, StateRow.generation == GenerationRow.number)


def _is_outdated(fingerprints: Mapping[Modality, str]) -> ColumnElement[bool]:
    return _outdated_segments(fingerprints).where(SegmentRow.item_id == ItemRow.id).correlate(ItemRow).exists()


def _outdated_segments(fingerprints: Mapping[Modality, str]) -> Select[int]:
    of_another_pipeline = PipelineRow.fingerprint.not_in(list(fingerprints.values()))
    damaged = (SegmentRow.status == "ok") & ~has_whole_feature()
    return (
        select(SegmentRow.id)
        .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
        .outerjoin(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
        .where(of_another_pipeline | damaged)
    )


def _verdicts(
    connection: Connection,
    files: Sequence[tuple[str, int, int]],
    fingerprints: Mapping[Modality, str] | None,
    *,
    retry_failed: bool,
) -> list[ScanVerdict]:
    indexed = _indexed(connection, files, fingerprints)
    if all(indexed):
        return ["unchanged"] * len(files)
    others = [file for file, is_indexed in zip(files, indexed, strict=True) if not is_indexed]
    failed = set() if retry_failed else _failed(connection, others)
    return [
        "unchanged" if is_indexed else "failed_before" if file in failed else "pending"
        for file, is_indexed in zip(files, indexed, strict=True)
    ]


def _indexed(
    connection: Connection, files: Sequence[tuple[str, int, int]], fingerprints: Mapping[Modality, str] | None
) -> list[bool]:
    """Whether items are at the paths of files, with their sizes and times, and features of today's pipelines.

    A scan goes along paths nearly as the catalog orders them: all that lies between the first and the last of its
    files, at once, is what is asked for, and hardly more. Where it is more, each is looked up by itself.
    """
    path_bytes = type_coerce(ItemRow.path, LargeBinary)  # none of them need be read as text
    statement = select(path_bytes, ItemRow.size_bytes, ItemRow.mtime_ns).where(ItemRow.status == "ok")
    if fingerprints is not None:
        statement = statement.where(~_is_outdated(fingerprints))
    encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    asked = [(path.encode(encoding, errors), size_bytes, mtime_ns) for path, size_bytes, mtime_ns in files]
    if (mounts := mounts_of(connection.dialect)).folders:
        asked = [(mounts.stored(path), size_bytes, mtime_ns) for path, size_bytes, mtime_ns in asked]
    paths = list(map(itemgetter(0), asked))
    most = 2 * len(paths)
    rows = _as_driver_gives(connection, statement.where(path_bytes.between(min(paths), max(paths))).limit(most))
    if len(rows) == most:
        some_at_once = batches(paths, PATHS_AT_ONCE)
        conditions = (path_bytes.in_(some) for some in some_at_once)
        rows = [row for condition in conditions for row in _as_driver_gives(connection, statement.where(condition))]
    if rows == asked:  # most often, and sooner told than of each
        return [True] * len(asked)
    indexed = set(rows)
    return [one in indexed for one in asked]


def _as_driver_gives(connection: Connection, statement: Select[bytes, int, int]) -> Sequence[tuple[bytes, int, int]]:
    """Return rows as plain tuples: where there are many, to wrap each takes as long as to read it."""
    with connection.execute(statement) as result:
        assert result.cursor is not None
        return result.cursor.fetchall()


def _failed(connection: Connection, files: Sequence[tuple[str, int, int]]) -> set[tuple[str, int, int]]:
    found = set()
    for batch in batches(files, PATHS_AT_ONCE):
        statement = select(FailureRow.path, FailureRow.size_bytes, FailureRow.mtime_ns).where(
            FailureRow.path.in_([path for path, *_ in batch]), FailureRow.size_bytes.is_not(None)
        )
        rows = connection.execute(statement)
        found |= {(path, size or 0, mtime_ns or 0) for path, size, mtime_ns in rows}
    return found
