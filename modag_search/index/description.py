"""What an index knows of one file, and why it does not hold others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.values import Excluded, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog import Catalog


def passed_over(catalog: Catalog, paths: Sequence[str]) -> list[Notice]:
    """Return what is passed over below folders; see `Index.passed_over`."""
    return [
        Notice(id=None, path=entry.path, kind="passed over", text=media.reason_of(entry))
        for entry in media.scan_passed_over(paths, exclude=catalog.exclusions.all())
        if (isinstance(entry, Excluded) or entry.extension) and not _holds(catalog, entry.path)
    ]


def _holds(catalog: Catalog, path: str) -> bool:
    """Tell whether an index holds a file, or anything in a folder: what was named itself is taken in."""
    return next(catalog.items.paths_under(os.path.abspath(path)), None) is not None
