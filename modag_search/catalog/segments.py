"""Segments and their features: what stores are built from."""

from __future__ import annotations

import math
from array import array
from dataclasses import fields
from functools import cache
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)

from modag_search.catalog.blobs import decode_blobs, is_whole
from modag_search.catalog.database import Database, among, among_given, among_texts_given, given, texts_given
from modag_search.catalog.dialects import ROW_BY_ROW
from modag_search.catalog.places import holds_for_segment, ids_of_labels, is_shown
from modag_search.catalog.remnants import is_there
from modag_search.catalog.selection import selecting
from modag_search.catalog.tables import (
    AnnotationRow,
    FeatureRow,
    ForgottenItemRow,
    ItemRow,
    PipelineRow,
    RemovalRow,
    SegmentRow,
)
from modag_search.values import Float32Array, Int64Array, MediaKind, Modality, SegmentRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

FEATURES_AT_ONCE = 4096
_DRAWN_AT_ONCE = 4
_LOOKED_AT = 64
"""Times the items that are to be drawn: of so many it is asked at once, and in all, whether they have a feature."""
_GOLDEN = 0x9E3779B97F4A7C15


class Segments:
    """Segments, their features, and the segments that are gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_many(self, segment_ids: Iterable[int]) -> dict[int, SegmentRecord]:
        """Return segments by id; ids that are not there are left out."""
        with self._database.read() as connection:
            rows = connection.execute(_segments_of_ids(), given(segment_ids))
            return {row.id: _record(row) for row in rows}

    def of_items(self, item_ids: Iterable[int]) -> list[SegmentRecord]:
        """Return the segments of some items, those of one item after those of another, in their order."""
        with self._database.read() as connection:
            rows = connection.execute(_segments_of_items(), given(item_ids)).all()  # one by one takes longer
            records = [_record(row) for row in rows]
        return sorted(records, key=lambda record: (record.item_id, record.id))

    def with_features_of_items(
        self, item_ids: Iterable[int], *, fingerprints: Mapping[Modality, str]
    ) -> list[tuple[SegmentRecord, Float32Array | None]]:
        """Return the segments of some items, as `of_items` does, each with its feature.

        Parameters
        ----------
        item_ids : iterable of int
        fingerprints : mapping of modality to str
            Features of other pipelines than these are None, as those that are absent.

        Returns
        -------
        list of (SegmentRecord, np.ndarray [shape=(d,), float32] or None)

        Raises
        ------
        DamagedCatalogError
            If a feature does not have its pipeline's length, or is not finite.
        """
        asked = given(item_ids) | texts_given(fingerprints.values())
        with self._database.read() as connection:
            rows = connection.execute(_segments_with_features(), asked).all()
            records = [_record(row) for row in rows]
            read: dict[tuple[str, int], list[Any]] = {}
            for record, row in zip(records, rows, strict=True):
                made_by, *feature = row[len(_OF_RECORD) :]
                if feature[0] is not None and made_by == fingerprints[record.modality]:
                    read.setdefault((row.dtype, row.dimension), []).append(feature)
            features: dict[int, Float32Array] = {}
            for of_one_shape in read.values():
                features |= zip((feature[0] for feature in of_one_shape), _matrix(of_one_shape), strict=True)
        records.sort(key=lambda record: (record.item_id, record.id))
        return [(record, features.get(record.id)) for record in records]

    def owners(self, segment_ids: Int64Array) -> Int64Array:
        """Return the id of the item of each segment.

        Parameters
        ----------
        segment_ids : np.ndarray [shape=(n,), int64]

        Returns
        -------
        np.ndarray [shape=(n,), int64]
            -1 for segments that are not there.
        """
        with self._database.read() as connection:
            rows = connection.execute(_owners_of_ids(), given(segment_ids.tolist()))
            # Given rows, numpy would look into each for a sequence; a flat iterator takes a tenth of the time.
            known, items = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, 2).T
        return _laid_out(segment_ids, known, items)

    def owners_and_contents(self, segment_ids: Int64Array) -> tuple[Int64Array, dict[int, tuple[str, MediaKind]]]:
        """Return the id of the item of each segment, as `owners` does, and what `Items.contents` tells of the items.

        In a damaged catalog there may be segments whose items are not there; of these no content is known.
        """
        contents: dict[int, tuple[str, MediaKind]] = {}
        known = array("q")  # of a recording there may be very many
        with self._database.read() as connection:
            rows = connection.execute(_owners_and_contents_of_ids(), given(segment_ids.tolist()))
            for segment_id, item_id, content_hash, kind in rows:
                known.extend((segment_id, item_id))
                if kind is not None:
                    contents.setdefault(item_id, (content_hash, kind))
        ids, items = np.array(known, dtype=np.int64).reshape(-1, 2).T
        return _laid_out(segment_ids, ids, items), contents

    def spans(self, segment_ids: Int64Array) -> npt.NDArray[np.float64]:
        """Return where in their files segments begin and end.

        Parameters
        ----------
        segment_ids : np.ndarray [shape=(n,), int64]
            Ascending.

        Returns
        -------
        np.ndarray [shape=(n, 2), float64]
            Seconds; NaN for pictures, and for segments that are not there.
        """
        statement = select(SegmentRow.id, SegmentRow.start_s, SegmentRow.end_s).where(
            SegmentRow.id.in_(among(segment_ids.tolist())), is_there()
        )
        with self._database.read() as connection:
            cells = chain.from_iterable(connection.execute(statement))
            found = np.fromiter((math.nan if cell is None else cell for cell in cells), dtype=np.float64).reshape(-1, 3)
        spans = np.full((len(segment_ids), 2), np.nan)
        spans[np.searchsorted(segment_ids, found[:, 0].astype(np.int64))] = found[:, 1:]
        return spans

    def count_by_item(self, item_ids: Iterable[int]) -> dict[int, int]:
        """Count the segments of items that can be found, by item; items without one are left out."""
        statement = (
            select(SegmentRow.item_id, func.count())
            .where(SegmentRow.item_id.in_(among(item_ids)), SegmentRow.status == "ok", is_there())
            .group_by(SegmentRow.item_id)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def ids(self, fingerprint: str) -> Int64Array:
        """Return the ids of all segments with a feature of a pipeline, ascending.

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        statement = (
            select(SegmentRow.id)
            .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
            .join(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
            .where(_can_be_found(fingerprint))
            .order_by(SegmentRow.generation, SegmentRow.id)
        )
        with self._database.read() as connection:
            return np.array(connection.execute(statement).scalars().all(), dtype=np.int64)

    def count(self, fingerprint: str) -> int:
        """Count the segments with a feature of a pipeline."""
        statement = (
            select(func.count())
            .select_from(SegmentRow)
            .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
            .join(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
            .where(_can_be_found(fingerprint))
        )
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def selected(
        self,
        *,
        under: Sequence[str] = (),
        kind: MediaKind | None = None,
        min_duration_s: float | None = None,
        max_duration_s: float | None = None,
        modality: Modality | None = None,
    ) -> Int64Array:
        """Return the ids of the segments that can be found of some items, ascending; see `selection.selecting`.

        With a modality, those of it alone.

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        statement = (
            select(SegmentRow.id)
            .join(ItemRow, ItemRow.id == SegmentRow.item_id)
            .where(SegmentRow.status == "ok")
            .order_by(SegmentRow.id)
        )
        with self._database.read() as connection:
            conditions = selecting(
                connection, under=under, kind=kind, min_duration_s=min_duration_s, max_duration_s=max_duration_s
            )
            if modality is not None:
                conditions.append(SegmentRow.modality == modality)
            return np.array(connection.execute(statement.where(*conditions)).scalars().all(), dtype=np.int64)

    def count_items(
        self,
        *,
        most: int,
        labels: Collection[str] | None = None,
        under: Sequence[str] = (),
        kind: MediaKind | None = None,
        min_duration_s: float | None = None,
        max_duration_s: float | None = None,
        modality: Modality | None = None,
    ) -> int:
        """Count the items of which a segment can be found that meets all that is given.

        Parameters
        ----------
        most : int
            Where to stop counting.
        labels : collection of str, optional
            Of which one at least holds for the segment.
        under : sequence of str, optional
        kind : {"image", "sound", "video"}, optional
        min_duration_s, max_duration_s : float, optional
        modality : {"image", "sound"}, optional
            As for `selected`.

        Returns
        -------
        int
        """
        can_be_found = select(SegmentRow.id).where(SegmentRow.item_id == ItemRow.id, SegmentRow.status == "ok")
        if modality is not None:
            can_be_found = can_be_found.where(SegmentRow.modality == modality)
        with self._database.read() as connection:
            conditions = selecting(
                connection, under=under, kind=kind, min_duration_s=min_duration_s, max_duration_s=max_duration_s
            )
            if labels is not None:
                of_label = AnnotationRow.label_id.in_(ids_of_labels(*labels))
                conditions.append(ItemRow.id.in_(select(AnnotationRow.item_id).where(of_label)))
                can_be_found = can_be_found.where(_has_one(of_label))
            # Item by item, and not segment by segment: remnants, however many, are of none.
            found = select(ItemRow.id).where(*conditions, can_be_found.exists()).limit(most)
            return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())

    def drawn(self, fingerprint: str, *, n: int) -> tuple[Int64Array, Int64Array]:
        """Draw items from all over the catalog, always the same ones, and the first segment of each with a feature.

        Parameters
        ----------
        fingerprint : str
            Of the pipeline whose features count.
        n : int
            How many, at the most; fewer where few of the items have such a feature.

        Returns
        -------
        items : np.ndarray [shape=(m,), int64]
        segments : np.ndarray [shape=(m,), int64]
        """
        newest = select(func.coalesce(func.max(SegmentRow.item_id), 0))
        with self._database.read() as connection:
            ids = np.arange(1, connection.execute(newest).scalar_one() + 1, dtype=np.uint64)
            # In an order that looks like chance, and stays when items come (Fibonacci hashing: Knuth, TAOCP 6.4).
            shuffled = np.argsort(ids * np.uint64(_GOLDEN), kind="stable")[: _LOOKED_AT * n]
            found: list[tuple[int, int]] = []
            for start in range(0, len(shuffled), _DRAWN_AT_ONCE * n):
                some = ids[shuffled[start : start + _DRAWN_AT_ONCE * n]].tolist()
                of_some = {row[0]: row[1] for row in connection.execute(_first_segments(some, fingerprint))}
                found += [(item, of_some[item]) for item in some if item in of_some]
                if len(found) >= n:
                    break
        items, segments = np.array(found[:n], dtype=np.int64).reshape(-1, 2).T
        return items, segments

    def features(
        self, fingerprint: str, *, after_generation: int = 0, whole_only: bool = False
    ) -> Iterator[tuple[Int64Array, Float32Array]]:
        """Iterate over the features of a pipeline, all from one view of the catalog.

        Parameters
        ----------
        fingerprint : str
        after_generation : int
            Leaves out segments that were in the catalog at that generation.
        whole_only : bool
            Leaves out features that are damaged, in the place of an error.

        Yields
        ------
        segment_ids : np.ndarray [shape=(n,), int64]
            Ascending, also from batch to batch.
        features : np.ndarray [shape=(n, d), float32]

        Raises
        ------
        DamagedCatalogError
            If a feature does not have the pipeline's length, or is not finite.
        """
        statement = (
            select(*_feature_columns())
            .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
            .join(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
            .where(_can_be_found(fingerprint), SegmentRow.generation > after_generation)
            # Both ascend together; named in this order, the index gives it without sorting.
            .order_by(SegmentRow.generation, SegmentRow.id)
            .execution_options(**ROW_BY_ROW)
        )
        with self._database.read() as connection, connection.execute(statement) as found:
            for read in found.partitions(FEATURES_AT_ONCE):
                rows = [row for row in read if is_whole(*row[1:])] if whole_only else read
                if not rows:
                    continue
                ids = [row[0] for row in rows]
                yield np.array(ids, dtype=np.int64), _matrix(rows)

    def features_of(self, segment_ids: Iterable[int], *, fingerprint: str | None = None) -> dict[int, Float32Array]:
        """Return features by segment id; segments without one are left out.

        Parameters
        ----------
        segment_ids : iterable of int
        fingerprint : str, optional
            Leaves out features of other pipelines than this.

        Returns
        -------
        dict of int to np.ndarray [shape=(d,), float32]

        Raises
        ------
        DamagedCatalogError
            If a feature does not have its pipeline's length, or is not finite.
        """
        statement = _features_of_ids(of_one_pipeline=fingerprint is not None)
        found: dict[int, Float32Array] = {}
        with self._database.read() as connection:
            found_rows = connection.execute(statement, {**given(segment_ids), "fingerprint": fingerprint}).all()
            for _, rows in groupby(found_rows, key=lambda row: row[3:]):
                of_one_shape = list(rows)
                found |= zip([row[0] for row in of_one_shape], _matrix(of_one_shape), strict=True)
        return found

    def feature_rows(self, segment_ids: Iterable[int], *, fingerprint: str) -> tuple[Int64Array, Float32Array]:
        """Return features that one pipeline made as a matrix; segments without one are left out.

        Parameters
        ----------
        segment_ids : iterable of int
        fingerprint : str
            Of the pipeline.

        Returns
        -------
        ids : np.ndarray [shape=(n,), int64]
        features : np.ndarray [shape=(n, d), float32]
            Of no length where there are none.

        Raises
        ------
        DamagedCatalogError
            If a feature does not have its pipeline's length, or is not finite.
        """
        asked = {**given(segment_ids), "fingerprint": fingerprint}
        with self._database.read() as connection:
            rows = connection.execute(_features_of_ids(of_one_pipeline=True), asked).all()
            if not rows:
                return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
            return np.array([row[0] for row in rows], dtype=np.int64), _matrix(rows)

    def removed_since(self, generation: int) -> Int64Array:
        """Return the ids of the segments that have gone since a generation, ascending.

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        statement = (
            select(RemovalRow.segment_id).where(RemovalRow.generation > generation).order_by(RemovalRow.segment_id)
        )
        with self._database.read() as connection:
            return np.array(connection.execute(statement).scalars().all(), dtype=np.int64)


def _has_one(of_label: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether one of some labels holds for a segment of an item that has one."""
    holds = select(AnnotationRow.id).where(
        AnnotationRow.item_id == SegmentRow.item_id, of_label, holds_for_segment(), is_shown()
    )
    return holds.exists()


@cache
def _segments_of_ids() -> Select[Any]:
    return select(*_record_columns()).where(SegmentRow.id.in_(among_given()), is_there())


@cache
def _segments_of_items() -> Select[Any]:
    of_items = SegmentRow.item_id.in_(among_given())
    return select(*_record_columns()).where(of_items, is_there())


@cache
def _segments_with_features() -> Select[Any]:
    is_of_these = PipelineRow.fingerprint.in_(among_texts_given())
    _, *of_feature = _feature_columns()
    return (
        select(*_record_columns(), PipelineRow.fingerprint, FeatureRow.segment_id, *of_feature)
        .select_from(SegmentRow)
        .outerjoin(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
        .outerjoin(FeatureRow, (FeatureRow.segment_id == SegmentRow.id) & is_of_these)
        .where(SegmentRow.item_id.in_(among_given()), is_there())
    )


@cache
def _owners_of_ids() -> Select[int, int]:
    of_ids = SegmentRow.id.in_(among_given())
    return select(SegmentRow.id, SegmentRow.item_id).where(of_ids, is_there()).order_by(SegmentRow.id)


@cache
def _owners_and_contents_of_ids() -> Select[Any]:
    joined = _owners_of_ids().outerjoin(ItemRow, ItemRow.id == SegmentRow.item_id)
    return joined.add_columns(ItemRow.content_hash, ItemRow.kind)


def _laid_out(segment_ids: Int64Array, known: Int64Array, items: Int64Array) -> Int64Array:
    """Put items, of segments of which some are known, in ascending order, in the order of those asked for."""
    owners = np.full(len(segment_ids), -1, dtype=np.int64)
    if len(known):
        places = np.minimum(np.searchsorted(known, segment_ids), len(known) - 1)
        there = known[places] == segment_ids
        owners[there] = items[places[there]]
    return owners


@cache
def _features_of_ids(*, of_one_pipeline: bool) -> Select[Any]:
    statement = (
        select(*_feature_columns())
        .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
        .join(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
        .where(SegmentRow.id.in_(among_given()), is_there())
    )
    if not of_one_pipeline:
        return statement
    # Of an expression there is no index: by that of fingerprints, SQLite would go through all segments of the
    # pipeline, instead of looking up these few.
    return statement.where(PipelineRow.fingerprint.concat("") == bindparam("fingerprint", type_=Text))


def has_whole_feature() -> ColumnElement[bool]:
    """Whether the feature beside a segment and its pipeline, if there is one, has the length that it must have."""
    length = PipelineRow.dimension * case((PipelineRow.dtype == "<f2", 2), else_=4)
    return func.length(FeatureRow.data).is_not_distinct_from(length)


def damaged_features(
    connection: Connection, item_ids: Iterable[int] | None = None
) -> Iterator[tuple[int, bytes, int | None]]:
    """Find features of segments that are there which cannot be read, by reading every one, or those of some items.

    Yields
    ------
    segment_id : int
    data : bytes
    checksum : int or None
        What `blobs.checksum_of` gave when it was stored.
    """
    return _damaged(
        connection,
        is_there() if item_ids is None else SegmentRow.item_id.in_(among(item_ids)),
        FeatureRow.segment_id.is_not(None),
    )


def damaged_forgotten(connection: Connection) -> Iterator[tuple[int, bytes, int | None]]:
    """Find features of what was forgotten last, and can be taken back, which cannot be read; see `damaged_features`.

    Those that are not there are empty, but for what `forgo_features` has given up.
    """
    can_be_taken_back = SegmentRow.item_id.in_(select(ForgottenItemRow.id))
    had_one = or_(FeatureRow.segment_id.is_not(None), SegmentRow.feature_checksum.is_not(None))
    return _damaged(connection, ~is_there(), can_be_taken_back, had_one)


def forgo_features(connection: Connection, segment_ids: Collection[int]) -> None:
    """Delete features; of what was forgotten, note that there was any no more: nobody can make them anew there."""
    connection.execute(delete(FeatureRow).where(FeatureRow.segment_id.in_(among(segment_ids))))
    of_forgotten = update(SegmentRow).where(SegmentRow.id.in_(among(segment_ids)), ~is_there())
    connection.execute(of_forgotten.values(feature_checksum=None))


def _damaged(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[tuple[int, bytes, int | None]]:
    statement = (
        select(*_feature_columns())
        .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
        .outerjoin(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
        .where(*conditions)
        .order_by(SegmentRow.id)
        .execution_options(**ROW_BY_ROW)
    )
    with connection.execute(statement) as rows:
        for segment_id, data, checksum, dtype, dimension in rows:
            if not is_whole(data, checksum, dtype, dimension):
                yield segment_id, data, checksum


def _first_segments(items: Iterable[int], fingerprint: str) -> Select[int, int]:
    return (
        select(SegmentRow.item_id, func.min(SegmentRow.id))
        .join(PipelineRow, PipelineRow.id == SegmentRow.pipeline_id)
        .where(
            SegmentRow.item_id.in_(among(items)),
            SegmentRow.status == "ok",
            is_there(),
            PipelineRow.fingerprint.concat("") == fingerprint,  # an expression, as in `features_of`
        )
        .group_by(SegmentRow.item_id)
    )


def _can_be_found(fingerprint: str) -> ColumnElement[bool]:
    """Whether a segment (beside its pipeline) has a feature of this pipeline."""
    return and_(PipelineRow.fingerprint == fingerprint, SegmentRow.status == "ok", is_there())


def _feature_columns() -> tuple[Any, ...]:
    # Cast, since a bit that has changed can make texts of bytes, and not all bytes are a text.
    data = func.coalesce(cast(FeatureRow.data, LargeBinary), b"").label("data")
    return SegmentRow.id, data, SegmentRow.feature_checksum, PipelineRow.dtype, PipelineRow.dimension


def _matrix(rows: Any) -> Float32Array:
    segment_ids, blobs, checksums, dtypes, dimensions = zip(*rows, strict=True)
    return decode_blobs(blobs, checksums=checksums, dtype=dtypes[0], dimension=dimensions[0], segment_ids=segment_ids)


_OF_RECORD = tuple(one.name for one in fields(SegmentRecord))


def _record_columns() -> tuple[Any, ...]:
    return tuple(getattr(SegmentRow, name) for name in _OF_RECORD)


def _record(row: Row[Any]) -> SegmentRecord:
    """Make a record of a row that begins with `_record_columns`."""
    return SegmentRecord(**dict(zip(_OF_RECORD, row, strict=False)))
