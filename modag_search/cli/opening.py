"""From ``--index`` to an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modag_search.index import Index
from modag_search.settings import IndexSettings, index_folder, is_index


def open_index(name: str | None, *, create: bool = False, chosen: Mapping[str, Any] | None = None) -> Index:
    """Open the index that ``--index`` names.

    Parameters
    ----------
    name : str or None
    create : bool
    chosen : Mapping, optional
        Settings that the user named; they must be those of an index that exists.
    """
    folder = index_folder(name)
    if not chosen:
        return Index.open(folder, create=create)
    kept = IndexSettings.load(folder) if is_index(folder) else IndexSettings()
    return Index.open(folder, create=create, settings=replace(kept, **chosen))
