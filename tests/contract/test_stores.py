"""What every installed store keeps to, against plain arithmetic."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import registry
from modag_search.errors import DamagedStoreError, UsageError
from modag_search.stores import NOTHING, StoreStamp, VectorStore

if TYPE_CHECKING:
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


@pytest.fixture
def store(name: str, tmp_path: Path) -> VectorStore:
    return registry.store_class(name)(tmp_path / "vectors", dimension=DIMENSION)


def again(store: VectorStore) -> VectorStore:
    return type(store)(store.path, dimension=DIMENSION)


def test_the_name_is_that_of_the_entry_point(name: str, store: VectorStore) -> None:
    assert store.name == name


def test_a_new_store_is_empty(store: VectorStore) -> None:
    assert len(store) == 0
    assert store.stamp is None
    similarities, ids = store.search(units(3), k=4)
    assert (similarities == -np.inf).all()
    assert (ids == NOTHING).all()
    assert similarities.shape == ids.shape == (3, 4)
    assert similarities.dtype == np.float32
    assert ids.dtype == np.int64
    assert store.remove(numbers(1, 2)) == 0


def test_it_finds_what_arithmetic_finds(store: VectorStore) -> None:
    vectors = units(300)
    ids = np.random.default_rng(1).permutation(10_000)[:300].astype(np.int64)
    store.add(ids, vectors)
    queries = units(20, seed=2)
    similarities, found = store.search(queries, k=10)
    expected_similarities, expected = brute_force(queries, ids, vectors, k=10)
    assert (found == expected).all()
    np.testing.assert_allclose(similarities, expected_similarities, atol=1e-6)
    assert (np.diff(similarities, axis=1) <= 0).all()


def test_only_some_ids_count(store: VectorStore) -> None:
    vectors, ids = units(200), np.arange(200, dtype=np.int64)
    store.add(ids, vectors)
    among = ids[::7]
    queries = units(5, seed=3)
    _, found = store.search(queries, k=6, among=among)
    assert (found == brute_force(queries, among, vectors[::7], k=6)[1]).all()
    _, found = store.search(queries, k=3, among=numbers(4, 5000))
    assert found.tolist() == [[4, NOTHING, NOTHING]] * 5
    _, found = store.search(queries, k=2, among=numbers())
    assert found.tolist() == [[NOTHING, NOTHING]] * 5


def test_fewer_than_asked_for(store: VectorStore) -> None:
    store.add(numbers(5, 9), units(2))
    similarities, ids = store.search(units(1), k=4)
    assert ids.tolist() == [[5, 9, NOTHING, NOTHING]]
    assert np.isfinite(similarities[0]).tolist() == [True, True, False, False]
    assert similarities[0, 2] == -np.inf


def test_adding_an_id_again_replaces_its_vector(store: VectorStore) -> None:
    vectors = units(3)
    store.add(numbers(1, 2), vectors[:2])
    store.add(numbers(2, 3), vectors[[2, 1]])
    assert len(store) == 3
    for vector, expected in zip(vectors, (1, 3, 2), strict=True):
        similarities, ids = store.search(vector[None], k=3)
        assert ids[0, 0] == expected
        assert similarities[0, 0] == pytest.approx(1, abs=1e-5)
        assert sorted(ids[0].tolist()) == [1, 2, 3]


def test_what_is_removed_is_never_found(store: VectorStore) -> None:
    vectors, ids = units(50), np.arange(50, dtype=np.int64)
    store.add(ids, vectors)
    assert store.remove(numbers(0, 7, 7, 49, 1000)) == 3
    assert len(store) == 47
    _, found = store.search(vectors, k=50)
    assert not np.isin(found, (0, 7, 49)).any()
    assert store.remove(np.arange(50, dtype=np.int64)) == 47
    assert len(store) == 0
    store.add(numbers(7), vectors[:1])
    assert store.search(vectors[:1], k=1)[1].tolist() == [[7]]


def test_nothing_is_added_of_what_cannot_be(store: VectorStore) -> None:
    store.add(numbers(1), units(1))
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
            store.add(ids, vectors)
    assert len(store) == 1
    store.add(numbers(), units(0))
    assert len(store) == 1


def test_large_ids(store: VectorStore) -> None:
    store.add(numbers(2**40, 2**62), units(2))
    assert sorted(store.search(units(1), k=2)[1][0].tolist()) == [2**40, 2**62]


def test_a_saved_store_comes_back_with_its_stamp(store: VectorStore) -> None:
    vectors = units(40)
    store.add(np.arange(40, dtype=np.int64), vectors)
    store.remove(numbers(3))
    store.save(STAMP)
    assert store.stamp == STAMP
    loaded = again(store)
    assert loaded.stamp == STAMP
    assert len(loaded) == 39
    for found, expected in zip(loaded.search(vectors, k=39), store.search(vectors, k=39), strict=True):
        np.testing.assert_array_equal(found, expected)
    loaded.add(numbers(3), vectors[3:4])
    assert loaded.remove(numbers(0)) == 1
    assert len(again(store)) == 39, "only save writes"


def test_an_empty_store_can_be_saved(store: VectorStore) -> None:
    store.save(STAMP)
    assert len(again(store)) == 0
    assert again(store).stamp == STAMP


def test_saving_again_replaces_and_leaves_nothing_beside(store: VectorStore, tmp_path: Path) -> None:
    store.add(numbers(1), units(1))
    store.save(STAMP)
    beside = sorted(path.name for path in tmp_path.iterdir())
    store.add(numbers(2), units(1))
    later = StoreStamp(space="a space", pipeline="a pipeline", generation=8, token="eighth")
    store.save(later)
    assert (len(again(store)), again(store).stamp) == (2, later)
    assert sorted(path.name for path in tmp_path.iterdir()) == beside


def test_what_killed_saves_left_goes_at_the_next_one(store: VectorStore, tmp_path: Path) -> None:
    store.save(STAMP)
    leftover = tmp_path / f".{store.path.name}-0123456789abcdef"
    others = [tmp_path / name for name in (".other-0123456789abcdef", f".{store.path.name}-of-mine")]
    for path in (leftover, *others):
        path.write_bytes(b"half a store")
    again(store).save(STAMP)
    assert not leftover.exists()
    assert all(path.exists() for path in others)


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_a_store_is_for_the_umask_to_say(store: VectorStore, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        store.save(STAMP)
    finally:
        os.umask(before)
    assert store.path.stat().st_mode & 0o777 == mode


def test_a_fresh_store_is_empty_and_leaves_the_saved_one_alone_until_it_is_saved(store: VectorStore) -> None:
    store.add(numbers(1), units(1))
    store.save(STAMP)
    fresh = type(store)(store.path, dimension=DIMENSION, fresh=True)
    assert (len(fresh), fresh.stamp) == (0, None)
    assert len(again(store)) == 1
    fresh.save(STAMP)
    assert len(again(store)) == 0
    store.path.write_bytes(b"damaged")
    assert len(type(store)(store.path, dimension=DIMENSION, fresh=True)) == 0


def test_which_ids_it_holds(store: VectorStore) -> None:
    assert store.holds(numbers(1)).tolist() == [False]
    store.add(np.arange(0, 5000, 2, dtype=np.int64), units(2500))
    for holds in (store.holds, partial(VectorStore.holds, store)):
        assert holds(np.arange(5000, dtype=np.int64)).tolist() == [True, False] * 2500
        assert holds(numbers()).tolist() == []


def test_vectors_of_another_length_are_another_spaces_and_no_damage(store: VectorStore) -> None:
    store.add(numbers(1), units(1))
    store.save(STAMP)
    other = type(store)(store.path, dimension=DIMENSION + 1)
    assert len(other) == 0
    assert other.stamp is None


def test_every_flipped_bit_is_noticed(store: VectorStore) -> None:
    store.add(np.arange(5, dtype=np.int64), units(5))
    store.save(STAMP)
    content = store.path.read_bytes()
    for place in np.random.default_rng(4).permutation(len(content))[:200].tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        store.path.write_bytes(damaged)
        try:
            loaded = again(store)
        except DamagedStoreError:
            continue
        pytest.fail(f"byte {place} of {len(content)} was altered, and {len(loaded)} vectors were loaded")


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.99])
def test_a_store_that_is_cut_off_is_refused(store: VectorStore, part: float) -> None:
    store.add(np.arange(5, dtype=np.int64), units(5))
    store.save(STAMP)
    content = store.path.read_bytes()
    store.path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(DamagedStoreError, match=str(store.path)):
        again(store)


@pytest.mark.parametrize("content", [b"\xff" * 100, b"\0" * 5000, b"modag-store/1\n[1]\n", b"modag-store/1\n{}\n"])
def test_a_file_that_is_no_store_is_refused(store: VectorStore, content: bytes) -> None:
    store.path.write_bytes(content)
    with pytest.raises(DamagedStoreError, match=str(store.path)):
        again(store)
