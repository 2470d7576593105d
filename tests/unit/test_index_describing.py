"""All that an index knows of one file, and why it does not hold others."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import UsageError
from tests.made_media import BLUE, LOW_HZ, RED, picture, sound
from tests.toy_encoders import ToyImage

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index
    from modag_search.values import Float32Array, Uint8Array


def reason(index: Index, path: Path) -> str:
    described = index.describe(path)
    assert (described.state, described.item, described.segments) == ("not indexed", None, ())
    return described.reason or ""


def test_all_about_an_item(index: Index, media: Path) -> None:
    low = sound(media / "low.wav", (LOW_HZ, 10), (0, 10))
    shutil.copy(low, media / "copy.wav")
    index.add([media])
    index.label([low], "hum", start_s=0, end_s=10)
    index.deny([low], "dog")
    described = index.describe(low)
    assert described.item == index.item(low)
    assert (described.path, described.state, described.reason) == (str(low), "indexed", None)
    assert (described.exists, described.is_unchanged, described.is_outdated) == (True, True, False)
    assert (described.encoders, described.copies) == (("toy-sound",), (str(media / "copy.wav"),))
    assert [(one.start_s, one.status) for one in described.segments] == [(0.0, "ok"), (5.0, "ok"), (10.0, "silent")]
    (hum,) = described.labels
    assert (hum.label, hum.origin, hum.start_s, hum.end_s) == ("hum", "hand", 0, 10)
    assert [one.label for one in described.denied] == ["dog"]
    assert index.describe(f"id:{index.item(low).id}") == described


def test_what_nothing_finds_says_so(index: Index, media: Path) -> None:
    silent = sound(media / "silent.wav", (0, 1))
    index.add([media])
    (notice,) = index.describe(silent).notices
    assert (notice.kind, notice.text) == ("silent", "is silent throughout, so nothing finds it")


def test_a_file_that_changed_and_one_that_is_gone(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    picture(media / "blue.png", BLUE)
    index.add([media])
    picture(red, BLUE).write_bytes(b"no picture")
    described = index.describe(red)
    assert (described.state, described.exists, described.is_unchanged) == ("indexed", True, False)
    index.add([media])
    described = index.describe(red)
    assert (described.state, described.segments, described.item) == ("failed", (), index.item(red))
    assert "is not a picture" in (described.reason or "")
    (media / "blue.png").unlink()
    described = index.describe(media / "blue.png")
    assert (described.state, described.exists, described.is_unchanged) == ("indexed", False, None)


def test_what_failed_as_it_is_now_is_given_up_until_it_changes(index: Index, media: Path) -> None:
    red, bad = picture(media / "red.png", RED), media / "bad.png"
    bad.write_bytes(b"no picture")
    index.add([media])
    assert [index.describe(path).is_given_up for path in (red, bad)] == [False, True]
    red.write_bytes(b"no picture either")
    assert not index.describe(red).is_given_up
    index.add([media])
    described = index.describe(red)
    assert (described.state, described.is_unchanged, described.is_given_up) == ("failed", False, True)
    for path in (red, bad):
        picture(path, BLUE)
        assert not index.describe(path).is_given_up


def test_what_failed_by_no_fault_of_its_own_is_not_given_up(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ToyImage._feature

    def without_memory(self: ToyImage, pixels: Uint8Array) -> Float32Array:
        if (pixels.mean(axis=(0, 1)) == RED).all():
            raise MemoryError
        return real(self, pixels)

    red = picture(media / "red.png", RED)
    monkeypatch.setattr(ToyImage, "_feature", without_memory)
    index.add([media])
    described = index.describe(red)
    assert (described.state, described.is_given_up) == ("failed", False)


def test_a_file_that_never_was_an_item_and_failed(index: Index, media: Path) -> None:
    picture(media / "red.png", RED)
    (media / "empty.wav").touch()
    index.add([media])
    described = index.describe(media / "empty.wav")
    assert (described.state, described.reason, described.item) == ("failed", "is empty (0 bytes)", None)


def test_why_a_file_is_not_in_the_index(index: Index, media: Path, tmp_path: Path) -> None:
    red = picture(media / "red.png", RED)
    for name in (".hidden/a.png", "@eaDir/b.png", "drafts/c.png", "sent/d.png", "old/e.png"):
        picture(media / name, RED)
    for name in ("raw.dng", "notes.txt", "sent/.nomedia"):
        (media / name).touch()
    (media / "link.png").symlink_to(red)
    os.mkfifo(media / "pipe.wav")
    elsewhere = picture(tmp_path / "elsewhere" / "f.png", RED)
    index.exclusions.add("drafts/")
    index.add([media], exclude=["/old"])
    new = picture(media / "new.png", BLUE)
    for path, words in (
        (media / ".hidden" / "a.png", f"is passed over: {media / '.hidden'} is hidden (.*)"),
        (
            media / "@eaDir" / "b.png",
            f"is passed over: {media / '@eaDir'} is a folder that systems keep for themselves (@eaDir/)",
        ),
        (media / "drafts", "is passed over: is covered by the pattern drafts/"),
        (media / "drafts" / "c.png", f"is passed over: {media / 'drafts'} is covered by the pattern drafts/"),
        (media / "sent" / "d.png", f"is passed over: {media / 'sent'} holds a file .nomedia"),
        (media / "old" / "e.png", f"is passed over: {media / 'old'} is covered by the pattern /old"),
        (media / "raw.dng", "is passed over: is of a kind that is not read, by its ending .dng"),
        (media / "notes.txt", "is passed over: is no picture, sound or video by its ending"),
        (media / "link.png", "is passed over: is a symbolic link, and only --follow-symlinks follows these"),
        (media / "pipe.wav", "is passed over: is a pipe, a socket or a device"),
        (elsewhere, "lies in no folder that was indexed; `modag index` takes it in"),
        (new, "has come since its folder was indexed, or that was broken off; `modag index` takes it in"),
        (media, "is a folder; `modag failures --all` lists what is passed over in it"),
        (media / "Red.png", f"does not exist, and is not in the index; did you mean {red} (id:{index.item(red).id})?"),
    ):
        assert reason(index, path) == words


def test_what_was_forgotten_is_told_until_it_is_taken_back(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    torn = media / "torn.png"
    torn.write_bytes(b"no picture")
    index.add([media])
    index.forget([red, torn])
    told = "was forgotten; `modag forget --undo` takes it back, and so does `modag index`"
    assert [reason(index, red), reason(index, torn)] == [told, told]
    red.unlink()
    assert reason(index, red) == "was forgotten, and does not exist (any more); `modag forget --undo` takes it back"
    index.undo_forget()
    assert index.describe(red).state == "indexed"
    index.forget([red])
    index.forget([torn])
    assert reason(index, red) == "does not exist, and is not in the index"


def test_a_folder_that_was_named_itself_is_not_passed_over(index: Index, media: Path) -> None:
    hidden = picture(media / ".private" / "a.png", RED).parent
    index.add([hidden])
    assert reason(index, picture(hidden / "b.png", BLUE)).startswith("has come since")


def test_roots_are_known_however_they_were_named(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture(media / "a.png", RED)
    monkeypatch.chdir(tmp_path)
    index.add(["media"])
    monkeypatch.chdir("/")
    assert reason(index, picture(media / "b.png", BLUE)).startswith("has come since")


def test_an_id_that_no_item_has(index: Index) -> None:
    described = index.describe("id:7")
    assert (described.path, described.state, described.exists) == ("id:7", "not indexed", False)
    assert described.reason == "is not in the index; `modag search` shows the ids of items"
    with pytest.raises(UsageError, match="id:x: an id is a whole number"):
        index.describe("id:x")
