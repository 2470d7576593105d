"""Which items are meant: by folder, kind and length."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import ColumnElement, LargeBinary, literal, or_, type_coerce

from modag_search.catalog.mounts import mounts_of
from modag_search.catalog.tables import ItemRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from modag_search.values import MediaKind

T = TypeVar("T")


def is_under(root: str, connection: Connection) -> ColumnElement[bool]:
    """Whether an item is at a path or below it, as this machine has it; see `Mounts.ranges`."""
    path = type_coerce(ItemRow.path, LargeBinary)
    return or_(*(at_or_below(path, folder) for folder in mounts_of(connection.dialect).ranges(root)))


def at_or_below(path: ColumnElement[bytes], folder: bytes) -> ColumnElement[bool]:
    """Whether a path, as the catalog keeps it, is that of a folder or below it."""
    # Every path below "a/" sorts between "a/" and "a0", the character after the slash.
    beginning, end = literal(folder + b"/", LargeBinary), literal(folder + b"0", LargeBinary)
    return (path == literal(folder, LargeBinary)) | ((path >= beginning) & (path < end))


def selecting(
    connection: Connection,
    *,
    under: Sequence[str] = (),
    kind: MediaKind | None = None,
    min_duration_s: float | None = None,
    max_duration_s: float | None = None,
) -> list[ColumnElement[bool]]:
    """Return conditions that an item must all meet.

    Parameters
    ----------
    connection : Connection
        To what the statement is for.
    under : sequence of str
        Folders, or files; without any, wherever it is.
    kind : {"image", "sound", "video"}, optional
    min_duration_s, max_duration_s : float, optional
        Ends that belong to the range. What has no duration lies in no range.

    Returns
    -------
    list of ColumnElement
    """
    conditions: list[ColumnElement[bool]] = []
    if under:
        conditions.append(or_(*(is_under(folder, connection) for folder in under)))
    if kind is not None:
        conditions.append(ItemRow.kind == kind)
    if min_duration_s is not None:
        conditions.append(ItemRow.duration_s >= min_duration_s)
    if max_duration_s is not None:
        conditions.append(ItemRow.duration_s <= max_duration_s)
    return conditions


def in_order_of_path(connection: Connection, rows: Iterable[T], *, path_of: Callable[[T], str]) -> Iterable[T]:
    """Return rows, which are in order of the paths that the catalog keeps, in that of the paths on this machine."""
    if not mounts_of(connection.dialect).places:
        return rows
    return sorted(rows, key=lambda row: os.fsencode(path_of(row)))
