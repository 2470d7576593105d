"""What a run passes over, what it finds missing, and what it then takes out."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import NoMediaError, UsageError
from tests.made_media import BLUE, GREEN, RED, picture

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index

LONG_AGO = (946_684_800, 946_684_800)


def held(index: Index, media: Path) -> list[str]:
    return sorted(os.path.relpath(item.path, media) for item in index.catalog.items.all())


def relative(paths: tuple[str, ...], media: Path) -> list[str]:
    return [os.path.relpath(path, media) for path in paths]


# Patterns.


def test_patterns_of_one_run_and_patterns_that_are_kept(index: Index, media: Path) -> None:
    for name in ("a.png", "a.tmp.png", "drafts/b.png", "x/drafts/c.png"):
        picture(media / name, RED)
    assert index.add([media], exclude=["*.tmp.png", "/drafts/"]).passed_over == {"*.tmp.png": 1, "/drafts/": 1}
    assert held(index, media) == ["a.png", "x/drafts/c.png"]
    assert index.exclusions.add(["*.tmp.png", "drafts/"]) == 2
    assert index.exclusions.add("drafts/") == 0
    assert index.exclusions.patterns == ("*.tmp.png", "drafts/")
    report = index.add([media])
    assert report.passed_over == {"*.tmp.png": 1, "drafts/": 2}
    assert relative(report.covered, media) == ["x/drafts/c.png"]
    assert index.add([media], exclude=["!/drafts/"]).added == 1, "the last pattern that matches decides"
    assert index.exclusions.remove("drafts/") == 1
    report = index.add([media])
    assert (report.covered, report.passed_over) == ((), {"*.tmp.png": 1})
    assert held(index, media) == ["a.png", "drafts/b.png", "x/drafts/c.png"]


def test_what_is_added_last_decides_though_it_was_there_before(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    picture(media / "drafts" / "b.png", GREEN)
    for pattern in ("*.tmp", "drafts/", "!drafts/"):
        assert index.exclusions.add(pattern) == 1
    assert index.exclusions.add("drafts/") == 0
    assert list(index.exclusions.patterns) == ["*.tmp", "!drafts/", "drafts/"]
    index.add([media])
    assert held(index, media) == ["a.png"]
    assert index.exclusions.add(["!drafts/", "*.bak", "!drafts/"]) == 1
    assert list(index.exclusions.patterns) == ["*.tmp", "drafts/", "*.bak", "!drafts/"]
    index.add([media])
    assert held(index, media) == ["a.png", "drafts/b.png"]


def test_one_pattern_of_a_run_is_no_list_of_letters(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    picture(media / "drafts" / "b.png", GREEN)
    assert index.add([media], exclude="drafts").passed_over == {"drafts": 1}
    assert held(index, media) == ["a.png"]


def test_patterns_need_not_be_utf8(index: Index, media: Path) -> None:
    pattern = os.fsdecode(b"fl\xfcgel/")
    picture(media / "a.png", RED)
    picture(media / os.fsdecode(b"fl\xfcgel") / "b.png", GREEN)
    assert index.exclusions.add(pattern) == 1
    assert index.exclusions.patterns == (pattern,)
    assert index.add([media]).passed_over == {pattern: 1}
    assert index.exclusions.add(r"fl\xfcgel/") == 0, "as it is shown"
    assert index.exclusions.remove(r"fl\xfcgel/") == 1
    assert index.add([media], exclude=[pattern]).passed_over == {pattern: 1}
    assert held(index, media) == ["a.png"]
    reason = index.describe(media / os.fsdecode(b"fl\xfcgel") / "b.png").reason
    assert reason is not None
    assert reason.endswith(f"is covered by the pattern {pattern}")


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "a[b", "   ", "!  ", " / ", "../x", "/a/../b", "./x", "x/.", "..", "a//b", "//a", "[z-a].png"],
)
def test_patterns_that_cannot_be_meant_are_refused_and_none_is_kept(index: Index, media: Path, pattern: str) -> None:
    with pytest.raises(UsageError):
        index.exclusions.add(["a/", pattern])
    assert index.exclusions.patterns == ()
    picture(media / "a.png", RED)
    with pytest.raises(UsageError):
        index.add([media], exclude=[pattern])


def test_a_pattern_that_leads_upwards_is_given_as_a_path(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(media)
    with pytest.raises(UsageError) as refused:
        index.exclusions.add("../x")
    said = "'../x': matches nothing, since no path below a folder holds . or ..; by its whole path that is"
    assert str(refused.value) == f"{said} {media.parent}/x"


@pytest.mark.parametrize("pattern", ["*", "**", "/*", "/**", "**/*", "*.*"])
def test_what_covers_everything_says_so_and_how_to_take_some_in(
    index: Index, media: Path, caplog: pytest.LogCaptureFixture, pattern: str
) -> None:
    for name in ("a.png", "x/b.png", "x/c.gif"):
        picture(media / name, RED)
    assert index.exclusions.add([pattern, "*.gif", "[a-m]*"]) == 3
    (said,) = caplog.messages
    assert said.startswith(f"{pattern} covers everything; patterns that are added after it take in again what they")
    index.exclusions.add(["!*/", "!*.png"])
    index.add([media])
    assert held(index, media) == ["a.png", "x/b.png"]


def test_what_covers_every_folder_says_so(index: Index, caplog: pytest.LogCaptureFixture) -> None:
    index.exclusions.add(["*/", "!*", "x*/"])
    assert [said.split(";")[0] for said in caplog.messages] == ["*/ covers every folder"]


def test_only_patterns_that_are_kept_can_be_removed(index: Index) -> None:
    index.exclusions.add("a/")
    with pytest.raises(UsageError, match="b/: is no pattern of this index; `modag exclude list` lists them"):
        index.exclusions.remove(["a/", "b/"])
    assert index.exclusions.patterns == ("a/",)
    index.exclusions.add("Süd/")
    assert index.exclusions.remove("Su\u0308d/") == 1
    assert "@eaDir/" in index.exclusions.built_in
    with pytest.raises(UsageError, match="is passed over without having been asked for; `modag exclude add '!@eaDir/'"):
        index.exclusions.remove("@eaDir/")


def test_what_an_older_index_holds_of_system_folders_is_named_and_pruned(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    thumbnail = picture(media / "@eaDir" / "a.png" / "SYNOPHOTO_THUMB_XL.png", (230, 21, 20))
    sent = picture(media / "sent" / "b.png", GREEN)
    index.add([media], exclude=["!@eaDir/"])
    index.label([thumbnail], "red")
    (media / "sent" / ".nomedia").touch()
    report = index.add([media])
    assert report.covered == (str(thumbnail), str(sent))
    assert (report.removed, report.unchanged) == (0, 1)
    foreseen = index.add([media], prune=True, dry_run=True)
    report = index.add([media], prune=True)
    assert (report.removed, foreseen.removed) == (2, 2)
    assert foreseen.passages == report.passages
    assert [(one.path, one.fate) for one in report.passages] == [(str(thumbnail), "kept")]
    assert held(index, media) == ["a.png"]
    assert index.add([media], exclude=["!@eaDir/"]).added == 1
    assert index.item(thumbnail).labels == ("red",)


def test_what_was_named_itself_is_neither_passed_over_nor_pruned_with_its_folder(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    hidden = picture(media / ".private" / "b.png", BLUE)
    shared = picture(media / "@eaDir" / "c.png", GREEN)
    report = index.add([media, hidden.parent, shared], prune=True)
    assert (report.added, report.covered, report.passed_over) == (3, (), {"@eaDir/": 1})
    report = index.add([media], prune=True)
    assert report.covered == (str(shared),)
    assert held(index, media) == [".private/b.png", "a.png"], "a hidden folder can only have been named itself"


def test_patterns_take_out_all_that_a_folder_holds(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    index.add([media])
    index.exclusions.add("*.png")
    assert index.add([media], prune=True).removed == 1


# What is missing.


def test_what_is_gone_is_told_of_and_taken_out_with_prune(index: Index, media: Path) -> None:
    for name, colour in (("a.png", RED), ("b.png", GREEN), ("x/c.png", BLUE)):
        picture(media / name, colour)
    index.add([media])
    (media / "b.png").unlink()
    shutil.rmtree(media / "x")
    report = index.add([media])
    assert relative(report.missing, media) == ["b.png", "x/c.png"]
    assert (report.removed, report.unchanged) == (0, 1)
    report = index.add([media], prune=True)
    assert (report.removed, len(report.missing)) == (2, 2)
    assert index.add([media]).missing == ()


def test_a_file_that_became_a_folder_is_gone(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    files = [picture(media / name, colour) for name, colour in (("x.png", GREEN), ("y.png", BLUE))]
    bad = media / "bad.png"
    bad.write_bytes(b"no picture")
    index.add([media])
    for number, path in enumerate([*files, bad]):
        path.unlink()
        picture(path / "inner.png", (60 + 60 * number, 20, 20))
    report = index.add([files[0]])
    assert (report.added, relative(report.missing, media)) == (1, ["x.png"])
    assert index.add([files[0]], prune=True).removed == 1
    report = index.add([media])
    assert (relative(report.missing, media), report.gone_failures) == (["y.png"], 1)
    report = index.add([media], prune=True)
    assert (report.removed, index.failures()) == (1, [])
    assert held(index, media) == ["a.png", "bad.png/inner.png", "x.png/inner.png", "y.png/inner.png"]


def test_what_has_moved_is_not_missing(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    picture(media / "b.png", BLUE)
    index.add([media])
    (media / "a.png").rename(media / "c.png")
    for dry_run in (True, False):
        report = index.add([media], dry_run=dry_run)
        assert (report.moved, report.missing) == (1, ())


def test_what_is_out_of_reach_is_told_of_and_spared(index: Index, media: Path) -> None:
    drive = picture(media / "disk1" / "a.png", RED).parent
    picture(media / "disk2" / "b.png", BLUE)
    index.add([media])
    (drive / "a.png").unlink()
    os.utime(drive, LONG_AGO)
    report = index.add([media], prune=True)
    assert (report.removed, report.missing, report.out_of_reach) == (0, (), 1)


def test_a_folder_that_was_deleted_is_pruned_by_its_name(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    gone = picture(media / "gone" / "b.png", BLUE)
    index.add([media])
    index.label([gone], "blue")
    shutil.rmtree(gone.parent)
    with pytest.raises(NoMediaError, match=r"does not exist.*was removed, --prune takes out the 1 file that the index"):
        index.add([gone.parent])
    foreseen = index.add([gone.parent], prune=True, dry_run=True)
    report = index.add([gone.parent], prune=True)
    assert (report.removed, foreseen.removed) == (1, 1)
    assert [(one.path, one.fate) for one in report.passages] == [(str(gone), "kept")]
    assert held(index, media) == ["a.png"]
    with pytest.raises(NoMediaError, match=r"does not exist; is the drive mounted\?$"):
        index.add([gone.parent], prune=True)


def test_a_file_and_a_failure_that_were_deleted_are_pruned_by_their_names(index: Index, media: Path) -> None:
    one, bad = picture(media / "one.png", RED), media / "bad.png"
    picture(media / "two.png", BLUE)
    bad.write_bytes(b"no picture")
    index.add([media])
    one.unlink()
    bad.unlink()
    assert index.add([one, media], prune=True).removed == 1
    assert index.failures() == []


def test_a_drive_that_is_away_is_not_pruned_by_its_name(index: Index, media: Path) -> None:
    drive = picture(media / "disk" / "photos" / "a.png", RED).parents[1]
    index.add([drive])
    shutil.rmtree(drive / "photos")
    os.utime(drive, LONG_AGO)
    for prune in (False, True):
        for root in (drive, drive / "photos"):
            with pytest.raises(NoMediaError, match="`modag forget` takes out the 1 file that the index holds of it"):
                index.add([root], prune=prune)
    assert len(index.forget(drive).paths) == 1
