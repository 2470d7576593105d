"""Items by the names that users have for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import ItemRecord

_ID = "id:"


def find_items(catalog: Catalog, names: Sequence[str]) -> list[ItemRecord]:
    """Return the items at some paths, or with some ids; however many, a few questions to the catalog.

    Parameters
    ----------
    catalog : Catalog
    names : sequence of str, length n
        Paths, or ``id:N``.

    Returns
    -------
    list of ItemRecord, length n

    Raises
    ------
    UsageError
        For the first that is not in the catalog.
    """
    ids = [number for name in names if (number := _id_in(name)) is not None]
    paths = {os.path.abspath(name) for name in names if not name.startswith(_ID)}
    with catalog.view():
        by_id = catalog.items.get_many(ids) if ids else {}
        by_path = catalog.items.at_many(paths) if paths else {}
    found = []
    for name in names:
        number = _id_in(name)
        if name.startswith(_ID) and number is None:
            raise UsageError(f"{name}: an id is a whole number, as in id:12")
        item = by_path.get(os.path.abspath(name)) if number is None else by_id.get(number)
        if item is None:
            raise UsageError(f"{name}: {_why_absent(catalog, name)}")
        found.append(item)
    return found


def find_item(catalog: Catalog, name: str) -> ItemRecord:
    """Return the item at a path, or ``id:N``; errors as in `find_items`."""
    return find_items(catalog, [name])[0]


def _id_in(name: str) -> int | None:
    digits = name.removeprefix(_ID)
    is_id = name.startswith(_ID) and digits.isascii() and digits.isdecimal()
    if not is_id:
        return None
    return int(digits) if len(digits) < 19 else 0  # SQLite's ids begin with 1, and have no more digits


def _why_absent(catalog: Catalog, name: str) -> str:
    path = os.path.abspath(name)
    if os.path.isdir(path):
        return "is a folder; name its files, or take the names of folders for labels with --from-folders"
    reason = next((failure.reason for failure in catalog.failures.all() if failure.path == path), None)
    if reason is None:
        return "is not in the index; `modag index` takes files in"
    return f"could not be indexed ({reason}); `modag failures` lists such files, `--retry-failed` tries again"
