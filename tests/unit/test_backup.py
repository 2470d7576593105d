"""An index in one file: made while it is in use, and put back, here or where the media lie elsewhere."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import sqlite3
import threading
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modag_search import Index
from modag_search.catalog.relocation import relocated
from modag_search.errors import IndexFolderError, NewerCatalogError, UsageError
from modag_search.index.backup import unpack
from tests.made_media import BLUE, GREEN, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def labelled(filled: Index, media: Path) -> Index:
    """With labels on either modality, a head, what labels taught, a failure and a file that was forgotten."""
    for label, names in {"low": "ab", "high": "c"}.items():
        filled.label([media / f"{name}.{ending}" for name in names for ending in ("png", "wav")], label)
    filled.train_head()
    filled.classify(media / "a.wav")
    (media / "torn.wav").write_bytes(b"RIFF")
    filled.add([media, picture(media / "gone.png", (1, 99, 3))])
    filled.forget([media / "gone.png"])
    (media / "gone.png").unlink()
    return filled


def described(index: Index) -> dict[str, object]:
    """What people see of an index."""
    return {
        "answers": [
            [(hit.id, hit.path, hit.similarity, hit.labels) for hit in index.search(f"id:{n}")] for n in (1, 2)
        ],
        "named": [(one.path, one.label, one.confidence) for one in index.classify(["id:1", "id:4"])],
        "by head": [(one.path, one.label, one.confidence) for one in index.classify(["id:1", "id:4"], by="head")],
        "labels": index.labels.summaries(),
        "failures": [failure.path for failure in index.failures()],
    }


def test_what_is_restored_answers_as_what_was_backed_up(labelled: Index, tmp_path: Path) -> None:
    before = described(labelled)
    with pytest.raises(UsageError, match="/backups: there is no such folder; is its drive mounted"):
        labelled.back_up(tmp_path / "backups" / "one.modag")
    (tmp_path / "backups").mkdir()
    report = labelled.back_up(tmp_path / "backups" / "one.modag")
    assert (report.items, report.problems) == (6, ())
    assert report.size_bytes == (tmp_path / "backups" / "one.modag").stat().st_size
    restored = Index.restore(report.path, tmp_path / "again")
    assert (restored.items, restored.missing, restored.missing_roots) == (6, 0, ())
    with Index.open(tmp_path / "again") as index:
        assert index.settings == labelled.settings
        assert index.verify() == []
        assert described(index) == before
        (recalled,) = index.undo_forget().paths
        assert os.path.basename(recalled) == "gone.png"
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == ["one.modag"]
    assert not [path.name for path in (tmp_path / "again").iterdir() if path.name.startswith(".") or "bak" in path.name]


def test_media_that_lie_elsewhere_are_known_there(labelled: Index, media: Path, tmp_path: Path) -> None:
    backup = labelled.back_up(tmp_path / "one.modag").path
    labelled.close()
    media.rename(tmp_path / "disk")
    restored = Index.restore(backup, tmp_path / "again", roots={str(media): str(tmp_path / "disk")})
    assert restored.missing == 0
    with Index.open(tmp_path / "again") as index:
        report = index.add([tmp_path / "disk"])
        assert (report.unchanged, report.added, report.moved) == (6, 0, 0)
        assert index.item(tmp_path / "disk" / "a.png").labels == ("low",)
        assert [failure.path for failure in index.failures()] == [str(tmp_path / "disk" / "torn.wav")]
        assert index.undo_forget().paths == (str(tmp_path / "disk" / "gone.png"),)
        assert index.verify() == []


def test_media_on_one_disk_with_the_backup_are_found_wherever_it_is_mounted(labelled: Index, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    sound(disk / "sounds" / "night.wav", (700.0, 1.0))
    labelled.add([disk / "sounds"])
    (disk / "backups").mkdir()
    backup = disk / "backups" / "one.modag"
    labelled.back_up(backup)
    disk.rename(tmp_path / "mounted elsewhere")
    backup = tmp_path / "mounted elsewhere" / "backups" / "one.modag"
    sounds = tmp_path / "mounted elsewhere" / "sounds"
    restored = Index.restore(backup, tmp_path / "again")
    assert (restored.items, restored.missing, restored.missing_roots) == (7, 0, ())
    assert restored.found_roots == {str(disk / "sounds"): str(sounds)}
    with Index.open(tmp_path / "again") as index:
        assert index.add([sounds]).unchanged == 1
        assert index.verify() == []
    told = Index.restore(backup, tmp_path / "third", roots={str(disk): "/nowhere"})
    assert (told.found_roots, told.missing_roots) == ({}, ("/nowhere/sounds",))


def moved_disk(index: Index, tmp_path: Path) -> tuple[Path, Path]:
    """Index a disk that holds its backup, and mount it elsewhere; return the backup, and where it was mounted."""
    for number in range(9):
        picture(tmp_path / "disk" / "media" / f"{number}.png", (20 * number, 0, 0))
    index.add([tmp_path / "disk" / "media"])
    index.back_up(tmp_path / "disk" / "one.modag")
    (tmp_path / "disk").rename(tmp_path / "mnt")
    return tmp_path / "mnt" / "one.modag", tmp_path / "disk"


def test_an_empty_folder_that_a_disk_was_mounted_at_is_not_taken_for_it(index: Index, tmp_path: Path) -> None:
    backup, was_at = moved_disk(index, tmp_path)
    (was_at / "media").mkdir(parents=True)
    restored = Index.restore(backup, tmp_path / "again")
    assert restored.found_roots == {str(was_at / "media"): str(tmp_path / "mnt" / "media")}
    assert (restored.missing, restored.missing_roots) == (0, ())
    told = Index.restore(shutil.copy(backup, tmp_path), tmp_path / "third")
    assert (told.missing, told.missing_roots) == (9, (str(was_at / "media"),))


def test_another_disk_where_the_former_one_was_is_not_taken_for_it(index: Index, tmp_path: Path) -> None:
    backup, was_at = moved_disk(index, tmp_path)
    shutil.copytree(backup.parent / "media", was_at / "media")
    for number in range(1, 9):  # all but one
        picture(was_at / "media" / f"{number}.png", (0, 0, 9)).rename(was_at / "media" / f"other {number}.png")
    restored = Index.restore(backup, tmp_path / "again")
    assert restored.found_roots == {str(was_at / "media"): str(tmp_path / "mnt" / "media")}
    told = Index.restore(shutil.copy(backup, tmp_path), tmp_path / "third")
    assert (told.missing, told.missing_roots) == (8, (str(was_at / "media"),))


def test_media_are_found_by_a_link_to_their_disk(index: Index, tmp_path: Path) -> None:
    backup, was_at = moved_disk(index, tmp_path)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "to").symlink_to(backup.parent)
    restored = Index.restore(tmp_path / "links" / "to" / "one.modag", tmp_path / "again")
    assert restored.found_roots == {str(was_at / "media"): str(tmp_path / "mnt" / "media")}


def test_media_are_found_though_some_of_them_are_gone(index: Index, tmp_path: Path) -> None:
    backup, _ = moved_disk(index, tmp_path)
    for number in range(4):
        (backup.parent / "media" / f"{number}.png").unlink()
    assert Index.restore(backup, tmp_path / "again").missing == 4
    (backup.parent / "media" / "4.png").unlink()
    assert Index.restore(backup, tmp_path / "third").missing == 9


def test_other_media_that_lie_alike_are_not_taken_for_them(index: Index, tmp_path: Path) -> None:
    backup, was_at = moved_disk(index, tmp_path)
    for number in range(9):
        (backup.parent / "media" / f"{number}.png").write_bytes(b"another")
    restored = Index.restore(backup, tmp_path / "again")
    assert (restored.found_roots, restored.missing_roots) == ({}, (str(was_at / "media"),))


@pytest.mark.parametrize("path", ["", "/", "/gone\ud800", "x\0y", "\ud800", "." * 5000])
def test_what_a_backup_says_of_where_media_lie_does_no_harm(
    filled: Index, media: Path, path: str, tmp_path: Path
) -> None:
    backup = filled.back_up(tmp_path / "one.modag").path
    with zipfile.ZipFile(backup) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"])
    manifest["relative_roots"] = {path: "x", str(media): path, "/m": path}
    parts["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(backup, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    restored = Index.restore(backup, tmp_path / "again")
    assert (restored.missing, restored.found_roots) == (0, {})
    media.rename(tmp_path / "gone")
    restored = Index.restore(backup, tmp_path / "third")
    assert (restored.missing, restored.found_roots) == (6, {})


def test_media_that_are_nowhere_are_told(labelled: Index, media: Path, tmp_path: Path) -> None:
    backup = labelled.back_up(tmp_path / "one.modag").path
    media.rename(tmp_path / "disk")
    restored = Index.restore(backup, tmp_path / "again")
    assert (restored.missing, restored.missing_roots) == (6, (str(media),))
    with pytest.raises(UsageError, match=f"/nowhere: nothing of the backup lies there; its folders: {media}"):
        Index.restore(backup, tmp_path / "third", roots={"/nowhere": str(tmp_path / "disk")})
    assert not (tmp_path / "third").exists()


def test_folders_may_take_each_others_places(index: Index, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "one/inner", "onetwo")]
    for number, folder in enumerate(folders):
        picture(folder / f"{number}.png", (20 + 50 * number, 9, 9))
    index.add([tmp_path / "one", tmp_path / "two", tmp_path / "onetwo"])
    moves = {str(old): str(new) for old, new in zip(folders, [*folders[1::-1], tmp_path / "inner"], strict=False)}
    before = {item.id: item.path for item in index.catalog.items.all()}
    index.catalog.relocate(moves)
    after = {item.id: item.path for item in index.catalog.items.all()}
    assert after == {number: relocated(path, moves) for number, path in before.items()}
    assert sorted(os.path.relpath(path, tmp_path) for path in after.values()) == [
        "inner/2.png",
        "one/1.png",
        "onetwo/3.png",
        "two/0.png",
    ]
    index.catalog.relocate({})
    with pytest.raises(UsageError, match="the same path"):
        index.catalog.relocate({str(tmp_path / "one/1.png"): str(tmp_path / "two/0.png")})
    assert {item.id: item.path for item in index.catalog.items.all()} == after


def test_patterns_of_whole_paths_move_with_what_they_are_of(index: Index, media: Path, tmp_path: Path) -> None:
    for name, colour in (("a.png", RED), ("drafts/b.png", GREEN), ("raw/c.png", BLUE)):
        picture(media / name, colour)
    index.exclusions.add([f"{media}/drafts", f"!{media}/drafts/final/*.png", "/drafts/", f"{media}2/x", "*.tmp"])
    assert index.add([media], exclude=[f"{media}/raw/"]).added == 1
    backup = index.back_up(tmp_path / "one.modag").path
    moved = media.rename(tmp_path / "disk [1]")
    Index.restore(backup, tmp_path / "again", roots={str(media): str(moved)})
    with Index.open(tmp_path / "again") as restored:
        there = f"{tmp_path}/disk \\[1]"
        kept = (f"{there}/drafts", f"!{there}/drafts/final/*.png", "/drafts/", f"{media}2/x", "*.tmp")
        assert restored.exclusions.patterns == kept
        assert restored.catalog.runs.all()[0].arguments["exclude"] == [f"{there}/raw/"]
        assert restored.exclusions.remove("/drafts/") == 1
        report = restored.add([moved], exclude=[f"{moved}/raw/"])
        assert (report.added, report.passed_over) == (0, {f"{there}/drafts": 1, f"{moved}/raw/": 1})
        assert restored.exclusions.remove(f"{there}/drafts") == 1


@given(st.binary(min_size=1, max_size=8).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b"..")))
def test_names_of_any_bytes_move(name: bytes) -> None:
    path = os.fsdecode(b"/old/" + name)
    assert relocated(path, {"/old": "/new"}) == os.fsdecode(b"/new/" + name)
    assert relocated(path, {"/ol": "/new"}) == path


def test_a_backup_holds_one_moment(index: Index, media: Path, tmp_path: Path) -> None:
    """A label is given to both files of a pair in one transaction: no copy may have it on one of them alone."""
    for name in ("a", "b"):
        sound(media / f"{name}.wav", (300, 1))
    index.add([media])
    stop = threading.Event()

    def label() -> None:
        number = 0
        while not stop.is_set():
            index.label([media / "a.wav", media / "b.wav"], f"label {number}")
            number += 1

    writer = threading.Thread(target=label)
    writer.start()
    try:
        backups = [index.back_up(tmp_path / f"{number}.modag").path for number in range(8)]
    finally:
        stop.set()
        writer.join()
    for number, backup in enumerate(backups):
        Index.restore(backup, tmp_path / f"again-{number}")
        with Index.open(tmp_path / f"again-{number}") as again:
            first, second = (set(item.labels) for item in again.catalog.items.all())
            assert first == second
            assert again.verify() == []


def test_a_backup_replaces_a_backup_and_no_other_file(filled: Index, media: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.modag"
    filled.back_up(target)
    first = target.read_bytes()
    filled.label([media / "a.png"], "oboe")
    filled.back_up(target)
    assert target.read_bytes() != first
    before = (media / "b.png").read_bytes()
    with pytest.raises(UsageError, match=r"b\.png: is a file of another kind"):
        filled.back_up(media / "b.png")
    assert (media / "b.png").read_bytes() == before
    novel = media / "novel.txt"
    disguised = media / "other.zip"
    novel.write_bytes(b'how "format": "modag-backup/1" came to be')
    with zipfile.ZipFile(disguised, "w") as archive:
        archive.writestr("notes.txt", '{"format": "modag-backup/1"}')
        archive.writestr("manifest.json", '{"format": "modag-backup/1"}')
    for other in (novel, disguised):
        before = other.read_bytes()
        with pytest.raises(UsageError, match=f"{other.name}: is a file of another kind"):
            filled.back_up(other)
        assert other.read_bytes() == before
    (tmp_path / "link").symlink_to(filled.folder)
    for wrong in (filled.folder / "one.modag", tmp_path / "link" / "one.modag", media):
        with pytest.raises(UsageError, match=str(wrong)):
            filled.back_up(wrong)


def test_the_backup_of_another_index_is_kept(filled: Index, media: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "one.modag", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(media / "a.png", elsewhere)
    filled.back_up(target)
    before = target.read_bytes()
    with toy_index(tmp_path / "other") as other:
        with pytest.raises(UsageError, match="is the backup of another index"):
            other.back_up(target)  # an index of nothing yet
        assert other.back_up(tmp_path / "empty.modag").items == 0
        other.add([elsewhere])
        with closing(sqlite3.connect(other.folder / "catalog.sqlite")) as catalog, catalog:
            catalog.execute("UPDATE run SET started_at = '2026-01-01T00:00:00+00:00'")  # else both in one second
        other.back_up(tmp_path / "empty.modag")
        with pytest.raises(UsageError, match=rf"one\.modag: is the backup of another index, of {media}; name another"):
            other.back_up(target)
        assert target.read_bytes() == before
        other.add([media])  # it holds what the other did
        other.back_up(target)
    assert target.read_bytes() != before


def test_a_backup_is_replaced_after_the_media_have_moved(filled: Index, media: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.modag"
    filled.back_up(target)
    before = target.read_bytes()
    moved = media.rename(tmp_path / "another disk")
    filled.add([moved])
    filled.back_up(target)
    assert target.read_bytes() != before


def test_an_index_is_not_restored_over(filled: Index, media: Path, tmp_path: Path) -> None:
    backup = filled.back_up(tmp_path / "one.modag").path
    with pytest.raises(UsageError, match="is an index already"):
        Index.restore(backup, filled.folder)
    with pytest.raises(IndexFolderError, match=r"media: holds .* and is no index"):
        Index.restore(backup, media)
    assert filled.verify() == []


def altered(path: Path) -> None:
    """Change a bit at the end of a file."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["space.safetensors", "head.safetensors", "settings.json", "catalog.sqlite"])
