"""Which items to forget because their files are gone."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from modag_search.ingest.presence import is_gone

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from modag_search.catalog import Catalog

_AT_ONCE = 1000


def gone_items(catalog: Catalog, roots: Sequence[str], *, out_of_reach: Collection[str]) -> list[int]:
    """List the items below some folders whose files have been removed.

    Parameters
    ----------
    catalog : Catalog
    roots : sequence of str
    out_of_reach : collection of str
        Files and folders that could not be looked at; what is at them or below them is spared.

    Returns
    -------
    list of int
        Ids of items.
    """
    spared = tuple(os.path.join(path, "") for path in out_of_reach)
    missing = {
        item_id
        for root in roots
        for item_id, path in catalog.items.paths_under(root)
        if not os.path.lexists(path) and path not in out_of_reach and not path.startswith(spared)
    }
    gone = []
    ordered = iter(sorted(missing))
    while batch := list(itertools.islice(ordered, _AT_ONCE)):
        gone += [item.id for item in catalog.items.get_many(batch).values() if is_gone(item)]
    return gone


def vanished_failures(catalog: Catalog, roots: Sequence[str]) -> list[str]:
    """List the failed files below some folders that are no longer there."""
    inside = tuple(os.path.join(root, "") for root in roots)
    return [
        failure.path
        for failure in catalog.failures.all()
        if failure.path.startswith(inside) and not os.path.lexists(failure.path)
    ]
