"""A PostgreSQL server that is killed while something is written: what was acknowledged stays, the rest goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from modag_search.catalog.database import count_label_change
from modag_search.errors import CatalogError
from tests.made_media import picture
from tests.postgres import Server, started
from tests.toy_encoders import toy_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def server() -> Iterator[Server]:
    """One of the test's own."""
    yield from started()


@pytest.fixture
def shared(server: Server, tmp_path: Path) -> Iterator[Index]:
    with Index.open(server.new_database(), create=True, settings=toy_settings(tmp_path)) as index:
        yield index


def is_clear(error: pytest.ExceptionInfo[CatalogError], index: Index) -> bool:
    said = str(error.value)
    return (
        said.startswith(index.name) and "\n" not in said and "is the server there? run the same command again" in said
    )


def test_a_label_that_was_not_acknowledged_is_not_there(
    server: Server, shared: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(media / "a.png", (200, 30, 30))
    shared.add([media])
    shared.label(path, "red")

    def killed(connection: Connection) -> None:
        count_label_change(connection)
        server.kill()

    with monkeypatch.context() as patch:
        patch.setattr("modag_search.catalog.labels.count_label_change", killed)
        with pytest.raises(CatalogError) as caught:
            shared.label(path, "warm")
    assert is_clear(caught, shared)
    with pytest.raises(CatalogError) as again:
        shared.search(path)
    assert is_clear(again, shared)
    server.start()
    assert shared.catalog.labels.names() == {"red"}
    assert shared.label(path, "warm") == 1
    assert shared.verify() == []


def test_an_index_run_goes_on_where_the_server_was_killed(
    server: Server, shared: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modag_search.ingest.run._STORED_AT_ONCE", 2)
    for number in range(12):
        picture(media / f"{number}.png", (20 * number, 90, 200 - 10 * number))
    put, n_stored = shared.catalog.put, 0

    def killing(*arguments: object, **options: object) -> object:
        nonlocal n_stored
        n_stored += 1
        if n_stored == 3:
            server.kill()
        return put(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(shared.catalog, "put", killing)
    with pytest.raises(CatalogError) as caught:
        shared.add([media])
    assert is_clear(caught, shared)
    server.start()
    there = sum(shared.catalog.count().items.values())
    assert there == 4, "two batches were acknowledged"
    report = shared.add([media])
    assert (report.added, report.unchanged) == (12 - there, there)
    assert shared.verify() == []
