"""The files and folders that a run is told to look at; some may be gone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from modag_search import media
from modag_search.errors import NoMediaError
from modag_search.ingest.folder_names import FolderNames
from modag_search.ingest.pruning import failures_below, gone_among, gone_failures
from modag_search.spelling import on_disk, whole_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog import Catalog


class Roots(NamedTuple):
    """Absolute paths: those that are there, and those of which only what the index holds is left.

    `known_as` tells of folders, and files in them, that the index knows by other names, by those that were given; these
    names stand among the others. `twice` tells of folders below them that the index holds under other names, by these.
    """

    present: list[str]
    removed: list[str]
    known_as: dict[str, str]
    twice: dict[str, str]


def checked_roots(catalog: Catalog, paths: Sequence[str], *, prune: bool) -> Roots:
    """Tell what is there from what was removed and is to be pruned.

    Raises
    ------
    NoMediaError
        If a path does not exist, and is not to be pruned, or nothing says that what the index holds of it was removed.
    UsageError
        If a path may not be looked at.
    """
    present: dict[str, None] = {}
    roots = Roots([], [], {}, {})
    names = FolderNames(catalog)
    for path in dict.fromkeys(whole_path(on_disk(path)) for path in paths):
        try:
            for root in media.check_roots([path]):
                name = names.take(root)
                present[name] = None
                if name != root:
                    roots.known_as[root] = name
        except NoMediaError as error:
            if not (prune and _was_removed(catalog, path)):
                raise with_way_out(catalog, error, prune=prune) from error
            roots.removed.append(path)
    return roots._replace(present=list(present), twice=names.twice_below(list(present)))


def with_way_out(catalog: Catalog, error: NoMediaError, *, prune: bool) -> NoMediaError:
    """Say what becomes of what the index holds of a path that is not there, or that holds no media."""
    held = sum(1 for _ in catalog.items.paths_under(error.path))
    failed = sum(1 for _ in failures_below(catalog, [error.path]))
    if not held and not failed:
        return error
    files = "1 file" if held == 1 else f"{held} files"
    if not prune and not os.path.lexists(error.path) and _was_removed(catalog, error.path):
        off_the_list = f"takes {'1 failed file' if failed == 1 else f'{failed} failed files'} off the list"
        taken_out = f"takes out the {files} that the index holds of it"
        way = f"if it was removed, --prune {taken_out if held else off_the_list}"
    elif not held:
        return error
    else:
        way = f"if it is gone for good, `modag forget` takes out the {files} that the index holds of it"
    joint = f" {way[0].upper()}" if error.problem.endswith("?") else f"; {way[0]}"
    return NoMediaError(error.path, f"{error.problem}{joint}{way[1:]}")


def _was_removed(catalog: Catalog, root: str) -> bool:
    """Tell whether anything that the index holds, or that failed, at a path or below it is gone for certain."""
    held = [item_id for item_id, _ in catalog.items.paths_under(root)]
    return next(gone_among(catalog, held), None) is not None or bool(gone_failures(catalog, [root]))
