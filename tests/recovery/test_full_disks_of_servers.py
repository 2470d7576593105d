"""A PostgreSQL server whose disk is full, really: one line, nothing that was acknowledged is lost, and all goes on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, IndexSettings
from modag_search.catalog import Catalog, copying, migrations
from modag_search.errors import CatalogError, IndexNotFoundError, StoreServerError
from modag_search.stores import servers, shared
from tests import small_disk, vector_servers
from tests.catalog_builders import new_catalog, put, sound
from tests.cli.command_line import CommandLine
from tests.made_media import picture
from tests.postgres import Server, binaries, make_earlier
from tests.recovery.test_stores_on_servers import named_by_records, require_exact, stores
from tests.toy_encoders import toy_index, toy_settings
from tests.unit.test_shared_stores import put_sounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.small_disk import SmallDisk

pytestmark = pytest.mark.usefixtures("toys")

FULL = (
    r"^postgresql://\S+: the server's disk is full( \(.*No space left.*\))?; free some space on it, then run the same"
)
FILES = 120


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    yield from small_disk.mounted(32)


@pytest.fixture
def url(postgres: Server, disk: SmallDisk) -> Iterator[str]:
    """Of an empty database on the disk."""
    with postgres.database_on(disk.folder) as url:
        yield url
        disk.free()


@pytest.fixture
def settings(tmp_path: Path) -> IndexSettings:
    return toy_settings(tmp_path)


@pytest.fixture
def many(media: Path) -> Path:
    for number in range(FILES):
        picture(media / f"{number:03}.png", (2 * number, 90, 200 - number))
    return media


def test_an_index_run_goes_on_where_the_disk_was_full(
    url: str,
    disk: SmallDisk,
    settings: IndexSettings,
    many: Path,
    tmp_path: Path,
    toy_plugins: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modag_search.ingest.run._STORED_AT_ONCE", 4)
    with Index.open(url, create=True, settings=settings) as index:
        index.add(sorted(many.iterdir())[:20])
        assert index.search(many / "000.png")  # by a connection that it keeps: for another one there may be no room
        disk.fill()
        modag = CommandLine(tmp_path, plugins=toy_plugins)
        stopped = modag("index", many, "--index", url)
        assert stopped.status == 1
        assert "the server's disk is full" in stopped.error
        assert stopped.error.endswith("free some space on it, then run the same command again")
        there = sum(index.catalog.count().items.values())
        assert 20 <= there < FILES
        assert len(index.search(many / "000.png", n=FILES)) >= there - 1, "it answers"
        disk.free()
        report = index.add([many])
        assert (report.added, report.unchanged) == (FILES - there, there)
        assert index.verify() == []


def label_without_end(index: Index, path: Path, given: set[str]) -> None:
    """Give long labels until that fails, and note which of them were acknowledged."""
    for number in range(len(given), 1000):
        index.label(path, long_label(number))
        given.add(long_label(number))


def long_label(number: int) -> str:
    return f"{number} {'long ' * 40}".strip()


def test_of_labels_on_a_full_disk_those_that_were_acknowledged_are_there(
    url: str, disk: SmallDisk, settings: IndexSettings, media: Path
) -> None:
    path = picture(media / "a.png", (200, 30, 30))
    with Index.open(url, create=True, settings=settings) as index:
        index.labels.set_mode("multi")
        index.add([path])
        index.label(path, "first")
        disk.fill()
        given = {"first"}
        with pytest.raises(CatalogError, match=FULL):
            label_without_end(index, path, given)
        assert len(given) > 1
        assert index.catalog.labels.names() == given
        assert index.verify() == []
        disk.free()
        assert index.label(path, last := long_label(len(given))) == 1
        assert index.catalog.labels.names() == given | {last}


def test_a_copy_to_a_full_disk_is_no_index_and_goes_on(
    url: str, disk: SmallDisk, filled: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 2)
    with pytest.raises(CatalogError, match=FULL):
        Index.copy(filled.folder, url, on_rows=lambda *_: disk.fill())
    with pytest.raises(IndexNotFoundError):
        Index.open(url)
    with pytest.raises(CatalogError, match=FULL):
        Index.copy(filled.folder, url)
    disk.free()
    told = Index.copy(filled.folder, url)
    assert 0 < told.copied < told.rows
    with Index.open(url) as copy:
        assert copy.verify() == []
        assert copy.catalog.count() == filled.catalog.count()


def test_a_disk_that_is_full_before_there_is_a_table_is_told(url: str, disk: SmallDisk, filled: Index) -> None:
    disk.fill()
    with pytest.raises(CatalogError, match=FULL):
        Index.copy(filled.folder, url)
    disk.free()
    assert Index.copy(filled.folder, url).items == 6


def test_an_upgrade_on_a_full_disk_leaves_the_catalog_as_it_was(url: str, disk: SmallDisk) -> None:
    with Catalog.open(url, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    make_earlier(url)
    disk.fill()
    with pytest.raises(CatalogError, match=FULL):
        Catalog.open(url)
    assert migrations.pending(url)[0].startswith("0008")
    disk.free()
    with Catalog.open(url) as catalog:
        assert catalog.check() == []
        assert [item.path for item in catalog.items.all()] == ["/m/a.wav"]


# A full disk of the log: PostgreSQL ends itself, rather than lose what it acknowledged.


@pytest.fixture
def log_disk() -> Iterator[SmallDisk]:
    yield from small_disk.mounted(24)


@pytest.fixture
def own_server(log_disk: SmallDisk) -> Iterator[Server]:
    programs = binaries()
    if programs is None:
        pytest.skip("needs a PostgreSQL server")
    with tempfile.TemporaryDirectory(prefix="modag-postgres-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), programs, log=log_disk.folder).start()
        try:
            yield server
        finally:
            server.stop()


def write_to_the_end_of_the_log(server: Server, disk: SmallDisk, *, left: int) -> None:
    """Leave room for so many bytes in the files of the log that there are."""
    import psycopg

    segment = 2**20
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        while True:
            name, offset = connection.execute(
                "SELECT (pg_walfile_name_offset(pg_current_wal_insert_lsn())).*"
            ).fetchall()[0]
            later = [path.name for path in (disk.folder / "wal").iterdir() if len(path.name) == 24 and path.name > name]
            room = segment - offset + segment * len(later) - left
            if room <= 0:
                return
            message = "SELECT pg_logical_emit_message(false, 'modag', repeat('x', %s))"
            connection.execute(message, (min(room, 100_000),))


def test_a_server_that_ends_itself_as_its_log_finds_no_room_has_lost_nothing(
    own_server: Server, log_disk: SmallDisk, settings: IndexSettings, media: Path
) -> None:
    path = picture(media / "a.png", (200, 30, 30))
    with Index.open(own_server.new_database(), create=True, settings=settings) as index:
        index.labels.set_mode("multi")
        index.add([path])
        log_disk.fill()
        write_to_the_end_of_the_log(own_server, log_disk, left=30_000)
        given: set[str] = set()
        with pytest.raises(CatalogError) as stopped:
            label_without_end(index, path, given)
        said = str(stopped.value)
        assert said.startswith(index.name)
        assert "\n" not in said
        told = ("the server's disk is full", "is the server there? run the same command again", "starting or stopping")
        assert any(words in said for words in told), "which process met it first"
        with pytest.raises(CatalogError) as after:
            label_without_end(index, path, set(given))
        assert "\n" not in str(after.value)
        log_disk.free()
        own_server.kill()  # it may be trying to come up by itself
        own_server.start()
        names = index.catalog.labels.names()
        assert given <= names
        last = long_label(len(given))
        assert index.label(path, last) == (last not in names)
        assert index.verify() == []


# Vectors on a full disk.


@pytest.fixture
def vectors(disk: SmallDisk) -> Iterator[str]:
    """The URL of an empty database with pgvector on the disk."""
    with vector_servers.postgres_server().database_on(disk.folder) as url:
        yield url
        disk.free()
        servers.engine_at(url).close()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        yield catalog


def put_many(catalog: Catalog, n: int) -> None:
    put(catalog, *(sound(f"/m/{n} {number}.wav", f"{n} {number}", statuses=("ok",)) for number in range(n)))


def test_vectors_that_find_no_room_are_answered_from_the_catalog_and_written_by_the_next(
    catalog: Catalog, vectors: str, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    put_sounds(catalog, "abc")
    stores(catalog, vectors).save()
    disk.fill(left_kib=64)
    put_many(catalog, 3000)
    stores(catalog, vectors).save()
    (message,) = caplog.messages
    assert message.startswith(f"{vectors}: its disk or memory is full: ")
    assert "make room there, or `modag rebuild --store auto`" in message
    for _ in range(2):
        with catalog.view():
            store = stores(catalog, vectors).present("sound")
            require_exact(catalog, store)
            assert isinstance(store.reader.base, shared.SharedReader)
        assert stores(catalog, vectors).problems() == []
        disk.free()
        stores(catalog, vectors).save()
    assert len(stores(catalog, vectors).present("sound").reader.base) == 3003


def test_a_rebuild_that_finds_no_room_leaves_what_was_there_and_nothing_else(
    catalog: Catalog, vectors: str, disk: SmallDisk
) -> None:
    put_many(catalog, 3000)
    stores(catalog, vectors).save()
    engine = servers.engine_at(vectors)
    disk.fill(left_kib=128)
    for _ in range(3):
        with pytest.raises(StoreServerError, match=r"its disk or memory is full: .*No space left"):
            stores(catalog, vectors).rebuild()
        assert engine.tables() == named_by_records(engine)
    with catalog.view():
        require_exact(catalog, stores(catalog, vectors).present("sound"))
    assert stores(catalog, vectors).problems() == []
    disk.free()
    stores(catalog, vectors).rebuild()
    assert stores(catalog, vectors).problems() == []


@pytest.fixture
def modag(tmp_path: Path, toy_plugins: Path, many: Path, vectors: str) -> CommandLine:
    """``modag`` with an index whose vectors are on the disk."""
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    with toy_index(tmp_path / "index") as index:
        index.add([many])
    assert modag("rebuild", "--store", vectors).status == 0
    return modag


def test_an_index_whose_vectors_are_on_a_full_disk_is_checked_and_mended_once_there_is_room(
    modag: CommandLine, many: Path, vectors: str, disk: SmallDisk
) -> None:
    before = modag("search", many / "007.png").data
    disk.fill()
    assert modag("verify").status == 0
    moved = modag("rebuild")
    assert moved.status == 1
    assert "its disk or memory is full" in moved.error
    assert modag("search", many / "007.png").data == before
    disk.free()
    table = vector_servers.filled_table(vectors)
    database = vectors.rpartition("/")[2]
    vector_servers.postgres_server().execute(f"DELETE FROM {table} WHERE id < 10", database=database)
    found = modag("verify")
    assert found.status == 1
    assert "must hold 120" in found.data[0]["problem"]
    disk.fill()
    assert "its disk or memory is full" in modag("verify", "--repair").stderr
    disk.free()
    assert modag("verify", "--repair").status == 0
    assert modag("verify").status == 0
    assert modag("search", many / "007.png").data == before


def test_vectors_go_back_to_files_from_a_full_disk(modag: CommandLine, vectors: str, disk: SmallDisk) -> None:
    disk.fill()
    assert modag("rebuild", "--store", "auto").status == 0
    assert servers.engine_at(vectors).tables() == set()
    assert servers.engine_at(vectors).records() == {}
    assert modag("verify").status == 0
