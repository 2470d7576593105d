"""Rooms of an index, which wait until they are asked for."""

from __future__ import annotations

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from modag_search.index.rooms import Rooms
from modag_search.search import finder
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

N_THREADS = 4
ENOUGH_S = 30.0


def test_threads_that_ask_at_once_share_what_is_made(
    tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_ask = threading.Barrier(N_THREADS)
    made: list[finder.Finder] = []

    class Noted(finder.Finder):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(finder, "Finder", Noted)
    with toy_index(tmp_path / "index") as index, ThreadPoolExecutor(N_THREADS) as threads:

        def ask(_: int) -> finder.Finder:
            all_ask.wait(ENOUGH_S)
            return index._rooms.finder

        found = list(threads.map(ask, range(N_THREADS)))
    assert made == found[:1]
    assert all(one is made[0] for one in found)


def test_rooms_can_be_listed() -> None:
    assert {"finder", "namer"} <= {name for name, _ in inspect.getmembers(Rooms)}
