"""An index that is copied from a folder to a database, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from modag_search.errors import IndexFolderError, IndexLockedError, IndexNotFoundError, UsageError
from modag_search.index.copying import _InDatabase
from modag_search.index.places import SharedPlace
from tests.cli.command_line import CommandLine
from tests.made_media import RED, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def url(postgres: Server) -> str:
    """Of an empty database."""
    return postgres.new_database()


@pytest.fixture
def labelled(filled: Index, media: Path) -> Index:
    """An index with labels and a head."""
    filled.label(media / "a.png", "red")
    filled.label(media / "c.wav", "high")
    filled.train_head()
    return filled


def answers(index: Index, media: Path) -> list[object]:
    names = sorted(str(path) for path in media.iterdir())
    found = [[(hit.path, hit.similarity) for hit in index.search(name, n=9)] for name in names]
    named = [(one.label, one.confidence) for one in index.classify(names)]
    return [found, named, [one.label for one in index.classify(names, by="head")], index.verify(), index.settings]


def test_an_index_answers_the_same_in_a_database_and_back_in_a_folder(
    labelled: Index, media: Path, url: str, tmp_path: Path
) -> None:
    before = answers(labelled, media)
    told = Index.copy(labelled.folder, url)
    assert (told.items, told.copied, told.target) == (6, told.rows, url)
    assert set(told.files) == {"space.safetensors", "head.safetensors", "settings.json"}
    with Index.open(url) as shared:
        assert answers(shared, media) == before
    back = Index.copy(url, tmp_path / "back")
    assert back.rows == told.rows
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [
        *("catalog.sqlite", "head.safetensors", "lock", "settings.json", "space.safetensors"),
    ]
    with Index.open(tmp_path / "back") as again:
        assert answers(again, media) == before
        assert again.catalog.moment == labelled.catalog.moment


def test_a_target_that_holds_an_index_is_refused(labelled: Index, url: str, tmp_path: Path) -> None:
    Index.copy(labelled.folder, url)
    with pytest.raises(UsageError, match="holds an index already"):
        Index.copy(labelled.folder, url)
    with pytest.raises(UsageError, match="is what is to be copied"):
        Index.copy(url, url)
    Index.copy(url, f"{url}?schema=another")
    Index.copy(url, tmp_path / "back")
    with pytest.raises(UsageError, match="is an index already"):
        Index.copy(url, tmp_path / "back")
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    with pytest.raises(IndexFolderError, match=r"holds letter\.txt and is no index"):
        Index.copy(url, other)
    with pytest.raises(IndexNotFoundError):
        Index.copy(tmp_path / "nowhere", tmp_path / "new")


def test_a_dry_run_writes_nothing(labelled: Index, url: str, tmp_path: Path) -> None:
    assert Index.copy(labelled.folder, url, dry_run=True).copied == 0
    Index.copy(labelled.folder, tmp_path / "new", dry_run=True)
    assert not (tmp_path / "new").exists()
    Index.copy(labelled.folder, url)


_KILLED = """
import os, signal, sys
from modag_search import Index
from modag_search.catalog import copying
copying._AT_ONCE = 2
Index.copy(*sys.argv[1:], on_rows=lambda done, _: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_copy_that_was_killed_is_no_index_and_goes_on(
    labelled: Index, media: Path, url: str, tmp_path: Path, way: str
) -> None:
    before, source, target = answers(labelled, media), str(labelled.folder), url
    if way == "back":
        Index.copy(source, url)
        source, target = url, str(tmp_path / "back")
    assert subprocess.run([sys.executable, "-c", _KILLED, source, target], check=False).returncode == -9
    with pytest.raises(IndexNotFoundError):
        Index.open(target)
    told = Index.copy(source, target)
    assert told.copied < told.rows, "it has not begun anew"
    with Index.open(target) as copy:
        assert answers(copy, media) == before


def test_a_copy_begins_anew_where_the_index_has_changed(labelled: Index, media: Path, url: str) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, labelled.folder, url], check=False)
    labelled.add([picture(media / "d.png", RED)])
    told = Index.copy(labelled.folder, url)
    assert told.copied == told.rows
    with Index.open(url) as copy:
        assert copy.catalog.count() == labelled.catalog.count()
        assert copy.verify() == []


def test_two_do_not_copy_to_one_place(labelled: Index, url: str) -> None:
    with _InDatabase(SharedPlace(url, wait_s=0.0)).alone(), pytest.raises(IndexLockedError):
        Index.copy(labelled.folder, url)
    Index.copy(labelled.folder, url)


