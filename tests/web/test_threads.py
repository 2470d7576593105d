"""Many ask at once, while others write: each answer is whole, and of one moment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from modag_search import Index
from modag_search.web import Limits
from tests.cli.command_line import ROOT
from tests.made_media import picture, sound
from tests.web.conftest import serving

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

THREADS = 6
ADDED = 12

WRITER = """
import sys
from modag_search import Index
from modag_search.web import Limits

with Index.open(sys.argv[1]) as index:
    for number in range(int(sys.argv[3])):
        index.add([f"{sys.argv[2]}/{number}"])
        index.label(f"{sys.argv[2]}/{number}/new.png", f"label {number}")
        print(number, flush=True)
"""


def ask_until(client: TestClient, ids: dict[str, int], done: threading.Event) -> int:
    """Ask in turn all that the page asks, until others have written; return how many items were seen at the most."""
    most = 0
    while True:
        is_last = done.is_set()
        hits = client.post("/search", json={"query": f"id:{ids['a.wav']}", "n": 1000, "copies": True})
        assert hits.status_code == 200, hits.text
        rows = hits.json()["hits"]
        assert len({row["id"] for row in rows}) == len(rows)
        assert all(len(row["version"]) == 16 for row in rows)
        answers = [
            client.get("/items", params={"n": 1000}),
            client.get("/labels"),
            client.get(f"/items/{ids['a.png']}"),
            client.get(f"/items/{ids['a.png']}/thumbnail"),
            client.post("/classify", json={"ids": [ids["a.wav"]]}),
            client.get("/suggest", params={"n": 3}),
            client.get("/runs"),
        ]
        assert [answer.status_code for answer in answers] == [200] * len(answers), [a.text for a in answers]
        most = max(most, len(rows) + 1)
        if is_last:
            return most


def prepare(folder: Path) -> None:
    for number in range(ADDED):
        picture(folder / str(number) / "new.png", (20 + number * 15, 100, 240 - number * 15))
        sound(folder / str(number) / "new.wav", (300 + 50 * number, 0.5))


def test_many_ask_while_another_process_writes(
    filled: Index, ids: dict[str, int], tmp_path: Path, toy_plugins: Path
) -> None:
    prepare(tmp_path / "new")
    filled.label(f"id:{ids['a.png']}", "low")
    filled.label(f"id:{ids['c.png']}", "high")
    done = threading.Event()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(toy_plugins)])}
    with serving(filled) as client, ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask_until, client, ids, done) for _ in range(THREADS)]
        try:
            written = subprocess.run(
                [sys.executable, "-c", WRITER, str(filled.folder), str(tmp_path / "new"), str(ADDED)],
                env=environment,
                capture_output=True,
                timeout=100,
                check=False,
            )
        finally:
            done.set()
        assert written.returncode == 0, written.stderr.decode()
        assert {one.result() for one in asking} == {6 + 2 * ADDED}


def test_many_ask_and_name_over_one_server(filled: Index, ids: dict[str, int], tmp_path: Path) -> None:
    prepare(tmp_path / "new")
    filled.label(f"id:{ids['a.png']}", "low")
    filled.label(f"id:{ids['c.png']}", "high")
    done = threading.Event()

    def name(client: TestClient, label: str) -> None:
        for item in ids.values():
            given = client.post("/labels/give", json={"ids": [item], "label": label})
            assert given.status_code == 200, given.text
            assert client.post(f"/runs/{given.json()['run']}/undo").json()["undone"] == 1

    with serving(filled) as client, ThreadPoolExecutor(THREADS + 2) as pool:
        asking = [pool.submit(ask_until, client, ids, done) for _ in range(THREADS)]
        try:
            with Index.open(filled.folder) as other:
                naming = [pool.submit(name, client, label) for label in ("this", "that")]
                other.add([tmp_path / "new"])
                for one in naming:
                    one.result()
        finally:
            done.set()
        assert {one.result() for one in asking} == {6 + 2 * ADDED}
    assert filled.item(f"id:{ids['b.png']}").labels == ()


def test_who_waits_for_a_turn_keeps_nobody_else_waiting(filled: Index) -> None:
    limits = Limits(at_once=1, waiting=50, wait_s=20)
    with serving(filled, limits=limits) as client, ThreadPoolExecutor(limits.waiting) as pool:
        turns = client.app.state.service.turns  # type: ignore[attr-defined]
        with turns.taken():
            asking = [pool.submit(client.post, "/search", json={"query": "id:1"}) for _ in range(limits.waiting)]
            while turns._waiting < limits.waiting and not any(one.done() for one in asking):
                assert client.get("/info").status_code == 200
            assert client.get("/info").status_code == 200
            assert client.post("/search", json={"query": "id:1"}).status_code == 503
        assert {one.result().status_code for one in asking} == {200}
