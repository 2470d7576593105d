"""``modag roots``: folders that machines have in different places."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


def test_a_folder_that_lies_elsewhere_is_the_same_folder(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    there = tmp_path / "mnt"
    filled("label", media / "a.png", "--as", "oboe")
    added = filled("roots", "add", "NAS", media)
    assert (added.status, added.data) == (0, {"name": "NAS", "items": 6})
    assert "`modag roots set NAS FOLDER`" in added.error
    media.rename(there)
    filled.environment["MODAG_ROOTS"] = f"NAS={there}"
    assert filled("roots", "list").data[0]["folder"] == str(there)
    assert filled("roots", "list", "--format", "csv").stdout.decode().splitlines()[1].startswith(f"NAS,{there},6,")
    assert filled("index", there).data["unchanged"] == 6
    [hit] = filled("search", there / "b.png", "--label", "oboe", "--under", there).data
    assert hit["path"] == str(there / "a.png")
    assert filled("verify").status == 0
    del filled.environment["MODAG_ROOTS"]
    assert filled("roots", "set", "NAS", there).data == {"name": "NAS", "items": 6}
    assert filled("roots", "remove", "NAS").data == {"name": "NAS", "items": 6}
    assert filled("roots", "list").status == 0
    assert filled("index", there).data["unchanged"] == 6


def test_what_cannot_be_meant_is_told_in_one_line(filled: CommandLine, media: Path) -> None:
    for arguments, words in (
        (("add", "NAS", media / "none"), "there is no such folder"),
        (("add", "N/S", media), "a root is named by letters and digits"),
        (("set", "NAS", media), "is no root of this index"),
        (("remove", "NAS"), "is no root of this index"),
    ):
        outcome = filled("roots", *arguments)
        assert (outcome.status, words in outcome.error) == (2, True)
    filled.environment["MODAG_ROOTS"] = "NAS"
    assert "MODAG_ROOTS: NAS: is no NAME=FOLDER" in filled("info").error


def test_files_of_a_root_without_a_folder_here_say_so(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    filled("roots", "add", "NAS", media)
    filled.environment["MODAG_ROOTS"] = ""
    with closing(sqlite3.connect(tmp_path / "index" / "catalog.sqlite")) as catalog, catalog:
        # as another machine would have written it
        catalog.execute("UPDATE root SET machine = 'another'")
    way_out = "root NAS has no folder on this machine; `modag roots set NAS FOLDER`"
    hits = filled("search", "id:1")
    assert (hits.status, {hit["path"][:5] for hit in hits.data}) == (0, {"@NAS/"})
    (tmp_path / "hits.json").write_bytes(hits.stdout)
    delivered = filled("export", tmp_path / "hits.json", tmp_path / "out")
    assert delivered.status in (1, 3)
    assert way_out in delivered.stderr
    assert way_out in filled("search", "@NAS/a.wav").stderr
