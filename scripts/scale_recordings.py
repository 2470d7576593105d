"""What collections of long recordings cost: few items, of hundreds of windows each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cold
import numpy as np
import scale
from scale_search import AS_FAR, K, bare, mib, opening, spread, store_of, timed

import modag_search as modag
from modag_search.features.encoding import MediaEncoder
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scale import Seeds

    from modag_search.stores import LayeredReader
    from modag_search.values import Hit, Int64Array, Modality

_PART_S = (60.0, 70.0)
_GONE_EVERY = 100
_OPENED_BY = 1000


def make(folder: Path, drawn_from: Mapping[Modality, Seeds], *, n: int, windows: int) -> dict[str, Any]:
    """Make an index of recordings in a folder.

    Returns
    -------
    dict of str to Any
        How long that took, in seconds.
    """
    index_folder = cold.Side(cold.ROOT, folder).index
    folder.mkdir(exist_ok=True)
    made = partial(scale.make_recordings, index_folder, drawn_from, n=n, windows=windows, labelled=n // 10)
    found: dict[str, Any] = {"recordings": n, "windows_each": windows, "segments": n * (windows + 1)}
    found["catalog_s"] = round(timed(made)[0] / 1000, 1)
    with modag.Index.open(index_folder) as index:
        found["stores_s"] = round(timed(index.rebuild)[0] / 1000, 1)
    return found


def rows(folder: Path, *, runs: int) -> dict[str, Any]:
    """Ask an index that `make` made by pictures, by recordings and by parts of them; some are taken out, and put back.

    Returns
    -------
    dict of str to Any
        Times in seconds, or in milliseconds where they are called so.
    """
    side = cold.Side(cold.ROOT, folder)
    found: dict[str, Any] = {"index_mib": mib(side.index), "stores_mib": mib(side.index / "stores")}
    with modag.Index.open(side.index) as index:
        n = sum(1 for _ in index.catalog.items.all()) // 2  # as many pictures
        pictures, recordings = (_drawn(index, kind, runs) for kind in MODALITIES)
        found["opening"] = opening(side.index, _drawn(index, "image", min(n, _OPENED_BY)))
        found["cold_search"] = cold.compared([side.run("search", f"id:{number}") for number in recordings[:6]][1:])
        found["a_picture_asks"] = _pictures_ask(index, pictures)
        recording_asks = [partial(index.search, f"id:{number}") for number in recordings]
        part_asks = [
            partial(index.search, f"id:{number}", start_s=_PART_S[0], end_s=_PART_S[1]) for number in recordings
        ]
        in_a_folder = [partial(ask, under=["/made/hundredth"]) for ask in part_asks]
        found["a_recording_asks"] = spread([timed(ask)[0] for ask in recording_asks])
        found["ten_seconds_ask"] = spread([timed(ask)[0] for ask in part_asks])
        found["ten_seconds_ask_in_1_percent"] = spread([timed(ask)[0] for ask in in_a_folder])
        index.classify([f"id:{recordings[0]}"])
        found["classify_one"] = spread([timed(partial(index.classify, [f"id:{one}"]))[0] for one in recordings])
        gone = [number for number in _drawn(index, "sound", max(n // _GONE_EVERY, 1)) if number != recordings[-1]]
        taken_out_ms, _ = timed(partial(index.forget, [f"id:{number}" for number in gone]))
        found["taken_out"] = {"recordings": len(gone), "seconds": round(taken_out_ms / 1000, 2)}
        found["next_search_ms"] = round(timed(part_asks[-1])[0], 1)
        put_back_ms, _ = timed(index.undo_forget)
        found["put_back_s"] = round(put_back_ms / 1000, 2)
    return found


def _drawn(index: modag.Index, kind: Modality, n: int) -> list[int]:
    ids = [item.id for item in index.catalog.items.all() if item.kind == kind]
    drawn: list[int] = np.random.default_rng(4).choice(ids, size=n, replace=False).tolist()
    return drawn


def _pictures_ask(index: modag.Index, pictures: list[int]) -> dict[str, Any]:
    """Time questions by pictures for recordings, beside FAISS alone, and count the nearest that they find."""
    reader = store_of(index, "sound")
    owners = index.catalog.segments.owners(reader.ids())
    encoder = MediaEncoder(index.settings)
    times, bare_times, recalls = [], [], []
    for number in pictures:
        (segment,) = index.catalog.segments.of_items([number])
        fingerprint = encoder.fingerprints["image"]
        feature = index.catalog.segments.features_of([segment.id], fingerprint=fingerprint)[segment.id]
        vector = index.space.project("image", feature[None])
        took, hits = timed(partial(index.search, f"id:{number}", modality="sound"))
        times.append(took)
        bare_times.append(timed(bare(reader, vector))[0])
        recalls.append(_recall(hits, reader, vector, owners))
    return {**spread(times), "bare_ms": spread(bare_times)["p50_ms"], "recall_at_10": round(float(np.mean(recalls)), 4)}


def _recall(hits: list[Hit], reader: LayeredReader, vector: Any, owners: Int64Array) -> float:
    """Count recordings among the hits that are as near as the true nearest, by their nearest windows."""
    nearest = np.full(int(owners.max()) + 1, -np.inf, dtype=np.float32)
    np.maximum.at(nearest, owners, reader.nearest_to_any(vector))
    least = float(np.partition(nearest, len(nearest) - K)[len(nearest) - K])
    return sum(hit.similarity >= least - AS_FAR for hit in hits) / K
