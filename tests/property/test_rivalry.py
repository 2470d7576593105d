"""What holds however labels stand together."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from modag_search.rivalry import LEAST_SHARE, Several, lower_bound, rivalry_of

LABELS = "abcdefgh"
ITEMS = st.lists(st.sets(st.sampled_from(LABELS), min_size=1, max_size=4), min_size=1, max_size=60)


def several(items: list[set[str]]) -> list[Several]:
    return [Several(tuple(combinations(sorted(one), 2))) for one in items if len(one) > 1]


@given(ITEMS)
def test_labels_of_one_group_seldom_stand_together(items: list[set[str]]) -> None:
    counts = Counter(label for one in items for label in sorted(one))
    rivalry = rivalry_of(counts, several(items))
    groups = [set(counts) - rivalry.set_apart, *rivalry.apart]
    assert sorted(label for group in groups for label in group) == sorted(counts), "each label is in one"
    for group in groups:
        for label in group:
            beside = sum(label in one and len(one & group) > 1 for one in items)
            assert lower_bound(beside, counts[label]) < LEAST_SHARE


@given(ITEMS, st.randoms())
def test_the_order_of_items_makes_no_difference(items: list[set[str]], random: object) -> None:
    counts = {label: sum(label in one for one in items) for label in LABELS if any(label in one for one in items)}
    expected = rivalry_of(counts, several(items))
    random.shuffle(items)  # type: ignore[attr-defined]
    assert rivalry_of(counts, several(items)) == expected


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_bound_lies_below_the_share_and_rises_with_it(count: int, more: int) -> None:
    n = count + more
    if n:
        assert 0 <= lower_bound(count, n) <= count / n
        if count < n:
            assert lower_bound(count, n) < lower_bound(count + 1, n)
