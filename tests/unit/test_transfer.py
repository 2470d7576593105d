"""Labels that spread to what nothing has named yet, and are taken back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import NothingFoundError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index
    from modag_search.classify.classify import By
    from modag_search.values import Classification, TransferReport


@pytest.fixture
def labelled(filled: Index, media: Path) -> Index:
    """Of three pictures and three sounds, two pictures have labels; nothing is like those that are blue and high."""
    filled.label([media / "a.png"], "low")
    filled.label([media / "b.png"], "middle")
    return filled


def given(report: TransferReport) -> list[tuple[str, str]]:
    return [(os.path.basename(one.path), one.label) for one in report.given]


def is_blue(named: Classification) -> bool:
    return os.path.basename(named.path).startswith("blue")


def labels(index: Index, path: Path) -> tuple[str, ...]:
    return index.item(path).labels


def test_what_is_sure_enough_gets_a_label_and_the_rest_stays_unknown(labelled: Index, media: Path) -> None:
    report = labelled.transfer()
    assert given(report) == [("a.wav", "low"), ("b.wav", "middle")]
    assert report.unknown == 2
    assert all(one.confidence >= 0.8 for one in report.given)
    assert labels(labelled, media / "a.wav") == ("low",)
    assert labels(labelled, media / "c.wav") == labels(labelled, media / "c.png") == ()


@pytest.fixture
def crowd(index: Index, media: Path) -> Index:
    """Reddish, greenish and bluish pictures: five of each have labels, and eight have none."""
    for name, rest in (("red", (0, 1, 2)), ("green", (1, 0, 2)), ("blue", (2, 1, 0))):
        for n in range(13):
            channels = (225, 25 + 3 * n, 60 - 4 * n)
            picture(media / f"{name}{n:02}.png", (channels[rest[0]], channels[rest[1]], channels[rest[2]]))
    index.add([media])
    for name in ("red", "green", "blue"):
        index.label([media / f"{name}{n:02}.png" for n in range(5)], name)
    return index


@pytest.mark.parametrize("by", ["knn", "head"])
def test_one_wrong_label_makes_the_others_hardly_less_sure(crowd: Index, media: Path, by: By) -> None:
    crowd.train_head()
    before = {one.path: one for one in crowd.transfer(by=by, dry_run=True).given}
    crowd.label(media / "red12.png", "blue")
    crowd.train_head()
    after = crowd.transfer(by=by, dry_run=True).given
    assert len(before) == 24
    assert len(after) >= 22
    assert all(one.label == before[one.path].label for one in after)
    assert all(one.confidence > before[one.path].confidence - 0.05 for one in after)
    issue = crowd.audit()[0]
    assert (os.path.basename(issue.path), issue.label, issue.suggested) == ("red12.png", "blue", "red")


def test_a_label_that_all_others_contradict_is_said_with_where_to_look(
    crowd: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crowd.transfer(dry_run=True)
    assert "contradicted" not in caplog.text
    crowd.label(media / "red12.png", "blue")
    crowd.transfer(dry_run=True)
    assert "1 label is contradicted by all others" in caplog.text
    assert "`modag audit` lists" in caplog.text
    assert len(crowd.audit()) == 1


def test_a_wrong_second_example_of_one_label_leaves_the_names_by_single_ones(crowd: Index, media: Path) -> None:
    for name in ("red", "green", "blue"):
        crowd.unlabel([media / f"{name}{n:02}.png" for n in range(1, 5)], name)
    before = crowd.transfer(min_confidence=0.5, dry_run=True).given
    crowd.label(media / "red01.png", "blue")
    after = crowd.transfer(min_confidence=0.5, dry_run=True).given
    assert len(after) > 0.8 * len(before)


@pytest.mark.parametrize("way", ["multi", "head"])
def test_what_nobody_labelled_comes_out_unsure_in_each_way(crowd: Index, media: Path, way: str) -> None:
    """Of what is labelled all is red or green; the blue are strangers."""
    crowd.labels.remove("blue")
    if way == "multi":
        crowd.labels.set_mode("multi")
    else:
        crowd.train_head()
    by: By = "head" if way == "head" else "knn"
    said = list(crowd.classify(by=by, unlabelled=True))
    of_known, of_strangers = ([one for one in said if is_blue(one) == wanted] for wanted in (False, True))
    assert all(os.path.basename(one.path).startswith(str(one.label)) for one in of_known)
    assert len(given(crowd.transfer(by=by, min_confidence=0.9, dry_run=True))) == len(of_known) == 16
    assert len(of_strangers) == 13
    assert max(one.confidence for one in of_strangers) < 0.7


def test_with_less_confidence_asked_for_more_get_one(labelled: Index) -> None:
    report = labelled.transfer(min_confidence=0.0)
    assert [name for name, _ in given(report)] == ["a.wav", "b.wav", "c.png", "c.wav"]
    assert report.unknown == 0


def test_the_least_sure_alone_can_be_asked_for_and_the_others_are_counted(labelled: Index) -> None:
    every = labelled.transfer(min_confidence=0.0, dry_run=True)
    confidences = sorted(one.confidence for one in every.given)
    few = labelled.transfer(min_confidence=0.0, max_confidence=confidences[1])
    assert sorted(one.confidence for one in few.given) == confidences[:2]
    assert (few.surer, few.unknown, every.surer) == (2, 0, 0)
    run, count = labelled.labels.runs()[-1]
    assert (run.id, count) == (few.run, 2)
    assert run.arguments["max_confidence"] == confidences[1]
    nothing = labelled.transfer(min_confidence=0.9, max_confidence=0.1)
    assert (nothing.run, nothing.given) == (None, ())
    with pytest.raises(UsageError, match="max_confidence must lie from 0 to 1, not 2"):
        labelled.transfer(max_confidence=2)


def test_each_label_says_where_it_comes_from_and_how_sure_it_is(labelled: Index, media: Path) -> None:
    report = labelled.transfer()
    kept = {annotation.item_id: annotation for annotation in labelled.catalog.labels.annotations()}
    for one in report.given:
        annotation = kept[labelled.item(one.path).id]
        assert (annotation.origin, annotation.label, annotation.run_id) == ("transfer", one.label, report.run)
        assert annotation.confidence == pytest.approx(one.confidence)
        assert (annotation.start_s, annotation.end_s, annotation.source) == (None, None, None)
    assert kept[labelled.item(media / "a.png").id].origin == "hand"
    assert {summary.label: summary.transferred for summary in labelled.labels.summaries()} == {"low": 1, "middle": 1}


def test_the_run_is_recorded_with_what_it_was_asked_and_did(labelled: Index) -> None:
    report = labelled.transfer(min_confidence=0.7)
    run, count = labelled.labels.runs()[-1]
    assert (run.id, run.verb, count) == (report.run, "transfer", 2)
    asked = {"by": "knn", "names": None, "level": None, "min_confidence": 0.7, "max_confidence": None}
    assert run.arguments == asked
    assert run.outcome == {"added": 2}
    assert run.finished_at
    assert run.versions["modag-search"]


def test_a_dry_run_says_the_same_and_writes_nothing(labelled: Index) -> None:
    def state() -> tuple[object, ...]:
        catalog = labelled.catalog
        return list(catalog.labels.annotations()), catalog.runs.all(), catalog.label_generation

    before = state()
    dry = labelled.transfer(dry_run=True)
    assert state() == before
    assert dry.run is None
    report = labelled.transfer()
    assert (report.given, report.unknown) == (dry.given, dry.unknown)


def test_where_nothing_is_sure_nothing_is_written(labelled: Index, media: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (media / name).unlink()
    labelled.add([media], prune=True)
    before = labelled.catalog.runs.all()
    report = labelled.transfer(min_confidence=0.99)
    assert (report.run, report.given, report.unknown) == (None, (), 2)
    assert labelled.catalog.runs.all() == before


def test_a_run_that_is_undone_takes_back_its_own_labels_and_no_others(labelled: Index, media: Path) -> None:
    first = labelled.transfer()
    picture(media / "d.png", RED)
    labelled.add([media])
    second = labelled.transfer()
    assert given(second) == [("d.png", "low")]
    assert first.run is not None
    assert labelled.labels.undo(first.run).changed == 2
    assert labels(labelled, media / "a.wav") == labels(labelled, media / "b.wav") == ()
    assert labels(labelled, media / "d.png") == labels(labelled, media / "a.png") == ("low",)
    with pytest.raises(UsageError, match=f"run {first.run} gave no labels that are still there"):
        labelled.labels.undo(first.run)


def test_what_was_given_by_hand_since_stays(labelled: Index, media: Path) -> None:
    report = labelled.transfer()
    assert labelled.label([media / "a.wav"], "low") == 1, "a person now says so too"
    labelled.label([media / "b.wav"], "another")
    assert report.run is not None
    labelled.labels.undo(report.run)
    assert labels(labelled, media / "a.wav") == ("low",)
    assert labels(labelled, media / "b.wav") == ("another",)


def test_after_it_was_undone_it_gives_the_same_again(labelled: Index) -> None:
    report = labelled.transfer()
    assert report.run is not None
    labelled.labels.undo(report.run)
    again = labelled.transfer()
    assert again.run is not None
    assert again.run > report.run
    assert again.given == report.given


def test_a_second_transfer_does_not_feed_on_the_first(labelled: Index, media: Path) -> None:
    expected = labelled.transfer(min_confidence=0.0, dry_run=True)
    labelled.transfer()
    rest = labelled.transfer(min_confidence=0.0)
    assert {one.path for one in rest.given} == {str(media / "c.png"), str(media / "c.wav")}
    sure = {one.path: one.confidence for one in expected.given}
    for one in rest.given:
        assert one.confidence == pytest.approx(sure[one.path], abs=1e-5)
    assert labelled.transfer(min_confidence=0.0) == labelled.transfer(min_confidence=0.0, dry_run=True)


def test_items_get_several_labels_where_these_do_not_exclude_each_other(labelled: Index, media: Path) -> None:
    labelled.label([media / "a.png"], "warm")
    report = labelled.transfer(min_confidence=0.5)
    assert given(report)[:2] == [("a.wav", "low"), ("a.wav", "warm")]
    assert labels(labelled, media / "a.wav") == ("low", "warm")
    assert labels(labelled, media / "b.wav") == ("middle",)


def test_where_labels_exclude_each_other_a_later_word_of_a_person_wins(labelled: Index, media: Path) -> None:
    labelled.labels.set_mode("single")
    labelled.transfer()
    labelled.label([media / "a.wav"], "not low")
    assert labels(labelled, media / "a.wav") == ("not low",)


def test_labels_can_be_transferred_on_a_level(labelled: Index, media: Path) -> None:
    labelled.labels.set_hierarchy(Hierarchy.of([("low", "tone"), ("middle", "tone")]))
    picture(media / "c2.png", BLUE)
    labelled.add([media])
    labelled.label([media / "c2.png"], "bird")
    report = labelled.transfer(level=0)
    assert given(report) == [("a.wav", "tone"), ("b.wav", "tone"), ("c.png", "bird"), ("c.wav", "bird")]
    assert labels(labelled, media / "a.wav") == ("tone",)


def test_parts_of_long_sounds_are_weighed_together(labelled: Index, media: Path) -> None:
    sound(media / "long.wav", (200, 11), (1000, 9))
    labelled.add([media])
    found = labelled.transfer(min_confidence=0.0, dry_run=True)
    (long,) = (one for one in found.given if one.path == str(media / "long.wav"))
    assert long.label == "low", "more of it is"
    assert 0.5 < long.confidence < 0.9
    assert "long.wav" not in {name for name, _ in given(labelled.transfer(min_confidence=0.9))}


def test_what_is_black_or_failed_gets_no_label(labelled: Index, media: Path) -> None:
    picture(media / "black.png", BLACK)
    (media / "broken.png").write_bytes(b"no picture")
    picture(media / "c.png", GREEN)
    labelled.add([media])
    (media / "c.png").write_bytes(b"no picture any more")
    labelled.add([media])
    report = labelled.transfer(min_confidence=0.0)
    assert [name for name, _ in given(report)] == ["a.wav", "b.wav", "c.wav"]


def test_there_must_be_labels_and_items(index: Index, media: Path) -> None:
    with pytest.raises(NothingFoundError, match="the index is empty"):
        index.transfer()
    sound(media / "a.wav", (HIGH_HZ, 1))
    index.add([media])
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        index.transfer()


def test_what_cannot_be_meant_is_refused(labelled: Index) -> None:
    for wrong in ({"min_confidence": 1.2}, {"level": -1}, {"by": "stars"}, {"k": 0}):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))} must"):
            labelled.transfer(**wrong)
