"""An index in a database: the same answers as of a folder, on several machines at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from modag_search import Index, IndexSettings
from modag_search.addresses import without_password
from modag_search.errors import DamagedCatalogError, IndexLockedError, IndexNotFoundError, UsageError
from modag_search.index.places import LOCK_FILE, STORES_FOLDER
from modag_search.settings import index_folder, index_named
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Server

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def url(postgres: Server) -> str:
    """Of an empty database."""
    return postgres.new_database()


@pytest.fixture
def settings(tmp_path: Path) -> IndexSettings:
    return toy_settings(tmp_path)


@pytest.fixture
def shared(url: str, settings: IndexSettings) -> Iterator[Index]:
    with Index.open(url, create=True, settings=settings) as index:
        yield index


@pytest.fixture
def collection(media: Path) -> Path:
    """Three pictures and three sounds; each sound goes with the picture of its name."""
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1))
    return media


@contextmanager
def another_machine(url: str, home: Path) -> Iterator[Index]:
    """The index as a machine has it that has nothing of it yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        with Index.open(url) as index:
            yield index


def answers(index: Index, media: Path) -> list[object]:
    names = sorted(str(path) for path in media.iterdir())
    found = [[(hit.path, hit.similarity) for hit in index.search(name, n=9)] for name in names]
    return [found, [(one.label, one.confidence) for one in index.classify(names)], index.verify()]


def test_a_database_answers_as_a_folder_does(
    shared: Index, collection: Path, tmp_path: Path, settings: IndexSettings
) -> None:
    with Index.open(tmp_path / "index", create=True, settings=settings) as in_folder:
        for index in (shared, in_folder):
            assert index.add([collection]).added == 6
            index.label(collection / "a.png", "red")
            index.label(collection / "c.wav", "high")
        assert answers(shared, collection) == answers(in_folder, collection)
        assert shared.catalog.count() == in_folder.catalog.count()
        assert shared.settings == in_folder.settings


def test_machines_see_what_others_write(shared: Index, url: str, collection: Path, tmp_path: Path) -> None:
    shared.add([collection])
    with another_machine(url, tmp_path / "other") as other:
        assert other.folder != shared.folder
        shared.label(collection / "a.png", "red")
        other.label(collection / "c.png", "blue")
        assert answers(other, collection) == answers(shared, collection)
        head = other.train_head()
        [by_head] = shared.classify([collection / "a.wav"], by="head")
        assert by_head.label in head.names
        other.rebuild(store="faiss-ivf")
        assert shared.settings.store == "faiss-ivf"
        assert answers(other, collection) == answers(shared, collection)


