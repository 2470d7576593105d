"""Taking files in: what is read, what is kept, what is noticed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from filelock import FileLock

from modag_search import Index, IndexReport, Notice
from modag_search.errors import IndexLockedError, UsageError
from modag_search.settings import IndexSettings
from modag_search.values import MODALITIES
from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, LOW_HZ, RED, picture, set_mtime, sound, video
from tests.unit import broken_media

if TYPE_CHECKING:
    from modag_search.values import Modality


def counts(report: IndexReport) -> dict[str, int]:
    """What a report counts, without noughts."""
    names = ("added", "updated", "unchanged", "moved", "removed", "failed")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def statuses(index: Index, path: Path) -> list[tuple[Modality, str]]:
    segments = index.catalog.segments.of_items([index.item(path).id])
    return [(segment.modality, segment.status) for segment in segments]


def found(index: Index, query: str | Path, **choices: object) -> set[str]:
    return {os.path.basename(hit.path) for hit in index.search(query, n=100, **choices)}  # type: ignore[arg-type]


def flash(path: Path) -> Path:
    """Write a video of three seconds that is black but for a picture between its first and its second second."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            pixels = np.zeros((48, 64, 3), np.uint8)
            pixels[:, :32] = 250 if 10 <= number < 19 else 0
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_of_a_video_it_is_told_which_frames_show_nothing(index: Index, media: Path) -> None:
    flash(media / "flash.mp4")
    index.add([media])
    (notice,) = index.notices()
    assert notice.text == "is as good as black in the 2 frames that were looked at, so nothing finds it"


