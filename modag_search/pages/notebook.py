"""Results in a notebook."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from modag_search.features.ahead import decoding_threads
from modag_search.pages.document import fragment
from modag_search.pages.looks import looks_of
from modag_search.pages.tiles import as_data, common_folder, tile_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.pages.entries import Entry

_WORKERS = 4


def as_tiles(entries: Sequence[Entry], *, more: int, longer_side_px: int, most_s: float) -> str:
    """Write tiles as HTML for the page of a notebook, which holds all that they show.

    Parameters
    ----------
    entries : sequence of Entry
    more : int
        How many others there are.
    longer_side_px : int
    most_s : float
        See `looks.looks_of`.

    Returns
    -------
    str
    """
    look = partial(looks_of, longer_side_px=longer_side_px, most_s=most_s)
    root = common_folder(entries)
    with decoding_threads(_WORKERS) as (pool, _):
        tiles = [
            tile_of(entry, looks, keep=as_data, root=root)
            for entry, looks in zip(entries, pool.map(look, entries), strict=True)
        ]
    return fragment("notebook.html", styles=("tile.css",), tiles=tiles, more=more)
