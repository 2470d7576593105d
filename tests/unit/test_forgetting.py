"""Items that are taken out by name, whether or not their files are there, and taken back."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search import Failure, ForgetReport
from modag_search.errors import NothingFoundError, UsageError
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, set_mtime, sound, video

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


@pytest.fixture
def indexed(index: Index, media: Path) -> Index:
    """An index of pictures, sounds and a video in two folders."""
    picture(media / "a.png", RED)
    picture(media / "b [1].png", GREEN)
    sound(media / "old" / "c.wav", (LOW_HZ, 12))
    picture(media / "old" / "deep" / "d.png", BLUE)
    video(media / "old" / "e.mp4")
    index.add([media])
    return index


def held(index: Index) -> list[str]:
    return sorted(os.path.basename(item.path) for item in index.catalog.items.all())


ALL = ["a.png", "b [1].png", "c.wav", "d.png", "e.mp4"]


@pytest.mark.parametrize(
    ("name", "forgotten"),
    [
        ("a.png", ["a.png"]),
        ("old", ["c.wav", "d.png", "e.mp4"]),
        ("old/", ["c.wav", "d.png", "e.mp4"]),
        ("old/../a.png", ["a.png"]),
        ("*.png", ["a.png", "b [1].png"]),
        ("**/*.png", ["a.png", "b [1].png", "d.png"]),
        ("o?d", ["c.wav", "d.png", "e.mp4"]),
        ("old/*", ["c.wav", "d.png", "e.mp4"]),
        ("b [1].png", ["b [1].png"]),
        ("id:1", ["a.png"]),
    ],
)
def test_what_names_mean(indexed: Index, media: Path, name: str, forgotten: list[str]) -> None:
    full = name if name.startswith("id:") else os.path.join(media, name)
    foreseen = indexed.forget(full, dry_run=True)
    assert held(indexed) == ALL
    report = indexed.forget(full)
    assert [os.path.basename(path) for path in report.paths] == forgotten
    assert (foreseen.paths, foreseen.dry_run, report.dry_run) == (report.paths, True, False)
    assert report.still_there == report.paths
    assert held(indexed) == [name for name in ALL if name not in forgotten]
    assert indexed.verify() == []


def test_where_all_of_one_modality_are_forgotten_the_others_are_found(index: Index, media: Path) -> None:
    for number in range(30):  # more than are asked for at first, so that stores are asked for the nearest
        picture(media / f"{number}.png", (8 * number, 255 - 8 * number, 90))
    sound(media / "a.wav", (LOW_HZ, 4))
    index.add([media])
    index.forget(media / "a.wav")
    assert [hit.modality for hit in index.search(media / "0.png", n=1)] == ["image"]
    index.undo_forget()
    index.forget(media / "*.png")
    assert [hit.modality for hit in index.search(media / "0.png", n=1)] == ["sound"]


def test_files_that_are_gone_are_forgotten_by_the_paths_that_the_index_has(indexed: Index, media: Path) -> None:
    shutil.rmtree(media)
    report = indexed.forget([media / "old" / "deep", media / "*.png"])
    assert (len(report.paths), report.still_there) == (3, ())
    assert held(indexed) == ["c.wav", "e.mp4"]


def test_paths_may_be_relative_and_need_not_be_utf8(index: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = os.fsdecode(os.fsencode(media) + b"/caf\xe9.png")
    shutil.copy(picture(media / "a.png", RED), odd)
    index.add([media])
    monkeypatch.chdir(media)
    assert index.forget("caf*").paths == (odd,)
    assert index.undo_forget().paths == (odd,)
    assert index.verify() == []


@pytest.mark.parametrize("name", ["Gru\u0308n", "Gru\u0308n/a.png", "Gru\u0308*", "**/bo\u0308s.png", "Grün/bös.png"])
def test_names_may_be_given_in_another_unicode_form(index: Index, media: Path, name: str) -> None:
    picture(media / "Grün" / "a.png", RED)
    (media / "Grün" / "bo\u0308s.png").write_bytes(b"no picture")
    picture(media / "b.png", BLUE)
    index.add([media])
    report = index.forget(os.path.join(media, name))
    assert report.unknown == ()
    assert len(report.paths) + report.failures == (1 if name.endswith(".png") else 2)


def test_what_may_have_been_meant_is_asked_back(indexed: Index, media: Path) -> None:
    with pytest.raises(NothingFoundError, match=rf"; did you mean {media}/a.png \(id:1\)\?$"):
        indexed.forget(media / "A.PNG")


def test_what_is_not_in_the_index_is_told_and_costs_the_others_nothing(indexed: Index, media: Path) -> None:
    report = indexed.forget([media / "a.png", media / "nowhere.png", media / "*.gif", "id:99"])
    assert [os.path.basename(path) for path in report.paths] == ["a.png"]
    assert report.unknown == (str(media / "nowhere.png"), str(media / "*.gif"), "id:99")


def test_where_nothing_is_meant_what_was_forgotten_before_can_still_be_taken_back(indexed: Index, media: Path) -> None:
    indexed.forget(media / "a.png")
    with pytest.raises(
        NothingFoundError, match=r"nowhere: is not in the index, and holds nothing that is, nor is 1 other"
    ):
        indexed.forget([media / "nowhere", media / "*.gif"])
    with pytest.raises(UsageError, match="no paths were given"):
        indexed.forget([])
    with pytest.raises(NothingFoundError, match=r"^id:99: is not in the index, nor is 1 other$"):
        indexed.forget(["id:99", media / "nowhere"])
    with pytest.raises(UsageError, match="id:x: an id is a whole number"):
        indexed.forget([media / "b.png", "id:x"])
    assert indexed.undo_forget().paths == (str(media / "a.png"),)


def test_files_that_could_not_be_indexed_are_forgotten(indexed: Index, media: Path) -> None:
    for name in ("bad.png", "old/worse.png"):
        (media / name).write_bytes(b"no picture")
    indexed.add([media])
    failures = indexed.failures()
    report = indexed.forget([media / "bad.png", media / "old"])
    assert (len(report.paths), report.failures) == (3, 2)
    assert indexed.failures() == []
    again = indexed.undo_forget()
    assert (again.paths, again.failures, indexed.failures()) == (report.paths, 2, failures)
    assert indexed.forget(media / "b*.png").failures == 1
    assert indexed.forget(media / "old" / "worse.png") == ForgetReport(paths=(), failures=1)


def test_an_indexed_file_that_has_failed_since_counts_once(indexed: Index, media: Path) -> None:
    for name in ("a.png", "bad.png"):
        (media / name).write_bytes(b"no picture")
    indexed.add([media])
    failures = indexed.failures()
    assert len(failures) == 2
    for names in ([str(media / "*a*.png")], [str(media / "bad.png"), "id:1"]):
        foreseen = indexed.forget(names, dry_run=True)
        report = indexed.forget(names)
        assert (foreseen.failures, report.failures, report.paths) == (1, 1, (str(media / "a.png"),))
        assert indexed.failures() == []
        again = indexed.undo_forget()
        assert (again.failures, again.paths, indexed.failures()) == (1, report.paths, failures)


def test_a_file_that_is_still_there_comes_back_unless_a_pattern_covers_it(indexed: Index, media: Path) -> None:
    indexed.forget(media / "old")
    assert indexed.add([media]).added == 3
    indexed.exclusions.add(str(media / "old"))
    assert indexed.forget(media / "old").still_there == ()
    assert indexed.add([media]).added == 0


# Taken back.


def test_what_was_forgotten_is_taken_back_without_its_files(indexed: Index, media: Path) -> None:
    indexed.label([media / "old" / "c.wav"], "low", start_s=0, end_s=5)
    indexed.label([media / "a.png"], "red")
    before = [
        (item.path, item.content_hash, item.kind, item.duration_s, item.width_px, item.mtime_ns, item.labels)
        for item in indexed.catalog.items.all()
    ]
    found = {hit.path: hit.similarity for hit in indexed.search(media / "a.png", n=9)}
    ids = {item.id for item in indexed.catalog.items.all()}

    indexed.forget([media / "old", media / "a.png"])
    assert {hit.path for hit in indexed.search(media / "a.png", n=9)} == {str(media / "b [1].png")}
    query = shutil.copy(media / "a.png", media.parent / "query.png")
    shutil.rmtree(media)
    report = indexed.undo_forget()

    assert [os.path.basename(path) for path in report.paths] == ["a.png", "c.wav", "d.png", "e.mp4"]
    after = list(indexed.catalog.items.all())
    assert sorted(before) == sorted(
        (item.path, item.content_hash, item.kind, item.duration_s, item.width_px, item.mtime_ns, item.labels)
        for item in after
    )
    assert {item.id for item in after} == ids, "what people wrote down holds again"
    assert [(one.label, one.start_s, one.end_s) for one in indexed.catalog.labels.annotations()] == [
        ("low", 0.0, 5.0),
        ("red", None, None),
    ]
    again = {hit.path: hit.similarity for hit in indexed.search(query, n=9)}
    assert again == pytest.approx(found | {str(media / "a.png"): 1.0})
    assert indexed.verify() == []
    with pytest.raises(NothingFoundError, match="nothing was forgotten, or it was taken back"):
        indexed.undo_forget()


def test_only_what_was_forgotten_last_is_taken_back(indexed: Index, media: Path) -> None:
    indexed.forget(media / "a.png")
    indexed.forget(media / "old" / "c.wav")
    indexed.undo_forget()
    assert held(indexed) == ["b [1].png", "c.wav", "d.png", "e.mp4"]


def test_what_the_index_holds_again_stays_as_it_is(indexed: Index, media: Path) -> None:
    indexed.label([media / "a.png"], "red")
    indexed.forget([media / "a.png", media / "old"])
    set_mtime(picture(media / "a.png", BLUE), 10**18)
    indexed.add([media / "a.png"])
    report = indexed.undo_forget()
    assert report.unknown == (str(media / "a.png"),)
    assert held(indexed) == ALL
    assert indexed.item(media / "a.png").labels == ()
    assert indexed.labels.summaries()[0].kept == 1
    assert indexed.verify() == []


def test_what_has_failed_meanwhile_is_taken_back_as_failed(indexed: Index, media: Path) -> None:
    torn, mended, away = media / "old" / "c.wav", media / "old" / "e.mp4", media / "a.png"
    indexed.label([torn, away], "low")
    indexed.forget([torn, mended, away])
    for path in (torn, mended):
        shutil.copy(path, path.with_suffix(".bak"))
        path.write_bytes(b"garbage")
    assert len(indexed.add([media / "old"]).failures) == 2
    indexed.catalog.fail(
        [Failure(path=str(away), reason="away", error="E", size_bytes=None, mtime_ns=None, failed_at="2026-01-01")],
        keep_items=True,
    )
    assert len(indexed.undo_forget().paths) == 3
    described = indexed.describe(torn)
    assert (described.state, described.segments, indexed.item(torn).labels) == ("failed", (), ("low",))
    assert described.is_given_up
    assert indexed.describe(away).state == "indexed", "a file that is out of reach costs an index nothing"
    assert [failure.path for failure in indexed.failures()] == sorted(map(str, (away, torn, mended)))
    found = sorted(os.path.basename(hit.path) for hit in indexed.search(away, n=9))
    assert found == ["b [1].png", "d.png"]
    assert indexed.verify() == []

    os.replace(mended.with_suffix(".bak"), mended)
    report = indexed.add([media])
    assert (report.added, report.updated, report.unchanged) == (0, 1, 3)
    assert indexed.describe(mended).state == "indexed"
    assert indexed.verify() == []


def test_labels_that_passed_to_a_copy_are_taken_back_with_the_file(indexed: Index, media: Path) -> None:
    copy = shutil.copy(media / "a.png", media / "copy.png")
    indexed.add([media])
    indexed.label([media / "a.png"], "red")
    report = indexed.forget(media / "a.png")
    assert [(one.path, one.labels, one.fate, one.to) for one in report.passages] == [
        (str(media / "a.png"), ("red",), "passed", str(copy))
    ]
    indexed.undo_forget()
    assert indexed.item(media / "a.png").labels == ("red",)
    assert indexed.item(copy).labels == ()
    assert indexed.audit() == []


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_copy_keeps_the_label_that_it_was_given_itself(indexed: Index, media: Path, when: str) -> None:
    copy = shutil.copy(media / "a.png", media / "copy.png")
    indexed.add([media])
    for path in (media / "a.png", copy) if when == "before" else (media / "a.png",):
        indexed.label([path], "red")
    indexed.forget(media / "a.png")
    if when == "meanwhile":
        indexed.label([copy], "red")
    indexed.undo_forget()
    assert [indexed.item(path).labels for path in (media / "a.png", copy)] == [("red",), ("red",)]


def test_labels_that_passed_stay_for_what_is_not_taken_back(indexed: Index, media: Path) -> None:
    indexed.label([media / "a.png"], "red")
    copy = shutil.copy(media / "a.png", media / "copy.png")
    indexed.add([media])
    indexed.forget([media / "a.png", media / "b [1].png"])
    set_mtime(picture(media / "a.png", (9, 9, 200)), 10**18)
    indexed.add([media / "a.png"])
    assert len(indexed.undo_forget().paths) == 1
    assert [indexed.item(path).labels for path in (media / "a.png", copy)] == [(), ("red",)]


def test_a_file_that_was_replaced_under_its_label_is_taken_back_as_such(indexed: Index, media: Path) -> None:
    indexed.label([media / "a.png"], "red")
    set_mtime(picture(media / "a.png", (9, 9, 200)), 10**18)
    indexed.add([media])
    indexed.forget(media / "a.png")
    indexed.undo_forget()
    assert indexed.item(media / "a.png").labels == ("red",)
    assert [issue.reason for issue in indexed.audit()] == ["replaced"]


def test_a_label_that_was_undone_meanwhile_is_not_taken_back(indexed: Index, media: Path) -> None:
    indexed.label([media / "a.png"], "red")
    indexed.forget(media / "a.png")
    ((run, _),) = indexed.labels.runs()
    indexed.labels.undo(run.id)
    indexed.undo_forget()
    assert indexed.item(media / "a.png").labels == ()


def test_labels_of_what_was_forgotten_come_back_to_the_same_features(indexed: Index, media: Path) -> None:
    from tests.unit.test_labels_follow import tagged

    indexed.label([media / "a.png"], "red")
    indexed.forget(media / "a.png")
    tagged(media / "a.png", media / "tagged.png")
    (media / "a.png").unlink()
    indexed.add([media])
    assert indexed.item(media / "tagged.png").labels == ("red",)
    assert indexed.audit() == []
