"""Stores follow their catalog, and only who holds the index's lock writes them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock

from modag_search.catalog import Catalog
from modag_search.registry import store_class
from modag_search.search.store_sync import StoreSync
from modag_search.space import Branch, Space
from modag_search.stores import NOTHING
from tests.catalog_builders import DIMENSION, FINGERPRINTS, feature, image, put, sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.stores import VectorStore


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as catalog:
        yield catalog


def space() -> Space:
    same, nothing = np.eye(DIMENSION, dtype=np.float32), np.zeros(DIMENSION, dtype=np.float32)
    branch = Branch(same, nothing, same, nothing)
    return Space(
        branches={"image": branch, "sound": branch},
        encoders={modality: {"name": modality, "fingerprint": modality} for modality in ("image", "sound")},
        background=dict.fromkeys(("image-image", "image-sound", "sound-sound"), (0.0, 1.0)),
        card={"name": "toy"},
    )


def views(catalog: Catalog, folder: Path, lock: FileLock | None = None) -> StoreSync:
    return StoreSync(folder, catalog=catalog, space=space(), fingerprints=FINGERPRINTS, store="faiss-flat", lock=lock)


def held(store: VectorStore, content: str, *, n: int = 1) -> list[int]:
    """Return the ids whose vector is that of a content."""
    similarities, ids = store.search(space().project("sound", feature(content)[None]), k=n)
    return [
        int(i) for i, similarity in zip(ids[0], similarities[0], strict=True) if i != NOTHING and similarity > 0.9999
    ]


def saved(folder: Path) -> VectorStore:
    return store_class("faiss-flat")(folder / "sound.faiss-flat", dimension=DIMENSION)


def test_a_store_of_another_past_is_not_believed(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, sound("/m/a.wav", "common", statuses=("ok",)))
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(catalog.path)) as source, closing(sqlite3.connect(copy)) as backup:
        source.backup(backup)
    put(catalog, sound("/m/b.wav", "lost", statuses=("ok",)))
    stores = tmp_path / "stores"
    views(catalog, stores).synchronise()

    with Catalog.open(copy) as put_back:
        put(put_back, sound("/m/b.wav", "new", statuses=("ok",)))
        assert put_back.generation == catalog.generation
        assert put_back.segments.ids("sound-1").tolist() == catalog.segments.ids("sound-1").tolist()
        store = views(put_back, stores).store("sound")
        assert (held(store, "common"), held(store, "lost"), held(store, "new")) == ([1], [], [2])
        put(put_back, sound("/m/c.wav", "newer", statuses=("ok",)))
        assert held(views(put_back, stores).store("sound"), "newer") == [3]
        assert views(put_back, stores).problems() == []


def test_an_older_store_is_not_made_anew_but_follows(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)), sound("/m/b.wav", "b", statuses=("ok",)))
    views(catalog, tmp_path / "stores").synchronise()
    put(catalog, sound("/m/a.wav", "edited", statuses=("ok",)))
    asked: list[int] = []
    features = catalog.segments.features

    def noted(fingerprint: str, *, after_generation: int = 0) -> object:
        asked.append(after_generation)
        return features(fingerprint, after_generation=after_generation)

    monkeypatch.setattr(catalog.segments, "features", noted)
    store = views(catalog, tmp_path / "stores").store("sound")
    assert asked == [1]
    assert (held(store, "a"), held(store, "b"), held(store, "edited")) == ([], [2], [3])


def test_a_reader_answers_while_another_process_writes_and_leaves_the_files_to_it(
    catalog: Catalog, tmp_path: Path
) -> None:
    stores = tmp_path / "stores"
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    reader = views(catalog, stores, FileLock(tmp_path / "lock"))
    with FileLock(tmp_path / "lock"):
        assert held(reader.store("sound"), "a") == [1]
        assert not stores.exists()
    reader.store("sound")
    assert held(saved(stores), "a") == [1]

    put(catalog, sound("/m/b.wav", "b", statuses=("ok",)))
    before = (stores / "sound.faiss-flat").read_bytes()
    with FileLock(tmp_path / "lock"):
        assert held(reader.store("sound"), "b") == [2]
    assert (stores / "sound.faiss-flat").read_bytes() == before


def test_a_reader_does_not_take_away_a_store_that_it_does_not_believe(catalog: Catalog, tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    with Catalog.open(tmp_path / "other.sqlite", create=True) as other:
        views(other, stores).synchronise()
    before = (stores / "sound.faiss-flat").read_bytes()
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    with FileLock(tmp_path / "lock"):
        assert held(views(catalog, stores, FileLock(tmp_path / "lock")).store("sound"), "a") == [1]
        assert (stores / "sound.faiss-flat").read_bytes() == before


def test_the_writer_saves_what_it_has_read_before(catalog: Catalog, tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    writer = views(catalog, stores, FileLock(tmp_path / "lock"))
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    with FileLock(tmp_path / "lock"):
        writer.store("sound")
        writer.synchronise()
    assert held(saved(stores), "a") == [1]


def test_rebuild_passes_over_damaged_features_and_says_so(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    with closing(sqlite3.connect(catalog.path)) as connection, connection:
        connection.execute(
            "UPDATE feature SET data = CAST(x'0000c07f' || substr(data, 5) AS BLOB) WHERE segment_id = 2"
        )
    assert views(catalog, tmp_path / "stores").rebuild() == 2
    assert "1 features were damaged; `modag index` on their folders makes them anew" in caplog.text
    assert catalog.items.count_outdated(FINGERPRINTS) == 1


@pytest.mark.parametrize(
    ("ids", "contents", "problem"),
    [
        ([1, 2], ["a", "b"], None),
        ([1], ["a"], "lacks 1 vectors and holds 0 that"),
        ([1, 2, 3], ["a", "b", "c"], "lacks 0 vectors and holds 1 that"),
        ([1, 9], ["a", "b"], "lacks 1 vectors and holds 1 that"),
        ([1, 2], ["b", "a"], "the vector of segment 1 is not the one"),
        ([1, 2], ["a", "a"], "the vector of segment 2 is not the one"),
    ],
)
def test_stores_that_hold_something_else_than_the_catalog_are_named(
    catalog: Catalog, tmp_path: Path, ids: list[int], contents: list[str], problem: str | None
) -> None:
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)), sound("/m/b.wav", "b", statuses=("ok",)))
    stores = tmp_path / "stores"
    views(catalog, stores).synchronise()
    stamp = saved(stores).stamp
    assert stamp is not None
    store = store_class("faiss-flat")(stores / "sound.faiss-flat", dimension=DIMENSION, fresh=True)
    store.add(np.array(ids), space().project("sound", np.stack([feature(content) for content in contents])))
    store.save(stamp)

    found = views(catalog, stores).problems()

    assert len(found) == (problem is not None)
    for line in found:
        assert line.startswith(f"{stores / 'sound.faiss-flat'}: {problem}")
        assert line.endswith("run `modag rebuild`")


def test_a_store_that_lags_or_is_not_there_is_no_problem(catalog: Catalog, tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    assert views(catalog, stores).problems() == []
    views(catalog, stores).synchronise()
    put(catalog, sound("/m/a.wav"))
    assert views(catalog, stores).problems() == []
    shutil.rmtree(stores)
    assert views(catalog, stores).problems() == []
