"""A full disk, a read-only one, and a busy catalog: nothing is written by halves, and work can go on afterwards."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from modag_search.catalog import Catalog
from modag_search.errors import CatalogError, IndexLockedError
from tests.catalog_builders import image, pipelines, put, sound

if TYPE_CHECKING:
    from pathlib import Path


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
        return SimpleNamespace(f_flag=found(path).f_flag | os.ST_RDONLY)

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
        with pytest.raises(CatalogError, match=r"a catalog\?.sqlite: .*must allow writing"):
            catalog.put([image("/m/b.png")], pipelines=known)
        assert sorted(tmp_path.iterdir()) == before, "SQLite made no files beside it"


def test_what_a_journal_still_holds_is_not_passed_over(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as writer:
        put(writer, sound("/m/a.wav"))
        request.getfixturevalue("mounted_read_only")
        with Catalog.open(writer.path) as catalog:
            assert [record.path for record in catalog.items.all()] == ["/m/a.wav"]
