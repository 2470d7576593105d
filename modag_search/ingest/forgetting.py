"""What the names of files, folders and globs mean among what the index holds, whether or not the files are there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from modag_search.errors import NothingFoundError, UsageError
from modag_search.labels.items import checked_id, items_meant
from modag_search.media import Exclusion, PathPattern
from modag_search.spelling import composed, whole_path
from modag_search.values import ForgetReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import LabelPassage

Thing = TypeVar("Thing")

_ID = "id:"
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Matches:
    """What names mean.

    Attributes
    ----------
    items : dict of int to str
        Paths of items by id.
    failures : dict of str to None
        Paths of files that could not be indexed; items' too, that had been.
    unknown : list of str
        Names that mean nothing.
    """

    items: dict[int, str] = field(default_factory=dict)
    failures: dict[str, None] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def report(self, catalog: Catalog, passages: tuple[LabelPassage, ...], *, dry_run: bool) -> ForgetReport:
        """Report that this was forgotten, or would be."""
        paths = sorted(self.items.values())
        # Seen from the root, since it is not known which folder will be indexed next.
        exclusion = Exclusion("/", catalog.exclusions.all())
        return ForgetReport(
            paths=tuple(paths),
            failures=len(self.failures.keys() - set(paths)),
            unknown=tuple(self.unknown),
            still_there=tuple(
                path for path in paths if os.path.lexists(path) and exclusion.covering_item(path) is None
            ),
            passages=passages,
            dry_run=dry_run,
        )


def matching(catalog: Catalog, names: Sequence[str]) -> Matches:
    """Find what names mean.

    Parameters
    ----------
    catalog : Catalog
    names : sequence of str
        Paths of files or folders; ``id:N``; or globs, in which ``*`` stays within a folder, and ``**`` does not. What
        the index holds at a path or below it goes before a glob.

    Returns
    -------
    Matches

    Raises
    ------
    UsageError
        If a name cannot be meant.
    NothingFoundError
        If none of them means anything.
    """
    if not names:
        raise UsageError("no paths were given")
    found = Matches()
    failed = dict.fromkeys(failure.path for failure in catalog.failures.all())
    for name in names:
        items = dict(_items(catalog, name))
        meant = items.values() & failed.keys() if name.startswith(_ID) else _meant(name, failed, lambda path: path)
        failures = dict.fromkeys(meant)
        found.items.update(items)
        found.failures.update(failures)
        if not items and not failures:
            found.unknown.append(name)
    if not found.items and not found.failures:
        raise NothingFoundError(f"{names[0]}: {_why_nothing(catalog, names)}")
    return found


def _why_nothing(catalog: Catalog, names: Sequence[str]) -> str:
    """Say that the first of some names means nothing, nor do the others."""
    more = len(names) - 1
    others = "" if not more else ", nor is 1 other" if more == 1 else f", nor are {more} others"
    if names[0].startswith(_ID):
        return f"is not in the index{others}"
    return f"is not in the index, and holds nothing that is{others}{items_meant(catalog, os.path.abspath(names[0]))}"


def _items(catalog: Catalog, name: str) -> list[tuple[int, str]]:
    if name.startswith(_ID):
        return [(item.id, item.path) for item in catalog.items.get_many([checked_id(name)]).values()]
    path = whole_path(name)
    if below := list(catalog.items.paths_under(path)):
        return below
    if path.isascii() and not _GLOB.search(path):
        return []
    return _meant(name, catalog.items.paths_under(_plain_folder(path)), lambda item: item[1])


def _meant(name: str, things: Iterable[Thing], path_of: Callable[[Thing], str]) -> list[Thing]:
    """Choose what is at a path or below it, in whatever Unicode form; else what a glob means."""
    path = composed(os.path.abspath(name))
    listed = [(thing, composed(path_of(thing))) for thing in things]
    below = os.path.join(path, "")
    chosen = [thing for thing, its_path in listed if its_path == path or its_path.startswith(below)]
    if chosen or not _GLOB.search(path):
        return chosen
    pattern = PathPattern(path)
    return [thing for thing, its_path in listed if _covers(pattern, its_path)]


def _plain_folder(path: str) -> str:
    """Return the longest part of a path that has but one form and is no glob."""
    parts = path.split("/")
    plain = next(place for place, part in enumerate(parts) if _GLOB.search(part) or not part.isascii())
    return "/".join(parts[:plain]) or "/"


def _covers(pattern: PathPattern, path: str) -> bool:
    """Tell whether a pattern matches an absolute path, or a folder on the way to it."""
    part = path.removeprefix("/")
    while part:
        if pattern.matches(part, is_folder=True):
            return True
        part = part.rpartition("/")[0]
    return False
