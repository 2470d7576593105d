"""``modag backup``, ``modag restore``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


def test_an_index_goes_to_another_place(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    filled("label", media / "a.png", "--as", "oboe")
    before = filled("search", "id:1").data
    outcome = filled("backup", tmp_path / "one.modag")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.data["items"] == 6
    media.rename(tmp_path / "disk")
    lost = filled("restore", tmp_path / "one.modag", "--index", tmp_path / "lost")
    assert (lost.status, lost.data["missing"]) == (0, 6)
    assert f"6 of 6 files are not where the index has them; missing from {media}. Where such a" in lost.error
    found = filled("restore", tmp_path / "one.modag", "--index", tmp_path / "found", "--root", media, tmp_path / "disk")
    assert (found.status, found.stderr, found.data["missing"]) == (0, "", 0)
    after = filled("search", "id:1", "--index", tmp_path / "found").data
    assert [hit["path"] for hit in after] == [hit["path"].replace(str(media), str(tmp_path / "disk")) for hit in before]
    assert filled("verify", "--index", tmp_path / "found").status == 0
    again = filled("restore", tmp_path / "one.modag", "--index", tmp_path / "found")
    assert (again.status, "is an index already" in again.error) == (2, True)


def test_a_disk_that_is_mounted_elsewhere_is_told(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    media.rename(tmp_path / "disk" / "media")
    filled("index", tmp_path / "disk" / "media", "--prune")
    filled("backup", tmp_path / "disk" / "one.modag")
    (tmp_path / "disk").rename(tmp_path / "mnt")
    outcome = filled("restore", tmp_path / "mnt" / "one.modag", "--index", tmp_path / "new")
    assert (outcome.status, outcome.data["missing"]) == (0, 0)
    found = f"{tmp_path}/disk/media is not there; its files are taken to be those in {tmp_path}/mnt/media"
    assert found in outcome.error


def test_an_index_that_a_bare_name_does_not_lead_to_is_named(filled: CommandLine) -> None:
    outcome = filled("info", "--index", "index")
    assert outcome.status == 1
    assert outcome.error.endswith("/indexes/index: there is no index here; `--index ./index` names one that is")


def test_a_folder_is_named_once(filled: CommandLine, tmp_path: Path) -> None:
    filled("backup", tmp_path / "one.modag")
    roots = ["--root", "/a", "/b", "--root", "/a", "/c"]
    outcome = filled("restore", tmp_path / "one.modag", "--index", tmp_path / "new", *roots)
    assert (outcome.status, outcome.error) == (2, "error: --root: a folder is named twice")


def test_damage_is_told_and_kept(filled: CommandLine, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "index" / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE feature SET data = zeroblob(length(data)) WHERE segment_id = 1")
    outcome = filled("backup", tmp_path / "one.modag")
    assert outcome.status == 3
    told, advice = outcome.stderr.splitlines()
    assert told.startswith("damaged: segment 1 ")
    assert "is damaged in the backup, too" in advice
    again = filled("backup", tmp_path / "one.modag")
    assert (again.status, again.stdout) == (1, b"")
    assert (
        f"{tmp_path / 'one.modag'}: this backup is kept, since the index is damaged by now: segment 1 " in again.error
    )
    restored = filled("restore", tmp_path / "one.modag", "--index", tmp_path / "new")
    assert (restored.status, restored.data["items"]) == (3, 6)
    named = told.replace("--repair`", f"--repair --index {tmp_path / 'new'}`")
    assert restored.stderr.splitlines()[0] == named, "it is told by the names that the index had"
    assert filled("verify", "--index", tmp_path / "new").status == 1


def test_what_cannot_be_read_is_named(filled: CommandLine, tmp_path: Path) -> None:
    for name in ("nothing", "index"):
        outcome = filled("restore", tmp_path / name, "--index", tmp_path / "new")
        assert (outcome.status, outcome.error.startswith(f"error: {tmp_path / name}: cannot be read: ")) == (2, True)
