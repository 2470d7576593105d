"""Queries and votes: what they read at once, and over an index that is not all of today."""

from __future__ import annotations

import sqlite3
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest

from modag_search import Index
from modag_search.classify import queries
from modag_search.copies.comparable import ComparableItems
from modag_search.errors import NothingFoundError
from modag_search.features import files
from modag_search.features.ahead import map_ahead
from modag_search.features.encoding import MediaEncoder
from modag_search.features.files import FeatureReader, FileFeatures
from modag_search.features.vectors import SegmentVectors
from modag_search.search.query import Query
from modag_search.stores import base
from modag_search.stores.faiss_flat import FaissFlatStore
from modag_search.stores.layered import LayeredReader
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from modag_search.errors import MediaError
    from modag_search.values import Float32Array, ItemRecord, Modality, SegmentRecord

T = TypeVar("T")


@pytest.fixture
def filled(index: Index, media: Path) -> Index:
    for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE)):
        picture(media / f"{name}.png", colour)
    sound(media / "a.wav", (LOW_HZ, 1))
    index.add([media])
    return index


def noting(values: Iterable[T], taken: list[T]) -> Iterator[T]:
    """Iterate over values, and note each that is taken."""
    for value in values:
        taken.append(value)
        yield value


def outdate(index: Index, modality: str) -> None:
    """Let the features of a modality be those of an encoder of another day."""
    with closing(sqlite3.connect(index.catalog.path)) as connection, connection:
        connection.execute("UPDATE pipeline SET fingerprint = 'another day' WHERE modality = ?", [modality])


