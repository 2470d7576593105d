"""One index in a folder and on PostgreSQL: what it takes to copy it, to keep it and to ask it there."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import scale
from engines import PostgreSql
from page_speed import median_s

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scale import Seeds

    from modag_search.values import Modality

_LABELLED_EVERY = 10


def row(scratch: Path, drawn_from: Mapping[Modality, Seeds], *, n: int, runs: int) -> dict[str, Any]:
    """Make an index of `n` segments, copy it to a PostgreSQL of its own, and ask both.

    Parameters
    ----------
    scratch : Path
        Empty, and where everybody may look: the server runs as another user.
    drawn_from : mapping of modality to Seeds
    n : int
    runs : int
        Of each call.

    Returns
    -------
    dict
    """
    folder = scratch / "index"
    scale.make_index(folder, drawn_from, n=n, labelled=n // _LABELLED_EVERY)
    with modag.Index.open(folder) as index:
        index.rebuild()
    (scratch / "server").mkdir()
    server = PostgreSql(scratch / "server")
    address = server.start()
    try:
        began = time.perf_counter()
        report = modag.Index.copy(folder, address)
        copied_s = time.perf_counter() - began
        database_mib = server.disk_mib()
        of_each = {"folder": _asked(folder, n=n, runs=runs), "database": _asked(address, n=n, runs=runs)}
        server_mib = server.server_mib()
    finally:
        server.stop()
    return {
        "segments": n,
        "rows": report.rows,
        "copied_s": round(copied_s, 1),
        "catalog_mib": round((folder / "catalog.sqlite").stat().st_size / 2**20),
        "database_mib": database_mib,
        "server_mib": server_mib,
        **of_each,
    }


def _asked(place: Path | str, *, n: int, runs: int) -> dict[str, float]:
    """Open an index and ask it, one call after the other; the first call makes stores where there are none."""
    began = time.perf_counter()
    with modag.Index.open(place) as index:
        opened_s = time.perf_counter() - began
        index.search("id:1")
        first_s = time.perf_counter() - began - opened_s
        asked = map(int, np.random.default_rng(0).integers(1, n, size=4 * runs + 4))
        numbers = count()
        return {
            "opened_s": round(opened_s, 3),
            "first_answer_s": round(first_s, 2),
            "search_ms": _ms(lambda: index.search(f"id:{next(asked)}"), runs=runs),
            "classify_ms": _ms(lambda: index.classify([f"id:{next(asked)}"]), runs=runs),
            "tag_ms": _ms(lambda: index.tag([f"id:{next(asked)}"], f"tag {next(numbers)}"), runs=runs),
        }


def _ms(call: Callable[[], object], *, runs: int) -> float:
    return round(1000 * median_s(call, runs=runs), 1)
