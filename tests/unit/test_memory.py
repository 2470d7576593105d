"""Questions over many segments take bounded memory: never as much as all compared with all."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from modag_search.catalog import Annotation
from modag_search.classify import vote_samples
from modag_search.classify.labelled_set import LabelledVectors
from modag_search.classify.vote_samples import Asking, VoteSamples
from modag_search.features.encoding import MediaEncoder
from modag_search.values import EncodedItem, EncodedSegment, MediaFacts, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from modag_search import Index
    from modag_search.values import MediaKind, Modality

T = TypeVar("T")
MIB = 1024**2
WINDOW_S = 5.0


def with_peak_mib(call: Callable[[], T]) -> tuple[T, float]:
    """Return what a call returns, and how much more memory it held than before at the most, in MiB."""
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def put(index: Index, made: dict[str, tuple[MediaKind, np.ndarray]]) -> None:
    """Put items, by path, with a feature a row; sounds have a window every few seconds."""
    items = []
    for number, (path, (kind, features)) in enumerate(made.items()):
        modality: Modality = "image" if kind == "image" else "sound"
        spans = [(WINDOW_S * i, WINDOW_S * (i + 2)) if kind == "sound" else (None, None) for i in range(len(features))]
        segments = tuple(
            EncodedSegment(modality=modality, start_s=start_s, end_s=end_s, status="ok", feature=feature)
            for (start_s, end_s), feature in zip(spans, features.astype(np.float32), strict=True)
        )
        facts = MediaFacts(kind=kind, duration_s=WINDOW_S * len(features) if kind == "sound" else None)
        file = ScannedFile(path, 100 + number, 0)
        items.append(EncodedItem(file=file, content_hash=f"{number:032x}", facts=facts, segments=segments))
    pipelines = MediaEncoder(index.settings).pipelines
    index.catalog.put(items, pipelines={m: index.catalog.pipelines.ensure(one) for m, one in pipelines.items()})
    index.rebuild()


def drawn(*, seed: int, shape: tuple[int, int]) -> np.ndarray:
    """Draw features of the toy encoders: positive, and unlike each other."""
    return np.random.default_rng(seed).uniform(0.01, 1.0, shape)


def test_an_hour_is_compared_with_long_recordings_in_little_memory(index: Index) -> None:
    recordings = {f"/m/{number}.wav": drawn(seed=number, shape=(3600, 3)) for number in range(3)}
    asked = np.concatenate([drawn(seed=9, shape=(719, 3)), recordings["/m/2.wav"][1800:1801]])
    put(index, {path: ("sound", rows) for path, rows in {**recordings, "/m/asked.wav": asked}.items()})
    asked_id = index.item("/m/asked.wav").id

    hits, peak_mib = with_peak_mib(lambda: index.search(f"id:{asked_id}", n=10))

    assert {hit.path for hit in hits} == set(recordings)
    assert all(hit.similarity > 0.99 for hit in hits)
    assert peak_mib < 60, "7,776,000 pairs as Python objects took gigabytes"


def test_asking_for_more_than_there_is_takes_no_more_memory(index: Index) -> None:
    features = drawn(seed=0, shape=(500, 3))
    put(index, {f"/m/{number:03d}.png": ("image", row[None]) for number, row in enumerate(features)})

    few, peak_of_few_mib = with_peak_mib(lambda: index.search("id:1", n=499))
    all_of_them, peak_mib = with_peak_mib(lambda: index.search("id:1", n=200_000))

    assert [hit.id for hit in all_of_them] == [hit.id for hit in few]
    assert len(few) == 499
    assert peak_mib < peak_of_few_mib + 4


def test_suggest_and_audit_hold_no_more_than_blocks(index: Index) -> None:
    """Among 6,000 labelled pictures of 60 labels and 6,000 without one."""
    features = drawn(seed=0, shape=(60, 3))[np.arange(12_000) % 60] + drawn(seed=1, shape=(12_000, 3)) / 50
    put(index, {f"/m/{number:04d}.png": ("image", row[None]) for number, row in enumerate(features)})
    ids = [item.id for item in index.catalog.items.all()]
    index.catalog.labels.annotate(
        Annotation(item_id=item_id, label=f"label {number % 60}", origin="hand")
        for number, item_id in enumerate(ids[:6000])
    )
    wrong = ids[17]
    index.catalog.labels.annotate([Annotation(item_id=wrong, label="label 40", origin="hand")])
    index.classify(f"id:{ids[-1]}")  # what outlives the call is learnt

    suggested, peak_of_suggest_mib = with_peak_mib(lambda: index.suggest(n=10))
    issues, peak_of_audit_mib = with_peak_mib(index.audit)

    assert len(suggested) == 10
    assert {one.id for one in suggested} <= set(ids[6000:])
    assert "label 40" in [one.label for one in issues if one.id == wrong]
    all_by_all_mib = 12_000 * 6000 * 4 / MIB
    assert max(peak_of_suggest_mib, peak_of_audit_mib) < all_by_all_mib * 0.8


def voting(*, n: int, items: np.ndarray, labels: np.ndarray) -> LabelledVectors:
    """Labelled segments with a vote each; labels ascend."""
    vectors = drawn(seed=0, shape=(n, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.arange(n)
    return LabelledVectors(
        rows.copy(), items, items.copy(), np.zeros((n, 2)), vectors, vectors.astype(np.float16), rows, labels
    )


def test_a_long_recording_leaves_out_its_own_votes_without_a_table_of_pairs() -> None:
    n = 1000
    part = voting(n=2 * n, items=np.arange(2 * n) % 2, labels=np.arange(2 * n) // n)
    samples = VoteSamples(part, n_labels=2, k=5, temperature=0.1)
    of_one = part.vectors[part.items == 0]
    asking = Asking(of_one, np.zeros(n, dtype=np.int64), np.float32(0))

    means, peak_mib = with_peak_mib(lambda: samples.means(asking, part.votes_by_item))

    for label in (0, 1):
        heard = part.vectors[(part.items == 1) & (part.labels == label)]
        np.testing.assert_allclose(means[:, label], of_one @ heard.mean(axis=0), atol=1e-5)
    assert peak_mib < 8, "1,000,000 pairs of 64 values took 500"


def test_all_votes_of_a_common_label_are_asked_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vote_samples, "_CELLS_AT_ONCE", 100_000)
    n = 4000
    part = voting(n=n, items=np.arange(n), labels=np.zeros(n, dtype=np.int64))
    samples = VoteSamples(part, n_labels=1, k=5, temperature=0.1)
    asking = Asking(part.vectors[:1000], np.arange(1000), np.float32(0))
    wanted = np.ones((1000, 1), dtype=bool)

    ((_, rows, _),), peak_mib = with_peak_mib(lambda: list(samples.kernels(asking, part.votes_by_item, wanted)))

    assert len(rows) == 1000
    assert peak_mib < 4, "all by all took 35"


def test_duplicates_hold_no_more_than_blocks(index: Index) -> None:
    features = drawn(seed=0, shape=(8000, 3))
    features[4000] = features[10]
    put(index, {f"/m/{number:04d}.png": ("image", row[None]) for number, row in enumerate(features)})

    groups, peak_mib = with_peak_mib(lambda: index.duplicates(min_similarity=0.9999999))

    assert ("/m/0010.png", "/m/4000.png") in [tuple(sorted(item.path for item in group.items)) for group in groups]
    assert peak_mib < 8000 * 8000 * 4 / MIB / 2


def test_many_that_are_alike_are_gathered_without_a_list_of_their_pairs(index: Index) -> None:
    features = 1 + drawn(seed=0, shape=(6000, 3)) / 1000
    put(index, {f"/m/{number:04d}.png": ("image", row[None]) for number, row in enumerate(features)})

    (group,), peak_mib = with_peak_mib(lambda: index.duplicates(min_similarity=0.99))

    assert len(group.items) == 6000
    assert peak_mib < 80, "places of all pairs of a few blocks took 340"


def test_pairs_are_looked_over_in_blocks(index: Index) -> None:
    made: dict[str, tuple[MediaKind, np.ndarray]] = {}
    for number, row in enumerate(drawn(seed=0, shape=(3000, 3))):
        made[f"/m/{number:04d}.wav"] = "sound", row[None]
        made[f"/m/{number:04d}.png"] = "image", row[None]
    put(index, made)

    _, peak_mib = with_peak_mib(lambda: index.audit_pairs(min_rank=0.0))

    assert peak_mib < 3 * 3000 * 3000 * 4 / MIB


def test_each_more_file_takes_a_few_bytes_more(index: Index, media: Path) -> None:
    numbers = itertools.count()
    for folder, n in (("few", 30), ("some", 2100), ("many", 6300)):
        for place in range(n):
            write_picture(media / folder / str(place // 300) / f"{place % 300}.png", next(numbers))
    index.add([media / "few"])  # what outlives the call is loaded, and sizes of files are known

    some, peak_of_some_mib = with_peak_mib(lambda: index.add([media / "some"]))
    many, peak_of_many_mib = with_peak_mib(lambda: index.add([media / "many"]))
    again, peak_again_mib = with_peak_mib(lambda: index.add([media]))

    assert (some.added, many.added, again.unchanged) == (2100, 6300, 8430)
    assert peak_of_many_mib < peak_of_some_mib + 4200 * 700 / MIB
    assert peak_again_mib < peak_of_some_mib + 6330 * 500 / MIB


def write_picture(path: Path, number: int) -> None:
    """Write a picture of four pixels, other than those of other numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(number).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    Image.fromarray(colours).save(path)
