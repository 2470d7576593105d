"""An index that many tests share, each of which leaves it as it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from modag_search import Index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def opened_as_it_was(folder: Path) -> Iterator[Index]:
    """Open an index, and take back afterwards what was labelled meanwhile."""
    with Index.open(folder) as index:
        done = {run.id for run, _ in index.labels.runs()}
        yield index
        # The last first: to undo it may give back what an earlier one gave.
        while left := {run.id for run, _ in index.labels.runs()} - done:
            index.labels.undo(max(left))
            done.add(max(left))
