"""Labels that are kinds of others."""

from __future__ import annotations

import pytest

from modag_search.errors import UsageError
from modag_search.hierarchy import Hierarchy

INSTRUMENTS = Hierarchy.of(
    [("violin", "bowed"), ("cello", "bowed"), ("bowed", "string"), ("guitar", "string"), ("snare", "drum")]
)
PIANO = Hierarchy.of(
    [("piano", "string"), ("piano", "keyboard"), ("keyboard", "instrument"), ("string", "sounding"), ("grand", "piano")]
)
"""Two ways up from the piano, as in AudioSet's ontology."""


def test_a_label_is_a_kind_of_all_that_stand_above_it() -> None:
    assert INSTRUMENTS.ancestors("violin") == {"bowed", "string"}
    assert INSTRUMENTS.ancestors("string") == frozenset()
    assert INSTRUMENTS.ancestors("never heard of") == frozenset()
    assert PIANO.ancestors("grand") == {"piano", "string", "keyboard", "instrument", "sounding"}


def test_a_label_is_asked_for_with_all_its_kinds() -> None:
    assert INSTRUMENTS.with_descendants("string") == {"string", "bowed", "violin", "cello", "guitar"}
    assert INSTRUMENTS.with_descendants("violin") == {"violin"}
    assert INSTRUMENTS.with_descendants("never heard of") == {"never heard of"}
    assert PIANO.with_descendants("instrument") == {"instrument", "keyboard", "piano", "grand"}


def test_levels_count_from_the_top_by_the_longest_way() -> None:
    assert [INSTRUMENTS.level(name) for name in ("string", "bowed", "violin", "guitar", "other")] == [0, 1, 2, 1, 0]
    shortcut = Hierarchy.of([("violin", "bowed"), ("bowed", "string"), ("violin", "string")])
    assert shortcut.level("violin") == 2


def test_a_label_is_called_on_a_level_by_its_ancestors_there() -> None:
    assert INSTRUMENTS.at_level("violin", 0) == {"string"}
    assert INSTRUMENTS.at_level("violin", 1) == {"bowed"}
    assert INSTRUMENTS.at_level("violin", 2) == INSTRUMENTS.at_level("violin", 9) == {"violin"}
    assert INSTRUMENTS.at_level("guitar", 2) == {"guitar"}, "what is above the level keeps its name"


def test_a_label_with_two_parents_has_two_names_on_their_level() -> None:
    assert PIANO.at_level("grand", 0) == {"instrument", "sounding"}
    assert PIANO.at_level("grand", 1) == {"keyboard", "string"}
    assert PIANO.at_level("grand", 2) == {"piano"}


def test_only_the_most_specific_labels_stay() -> None:
    assert INSTRUMENTS.most_specific(["string", "violin", "drum"]) == {"violin", "drum"}
    assert INSTRUMENTS.most_specific(["violin", "cello"]) == {"violin", "cello"}
    assert INSTRUMENTS.most_specific([]) == frozenset()


def test_labels_are_related_up_and_down_but_not_across() -> None:
    assert INSTRUMENTS.are_related("violin", "string")
    assert INSTRUMENTS.are_related("string", "violin")
    assert INSTRUMENTS.are_related("other", "other")
    assert not INSTRUMENTS.are_related("violin", "cello")


def test_pairs_come_in_order_and_make_the_same_hierarchy() -> None:
    assert list(PIANO.pairs()) == sorted(PIANO.pairs())
    assert Hierarchy.of(PIANO.pairs()).parents == PIANO.parents
    assert Hierarchy.of([*PIANO.pairs(), *PIANO.pairs()]).parents == PIANO.parents, "said twice is said once"


def test_without_pairs_there_is_no_hierarchy() -> None:
    assert INSTRUMENTS
    assert not Hierarchy.of([])
    assert not Hierarchy()


@pytest.mark.parametrize(
    ("pairs", "way"),
    [
        ([("a", "a")], "a > a"),
        ([("a", "b"), ("b", "a")], "a > b > a"),
        ([("c", "b"), ("b", "a"), ("a", "c"), ("z", "a")], "a > b > c > a"),
        ([("x", "top"), ("b", "b"), ("x", "b")], "b > b"),
    ],
)
def test_a_way_round_is_refused_and_named(pairs: list[tuple[str, str]], way: str) -> None:
    with pytest.raises(UsageError) as caught:
        Hierarchy.of(pairs)
    assert str(caught.value) == f"a label cannot be a kind of itself: {way}"


def test_two_ways_to_one_ancestor_are_no_way_round() -> None:
    diamond = Hierarchy.of([("d", "b"), ("d", "c"), ("b", "a"), ("c", "a")])
    assert diamond.ancestors("d") == {"a", "b", "c"}
    assert diamond.level("d") == 2


def test_a_hierarchy_may_be_deep() -> None:
    deep = Hierarchy.of([(f"{number:04}", f"{number + 1:04}") for number in range(2999)])
    assert deep.level("0000") == len(deep.ancestors("0000")) == 2999
    ladder = Hierarchy.of(
        [(f"{rung} {side}", f"{rung + 1} {other}") for rung in range(60) for side in "ab" for other in "ab"]
    )
    assert ladder.level("0 a") == 60, "not each of the 2 ** 60 ways is walked"
