"""What every installed store keeps to, against plain arithmetic."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import faiss
import numpy as np
import pytest

from modag_search import registry
from modag_search.errors import DamagedStoreError, UsageError
from modag_search.files import write_checked
from modag_search.stores import NOTHING, LayeredReader, MappedStore, StampedReader, StoreFile, StoreReader, StoreStamp
from modag_search.stores.faiss_flat import FaissFlatStore
from tests import vector_servers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search.values import Float32Array, Int64Array

DIMENSION = 16
STAMP = StoreStamp(space="a space", pipeline="a pipeline", generation=7, token="seventh")


def numbers(*values: int) -> Int64Array:
    return np.array(values, dtype=np.int64)


def units(n: int, *, seed: int = 0) -> Float32Array:
    vectors = np.random.default_rng(seed).standard_normal((n, DIMENSION)).astype(np.float32)
    lengths: Float32Array = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def brute_force(
    queries: Float32Array, ids: Int64Array, vectors: Float32Array, *, k: int
) -> tuple[Float32Array, Int64Array]:
    similarities = queries @ vectors.T
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(similarities, order, axis=1), ids[order]


@pytest.fixture(params=registry.store_names())
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(params=[*registry.store_names(), *vector_servers.ENGINES])
def place(request: pytest.FixtureRequest) -> str:
    """A kind of store in memory, or an engine that keeps one."""
    chosen: str = request.param
    return chosen


def built(name: str, ids: Int64Array, vectors: Float32Array) -> StoreReader:
    if name in vector_servers.ENGINES:
        return vector_servers.kept(name, ids, vectors)
    builder = registry.store_class(name)(DIMENSION)
    builder.train(vectors)
    half = len(ids) // 2
    for part in (slice(0, half), slice(half, None)):
        builder.add(ids[part], vectors[part])
    return builder.build()


def layered(name: str, ids: Int64Array, vectors: Float32Array) -> LayeredReader:
    """A reader whose base holds two thirds, some of it with other vectors, and things that are gone."""
    first = 2 * len(ids) // 3
    changed, gone = ids[:first:5], np.arange(10**7, 10**7 + 20)
    before = vectors.copy()
    before[:first:5] = units(len(changed), seed=9)
    base = built(name, np.append(ids[:first], gone), np.concatenate([before[:first], units(20, seed=8)]))
    return (
        LayeredReader(base)
        .followed(removed=changed, ids=numbers(), vectors=units(0))
        .followed(removed=gone, ids=ids[first:], vectors=vectors[first:])
        .followed(removed=numbers(), ids=changed, vectors=vectors[:first:5])
    )


@pytest.fixture
def precision(place: str) -> float:
    return vector_servers.PRECISION if place in vector_servers.ENGINES else registry.store_class(place).precision


@pytest.fixture(params=["built", "layered"])
def make(request: pytest.FixtureRequest, place: str) -> Callable[[Int64Array, Float32Array], StoreReader]:
    maker = {"built": built, "layered": layered}[request.param]
    return lambda ids, vectors: maker(place, ids, vectors)


def test_the_name_is_that_of_the_entry_point(name: str) -> None:
    assert registry.store_class(name).name == name


def test_an_empty_store_finds_nothing(make: Callable[[Int64Array, Float32Array], StoreReader]) -> None:
    store = make(numbers(), units(0))
    assert len(store) == len(store.ids()) == 0
    for among in (None, numbers(1)):
        similarities, ids = store.search(units(3), k=4, among=among)
        assert (similarities == -np.inf).all()
        assert (ids == NOTHING).all()
        assert similarities.shape == ids.shape == (3, 4)
        assert similarities.dtype == np.float32
        assert ids.dtype == np.int64
    assert store.nearest_to_any(units(2)).shape == (0,)


def test_vectors_that_are_others_are_listed(
    make: Callable[[Int64Array, Float32Array], StoreReader], precision: float
) -> None:
    vectors, ids = units(60), np.random.default_rng(1).permutation(1000)[:60].astype(np.int64)
    store = make(ids, vectors)
    tolerance = 20 * precision
    assert store.differing(ids[::-1], vectors[::-1], tolerance=tolerance).tolist() == []
    assert store.differing(numbers(10_000), units(1), tolerance=tolerance).tolist() == []
    others = vectors.copy()
    others[5], others[7], others[55] = -others[5], 1.5 * others[7], np.nan
    assert sorted(store.differing(ids, others, tolerance=tolerance)) == sorted(ids[[5, 7, 55]])
    store.look_at_all()


def test_a_store_of_no_numbers_is_not_opened() -> None:
    index = faiss.index_factory(DIMENSION, "IDMap2,Flat", faiss.METRIC_INNER_PRODUCT)
    index.add_with_ids(np.full((3, DIMENSION), np.nan, dtype=np.float32), np.arange(3))
    with pytest.raises(ValueError, match="not finite"):
        FaissFlatStore.from_bytes(faiss.serialize_index(index).tobytes(), dimension=DIMENSION)


def test_it_finds_what_arithmetic_finds(
    make: Callable[[Int64Array, Float32Array], StoreReader], precision: float
) -> None:
    vectors = units(300)
    ids = np.random.default_rng(1).permutation(10_000)[:300].astype(np.int64)
    store = make(ids, vectors)
    queries = units(20, seed=2)
    similarities, found = store.search(queries, k=10)
    expected_similarities, expected = brute_force(queries, ids, vectors, k=10)
    assert (found == expected).all()
    np.testing.assert_allclose(similarities, expected_similarities, atol=precision)
    assert (np.diff(similarities, axis=1) <= 0).all()
    assert sorted(store.ids().tolist()) == sorted(ids.tolist())
    assert len(store) == 300


def test_only_some_ids_count(make: Callable[[Int64Array, Float32Array], StoreReader]) -> None:
    vectors, ids = units(200), np.arange(200, dtype=np.int64)
    store = make(ids, vectors)
    among = ids[::7]
    queries = units(5, seed=3)
    _, found = store.search(queries, k=6, among=among)
    assert (found == brute_force(queries, among, vectors[::7], k=6)[1]).all()
    _, found = store.search(queries, k=3, among=numbers(4, 5000))
    assert found.tolist() == [[4, NOTHING, NOTHING]] * 5
    _, found = store.search(queries, k=2, among=numbers())
    assert found.tolist() == [[NOTHING, NOTHING]] * 5
    _, found = store.search(queries, k=200, without=ids[1:])
    assert found.tolist() == [[0] + [NOTHING] * 199] * 5
    _, found = store.search(queries, k=200, among=ids[:9], without=ids[3:])
    assert [sorted(row) for row in found[:, :3].tolist()] == [[0, 1, 2]] * 5
    assert (found[:, 3:] == NOTHING).all()


def test_fewer_than_asked_for(make: Callable[[Int64Array, Float32Array], StoreReader]) -> None:
    store = make(numbers(5, 9), units(2))
    similarities, ids = store.search(units(1), k=4)
    assert ids.tolist() == [[5, 9, NOTHING, NOTHING]]
    assert np.isfinite(similarities[0]).tolist() == [True, True, False, False]
    assert similarities[0, 2] == -np.inf


def test_how_near_each_comes_to_any_of_some_queries(
    make: Callable[[Int64Array, Float32Array], StoreReader], precision: float
) -> None:
    vectors, ids = units(100), np.arange(100, dtype=np.int64)
    store = make(ids, vectors)
    queries = units(40, seed=5)
    expected = dict(zip(ids.tolist(), (vectors @ queries.T).max(axis=1).tolist(), strict=True))
    for nearest in (store.nearest_to_any(queries), StoreReader.nearest_to_any(store, queries)):
        assert nearest.dtype == np.float32
        found = dict(zip(store.ids().tolist(), nearest.tolist(), strict=True))
        assert found == pytest.approx(expected, abs=precision)
    assert (store.nearest_to_any(units(0)) == -np.inf).all()


def test_threads_find_what_one_finds(make: Callable[[Int64Array, Float32Array], StoreReader]) -> None:
    store = make(np.arange(500, dtype=np.int64), units(500))
    queries = units(16, seed=6)
    expected = store.search(queries, k=20)[1].tolist()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(store.search(queries, k=20)[1].tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_a_reader_stays_as_it_is_when_another_follows_it(place: str) -> None:
    vectors, ids = units(30), np.arange(30, dtype=np.int64)
    before = LayeredReader(built(place, ids[:20], vectors[:20]))
    after = before.followed(removed=ids[:5], ids=ids[20:], vectors=vectors[20:])
    assert sorted(before.ids().tolist()) == list(range(20))
    assert sorted(after.ids().tolist()) == list(range(5, 30))
    assert after.base is before.base
    assert before.search(vectors[:1], k=1)[1].tolist() == [[0]]
    assert after.search(vectors[:1], k=1)[1].tolist() != [[0]]
    with pytest.raises(ValueError, match="read-only"):
        after.ids()[0] = 7


def test_many_changes_are_heavy_and_few_are_not(place: str) -> None:
    base = LayeredReader(built(place, np.arange(100, dtype=np.int64), units(100)))
    few, many = np.arange(200, 300), np.arange(200, 10_200)
    assert not base.followed(removed=numbers(), ids=few, vectors=units(100)).is_heavy
    assert base.followed(removed=numbers(), ids=many, vectors=units(10_000)).is_heavy


def test_what_is_merged_holds_the_same_as_its_layers(name: str) -> None:
    kind = registry.store_class(name)
    ids, vectors = np.arange(400, dtype=np.int64), units(500)
    layers = LayeredReader(built(name, ids, vectors[:400])).followed(
        removed=ids[::3], ids=np.arange(400, 500), vectors=vectors[400:]
    )
    merged = layers.merged(kind)
    assert (merged is not None) == kind.can_merge
    if merged is None:
        return
    assert sorted(merged.ids().tolist()) == sorted(layers.ids().tolist())
    for among in (None, ids[::2], ids[:5]):
        similarities, found = merged.search(vectors[::50], k=7, among=among)
        expected = layers.search(vectors[::50], k=7, among=among)
        assert found.tolist() == expected[1].tolist()
        assert similarities == pytest.approx(expected[0], abs=kind.precision)
    again = kind.from_bytes(bytes(kind.to_bytes(merged)), dimension=DIMENSION)
    assert sorted(again.ids().tolist()) == sorted(layers.ids().tolist())


def test_what_has_doubled_since_it_was_arranged_is_built_anew(name: str) -> None:
    kind = registry.store_class(name)
    ids, vectors = np.arange(100, dtype=np.int64), units(300)
    layers = LayeredReader(built(name, ids, vectors[:100]))
    much_more = layers.followed(removed=numbers(), ids=np.arange(100, 300), vectors=vectors[100:])
    much_less = layers.followed(removed=ids[:60], ids=numbers(), vectors=vectors[:0])
    assert much_more.merged(kind) is None
    assert much_less.merged(kind) is None


def test_ids_that_are_asked_among_again_and_again_give_the_same(place: str) -> None:
    ids, vectors = np.arange(3000, dtype=np.int64), units(3000)
    layers = LayeredReader(built(place, ids[:2900], vectors[:2900])).followed(
        removed=ids[:10], ids=ids[2900:], vectors=vectors[2900:]
    )
    for step in (1, 2, 7, 100):
        among, fixed = ids[::step], ids[::step].copy()
        fixed.setflags(write=False)
        expected = brute_force(vectors[:9], among[among >= 10], vectors[among[among >= 10]], k=2)[1]
        for given in (among, fixed, fixed):
            assert (layers.search(vectors[:9], k=2, among=given)[1] == expected).all()
        without = layers.search(vectors[:9], k=5, among=fixed, without=ids[1000:])[1]
        counts = among[(among >= 10) & (among < 1000)]
        assert (without == brute_force(vectors[:9], counts, vectors[counts], k=5)[1]).all()


def test_it_is_told_which_ids_are_here(place: str) -> None:
    base = LayeredReader(built(place, np.arange(100, dtype=np.int64), units(100)))
    after = base.followed(removed=numbers(3, 7), ids=numbers(7, 200), vectors=units(2))
    assert base.holds(numbers(0, 99, 100, -1, 10**12)).tolist() == [True, True, False, False, False]
    assert after.holds(numbers(3, 7, 200, 201)).tolist() == [False, True, True, False]
    assert len(after) == len(after.ids()) == 100


def test_nothing_is_added_of_what_cannot_be(name: str) -> None:
    builder = registry.store_class(name)(DIMENSION)
    builder.add(numbers(1), units(1))
    bad = units(2)
    bad[1, 3] = np.nan
    for ids, vectors, words in (
        (numbers(2, 3), bad, "finite"),
        (numbers(2, 2), units(2), "distinct"),
        (numbers(2, -1), units(2), "not negative"),
        (numbers(2, 3), units(3), r"must have shape \(2, 16\), not \(3, 16\)"),
        (numbers(2), units(1)[:, :5], r"must have shape \(1, 16\), not \(1, 5\)"),
    ):
        with pytest.raises(UsageError, match=words):
            builder.add(ids, vectors)
    builder.add(numbers(), units(0))
    assert builder.build().ids().tolist() == [1]


def test_large_ids(make: Callable[[Int64Array, Float32Array], StoreReader]) -> None:
    store = make(numbers(2**40, 2**62), units(2))
    assert sorted(store.search(units(1), k=2)[1][0].tolist()) == [2**40, 2**62]


# On the disk.


@pytest.fixture
def file(name: str, tmp_path: Path) -> StoreFile:
    return StoreFile(tmp_path / "vectors", kind=registry.store_class(name), dimension=DIMENSION)


@pytest.fixture
def stamped(name: str) -> StampedReader:
    reader = LayeredReader(built(name, np.arange(40, dtype=np.int64), units(40)))
    return StampedReader(reader=reader, stamp=STAMP, built=STAMP, kind=registry.store_class(name))


LATER = StoreStamp(space="a space", pipeline="a pipeline", generation=8, token="eighth")


def changed(stamped: StampedReader) -> StampedReader:
    reader = stamped.reader.followed(removed=numbers(3, 4), ids=numbers(4, 99), vectors=units(2, seed=7))
    return StampedReader(reader=reader, stamp=LATER, built=stamped.built, kind=stamped.kind)


def read(file: StoreFile) -> StampedReader:
    found = file.read()
    assert found is not None
    return found


def equal(one: StampedReader, other: StampedReader) -> bool:
    found, expected = (each.reader.search(units(20), k=60) for each in (one, other))
    same = np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1])
    return same and (one.stamp, one.built) == (other.stamp, other.built)


def test_where_nothing_was_written_there_is_nothing(file: StoreFile) -> None:
    assert file.read() is None


def test_what_was_written_comes_back_with_its_stamp(file: StoreFile, stamped: StampedReader) -> None:
    file.write(stamped)
    assert equal(read(file), stamped)


READING = """
import pathlib, sys
from modag_search import registry
from modag_search.stores import StoreFile

