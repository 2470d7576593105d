"""Undoing runs: what they took from items, and what gave way to them, comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modag_search.catalog import Annotation, Catalog
from modag_search.errors import LabelConflictError
from modag_search.hierarchy import Hierarchy
from tests.catalog_builders import put, sound

if TYPE_CHECKING:
    from collections.abc import Iterable


def start(catalog: Catalog, verb: str = "label") -> int:
    return catalog.runs.start(verb, arguments={})


def say(catalog: Catalog, item_id: int, label: str, *, origin: Any = "hand", **more: Any) -> int:
    """Say one thing of an item, and return the run that did."""
    run = start(catalog)
    catalog.labels.annotate([Annotation(item_id=item_id, label=label, origin=origin, run_id=run, **more)], run=run)
    return run


def take(catalog: Catalog, items: Iterable[int], label: str) -> int:
    """Take a label from items, and return the run that did."""
    run = start(catalog, "unlabel")
    catalog.labels.unannotate(items, label, run=run)
    return run


def there(catalog: Catalog, item_id: int) -> set[tuple[str, str, float | None, bool]]:
    said = catalog.labels.annotations(items=[item_id])
    return {(one.label, one.origin, one.start_s, one.is_not) for one in said}


def undo(catalog: Catalog, run: int) -> tuple[int, int, int]:
    """Undo a run; return how many annotations went, came back, and did not."""
    undone = catalog.labels.undo(run)
    return undone.removed, undone.restored, undone.left


def test_what_was_taken_is_as_it_was(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    say(catalog, item, "horn", origin="import", source="/f.csv", confidence=0.7)
    say(catalog, item, "horn", start_s=1.0, end_s=2.5)
    say(catalog, item, "lute")
    before = list(catalog.labels.annotations())
    generation = catalog.label_generation
    run = take(catalog, [item], "horn")
    assert undo(catalog, run) == (0, 2, 0)
    assert sorted(map(repr, catalog.labels.annotations())) == sorted(map(repr, before))
    assert catalog.label_generation == generation + 2, "whoever keeps labels looks again"
    assert catalog.check() == []


def test_each_of_two_copies_gets_its_own_back(catalog: Catalog) -> None:
    one, other = put(catalog, sound("/m/a.wav", "same"), sound("/m/b.wav", "same"))
    run = start(catalog)
    catalog.labels.annotate(
        [Annotation(item_id=item, label="horn", origin="hand", run_id=run) for item in (one, other)]
    )
    undo(catalog, take(catalog, [one], "horn"))
    assert there(catalog, one) == there(catalog, other) == {("horn", "hand", None, False)}


def test_labels_that_stood_together_do_so_again_unless_they_exclude_each_other_by_now(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    say(catalog, item, "horn")
    say(catalog, item, "lute")
    undo(catalog, take(catalog, [item], "horn"))
    assert {label for label, *_ in there(catalog, item)} == {"horn", "lute"}
    run = take(catalog, [item], "horn")
    catalog.hierarchy.set_mode("single")
    assert undo(catalog, run) == (0, 0, 1)
    catalog.hierarchy.set_mode("multi")
    assert undo(catalog, run) == (0, 1, 0)
    with pytest.raises(LabelConflictError):
        catalog.hierarchy.set_mode("single")


def test_a_denial_gives_back_kinds_of_what_it_denied(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    catalog.hierarchy.replace(Hierarchy.of([("tuba", "horn")]))
    say(catalog, item, "tuba", origin="transfer", confidence=0.9)
    assert undo(catalog, say(catalog, item, "horn", is_not=True)) == (1, 1, 0)
    assert there(catalog, item) == {("tuba", "transfer", None, False)}


def test_what_gave_way_goes_for_good_with_the_run_that_gave_it(catalog: Catalog) -> None:
    one, other = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    transfer = start(catalog, "transfer")
    guesses = [Annotation(item_id=item, label="horn", origin="transfer", run_id=transfer) for item in (one, other)]
    catalog.labels.annotate(guesses, run=transfer)
    denial = say(catalog, one, "horn", is_not=True)
    assert catalog.labels.count_by_run() == {transfer: 1, denial: 1}
    assert undo(catalog, transfer) == (1, 0, 0)
    assert undo(catalog, denial) == (1, 0, 0), "what was undone does not come back by the undoing of another"
    assert there(catalog, one) == set()


def test_a_label_that_was_renamed_or_removed_meanwhile_is_found_under_its_name_or_not_at_all(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    say(catalog, item, "horn")
    run = take(catalog, [item], "horn")
    say(catalog, item, "horn", start_s=0.0, end_s=1.0)
    catalog.labels.merge(["horn"], "French horn")
    assert undo(catalog, run) == (0, 1, 0)
    assert {label for label, *_ in there(catalog, item)} == {"French horn"}
    run = take(catalog, [item], "French horn")
    catalog.labels.delete("French horn")
    assert run not in catalog.labels.count_by_run()


def test_what_is_forgotten_has_its_labels_once_it_is_there_again(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    say(catalog, item, "horn")
    run = take(catalog, [item], "horn")
    catalog.forget([item], run_id=start(catalog, "forget"))
    assert undo(catalog, run) == (0, 0, 1)
    catalog.recall()
    assert undo(catalog, run) == (0, 1, 0)
    assert there(catalog, item) == {("horn", "hand", None, False)}


def test_what_was_said_of_a_file_that_was_replaced_since_is_of_that_still(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav", "before"))
    say(catalog, item, "horn")
    run = take(catalog, [item], "horn")
    put(catalog, sound("/m/a.wav", "after"))
    assert undo(catalog, run) == (0, 1, 0)
    assert [one.label for one in catalog.kept_labels.of_former_contents()] == ["horn"]


def test_what_a_run_gave_and_took_itself_does_not_come_back(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    run = start(catalog)
    said = [
        Annotation(item_id=item, label="horn", origin="hand", run_id=run, is_not=is_not) for is_not in (False, True)
    ]
    for one in said:
        catalog.labels.annotate([one], run=run)
    assert undo(catalog, run) == (1, 0, 0)
    assert there(catalog, item) == set()


def test_of_labels_that_became_one_each_run_takes_back_its_own(catalog: Catalog) -> None:
    one, other = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    first = start(catalog)
    both = [Annotation(item_id=item, label="horn", origin="hand", run_id=first) for item in (one, other)]
    catalog.labels.annotate(both, run=first)
    second = say(catalog, one, "Horn")
    third = say(catalog, other, "Horn")
    catalog.labels.merge(["Horn"], "horn")
    horn = {("horn", "hand", None, False)}
    assert catalog.labels.count_by_run() == {first: 2}
    assert undo(catalog, first) == (2, 2, 0), "what the others said is there again"
    assert there(catalog, one) == there(catalog, other) == horn
    undo(catalog, second)
    assert (there(catalog, one), there(catalog, other)) == (set(), horn)
    undo(catalog, third)
    assert there(catalog, other) == set()


def test_of_opposites_that_became_one_the_last_holds_and_gives_the_other_back(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    say(catalog, item, "horn")
    last = say(catalog, item, "Horn", is_not=True)
    catalog.labels.merge(["Horn"], "horn")
    assert there(catalog, item) == {("horn", "hand", None, True)}
    undo(catalog, last)
    assert there(catalog, item) == {("horn", "hand", None, False)}


def test_labels_of_two_contents_that_become_one_are_not_the_same_said_twice(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav", "before"))
    say(catalog, item, "horn")
    put(catalog, sound("/m/a.wav", "after"))
    second = say(catalog, item, "Horn")
    catalog.labels.merge(["Horn"], "horn")
    assert catalog.kept_labels.count_by_label() == {"horn": 1}
    undo(catalog, second)
    assert there(catalog, item) == set()
    [again] = put(catalog, sound("/m/b.wav", "before"))
    assert there(catalog, again) == {("horn", "hand", None, False)}
