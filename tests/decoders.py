"""The processes that decode for another one, as the system sees them."""

from __future__ import annotations

import os
import select
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 60


def decoders_of(pid: int) -> list[int]:
    """Return the ids of the processes that decode for a process."""
    children = [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in _words(task / "children")]
    return [one for one in children if b"modag decodes" in Path(f"/proc/{one}/cmdline").read_bytes()]


def own_decoders() -> list[int]:
    """Return the ids of those that decode for this process."""
    return decoders_of(os.getpid())


@contextmanager
def seen_to_end(pids: list[int]) -> Iterator[None]:
    """See to it that processes have ended when the block has."""
    handles = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
        for handle, pid in zip(handles, pids, strict=True):
            ready, _, _ = select.select([handle], [], [], PATIENCE_S)
            assert ready, f"process {pid} is left over"
    finally:
        for handle in handles:
            os.close(handle)


def _words(path: Path) -> list[str]:
    return path.read_text().split()
