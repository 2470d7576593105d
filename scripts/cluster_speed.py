"""How fast workers of a Dask cluster on this machine encode, beside one process, and where the writer is the limit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import modag_search as modag
from modag_search import media
from modag_search.features.encoding import MediaEncoder
from modag_search.features.stored import scanned
from modag_search.values import EncodedItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STORED_AT_ONCE = 32  # as `modag index` does
_START_S = 60.0


def rows(paths: Sequence[str], *, numbers: Sequence[int], scratch: Path) -> dict[str, Any]:
    """Index files here by one worker, by so many workers of a cluster, and as a writer alone, each into a new index.

    Parameters
    ----------
    paths : sequence of str
    numbers : sequence of int
        Of workers, each a process with one thread.
    scratch : Path
        A folder for indexes.

    Returns
    -------
    dict
        The ratio of each speed to that of one process; and at how many files a second the writer would be the limit:
        by the processor time that it spends on a file while a cluster encodes, and by what storing alone takes of
        features that are there.
    """
    alone = _indexed(paths, scratch / "here", workers=1)
    found: dict[str, Any] = {"files": len(paths), "here": _row(alone), "cluster": {}}
    for number in numbers:
        with _cluster(number, scratch / f"cluster-{number}") as address:
            few = paths[: 2 * number]
            _indexed(few, scratch / f"first-{number}", workers=address)  # networks are loaded
            begun = _indexed(few, scratch / f"begun-{number}", workers=address)
            whole = _indexed(paths, scratch / f"whole-{number}", workers=address)
        # What a run takes to begin and to end is not of its files.
        cpu_ms = 1000 * (whole.cpu_s - begun.cpu_s) / (whole.files - begun.files)
        found["cluster"][str(number)] = _row(whole) | {
            "times_here": round(alone.seconds / whole.seconds, 2),
            "writer_cpu_ms_a_file": round(cpu_ms, 2),
            "writer_is_the_limit_at": round(1000 / cpu_ms),
        }
    stored_ms = _stored_ms_a_file(paths, scratch / "stored")
    return found | {"store": {"ms_a_file": round(stored_ms, 2), "files_a_second": round(1000 / stored_ms)}}


class _Run(NamedTuple):
    """What a run took: as long as it lasted, and processor time of the writer."""

    files: int
    failed: int
    seconds: float
    cpu_s: float


def _row(run: _Run) -> dict[str, Any]:
    return {
        "failed": run.failed,
        "seconds": round(run.seconds, 3),
        "files_a_second": round(run.files / run.seconds, 1),
    }


def _indexed(paths: Sequence[str], folder: Path, *, workers: int | str) -> _Run:
    with modag.Index.open(folder, create=True) as index:
        before = time.process_time()
        report = index.add(paths, workers=workers)
        return _Run(report.added, report.failed, report.seconds, time.process_time() - before)


def _stored_ms_a_file(paths: Sequence[str], folder: Path) -> float:
    """Return how long the catalog takes over a file whose features are there."""
    encoder = MediaEncoder(modag.IndexSettings())
    items = iter([_encoded(encoder, path) for path in paths])
    with modag.Index.open(folder, create=True) as index:
        pipelines = {one: index.catalog.pipelines.ensure(pipeline) for one, pipeline in encoder.pipelines.items()}
        started = time.perf_counter()
        while batch := list(islice(items, _STORED_AT_ONCE)):
            index.catalog.put(batch, pipelines=pipelines)
        return 1000 * (time.perf_counter() - started) / len(paths)


def _encoded(encoder: MediaEncoder, path: str) -> EncodedItem:
    file = scanned(path)
    assert file is not None
    facts, segments = encoder.encode_file(path)
    return EncodedItem(file=file, content_hash=media.content_hash(path), facts=facts, segments=segments)


@contextmanager
def _cluster(n: int, folder: Path) -> Iterator[str]:
    """Start a scheduler and workers on loopback; yield what `workers` takes once they are all there."""
    from distributed import Client

    folder.mkdir()
    told = str(folder / "scheduler.json")
    with (
        _dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", told),
        _dask("worker", "--scheduler-file", told, "--nworkers", str(n), "--nthreads", "1"),
        Client(scheduler_file=told, timeout=_START_S, set_as_default=False) as client,
    ):
        client.wait_for_workers(n, timeout=_START_S)
        address = json.loads(Path(told).read_text(encoding="utf-8"))["address"]
        yield address.replace("tcp://", "dask://")


@contextmanager
def _dask(*arguments: str) -> Iterator[None]:
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