def test_what_another_version_made_cannot_be_asked_with(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    filled.label([media / "a.png", media / "a.wav"], "low")
    item = filled.item(media / "a.png")
    before = filled.search("label:low", modality="sound")
    outdate(filled, "image")

    words = r"was made by another encoder, or another version of one; `modag rebuild` renews it"
    with pytest.raises(NothingFoundError, match=rf"id:{item.id} \(.*a\.png\): {words}"):
        filled.search(f"id:{item.id}")
    with pytest.raises(NothingFoundError, match=f"label:red: what has this label {words}"):
        filled.search("label:red")
    assert filled.search("label:low", modality="sound") == before == [], "what is left of a label is asked with"
    assert filled.search(media / "a.png", modality="sound", n=1)[0].path == str(media / "a.wav"), "encoded anew"


def test_who_is_removed_meanwhile_is_not_listed(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    filled.label([media / "b.png"], "green")
    answers = filled.classify_each(media / "a.wav")
    filled.catalog.remove([filled.item(media / "b.png").id])
    (answer,) = answers
    assert [neighbour.label for neighbour in answer.neighbours] == ["red"]
    assert answer.label == "red"


def test_few_files_are_looked_up_before_the_first_answer(filled: Index, media: Path) -> None:
    taken = []

    def of_each() -> Iterator[str]:
        for number in range(100):
            taken.append(number)
            yield str(media / "a.wav")

    reader = FeatureReader(filled.catalog, MediaEncoder(filled.settings))
    found = reader.of_each(of_each(), workers=1)
    next(found)
    assert len(taken) <= 40
    assert len(list(found)) == 99


def test_few_features_are_read_before_the_first_answer(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(sound(media / f"{number}.wav", (LOW_HZ + number, 20))) for number in range(12)]
    index.add([media])
    per_file = index.catalog.segments.count_by_item([index.item(paths[0]).id])[index.item(paths[0]).id]
    asked: list[str | ItemRecord] = [*paths[:6], *(index.item(path) for path in paths[6:])]
    reader = FeatureReader(index.catalog, MediaEncoder(index.settings))
    expected = list(reader.of_each(asked, workers=1))
    read: list[int] = []
    with_features = index.catalog.segments.with_features_of_items

    def counted(
        item_ids: Iterable[int], *, fingerprints: Mapping[Modality, str]
    ) -> list[tuple[SegmentRecord, Float32Array | None]]:
        found = with_features(item_ids, fingerprints=fingerprints)
        read.extend(record.id for record, _ in found)
        return found

    monkeypatch.setattr(files, "_SEGMENTS_AT_ONCE", 2 * per_file)
    monkeypatch.setattr(index.catalog.segments, "with_features_of_items", counted)
    answers = reader.of_each(asked, workers=1)
    first = next(answers)
    assert 0 < len(read) <= 4 * per_file, "of two files, and of two ahead"
    assert [plain(file) for file in (first, *answers)] == [plain(file) for file in expected]
    assert len(read) == 12 * per_file


def plain(file: FileFeatures | MediaError) -> tuple[str, bool, list[list[float]]]:
    assert isinstance(file, FileFeatures)
    return file.path, file.is_stored, file.features()["sound"].tolist()


def test_a_batch_of_items_has_few_segments(index: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, seconds in enumerate((20, 1, 1, 20, 20, 1)):
        sound(media / f"{number}.wav", (LOW_HZ + number, seconds))
    index.add([media])
    stored = sorted((item.id, item.path) for item in index.catalog.items.all())
    per_item = index.catalog.segments.count_by_item(item_id for item_id, _ in stored)
    vectors = SegmentVectors(index.catalog, index.space, MediaEncoder(index.settings))
    asked: list[tuple[str, Query]] = []
    for item_id, path in stored:
        ids = [segment.id for segment in index.catalog.segments.of_items([item_id])]
        asked.append((path, Query(vectors={"sound": vectors.of("sound", ids)[1]}, without=frozenset({item_id}))))
    most = max(per_item.values()) + 1
    monkeypatch.setattr(queries, "SEGMENTS_AT_ONCE", most)

    batches = list(queries.stored_batches(index.catalog, vectors, stored))
    assert [path for batch in batches for path in batch.paths] == [path for _, path in stored]
    assert all(len(batch.segments["sound"].vectors) <= most for batch in batches)
    assert len(batches) == 3

    taken: list[tuple[str, Query]] = []
    first = next(queries.query_batches(noting(asked, taken)))
    assert (taken, list(first.paths)) == (asked[:2], [path for path, _ in asked[:2]]), (
        "no more is asked for than is compared"
    )


def test_work_is_done_a_little_ahead_and_never_far() -> None:
    taken: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        results = map_ahead(pool, lambda number: number * number, noting(range(50), taken), look_ahead=3)
        for number, result in enumerate(results):
            assert result == number * number
            assert len(taken) <= number + 3
    assert taken == list(range(50))


def test_many_vectors_are_compared_with_many_in_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    stored = generator.standard_normal((4200, 4), dtype=np.float32)
    queries = generator.standard_normal((6000, 4), dtype=np.float32)
    store = FaissFlatStore(4)
    store.add(np.arange(50, dtype=np.int64), stored[:50])
    mixed = LayeredReader(store.build(), ids=np.arange(50, 4200, dtype=np.int64), vectors=stored[50:])
    store = FaissFlatStore(4)
    store.add(np.arange(4200, dtype=np.int64), stored)
    for reader in (store.build(), mixed):
        tracemalloc.start()
        reader.nearest_to_any(queries)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most_bytes < 20e6, "all by all would take 100 MB"
        monkeypatch.setattr(base, "_BLOCK_ROWS", 11)
        monkeypatch.setattr(base, "_BLOCK_COLUMNS", 7)
        nearest = reader.nearest_to_any(queries[:90])
        monkeypatch.undo()
        np.testing.assert_allclose(nearest, (stored @ queries[:90].T).max(axis=1), atol=1e-5)


def test_threads_read_ahead_what_the_taker_sees_and_nothing_else(filled: Index, media: Path) -> None:
    catalog, encoder = filled.catalog, MediaEncoder(filled.settings)
    vectors = SegmentVectors(catalog, filled.space, encoder)
    items = [(item.id, item.path) for item in catalog.items.all()]
    with catalog.view(), ThreadPoolExecutor(1) as pool:
        (unread,) = queries.unread_batches(catalog, vectors, items)
        ahead = pool.submit(unread.read_ahead).result()
        assert ahead is not None
        assert ahead.paths == unread.read().paths
        with Index.open(filled.folder) as other:
            other.forget(media / "a.png")
        assert pool.submit(unread.read_ahead).result() is None
        assert unread.read().paths == ahead.paths


def test_what_is_compared_is_of_one_moment_whoever_writes_meanwhile(filled: Index, media: Path) -> None:
    catalog = filled.catalog
    comparable = ComparableItems(catalog, MediaEncoder(filled.settings).fingerprints)
    with catalog.view():
        contents = [[item] for item in catalog.items.all(kind="image")]
        with Index.open(filled.folder) as other:
            other.forget([media / "a.png", media / "b.png"])
        assert len(comparable.wholes("image", contents, "image").contents) == 3
