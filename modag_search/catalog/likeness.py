"""Items that hold the same, though their bytes may differ: the features of all their segments are equal to the bit."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, LargeBinary, Select, cast, func, select, tuple_

from modag_search.catalog.blobs import changed_feature, checksum_of
from modag_search.catalog.database import among, among_given, batches, given
from modag_search.catalog.remnants import is_there
from modag_search.catalog.tables import FeatureRow, ItemRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_ITEMS_AT_ONCE = 1000

Digest = bytes
"""Stands for the kind, the places and the features of all segments of an item."""


def digests(connection: Connection, item_ids: Iterable[int], *, whole: bool = False) -> dict[int, Digest]:
    """Return what stands for the features of items, by id.

    Items without any feature are left out: silence is like any other silence, and says nothing.

    Parameters
    ----------
    connection : Connection
    item_ids : iterable of int
    whole : bool
        Refuse features that are damaged; otherwise these are like no others.

    Returns
    -------
    dict of int to bytes

    Raises
    ------
    DamagedCatalogError
        If a feature has changed, and must be `whole`.
    """
    return _digests_of(connection.execute(_features(), given(item_ids)), whole=whole)


@cache
def _features() -> Select[Any]:
    return (
        select(
            SegmentRow.item_id,
            SegmentRow.modality,
            SegmentRow.pipeline_id,
            SegmentRow.start_s,
            SegmentRow.end_s,
            SegmentRow.status,
            SegmentRow.id,
            SegmentRow.feature_checksum,
            cast(FeatureRow.data, LargeBinary),
        )
        .outerjoin(FeatureRow, FeatureRow.segment_id == SegmentRow.id)
        .where(SegmentRow.item_id.in_(among_given()), is_there())
        .order_by(SegmentRow.item_id, SegmentRow.modality, SegmentRow.start_s, SegmentRow.end_s, SegmentRow.id)
    )


def likenesses(
    connection: Connection, item_ids: Collection[int], *, awaited: Collection[str] | None = None
) -> dict[int, str]:
    """Return what stands for the kind, length, size and features of items that are sound, by id.

    It can be kept when they go: an item that comes later and has the same holds the same. It begins with the checksum
    of the first feature, so that the features of few are read where some are `awaited`.

    Parameters
    ----------
    connection : Connection
    item_ids : collection of int
    awaited : collection of str, optional
        Leaves out items that have none of these.

    Returns
    -------
    dict of int to str
        Without those that have no feature, see `digests`.
    """
    firsts = _first_features(connection, item_ids)
    if awaited is not None:
        beginnings = {one.partition("-")[0] for one in awaited}
        firsts = {item_id: first for item_id, first in firsts.items() if first in beginnings}
    found: dict[int, str] = {}
    for batch in batches(sorted(firsts), _ITEMS_AT_ONCE):
        statement = select(ItemRow.id, *_shape(ItemRow).clauses).where(
            ItemRow.id.in_(among(batch)), ItemRow.status == "ok"
        )
        shapes = {row[0]: (row[1], float(row[2]), *row[3:]) for row in connection.execute(statement)}
        for item_id, digest in digests(connection, shapes).items():
            whole = hashlib.blake2b(repr(shapes[item_id]).encode() + digest, digest_size=16).hexdigest()
            found[item_id] = f"{firsts[item_id]}-{whole}"
    return found if awaited is None else {item_id: one for item_id, one in found.items() if one in awaited}


def _first_features(connection: Connection, item_ids: Collection[int]) -> dict[int, str]:
    """Return the checksums of the first features of items, by id, as texts, whatever a damaged catalog holds."""
    first = (
        select(SegmentRow.item_id, func.min(SegmentRow.id).label("id"))
        .where(SegmentRow.item_id.in_(among(item_ids)), SegmentRow.status == "ok", is_there())
        .group_by(SegmentRow.item_id)
        .subquery()
    )
    statement = select(first.c.item_id, SegmentRow.feature_checksum).join(SegmentRow, SegmentRow.id == first.c.id)
    return {item_id: str(checksum) for item_id, checksum in connection.execute(statement)}


def alike(connection: Connection, item_ids: Collection[int], *, without: Collection[int]) -> dict[int, list[int]]:
    """Find, for each of some items, the others with the same features, oldest first.

    Their first features are looked for among those of all items, in one pass within the database; only what agrees in
    these, and in kind, length and size, is compared as a whole.

    Parameters
    ----------
    connection : Connection
    item_ids : collection of int
    without : collection of int
        Items that are not found; `item_ids` among them.

    Returns
    -------
    dict of int to list of int
        Items that have none are left out.
    """
    candidates = _with_first_features_of(connection, item_ids, without)
    if not candidates:
        return {}  # most often, and no feature need be read for that
    ours = likenesses(connection, _with_features_of(connection, candidates, among_items=item_ids))
    found: dict[str, list[int]] = {}
    for item_id, likeness in sorted(likenesses(connection, candidates, awaited=set(ours.values())).items()):
        found.setdefault(likeness, []).append(item_id)
    return {item_id: found[likeness] for item_id, likeness in ours.items() if likeness in found}


def alike_among(connection: Connection, item_ids: Collection[int]) -> list[list[int]]:
    """Group those of some items that have the same features, oldest first; what is like none of them is left out."""
    firsts = _first_features(connection, item_ids)
    counts = Counter(firsts.values())
    groups: dict[str, list[int]] = {}
    for item_id, likeness in sorted(likenesses(connection, [one for one in firsts if counts[firsts[one]] > 1]).items()):
        groups.setdefault(likeness, []).append(item_id)
    return [group for group in groups.values() if len(group) > 1]


def _with_first_features_of(
    connection: Connection, item_ids: Collection[int], without: Collection[int]
) -> Sequence[int]:
    """List other items with a feature like the first of one of these.

    By checksums of features: a feature of another item can have the same one, once in four thousand million.
    """
    firsts = (
        select(func.min(SegmentRow.id))
        .where(SegmentRow.item_id.in_(among(item_ids)), SegmentRow.status == "ok")
        .group_by(SegmentRow.item_id)
    )
    first = SegmentRow.aliased()
    checksums = select(first.feature_checksum).where(first.id.in_(firsts))
    statement = (
        select(SegmentRow.item_id)
        .distinct()
        .where(SegmentRow.feature_checksum.in_(checksums), SegmentRow.item_id.not_in(among(without)), is_there())
    )
    return connection.execute(statement).scalars().all()


def _with_features_of(
    connection: Connection, item_ids: Iterable[int], *, among_items: Collection[int]
) -> Sequence[int]:
    """List those of some items with a feature like one of others, by checksums."""
    other = SegmentRow.aliased()
    checksums = select(other.feature_checksum).where(other.item_id.in_(among(item_ids)))
    statement = (
        select(SegmentRow.item_id)
        .distinct()
        .where(SegmentRow.item_id.in_(among(among_items)), SegmentRow.feature_checksum.in_(checksums))
    )
    return connection.execute(statement).scalars().all()


def _shape(row: Any) -> Any:
    """Kind, length and size; SQLite holds that no NULL equals another, and nothing is -1 long."""
    columns = (row.duration_s, row.width_px, row.height_px)
    return tuple_(row.kind, *(func.coalesce(column, -1) for column in columns))


def _digests_of(rows: Iterable[Any], *, whole: bool = False) -> dict[int, Digest]:
    """Hash rows of item, columns of segments and feature, which come item by item."""
    hashes: dict[int, Any] = {}
    has_feature: set[int] = set()
    for item_id, *columns, segment_id, checksum, data in rows:
        if whole and data is not None and checksum_of(data) != checksum:
            raise changed_feature(segment_id)
        hashed = hashes.setdefault(item_id, hashlib.blake2b(digest_size=16))
        hashed.update(repr((columns, len(data or b""))).encode())
        hashed.update(data or b"")
        if data is not None:
            has_feature.add(item_id)
    return {item_id: hashes[item_id].digest() for item_id in has_feature}
