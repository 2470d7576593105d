"""Features that are not what was stored: a bit is turned back where it was one alone, others are discarded.

Whether a feature is whole, other rows say: its segment (checksum) and its pipeline (length). Where these do not fit
their indexes, they are what has changed, maybe, and nothing is discarded by their word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, select, update

from modag_search.catalog.blobs import mended_blob
from modag_search.catalog.database import among
from modag_search.catalog.segments import damaged_features, damaged_forgotten
from modag_search.catalog.selection import in_order_of_path
from modag_search.catalog.tables import FeatureRow, ForgottenSegmentRow, ItemRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnClause, Connection

    from modag_search.catalog.database import Database
    from modag_search.catalog.tables import Base

_ID = "of_segment"
"""A parameter of statements that change many rows; a column's own name would stand for its new value."""


class FeatureMending(NamedTuple):
    """What became of damaged features.

    Attributes
    ----------
    mended : int
        In how many a bit was turned back, the only one that had changed, or whose checksum was written anew.
    discarded : int
        How many are gone.
    paths : tuple of str
        Of the items that they were of, in order.
    left : tuple of str
        Why nothing was done about the others, a line each: rows that say what features must be have changed.
    """

    mended: int
    discarded: int
    paths: tuple[str, ...]
    left: tuple[str, ...] = ()


class _Plan(NamedTuple):
    """Features as they were, by segment, and segments whose feature cannot be had again."""

    whole: dict[int, bytes]
    lost: list[int]


def mend_features(database: Database) -> FeatureMending:
    """Mend features that cannot be read, and discard those that cannot be mended; those of forgotten items, too.

    They are looked for while others may write: a segment never changes.
    """
    fitted = database.mend_checksums()
    with database.read() as connection:
        left = at_odds(database, connection)
        found = _Plan({}, []) if left else _planned(damaged_features(connection))
        if found != _Plan({}, []) and (broken := database.rows_at_odds(connection, "feature")):
            left, found = broken, _Plan({}, [])
        left_too = database.rows_at_odds(connection, "forgotten_segment")
        forgotten = _Plan({}, []) if left_too else _planned(damaged_forgotten(connection))
        of_lost = select(ItemRow.path).join(SegmentRow).where(SegmentRow.id.in_(among(found.lost))).distinct()
        found_paths = connection.execute(of_lost.order_by(ItemRow.path)).scalars()
        paths = tuple(in_order_of_path(connection, found_paths, path_of=str))
    if any((*found, *forgotten)):
        with database.write() as connection:
            _write(connection, FeatureRow, FeatureRow.segment_id, found.whole)
            connection.execute(delete(FeatureRow).where(FeatureRow.segment_id.in_(among(found.lost))))
            _write(connection, ForgottenSegmentRow, ForgottenSegmentRow.id, forgotten.whole)
            without = update(ForgottenSegmentRow).values(data=None, feature_checksum=None)
            connection.execute(without.where(ForgottenSegmentRow.id.in_(among(forgotten.lost))))
    mended = fitted + len(found.whole) + len(forgotten.whole)
    return FeatureMending(mended, len(found.lost) + len(forgotten.lost), paths, (*left, *left_too))


def at_odds(database: Database, connection: Connection) -> tuple[str, ...]:
    """Describe what keeps segments and pipelines from saying which features are whole; nothing where they can."""
    return (*database.rows_at_odds(connection, "pipeline"), *database.rows_at_odds(connection, "segment"))


def _planned(damaged: Iterable[tuple[int, bytes, int | None]]) -> _Plan:
    plan = _Plan({}, [])
    for segment_id, data, checksum in damaged:
        whole = mended_blob(data, checksum)
        if whole is None:
            plan.lost.append(segment_id)
        else:
            plan.whole[segment_id] = whole
    return plan


def _write(connection: Connection, row: type[Base], key: ColumnClause[int], features: Mapping[int, bytes]) -> None:
    if features:
        rows = [{_ID: segment_id, "data": data} for segment_id, data in features.items()]
        connection.execute(update(row).where(key == bindparam(_ID)), rows)
