"""What there is to know of items that did not fail: that nothing finds them, or how their files were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from modag_search.catalog.database import PATHS_AT_ONCE, Database, among, batches
from modag_search.catalog.tables import ItemRow, SegmentRow
from modag_search.values import Notice, Remark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from modag_search.values import SegmentStatus

_WORDS: Final[dict[SegmentStatus, str]] = {
    "black": "as good as black",
    "flat": "as good as of one colour",
    "silent": "silent",
}
"""What shows next to nothing may yet show a star, or a shade."""

_KINDS: Final[tuple[Literal["flat", "black", "silent"], ...]] = ("flat", "black", "silent")
"""A video without anything to find goes by what it shows."""


class Notices:
    """Notices of items; what is passed over is no item."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Notice]:
        """Return all notices, in order of path."""
        with self._database.read() as connection:
            return _sorted([*_unfindable(connection), *_remarked(connection)])

    def at(self, paths: Iterable[str]) -> list[Notice]:
        """Return the notices of the items at some paths, in order of path."""
        found: list[Notice] = []
        with self._database.read() as connection:
            for batch in batches(paths, PATHS_AT_ONCE):
                here = ItemRow.path.in_(batch)
                found += [*_unfindable(connection, here), *_remarked(connection, here)]
        return _sorted(found)

    def unfindable(self, item_ids: Iterable[int]) -> list[Notice]:
        """Return a notice of each of some items that nothing finds, in order of path."""
        with self._database.read() as connection:
            return _sorted(_unfindable(connection, ItemRow.id.in_(among(item_ids))))


def statuses_in_words(statuses: Collection[SegmentStatus]) -> str:
    """Say what segments without a feature are.

    Parameters
    ----------
    statuses : collection of {"black", "flat", "silent"}

    Returns
    -------
    str

    Examples
    --------
    >>> statuses_in_words({"silent", "black"})
    'as good as black and silent'
    """
    *words, last = [word for status, word in _WORDS.items() if status in statuses] or [""]
    return f"{', '.join(words)} and {last}" if words else last


def emptiness_in_words(statuses: Collection[SegmentStatus], *, n_frames: int = 0) -> str:
    """Say of a whole file what its segments are, none of which has a feature.

    Parameters
    ----------
    statuses : collection of {"black", "flat", "silent"}
    n_frames : int
        How many frames of it were looked at: what lies between those of a video may show something.

    Returns
    -------
    str

    Examples
    --------
    >>> emptiness_in_words({"silent", "black"}, n_frames=3)
    'as good as black in the 3 frames that were looked at, and silent throughout'
    >>> emptiness_in_words({"flat"})
    'as good as of one colour'
    """
    seen = statuses_in_words([status for status in statuses if status != "silent"])
    if seen and n_frames:
        seen += (
            " in the frame that was looked at" if n_frames == 1 else f" in the {n_frames} frames that were looked at"
        )
    heard = ["silent throughout"] if "silent" in statuses else []
    return ", and ".join([seen, *heard] if seen else heard)


def _sorted(notices: Iterable[Notice]) -> list[Notice]:
    return sorted(notices, key=lambda notice: notice.path)


def _unfindable(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Notice]:
    """Find items of which no segment has a feature."""
    has_feature = select(SegmentRow.id).where(SegmentRow.item_id == ItemRow.id, SegmentRow.status == "ok")
    is_frame = case((and_(SegmentRow.modality == "image", SegmentRow.start_s.is_not(None)), 1), else_=0)
    statement = (
        select(ItemRow.id, ItemRow.path, func.sum(is_frame), *map(_has_status, _KINDS))
        .join(SegmentRow, SegmentRow.item_id == ItemRow.id)
        .where(ItemRow.status == "ok", ~has_feature.correlate(ItemRow).exists(), *conditions)
        .group_by(ItemRow.id)
    )
    for item_id, path, n_frames, *has_status in connection.execute(statement):
        found = [kind for kind, is_there in zip(_KINDS, has_status, strict=True) if is_there]
        kind = found[0]
        text = f"is {emptiness_in_words(found, n_frames=n_frames)}, so nothing finds it"
        yield Notice(id=item_id, path=path, kind=kind, text=text)


def _has_status(status: SegmentStatus) -> ColumnElement[int]:
    """Whether any of an item's segments is so: 1 or 0."""
    return func.max(case((SegmentRow.status == status, 1), else_=0))


def _remarked(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Notice]:
    statement = select(ItemRow.id, ItemRow.path, ItemRow.remarks).where(
        ItemRow.status == "ok", ItemRow.remarks.is_not(None), *conditions
    )
    for item_id, path, remarks in connection.execute(statement):
        for kind, text in (Remark(*one) for one in remarks):
            yield Notice(id=item_id, path=path, kind=kind, text=text)
