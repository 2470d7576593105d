"""A store against a dictionary, over sequences of changes."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from modag_search import registry
from modag_search.stores import NOTHING, LayeredReader, StampedReader, StoreFile, StoreStamp
from modag_search.stores.base import nearest

DIMENSION = 4
IDS = st.one_of(st.integers(0, 12), st.integers(2**40, 2**40 + 2))
LISTS = st.none() | st.lists(IDS, max_size=6)
# Few distinct vectors of exact products: equals are common, and there is no rounding.
VECTORS = st.tuples(*[st.sampled_from([-1.0, 0.0, 0.5, 1.0])] * DIMENSION)


def machine(name: str) -> type[RuleBasedStateMachine]:  # noqa: C901  one class of short rules
    class StoreChanges(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = tempfile.TemporaryDirectory()
            kind = registry.store_class(name)
            self.file = StoreFile(Path(self.folder.name, "vectors"), kind=kind, dimension=DIMENSION)
            self.generation = 0
            self.store = self.built({})
            self.vectors: dict[int, tuple[float, ...]] = {}
            self.saved: tuple[StoreStamp, dict[int, tuple[float, ...]]] | None = None

        def teardown(self) -> None:
            self.folder.cleanup()

        def stamp(self) -> StoreStamp:
            self.generation += 1
            return StoreStamp(space="s", pipeline="p", generation=self.generation, token="t")

        def built(self, vectors: dict[int, tuple[float, ...]]) -> StampedReader:
            builder = registry.store_class(name)(DIMENSION)
            builder.add(np.array(list(vectors), dtype=np.int64), as_rows(vectors))
            stamp = self.stamp()
            return StampedReader(reader=LayeredReader(builder.build()), stamp=stamp, built=stamp, kind=type(builder))

        @rule(removed=st.lists(IDS, max_size=6), added=st.dictionaries(IDS, VECTORS, max_size=6))
        def follow(self, removed: list[int], added: dict[int, tuple[float, ...]]) -> None:
            gone, ids = np.array(removed, dtype=np.int64), np.array(list(added), dtype=np.int64)
            reader = self.store.reader.followed(removed=gone, ids=ids, vectors=as_rows(added))
            self.store = dataclasses.replace(self.store, reader=reader, stamp=self.stamp())
            self.vectors = {i: v for i, v in self.vectors.items() if i not in removed} | added

        @rule()
        def build_anew(self) -> None:
            self.store = self.built(self.vectors)

        @rule(query=VECTORS, k=st.integers(1, 9), among=st.none() | st.lists(IDS, max_size=6), without=LISTS)
        def search(self, query: tuple[float, ...], k: int, among: list[int] | None, without: list[int] | None) -> None:
            chosen, hidden = as_ids(among), as_ids(without)
            queries = np.array([query], dtype=np.float32)
            similarities, ids = self.store.reader.search(queries, k=k, among=chosen, without=hidden)
            counted = counting(self.vectors, among, without or [])
            expected = {i: float(np.dot(query, vector)) for i, vector in counted.items()}
            found = [i for i in ids[0].tolist() if i != NOTHING]
            assert len(found) == len(set(found)) == min(k, len(expected))
            assert [expected[i] for i in found] == similarities[0, : len(found)].tolist()
            assert sorted(expected.values(), reverse=True)[:k] == similarities[0, : len(found)].tolist()
            assert (ids[0, len(found) :] == NOTHING).all()
            assert (similarities[0, len(found) :] == -np.inf).all()

        @rule()
        def save(self) -> None:
            on_disk = self.file.read()
            if on_disk is None or on_disk.built != self.store.built:
                self.store = self.built(self.vectors)
            self.file.write(self.store, on_disk=on_disk)
            self.saved = self.store.stamp, dict(self.vectors)

        @rule()
        def load(self) -> None:
            on_disk = self.file.read()
            assert (on_disk.stamp if on_disk else None) == (self.saved[0] if self.saved else None)
            self.vectors = dict(self.saved[1]) if self.saved else {}
            self.store = on_disk or self.built({})

        @invariant()
        def holds_what_it_should(self) -> None:
            assert sorted(self.store.reader.ids().tolist()) == sorted(self.vectors)
            assert len(self.store.reader) == len(self.vectors)

    return StoreChanges


def counting(
    vectors: dict[int, tuple[float, ...]], among: list[int] | None, without: list[int]
) -> dict[int, tuple[float, ...]]:
    chosen = vectors.keys() if among is None else vectors.keys() & set(among)
    return {i: vectors[i] for i in chosen - set(without)}


def as_ids(ids: list[int] | None) -> np.ndarray | None:
    return None if ids is None else np.array(ids, dtype=np.int64)


def as_rows(vectors: dict[int, tuple[float, ...]]) -> np.ndarray:
    return np.array(list(vectors.values()), dtype=np.float32).reshape(len(vectors), DIMENSION)


@pytest.mark.parametrize("name", registry.store_names())
def test_a_store_is_a_dictionary_that_can_be_searched(name: str) -> None:
    run_state_machine_as_test(machine(name), settings=settings(max_examples=60, stateful_step_count=20, deadline=None))


@given(
    rows=st.integers(0, 90).flatmap(
        lambda n: st.lists(st.lists(st.sampled_from([-np.inf, -1.0, 0.5, 1.0]), min_size=n, max_size=n), max_size=3)
    ),
    k=st.integers(0, 8),
)
def test_of_equally_near_ones_those_that_stand_first_come_first(rows: list[list[float]], k: int) -> None:
    """Whether all are brought in order, or of very many a few are chosen first."""
    similarities = np.array(rows, dtype=np.float32).reshape(len(rows), -1 if rows and rows[0] else 0)
    ids = 100 + np.arange(similarities.shape[1])
    found, found_ids = nearest(similarities, ids, k=k)
    expected = [sorted(range(len(row)), key=lambda place: -row[place])[:k] for row in rows]
    assert found_ids.tolist() == [[100 + place for place in places] for places in expected]
    assert found.tolist() == [[row[place] for place in places] for row, places in zip(rows, expected, strict=True)]