def peak_kib():
    status = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

kind = registry.store_class(sys.argv[2])
kind.from_bytes(bytes(kind.to_bytes(kind(256).build())), dimension=256)  # what reading imports
before = peak_kib()
stored = StoreFile(pathlib.Path(sys.argv[1]), kind=kind, dimension=256).read()
print(len(stored.reader), peak_kib() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux says how much memory was taken")
def test_a_store_is_in_memory_twice_at_most_while_it_is_read(tmp_path: Path, name: str) -> None:
    path, store = tmp_path / "a.store", registry.store_class(name)(256)
    store.add(np.arange(50_000), np.ones((50_000, 256), dtype=np.float32))
    stamped = StampedReader(reader=LayeredReader(store.build()), stamp=STAMP, built=STAMP, kind=type(store))
    StoreFile(path, kind=type(store), dimension=256).write(stamped)
    done = subprocess.run([sys.executable, "-c", READING, path, name], check=True, capture_output=True, text=True)
    count, taken_kib = map(int, done.stdout.split())
    assert count == 50_000
    on_disk_kib = sum(file.stat().st_size for file in tmp_path.iterdir()) / 1024
    assert taken_kib < 2.5 * on_disk_kib, "as it is on the disk, and as it is searched"


def test_an_empty_store_can_be_written(file: StoreFile, name: str) -> None:
    reader = LayeredReader(built(name, numbers(), units(0)))
    empty = StampedReader(reader=reader, stamp=STAMP, built=STAMP, kind=registry.store_class(name))
    file.write(empty)
    assert (len(read(file).reader), read(file).stamp) == (0, STAMP)


def test_changes_are_written_alone(file: StoreFile, stamped: StampedReader) -> None:
    file.write(stamped)
    before = file.path.read_bytes()
    file.write(changed(stamped), on_disk=read(file))
    assert file.path.read_bytes() == before
    assert equal(read(file), changed(stamped))
    again = StoreStamp(space="a space", pipeline="a pipeline", generation=9, token="ninth")
    file.write(dataclasses.replace(stamped, stamp=again), on_disk=read(file))
    assert (read(file).stamp, len(read(file).reader)) == (again, 40)


def test_changes_of_another_base_are_not_taken(file: StoreFile, stamped: StampedReader, tmp_path: Path) -> None:
    file.write(stamped)
    file.write(changed(stamped), on_disk=read(file))
    (changes,) = tmp_path.glob("*.changes")
    left_behind = changes.read_bytes()
    anew = dataclasses.replace(stamped, stamp=LATER, built=LATER)
    file.write(anew, on_disk=read(file))
    assert not changes.exists()
    changes.write_bytes(left_behind)  # as a crash before its removal leaves it
    assert equal(read(file), anew)


def test_damaged_changes_are_passed_over_with_a_word(
    file: StoreFile, stamped: StampedReader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write(stamped)
    file.write(changed(stamped), on_disk=read(file))
    (path,) = tmp_path.glob("*.changes")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert equal(read(file), stamped)
    assert f"{path}: its checksum is off" in caplog.text


def test_writing_again_replaces_and_leaves_nothing_beside(
    file: StoreFile, stamped: StampedReader, tmp_path: Path
) -> None:
    file.write(stamped)
    n_files = len(list(tmp_path.iterdir()))
    file.write(stamped)
    assert len(list(tmp_path.iterdir())) == n_files <= 2
    file.remove()
    assert not list(tmp_path.iterdir())


def test_what_killed_writers_left_goes_at_the_next_one(
    file: StoreFile, stamped: StampedReader, tmp_path: Path, name: str
) -> None:
    leftover = tmp_path / f".{file.path.name}-0123456789abcdef"
    mapped = tmp_path / f".{file.path.name}.76efbfed50cafeb6.mapped-1-0123456789abcdef"
    others = [tmp_path / name for name in (".other-0123456789abcdef", f".{file.path.name}-of-mine")]
    for path in (leftover, mapped, *others):
        path.write_bytes(b"half a store")
    file.write(stamped)
    assert not leftover.exists()
    assert not (mapped.exists() and issubclass(registry.store_class(name), MappedStore))
    assert all(path.exists() for path in others)


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_a_store_is_for_the_umask_to_say(
    file: StoreFile, stamped: StampedReader, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        file.write(stamped)
    finally:
        os.umask(before)
    assert file.path.stat().st_mode & 0o777 == mode


def test_vectors_of_another_length_are_another_spaces_and_no_damage(
    file: StoreFile, stamped: StampedReader, name: str
) -> None:
    file.write(stamped)
    assert StoreFile(file.path, kind=registry.store_class(name), dimension=DIMENSION + 1).read() is None


def test_every_flipped_bit_is_noticed(file: StoreFile, stamped: StampedReader) -> None:
    file.write(stamped)
    content = file.path.read_bytes()
    for place in np.random.default_rng(4).permutation(len(content))[:200].tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        file.path.write_bytes(damaged)
        with pytest.raises(DamagedStoreError):
            file.read()


def mapped_kinds() -> list[str]:
    return [name for name in registry.store_names() if issubclass(registry.store_class(name), MappedStore)]


@pytest.fixture(params=mapped_kinds())
def mapped(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[StoreFile, Path]:
    """A store whose vectors are mapped, and the file that holds them."""
    ids = np.arange(2000, dtype=np.int64)
    kind = registry.store_class(request.param)
    reader = LayeredReader(built(request.param, ids, units(2000)))
    file = StoreFile(tmp_path / "vectors", kind=kind, dimension=DIMENSION)
    file.write(StampedReader(reader=reader, stamp=STAMP, built=STAMP, kind=kind))
    (path,) = tmp_path.glob("*.mapped")
    return file, path


def test_no_flipped_bit_of_a_mapped_file_is_answered_with(mapped: tuple[StoreFile, Path]) -> None:
    file, path = mapped
    content = path.read_bytes()
    for place in np.random.default_rng(4).permutation(len(content))[:100].tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        path.unlink()  # who has it mapped keeps it as it was
        path.write_bytes(damaged)
        with pytest.raises(DamagedStoreError, match="modag rebuild"):  # noqa: PT012  when it is opened, or when it is used
            reader = read(file).reader
            reader.search(units(1), k=len(reader))
            reader.ids()


@pytest.mark.parametrize("part", [0, 0.3, 0.999])
def test_a_mapped_file_that_is_cut_off_or_gone_is_refused(mapped: tuple[StoreFile, Path], part: float) -> None:
    file, path = mapped
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(DamagedStoreError, match="must be"):
        file.read()
    path.unlink()
    with pytest.raises(DamagedStoreError, match="is gone"):
        file.read()


def test_who_has_a_mapped_file_open_keeps_it_when_it_is_written_anew(mapped: tuple[StoreFile, Path]) -> None:
    file, path = mapped
    before = read(file).reader
    stamped = read(file)
    assert stamped.kind is not None
    few = LayeredReader(built(stamped.kind.name, np.arange(5, dtype=np.int64), units(5, seed=3)))
    file.write(dataclasses.replace(stamped, reader=few, stamp=LATER, built=LATER))
    assert not path.exists()
    assert sorted(before.search(units(1), k=2000)[1][0].tolist()) == list(range(2000))
    assert len(read(file).reader) == 5


@pytest.mark.parametrize("name", mapped_kinds())
def test_among_many_nearly_all_true_neighbours_are_found(name: str) -> None:
    ids = np.arange(30_000, dtype=np.int64)
    random = np.random.default_rng(0)
    vectors = units(300)[random.integers(0, 300, len(ids))] + 0.3 * units(len(ids), seed=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = built(name, ids, vectors)
    queries = vectors[::300] + 0.2 * units(100, seed=2)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    for among in (None, ids[::2], ids[::100], ids[:3]):
        counting = ids if among is None else among
        _, found = store.search(queries, k=10, among=among)
        _, expected = brute_force(queries, counting, vectors[counting], k=10)
        true = [len(set(one) & set(other)) for one, other in zip(found.tolist(), expected.tolist(), strict=True)]
        assert sum(true) >= 0.98 * expected.size


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.99])
def test_a_store_that_is_cut_off_is_refused(file: StoreFile, stamped: StampedReader, part: float) -> None:
    file.write(stamped)
    content = file.path.read_bytes()
    file.path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(DamagedStoreError, match=str(file.path)):
        file.read()


@pytest.mark.parametrize("content", [b"\xff" * 100, b"\0" * 5000, b"modag-store/1\n[1]\n", b"modag-store/1\n{}\n"])
def test_a_file_that_is_no_store_is_refused(file: StoreFile, content: bytes) -> None:
    file.path.write_bytes(content)
    with pytest.raises(DamagedStoreError, match=str(file.path)):
        file.read()


@pytest.mark.parametrize("header", [{}, {"stamp": {}, "count": 1, "dimension": 16}, {"stamp": 3}])
def test_a_header_that_says_too_little_is_refused(file: StoreFile, header: dict[str, object]) -> None:
    write_checked(file.path, header, memoryview(b""))
    with pytest.raises(DamagedStoreError, match=str(file.path)):
        file.read()


def test_a_search_leaves_the_threads_of_faiss_as_they_were() -> None:
    store = FaissFlatStore(4)
    store.add(np.arange(3, dtype=np.int64), np.eye(4, dtype=np.float32)[:3])
    reader, before = store.build(), faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        for n in (1, 50):
            reader.search(np.ones((n, 4), dtype=np.float32), k=2)
            assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
