"""Stores follow their catalog; readers in memory, writers on the disk."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.catalog import Catalog
from modag_search.errors import DamagedCatalogError
from modag_search.registry import store_class
from modag_search.search.store_sync import StoreSync
from modag_search.space import Branch, Space
from modag_search.stores import NOTHING, LayeredReader, StampedReader, StoreFile, kinds, layered
from tests.catalog_builders import DIMENSION, FINGERPRINTS, feature, image, new_catalog, put, sound

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        yield catalog


def space() -> Space:
    same, nothing = np.eye(DIMENSION, dtype=np.float32), np.zeros(DIMENSION, dtype=np.float32)
    branch = Branch(same, nothing, same, nothing)
    return Space(
        branches={"image": branch, "sound": branch},
        encoders={modality: {"name": modality, "fingerprint": modality} for modality in ("image", "sound")},
        unrelated=dict.fromkeys(("image-image", "image-sound", "sound-sound"), (0.0, 1.0)),
        card={"name": "toy"},
    )


def stores(catalog: Catalog, folder: Path, *, store: str = "faiss-flat") -> StoreSync:
    return StoreSync(folder, catalog=catalog, space=space(), fingerprints=FINGERPRINTS, store=store)


def held(store: StampedReader, content: str, *, n: int = 1) -> list[int]:
    """Return the ids whose vector is that of a content."""
    similarities, ids = store.reader.search(space().project("sound", feature(content)[None]), k=n)
    return [
        int(i) for i, similarity in zip(ids[0], similarities[0], strict=True) if i != NOTHING and similarity > 0.999
    ]


def saved(folder: Path) -> StampedReader:
    found = file_of(folder).read()
    assert found is not None
    return found


def file_of(folder: Path) -> StoreFile:
    return StoreFile(folder / "sound.faiss-flat", kind=store_class("faiss-flat"), dimension=DIMENSION)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_a_store_of_another_past_is_not_believed(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, sound("/m/a.wav", "common", statuses=("ok",)))
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(catalog.path)) as source, closing(sqlite3.connect(copy)) as backup:
        source.backup(backup)
    put(catalog, sound("/m/b.wav", "lost", statuses=("ok",)))
    folder = tmp_path / "stores"
    stores(catalog, folder).save()

    with Catalog.open(copy) as put_back:
        put(put_back, sound("/m/b.wav", "new", statuses=("ok",)))
        assert put_back.generation == catalog.generation
        assert put_back.segments.ids("sound-1").tolist() == catalog.segments.ids("sound-1").tolist()
        store = stores(put_back, folder).present("sound")
        assert (held(store, "common"), held(store, "lost"), held(store, "new")) == ([1], [], [2])
        put(put_back, sound("/m/c.wav", "newer", statuses=("ok",)))
        assert held(stores(put_back, folder).present("sound"), "newer") == [3]
        assert stores(put_back, folder).problems() == []


def test_a_reader_that_keeps_what_it_made_keeps_it_in_an_earlier_past_too(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keeping(of: Catalog) -> StoreSync:
        made = stores(of, tmp_path / "stores")
        monkeypatch.setattr(made, "_keeping", lambda: nullcontext(True))
        return made

    put(catalog, sound("/m/a.wav", "common", statuses=("ok",)))
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(catalog.path)) as source, closing(sqlite3.connect(copy)) as backup:
        source.backup(backup)
    put(catalog, sound("/m/b.wav", "lost", statuses=("ok",)))
    assert held(keeping(catalog).present("sound"), "lost") == [2]
    with Catalog.open(copy) as put_back:
        assert held(keeping(put_back).present("sound"), "common") == [1]
        assert saved(tmp_path / "stores").stamp.generation == put_back.generation, "not made at each command"


def test_an_older_store_is_not_made_anew_but_follows(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)), sound("/m/b.wav", "b", statuses=("ok",)))
    stores(catalog, tmp_path / "stores").save()
    put(catalog, sound("/m/a.wav", "edited", statuses=("ok",)))
    asked: list[int] = []
    features = catalog.segments.features

    def noted(fingerprint: str, *, after_generation: int = 0) -> object:
        asked.append(after_generation)
        return features(fingerprint, after_generation=after_generation)

    monkeypatch.setattr(catalog.segments, "features", noted)
    store = stores(catalog, tmp_path / "stores").present("sound")
    assert asked == [1]
    assert (held(store, "a"), held(store, "b"), held(store, "edited")) == ([], [2], [3])


def test_readers_follow_in_memory_and_leave_the_disk_to_writers(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "stores"
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    assert held(stores(catalog, folder).present("sound"), "a") == [1]
    assert not folder.exists()
    stores(catalog, folder).save()
    before = contents(folder)
    put(catalog, sound("/m/b.wav", "b", statuses=("ok",)))
    assert held(stores(catalog, folder).present("sound"), "b") == [2]
    assert contents(folder) == before


def test_a_reader_follows_from_the_one_before(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)), sound("/m/b.wav", "b", statuses=("ok",)))
    reading = stores(catalog, tmp_path / "stores")
    first = reading.present("sound")
    assert reading.present("sound", first) is first
    put(catalog, image("/m/c.png"))
    second = reading.present("sound", first)
    assert second.reader is first.reader, "only a picture came"
    catalog.remove([1])
    third = reading.present("sound", second)
    assert third.reader.base is first.reader.base
    assert (held(third, "a"), held(third, "b")) == ([], [2])
    assert held(first, "a") == [1]


def test_a_view_of_a_moment_gets_the_stores_of_that_moment(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "stores"
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    stores(catalog, folder).save()
    with catalog.view():
        with Catalog.open(catalog.path) as other:
            put(other, sound("/m/b.wav", "b", statuses=("ok",)))
            later = stores(other, folder)
            later.save()
            ahead = later.present("sound")
        for store in (stores(catalog, folder).present("sound"), stores(catalog, folder).present("sound", ahead)):
            assert (held(store, "a"), held(store, "b")) == ([1], [])
    assert held(stores(catalog, folder).present("sound"), "b") == [2]


def test_a_reader_does_not_take_away_a_store_that_it_does_not_believe(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "stores"
    with Catalog.open(tmp_path / "other.sqlite", create=True) as other:
        stores(other, folder).save()
    before = contents(folder)
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    assert held(stores(catalog, folder).present("sound"), "a") == [1]
    assert contents(folder) == before


def test_a_writer_saves_changes_beside_what_was_built_and_builds_anew_when_there_are_many(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stores"
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    stores(catalog, folder).save()
    before = contents(folder)
    put(catalog, sound("/m/b.wav", "b", statuses=("ok",)))
    stores(catalog, folder).save()
    after = contents(folder)
    assert {name for name in after if after[name] != before.get(name)} == {
        "sound.faiss-flat.changes",
        "image.faiss-flat.changes",
    }
    assert (held(saved(folder), "a"), held(saved(folder), "b")) == ([1], [2])

    monkeypatch.setattr(layered, "_LEAST_HEAVY", 1)
    put(catalog, sound("/m/c.wav", "c", statuses=("ok",)))
    stores(catalog, folder).save()
    assert "sound.faiss-flat.changes" not in contents(folder)
    assert saved(folder).stamp == saved(folder).built
    assert [held(saved(folder), content) for content in "abc"] == [[1], [2], [3]]


@pytest.mark.parametrize("name", ["sound.faiss-flat", "sound.faiss-flat.changes"])
def test_what_was_damaged_since_it_was_saved_is_made_anew_by_who_saves_again(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    folder = tmp_path / "stores"
    saving = stores(catalog, folder)
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)))
    saving.save()
    put(catalog, sound("/m/b.wav", "b", statuses=("ok",)))
    saving.save()
    whole = contents(folder)
    saving.save()
    assert contents(folder) == whole
    content = whole[name]
    (folder / name).write_bytes(content[:-9] + bytes([content[-9] ^ 4]) + content[-8:])

    saving.save()

    assert "its checksum is off" in caplog.text
    assert not saving.problems()
    assert [held(saved(folder), one) for one in "ab"] == [[1], [2]]


@pytest.mark.parametrize("gone", ["sound.faiss-ivf", "mapped", "sound.faiss-ivf.changes"])
def test_what_is_gone_of_a_store_is_there_again_once_it_is_saved(
    catalog: Catalog, tmp_path: Path, due: StoreSync, gone: str
) -> None:
    for path in (tmp_path / "stores").glob("sound.*"):
        if path.name.endswith(gone):
            path.unlink()

    due.save()

    assert not due.problems()
    again = stores(catalog, tmp_path / "stores", store="auto").present("sound")
    assert again.stamp == due.stamp("sound")
    assert [held(again, content) for content in "abcdef"] == [[], [2], [3], [4], [5], [6]]
    assert "sound.faiss-ivf" in contents(tmp_path / "stores")


def test_what_has_grown_large_moves_to_the_kind_for_many_and_back_when_it_is_small(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stores"
    monkeypatch.setattr(kinds, "MOST_COMPARED", 2)
    monkeypatch.setattr(layered, "_LEAST_HEAVY", 0)
    for name in "ab":
        put(catalog, sound(f"/m/{name}.wav", name, statuses=("ok",)))
        stores(catalog, folder, store="auto").save()
    assert {name for name in contents(folder) if name.startswith("sound")} == {"sound.faiss-flat"}
    put(catalog, sound("/m/c.wav", "c", statuses=("ok",)))
    growing = stores(catalog, folder, store="auto")
    assert growing.present("sound").kind is store_class("faiss-ivf")
    growing.save()
    named = sorted(name for name in contents(folder) if name.startswith("sound"))
    assert [name.split(".")[1:] for name in named] == [["faiss-ivf"], ["faiss-ivf", named[1].split(".")[2], "mapped"]]
    assert growing.kinds() == {"image": "faiss-flat", "sound": "faiss-ivf"}
    again = stores(catalog, folder, store="auto").present("sound")
    assert [held(again, content) for content in "abc"] == [[1], [2], [3]]
    assert not growing.problems()
    catalog.remove([1, 2])
    growing.save()
    assert growing.kinds()["sound"] == "faiss-flat"
    assert sorted(name for name in contents(folder) if name.startswith("sound")) == ["sound.faiss-flat"]


@pytest.fixture
def due(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreSync:
    """Stores of the kind for many, on whose disk changes wait to be taken into what was built."""
    monkeypatch.setattr(kinds, "MOST_COMPARED", 0)
    monkeypatch.setattr(layered, "_LEAST_HEAVY", 4)
    changing = stores(catalog, tmp_path / "stores", store="auto")
    put(catalog, *(sound(f"/m/{name}.wav", name, statuses=("ok",)) for name in "abcd"))
    changing.save()
    put(catalog, *(sound(f"/m/{name}.wav", name, statuses=("ok",)) for name in "ef"))
    catalog.remove([1])
    changing.save()
    assert "sound.faiss-ivf.changes" in contents(tmp_path / "stores")
    return changing


def test_changes_are_taken_into_what_was_built(catalog: Catalog, tmp_path: Path, due: StoreSync) -> None:
    before = due.present("sound")
    due.compact()
    assert "sound.faiss-ivf.changes" not in contents(tmp_path / "stores")
    for reader in (before, due.present("sound"), stores(catalog, tmp_path / "stores", store="auto").present("sound")):
        assert [held(reader, content) for content in "abcdef"] == [[], [2], [3], [4], [5], [6]]
    assert due.present("sound").stamp == due.present("sound").built
    assert not due.problems()


def test_what_changes_while_changes_are_taken_in_is_there_afterwards(
    catalog: Catalog, tmp_path: Path, due: StoreSync
) -> None:
    put(catalog, sound("/m/g.wav", "g", statuses=("ok",)))
    catalog.remove([5])
    due.compact()
    due.save()
    reader = stores(catalog, tmp_path / "stores", store="auto").present("sound")
    assert [held(reader, content) for content in "abcdefg"] == [[], [2], [3], [4], [], [6], [7]]
    assert not due.problems()


def test_nothing_that_is_damaged_is_taken_into_what_is_built(
    tmp_path: Path, due: StoreSync, caplog: pytest.LogCaptureFixture
) -> None:
    (mapped,) = (tmp_path / "stores").glob("sound.*.mapped")
    content = bytearray(mapped.read_bytes())
    content[len(content) // 2] ^= 1
    mapped.unlink()
    mapped.write_bytes(content)
    before = contents(tmp_path / "stores")
    due.compact()
    assert "checksum is off" in caplog.text
    assert contents(tmp_path / "stores") == before


def test_rebuild_passes_over_damaged_features_and_says_so(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    with closing(sqlite3.connect(catalog.path)) as connection, connection:
        connection.execute(
            "UPDATE feature SET data = CAST(x'0000c07f' || substr(data, 5) AS BLOB) WHERE segment_id = 2"
        )
    assert stores(catalog, tmp_path / "stores").rebuild() == 2
    assert "damaged features are discarded (1); `modag index` on their folders makes them anew: /m/a.wav" in caplog.text
    assert catalog.items.count_outdated(FINGERPRINTS) == 1


def test_rebuild_discards_nothing_by_what_a_changed_row_says(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(catalog, sound("/m/a.wav"))
    path = Path(catalog.path)
    catalog.close()
    content = path.read_bytes()
    assert content.count(b"\x04<f4sound-1") == 1
    path.write_bytes(content.replace(b"\x04<f4sound-1", b"\x06<f4sound-1"))
    with Catalog.open(path) as damaged:
        with pytest.raises(DamagedCatalogError, match="16 bytes long, not 24"):
            stores(damaged, tmp_path / "stores").rebuild()
        assert damaged.count().feature_bytes == 2 * 4 * 4
    assert "table pipeline: row 1 missing from index ix_pipeline_row; no feature is discarded" in caplog.text


@pytest.mark.parametrize(
    ("ids", "contents_", "problem"),
    [
        ([1, 2], ["a", "b"], None),
        ([1], ["a"], "lacks 1 vectors and holds 0 that"),
        ([1, 2, 3], ["a", "b", "c"], "lacks 0 vectors and holds 1 that"),
        ([1, 9], ["a", "b"], "lacks 1 vectors and holds 1 that"),
        ([1, 2], ["b", "a"], "2 vectors are not what the space makes of the features, the first that of segment 1"),
        ([1, 2], ["a", "a"], "1 vectors are not what the space makes of the features, the first that of segment 2"),
    ],
)
def test_stores_that_hold_something_else_than_the_catalog_are_named(
    catalog: Catalog, tmp_path: Path, ids: list[int], contents_: list[str], problem: str | None
) -> None:
    put(catalog, sound("/m/a.wav", "a", statuses=("ok",)), sound("/m/b.wav", "b", statuses=("ok",)))
    folder = tmp_path / "stores"
    stores(catalog, folder).save()
    builder = store_class("faiss-flat")(DIMENSION)
    builder.add(np.array(ids), space().project("sound", np.stack([feature(content) for content in contents_])))
    stamp = saved(folder).stamp
    reader = LayeredReader(builder.build())
    file_of(folder).write(StampedReader(reader=reader, stamp=stamp, built=stamp, kind=type(builder)))

    found = stores(catalog, folder).problems()

    assert len(found) == (problem is not None)
    for line in found:
        assert line.startswith(f"{folder / 'sound.faiss-flat'}: {problem}")
        assert line.endswith("run `modag rebuild`")


def test_a_store_that_lags_or_is_not_there_is_no_problem(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "stores"
    assert stores(catalog, folder).problems() == []
    stores(catalog, folder).save()
    put(catalog, sound("/m/a.wav"))
    assert stores(catalog, folder).problems() == []
    shutil.rmtree(folder)
    assert stores(catalog, folder).problems() == []
