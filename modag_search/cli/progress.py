"""Progress bars on stderr."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modag_search.ingest.run import Progress as FileProgress


@contextmanager
def file_progress(*, wanted: bool) -> Iterator[FileProgress | None]:
    """Show files done, their rate and the time left while the block runs; None off a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("scanning", total=None, rate="")

        def update(*, done: int, found: int) -> None:
            speed = bars.tasks[0].speed
            rate = f"{speed:.1f} files/s" if speed else ""
            bars.update(task, completed=done, total=found, description="indexing", rate=rate)

        yield update


@contextmanager
def count_progress(*, wanted: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show what is being done and how much of it while the block runs; None off a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda what, done, total: bars.update(task, description=what, completed=done, total=total)
