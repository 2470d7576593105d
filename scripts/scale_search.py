"""What size costs those who search: opening, warm and cold queries, filters, additions, deletions, a rebuild."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import cold
import faiss
import numpy as np
from PIL import Image

import modag_search as modag
from modag_search.features.encoding import MediaEncoder
from modag_search.search.store_sync import StoreSync
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modag_search.stores import LayeredReader
    from modag_search.values import Float32Array, Hit, Int64Array, Modality

T = TypeVar("T")

FILTERS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    **{f"label_{share}": {"label": share} for share in ("half", "hundredth", "rare")},
    **{f"under_{share}": {"under": [f"/made/{share}"]} for share in ("half", "hundredth", "rare")},
}
K = 10
AS_FAR = 1e-3
"""Similarities are kept in half precision."""
_ADDED = 100
_WARMING = 1000

# What it takes to have an index ready, and what stays in memory after a thousand queries.
_READY = """
import json, sys, time
import modag_search as modag
import faiss, modag_search.index, modag_search.search.store_sync
def resident_mib():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024
before, _ = resident_mib()
started = time.perf_counter()
index = modag.Index.open(sys.argv[1])
opened_s = time.perf_counter() - started
index.search("id:1")
answered_s = time.perf_counter() - started
opened, _ = resident_mib()
for number in json.loads(sys.argv[2]):
    index.search(f"id:{number}")
resident, peak = resident_mib()
print(json.dumps({"opened_s": round(opened_s, 3), "answered_s": round(answered_s, 3),
                  "answered_mib": round(opened - before),
                  "after_1000_queries_mib": round(resident - before), "peak_mib": round(peak - before)}))
