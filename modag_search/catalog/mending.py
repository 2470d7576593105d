"""Features that are not what was stored: a bit is turned back where it was one alone, others are discarded.

Whether a feature is whole, other rows say: its segment (checksum) and its pipeline (length). Where these do not fit
their indexes, they are what has changed, maybe, and nothing is discarded by their word.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select, update

from modag_search.catalog.blobs import mended_blob
from modag_search.catalog.database import among, next_generation
from modag_search.catalog.segments import damaged_features, damaged_forgotten, forgo_features
from modag_search.catalog.selection import in_order_of_path
from modag_search.catalog.tables import FeatureRow, ItemRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from modag_search.catalog.database import Database

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
        found = _Plan({}, []) if left else _planned(connection)
        if found != _Plan({}, []) and (broken := database.rows_at_odds(connection, "feature")):
            left, found = broken, _Plan({}, [])
        of_lost = (
            select(ItemRow.path)
            .join(SegmentRow, SegmentRow.item_id == ItemRow.id)
            .where(SegmentRow.id.in_(among(found.lost)))
            .distinct()
        )
        found_paths = connection.execute(of_lost.order_by(ItemRow.path)).scalars()
        paths = tuple(in_order_of_path(connection, found_paths, path_of=str))
    if any(found):
        with database.write() as connection:
            _write(connection, found.whole)
            if found.lost:
                forgo_features(connection, found.lost)
                next_generation(connection)
    return FeatureMending(fitted + len(found.whole), len(found.lost), paths, left)


def at_odds(database: Database, connection: Connection) -> tuple[str, ...]:
    """Describe what keeps segments and pipelines from saying which features are whole; nothing where they can."""
    return (*database.rows_at_odds(connection, "pipeline"), *database.rows_at_odds(connection, "segment"))


def _planned(connection: Connection) -> _Plan:
    plan = _Plan({}, [])
    for segment_id, data, checksum in chain(damaged_features(connection), damaged_forgotten(connection)):
        whole = mended_blob(data, checksum)
        if whole is None:
            plan.lost.append(segment_id)
        else:
            plan.whole[segment_id] = whole
    return plan


def _write(connection: Connection, features: Mapping[int, bytes]) -> None:
    if features:
        rows = [{_ID: segment_id, "data": data} for segment_id, data in features.items()]
        connection.execute(update(FeatureRow).where(FeatureRow.segment_id == bindparam(_ID)), rows)
