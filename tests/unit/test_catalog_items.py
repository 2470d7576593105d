"""What happens to items as files come, change, move, fail and go."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.catalog import Annotation, Catalog, PutReport
from modag_search.spelling import composed, decomposed
from modag_search.values import EncodedSegment, ItemRecord, MediaFacts, Remark
from tests.catalog_builders import (
    FINGERPRINTS,
    IMAGE,
    SOUND,
    failure,
    feature,
    file,
    id_at,
    image,
    pipelines,
    put,
    sound,
    video,
)

if TYPE_CHECKING:
    from pathlib import Path


def label(catalog: Catalog, item_id: int, name: str) -> None:
    catalog.labels.annotate([Annotation(item_id=item_id, label=name, origin="hand")])


def verdicts(catalog: Catalog, *paths: str, retry_failed: bool = False) -> list[str]:
    files = [file(path) for path in paths]
    return list(catalog.items.classify_scan(files, fingerprints=FINGERPRINTS, retry_failed=retry_failed))


def test_a_new_item_is_found_by_path_id_and_content(catalog: Catalog) -> None:
    report = catalog.put([sound("/m/a.wav", "tune")], pipelines=pipelines(catalog))

    assert report == PutReport(added=1, updated=0)
    record = catalog.items.at("/m/a.wav")
    assert record is not None
    assert record == ItemRecord(
        id=1,
        path="/m/a.wav",
        content_hash="tune",
        size_bytes=100,
        mtime_ns=1_700_000_000_000_000_000,
        kind="sound",
        duration_s=20.0,
        width_px=None,
        height_px=None,
        status="ok",
        updated_at=record.updated_at,
    )
    assert catalog.items.get(1) == record
    assert catalog.items.get_many([1, 99]) == {1: record}
    assert catalog.items.with_hash("tune") == [record]


def test_what_is_not_there_is_none_or_empty(catalog: Catalog) -> None:
    assert catalog.items.at("/nowhere") is None
    assert catalog.items.get(1) is None
    assert catalog.items.get_many([1, 2]) == {}
    assert catalog.items.with_hash("tune") == []
    assert catalog.remove([1, 2]).removed == 0
    assert catalog.put([], pipelines={}) == PutReport()
    assert catalog.generation == 0


def test_names_that_are_not_utf8_survive(catalog: Catalog) -> None:
    path = os.fsdecode(b"/m/caf\xe9 \xff.wav")
    put(catalog, sound(path))
    catalog.fail([failure(os.fsdecode(b"/m/\xfe.wav"))], keep_items=False)

    record = catalog.items.at(path)
    assert record is not None
    assert os.fsencode(record.path) == b"/m/caf\xe9 \xff.wav"
    assert verdicts(catalog, path) == ["unchanged"]
    assert [os.fsencode(failed.path) for failed in catalog.failures.all()] == [b"/m/\xfe.wav"]


def test_an_edit_replaces_segments_and_keeps_id_and_labels(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav", "before"))
    label(catalog, item_id, "trumpet")
    before = catalog.segments.ids(SOUND.fingerprint)
    generation = catalog.generation

    edited = replace(sound("/m/a.wav", "after", statuses=("ok",)), file=file("/m/a.wav", size_bytes=50))
    report = catalog.put([edited], pipelines=pipelines(catalog))

    assert report == PutReport(added=0, updated=1)
    record = catalog.items.at("/m/a.wav")
    assert record is not None
    assert (record.id, record.labels, record.content_hash) == (item_id, ("trumpet",), "after")
    after = catalog.segments.ids(SOUND.fingerprint)
    assert len(after) == 1
    assert not np.isin(after, before).any()
    np.testing.assert_array_equal(catalog.segments.removed_since(generation), before)
    assert catalog.generation == generation + 1


def test_ids_are_not_reused_after_removal(catalog: Catalog) -> None:
    [first] = put(catalog, sound("/m/a.wav"))
    gone = catalog.segments.ids(SOUND.fingerprint)

    assert catalog.remove([first]).removed == 1
    [second] = put(catalog, sound("/m/a.wav"))

    assert second > first
    assert catalog.segments.ids(SOUND.fingerprint).min() > gone.max()


def test_of_two_items_at_one_path_the_last_counts(catalog: Catalog) -> None:
    report = catalog.put(
        [sound("/m/a.wav", "first"), sound("/m/a.wav", "second", statuses=("ok",))],
        pipelines=pipelines(catalog),
    )

    assert report == PutReport(added=1, updated=0)
    assert len(catalog.segments.ids(SOUND.fingerprint)) == 1
    assert [record.content_hash for record in catalog.items.all()] == ["second"]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(None, id="missing"),
        pytest.param(np.zeros(5, dtype=np.float32), id="too long"),
        pytest.param(np.array([0, 1, np.nan, 2], dtype=np.float32), id="not a number"),
        pytest.param(np.array([0, 1, 1e6, 2], dtype=np.float32), id="too large for float16"),
    ],
)
def test_a_feature_that_cannot_be_stored_is_refused_with_its_whole_batch(
    catalog: Catalog, damaged: np.ndarray[tuple[int], np.dtype[np.float32]] | None
) -> None:
    segment = EncodedSegment(modality="image", start_s=None, end_s=None, status="ok", feature=damaged)
    with pytest.raises(ValueError, match="feature"):
        put(catalog, image("/m/good.png"), replace(image("/m/bad.png"), segments=(segment,)))

    assert list(catalog.items.all()) == []
    assert catalog.generation == 0


def test_a_moved_item_keeps_features_and_labels(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/old.wav"))
    label(catalog, item_id, "trumpet")
    before = catalog.segments.ids(SOUND.fingerprint)
    generation = catalog.generation

    catalog.move(item_id, file("/m/new.wav", mtime_ns=7))

    assert catalog.items.at("/m/old.wav") is None
    record = catalog.items.at("/m/new.wav")
    assert record is not None
    assert (record.id, record.labels, record.mtime_ns) == (item_id, ("trumpet",), 7)
    np.testing.assert_array_equal(catalog.segments.ids(SOUND.fingerprint), before)
    assert catalog.generation == generation, "stores hold segments, not paths"


def test_a_move_forgets_the_failures_of_both_paths(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/old.wav"))
    catalog.fail([failure("/m/old.wav"), failure("/m/new.wav")], keep_items=True)

    catalog.move(item_id, file("/m/new.wav"))

    assert catalog.failures.all() == []


def test_moving_over_another_item_removes_that_one(catalog: Catalog) -> None:
    moved, overwritten = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    generation = catalog.generation
    gone = [segment.id for segment in catalog.segments.of_items([overwritten])]

    catalog.move(moved, file("/m/b.wav"))

    assert [(record.id, record.path) for record in catalog.items.all()] == [(moved, "/m/b.wav")]
    assert catalog.segments.removed_since(generation).tolist() == gone
    assert catalog.generation == generation + 1


@pytest.mark.parametrize(
    "destinations",
    [
        pytest.param({"a": "b", "b": "a"}, id="swap"),
        pytest.param({"a": "b", "b": "c", "c": "d"}, id="chain"),
        pytest.param({"c": "d", "b": "c", "a": "b"}, id="chain backwards"),
        pytest.param({"a": "b", "b": "c", "c": "a"}, id="ring"),
        pytest.param({"a": "a", "b": "e"}, id="one stays"),
        pytest.param({}, id="none"),
    ],
)
def test_items_may_take_each_others_paths(catalog: Catalog, destinations: dict[str, str]) -> None:
    names = ["a", "b", "c"]
    ids = dict(zip(names, put(catalog, *(sound(f"/m/{name}", name) for name in names)), strict=True))
    for name, item_id in ids.items():
        label(catalog, item_id, name)
    generation = catalog.generation

    catalog.move_all([(ids[old], file(f"/m/{new}", mtime_ns=ids[old])) for old, new in destinations.items()])

    found = catalog.items.get_many(ids.values())
    for name, item_id in ids.items():
        item = found[item_id]
        assert item.path == f"/m/{destinations.get(name, name)}"
        assert (item.content_hash, item.labels) == (name, (name,))
        assert (item.mtime_ns == item_id) == (name in destinations)
    assert catalog.generation == generation, "stores hold segments, not paths"
    assert catalog.check() == []


def test_only_what_does_not_move_itself_is_overwritten(catalog: Catalog) -> None:
    first, second, third = put(catalog, sound("/m/a", "a"), sound("/m/b", "b"), sound("/m/c", "c"))
    catalog.fail([failure("/m/a"), failure("/m/c")], keep_items=True)
    gone = [segment.id for segment in catalog.segments.of_items([third])]
    generation = catalog.generation

    catalog.move_all([(first, file("/m/b")), (second, file("/m/c"))])

    assert [(item.id, item.path) for item in catalog.items.all()] == [(first, "/m/b"), (second, "/m/c")]
    assert catalog.segments.removed_since(generation).tolist() == gone
    assert catalog.failures.all() == []


def test_moves_that_cannot_be_meant_change_nothing(catalog: Catalog) -> None:
    first, second = put(catalog, sound("/m/a", "a"), sound("/m/b", "b"))

    with pytest.raises(ValueError, match="stands twice"):
        catalog.move_all([(first, file("/m/c")), (second, file("/m/c"))])
    with pytest.raises(ValueError, match="stands twice"):
        catalog.move_all([(first, file("/m/c")), (first, file("/m/d"))])
    with pytest.raises(KeyError, match="99"):
        catalog.move_all([(first, file("/m/b")), (99, file("/m/d"))])

    assert [(item.id, item.path) for item in catalog.items.all()] == [(first, "/m/a"), (second, "/m/b")]


def test_a_second_copy_is_a_second_item_without_labels(catalog: Catalog) -> None:
    [original] = put(catalog, video("/m/a.mp4", "film"))
    label(catalog, original, "trumpet")

    copy = catalog.copy(original, file("/m/copy.mp4", mtime_ns=3))

    record = catalog.items.get(copy)
    assert record is not None
    assert (record.path, record.kind, record.duration_s, record.mtime_ns) == ("/m/copy.mp4", "video", 20.0, 3)
    assert record.labels == ()
    assert [found.id for found in catalog.items.with_hash("film")] == [original, copy]
    first, second = (catalog.segments.of_items([item_id]) for item_id in (original, copy))
    assert [(s.modality, s.start_s, s.end_s) for s in first] == [(s.modality, s.start_s, s.end_s) for s in second]
    features = catalog.segments.features_of(segment.id for segment in [*first, *second])
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(features[one.id], features[other.id])


def test_a_file_that_becomes_a_copy_of_another_keeps_its_id_and_labels(catalog: Catalog) -> None:
    original, edited = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    label(catalog, edited, "violin")
    old = [segment.id for segment in catalog.segments.of_items([edited])]
    generation = catalog.generation

    assert catalog.copy(original, file("/m/b.wav")) == edited

    record = catalog.items.get(edited)
    assert record is not None
    assert (record.content_hash, record.labels) == ("a", ("violin",))
    assert catalog.segments.removed_since(generation).tolist() == old
    assert len(catalog.segments.of_items([edited])) == 2


def test_a_copy_onto_itself_changes_nothing(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav"))
    generation = catalog.generation

    assert catalog.copy(item_id, file("/m/a.wav", mtime_ns=5)) == item_id

    assert len(catalog.segments.ids(SOUND.fingerprint)) == 2
    assert catalog.generation == generation


def test_a_touched_file_is_unchanged_at_the_next_scan(catalog: Catalog) -> None:
    put(catalog, replace(sound("/m/a.wav"), file=file("/m/a.wav", mtime_ns=1)))
    generation = catalog.generation
    assert verdicts(catalog, "/m/a.wav") == ["pending"]

    catalog.touch(file("/m/a.wav"))

    assert verdicts(catalog, "/m/a.wav") == ["unchanged"]
    assert catalog.generation == generation


def test_many_files_are_touched_at_once(catalog: Catalog) -> None:
    put(catalog, *(replace(image(f"/m/{n}", str(n)), file=file(f"/m/{n}", mtime_ns=1)) for n in range(3)))
    catalog.fail([failure("/m/0"), failure("/m/2")], keep_items=True)

    catalog.touch_many([file("/m/0", size_bytes=7), file("/m/1")])
    catalog.touch_many([])

    found = [(item.size_bytes, item.mtime_ns == file("/m").mtime_ns) for item in catalog.items.all()]
    assert found == [(7, True), (100, True), (100, False)]
    assert [failed.path for failed in catalog.failures.all()] == ["/m/2"]


def test_items_are_found_by_many_paths_and_contents_at_once(catalog: Catalog) -> None:
    put(catalog, *(image(f"/m/{number}", str(number % 600)) for number in range(1100)))
    catalog.fail([failure("/m/600")], keep_items=False)

    here = catalog.items.at_many(f"/m/{number}" for number in range(0, 1200, 2))
    twins = catalog.items.with_hashes([str(number) for number in range(700)])

    assert list(here) == [f"/m/{number}" for number in range(0, 1100, 2)]
    assert all(item.path == path for path, item in here.items())
    assert len(twins) == 600
    assert [item.path for item in twins["3"]] == ["/m/3", "/m/603"]
    assert [item.path for item in twins["0"]] == ["/m/0"], "the other's file has failed"


def test_a_generation_is_told_from_one_of_the_same_number(catalog: Catalog, tmp_path: Path) -> None:
    known = [catalog.latest_generation]
    for content in ("a", "b"):
        put(catalog, sound("/m/a.wav", content))
        known.append((catalog.generation, catalog.generation_token))

    assert [number for number, _ in known] == [0, 1, 2]
    assert len({token for _, token in known}) == 3
    assert all(catalog.has_generation(*generation) for generation in known)
    assert not catalog.has_generation(1, known[2][1])
    assert not catalog.has_generation(3, known[2][1])
    with Catalog.open(tmp_path / "other.sqlite", create=True) as other:
        assert not other.has_generation(*known[0]), "not even the empty ones are the same"


def test_a_scan_reads_what_is_new_or_changed_and_nothing_else(catalog: Catalog) -> None:
    put(catalog, image("/m/a.png"), sound("/m/b.wav", statuses=("ok", "silent")), video("/m/c.mp4"))
    files = [
        file("/m/a.png"),
        file("/m/b.wav"),
        file("/m/c.mp4"),
        file("/m/a.png", size_bytes=101),
        file("/m/a.png", mtime_ns=1),
        file("/m/new.png"),
    ]

    found = catalog.items.classify_scan(files, fingerprints=FINGERPRINTS, retry_failed=False)

    assert found == ["unchanged"] * 3 + ["pending"] * 3


def test_a_scan_may_be_longer_than_one_statement_takes(catalog: Catalog) -> None:
    put(catalog, *(image(f"/m/{number}.png") for number in range(1100)))

    assert verdicts(catalog, *(f"/m/{number}.png" for number in range(1200))) == (
        ["unchanged"] * 1100 + ["pending"] * 100
    )


def test_files_far_apart_are_looked_up_among_many(catalog: Catalog) -> None:
    put(catalog, *(image(f"/m/{number:04d}.png") for number in range(300)))

    assert verdicts(catalog, "/m/0299.png", "/l/0000.png", "/m/0000.png") == ["unchanged", "pending", "unchanged"]


def test_names_that_are_not_utf8_are_known_again(catalog: Catalog) -> None:
    name = os.fsdecode(b"/m/fl\xfcgel.png")
    put(catalog, image(name), image("/m/fl\u00fcgel.png"))

    assert verdicts(catalog, name, "/m/fl\u00fcgel.png", "/m/flugel.png") == ["unchanged", "unchanged", "pending"]


def test_whether_any_item_is_outdated_is_told_of_all_at_once(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))

    assert not catalog.items.has_outdated(FINGERPRINTS)
    assert catalog.items.has_outdated({**FINGERPRINTS, "sound": "sound-2"})


def test_that_no_item_is_outdated_is_known_until_features_come_or_go(catalog: Catalog) -> None:
    [a, _] = put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    others = {**FINGERPRINTS, "sound": "sound-2"}
    assert not catalog.items.is_seen_current(FINGERPRINTS)
    assert not catalog.items.has_outdated(FINGERPRINTS)

    label(catalog, a, "trumpet")
    assert catalog.items.is_seen_current(FINGERPRINTS)
    assert not catalog.items.is_seen_current(others)
    with Catalog.open(catalog.path) as another:
        assert not another.items.is_seen_current(FINGERPRINTS)
        put(another, image("/m/c.png"))
    assert not catalog.items.is_seen_current(FINGERPRINTS)

    assert not catalog.items.has_outdated(FINGERPRINTS)
    assert catalog.items.has_outdated(others)
    assert not catalog.items.is_seen_current(others)


def test_a_silent_segment_needs_no_feature(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav", statuses=("ok", "silent")))

    assert not catalog.items.has_outdated(FINGERPRINTS)
    assert catalog.items.count_outdated(FINGERPRINTS) == 0


def test_what_runs_were_told_to_index_is_listed_once_in_its_order(catalog: Catalog) -> None:
    for verb, paths in (("index", ["/n", "/m"]), ("forget", ["/x"]), ("index", ["/n", "/m"]), ("index", ["/a", "/m"])):
        catalog.runs.start(verb, arguments={"paths": paths})
    catalog.runs.start("index", arguments={})

    assert catalog.runs.indexed() == ["/n", "/m", "/a"]


def test_items_below_folders_are_counted_once(catalog: Catalog) -> None:
    put(catalog, image("/m/a.png"), image("/m/b/c.png"), image("/n/d.png"), image("/mm.png"))

    assert catalog.items.count_under(["/m", "/m/b"]) == 2
    assert catalog.items.count_under(["/m/a.png", "/n"]) == 2
    assert catalog.items.count_under(["/"]) == 4
    assert catalog.items.count_under([]) == 0
    assert catalog.items.count() == 4


@pytest.mark.parametrize("item", [sound("/m/a"), sound("/m/a", statuses=("silent",)), video("/m/a")])
def test_a_new_pipeline_makes_items_outdated(catalog: Catalog, item: object) -> None:
    [item_id] = put(catalog, item)  # type: ignore[arg-type]
    fingerprints = {**FINGERPRINTS, "sound": "sound-2"}

    assert catalog.items.classify_scan([file("/m/a")], fingerprints=fingerprints, retry_failed=False) == ["pending"]
    assert catalog.items.outdated([item_id], fingerprints=fingerprints) == {item_id}
    assert catalog.items.outdated([item_id], fingerprints=FINGERPRINTS) == set()
    assert catalog.items.count_outdated(fingerprints) == 1
    assert catalog.items.count_outdated(FINGERPRINTS) == 0


def test_a_failure_is_not_tried_again_until_the_file_changes(catalog: Catalog) -> None:
    known = file("/m/bad.wav")
    catalog.fail([failure(known.path, size_bytes=known.size_bytes, mtime_ns=known.mtime_ns)], keep_items=False)

    assert verdicts(catalog, "/m/bad.wav") == ["failed_before"]
    assert verdicts(catalog, "/m/bad.wav", retry_failed=True) == ["pending"]
    changed = catalog.items.classify_scan(
        [file("/m/bad.wav", size_bytes=1)], fingerprints=FINGERPRINTS, retry_failed=False
    )
    assert changed == ["pending"]


def test_a_file_that_could_not_be_seen_is_always_tried_again(catalog: Catalog) -> None:
    catalog.fail([failure("/m/bad.wav", size_bytes=None, mtime_ns=None)], keep_items=True)

    assert verdicts(catalog, "/m/bad.wav") == ["pending"]


def test_a_success_clears_the_failure(catalog: Catalog) -> None:
    catalog.fail([failure("/m/a.wav"), failure("/m/b.wav")], keep_items=False)

    put(catalog, sound("/m/a.wav"))

    assert [failed.path for failed in catalog.failures.all()] == ["/m/b.wav"]
    assert catalog.failures.forget(["/m/b.wav", "/m/c.wav"]) == 1
    assert catalog.failures.all() == []


def test_the_last_failure_of_a_path_counts(catalog: Catalog) -> None:
    first = failure("/m/a.wav")
    second = replace(first, reason="it is empty", error="EmptyMediaError")
    catalog.fail([first], keep_items=False)
    catalog.fail([second], keep_items=False)

    assert catalog.failures.all() == [second]


def test_an_item_whose_file_is_damaged_keeps_labels_but_cannot_be_found(catalog: Catalog) -> None:
    [item_id] = put(catalog, sound("/m/a.wav", "tune"))
    label(catalog, item_id, "trumpet")
    generation = catalog.generation
    gone = catalog.segments.ids(SOUND.fingerprint)

    catalog.fail([failure("/m/a.wav")], keep_items=False)

    record = catalog.items.at("/m/a.wav")
    assert record is not None
    assert (record.id, record.status, record.labels) == (item_id, "failed", ("trumpet",))
    assert catalog.items.with_hash("tune") == []
    np.testing.assert_array_equal(catalog.segments.removed_since(generation), gone)
    assert verdicts(catalog, "/m/a.wav") == ["pending"]

    put(catalog, sound("/m/a.wav", "mended"))
    record = catalog.items.at("/m/a.wav")
    assert record is not None
    assert (record.id, record.status, record.labels) == (item_id, "ok", ("trumpet",))


def test_an_item_out_of_reach_stays(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"))
    generation = catalog.generation

    catalog.fail([failure("/m/a.wav")], keep_items=True)

    assert len(catalog.segments.ids(SOUND.fingerprint)) == 2
    assert catalog.generation == generation
    assert [failed.path for failed in catalog.failures.all()] == ["/m/a.wav"]


def test_removal_takes_features_and_labels_along(catalog: Catalog) -> None:
    gone, kept = put(catalog, video("/m/a.mp4"), image("/m/b.png"))
    label(catalog, gone, "trumpet")
    label_generation = catalog.label_generation

    catalog.remove([gone])

    counts = catalog.count()
    assert (counts.items, counts.annotations, counts.feature_bytes) == ({"image": 1}, 0, 2 * 4)
    assert catalog.label_generation > label_generation
    assert catalog.check() == []
    assert id_at(catalog, "/m/b.png") == kept


@pytest.mark.parametrize("root", ["/m/a", "/m/a/"])
def test_paths_under_a_folder_are_not_those_of_its_neighbours(catalog: Catalog, root: str) -> None:
    inside = ["/m/a/1.png", "/m/a/b/2.png", os.fsdecode(b"/m/a/\xff.png")]
    put(catalog, *(image(path) for path in ["/m/a.png", "/m/ab/3.png", "/m/A/4.png", *inside]))

    assert [path for _, path in catalog.items.paths_under(root)] == inside
    assert catalog.items.has_under(root) == bool(inside)
    assert len(list(catalog.items.paths_under("/"))) == 6


def test_a_file_is_under_itself(catalog: Catalog) -> None:
    [item_id] = put(catalog, image("/m/a.png"))

    assert list(catalog.items.paths_under("/m/a.png")) == [(item_id, "/m/a.png")]


def test_items_are_listed_by_kind_and_by_whether_they_have_labels(catalog: Catalog) -> None:
    first, second, third = put(catalog, image("/m/a.png"), sound("/m/b.wav"), image("/m/c.png"))
    label(catalog, first, "trumpet")

    assert [record.id for record in catalog.items.all()] == [first, second, third]
    assert [record.id for record in catalog.items.all(kind="image")] == [first, third]
    assert [record.id for record in catalog.items.all(unlabelled=True)] == [second, third]


def test_items_may_be_removed_while_they_are_listed(catalog: Catalog) -> None:
    put(catalog, *(image(f"/m/{number}.png") for number in range(5)))

    for item_id, _ in catalog.items.paths_under("/m"):
        catalog.remove([item_id])

    assert list(catalog.items.all()) == []


def test_features_come_back_as_they_were(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav", "tune", statuses=("ok", "silent", "ok")), image("/m/b.png", "view"))

    [(sound_ids, sounds)] = catalog.segments.features(SOUND.fingerprint)
    [(image_ids, images)] = catalog.segments.features(IMAGE.fingerprint)

    np.testing.assert_array_equal(sounds, [feature("tune", 0), feature("tune", 2)])
    np.testing.assert_array_equal(images, [feature("view")])
    assert [str(array.dtype) for array in (sound_ids, sounds, images)] == ["int64", "float32", "float32"]
    np.testing.assert_array_equal(catalog.segments.ids(SOUND.fingerprint), sound_ids)
    segments = catalog.segments.get_many([*sound_ids, *image_ids])
    assert [(s.start_s, s.end_s, s.modality) for s in segments.values()] == [
        (0.0, 10.0, "sound"),
        (20.0, 30.0, "sound"),
        (None, None, "image"),
    ]


def test_features_after_a_generation_are_those_that_came_since(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"))
    generation = catalog.generation
    [new] = put(catalog, sound("/m/b.wav"))

    [(ids, _)] = catalog.segments.features(SOUND.fingerprint, after_generation=generation)

    assert ids.tolist() == [segment.id for segment in catalog.segments.of_items([new])]
    assert list(catalog.segments.features(SOUND.fingerprint, after_generation=catalog.generation)) == []
    assert list(catalog.segments.features("unknown")) == []


def test_features_come_in_batches(catalog: Catalog) -> None:
    catalog.put([image(f"/m/{number}.png", str(number)) for number in range(5000)], pipelines=pipelines(catalog))

    batches = list(catalog.segments.features(IMAGE.fingerprint))

    assert [len(ids) for ids, _ in batches] == [4096, 904]
    assert np.concatenate([ids for ids, _ in batches]).tolist() == catalog.segments.ids("image-1").tolist()


def test_features_of_one_pipeline_alone(catalog: Catalog) -> None:
    [item_id] = put(catalog, video("/m/a.mp4"))
    segments = catalog.segments.of_items([item_id])
    ids = [segment.id for segment in segments]

    sounds = catalog.segments.features_of(ids, fingerprint=SOUND.fingerprint)

    assert list(sounds) == [segment.id for segment in segments if segment.modality == "sound"]
    assert len(catalog.segments.features_of(ids)) == 4
    assert catalog.segments.features_of(ids, fingerprint="unknown") == {}
    rows = catalog.segments.feature_rows(ids, fingerprint=SOUND.fingerprint)
    assert rows[0].tolist() == list(sounds)
    np.testing.assert_array_equal(rows[1], [*sounds.values()])
    assert [len(part) for part in catalog.segments.feature_rows(ids, fingerprint="unknown")] == [0, 0]


def test_segments_come_with_the_features_of_some_pipelines(catalog: Catalog) -> None:
    first, second = put(catalog, video("/m/a.mp4", "film"), sound("/m/b.wav", "tune"))
    segments = catalog.segments.of_items([first, second])
    features = catalog.segments.features_of(one.id for one in segments)

    found = catalog.segments.with_features_of_items([second, first], fingerprints=FINGERPRINTS)
    sounds = catalog.segments.with_features_of_items([first, second], fingerprints={**FINGERPRINTS, "image": "image-2"})

    assert [record for record, _ in found] == [record for record, _ in sounds] == segments
    for record, own in found:
        np.testing.assert_array_equal(own, features[record.id])
    assert {record.modality for record, own in sounds if own is not None} == {"sound"}
    assert {record.modality for record, own in sounds if own is None} == {"image"}
    assert catalog.segments.with_features_of_items([], fingerprints=FINGERPRINTS) == []


def test_items_of_segments_come_with_what_tells_their_copies(catalog: Catalog) -> None:
    first, second = put(catalog, video("/m/a.mp4", "film"), sound("/m/b.wav", "tune"))
    ids = np.array([one.id for one in catalog.segments.of_items([first, second])])[::-1]

    owners, contents = catalog.segments.owners_and_contents(np.append(ids, 999))

    assert owners.tolist() == [*catalog.segments.owners(ids).tolist(), -1]
    assert contents == catalog.items.contents([first, second]) == {first: ("film", "video"), second: ("tune", "sound")}
    assert [len(part) for part in catalog.segments.owners_and_contents(np.zeros(0, dtype=np.int64))] == [0, 0]


def test_an_item_comes_once_with_its_labels_in_order(catalog: Catalog) -> None:
    first, second, third = put(catalog, *(sound(f"/m/{name}.wav", name) for name in "abc"))
    for name in ("viola", "Cello", "ärmel", "alto"):
        label(catalog, first, name)
    label(catalog, third, "viola")

    labels = {item.id: item.labels for item in catalog.items.all()}

    assert labels == {first: ("Cello", "alto", "viola", "ärmel"), second: (), third: ("viola",)}
    assert {key: item.labels for key, item in catalog.items.get_many([third, first, second]).items()} == labels
    assert [item.labels for items in catalog.items.with_hashes("abc").values() for item in items] == [*labels.values()]


def test_many_copies_are_one_change(catalog: Catalog) -> None:
    first, second, edited = put(catalog, video("/m/a.mp4", "film"), sound("/m/b.wav", "tune"), sound("/m/c.wav", "old"))
    label(catalog, edited, "violin")
    generation = catalog.generation

    copies = [
        (first, file("/m/d.mp4")),
        (second, file("/m/c.wav")),
        (second, file("/m/e.wav")),
        (first, file("/m/f.mp4")),
    ]
    ids = catalog.copy_all(copies).ids

    assert catalog.generation == generation + 1
    assert ids[1] == edited
    items = catalog.items.get_many(ids)
    assert [items[i].path for i in ids] == ["/m/d.mp4", "/m/c.wav", "/m/e.wav", "/m/f.mp4"]
    assert [items[i].content_hash for i in ids] == ["film", "tune", "tune", "film"]
    assert items[edited].labels == ("violin",)
    for (original, _), copy in zip(copies, ids, strict=True):
        theirs, its = (catalog.segments.of_items([item_id]) for item_id in (original, copy))
        assert [(s.modality, s.start_s, s.status) for s in its] == [(s.modality, s.start_s, s.status) for s in theirs]
        features = catalog.segments.features_of(segment.id for segment in [*theirs, *its])
        for one, other in zip(theirs, its, strict=True):
            np.testing.assert_array_equal(features[one.id], features[other.id])
    assert catalog.check() == []


def test_an_item_that_is_copied_and_replaced_at_once_is_copied_as_it_was(catalog: Catalog) -> None:
    first, second = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b", statuses=("ok",)))

    [replaced, copy] = catalog.copy_all([(first, file("/m/b.wav")), (second, file("/m/c.wav"))]).ids

    items = catalog.items.get_many([replaced, copy])
    assert replaced == second
    assert [items[i].content_hash for i in (replaced, copy)] == ["a", "b"]
    assert [len(catalog.segments.of_items([i])) for i in (replaced, copy)] == [2, 1]


def test_copies_are_refused_as_a_whole(catalog: Catalog) -> None:
    [item] = put(catalog, sound("/m/a.wav"))

    with pytest.raises(ValueError, match="stands twice"):
        catalog.copy_all([(item, file("/m/b.wav")), (item, file("/m/b.wav"))])
    with pytest.raises(KeyError, match="99"):
        catalog.copy_all([(item, file("/m/b.wav")), (99, file("/m/c.wav"))])

    assert [record.path for record in catalog.items.all()] == ["/m/a.wav"]


def test_what_was_noticed_of_a_file_is_kept_and_taken_back(catalog: Catalog) -> None:
    remark = Remark("partly read", "holds 3 s of the 5 s that it promises")
    item = replace(image("/a.png"), facts=MediaFacts(kind="image", width_px=2, height_px=2, remarks=(remark,)))
    put(catalog, item)
    item_id = id_at(catalog, "/a.png")
    assert catalog.items.facts([item_id])[item_id].remarks == (remark,)
    put(catalog, image("/a.png"))
    assert catalog.items.facts([item_id])[item_id].remarks == ()


def test_what_was_forgotten_comes_back_as_it_was_under_its_ids(catalog: Catalog) -> None:
    a, b, c = put(catalog, sound("/m/a.wav", "tune"), image("/m/b.png", "sun"), sound("/m/c.wav", "hum"))
    for item_id, name in ((a, "low"), (c, "high"), (c, "odd")):
        label(catalog, item_id, name)
    catalog.labels.annotate([Annotation(item_id=b, label="low", origin="hand", is_not=True)])
    catalog.fail([failure("/m/bad.wav"), failure("/m/worse.wav")], keep_items=False)
    items, failures = list(catalog.items.all()), catalog.failures.all()
    said = {(one.item_id, one.label, one.is_not) for one in catalog.labels.annotations()}

    run = catalog.runs.start("forget", arguments={})
    assert catalog.forget([a, b, c], failures=["/m/bad.wav", "/m/worse.wav"], run_id=run).removed == 3
    assert (list(catalog.items.all()), catalog.failures.all()) == ([], [])
    (new,) = put(catalog, image("/m/new.png", "moon"))
    assert new > c, "no id is given to another item meanwhile"
    recalled = catalog.recall()

    assert recalled is not None
    assert (len(recalled.paths), recalled.failures, recalled.taken) == (3, 2, [])
    assert [item for item in catalog.items.all() if item.id != new] == items
    assert catalog.failures.all() == failures
    assert {(one.item_id, one.label, one.is_not) for one in catalog.labels.annotations()} == said
    assert catalog.check() == []
    assert catalog.recall() is None


def test_what_failed_and_was_forgotten_comes_back_alone_but_where_something_is_there_again(catalog: Catalog) -> None:
    (a,) = put(catalog, sound("/m/a.wav"))
    paths = [f"/m/{name}.wav" for name in ("bad", "mended", "worse")]
    catalog.fail([failure(path) for path in paths], keep_items=False)
    catalog.forget([a], run_id=catalog.runs.start("forget", arguments={}))
    catalog.forget([], failures=paths, run_id=catalog.runs.start("forget", arguments={}))
    put(catalog, sound("/m/mended.wav"))
    catalog.fail([replace(failure("/m/worse.wav"), reason="another")], keep_items=False)

    recalled = catalog.recall()

    assert recalled is not None
    assert (recalled.paths, recalled.failures) == ([], 1), "only what was forgotten last"
    assert [(one.path, one.reason) for one in catalog.failures.all()] == [
        ("/m/bad.wav", failure("/m/bad.wav").reason),
        ("/m/worse.wav", "another"),
    ]
    assert catalog.recall() is None


def test_items_are_found_by_the_names_of_their_files(catalog: Catalog) -> None:
    a, b, _, odd, grown = put(
        catalog,
        image("/m/x/dog.png"),
        image("/m/y/Dog.PNG"),
        image("/m/hotdog.png"),
        image("/m/do\udce9.png"),
        image("/m/Gru\u0308n.png"),
    )
    assert catalog.items.called("dog.png", most=9) == [(a, "/m/x/dog.png"), (b, "/m/y/Dog.PNG")]
    assert catalog.items.called("DOG.png", most=1) == [(a, "/m/x/dog.png")]
    assert catalog.items.called("do\udce9.PNG", most=9) == [(odd, "/m/do\udce9.png")]
    assert catalog.items.called("Gr\u00fcn.png", most=9) == [(grown, "/m/Gru\u0308n.png")]
    assert catalog.items.called("a much longer name than any path has here.png", most=9) == []
    assert catalog.items.called("m", most=9) == catalog.items.called("", most=9) == []


def test_letters_beyond_ascii_are_found_in_upper_and_lower_case(catalog: Catalog) -> None:
    put(catalog, image("/m/ubung.png"), image("/m/Übungen.png"))
    for name in ("Übung", "übung äther", "SCHÖNE ÜBUNG", "U\u0308bung am A\u0308", "Höhe der Übung", "Мой Йод"):
        (item,) = put(catalog, image(f"/m/{name}.png"))
        for asked in (name, composed(name).lower(), decomposed(name).capitalize(), composed(name).upper()):
            assert catalog.items.called(f"{asked}.PNG", most=9) == [(item, f"/m/{name}.png")], asked
