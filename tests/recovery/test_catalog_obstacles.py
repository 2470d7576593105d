"""A full disk, a read-only one, and a busy catalog: nothing is written by halves, and work can go on afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from modag_search.catalog import Catalog
from modag_search.errors import CatalogError, IndexLockedError, ReadOnlyIndexError
from tests.catalog_builders import image, pipelines, put, sound
from tests.unit.test_catalog_migrations import make_of_revision_0004

TEMPORARY = "temporary"
"""The name of a folder on another disk."""


def limit_pages(catalog: Catalog, n: int) -> None:
    with catalog._database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {n}")


def test_a_full_disk_costs_one_batch_and_no_more(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
        generation = catalog.generation
        limit_pages(catalog, 40)

        with pytest.raises(CatalogError, match="free some space"):
            put(catalog, *(image(f"/m/{number}.png") for number in range(5000)))

        assert [record.path for record in catalog.items.all()] == ["/m/a.wav"]
        assert catalog.generation == generation
        assert catalog.check() == []
        limit_pages(catalog, 1_000_000)
        put(catalog, image("/m/b.png"))
        assert catalog.check() == []


def test_while_another_process_writes_one_can_read_but_not_write(
    tmp_path: Path,
) -> None:
    path = tmp_path / "catalog.sqlite"
    with Catalog.open(path, create=True, wait_s=0) as catalog:
        put(catalog, sound("/m/a.wav"))
        known = pipelines(catalog)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM item")

            assert [record.path for record in catalog.items.all()] == ["/m/a.wav"]
            with pytest.raises(IndexLockedError, match="another process is writing to this catalog"):
                catalog.put([image("/m/b.png")], pipelines=known)

            other.execute("ROLLBACK")
        assert catalog.put([image("/m/b.png")], pipelines=known).added == 1


def test_nothing_is_written_to_a_catalog_that_is_not_there_any_more(tmp_path: Path) -> None:
    """As where an index was moved, deleted or restored while a server had it open."""
    here, away, other = (tmp_path / name for name in ("here", "away", "other"))
    here.mkdir()
    with Catalog.open(here / "catalog.sqlite", create=True) as catalog:
        put(catalog, image("/a.png"))
        here.rename(away)
        for ask in (lambda: list(catalog.items.all()), lambda: put(catalog, image("/b.png"))):
            with pytest.raises(
                CatalogError, match=r"/here/catalog\.sqlite: is gone, or another one has taken its place"
            ):
                ask()
        shutil.copytree(away, here)  # the same, as on disks that number files anew
        put(catalog, image("/c.png"))
        here.rename(other)
        shutil.copytree(away, here)
        with pytest.raises(CatalogError, match="is gone, or another one"):
            put(catalog, image("/d.png"))
    paths = {}
    for folder in (here, away, other):
        with Catalog.open(folder / "catalog.sqlite") as catalog:
            paths[folder.name] = [item.path for item in catalog.items.all()]
    assert paths == {"here": ["/a.png"], "away": ["/a.png"], "other": ["/a.png", "/c.png"]}


def test_a_reader_sees_one_state_while_the_catalog_changes(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as catalog:
        first, second = put(catalog, sound("/m/a.wav"), sound("/m/b.wav"))
        records = catalog.items.all()
        seen = [next(records).id]

        with Catalog.open(catalog.path) as other:
            other.remove([second])

        seen += [record.id for record in records]
        assert seen == [first, second]
        assert [record.id for record in catalog.items.all()] == [first]


@pytest.fixture
def mounted_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs

    def read_only(path: str) -> SimpleNamespace:
        return SimpleNamespace(f_flag=found(path).f_flag | (0 if TEMPORARY in path else os.ST_RDONLY))

    monkeypatch.setattr(os, "statvfs", read_only)


def test_a_catalog_on_a_read_only_disk_can_be_read_and_not_written(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "a catalog?.sqlite"
    with Catalog.open(path, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
        known = pipelines(catalog)
    request.getfixturevalue("mounted_read_only")
    before = sorted(tmp_path.iterdir())
    with Catalog.open(path) as catalog:
        assert [record.path for record in catalog.items.all()] == ["/m/a.wav"]
        with pytest.raises(ReadOnlyIndexError, match=r"a catalog\?.sqlite: .*its disk is mounted read-only"):
            catalog.put([image("/m/b.png")], pipelines=known)
        assert sorted(tmp_path.iterdir()) == before, "SQLite made no files beside it"


def leave_a_log(path: Path, *, without_shm: bool) -> None:
    """Leave a catalog of one item as a writer does that is killed after it wrote another."""
    with Catalog.open(path, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    killed = path.with_name("killed")
    killed.mkdir()
    with Catalog.open(path) as catalog:
        put(catalog, image("/m/b.png"))
        for ending in ("", "-wal", "-shm"):
            shutil.copy(f"{path}{ending}", killed)
    for ending in ("", "-wal", "-shm"):
        (killed / f"{path.name}{ending}").rename(f"{path}{ending}")
    killed.rmdir()
    if without_shm:
        Path(f"{path}-shm").unlink()


def contents(folder: Path) -> dict[str, bytes]:
    # SQLite may write into -shm here, since the disk is not read-only in truth.
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    folder = tmp_path / TEMPORARY
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("without_shm", [False, True])
def test_what_a_killed_writer_left_is_read_where_it_cannot_be_taken_in(
    tmp_path: Path,
    temporary: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    without_shm: bool,
) -> None:
    path = tmp_path / "index" / "catalog.sqlite"
    path.parent.mkdir()
    leave_a_log(path, without_shm=without_shm)
    before = contents(path.parent)
    request.getfixturevalue("mounted_read_only")
    with Catalog.open(path) as catalog, catalog.view():
        assert [record.path for record in catalog.items.all()] == ["/m/a.wav", "/m/b.png"]
        assert len(list(temporary.iterdir())) == without_shm
    assert list(temporary.iterdir()) == []
    assert contents(path.parent) == before
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == without_shm
    assert all("a log that a writer left when it was killed" in warning for warning in warnings)


def test_where_there_is_no_room_for_a_copy_it_is_said(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_a_log(tmp_path / "catalog.sqlite", without_shm=True)
    request.getfixturevalue("mounted_read_only")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(CatalogError, match=r"catalog.sqlite: .*cannot be made.*/none/.*TMPDIR"):
        Catalog.open(tmp_path / "catalog.sqlite")


def test_copies_whose_processes_were_killed_are_removed(
    tmp_path: Path, temporary: Path, request: pytest.FixtureRequest
) -> None:
    leave_a_log(tmp_path / "catalog.sqlite", without_shm=True)
    (temporary / f"modag-catalog-{2**22 + 1}-left").mkdir()  # no process has such an id
    (temporary / f"modag-catalog-{os.getppid()}-used").mkdir()
    (temporary / "modag-catalog-other").mkdir()
    request.getfixturevalue("mounted_read_only")
    Catalog.open(tmp_path / "catalog.sqlite").close()
    assert {path.name for path in temporary.iterdir()} == {f"modag-catalog-{os.getppid()}-used", "modag-catalog-other"}


def test_an_older_catalog_that_cannot_be_written_to_is_read_brought_up_to_date(
    tmp_path: Path, temporary: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "index" / "catalog.sqlite"
    path.parent.mkdir()
    make_of_revision_0004(path)
    before = contents(path.parent)
    request.getfixturevalue("mounted_read_only")
    with Catalog.open(path) as catalog:
        [(ids, features)] = catalog.segments.features("f")
        assert (ids.tolist(), features.tolist()) == ([1], [[1.0]])
        with pytest.raises(ReadOnlyIndexError):
            catalog.remove([1])
    assert contents(path.parent) == before
    assert list(temporary.iterdir()) == []
    (warning,) = caplog.records
    assert "is of an older version" in warning.getMessage()


def test_what_another_writes_to_a_catalog_that_is_read_only_here_is_seen(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "catalog.sqlite"
    with Catalog.open(path, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
        before = catalog.change_count
    request.getfixturevalue("mounted_read_only")
    with Catalog.open(path) as catalog:
        assert catalog.change_count == before
        count_a_change(path)
        assert catalog.change_count == before + 1
        with pytest.raises(CatalogError, match="was written to while it was read; run the same command again"):
            count_while_reading(catalog)
        assert catalog.change_count == before + 2


def count_a_change(path: Path) -> None:
    """Write to a catalog as another user does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE state SET change_count = change_count + 1")


def count_while_reading(catalog: Catalog) -> None:
    with catalog.view():
        before = catalog.change_count
        count_a_change(Path(catalog.path))
        assert catalog.change_count == before


READER = """
import sys
from modag_search.catalog import Catalog
from modag_search.errors import ReadOnlyIndexError
with Catalog.open(sys.argv[1]) as catalog:
    print([item.path for item in catalog.items.all()])
    try:
        catalog.labels.add({"new": None})
    except ReadOnlyIndexError as error:
        print(error)
"""


def test_a_catalog_can_be_read_where_sqlite_has_no_room_for_its_own_files(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    done = subprocess.run(
        [sys.executable, "-c", READER, tmp_path / "catalog.sqlite"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True,
        text=True,
        check=True,
    )
    paths, refused = done.stdout.splitlines()
    assert paths == "['/m/a.wav']"
    assert "the index is read-only here (disk I/O error); check the disk" in refused


def test_what_a_journal_still_holds_is_not_passed_over(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as writer:
        put(writer, sound("/m/a.wav"))
        request.getfixturevalue("mounted_read_only")
        with Catalog.open(writer.path) as catalog:
            assert [record.path for record in catalog.items.all()] == ["/m/a.wav"]
