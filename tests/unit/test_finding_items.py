"""Items by path and by id, however many."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from modag_search.catalog import Catalog
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.errors import UsageError
from modag_search.labels.book import LabelBook
from modag_search.labels.items import find_item, find_items
from tests.catalog_builders import failure, image, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", create=True) as catalog:
        yield catalog


def statements(catalog: Catalog) -> list[str]:
    """What is asked of the catalog from now on."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    database = catalog._database
    assert isinstance(database, SqliteDatabase)
    event.listen(database._engine, "before_cursor_execute", note)
    return asked


def test_items_come_in_the_order_of_their_names(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = put(catalog, image(str(tmp_path / "a.png"), "a"), image(str(tmp_path / "b.png"), "b"))

    found = find_items(catalog, ["b.png", f"id:{first}", "./x/../b.png", "a.png", f"id:{first}"])

    assert [item.id for item in found] == [second, first, second, first, first]
    assert find_items(catalog, []) == []
    assert find_item(catalog, "b.png").id == second


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["/m/a.png", "/m/gone.png", "id:x"], "/m/gone.png: is not in the index, and no such file is there"),
        (["id:1", "id:x", "/m/gone.png"], "id:x: an id is a whole number, as in id:12"),
        (["id:7"], "id:7: is not in the index"),
        (["id:" + "9" * 5000], "9: is not in the index"),
        (["id:²"], "an id is a whole number"),
        (["/m/bad.png", "id:7"], r"/m/bad.png: could not be indexed \(its header is damaged\)"),
        ([os.sep], "is a folder; name its files"),
    ],
)
def test_the_first_name_without_an_item_is_refused(catalog: Catalog, names: list[str], words: str) -> None:
    put(catalog, image("/m/a.png"))
    catalog.fail([failure("/m/bad.png")], keep_items=False)

    with pytest.raises(UsageError, match=words):
        find_items(catalog, names)


def test_thousands_of_items_are_labelled_with_a_few_questions(catalog: Catalog) -> None:
    ids = put(catalog, *(image(f"/m/{number}.png", str(number)) for number in range(100)))
    put(catalog, *(image(f"/n/{number}.png", str(number)) for number in range(1900)))
    names = [*(f"id:{item_id}" for item_id in ids), *(f"/n/{number}.png" for number in range(1900))]
    asked = statements(catalog)

    items = find_items(catalog, names)
    book = LabelBook(catalog)
    given = book.give(items, ["violin"])
    taken = book.take(items, "violin")

    assert given.added == taken.removed == 2000
    assert len(asked) < 80  # of 2,000 items, which are asked for in batches