def test_a_machine_that_only_reads_keeps_the_stores_it_had_to_make(
    shared: Index, url: str, collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.add([collection])
    with another_machine(url, tmp_path / "other") as other:
        expected = [(hit.path, hit.similarity) for hit in other.search(collection / "a.png", n=9)]
        assert [path.name for path in sorted((other.folder / STORES_FOLDER).iterdir())]
    monkeypatch.setattr("modag_search.stores.homes.StoreHome.in_memory", lambda *_, **__: 1 / 0)
    with another_machine(url, tmp_path / "other") as other:
        assert [(hit.path, hit.similarity) for hit in other.search(collection / "a.png", n=9)] == expected


def test_who_keeps_stores_on_a_machine_is_waited_for_by_writers_alone(
    shared: Index, url: str, collection: Path, tmp_path: Path
) -> None:
    shared.add([collection])
    with another_machine(url, tmp_path / "other") as other:
        with FileLock(other.folder / LOCK_FILE):
            hits = other.search(collection / "a.png", n=9)
            assert not (other.folder / STORES_FOLDER).exists(), "another process is at it"
        assert [hit.path for hit in hits] == [hit.path for hit in shared.search(collection / "a.png", n=9)]
        with FileLock(other.folder / LOCK_FILE) as held:
            waiting = threading.Thread(target=other.rebuild)
            waiting.start()
            assert other.search(collection / "b.png", n=9), "who asks waits for nobody"
            held.release()
            waiting.join()
        assert (other.folder / STORES_FOLDER).exists()


def test_a_machine_that_can_keep_nothing_answers_all_the_same(
    shared: Index, url: str, collection: Path, tmp_path: Path
) -> None:
    shared.add([collection])
    with another_machine(url, tmp_path / "other") as other:
        (other.folder / STORES_FOLDER).write_bytes(b"no folder")
        found = [hit.path for hit in other.search(collection / "a.png", n=9)]
        assert found == [hit.path for hit in shared.search(collection / "a.png", n=9)]


def test_a_machine_that_has_lost_its_copies_gets_them_again(shared: Index, url: str, collection: Path) -> None:
    shared.add([collection])
    shared.label(collection / "a.png", "red")
    before = answers(shared, collection)
    for path in shared.folder.iterdir():
        if path.is_file():
            path.write_bytes(b"spoilt")
    with Index.open(url) as again:
        assert answers(again, collection) == before


def test_a_document_that_has_changed_in_the_database_is_told(shared: Index, url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("UPDATE modag.document SET content = 'x', checksum = 'y' WHERE name = 'settings.json'")
    with pytest.raises(DamagedCatalogError, match=r"settings\.json is not what was stored"):
        Index.open(url)


def test_an_index_that_is_not_there_is_named(url: str) -> None:
    with pytest.raises(IndexNotFoundError, match="there is no index here; `modag index PATH"):
        Index.open(url)


def test_a_making_that_was_broken_off_is_gone_on_with(url: str, settings: IndexSettings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modag_search.index.places.SharedPlace.save_settings", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Index.open(url, create=True, settings=settings)
    with pytest.raises(IndexNotFoundError):
        Index.open(url)
    with Index.open(url, create=True, settings=settings) as index:
        assert index.verify() == []


def test_an_index_keeps_its_settings(shared: Index, url: str, settings: IndexSettings) -> None:
    with pytest.raises(UsageError, match=r"has other settings \(window_s is 10\.0, not 7\.0"):
        Index.open(url, settings=replace(settings, window_s=7.0, hop_s=3.0))


_INDEXING = """
import sys, time
from modag_search.index.places import place_at
with place_at(sys.argv[1], wait_s=1.0).writing():
    print("writing", flush=True)
    time.sleep(600)
"""


def test_the_lock_of_a_writer_who_is_killed_is_free(shared: Index, url: str, collection: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _INDEXING, url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"writing\n"
        with Index.open(url, wait_s=0.0) as impatient, pytest.raises(IndexLockedError, match="another process"):
            impatient.add([collection])
        assert shared.label([], "red") == 0, "labels wait for no indexer"
        holder.send_signal(signal.SIGKILL)
    assert shared.add([collection]).added == 6


def test_a_url_names_a_database_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAG_INDEX", "postgresql://ada:secret@host/music")
    assert index_named() == "postgresql://ada:secret@host/music"
    assert index_named("./concert") == index_folder("./concert")
    with pytest.raises(UsageError, match=r"^postgresql://ada@host/music: is a database, and this takes a folder"):
        index_folder()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://host/music", "postgresql://host/music"),
        ("/srv/a@b:c?d", "/srv/a@b:c?d"),
        ("postgresql://ada:p@ss@host:5433/music?schema=a", "postgresql://ada@host:5433/music?schema=a"),
        ("postgres://ada@/music?host=/run&password=x", "postgres://ada@/music?host=/run"),
        ("postgresql://ada:p?ss@host/music?schema=a", "postgresql://ada@host/music?schema=a"),
        ("postgresql://ada:p?s@s#@host/music", "postgresql://ada@host/music"),
        ("postgresql://host:5433/music?user=ada@realm", "postgresql://host:5433/music?user=ada@realm"),
        ("postgresql://host/music?pass%77ord=secret", "postgresql://host/music"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, told: str) -> None:
    assert without_password(url) == told
