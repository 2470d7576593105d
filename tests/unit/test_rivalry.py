"""Which labels exclude each other, by what stands together."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from modag_search.rivalry import ALONE, Rivalry, Several, rivalry_of

Labelled = list[set[str]]


def told(items: Labelled) -> Rivalry:
    """Tell from items of whose labels none is a kind of another."""
    counts = Counter(label for labels in items for label in sorted(labels))
    several = [Several(tuple(combinations(sorted(labels), 2))) for labels in items if len(labels) > 1]
    return rivalry_of(counts, several)


def classes(*, n: int, each: int) -> Labelled:
    return [{f"class {number}"} for number in range(n) for _ in range(each)]


def groups(rivalry: Rivalry) -> list[list[str]]:
    return [sorted(labels) for labels in rivalry.apart]


def test_labels_that_never_stand_together_exclude_each_other() -> None:
    rivalry = told(classes(n=5, each=4))
    assert rivalry.is_plain
    assert rivalry.exclude("class 0", "class 1")
    assert rivalry.exclude("class 0", "a label that nobody gave yet")


def test_what_stands_beside_many_classes_excludes_none() -> None:
    items = classes(n=10, each=9)
    for number in range(0, 48, 3):
        items[number].add("favourite")
    rivalry = told(items)
    assert groups(rivalry) == [["favourite"]]
    assert rivalry.groups_of(["class 1", "favourite"]) == [0, ALONE]
    assert rivalry.leading(["class 1", "favourite"]) == [True, False]


def test_one_photograph_of_both_makes_a_dog_no_cat() -> None:
    for each in (5, 100):
        items = classes(n=20, each=each)
        items[0].add("class 1")
        assert told(items).is_plain, f"one of {each}"


def test_of_what_has_been_seen_beside_others_alone_no_more_is_known() -> None:
    items = classes(n=3, each=4)
    items[0].add("warm")
    assert groups(told(items)) == [["warm"]]


def test_the_label_that_classes_have_in_common_is_set_apart_and_not_a_class_of_which_all_have_it() -> None:
    items = [{"trumpet", "favourite"} for _ in range(40)] + classes(n=10, each=20)
    for number in range(40, 55):
        items[number].add("favourite")
    assert groups(told([*items, *({"favourite"} for _ in range(5))])) == [["favourite"]]


def test_what_is_set_apart_goes_on_excluding_its_own_rivals() -> None:
    moods = ("warm", "cold")
    items = [{f"class {n % 6}", moods[n // 6 % 2]} for n in range(72)]
    rivalry = told(items)
    assert groups(rivalry) == [["cold", "warm"]]
    assert rivalry.exclude("warm", "cold")
    assert not rivalry.exclude("warm", "class 1")


def test_what_never_stood_together_is_of_one_group() -> None:
    items = classes(n=6, each=10)
    for number in (0, 10, 20):
        items[number].add("favourite")
        items[number + 1].add("reviewed")
    rivalry = told(items)
    assert groups(rivalry) == [["favourite", "reviewed"]]


def test_where_most_has_several_labels_none_leads() -> None:
    things = ["person", "car", "dog", "tree", "sky"]
    items: Labelled = [set(some) for some in combinations(things, 3) for _ in range(4)]
    rivalry = told([*items, {"zebra"}])
    assert not rivalry.rest_leads
    assert rivalry.leading([*things, "zebra"]) == [True] * 6


def test_all_or_none_exclude_each_other_where_told_so() -> None:
    assert Rivalry(rest_exclude=False).groups_of(["a", "b"]) == [ALONE, ALONE]
    assert not Rivalry(rest_exclude=False).exclude("a", "b")
    assert Rivalry().groups_of(["a", "b"]) == [0, 0]