def test_a_backup_of_a_damaged_index_replaces_no_backup(labelled: Index, name: str, tmp_path: Path) -> None:
    kept = labelled.back_up(tmp_path / "one.modag").path
    before = (tmp_path / "one.modag").read_bytes()
    if name == "catalog.sqlite":
        with closing(sqlite3.connect(labelled.folder / name)) as connection, connection:
            connection.execute("UPDATE feature SET data = zeroblob(length(data)) WHERE segment_id = 1")
    elif name == "settings.json":
        path = labelled.folder / name
        path.write_text(path.read_text().replace("toy-sound", "toy-sounk"))
    else:
        altered(labelled.folder / name)
    says = "segment 1" if name == "catalog.sqlite" else str(labelled.folder / name)
    with pytest.raises(IndexFolderError, match=rf"one\.modag: this backup is kept, .*{says}.*name another file"):
        labelled.back_up(tmp_path / "one.modag")
    assert (tmp_path / "one.modag").read_bytes() == before
    report = labelled.back_up(tmp_path / "two.modag")
    assert len(report.problems) == 1
    assert says in report.problems[0]
    assert sorted(path.name for path in tmp_path.glob("*.modag")) == ["one.modag", "two.modag"]
    Index.restore(kept, tmp_path / "again")
    with Index.open(tmp_path / "again") as again:
        assert again.verify() == []


