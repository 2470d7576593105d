"""Whether files are still as the catalog holds them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search.values import ScannedFile

if TYPE_CHECKING:
    from modag_search.values import ItemRecord


def scanned(path: str) -> ScannedFile | None:
    """Look at a file as a scan does, without reading it; None where there is none, or it cannot be reached.

    Parameters
    ----------
    path : str

    Returns
    -------
    ScannedFile or None
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return ScannedFile(path, status.st_size, status.st_mtime_ns)


def is_as_indexed(item: ItemRecord) -> bool:
    """Tell whether an item's file has the size and the time of change that it had when it was indexed.

    Whether encoders are still those of then is another question: see `Items.classify_scan`.
    """
    return scanned(item.path) == ScannedFile(item.path, item.size_bytes, item.mtime_ns)