def test_what_is_unchanged_is_not_read(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    before = red.stat()
    index.add([media])
    red.write_bytes(b"?" * before.st_size)
    set_mtime(red, before.st_mtime_ns)
    assert counts(index.add([media])) == {"unchanged": 1}


def test_what_nothing_finds_is_counted_and_told(index: Index, media: Path) -> None:
    black = picture(media / "black.png", BLACK)
    silent = sound(media / "silent.wav", (0, 1))
    sound(media / "half.wav", (0, 10), (LOW_HZ, 10))
    picture(media / "red.png", RED)
    report = index.add([media])
    assert {kind: report.noticed[kind] for kind in ("black", "silent")} == {"black": 1, "silent": 1}
    notices = {one.path: one for one in index.notices()}
    assert notices[str(black)].kind == "black"
    assert notices[str(silent)] == Notice(
        id=index.item(silent).id, path=str(silent), kind="silent", text="is silent throughout, so nothing finds it"
    )
    assert str(media / "half.wav") not in notices
    shutil.copy(silent, media / "copy.wav")
    assert index.add([media]).noticed == {"silent": 1}, "of what the run took in"


def test_what_is_passed_over_below_a_folder_is_listed_with_its_reason(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    hidden = picture(media / ".private" / "b.png", BLUE)
    picture(media / "drafts" / "c.png", GREEN)
    picture(media / "sent" / "d.png", GREEN)
    for name in ("e.dng", "notes.txt", "sent/.nomedia", "sent/more.txt", ".DS_Store"):
        (media / name).touch()
    (media / "link.png").symlink_to(media / "a.png")
    index.exclusions.add("drafts/")
    report = index.add([media])
    told = {os.path.relpath(one.path, media): one.text for one in index.passed_over([media, media / "drafts"])}
    assert len(told) == sum(report.passed_over.values()) + sum(report.unread.values()) + report.other_files
    assert told == {
        ".DS_Store": "is no picture, sound or video by its ending",
        ".private": "is hidden (.*)",
        "drafts": "is covered by the pattern drafts/",
        "e.dng": "is of a kind that is not read, by its ending .dng",
        "link.png": "is a symbolic link, and only --follow-symlinks follows these",
        "notes.txt": "is no picture, sound or video by its ending",
        "sent": "holds a file .nomedia",
    }
    index.add([hidden])
    assert str(hidden.parent) not in {one.path for one in index.passed_over(media)}, "what was named itself is taken in"
    with pytest.raises(UsageError, match="does not exist"):
        index.passed_over(media / "nowhere")


def test_a_touched_file_is_unchanged(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    index.add([media])
    generation = index.catalog.generation
    set_mtime(red, 1_600_000_000_000_000_000)
    assert counts(index.add([media])) == {"unchanged": 1}
    assert index.item(red).mtime_ns == 1_600_000_000_000_000_000
    assert index.catalog.generation == generation


def test_an_edit_replaces_and_keeps_id_and_labels(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    sound(media / "low.wav", (LOW_HZ, 1))
    index.add([media])
    index.label([one], "flag")
    before = index.item(one)
    picture(one, BLUE)
    set_mtime(one, 1)
    assert counts(index.add([media])) == {"updated": 1, "unchanged": 1}
    after = index.item(one)
    assert (after.id, after.labels) == (before.id, ("flag",))
    assert after.content_hash != before.content_hash
    (hit,) = index.search(media / "low.wav")
    assert hit.similarity < 0.2  # blue does not go with low


def test_a_move_keeps_id_labels_and_features(index: Index, media: Path) -> None:
    old = picture(media / "old.png", RED)
    picture(media / "other.png", BLUE)
    index.add([media])
    index.label([old], "flag")
    before = index.item(old)
    segments = index.catalog.segments.of_items([before.id])
    new = media / "deeper" / "new.png"
    new.parent.mkdir()
    old.rename(new)
    assert counts(index.add([media])) == {"moved": 1, "unchanged": 1}
    after = index.item(new)
    assert (after.id, after.labels) == (before.id, ("flag",))
    assert index.catalog.segments.of_items([after.id]) == segments
    with pytest.raises(UsageError, match="is not in the index"):
        index.item(old)


def test_a_copy_is_a_second_item_without_labels(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    index.add([media])
    index.label([one], "flag")
    two = Path(shutil.copy(one, media / "two.png"))
    assert counts(index.add([media])) == {"added": 1, "unchanged": 1}
    assert index.item(two).id != index.item(one).id
    assert index.item(two).labels == ()
    assert found(index, one) == {"two.png"}


def test_an_edit_to_the_content_of_another_file_is_noticed(index: Index, media: Path) -> None:
    one, two = picture(media / "one.png", RED), picture(media / "two.png", BLUE)
    index.add([media])
    shutil.copy(two, one)
    assert counts(index.add([media])) == {"updated": 1, "unchanged": 1}
    assert index.item(one).content_hash == index.item(two).content_hash
    (hit,) = index.search(f"id:{index.item(two).id}")
    assert hit.path == str(one)
    assert hit.similarity == pytest.approx(1, abs=1e-6)


def test_of_two_files_that_a_vanished_one_became_one_is_moved(index: Index, media: Path) -> None:
    old = picture(media / "old.png", RED)
    index.add([media])
    index.label([old], "flag")
    for name in ("a.png", "b.png"):
        shutil.copy(old, media / name)
    old.unlink()
    foreseen = counts(index.add([media], prune=True, dry_run=True))
    assert counts(index.add([media], prune=True)) == foreseen == {"moved": 1, "added": 1}
    assert sorted(item.labels for item in index.catalog.items.all()) == [(), ("flag",)]


def test_a_file_that_is_damaged_later_is_listed_and_no_longer_found(index: Index, media: Path) -> None:
    one, two = picture(media / "one.png", RED), picture(media / "two.png", RED)
    index.add([media])
    index.label([one], "flag")
    one.write_bytes(b"no picture")
    assert counts(index.add([media])) == {"failed": 1, "unchanged": 1}
    assert found(index, two) == set()
    assert [failure.path for failure in index.failures()] == [str(one)]
    picture(one, RED)
    assert counts(index.add([media])) == {"updated": 1, "unchanged": 1}
    assert index.failures() == []
    assert index.item(one).labels == ("flag",)
    assert found(index, two) == {"one.png"}


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_files_never_stop_a_run_and_are_listed(index: Index, media: Path, workers: int) -> None:
    corpus = broken_media.build(media / "broken")
    good = picture(media / "zzz.png", RED)
    report = index.add([media], workers=workers)
    bad = {broken.path for broken in corpus if broken.error}
    assert {failure.path for failure in report.failures} == bad
    assert {failure.path for failure in index.failures()} == bad
    assert all(failure.reason for failure in report.failures)
    assert report.failed == len(bad)
    assert report.added == len(corpus) - len(bad) + 1
    assert index.item(good).status == "ok"
    assert index.verify() == []


def test_failures_are_tried_again_when_asked_or_when_changed(index: Index, media: Path) -> None:
    bad = media / "bad.png"
    bad.write_bytes(b"no picture")
    picture(media / "good.png", RED)
    assert counts(index.add([media])) == {"added": 1, "failed": 1}
    seen = bad.stat().st_mtime_ns
    bad.write_bytes(b"not a thing")
    os.truncate(bad, len(b"no picture"))
    set_mtime(bad, seen)
    assert counts(index.add([media])) == {"unchanged": 1, "failed": 1}
    size = bad.stat().st_size
    picture(bad, BLUE)
    assert bad.stat().st_size != size
    assert counts(index.add([media])) == {"unchanged": 1, "added": 1}
    assert index.failures() == []


def test_retry_failed_reads_files_that_have_not_changed(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = picture(media / "good.png", RED)
    bad = picture(media / "bad.png", GREEN)
    content, status = bad.read_bytes(), bad.stat()
    bad.write_bytes(b"?" * status.st_size)
    set_mtime(bad, status.st_mtime_ns)
    index.add([media])
    bad.write_bytes(content)
    set_mtime(bad, status.st_mtime_ns)
    assert counts(index.add([media])) == {"unchanged": 1, "failed": 1}
    assert counts(index.add([media], retry_failed=True)) == {"unchanged": 1, "added": 1}
    assert found(index, good) == {"bad.png"}


def test_a_video_is_found_by_its_frames_and_by_its_sound(index: Index, media: Path) -> None:
    clip = video(media / "clip.mp4")
    low = sound(media / "low.wav", (LOW_HZ, 1))
    index.add([media])
    assert {modality for modality, _ in statuses(index, clip)} == {"image", "sound"}
    for modality in MODALITIES:
        hits = index.search(low, modality=modality)
        assert [(hit.path, hit.modality) for hit in hits] == [(str(clip), modality)]
        assert hits[0].start_s is not None


def test_silence_and_black_are_indexed_yet_never_found(index: Index, media: Path) -> None:
    silent = sound(media / "silent.wav", (0, 2))
    black = picture(media / "black.png", BLACK)
    red = picture(media / "red.png", RED)
    assert counts(index.add([media])) == {"added": 3}
    assert statuses(index, silent) == [("sound", "silent")]
    assert statuses(index, black) == [("image", "black")]
    assert found(index, red) == set()
    assert counts(index.add([media])) == {"unchanged": 3}


def test_a_long_sound_becomes_windows_with_times(index: Index, media: Path) -> None:
    long = sound(media / "long.wav", (LOW_HZ, 12), (0, 11), (HIGH_HZ, 9))
    index.add([media])
    segments = index.catalog.segments.of_items([index.item(long).id])
    assert [(s.start_s, s.end_s) for s in segments] == [
        (0, 10),
        (5, 15),
        (10, 20),
        (15, 25),
        (20, 30),
        (25, 32),
    ]
    assert index.item(long).duration_s == 32
    high = sound(media.parent / "high.wav", (HIGH_HZ, 1))
    (hit,) = index.search(high)
    assert (hit.start_s, hit.end_s) in {(15, 25), (20, 30), (25, 32)}


def test_prune_removes_what_is_gone_below_the_paths_only(index: Index, media: Path) -> None:
    for number, name in enumerate(("a/one.png", "a/two.png", "b/three.png")):
        picture(media / name, (200 - number, 0, 0))
    index.add([media])
    (media / "a" / "one.png").unlink()
    (media / "b" / "three.png").unlink()
    assert counts(index.add([media / "a"])) == {"unchanged": 1}
    assert counts(index.add([media / "a"], prune=True)) == {"unchanged": 1, "removed": 1}
    assert {item.path for item in index.catalog.items.all()} == {
        str(media / "a" / "two.png"),
        str(media / "b" / "three.png"),
    }
    assert found(index, picture(media.parent / "query.png", RED)) == {"two.png", "three.png"}


def test_prune_never_answers_with_what_was_removed(index: Index, media: Path) -> None:
    query = picture(media.parent / "query.png", RED)
    for number in range(5):
        picture(media / f"{number}.png", (200 + number, 20, 20))
    index.add([media])
    assert found(index, query) == {f"{number}.png" for number in range(5)}
    for number in (0, 1, 2):
        (media / f"{number}.png").unlink()
    index.add([media], prune=True)
    assert found(index, query) == {"3.png", "4.png"}
    with Index.open(index.folder) as again:
        assert found(again, query) == {"3.png", "4.png"}


def test_prune_spares_a_folder_that_cannot_be_entered(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(media / "open.png", RED)
    hidden = picture(media / "closed" / "hidden.png", RED)
    index.add([media])
    real_scandir, real_lstat = os.scandir, os.lstat

    def denied_scandir(path: str) -> object:
        if os.fspath(path) == str(hidden.parent):
            raise PermissionError(13, "Permission denied", path)
        return real_scandir(path)

    def denied_lstat(path: str, **choices: object) -> os.stat_result:
        if os.fspath(path) == str(hidden):
            raise PermissionError(13, "Permission denied", path)
        return real_lstat(path, **choices)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "scandir", denied_scandir)
    monkeypatch.setattr(os, "lstat", denied_lstat)
    report = index.add([media], prune=True)
    assert counts(report) == {"unchanged": 1, "failed": 1}
    assert index.item(hidden).status == "ok"


def test_a_folder_that_may_not_be_listed_is_said_to_be_closed(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = picture(media / "sub" / "one.png", RED).parent
    (media / "other").mkdir()
    real = os.scandir
    closed: set[str] = set()

    def scandir(path: str) -> object:
        if os.fspath(path) in closed:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    denied = "may not be read: the system denies access"
    for is_indexed in (False, True):
        closed = {str(media)}
        with pytest.raises(UsageError) as told:
            index.add([media])
        assert str(told.value) == f"{media}: {denied}"
        closed = {str(inner), str(media / "other")}
        for prune in (False, True):
            with pytest.raises(UsageError) as told:
                index.add([media], prune=prune)
            held = f"{media}: holds no media that can be looked at"
            assert str(told.value) == f"{held}: {media}/other {denied}, nor 1 other"
        closed = set()
        assert counts(index.add([media])) == ({"unchanged": 1} if is_indexed else {"added": 1})


def test_a_missing_or_empty_root_changes_nothing(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    index.add([media])
    one.unlink()
    with pytest.raises(UsageError, match="holds no media"):
        index.add([media], prune=True)
    with pytest.raises(UsageError, match="does not exist"):
        index.add([media / "nowhere"], prune=True)
    assert index.item(one).status == "ok"


def test_exclude_and_symlinks(index: Index, media: Path) -> None:
    picture(media / "kept.png", RED)
    picture(media / "drafts" / "draft.png", RED)
    picture(media / "x.jpg", RED)
    elsewhere = picture(media.parent / "elsewhere" / "linked.png", RED)
    (media / "link").symlink_to(elsewhere.parent)
    assert counts(index.add([media], exclude=["drafts", "*.jpg"])) == {"added": 1}
    assert counts(index.add([media], exclude=["drafts", "*.jpg"], follow_symlinks=True)) == {
        "added": 1,
        "unchanged": 1,
    }
    assert index.item(media / "link" / "linked.png").status == "ok"


def test_a_dry_run_writes_nothing_and_foresees_the_run(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    edited = picture(media / "b.png", GREEN)
    moved = picture(media / "c.png", BLUE)
    removed = sound(media / "d.wav", (LOW_HZ, 1))
    index.add([media])
    picture(edited, (9, 99, 199))
    set_mtime(edited, 5)
    moved.rename(media / "e.png")
    removed.unlink()
    sound(media / "f.wav", (HIGH_HZ, 1))
    before = sorted((path.name, path.stat().st_mtime_ns) for path in index.folder.rglob("*") if path.is_file())
    foreseen = index.add([media], prune=True, dry_run=True)
    after = sorted((path.name, path.stat().st_mtime_ns) for path in index.folder.rglob("*") if path.is_file())
    assert before == after
    assert foreseen.dry_run
    done = index.add([media], prune=True)
    assert counts(foreseen) == counts(done)
    assert counts(done) == {"added": 1, "updated": 1, "unchanged": 1, "moved": 1, "removed": 1}


def test_names_that_are_not_utf8(index: Index, media: Path) -> None:
    odd = picture(media / os.fsdecode(b"caf\xe9.png"), RED)
    bad = media / os.fsdecode(b"bad\xff.png")
    bad.write_bytes(b"no picture")
    assert counts(index.add([media])) == {"added": 1, "failed": 1}
    assert index.item(odd).path == str(odd)
    (failure,) = index.failures()
    assert failure.path == str(bad)
    (hit,) = index.search(picture(media.parent / "query.png", RED))
    assert hit.path == str(odd)


def test_a_single_file_and_overlapping_paths(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    notes = media / "notes.txt"
    notes.write_text("not media")
    report = index.add([one, media, notes])
    assert counts(report) == {"added": 1, "failed": 1}
    assert report.failures[0].path == str(notes)


def test_progress_is_told_up_to_the_end(index: Index, media: Path) -> None:
    picture(media / "one.png", RED)
    (media / "bad.png").write_bytes(b"no picture")
    heard: list[tuple[int, int]] = []
    index.add([media], progress=lambda *, done, found: heard.append((done, found)))
    assert heard[-1] == (2, 2)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


def test_an_unexpected_error_in_one_file_is_a_failure_of_that_file(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.toy_encoders import ToyImage

    real = ToyImage._feature

    def fussy(self: ToyImage, pixels: object) -> object:
        if (pixels.mean(axis=(0, 1)) == BLUE).all():  # type: ignore[attr-defined]
            raise ZeroDivisionError("blue")
        return real(self, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(ToyImage, "_feature", fussy)
    picture(media / "a.png", BLUE)
    picture(media / "b.png", RED)
    report = index.add([media], workers=1)
    assert counts(report) == {"added": 1, "failed": 1}
    assert report.failures[0].error == "ZeroDivisionError"


def test_a_second_writer_is_turned_away_and_readers_are_not(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    picture(media / "rose.png", (230, 25, 25))
    index.add([media])
    with FileLock(index.folder / "lock"), Index.open(index.folder, wait_s=0) as impatient:
        with pytest.raises(IndexLockedError, match="another process is writing"):
            impatient.add([media])
        with pytest.raises(IndexLockedError, match="another process is writing"):
            impatient.rebuild()
        assert found(index, red) == {"rose.png"}
    assert counts(index.add([media])) == {"unchanged": 2}


def test_another_cut_of_sounds_renews_items_and_keeps_labels(index: Index, media: Path) -> None:
    long = sound(media / "long.wav", (LOW_HZ, 12))
    red = picture(media / "red.png", RED)
    index.add([media])
    index.label([long], "drone")
    folder, kept = index.folder, index.settings
    index.close()
    IndexSettings(
        sound_encoder=kept.sound_encoder, image_encoder=kept.image_encoder, space="own", window_s=4, hop_s=4
    ).save(folder)
    with Index.open(folder) as again:
        assert again.outdated() == 1
        assert found(again, red) == set()  # features of another cut do not count
        assert counts(again.add([media])) == {"updated": 1, "unchanged": 1}
        assert again.outdated() == 0
        assert again.item(long).labels == ("drone",)
        assert found(again, red) == {"long.wav"}


def test_adding_imports_no_torch_unless_an_encoder_does(tmp_path: Path, toy_plugins: Path) -> None:
    picture(tmp_path / "media" / "red.png", RED)
    program = (
        "import sys; from pathlib import Path; from tests.toy_encoders import toy_index\n"
        "toy_index(Path(sys.argv[1])).add([sys.argv[2]])\n"
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "index"), str(tmp_path / "media")],
        check=True,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{toy_plugins}"},
    )


@pytest.mark.parametrize("first", ["real", "link"])
def test_a_folder_of_two_names_is_taken_in_under_one(index: Index, media: Path, first: str) -> None:
    real, link = media / "real", media / "link"
    picture(real / "a.png", RED)
    picture(real / "sub" / "b.png", GREEN)
    link.symlink_to(real)
    names = [link, real] if first == "link" else [real, link]
    known, other = map(str, names)
    report = index.add(names)
    assert (counts(report), report.known_as) == ({"added": 2}, {other: known})
    for given, root in ((other, known), (f"{other}/sub", f"{known}/sub"), (f"{other}/a.png", f"{known}/a.png")):
        again = index.add([given])
        assert counts(again).keys() == {"unchanged"}
        assert again.known_as == {given: root}
    assert index.add([known, f"{known}/sub", f"{known}/a.png"]).known_as == {}
    assert len(list(index.catalog.items.paths_under(str(media)))) == 2


def test_a_folder_below_one_of_two_names_is_known_too(index: Index, media: Path) -> None:
    sub = picture(media / "sub" / "a.png", RED).parent
    (media / "shortcut").symlink_to(sub)
    (media.parent / "way").symlink_to(media.parent / "media")
    index.add([media])
    assert index.add([media / "shortcut"]).known_as == {str(media / "shortcut"): str(sub)}
    new = picture(media / "new" / "b.png", GREEN)
    report = index.add([media.parent / "way" / "new"], dry_run=True)
    assert (counts(report), report.known_as) == ({"added": 1}, {str(media.parent / "way" / "new"): str(new.parent)})
    index.add([media.parent / "way" / "new"])
    assert index.item(new).status == "ok"


def test_what_a_folder_above_holds_under_a_second_name_is_told(index: Index, media: Path) -> None:
    picture(media / "real" / "a.png", RED)
    way = media.parent / "way"
    way.symlink_to(media / "real")
    index.add([way])
    assert index.add([media], dry_run=True).twice == {str(way): str(media / "real")}
    report = index.add([media])
    assert (counts(report), report.twice) == ({"added": 1}, {str(way): str(media / "real")})
    assert index.add([media / "real"]).twice == {str(way): str(media / "real")}
    assert index.add([way]).twice == {str(media / "real"): str(way)}
    index.forget([way])
    assert index.add([media]).twice == {}


def test_a_folder_that_the_index_holds_under_the_name_given_is_taken_under_it(index: Index, media: Path) -> None:
    elsewhere = picture(media.parent / "elsewhere" / "a.png", RED).parent
    picture(media / "b.png", GREEN)
    (media / "link").symlink_to(elsewhere)
    index.add([media], follow_symlinks=True)
    index.add([elsewhere])
    report = index.add([media / "link"])
    assert (counts(report), report.known_as) == ({"unchanged": 1}, {})
    index.forget([elsewhere])
    index.forget([media / "link"])
    assert index.add([media / "link"]).known_as == {}, "nothing is known of the other name any more"


def test_one_name_of_a_folder_that_is_gone_makes_room_for_the_other(index: Index, media: Path) -> None:
    picture(media / "real" / "a.png", RED)
    (media / "link").symlink_to(media / "real")
    index.add([media / "link"])
    (media / "link").unlink()
    report = index.add([media / "real"])
    assert (counts(report), report.known_as) == ({"moved": 1}, {})


def test_thousands_of_named_files_are_taken_in_and_known_again(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    picture(folder / "0.png", RED)
    names = [folder / f"{number}.png" for number in range(1200)]
    for name in names[1:]:
        os.link(folder / "0.png", name)

    assert counts(index.add(names)) == {"added": 1200}
    assert counts(index.add(names)) == {"unchanged": 1200}
    os.remove(names[5])
    assert counts(index.add([folder, names[7]], prune=True)) == {"unchanged": 1199, "removed": 1}


def test_a_copy_of_what_is_damaged_in_the_catalog_is_encoded_itself(index: Index, media: Path) -> None:
    original = picture(media / "a.png", RED)
    index.add([media])
    with closing(sqlite3.connect(index.catalog.path)) as connection, connection:
        connection.execute("UPDATE feature SET data = CAST(x'0100' || substr(data, 3) AS BLOB)")
    shutil.copy(original, media / "copy.png")
    assert counts(index.add([media])) == {"added": 1, "unchanged": 1}
    copy = index.item(media / "copy.png").id
    assert len(index.catalog.segments.features_of([one.id for one in index.catalog.segments.of_items([copy])])) == 1
