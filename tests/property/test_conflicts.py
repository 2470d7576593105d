"""Which labels of an item stand together, told without comparing each with each."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from modag_search.catalog.conflicts import stand_together, standing_together
from modag_search.hierarchy import Hierarchy

if TYPE_CHECKING:
    import pytest


class Part(NamedTuple):
    label: str
    start_s: float | None
    end_s: float | None


TIMES = st.none() | st.integers(0, 8).map(float)
PARTS = st.lists(st.builds(Part, st.sampled_from("abcd"), TIMES, TIMES), max_size=12)
HIERARCHY = Hierarchy.of([("a", "b")])


@given(PARTS)
def test_the_pairs_found_are_those_of_all_pairs(parts: list[Part]) -> None:
    found = list(standing_together(parts, HIERARCHY))
    assert sorted(found, key=repr) == sorted(
        (pair for pair in combinations(parts, 2) if stand_together(*pair, HIERARCHY)), key=repr
    )


def test_few_of_the_parts_of_a_long_recording_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counted(first: Part, second: Part, hierarchy: Hierarchy) -> bool:
        nonlocal compared
        compared += 1
        return stand_together(first, second, hierarchy)

    monkeypatch.setattr("modag_search.catalog.conflicts.stand_together", counted)
    parts = [Part("abcd"[i % 4], float(i), i + 1.5) for i in range(3000)]
    assert sum(1 for _ in standing_together(parts, Hierarchy.of([]))) == 2999
    assert compared == 2999
