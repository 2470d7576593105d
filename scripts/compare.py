"""Our store and index beside what people use: each peer in processes of its own, on the same vectors and metadata.

Run as a script it does one step of one peer, and prints what that took.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import material
import numpy as np
import own_peers
import peers
import scale
from material import ASKED, FILTERS, TUNED_BY, K, Material

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from peers import Peer

ROOT = Path(__file__).parents[1]
PEERS: Final[Mapping[str, type[Peer]]] = {
    "modag-store": own_peers.OwnStore,
    "modag-index": own_peers.OwnIndex,
    "faiss-ivf": peers.FaissIvf,
    "faiss-flat": peers.FaissFlat,
    "usearch-sqlite": peers.UsearchSqlite,
    "hnswlib": peers.Hnswlib,
    "lancedb-hnsw": peers.LanceHnsw,
    "lancedb-pq": peers.LancePq,
    "sqlite-vec": peers.SqliteVec,
    "txtai": peers.Txtai,
    "chroma": peers.Chroma,
}
RECALLS = (0.95, 0.99)
"""An effort is chosen for each: the least that reaches it, of queries that are not measured."""
_ASKING_S, _TUNING_S = 20.0, 10.0
"""So long at most each kind of query is asked, or asked for an effort, but `_LEAST_ASKED` in any case."""
_LEAST_ASKED = 20
_ADDED = 10
_DELETED_EVERY = 100
_STEP_S = 5400


def run(names: Sequence[str], *, n: int, data: Path, again: bool) -> dict[str, Any]:
    """Measure peers, those that have not been measured yet, and return all rows that there are.

    Parameters
    ----------
    names : sequence of str
    n : int
        Vectors.
    data : Path
        Of the train sources.
    again : bool
        Measure anew what has been measured.

    Returns
    -------
    dict
        The machine, and a row of each peer; rows are kept in a folder below build, vectors, too.
    """
    folder = ROOT / "build" / "compare" / str(n)
    make_material(folder, n=n, data=data)
    rows = folder / "rows"
    rows.mkdir(exist_ok=True)
    for name in names:
        row = rows / f"{name}.json"
        if again or not row.exists():
            row.write_text(json.dumps(measured(name, n=n, folder=folder), indent=2))
    kept = {name: rows / f"{name}.json" for name in PEERS}
    return {
        "n": n,
        "dimension": Material(folder, n=n).dimension,
        "k": K,
        "machine": machine(),
        "rows": {name: json.loads(row.read_text()) for name, row in kept.items() if row.exists()},
    }


def make_material(folder: Path, *, n: int, data: Path) -> None:
    """Make vectors, queries and right answers, with the space that an index has by default."""
    if (folder / "right.npz").exists():
        return
    kept = ROOT / "build" / "scale"
    seeds = scale.seeds(data, kept)
    with modag.Index.open(kept / "seeds") as index:
        material.make(folder, n=n, seeds=seeds, space=index.space)


def measured(name: str, *, n: int, folder: Path) -> dict[str, Any]:
    """Measure one peer, each step in a new process; a step that fails ends it, and is told."""
    own = folder / name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    row: dict[str, Any] = {
        "keeps_metadata": PEERS[name].keeps_metadata,
        "settings": PEERS[name].settings,
        "commit": _commit(),
    }
    try:
        for step in STEPS:
            row |= _step(step, name, n=n, folder=folder)
            print(f"{name}: {step}: done", file=sys.stderr)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        words = error.stderr if isinstance(error.stderr, str) else str(error.stderr or b"", "utf-8", "replace")
        row["failed"] = f"{step}: {(words.strip().splitlines() or [str(error)])[-1]}"
        print(f"{name}: {row['failed']}", file=sys.stderr)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return row


def _step(step: str, name: str, *, n: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, step, name, str(n), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_STEP_S)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def machine() -> dict[str, Any]:
    """Say what this ran on."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**20),
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT).stdout.strip()


# Steps, each in a process of its own.


def insert(peer: Peer) -> dict[str, Any]:
    """Take all vectors in; seconds of processors tell more than those of the clock where others work beside it."""
    began = time.perf_counter()
    peer.insert()
    seconds = time.perf_counter() - began
    versions = {package: importlib.metadata.version(package) for package in peer.packages}
    size = sum(path.stat().st_size for path in peer.folder.rglob("*") if path.is_file())
    return {
        "versions": versions,
        "insert_s": round(seconds, 1),
        "insert_cpu_s": round(sum(os.times()[:4]), 1),
        "insert_load": round(os.getloadavg()[0], 1),
        "insert_peak_mib": _memory_mib("VmHWM"),
        "disk_mib": round(size / 2**20),
    }