def test_what_an_index_can_do_without_keeps_no_backup_from_being_replaced(labelled: Index, tmp_path: Path) -> None:
    labelled.back_up(tmp_path / "one.modag")
    altered(labelled.folder / "calibration.safetensors")
    assert labelled.back_up(tmp_path / "one.modag").problems == ()


@pytest.mark.parametrize("name", ["head.safetensors", "calibration.safetensors"])
def test_what_is_no_file_is_not_backed_up(labelled: Index, name: str, tmp_path: Path) -> None:
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        (labelled.folder / name).unlink()
        make(labelled.folder / name)
        with pytest.raises(IndexFolderError, match=f"{name}: cannot be read: is not a regular file"):
            labelled.back_up(tmp_path / "one.modag")
    assert not list(tmp_path.glob("*.modag"))


def test_what_is_no_file_is_not_restored(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", "/dev/zero", tmp_path):
        with pytest.raises(UsageError, match=f"{source}: cannot be read: is not a regular file"):
            Index.restore(source, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def damaged(content: bytes) -> Iterator[bytes]:
    """A backup cut short at some places, and with a bit flipped at others."""
    for share in (0, 0.3, 0.8, 0.99):
        yield content[: round(share * len(content))]
    for place in range(0, len(content), max(1, len(content) // 300)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        yield bytes(flipped)


def test_what_is_damaged_is_not_restored(filled: Index, tmp_path: Path) -> None:
    """A bit may stand where a ZIP file holds what nothing depends on: then what comes out is what went in."""
    target = tmp_path / "one.modag"
    filled.back_up(target)
    whole = target.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        expected = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    noticed = 0
    for number, content in enumerate(damaged(whole)):
        target.write_bytes(content)
        folder = tmp_path / f"again-{number}"
        if error := refusal(target, folder):
            noticed += 1
            assert error.startswith(str(target))
            assert not folder.exists()
            continue
        assert (folder / "settings.json").read_bytes() == expected["settings.json"]
        with Index.open(folder) as index:
            assert index.verify() == []
            assert len(index.search("id:1")) == 5
    assert noticed > 250


def test_every_bit_of_what_zip_says_is_noticed_or_counts_for_nothing(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modag_search.index.backup.see_on_disk", lambda path: None)  # thousands of times
    target = tmp_path / "one.modag"
    index.back_up(target)
    whole = target.read_bytes()
    with zipfile.ZipFile(target) as archive:
        parts = archive.infolist()
        directory = archive.start_dir
        expected = {part.filename: archive.read(part) for part in parts if part.filename != "manifest.json"}
    heads = [range(part.header_offset, part.header_offset + 30 + len(part.filename)) for part in parts]
    folder = tmp_path / "again"
    with target.open("r+b", buffering=0) as file:
        for place in itertools.chain(*heads, range(directory, len(whole))):
            for bit in range(8):
                file.seek(place)
                file.write(bytes([whole[place] ^ 1 << bit]))
                try:
                    unpack(target, folder)
                except UsageError as error:
                    assert str(error).startswith(str(target))  # noqa: PT017  either is well
                else:
                    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected
                shutil.rmtree(folder, ignore_errors=True)
            file.seek(place)
            file.write(whole[place : place + 1])


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_compressed_is_no_backup(filled: Index, compression: int, tmp_path: Path) -> None:
    filled.back_up(tmp_path / "one.modag")
    with (
        zipfile.ZipFile(tmp_path / "one.modag") as whole,
        zipfile.ZipFile(tmp_path / "two.modag", "w", compression) as other,
    ):
        for name in whole.namelist():
            other.writestr(name, whole.read(name))
    with pytest.raises(UsageError, match=r"two\.modag: is no backup, or not the whole of one"):
        Index.restore(tmp_path / "two.modag", tmp_path / "again")


def test_only_an_empty_folder_is_replaced(filled: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = filled.back_up(tmp_path / "one.modag").path
    for name in ("lock", ".hidden", "stores", "catalog.sqlite"):
        (tmp_path / f"with {name}").mkdir()
        (tmp_path / f"with {name}" / name).touch()
        with pytest.raises(
            IndexFolderError, match=f"with {name}: holds {name} and is no index; name an empty or a new"
        ):
            Index.restore(backup, tmp_path / f"with {name}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    for name in ("link", "nowhere"):
        with pytest.raises(IndexFolderError, match=f"{name}: is a link; name a new folder"):
            Index.restore(backup, tmp_path / name)
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(IndexFolderError, match="empty: is in use, and cannot be replaced; name a new folder in it"):
        Index.restore(backup, ".")
    monkeypatch.chdir(tmp_path)
    Index.restore(backup, tmp_path / "empty")
    with Index.open(tmp_path / "empty") as index:
        assert index.verify() == []


def refusal(backup: Path, folder: Path) -> str:
    """Restore a backup, and return the error, if there is one."""
    try:
        Index.restore(backup, folder)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"format": "modag-backup/1", "roots": [], "files": {}}',
        b'{"format": "modag-backup/1", "roots": 3, "files": {}}',
        b'{"format": "modag-backup/1", "roots": [], "files": {"settings.json": {"size_bytes": 1e999, "checksum": ""}}}',
        b'{"format": "modag-backup/9", "roots": [], "files": {}}',
        b'{"format": "modag-backup/1", "roots": [], "files": {"../../evil": {"size_bytes": 1, "checksum": ""}}}',
    ],
)
def test_what_is_no_backup_is_not_restored(manifest: bytes, tmp_path: Path) -> None:
    target = tmp_path / "one.modag"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("../../evil", "x")
    with pytest.raises(UsageError, match=r"one\.modag: is"):
        Index.restore(target, tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.modag"]


def test_a_backup_of_a_later_version_is_refused(filled: Index, tmp_path: Path) -> None:
    connection = sqlite3.connect(filled.folder / "catalog.sqlite")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(NewerCatalogError):
        filled.back_up(tmp_path / "one.modag")
    assert not (tmp_path / "one.modag").exists()


def test_the_manifest_comes_first_and_names_what_follows(filled: Index, tmp_path: Path) -> None:
    filled.back_up(tmp_path / "one.modag")
    with zipfile.ZipFile(tmp_path / "one.modag") as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert names[0] == "manifest.json"
    assert sorted(names[1:]) == sorted(manifest["files"])
    assert {"settings.json", "catalog.sqlite", "space.safetensors"} <= set(names)
