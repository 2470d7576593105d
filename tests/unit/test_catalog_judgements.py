"""That a label holds, or does not: who gives way to whom."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from modag_search.catalog import Annotation, Catalog, LabelChange, LabelCount
from modag_search.errors import UsageError
from modag_search.hierarchy import Hierarchy
from tests.catalog_builders import image, of_a_file, put, sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def said(item_id: int, label: str, **fields: Any) -> Annotation:
    return Annotation(item_id=item_id, label=label, **({"origin": "hand"} | fields))


def not_(item_id: int, label: str, **fields: Any) -> Annotation:
    return said(item_id, label, is_not=True, **fields)


def held(catalog: Catalog) -> list[tuple[str, str, bool]]:
    return [(one.label, one.origin, one.is_not) for one in catalog.labels.annotations()]


def labels_of(catalog: Catalog, item_id: int) -> tuple[str, ...]:
    record = catalog.items.get(item_id)
    assert record is not None
    return record.labels


def test_the_last_word_of_a_person_takes_the_place_of_the_opposite(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    for one in (said(item, "tuba"), not_(item, "tuba"), said(item, "tuba")):
        assert catalog.labels.annotate([one]) == 1
        assert catalog.labels.annotate([one]) == 0, "it is said already"
        assert held(catalog) == [("tuba", "hand", one.is_not)]
    assert labels_of(catalog, item) == ("tuba",)
    catalog.labels.annotate([not_(item, "tuba"), said(item, "tuba"), not_(item, "tuba")])
    assert held(catalog) == [("tuba", "hand", True)], "in one call, too"
    assert labels_of(catalog, item) == ()


@pytest.mark.parametrize("is_not", [False, True])
def test_a_file_gives_way_to_a_person_whoever_speaks_first(catalog: Catalog, is_not: bool) -> None:
    first, second = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    for item, order in ((first, ("import", "hand")), (second, ("hand", "import"))):
        for origin in order:
            opinion = is_not if origin == "hand" else not is_not
            catalog.labels.annotate([said(item, "tuba", origin=origin, is_not=opinion)])
    assert held(catalog) == [("tuba", "hand", is_not)] * 2
    catalog.labels.annotate([said(first, "tuba", origin="import", is_not=is_not)])
    assert len(held(catalog)) == 3, "who says the same stands beside"


def test_what_was_transferred_goes_and_does_not_come_back(catalog: Catalog) -> None:
    item, copy, other = put(catalog, image("/m/a.png", "a"), image("/m/copy.png", "a"), image("/m/b.png", "b"))
    guesses = [said(one, "tuba", origin="transfer", confidence=0.9) for one in (item, copy, other)]
    assert catalog.labels.annotate(guesses) == 3
    assert catalog.labels.annotate([not_(item, "tuba")]) == 1
    assert [labels_of(catalog, one) for one in (item, copy, other)] == [(), (), ("tuba",)], "copies are one"
    assert catalog.labels.annotate(guesses) == 0
    assert catalog.labels.annotate([said(item, "trumpet", origin="transfer")]) == 1, "another name may come"


def test_a_kind_of_what_an_item_is_not_is_no_name_for_it_either(catalog: Catalog) -> None:
    catalog.hierarchy.replace(Hierarchy.of([("tuba", "brass"), ("brass", "instrument")]))
    one, two = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    catalog.labels.annotate([said(one, "tuba", origin="transfer"), said(two, "tuba", origin="transfer")])
    catalog.labels.annotate([not_(one, "brass")])
    assert (labels_of(catalog, one), labels_of(catalog, two)) == ((), ("tuba",))
    assert catalog.labels.annotate([said(one, "tuba", origin="transfer")]) == 0
    catalog.labels.annotate([not_(two, "tuba"), said(two, "brass")])
    assert held(catalog) == [("brass", "hand", True), ("tuba", "hand", True), ("brass", "hand", False)]
    catalog.labels.annotate([said(one, "tuba")])
    assert ("brass", "hand", True) not in held(catalog), "a tuba is brass"


def test_what_gave_way_is_told(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    told: list[LabelChange] = []
    catalog.labels.annotate([said(item, "tuba"), said(item, "horn", origin="transfer")], on_change=told.append)
    catalog.labels.annotate([not_(item, "tuba"), not_(item, "horn")], on_change=told.append)
    assert [dict(change.replaced) for change in told] == [{}, {"tuba": 1}], "nobody had said the horn"


def test_a_denial_is_no_label(catalog: Catalog) -> None:
    one, two = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    catalog.labels.annotate([not_(one, "tuba"), said(two, "horn"), not_(two, "tuba"), not_(two, "tuba", start_s=0.0)])
    assert catalog.labels.counts() == [
        LabelCount(name="horn", items={"sound": 1}),
        LabelCount(name="tuba", items={}, denied=2),
    ]
    assert catalog.labels.items_labelled("tuba").tolist() == []
    assert catalog.labels.labelled_segments(labels=["tuba"])[2] == []
    assert catalog.labels.names() == {"horn", "tuba"}
    assert catalog.labels.class_names() == {"horn"}, "nothing is known that is one"
    assert {item_id for item_id, *_ in catalog.items.found(unlabelled=True)} == {one}


def test_denials_conflict_with_nothing(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    catalog.hierarchy.set_mode("single")
    catalog.labels.annotate([said(item, "horn"), not_(item, "tuba"), not_(item, "lute")])
    catalog.hierarchy.set_mode("auto")
    catalog.hierarchy.set_mode("single")
    assert len(held(catalog)) == 3


def test_denials_are_taken_back_by_their_run_or_by_name(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    run = catalog.runs.start("label", arguments={})
    before = catalog.label_generation
    catalog.labels.annotate([not_(item, "tuba", run_id=run), not_(item, "horn")])
    assert catalog.label_generation == before + 1, "it is evidence"
    assert catalog.labels.count_by_run() == {run: 1}
    assert catalog.labels.unannotate([item], "tuba") == 0, "that would take a label, and there is none"
    assert catalog.labels.undo(run).removed == 1
    assert catalog.labels.undeny([item], "horn") == 1
    assert (held(catalog), catalog.label_generation) == ([], before + 3)


def test_what_comes_together_when_labels_become_one_is_settled(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([not_(item, "tuba"), said(item, "Tuba", origin="import")])
    catalog.labels.merge(["Tuba"], "tuba")
    assert held(catalog) == [("tuba", "hand", True)]


@pytest.mark.parametrize("is_not", [False, True])
@pytest.mark.parametrize("is_kept", [False, True])
def test_of_what_a_person_said_under_names_that_become_one_the_last_word_holds(
    catalog: Catalog, is_not: bool, is_kept: bool
) -> None:
    [item] = put(catalog, image("/m/a.png", "a"))
    labels = ("git", "guitar", "gitarre")
    for name, opinion in zip(labels, (is_not, not is_not, is_not), strict=True):
        catalog.labels.annotate([said(item, name, is_not=opinion)])
    if is_kept:
        catalog.remove([item])
    catalog.labels.merge(["git", "gitarre"], "guitar")
    put(catalog, image("/m/b.png", "a"))
    assert held(catalog) == [("guitar", "hand", is_not)]


@of_a_file
@pytest.mark.parametrize("is_not", [False, True])
def test_the_last_word_holds_where_names_become_one_that_look_the_same(
    tmp_path: Path, catalog: Catalog, is_not: bool
) -> None:
    [item] = put(catalog, image("/m/a.png", "a"))
    catalog.labels.annotate([said(item, "Gr\u00fcn", is_not=not is_not)])
    catalog.labels.annotate([said(item, "green", is_not=is_not)])
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE label SET name = ? WHERE name = 'green'", ["Gru\u0308n"])
    assert catalog.labels.compose_names() == ["Gr\u00fcn"]
    assert held(catalog) == [("Gr\u00fcn", "hand", is_not)]


@pytest.mark.parametrize(
    ("start_s", "end_s", "windows"),
    [
        pytest.param(None, None, [0, 10, 20], id="the whole"),
        pytest.param(0.0, 20.0, [0, 10], id="two windows"),
        pytest.param(0.0, 19.0, [0], id="what reaches beyond is not told"),
        pytest.param(10.0, None, [10, 20], id="to the end"),
        pytest.param(None, 10.2, [0], id="programs round"),
        pytest.param(12.0, 15.0, [], id="within a window"),
    ],
)
def test_a_denial_of_a_part_holds_for_what_lies_within_it(
    catalog: Catalog, start_s: float | None, end_s: float | None, windows: list[float]
) -> None:
    [item] = put(catalog, sound("/m/a.wav", statuses=("ok", "ok", "ok")))
    catalog.labels.annotate([not_(item, "laughter", start_s=start_s, end_s=end_s)])
    segments, items, labels = catalog.labels.denied_segments()
    starts = [record.start_s for record in catalog.segments.get_many(segments).values()]
    assert starts == windows
    assert (set(items.tolist()), set(labels)) == (({item}, {"laughter"}) if windows else (set(), set()))


def test_what_is_said_of_a_part_goes_before_what_is_said_of_the_whole(catalog: Catalog) -> None:
    dog, none = put(catalog, *(sound(f"/m/{name}.wav", name, statuses=("ok",) * 3) for name in "ab"))
    catalog.labels.annotate(
        [
            said(dog, "dog"),
            not_(dog, "dog", start_s=10.0, end_s=20.0),
            not_(none, "dog"),
            said(none, "dog", start_s=21.0, end_s=22.0),
        ]
    )

    def starts(found: tuple[Any, ...]) -> list[tuple[int, float | None]]:
        records = catalog.segments.get_many(found[0])
        return [(record.item_id, record.start_s) for record in records.values()]

    assert starts(catalog.labels.labelled_segments()) == [(dog, 0), (dog, 20), (none, 20)]
    assert starts(catalog.labels.denied_segments()) == [(dog, 10), (none, 0), (none, 10)]


# Tags.


def tagged(item_id: int, name: str, **fields: Any) -> Annotation:
    return said(item_id, name, **fields)


def test_tags_are_no_classes(catalog: Catalog) -> None:
    one, two = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    catalog.labels.annotate([said(one, "horn")])
    before = catalog.label_generation
    assert catalog.labels.annotate([tagged(one, "favourite"), tagged(two, "favourite")], tags=["favourite"]) == 2
    assert catalog.label_generation == before, "no answer changes"
    assert labels_of(catalog, one) == ("favourite", "horn")
    assert set(catalog.labels.labelled_segments()[2]) == {"horn"}
    assert set(catalog.labels.labelled_segments(labels=["favourite"])[1].tolist()) == {one, two}
    assert catalog.labels.class_names() == {"horn"}
    assert [(count.name, count.is_tag) for count in catalog.labels.counts()] == [("favourite", True), ("horn", False)]
    assert [item_id for item_id, *_ in catalog.items.found(unlabelled=True)] == [two]
    catalog.hierarchy.set_mode("single")
    assert catalog.hierarchy.rivalry.is_plain


def test_what_a_class_or_a_tag_cannot_be_is_refused(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    catalog.hierarchy.replace(Hierarchy.of([("horn", "brass")]))
    catalog.labels.annotate([said(item, "horn"), said(item, "loud")])
    with pytest.raises(UsageError, match=r"loud: names a class .*`modag label kind loud tag` makes it"):
        catalog.labels.annotate([tagged(item, "loud")], tags=["loud"])
    catalog.labels.annotate([tagged(item, "favourite")], tags=["favourite"])
    attempts: tuple[Callable[[], object], ...] = (
        lambda: catalog.labels.annotate([not_(item, "favourite")]),
        lambda: catalog.labels.add({"favourite": None}),
        lambda: catalog.labels.merge(["favourite"], "horn"),
        lambda: catalog.hierarchy.replace(Hierarchy.of([("favourite", "brass")])),
    )
    for refused in attempts:
        with pytest.raises(UsageError, match=r"favourite: is a tag, and .*; `modag label kind favourite class` makes"):
            refused()
    with pytest.raises(UsageError, match="horn: is named by the hierarchy"):
        catalog.labels.turn_into("horn", is_tag=True)
    assert catalog.labels.tags() == {"favourite"}


def test_a_class_becomes_a_tag_and_a_class_again(catalog: Catalog) -> None:
    one, two = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    catalog.labels.annotate([said(one, "favourite"), said(two, "favourite", origin="transfer")])
    assert catalog.labels.turn_into("favourite", is_tag=True) == (1, 0, 0)
    assert labels_of(catalog, two) == (), "nobody said so"
    assert catalog.labels.items_labelled("favourite").tolist() == [one]
    assert set(catalog.labels.labelled_segments(labels=["favourite"])[1].tolist()) == {one}
    assert [shown.item_id for shown in catalog.labels.annotations()] == [one]
    (count,) = catalog.labels.counts()
    assert (sum(count.items.values()), count.transferred) == (1, 0)
    assert catalog.labels.turn_into("favourite", is_tag=True) == (0, 0, 0), "it is one"
    assert catalog.labels.turn_into("favourite", is_tag=False) == (1, 0, 0)
    assert labels_of(catalog, two) == ("favourite",)
    assert set(catalog.labels.labelled_segments()[2]) == {"favourite"}


def test_what_waits_while_its_label_is_a_tag_is_undone_or_gives_way(catalog: Catalog) -> None:
    one, two, three = put(catalog, *(sound(f"/m/{name}.wav", name) for name in "abc"))
    run = catalog.runs.start("transfer", arguments={})
    catalog.labels.annotate([said(item, "loud", origin="transfer", run_id=run) for item in (one, two)])
    catalog.labels.annotate([said(three, "loud")])
    catalog.labels.turn_into("loud", is_tag=True)
    catalog.labels.annotate([said(one, "horn", origin="transfer")])
    assert catalog.labels.turn_into("loud", is_tag=False) == (1, 1, 0)
    assert [labels_of(catalog, item) for item in (one, two, three)] == [("horn",), ("loud",), ("loud",)]
    catalog.labels.turn_into("loud", is_tag=True)
    assert catalog.labels.undo(run).removed == 1
    catalog.labels.turn_into("loud", is_tag=False)
    assert labels_of(catalog, two) == ()


def test_a_tag_keeps_its_kind_with_another_name_and_loses_it_with_its_last_item(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([tagged(item, "fav")], tags=["fav"])
    catalog.labels.merge(["fav"], "favourite")
    assert catalog.labels.tags() == {"favourite"}
    assert catalog.labels.unannotate([item], "favourite") == 1
    assert catalog.labels.tags() == set()
    catalog.labels.annotate([said(item, "favourite")])
    assert catalog.labels.class_names() == {"favourite"}


def test_a_tag_whose_last_item_is_taken_back_is_none_though_a_copy_had_it_by_another_run(catalog: Catalog) -> None:
    one, two = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "a"))
    for item in (one, two):
        run = catalog.runs.start("label", arguments={})
        catalog.labels.annotate([tagged(item, "oboe", run_id=run)], tags=["oboe"])
    catalog.remove([one])
    assert catalog.kept_labels.count_by_label() == {"oboe": 1}
    assert catalog.labels.unannotate([two], "oboe") == 1
    assert (catalog.kept_labels.count_by_label(), catalog.labels.tags()) == ({}, set())


def test_what_was_denied_of_a_former_content_does_not_go_before_what_a_file_says(catalog: Catalog) -> None:
    [item] = put(catalog, image("/m/a.png", "a"))
    catalog.labels.annotate([not_(item, "tuba")])
    put(catalog, image("/m/a.png", "b"))
    refused: list[Annotation] = []
    assert catalog.labels.annotate([said(item, "tuba", origin="import")], on_refusal=refused.extend) == 1
    assert (held(catalog), refused) == ([("tuba", "import", False)], [])
    put(catalog, image("/m/b.png", "a"))
    assert ("tuba", "hand", True) in held(catalog), "what it was said of came back"


def test_opposites_of_two_contents_both_stay_where_labels_become_one(catalog: Catalog) -> None:
    [item] = put(catalog, image("/m/a.png", "a"))
    catalog.labels.annotate([not_(item, "git")])
    put(catalog, image("/m/a.png", "b"))
    catalog.labels.annotate([said(item, "guitar", origin="import")])
    catalog.labels.merge(["git"], "guitar")
    assert held(catalog) == [("guitar", "hand", True), ("guitar", "import", False)]


@of_a_file
def test_a_long_recording_with_many_parts_is_judged_quickly(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))
    parts = [said(item, "laughter", start_s=float(n), end_s=n + 0.5) for n in range(3000)]
    assert catalog.labels.annotate(parts) == 3000
    assert catalog.labels.annotate([not_(item, "laughter", start_s=7.0, end_s=7.5)]) == 1
    assert catalog.labels.counts()[0].denied == 1
    assert sum(not one.is_not for one in catalog.labels.annotations()) == 2999
