"""Catalogs that another program, or somebody else, has written: refused by name, and never half believed."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from modag_search.catalog import Catalog
from modag_search.errors import DamagedCatalogError
from tests.catalog_builders import image, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON", *statements):
            connection.execute(statement)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite"
    with Catalog.open(path, create=True) as opened:
        put(opened, image("/m/a.png"))
    return path


AS_VIEW = (
    "PRAGMA legacy_alter_table = ON",
    "ALTER TABLE item RENAME TO other",
    "CREATE VIEW item AS SELECT * FROM other",
)


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["DROP TABLE item"], "lacks column id of table item"),
        (["ALTER TABLE item RENAME COLUMN remarks TO remark"], "lacks column remarks of table item"),
        (["DELETE FROM state"], "does not say which state it is in"),
        (["DELETE FROM generation"], "does not say which state it is in"),
        (["DELETE FROM alembic_version"], "does not say which revision it has"),
        (["INSERT INTO alembic_version VALUES ('0001')"], "does not say which revision it has"),
        (["UPDATE alembic_version SET version_num = x'ff'"], "does not say which revision it has"),
        (["UPDATE alembic_version SET version_num = '0001'"], "what its tables are is not as the last upgrade left it"),
        (["DROP TABLE alembic_version"], "is an SQLite file, but no catalog of modag-search"),
        (AS_VIEW, "has a view 'item', which no catalog has"),
        (
            ["CREATE TRIGGER evil AFTER INSERT ON item BEGIN DELETE FROM label; END"],
            "has a trigger 'evil', which no catalog has",
        ),
        (["CREATE VIRTUAL TABLE found USING fts5(words)"], "has a virtual table 'found', which no catalog has"),
    ],
)
def test_a_catalog_with_other_tables_is_refused_and_left_as_it_is(
    catalog: Path, statements: list[str], told: str
) -> None:
    change(catalog, *statements)
    before = sorted(path.name for path in catalog.parent.iterdir())
    with pytest.raises(DamagedCatalogError, match=rf"catalog\.sqlite:? {told}"):
        Catalog.open(catalog)
    with closing(sqlite3.connect(catalog)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    after = {path.name for path in catalog.parent.iterdir() if ".bak-" not in path.name}
    assert after <= {*before, "catalog.sqlite-wal", "catalog.sqlite-shm"}


@pytest.mark.parametrize("is_writable", [True, False])
def test_a_definition_that_is_no_text_is_damage(
    catalog: Path, is_writable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite quotes it, and Python's module fails to decode what SQLite says."""
    if not is_writable:
        monkeypatch.setattr("modag_search.catalog.sqlite.hindrance_to_writing", lambda _: "is read-only")
    content = catalog.read_bytes()
    places = [
        place for found in re.finditer(rb"CREATE [\x09\x0a\x20-\x7e]+", content) for place in range(*found.span())
    ]
    for place in places[::61]:
        catalog.write_bytes(content[:place] + bytes([content[place] | 0x80]) + content[place + 1 :])
        with pytest.raises(DamagedCatalogError, match=f"^{catalog}: "), Catalog.open(catalog) as opened:  # noqa: PT012
            for problem in opened.check():
                raise DamagedCatalogError(f"{catalog}: {problem}")


def test_the_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    change(path, "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT)")
    content = path.read_bytes()
    with pytest.raises(DamagedCatalogError, match=r"places\.sqlite is an SQLite file, but no catalog of modag-search"):
        Catalog.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("moz_places",)]
    assert len(path.read_bytes()) == len(content)


COLUMNS = {
    "item": ("path", "content_hash", "size_bytes", "duration_s", "width_px", "remarks", "status"),
    "segment": ("modality", "start_s", "status", "feature_checksum"),
    "feature": ("data",),
    "label": ("name",),
    "state": ("change_count",),
    "pipeline": ("dimension",),
}
VALUES = ("x'00ff'", "'x'", "9e999", "-1", f"'{'[' * 100_000}'")


def altered(filled: Index, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    filled.close()
    for table, columns in COLUMNS.items():
        for column in columns:
            for number, value in enumerate(VALUES):
                folder = tmp_path / f"{table}-{column}-{number}"
                shutil.copytree(filled.folder, folder)
                change(folder / "catalog.sqlite", f"UPDATE OR IGNORE {table} SET {column} = {value}")
                yield folder.name, folder


def test_a_value_of_another_kind_is_no_traceback(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([str(media / "a.png")], "a")
    failed: dict[str, str] = {}
    for name, folder in altered(filled, tmp_path):
        try:
            with Index.open(folder) as index:
                index.search(media / "a.png")
                index.describe(media / "a.png")
                index.labels.summaries()
        except DamagedCatalogError as error:
            failed[name] = str(error)
            with Index.open(folder) as index:
                assert index.verify() != [], name
    print(sorted(failed))
    assert {"item-path-2", "item-remarks-4", "feature-data-1"} <= failed.keys()
    assert all("/catalog.sqlite: " in told or told.startswith("the feature of segment ") for told in failed.values())


def test_a_size_that_is_no_number_is_found_by_verify(filled: Index) -> None:
    """No answer of one item needs it."""
    filled.close()
    change(filled.folder / "catalog.sqlite", "UPDATE item SET size_bytes = 'x'")
    with Index.open(filled.folder) as index:
        assert any("size" in problem for problem in map(str, index.verify()))


def test_what_fails_for_another_reason_says_so(filled: Index) -> None:
    with pytest.raises(ZeroDivisionError), Index.open(filled.folder):
        raise ZeroDivisionError


def test_an_error_of_who_uses_an_index_stays_what_it_is(filled: Index) -> None:
    folder = filled.folder
    filled.close()
    change(folder / "catalog.sqlite", "UPDATE item SET mtime_ns = 'soon' WHERE id = 1")
    with pytest.raises(KeyError, match="of the user"), Index.open(folder):
        _ = {"one": 1}["of the user"]


@pytest.mark.parametrize("copies", [True, False])
def test_a_search_that_meets_a_segment_without_its_item_says_so(filled: Index, media: Path, *, copies: bool) -> None:
    """Answers would lack what it is of without a word."""
    folder = filled.folder
    filled.close()
    change(folder / "catalog.sqlite", "UPDATE segment SET item_id = 4097 WHERE id = 2")
    with pytest.raises(DamagedCatalogError, match="ids above the last one"), Index.open(folder) as index:
        index.search(media / "a.png", n=20, copies=copies)
