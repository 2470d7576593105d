"""What verbs that labels spread by take on a large index: names of one item and of all, suggestions, audit, copies."""

from __future__ import annotations

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cold
import numpy as np

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Callable

_VERBS = {
    "transfer": ["transfer", "--dry-run", "--format", "paths"],
    "suggest": ["suggest"],
    "audit": ["audit"],
    "duplicates": ["duplicates", "--format", "json"],
}


def rows(index: Path, *, runs: int = 20) -> dict[str, Any]:
    """Measure an index, to which nothing is written but what it learns of its labels.

    Parameters
    ----------
    index : Path
    runs : int
        Of naming one item, in a running process.

    Returns
    -------
    dict
        Milliseconds of naming one item, and of the bare product of one vector and those of all labelled segments; of
        each verb, in a new process, seconds and the peak of its memory.
    """
    named: dict[str, Any] = _named_one(index, runs=runs)
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "index").symlink_to(index.absolute())
        side = cold.Side(cold.ROOT, Path(scratch))
        for name, arguments in _VERBS.items():
            named[name] = cold.compared([side.run(*arguments, statuses=(0, 4))])
    return named


def _named_one(folder: Path, *, runs: int) -> dict[str, Any]:
    """Name items one after the other, and take the bare product beside each, so that both meet the same machine."""
    with modag.Index.open(folder) as index:
        last = max(item.id for item in index.catalog.items.all())
        given = len(index.catalog.labels.labelled_segments(given=True)[0])
        bare = np.random.default_rng(0).standard_normal((given, index.space.dimension), dtype=np.float32)
        index.classify(f"id:{last}")
        taken = [
            (_ms(partial(index.classify, f"id:{last - run}")), _ms(partial(np.matmul, bare, bare[run])))
            for run in range(1, runs + 1)
        ]
    one, product = (statistics.median(column) for column in zip(*taken, strict=True))
    return {"labelled_segments": given, "classify_one_warm_ms": round(one, 1), "bare_product_ms": round(product, 1)}


def _ms(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)
