"""Nothing that this process writes is waited for until it is on the disk, nor is it on the server of `tests.postgres`.

What outlives a power cut is tested of processes of their own: see tests/recovery/test_power_loss.py.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from modag_search.catalog import sqlite

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_connect = sqlite._usual_connection


@contextmanager
def unsynced() -> Iterator[None]:
    """Within the block, `os.fsync` and SQLite wait for no disk; a descriptor that is none is told all the same."""
    with (
        mock.patch.object(os, "fsync", os.fstat),
        mock.patch.object(sqlite, "_usual_connection", _unsynced_connection),
    ):
        yield


def _unsynced_connection(path: str, **options: Any) -> sqlite3.Connection:
    connection = _connect(path, **options)
    connection.execute("PRAGMA synchronous = OFF")
    return connection
