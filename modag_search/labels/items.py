"""Items by the names that users have for them."""

from __future__ import annotations

import glob
import itertools
import os
import shlex
from typing import TYPE_CHECKING

from modag_search.errors import NoSuchItemError, UsageError
from modag_search.spelling import composed, near, on_disk, whole_path
from modag_search.values import ItemLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import ItemRecord

_ID = "id:"
_SUGGESTED = 3
_LOOKED_AT = 1000
NO_SUCH_ID = "is not in the index; `modag search` shows the ids of items"


def find_items(catalog: Catalog, names: Sequence[str]) -> list[ItemRecord]:
    """Return the items at some paths, or with some ids; however many, a few questions to the catalog.

    Parameters
    ----------
    catalog : Catalog
    names : sequence of str, length n
        Paths, or ``id:N``. A path that is not there as it is given is looked up in other Unicode forms.

    Returns
    -------
    list of ItemRecord, length n

    Raises
    ------
    NoSuchItemError
        For the first that is not in the catalog.
    UsageError
        If what follows ``id:`` is no number.
    """
    ids = [number for name in names if (number := _id_in(name)) is not None]
    paths = {whole_path(name) for name in names if not name.startswith(_ID)}
    with catalog.view():
        by_id = catalog.items.get_many(ids) if ids else {}
        by_path = catalog.items.at_many(paths) if paths else {}
        by_path |= _in_other_forms(catalog, paths.difference(by_path))
    found = []
    for name in names:
        number = checked_id(name) if name.startswith(_ID) else None
        item = by_path.get(os.path.abspath(name)) if number is None else by_id.get(number)
        if item is None:
            raise NoSuchItemError(f"{name}: {_why_absent(catalog, name)}")
        found.append(item)
    return found


def find_item(catalog: Catalog, name: str) -> ItemRecord:
    """Return the item at a path, or ``id:N``; errors as in `find_items`."""
    return find_items(catalog, [name])[0]


def item_named(catalog: Catalog, name: str) -> ItemRecord | None:
    """Return the item at a path, in whatever Unicode form, or ``id:N``; None where there is none.

    Raises
    ------
    UsageError
        If an id is no number, or there are several items whose paths look the same.
    """
    if name.startswith(_ID):
        number = checked_id(name)
        return catalog.items.get_many([number]).get(number)
    path = whole_path(name)
    return catalog.items.at(path) or _in_other_forms(catalog, [path]).get(path)


def labels_of(catalog: Catalog, item_id: int, *, denied: bool = False) -> tuple[ItemLabel, ...]:
    """Return the labels of an item with where they come from, oldest first; or those that it is said not to have."""
    of_present = set(catalog.labels.annotations(items=[item_id], of_former=False))
    return tuple(
        ItemLabel(
            label=one.label,
            origin=one.origin,
            source=one.source,
            confidence=one.confidence,
            start_s=one.start_s,
            end_s=one.end_s,
            run=one.run_id,
            is_of_former=one not in of_present,
        )
        for one in catalog.labels.annotations(items=[item_id])
        if one.is_not == denied
    )


def checked_id(name: str) -> int:
    """Return the number in ``id:N``, whether or not an item has it.

    Raises
    ------
    UsageError
        If what follows is no number.
    """
    number = _id_in(name)
    if number is None:
        raise UsageError(f"{name}: an id is a whole number, as in id:12")
    return number


def _in_other_forms(catalog: Catalog, paths: Iterable[str]) -> dict[str, ItemRecord]:
    """Find items whose paths differ from some in their Unicode form alone, by the paths given.

    Raises
    ------
    UsageError
        If there are several of one name.
    """
    wanted = {composed(path): path for path in paths if not path.isascii()}
    if not wanted:
        return {}
    found: dict[str, list[int]] = {}
    for item_id, path in catalog.items.paths_under("/"):
        if (form := composed(path)) in wanted:
            found.setdefault(wanted[form], []).append(item_id)
    for path, ids in found.items():
        if len(ids) > 1:
            several = " or ".join(f"id:{item_id}" for item_id in ids)
            raise UsageError(f"{path}: is {several}, whose names look the same; name one by its id")
    items = catalog.items.get_many(ids[0] for ids in found.values())
    return {path: items[ids[0]] for path, ids in found.items()}


def _id_in(name: str) -> int | None:
    digits = name.removeprefix(_ID)
    is_id = name.startswith(_ID) and digits.isascii() and digits.isdecimal()
    if not is_id:
        return None
    return int(digits) if len(digits) < 19 else 0  # SQLite's ids begin with 1, and have no more digits


def _why_absent(catalog: Catalog, name: str) -> str:
    if name.startswith(_ID):
        return NO_SUCH_ID
    path = os.path.abspath(name)
    if os.path.isdir(path):
        return "is a folder; name its files, or take the names of folders for labels with --from-folders"
    reason = next((failure.reason for failure in catalog.failures.all() if failure.path == path), None)
    if reason is None:
        return f"is not in the index{why_not_indexed(name, may_be_glob=True)}{items_meant(catalog, path)}"
    return f"could not be indexed ({reason}); `modag failures` lists such files, `--retry-failed` tries again"


def why_not_indexed(name: str, *, may_be_glob: bool = False) -> str:
    """Say, at the end of a message, whether what the index does not hold is there, and the way out.

    Parameters
    ----------
    name : str
        A path.
    may_be_glob : bool
        Whether it may be a pattern that no shell has put files in the place of.

    Returns
    -------
    str
    """
    path = os.path.abspath(on_disk(name))
    if os.path.exists(path):
        return f"; `{shlex.join(['modag', 'index', name])}` takes it in"
    if not (may_be_glob and glob.has_magic(name)):
        return ", and no such file is there"
    n_files = len(glob.glob(path))
    if not n_files:
        return ", and no file is called so or matches it"
    files = "1 file" if n_files == 1 else f"{n_files} files"
    return f"; as a pattern it matches {files}: the shell names them where it stands without quotes"


def items_meant(catalog: Catalog, path: str) -> str:
    """Ask, at the end of a message, for the items that a path may have been meant for.

    Those of its name, in upper or lower case and in whatever folder, or else those of nearly its name in its folder.
    """
    folder, name = os.path.split(path)
    called = catalog.items.called(name, most=_SUGGESTED) if name else []
    found = [one for one in called if one[1] != path] or _nearly_called(catalog, folder, name)
    meant = " or ".join(f"{other} (id:{item_id})" for item_id, other in found)
    return f"; did you mean {meant}?" if meant else ""


def _nearly_called(catalog: Catalog, folder: str, name: str) -> list[tuple[int, str]]:
    """Return items whose files have nearly a name, of the first that there are in a folder or below it."""
    beside: dict[str, list[tuple[int, str]]] = {}
    for item_id, other in itertools.islice(catalog.items.paths_under(folder), _LOOKED_AT):
        if os.path.dirname(other) == folder:
            # Without endings, which all have in common.
            beside.setdefault(os.path.splitext(os.path.basename(other))[0], []).append((item_id, other))
    stem, ending = os.path.splitext(name)
    alike = [one for near_stem in near(stem, beside, most=_SUGGESTED) for one in beside[near_stem]]
    of_same_kind = [one for one in alike if one[1].endswith(ending)]
    return (of_same_kind or alike)[:_SUGGESTED]
