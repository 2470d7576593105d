"""From ``--index`` to an index."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modag_search.index import Index
from modag_search.settings import IndexSettings, index_folder, is_index

if TYPE_CHECKING:
    from collections.abc import Mapping


def open_index(name: str | None, *, create: bool = False, chosen: Mapping[str, Any] | None = None) -> Index:
    """Open the index that ``--index`` names.

    Parameters
    ----------
    name : str or None
    create : bool
    chosen : Mapping, optional
        Settings that the user named; they must be those of an index that exists.

    Returns
    -------
    Index
    """
    folder = index_folder(name)
    if not chosen:
        return Index.open(folder, create=create)
    kept = IndexSettings.load(folder) if is_index(folder) else IndexSettings()
    return Index.open(folder, create=create, settings=replace(kept, **chosen))
