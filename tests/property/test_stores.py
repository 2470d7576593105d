"""A store against a dictionary, over sequences of changes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from modag_search import registry
from modag_search.stores import NOTHING, StoreStamp

DIMENSION = 4
IDS = st.one_of(st.integers(0, 12), st.integers(2**40, 2**40 + 2))
# Few distinct vectors of exact products: equals are common, and there is no rounding.
VECTORS = st.tuples(*[st.sampled_from([-1.0, 0.0, 0.5, 1.0])] * DIMENSION)


def machine(name: str) -> type[RuleBasedStateMachine]:
    class StoreChanges(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = tempfile.TemporaryDirectory()
            self.path = Path(self.folder.name, "vectors")
            self.store = registry.store_class(name)(self.path, dimension=DIMENSION)
            self.vectors: dict[int, tuple[float, ...]] = {}
            self.saved: tuple[int, dict[int, tuple[float, ...]]] | None = None

        def teardown(self) -> None:
            self.folder.cleanup()

        @rule(batch=st.dictionaries(IDS, VECTORS, max_size=6))
        def add(self, batch: dict[int, tuple[float, ...]]) -> None:
            vectors = np.array(list(batch.values()), dtype=np.float32).reshape(len(batch), DIMENSION)
            self.store.add(np.array(list(batch), dtype=np.int64), vectors)
            self.vectors |= batch

        @rule(ids=st.lists(IDS, max_size=6))
        def remove(self, ids: list[int]) -> None:
            there = set(ids) & self.vectors.keys()
            assert self.store.remove(np.array(ids, dtype=np.int64)) == len(there)
            for gone in there:
                del self.vectors[gone]

        @rule(query=VECTORS, k=st.integers(1, 9), among=st.none() | st.lists(IDS, max_size=6))
        def search(self, query: tuple[float, ...], k: int, among: list[int] | None) -> None:
            chosen = None if among is None else np.array(among, dtype=np.int64)
            similarities, ids = self.store.search(np.array([query], dtype=np.float32), k=k, among=chosen)
            counted = {i: vector for i, vector in self.vectors.items() if among is None or i in among}
            expected = {i: float(np.dot(query, vector)) for i, vector in counted.items()}
            found = [i for i in ids[0].tolist() if i != NOTHING]
            assert len(found) == len(set(found)) == min(k, len(expected))
            assert [expected[i] for i in found] == similarities[0, : len(found)].tolist()
            assert sorted(expected.values(), reverse=True)[:k] == similarities[0, : len(found)].tolist()
            assert (ids[0, len(found) :] == NOTHING).all()
            assert (similarities[0, len(found) :] == -np.inf).all()

        @rule(generation=st.integers(0, 99))
        def save(self, generation: int) -> None:
            self.store.save(StoreStamp(space="s", pipeline="p", generation=generation, token="t"))
            self.saved = generation, dict(self.vectors)

        @rule()
        def load(self) -> None:
            self.store = registry.store_class(name)(self.path, dimension=DIMENSION)
            stamp = self.store.stamp
            assert (stamp.generation if stamp else None) == (self.saved[0] if self.saved else None)
            self.vectors = dict(self.saved[1]) if self.saved else {}

        @invariant()
        def counts(self) -> None:
            assert len(self.store) == len(self.vectors)

    return StoreChanges


@pytest.mark.parametrize("name", registry.store_names())
def test_a_store_is_a_dictionary_that_can_be_searched(name: str) -> None:
    run_state_machine_as_test(machine(name), settings=settings(max_examples=60, stateful_step_count=20, deadline=None))