"""


@dataclass(frozen=True, slots=True, eq=False)
class Asking:
    """A query that is repeated, and what is exactly nearest to it.

    Attributes
    ----------
    name : str
        ``id:N``.
    vector : np.ndarray [shape=(1, d), float32]
    similarities : np.ndarray [shape=(n,), float32]
        Of everything in the store, in the order of its ids; the item that asks is as far as can be.
    """

    name: str
    vector: Float32Array
    similarities: Float32Array


def rows(folder: Path, *, runs: int, scratch: Path) -> dict[str, Any]:
    """Measure an index; one of its copies is changed, in `scratch`."""
    side = cold.Side(cold.ROOT, scratch)
    side.index.symlink_to(folder.absolute())
    with modag.Index.open(folder) as index:
        n_items = sum(index.catalog.count().items.values())
        made: dict[str, Any] = {
            "items": n_items,
            "stores_mib": mib(folder / "stores"),
            "index_mib": mib(folder),
            "opening": opening(folder, np.random.default_rng(0).integers(1, n_items, size=_WARMING).tolist()),
            "warm_both_ms": _both(index, n_items=n_items, runs=runs),
            "warm": {modality: _warm(index, modality, n_items=n_items, runs=runs) for modality in MODALITIES},
        }
    taken = [side.run("search", f"id:{number}") for number in range(n_items // 2, n_items // 2 + 6)][1:]
    made["cold_search"] = cold.compared(taken)
    copy = scratch / "copy"
    shutil.copytree(folder, copy)
    with modag.Index.open(copy) as index:
        made["adding"] = _adding(index, scratch)
        made["deleting"] = _deleting(index)
    shutil.rmtree(copy)
    return made


def rebuilding(folder: Path) -> dict[str, float]:
    """Compare a rebuild with its bare parts: projection, and what FAISS takes to build the same."""
    with modag.Index.open(folder) as index:
        started = time.perf_counter()
        index.rebuild()
        seconds = time.perf_counter() - started
        bare = sum(_bare_build(index, modality) for modality in MODALITIES)
    return {"seconds": round(seconds, 1), "bare_seconds": round(bare, 1), "times_bare": round(seconds / bare, 2)}


def store_of(index: modag.Index, modality: Modality) -> LayeredReader:
    stores = StoreSync(
        index.folder / "stores",
        catalog=index.catalog,
        space=index.space,
        fingerprints=MediaEncoder(index.settings).fingerprints,
        store=index.settings.store,
    )
    return stores.present(modality).reader


def _bare_build(index: modag.Index, modality: Modality) -> float:
    fingerprint = MediaEncoder(index.settings).fingerprints[modality]
    spent = 0.0
    projected, all_ids = [], []
    for ids, features in index.catalog.segments.features(fingerprint):
        started = time.perf_counter()
        projected.append(index.space.project(modality, features).astype(np.float16))
        spent += time.perf_counter() - started
        all_ids.append(ids)
    vectors = np.concatenate(projected)
    reader: Any = store_of(index, modality).base
    n_lists = getattr(getattr(reader, "probes", None), "n_lists", 0)
    kind = f"IVF{n_lists},SQfp16" if n_lists else "Flat"
    started = time.perf_counter()
    built: Any = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    if n_lists:
        built.cp.niter, built.cp.max_points_per_centroid = 8, 48
        drawn = np.random.default_rng(0).choice(len(vectors), size=min(len(vectors), 48 * n_lists), replace=False)
        built.train(vectors[np.sort(drawn)].astype(np.float32))
    for start in range(0, len(vectors), 65_536):
        part = vectors[start : start + 65_536].astype(np.float32)
        if n_lists:
            built.add_with_ids(part, np.concatenate(all_ids)[start : start + len(part)])
        else:
            built.add(part)
    return spent + time.perf_counter() - started


def _both(index: modag.Index, *, n_items: int, runs: int) -> dict[str, float]:
    """Time queries of both modalities, once most lists have been compared with their checksums."""
    random = np.random.default_rng(1)
    for number in random.integers(1, n_items, size=_WARMING).tolist():
        index.search(f"id:{number}")
    numbers = random.integers(1, n_items, size=runs).tolist()
    return spread([timed(partial(index.search, f"id:{number}"))[0] for number in numbers])


def _warm(index: modag.Index, modality: Modality, *, n_items: int, runs: int) -> dict[str, Any]:
    """Time queries of one modality, beside FAISS alone, and count how many of the nearest they find."""
    reader = store_of(index, modality)
    asking = list(_asked(index, reader, n_items=n_items, runs=runs))
    found: dict[str, Any] = {"bare_ms": spread([timed(bare(reader, one.vector))[0] for one in asking])}
    owners = index.catalog.segments.owners(reader.ids())
    for name, chosen in FILTERS.items():
        search = partial(index.search, modality=modality, **chosen)
        first_ms, _ = timed(partial(search, asking[0].name))
        times, hits = zip(*(timed(partial(search, one.name)) for one in asking), strict=True)
        counts = np.isin(owners, _passing(index, chosen)) if chosen else None
        found[name] = {
            "first_ms": round(first_ms, 1),
            **spread(times),
            "recall_at_10": round(
                float(np.mean([_recall(*pair, counts) for pair in zip(hits, asking, strict=True)])), 4
            ),
        }
    return found


def _asked(index: modag.Index, reader: LayeredReader, *, n_items: int, runs: int) -> Iterator[Asking]:
    """Draw items that ask, of either modality, and compare each with everything."""
    encoder = MediaEncoder(index.settings)
    ids = reader.ids()
    for item in np.random.default_rng(2).integers(1, n_items, size=runs).tolist():
        (segment, *_) = index.catalog.segments.of_items([item])
        fingerprint = encoder.fingerprints[segment.modality]
        feature = index.catalog.segments.features_of([segment.id], fingerprint=fingerprint)[segment.id]
        vector = index.space.project(segment.modality, feature[None])
        similarities = reader.nearest_to_any(vector)
        similarities[ids == segment.id] = -np.inf
        yield Asking(f"id:{item}", vector, similarities)


def _passing(index: modag.Index, chosen: Mapping[str, Any]) -> Int64Array:
    """Return the ids of the items that pass a filter, asked of the catalog in another way than a search does."""
    if "label" in chosen:
        return index.catalog.labels.items_labelled(chosen["label"])
    (folder,) = chosen["under"]
    return np.array([item for item, _ in index.catalog.items.paths_under(folder)], dtype=np.int64)


def _recall(hits: list[Hit], asking: Asking, counts: Any) -> float:
    """Count hits that are as near as the true nearest."""
    near = asking.similarities if counts is None else asking.similarities[counts]
    k = min(K, len(near))
    if not k:
        return 1.0
    least = float(np.partition(near, len(near) - k)[len(near) - k])
    return sum(hit.similarity >= least - AS_FAR for hit in hits) / k


def bare(reader: LayeredReader, vector: Float32Array) -> Callable[[], object]:
    """Return the call of FAISS alone, on the same index, for as many neighbours."""
    base: Any = reader.base
    faiss.omp_set_num_threads(1)
    if not hasattr(base, "probes"):
        return lambda: base.index.search(vector, K)
    parameters = faiss.SearchParametersIVF(nprobe=base.probes.wanted(K, n_counting=len(base)))  # type: ignore[call-arg]
    return lambda: base.index.search(vector, K, params=parameters)


def _adding(index: modag.Index, scratch: Path) -> dict[str, float]:
    """Add a hundred pictures, and say what that takes beyond adding them to an index of its own."""
    folder = scratch / "added"
    folder.mkdir()
    random = np.random.default_rng(3)
    for number in range(_ADDED):
        coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        coarse.resize((320, 240)).save(folder / f"{number:03d}.jpg")
    with modag.Index.open(scratch / "alone", create=True) as alone:
        alone.add([folder], workers=1)  # encoders are loaded now
        alone.forget([folder])
        alone_s = timed(lambda: alone.add([folder], workers=1))[0] / 1000
    seconds = timed(lambda: index.add([folder], workers=1))[0] / 1000
    return {"files": _ADDED, "seconds": round(seconds, 2), "beyond_alone_s": round(seconds - alone_s, 2)}


def _deleting(index: modag.Index) -> dict[str, float]:
    """Take out one item in a hundred, and look whether any of them is still found, or others are not."""
    before = index.search("id:5", n=100)
    gone = set(index.catalog.labels.items_labelled("hundredth").tolist())
    seconds = timed(lambda: index.forget(["/made/hundredth"]))[0] / 1000
    first_ms, found = timed(lambda: index.search("id:5", n=100))
    after = {hit.id for hit in found}
    missing = {hit.id for hit in before} - gone - after
    return {
        "items": len(gone),
        "seconds": round(seconds, 2),
        "next_search_ms": round(first_ms, 1),
        "still_found": len(after & gone),
        "others_missing": len(missing),
    }


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Return what a call takes, in milliseconds, and what it returns."""
    started = time.perf_counter()
    answer = call()
    return 1000 * (time.perf_counter() - started), answer


def spread(times_ms: Sequence[float]) -> dict[str, float]:
    return {"p50_ms": round(float(np.median(times_ms)), 2), "p99_ms": round(float(np.percentile(times_ms, 99)), 2)}


def mib(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20)


def opening(folder: Path, numbers: Sequence[int]) -> dict[str, float]:
    """Open an index in a new process, and let items ask."""
    command = [sys.executable, "-c", _READY, str(folder), json.dumps(numbers)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found
