"""Labels: who has them, for which part, who said so, and how to take them back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from modag_search.catalog import Annotation, Catalog, LabelCount
from modag_search.errors import LabelConflictError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.catalog_builders import image, of_a_file, put, sound, tamper, video

if TYPE_CHECKING:
    from modag_search.catalog import LabelMode


def by_hand(item_id: int, label: str, start_s: float | None = None, end_s: float | None = None) -> Annotation:
    return Annotation(item_id=item_id, label=label, origin="hand", start_s=start_s, end_s=end_s)


def labels_of(catalog: Catalog, item_id: int) -> tuple[str, ...]:
    record = catalog.items.get(item_id)
    assert record is not None
    return record.labels


def test_a_label_counts_once_for_an_item(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))

    assert catalog.labels.annotate([by_hand(item_id, "trumpet"), by_hand(item_id, "trumpet")]) == 1
    assert catalog.labels.annotate([by_hand(item_id, "trumpet")]) == 0
    assert catalog.labels.annotate([by_hand(item_id, "trumpet", 0.0, 5.0)]) == 1, "a part is a claim of its own"
    assert labels_of(catalog, item_id) == ("trumpet",)


def test_labels_distinguish_upper_and_lower_case(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([by_hand(item_id, "trumpet"), by_hand(item_id, "Trumpet"), by_hand(item_id, "ñandú")])

    assert labels_of(catalog, item_id) == ("Trumpet", "trumpet", "ñandú")


def test_an_unknown_item_is_an_error_and_nothing_is_labelled(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))

    with pytest.raises(KeyError, match="77"):
        catalog.labels.annotate([by_hand(item_id, "trumpet"), by_hand(77, "trumpet")])

    assert labels_of(catalog, item_id) == ()


def test_counts_are_by_kind_of_item(catalog: Catalog) -> None:
    a, b, c = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"), image("/m/c.png"))
    catalog.labels.annotate(
        [by_hand(a, "violin"), by_hand(b, "violin", 0, 5), by_hand(b, "violin", 5, 9), by_hand(c, "trumpet")]
    )

    assert catalog.labels.counts() == [
        LabelCount(name="trumpet", items={"image": 1}),
        LabelCount(name="violin", items={"sound": 2}),
    ]
    assert catalog.labels.items_labelled("violin").tolist() == [a, b]
    assert catalog.labels.items_labelled("unknown").tolist() == []


def test_a_label_is_taken_back_from_some_items_or_from_all(catalog: Catalog) -> None:
    a, b, c = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"), image("/m/c.png"))
    catalog.labels.annotate([by_hand(item_id, name) for item_id in (a, b, c) for name in ("x", "y")])

    assert catalog.labels.unannotate([a], "x") == 1
    assert catalog.labels.unannotate([a], "unknown") == 0
    assert catalog.labels.delete("y") == 3
    assert [labels_of(catalog, item_id) for item_id in (a, b, c)] == [(), ("x",), ("x",)]
    assert [count.name for count in catalog.labels.counts()] == ["x"]


def test_a_run_can_be_undone(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"))
    catalog.labels.annotate([by_hand(a, "trumpet")])
    assert catalog.labels.count_by_run() == {}
    run = catalog.runs.start("transfer", arguments={})
    catalog.labels.annotate([Annotation(item_id=b, label="trumpet", origin="transfer", confidence=0.8, run_id=run)])

    assert catalog.labels.count_by_run() == {run: 1}
    assert catalog.labels.undo(run).removed == 1
    assert catalog.labels.items_labelled("trumpet").tolist() == [a]
    assert catalog.labels.count_by_run() == {}


def test_what_a_person_says_stands_beside_a_transfer_and_each_can_be_undone(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    run, later = (catalog.runs.start(verb, arguments={}) for verb in ("transfer", "label"))
    guess = Annotation(item_id=item_id, label="trumpet", origin="transfer", confidence=0.6, run_id=run)
    said = Annotation(item_id=item_id, label="trumpet", origin="hand", run_id=later)
    assert catalog.labels.annotate([guess]) == 1
    assert catalog.labels.annotate([said]) == 1
    assert catalog.labels.annotate([guess]) == 0
    assert list(catalog.labels.annotations()) == [guess, said]
    assert catalog.labels.counts() == [LabelCount(name="trumpet", items={"sound": 1})]

    assert catalog.labels.undo(later).removed == 1
    assert catalog.labels.counts() == [LabelCount(name="trumpet", items={"sound": 1}, transferred=1)]
    assert catalog.labels.annotate([said]) == 1
    assert catalog.labels.undo(run).removed == 1
    assert labels_of(catalog, item_id) == ("trumpet",)


def test_transferred_labels_are_no_evidence(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"))
    catalog.labels.annotate([by_hand(a, "horn"), Annotation(item_id=b, label="horn", origin="transfer")])

    assert set(catalog.labels.labelled_segments()[1].tolist()) == {a, b}
    assert set(catalog.labels.labelled_segments(given=True)[1].tolist()) == {a}


def test_where_labels_exclude_each_other_an_item_has_one(catalog: Catalog) -> None:
    a, b, c = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"), sound("/m/c.wav"))
    catalog.labels.annotate([by_hand(a, "horn"), Annotation(item_id=b, label="horn", origin="transfer")])
    catalog.hierarchy.set_mode("single")

    with pytest.raises(LabelConflictError, match=r"/m/a\.wav: cannot be both 'horn' and 'lute'"):
        catalog.labels.annotate([by_hand(c, "lute"), by_hand(a, "lute")])
    assert labels_of(catalog, c) == (), "all or nothing"

    catalog.labels.annotate([by_hand(b, "lute")])
    assert labels_of(catalog, b) == ("lute",), "what was transferred gives way"
    catalog.labels.annotate([by_hand(c, "horn", 0.0, 5.0), by_hand(c, "lute", 5.0, 10.0)])
    with pytest.raises(LabelConflictError):
        catalog.labels.annotate([by_hand(c, "harp", 4.0, 6.0)])

    catalog.hierarchy.replace(Hierarchy.of([("horn", "brass")]))
    assert catalog.labels.annotate([by_hand(a, "brass")]) == 1, "a horn is brass"
    with pytest.raises(LabelConflictError):
        catalog.hierarchy.replace(Hierarchy())
    assert catalog.hierarchy.get().ancestors("horn") == {"brass"}


def test_labels_that_are_together_already_cannot_be_made_to_exclude_each_other(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([by_hand(item_id, "horn"), by_hand(item_id, "lute")])

    with pytest.raises(LabelConflictError):
        catalog.hierarchy.set_mode("single")
    assert catalog.hierarchy.mode == "auto"


@pytest.fixture
def replaced(catalog: Catalog) -> int:
    """The id of a picture that is called a dog, and was replaced by one that is none."""
    [item_id] = put(catalog, image("/m/a.png", "a dog"))
    catalog.labels.annotate([by_hand(item_id, "dog")])
    assert put(catalog, image("/m/a.png", "a cat")) == [item_id]
    return item_id


def transferred(item_id: int, label: str) -> Annotation:
    return Annotation(item_id=item_id, label=label, origin="transfer", confidence=0.9)


def test_what_was_given_to_a_former_content_excludes_nothing(catalog: Catalog, replaced: int) -> None:
    catalog.hierarchy.set_mode("single")
    assert catalog.labels.annotate([transferred(replaced, "cat")]) == 1
    assert labels_of(catalog, replaced) == ("cat", "dog")
    assert catalog.labels.annotate([by_hand(replaced, "tiger")]) == 1
    assert labels_of(catalog, replaced) == ("tiger",), "an item has one"
    assert catalog.kept_labels.count_by_label() == {"dog": 1}, "which waits for the dog"
    with pytest.raises(LabelConflictError, match="cannot be both 'tiger' and 'dog'"):
        catalog.labels.annotate([by_hand(replaced, "dog")])


def test_no_transferred_label_gives_way_to_one_of_a_former_content(catalog: Catalog, replaced: int) -> None:
    catalog.labels.annotate([transferred(replaced, "cat")])
    catalog.labels.annotate([Annotation(item_id=replaced, label="bird", origin="hand", is_not=True)])
    assert labels_of(catalog, replaced) == ("cat", "dog")


def test_labels_of_two_contents_do_not_keep_labels_from_excluding_each_other(catalog: Catalog, replaced: int) -> None:
    catalog.labels.annotate([by_hand(replaced, "cat")])
    assert labels_of(catalog, replaced) == ("cat", "dog")
    assert catalog.hierarchy.set_mode("single") == 0
    assert labels_of(catalog, replaced) == ("cat",)
    put(catalog, image("/m/a.png", "a dog"))
    assert labels_of(catalog, replaced) == ("dog",), "it was put back"


def test_a_label_of_a_former_content_gives_way_to_one_that_comes_though_a_copy_has_it(catalog: Catalog) -> None:
    catalog.hierarchy.set_mode("single")
    one, _, other = put(catalog, image("/m/a.png", "a"), image("/m/copy.png", "a"), image("/m/b.png", "b"))
    catalog.labels.annotate([by_hand(one, "dog")])
    put(catalog, image("/m/a.png", "b"))
    catalog.labels.annotate([by_hand(other, "cat")])
    assert [item.labels for item in catalog.items.all()] == [("dog",), ("dog",), ("cat",)]
    catalog.remove([other])
    assert [item.labels for item in catalog.items.all()] == [("cat",), ("dog",)]


def test_a_label_that_a_transfer_gives_too_late_is_not_counted(catalog: Catalog) -> None:
    one, two = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    catalog.labels.annotate([by_hand(one, "dog")])
    modes: tuple[LabelMode, ...] = ("auto", "single")
    for mode in modes:
        catalog.hierarchy.set_mode(mode)
        assert catalog.labels.annotate([transferred(one, "cat"), transferred(two, "cat")]) == 1
        assert (labels_of(catalog, one), labels_of(catalog, two)) == (("dog",), ("cat",))
        catalog.labels.delete("cat")


def test_what_was_given_by_hand_to_a_former_content_is_there_by_transfer_alone(catalog: Catalog, replaced: int) -> None:
    catalog.labels.annotate([transferred(replaced, "dog")])
    assert catalog.labels.count_transferred([replaced], "dog") == 1, "the next transfer gives it again"
    catalog.labels.annotate([by_hand(replaced, "dog")])
    assert catalog.labels.count_transferred([replaced], "dog") == 0


# What gives way when labels, or how they relate, change.


@pytest.mark.parametrize("mode", ["auto", "single"])
def test_a_transferred_label_gives_way_to_a_tag_that_becomes_a_class(catalog: Catalog, mode: LabelMode) -> None:
    one, two = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    catalog.hierarchy.set_mode(mode)
    catalog.labels.annotate([by_hand(one, "guitar")], tags=["guitar"])
    catalog.labels.annotate([transferred(one, "violin"), transferred(two, "violin")])
    assert labels_of(catalog, one) == ("guitar", "violin")
    assert catalog.labels.turn_into("guitar", is_tag=False).displaced == 1
    assert (labels_of(catalog, one), labels_of(catalog, two)) == (("guitar",), ("violin",))


@pytest.mark.parametrize("mode", ["auto", "single"])
def test_a_transferred_label_gives_way_when_labels_come_to_exclude_each_other(
    catalog: Catalog, mode: LabelMode
) -> None:
    one, two = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    catalog.hierarchy.set_mode("multi")
    catalog.labels.annotate([by_hand(one, "dog")])
    catalog.labels.annotate([transferred(one, "cat"), transferred(two, "cat"), transferred(two, "bird")])
    assert catalog.hierarchy.set_mode(mode) == (1 if mode == "auto" else 2)
    assert labels_of(catalog, one) == ("dog",)
    assert labels_of(catalog, two) == (("bird", "cat") if mode == "auto" else ("cat",))


@pytest.mark.parametrize("mode", ["auto", "single"])
def test_a_transferred_label_gives_way_to_what_it_is_a_kind_of_no_more(catalog: Catalog, mode: LabelMode) -> None:
    [item_id] = put(catalog, image("/m/a.png"))
    catalog.hierarchy.set_mode(mode)
    catalog.hierarchy.replace(Hierarchy.of([("violin", "bowed")]))
    catalog.labels.annotate([transferred(item_id, "violin"), by_hand(item_id, "bowed")])
    assert labels_of(catalog, item_id) == ("bowed", "violin")
    assert catalog.hierarchy.replace(Hierarchy()) == 1
    assert labels_of(catalog, item_id) == ("bowed",)


def test_a_transferred_label_gives_way_where_one_beside_others_becomes_a_rival(catalog: Catalog) -> None:
    items = put(catalog, *(image(f"/m/{n}.png", f"{n}") for n in range(12)))
    catalog.labels.annotate([by_hand(item, "dog" if item in items[::2] else "cat") for item in items[:-1]])
    catalog.labels.annotate([by_hand(item, "loved") for item in items[6:]])
    assert catalog.hierarchy.rivalry.set_apart == {"loved"}
    catalog.labels.annotate([transferred(items[-1], "dog")])
    assert labels_of(catalog, items[-1]) == ("dog", "loved")
    for item in items[6:-1]:
        catalog.labels.unannotate([item], "loved")
    catalog.labels.merge(["loved"], "cat")
    assert labels_of(catalog, items[-1]) == ("cat",)


def test_labels_that_are_no_rivals_change_nothing(catalog: Catalog) -> None:
    items = put(catalog, *(image(f"/m/{n}.png", f"{n}") for n in range(12)))
    catalog.labels.annotate([by_hand(item, "dog" if item in items[::2] else "cat") for item in items[:-1]])
    catalog.labels.annotate([by_hand(item, "loved") for item in items[6:]])
    catalog.labels.annotate([transferred(items[-1], "dog")])
    catalog.hierarchy.replace(Hierarchy.of([("dog", "animal")]))
    catalog.hierarchy.set_mode("auto")
    catalog.labels.annotate([by_hand(items[-1], "animal")])
    assert labels_of(catalog, items[-1]) == ("animal", "dog", "loved")


def test_annotations_are_listed_with_where_they_come_from(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    run = catalog.runs.start("label", arguments={})
    annotations = [
        Annotation(item_id=item_id, label="b", origin="import", source="labels.csv", run_id=run),
        Annotation(item_id=item_id, label="a", origin="transfer", confidence=0.75, start_s=1.5, end_s=2.5),
    ]
    catalog.hierarchy.set_mode("multi")
    catalog.labels.annotate(annotations)

    assert list(catalog.labels.annotations()) == annotations


def test_labels_become_one(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"))
    catalog.labels.annotate([by_hand(a, "horn"), by_hand(b, "horn"), by_hand(b, "trumpet")])
    pairs = [("horn", "brass"), ("natural horn", "horn")]
    catalog.hierarchy.replace(Hierarchy.of(pairs), audioset_ids={"horn": "/m/1"})

    assert catalog.labels.merge(["horn", "never given"], "trumpet") == 2
    assert labels_of(catalog, a) == ("trumpet",)
    assert labels_of(catalog, b) == ("trumpet",)
    assert set(catalog.hierarchy.get().pairs()) == {("natural horn", "trumpet"), ("trumpet", "brass")}
    assert catalog.hierarchy.audioset_ids() == {"trumpet": "/m/1"}
    assert catalog.labels.merge(["trumpet"], "cornet") == 2
    assert catalog.labels.merge(["cornet"], "cornet") == 2
    assert catalog.labels.merge(["horn"], "cornet") == 2
    assert [count.name for count in catalog.labels.counts()] == ["cornet"]


def test_merging_makes_no_label_a_kind_of_itself(catalog: Catalog) -> None:
    pairs = [("violin", "bowed"), ("bowed", "string")]
    catalog.hierarchy.replace(Hierarchy.of(pairs))

    with pytest.raises(UsageError, match="a label cannot be a kind of itself"):
        catalog.labels.merge(["violin"], "string")
    assert sorted(catalog.hierarchy.get().pairs()) == sorted(pairs)
    catalog.labels.merge(["bowed"], "string")
    assert list(catalog.hierarchy.get().pairs()) == [("violin", "string")]


def test_each_change_of_labels_is_counted_and_no_other(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    seen = [catalog.label_generation]
    generation = catalog.generation

    def has_changed() -> bool:
        seen.append(catalog.label_generation)
        return seen[-1] != seen[-2]

    catalog.labels.annotate([by_hand(item_id, "a")])
    assert has_changed()
    catalog.labels.annotate([by_hand(item_id, "a")])
    assert not has_changed()
    catalog.labels.merge(["a"], "b")
    assert has_changed()
    catalog.labels.merge(["b"], "b")
    assert not has_changed()
    catalog.labels.unannotate([item_id], "a")
    assert not has_changed()
    catalog.labels.unannotate([item_id], "b")
    assert has_changed()
    assert catalog.generation == generation


def test_a_label_on_an_item_holds_for_all_segments_that_can_be_found(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav", statuses=("ok", "silent", "ok")), image("/m/b.png"))
    catalog.labels.annotate([by_hand(a, "trumpet"), by_hand(a, "brass"), by_hand(b, "trumpet")])
    first, _, third = (segment.id for segment in catalog.segments.of_items([a]))
    [picture] = (segment.id for segment in catalog.segments.of_items([b]))

    segment_ids, item_ids, labels = catalog.labels.labelled_segments()

    assert list(zip(segment_ids.tolist(), item_ids.tolist(), labels, strict=True)) == [
        (first, a, "brass"),
        (first, a, "trumpet"),
        (third, a, "brass"),
        (third, a, "trumpet"),
        (picture, b, "trumpet"),
    ]
    assert catalog.labels.labelled_segments("image")[0].tolist() == [picture]
    assert catalog.labels.labelled_segments("sound")[0].tolist() == [first, first, third, third]


def test_items_are_counted_by_labels_of_their_segments_up_to_so_many(catalog: Catalog) -> None:
    a, b, c = put(
        catalog,
        sound("/m/a.wav", statuses=("ok", "silent", "ok")),
        image("/m/b.png"),
        sound("/m/c.wav", statuses=("silent",)),
    )
    catalog.labels.annotate([by_hand(a, "trumpet"), by_hand(b, "trumpet"), by_hand(c, "trumpet"), by_hand(b, "brass")])
    catalog.labels.annotate([Annotation(item_id=a, label="brass", origin="hand", is_not=True)])
    count = partial(catalog.segments.count_items, most=10)

    assert (count(), count(labels=["trumpet"]), count(labels=["trumpet", "brass"])) == (2, 2, 2)
    assert (count(labels=["brass"]), count(labels=["flute"]), count(labels=[])) == (1, 0, 0)
    assert (count(labels=["trumpet"], modality="sound"), count(labels=["brass"], kind="sound")) == (1, 0)
    assert count(labels=["trumpet"], under=["/m/a.wav"], modality="image") == 0
    assert catalog.segments.count_items(most=1) == 1


@pytest.mark.parametrize(
    ("start_s", "end_s", "windows", "frames"),
    [
        pytest.param(2.0, 4.0, [0], [], id="within a window"),
        pytest.param(5.0, 15.0, [0, 1], [10], id="across two"),
        pytest.param(10.0, 12.0, [1], [10], id="from the border on"),
        pytest.param(0.0, 10.0, [0], [0], id="up to the border"),
        pytest.param(15.0, None, [1], [], id="to the end"),
        pytest.param(None, 3.0, [0], [0], id="from the beginning"),
        pytest.param(50.0, 60.0, [], [], id="beyond the end"),
    ],
)
def test_a_label_on_a_part_holds_for_what_overlaps_it(
    catalog: Catalog, start_s: float | None, end_s: float | None, windows: list[int], frames: list[int]
) -> None:
    [item_id] = put(catalog, video("/m/a.mp4"))
    catalog.labels.annotate([by_hand(item_id, "trumpet", start_s, end_s)])

    heard = catalog.segments.get_many(catalog.labels.labelled_segments("sound")[0])
    seen = catalog.segments.get_many(catalog.labels.labelled_segments("image")[0])

    assert [segment.start_s for segment in heard.values()] == [10.0 * window for window in windows]
    assert [segment.start_s for segment in seen.values()] == frames


def test_a_label_on_a_part_says_nothing_of_a_picture(catalog: Catalog) -> None:
    [item_id] = put(catalog, image("/m/a.png"))
    catalog.labels.annotate([by_hand(item_id, "trumpet", 0.0, 5.0)])

    segment_ids, item_ids, labels = catalog.labels.labelled_segments()
    assert (segment_ids.tolist(), item_ids.tolist(), labels) == ([], [], [])


def test_who_says_the_same_can_each_be_undone(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    by_person, by_file = (catalog.runs.start("label", arguments={}) for _ in range(2))
    said = Annotation(item_id=item_id, label="horn", origin="hand", run_id=by_person)
    read = Annotation(item_id=item_id, label="horn", origin="import", source="labels.csv", run_id=by_file)
    assert catalog.labels.annotate([said]) == 1
    assert catalog.labels.annotate([read]) == 0, "the item has it already"

    assert catalog.labels.undo(by_person).removed == 1
    assert labels_of(catalog, item_id) == ("horn",)
    assert catalog.labels.undo(by_file).removed == 1
    assert labels_of(catalog, item_id) == ()


def test_a_person_corrects_a_transfer(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"))
    wrong = [Annotation(item_id=item_id, label="horn", origin="transfer") for item_id in (a, b)]
    catalog.labels.annotate(wrong)
    catalog.labels.annotate([by_hand(a, "lute")])
    assert labels_of(catalog, a) == ("lute",)

    catalog.labels.annotate([by_hand(a, "loud")])
    catalog.labels.annotate([by_hand(b, "lute")])
    assert labels_of(catalog, b) == ("lute",), "that another label stands beside both changes nothing of these"
    transferred = Annotation(item_id=b, label="loud", origin="transfer")
    assert catalog.labels.annotate([transferred]) == 1
    assert labels_of(catalog, b) == ("loud", "lute")


def test_what_is_transferred_changes_no_evidence(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    before = catalog.label_generation
    run = catalog.runs.start("transfer", arguments={})
    catalog.labels.annotate([Annotation(item_id=item_id, label="horn", origin="transfer", run_id=run)])
    catalog.labels.undo(run)
    assert catalog.label_generation == before


def test_an_id_that_was_given_as_a_name_means_the_label_that_has_it(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([by_hand(item_id, "/m/07y_7")])
    catalog.hierarchy.replace(Hierarchy.of([("violin", "bowed")]), audioset_ids={"violin": "/m/07y_7"})
    assert labels_of(catalog, item_id) == ("violin",)


def test_an_id_that_was_given_as_a_name_closes_no_circle(catalog: Catalog) -> None:
    before = Hierarchy.of([("Dog", "Pet")])
    catalog.hierarchy.replace(before)
    with pytest.raises(UsageError, match="cannot be a kind of itself"):
        catalog.hierarchy.replace(Hierarchy.of([("Animal", "Dog"), ("/m/a", "Animal")]), audioset_ids={"Dog": "/m/a"})
    assert set(catalog.hierarchy.get().pairs()) == set(before.pairs())
    catalog.hierarchy.replace(Hierarchy.of([("Puppy", "/m/a")]), audioset_ids={"Dog": "/m/a"})
    assert set(catalog.hierarchy.get().pairs()) == {("Puppy", "Dog")}


def test_an_id_that_was_given_as_a_name_is_settled_with_the_label_that_has_it(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([Annotation(item_id=item_id, label="violin", origin="import")])
    catalog.labels.annotate([Annotation(item_id=item_id, label="/m/07y_7", origin="hand", is_not=True)])
    catalog.hierarchy.replace(Hierarchy(), audioset_ids={"violin": "/m/07y_7"})
    assert [(one.label, one.origin, one.is_not) for one in catalog.labels.annotations()] == [("violin", "hand", True)]
    catalog.labels.annotate([by_hand(item_id, "/m/1")], tags=["/m/1"])
    with pytest.raises(UsageError, match="/m/1: is a tag"):
        catalog.hierarchy.replace(Hierarchy(), audioset_ids={"horn": "/m/1"})


def test_words_go_with_their_label(catalog: Catalog) -> None:
    assert catalog.labels.add({"dog": "a barking dog", "cat": None}) == 2
    assert catalog.labels.add({"dog": None}) == 0, "it counts already, and keeps its words"
    assert catalog.labels.meanings() == {"dog": "a barking dog"}

    catalog.labels.merge(["dog"], into="hound")
    assert catalog.labels.meanings() == {"hound": "a barking dog"}
    assert catalog.labels.added() == {"hound", "cat"}

    catalog.labels.delete("hound")
    catalog.labels.add({"hound": None})
    assert catalog.labels.meanings() == {}, "what was removed comes back without its words"


def test_what_labels_mean_is_a_change_of_labels(catalog: Catalog) -> None:
    before = catalog.label_generation
    catalog.labels.add({"dog": None})
    catalog.labels.add({"dog": "a beast"})
    catalog.labels.delete("dog")
    assert catalog.label_generation == before + 3


def test_words_of_a_label_go_to_no_other(catalog: Catalog) -> None:
    catalog.labels.add({"dog": "a barking dog", "ocean": None})
    catalog.labels.merge(["dog"], into="ocean")
    assert catalog.labels.meanings() == {}

    catalog.hierarchy.replace(Hierarchy.of([("A-1", "A")]), means={"A-1": "waves", "flat": "a flat thing"})
    assert catalog.labels.added() == {"ocean", "flat"}, "words without any relation count by themselves"
    catalog.labels.add({"A-1": None})
    catalog.labels.delete("A-1")
    assert catalog.labels.meanings()["A-1"] == "waves", "the hierarchy still names it"

    before = catalog.label_generation
    catalog.labels.add({"ocean": None})
    assert catalog.label_generation == before, "nothing changed"
    catalog.labels.add({"flat": ""})
    assert "flat" not in catalog.labels.meanings()


@of_a_file
@pytest.mark.parametrize("checksum", ["NULL", "'none'"])
def test_labels_are_kept_of_an_item_whose_features_are_damaged(catalog: Catalog, checksum: str) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    catalog.labels.annotate([by_hand(item_id, "trumpet")])
    tamper(catalog, f"UPDATE segment SET feature_checksum = {checksum}")
    catalog.remove([item_id])
    assert catalog.kept_labels.count_by_label() == {"trumpet": 1}
    [again] = put(catalog, sound("/m/b.wav"))
    assert labels_of(catalog, again) == ("trumpet",)
