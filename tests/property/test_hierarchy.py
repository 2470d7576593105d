"""Laws of hierarchies of labels."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given

from modag_search.errors import UsageError
from modag_search.hierarchy import Hierarchy

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = "abcdefg"
Pairs = list[tuple[str, str]]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=14)


@st.composite
def hierarchies(draw: st.DrawFn) -> Hierarchy:
    """Let parents stand before their children in some order, so that there is no way round."""
    order: Sequence[str] = draw(st.permutations(NAMES))
    places = st.integers(0, len(NAMES) - 1)
    pairs = draw(st.lists(st.tuples(places, places).filter(lambda pair: pair[0] > pair[1]), max_size=14))
    return Hierarchy.of((order[child], order[parent]) for child, parent in pairs)


def above(pairs: Pairs, name: str) -> set[str]:
    """Find all that can be reached from a name, step by step."""
    reached: set[str] = set()
    pending = [name]
    while pending:
        here = pending.pop()
        new = {parent for child, parent in pairs if child == here} - reached
        reached |= new
        pending += new
    return reached


@given(PAIRS)
def test_what_has_a_way_round_is_refused_and_nothing_else(pairs: Pairs) -> None:
    if not any(name in above(pairs, name) for name in NAMES):
        assert sorted(set(pairs)) == list(Hierarchy.of(pairs).pairs())
        return
    with pytest.raises(UsageError) as caught:
        Hierarchy.of(pairs)
    way = str(caught.value).removeprefix("a label cannot be a kind of itself: ").split(" > ")
    assert way[0] == way[-1]
    assert {(child, parent) for parent, child in itertools.pairwise(way)} <= set(pairs)


@given(hierarchies())
def test_ancestors_are_all_that_can_be_reached(hierarchy: Hierarchy) -> None:
    pairs = list(hierarchy.pairs())
    for name in NAMES:
        assert hierarchy.ancestors(name) == above(pairs, name)
        assert name not in hierarchy.ancestors(name)
        for ancestor in hierarchy.ancestors(name):
            assert hierarchy.ancestors(ancestor) < hierarchy.ancestors(name)
            assert name in hierarchy.with_descendants(ancestor)
            assert hierarchy.level(ancestor) < hierarchy.level(name)


@given(hierarchies(), st.integers(0, 8))
def test_on_every_level_a_label_has_a_name(hierarchy: Hierarchy, level: int) -> None:
    for name in NAMES:
        called = hierarchy.at_level(name, level)
        assert called
        assert called <= {name, *hierarchy.ancestors(name)}
        assert {hierarchy.level(one) for one in called} == {min(level, hierarchy.level(name))}


@given(hierarchies(), st.sets(st.sampled_from(NAMES)))
def test_the_most_specific_labels_say_all_that_the_others_do(hierarchy: Hierarchy, given: set[str]) -> None:
    kept = hierarchy.most_specific(given)
    assert kept <= given
    assert hierarchy.most_specific(kept) == kept
    assert given <= kept.union(*(hierarchy.ancestors(name) for name in kept))
    assert not any(first in hierarchy.ancestors(second) for first in kept for second in kept)
