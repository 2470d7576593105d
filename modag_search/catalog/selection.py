"""Which items are meant: by folder, kind and length."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, or_

from modag_search.catalog.tables import ItemRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import MediaKind


def is_under(root: str) -> ColumnElement[bool]:
    """Whether an item is at a path or below it."""
    folder = os.fsencode(root).rstrip(b"/") + b"/"
    # Every path below "a/" sorts between "a/" and "a0", the character after the slash.
    below = (ItemRow.path >= os.fsdecode(folder)) & (ItemRow.path < os.fsdecode(folder[:-1] + b"0"))
    return or_(ItemRow.path == root, below)


def selecting(
    *,
    under: Sequence[str] = (),
    kind: MediaKind | None = None,
    min_duration_s: float | None = None,
    max_duration_s: float | None = None,
) -> list[ColumnElement[bool]]:
    """Return conditions that an item must all meet.

    Parameters
    ----------
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
        conditions.append(or_(*map(is_under, under)))
    if kind is not None:
        conditions.append(ItemRow.kind == kind)
    if min_duration_s is not None:
        conditions.append(ItemRow.duration_s >= min_duration_s)
    if max_duration_s is not None:
        conditions.append(ItemRow.duration_s <= max_duration_s)
    return conditions
