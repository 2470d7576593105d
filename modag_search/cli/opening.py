"""From ``--index`` to an index."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modag_search.index import Index
from modag_search.index.index import WAIT_S
from modag_search.index.opening import require_room_at, settings_at
from modag_search.settings import IndexSettings, index_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def open_index(
    name: str | None, *, create: bool = False, chosen: Mapping[str, Any] | None = None, wait_s: float = WAIT_S
) -> Iterator[Index]:
    """Open the index that ``--index`` names, and close it behind the block.

    Parameters
    ----------
    name : str or None
    create : bool
    chosen : Mapping, optional
        Settings that the user named; they must be those of an index that exists.
    wait_s : float
        How long to wait for other writers, in seconds.

    Yields
    ------
    Index
    """
    place, settings = index_named(name), None
    if chosen:
        settings = replace(settings_at(place) or IndexSettings(), **chosen)
    with Index.open(place, create=create, settings=settings, wait_s=wait_s) as opened:
        yield opened


@contextmanager
def index_to_foresee(name: str | None, *, chosen: Mapping[str, Any]) -> Iterator[Index]:
    """Open the index that ``--index`` names; where there is none, an empty one that leaves nothing behind."""
    place = index_named(name)
    if settings_at(place) is not None:
        with open_index(name, chosen=chosen) as opened:
            yield opened
    else:
        require_room_at(place)
        with tempfile.TemporaryDirectory() as folder, open_index(folder, create=True, chosen=chosen) as opened:
            yield opened