def test_a_backup_of_a_database_becomes_a_folder(labelled: Index, media: Path, url: str, tmp_path: Path) -> None:
    before = answers(labelled, media)
    Index.copy(labelled.folder, url)
    with Index.open(url) as shared:
        assert shared.back_up(tmp_path / "one.modag").problems == ()
    Index.restore(tmp_path / "one.modag", tmp_path / "restored")
    with Index.open(tmp_path / "restored") as again:
        assert answers(again, media) == before


def test_a_backup_becomes_an_index_in_a_database(
    labelled: Index, media: Path, url: str, tmp_path: Path, toy_plugins: Path
) -> None:
    before = answers(labelled, media)
    labelled.back_up(tmp_path / "one.modag")
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    restored = modag("restore", "one.modag", "--index", url.replace("modag@", "modag:hush@"), "--format", "json")
    assert (restored.status, restored.data) == (0, {"folder": url, "items": 6, "missing": 0}), restored.stderr
    with Index.open(url) as shared:
        assert answers(shared, media) == before
    again = modag("restore", "one.modag", "--index", url)
    assert again.status == 2
    assert "holds an index already" in again.error
    assert not list(tmp_path.glob("modag-restore-*"))


def test_media_are_found_where_they_lie_by_what_is_restored_to_a_database(
    labelled: Index, media: Path, url: str, tmp_path: Path
) -> None:
    labelled.back_up(tmp_path / "one.modag")
    media.rename(tmp_path / "disk")
    told = Index.restore(tmp_path / "one.modag", url, roots={str(media): str(tmp_path / "disk")})
    assert (told.folder, told.items, told.missing) == (url, 6, 0)
    with Index.open(url) as shared:
        assert shared.item(tmp_path / "disk" / "a.png").labels == ("red",)


_RESTORING = """
import os, signal, sys
from modag_search import Index
from modag_search.catalog import copying
copying._AT_ONCE = 2
loaded, put = [], copying.insert
def insert(table):
    loaded.append(table)
    if len(loaded) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return put(table)
copying.insert = insert
Index.restore(*sys.argv[1:])
"""


def test_a_restore_to_a_database_that_is_broken_off_leaves_no_index_and_nothing_half(
    labelled: Index, media: Path, url: str, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(labelled, media)
    labelled.back_up(tmp_path / "one.modag")
    killed = subprocess.run([sys.executable, "-c", _RESTORING, tmp_path / "one.modag", url], check=False)
    assert killed.returncode == -9
    with pytest.raises(IndexNotFoundError):
        Index.open(url)
    with monkeypatch.context() as patch:
        patch.setattr("modag_search.catalog.catalog.Catalog.fill_from", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Index.restore(tmp_path / "one.modag", url)
    empty = "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname LIKE 'modag%'); END $$"
    postgres.execute(empty, database=url.rpartition("/")[2])
    Index.restore(tmp_path / "one.modag", url)
    with Index.open(url) as shared:
        assert answers(shared, media) == before


def test_who_has_lost_the_lock_of_a_restore_leaves_alone_what_another_one_makes(
    labelled: Index, url: str, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled.back_up(tmp_path / "one.modag")
    database = url.rpartition("/")[2]

    def lose_the_lock(*_: object, **__: object) -> None:
        of_this = f"datname = '{database}' AND pid <> pg_backend_pid()"
        postgres.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {of_this}")
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("modag_search.catalog.catalog.Catalog.fill_from", lose_the_lock)
        with pytest.raises(ZeroDivisionError):
            Index.restore(tmp_path / "one.modag", url)
    there = "DO $$ BEGIN ASSERT EXISTS (SELECT FROM modag_unfinished.document); END $$"
    postgres.execute(there, database=database)
    Index.restore(tmp_path / "one.modag", url)


def test_the_command_line_copies_and_shows_no_password(
    labelled: Index, media: Path, toy_plugins: Path, url: str, tmp_path: Path
) -> None:
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    secret = url.replace("modag@", "modag:hush@")
    copied = modag("copy", "--from", labelled.folder, "--to", secret, "--format", "json")
    assert (copied.status, copied.data["to"], copied.data["items"]) == (0, url, 6)
    assert copied.data["files"] == ["space.safetensors", "head.safetensors", "settings.json"]
    assert "each compared" in copied.stderr
    for arguments in (("info",), ("search", str(media / "a.wav")), ("forget", str(media / "a.wav"))):
        outcome = modag(*arguments, "--index", secret)
        assert outcome.status == 0
        assert "hush" not in outcome.stderr + os.fsdecode(outcome.stdout)
