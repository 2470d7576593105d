"""What the index holds below some folders and a scan did not find there: gone, out of reach, or passed over now."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.ingest.presence import is_gone, was_removed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.ingest.seen import SeenPaths
    from modag_search.values import Failure

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Items that a scan did not find, by id.

    Attributes
    ----------
    gone : dict of int to str
        Paths of files that have been removed.
    out_of_reach : dict of int to str
        Paths of files that are not there, though nothing says that they were removed.
    covered : dict of int to str
        Paths of files that are there, and that are passed over.
    """

    gone: dict[int, str] = field(default_factory=dict)
    out_of_reach: dict[int, str] = field(default_factory=dict)
    covered: dict[int, str] = field(default_factory=dict)


def leftovers(
    catalog: Catalog,
    roots: Sequence[str],
    *,
    exclude: Sequence[str],
    seen: SeenPaths,
    unknown: Collection[str],
    moved: Container[int] = (),
    is_taken_beside: Callable[[str], bool] = lambda _: False,
) -> Leftovers:
    """Look over what the index holds below some folders.

    Parameters
    ----------
    catalog : Catalog
    roots : sequence of str
        Folders that were scanned, or that are no longer there.
    exclude : sequence of str
        Patterns of what the scan passed over.
    seen : SeenPaths
        What it found.
    unknown : collection of str
        Files and folders that could not be looked at; what is at them or below them is spared.
    moved : container of int
        Items that are elsewhere now, and that the catalog does not know there yet.
    is_taken_beside : callable
        Tells of a file that is there whether another scan takes it in; then it is not passed over.

    Returns
    -------
    Leftovers
    """
    spared = tuple(os.path.join(path, "") for path in unknown)
    found = Leftovers()
    missing: dict[int, str] = {}
    for root in roots:
        exclusion = media.Exclusion(root, exclude)
        for item_id, path in seen.lacking(catalog.items.paths_under(root)):
            if item_id in moved:
                continue
            if not os.path.lexists(path) or os.path.isdir(path):  # a folder of its name is another thing
                if path not in unknown and not path.startswith(spared):
                    missing[item_id] = path
            elif exclusion.covering_item(path) is not None and not is_taken_beside(path):
                found.covered[item_id] = path
    for item_id in list(gone_among(catalog, missing)):
        found.gone[item_id] = missing.pop(item_id)
    found.out_of_reach.update(missing)
    return found


def gone_among(catalog: Catalog, item_ids: Collection[int]) -> Iterator[int]:
    """Find those of some items whose files have been removed, as far as can be told for certain."""
    ordered = iter(sorted(item_ids))
    while batch := list(itertools.islice(ordered, _AT_ONCE)):
        yield from (item.id for item in catalog.items.get_many(batch).values() if is_gone(item))


def failures_below(catalog: Catalog, roots: Sequence[str]) -> Iterator[Failure]:
    """Iterate over failures of files at or below some paths."""
    inside = tuple(os.path.join(root, "") for root in roots)
    for failure in catalog.failures.all():
        if failure.path.startswith(inside) or failure.path in roots:
            yield failure


def gone_failures(catalog: Catalog, roots: Sequence[str]) -> list[str]:
    """List the failed files at or below some paths that have been removed, as far as can be told for certain."""
    failed = failures_below(catalog, roots)
    return [failure.path for failure in failed if was_removed(failure.path, seen_at=failure.failed_at)]