def ask(peer: Peer) -> dict[str, Any]:
    """Open it, and ask: without a filter and with each, at the effort that reaches each recall."""
    before = _yardstick_ms()
    idle_mib = _memory_mib("VmHWM")
    began = time.perf_counter()
    peer.open()
    peer.ask(ASKED, K)
    row: dict[str, Any] = {"open_s": round(time.perf_counter() - began, 2)}
    for recall in RECALLS:
        row[f"at_{recall}"] = {where or "all": _asked_at(recall, peer, where, row) for where in (None, *FILTERS)}
    return row | {
        "ask_peak_mib": _memory_mib("VmHWM"),
        "ask_resident_mib": _memory_mib("VmRSS"),
        "ask_anonymous_mib": _memory_mib("RssAnon"),
        "before_open_mib": idle_mib,
        "ask_load": round(os.getloadavg()[0], 1),
        "yardstick_ms": [before, _yardstick_ms()],
    }


def _asked_at(recall: float, peer: Peer, where: str | None, row: dict[str, Any]) -> dict[str, Any]:
    """Measure queries at the effort that reaches a recall, unless that has been done for a lower one."""
    peer.effort = _least_effort(peer, recall, where)
    for former in RECALLS:
        there = row.get(f"at_{former}", {}).get(where or "all", {})
        if there.get("effort") == peer.effort:
            return dict(there)
    return _asked(peer, where)


def _least_effort(peer: Peer, recall: float, where: str | None = None) -> int:
    """Return the least effort that reaches a recall, or the greatest."""
    for effort in peer.efforts[:-1]:
        peer.effort = effort
        if _recall(peer, where, _answers(peer, where, tuning=True)) >= recall:
            return effort
    return peer.efforts[-1]


def _answers(peer: Peer, where: str | None, *, tuning: bool = False) -> Iterator[tuple[int, list[int], float]]:
    """Ask, while there is time, and iterate over places, answers, and seconds."""
    places = range(ASKED, ASKED + TUNED_BY) if tuning else range(ASKED)
    ends = time.perf_counter() + (_TUNING_S if tuning else _ASKING_S)
    for count, place in enumerate(places, start=1):
        began = time.perf_counter()
        ids = peer.ask(place, K, where)
        now = time.perf_counter()
        yield place, ids, now - began
        if count >= _LEAST_ASKED and now > ends:
            return


def _recall(peer: Peer, where: str | None, answers: Iterable[tuple[int, list[int], float]]) -> float:
    return statistics.mean(peer.material.share_right(place, ids, where=where) for place, ids, _ in answers)


def _asked(peer: Peer, where: str | None) -> dict[str, Any]:
    peer.ask(ASKED, K, where)
    answers = list(_answers(peer, where))
    times = [seconds for _, _, seconds in answers]
    return {
        "effort": peer.effort,
        "ms": round(1000 * statistics.median(times), 3),
        "p99_ms": round(1000 * float(np.quantile(times, 0.99)), 3),
        "recall": round(_recall(peer, where, answers), 4),
        "asked": len(times),
    }


def change(peer: Peer) -> dict[str, Any]:
    """Add vectors one by one, and delete one in a hundred; what is gone must not be found, what has come must be."""
    peer.open(writing=True)
    peer.effort = _least_effort(peer, RECALLS[-1])
    adding, finding = [], []
    n_found = 0
    for number in range(_ADDED):
        new, place = peer.material.n + len(peer.material.asking) + number, 2 * number  # that of a sound
        began = time.perf_counter()
        peer.add(new, place)
        adding.append(time.perf_counter() - began)
        began = time.perf_counter()
        n_found += new in peer.ask(place, K)
        finding.append(time.perf_counter() - began)
    adding_s = statistics.median(adding)
    saving_s = _seconds(peer.save)
    gone = np.arange(0, peer.material.n, _DELETED_EVERY, dtype=np.int64)
    deleting_s = _seconds(functools.partial(peer.delete, gone))
    wrong = sum(len(np.intersect1d(gone, peer.ask(place, K))) for place in range(ASKED, ASKED + TUNED_BY))
    return {
        "add_ms": round(1000 * adding_s, 2),
        "find_added_ms": round(1000 * statistics.median(finding), 2),
        "add_save_ms": round(1000 * saving_s, 2),
        "added_found": n_found / _ADDED,
        "delete_s": round(deleting_s, 3),
        "delete_save_s": round(_seconds(peer.save), 3),
        "deleted_found": wrong,
    }


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _memory_mib(what: str) -> int:
    """Return what Linux says of this process's memory; a peak of its own, not of what started it."""
    line = next(line for line in _lines("/proc/self/status") if line.startswith(f"{what}:"))
    return round(int(line.split()[1]) / 1024)


def _yardstick_ms() -> float:
    """Time a million products in one thread, which says how busy the machine is."""
    numbers, products = np.ones(1_000_000, dtype=np.float32), np.empty(1_000_000, dtype=np.float32)
    multiply = functools.partial(np.multiply, numbers, numbers, out=products)
    return round(1000 * statistics.median(_seconds(multiply) for _ in range(50)), 3)


STEPS: Final[Mapping[str, Callable[[Peer], dict[str, Any]]]] = {"insert": insert, "ask": ask, "change": change}


def _main(step: str, name: str, n: str, folder: str) -> None:
    peer = PEERS[name](Path(folder, name), Material(Path(folder), n=int(n)))
    print(json.dumps(STEPS[step](peer)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
