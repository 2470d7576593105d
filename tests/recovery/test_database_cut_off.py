"""An index in a database beyond a network that is cut or goes silent: one line, nothing lost, and nothing doubled."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import CatalogServerError, Index, IndexLockedError
from modag_search.catalog import Catalog, copying, postgres
from tests.cut_network import Link, Network, Once
from tests.made_media import picture
from tests.toy_encoders import toy_settings
from tests.web.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgres import Server

postgres_module = pytest.importorskip("modag_search.postgres")
pytestmark = pytest.mark.usefixtures("toys")

BEGUN = b"BEGIN ISOLATION LEVEL READ COMMITTED"
"""So a change of the catalog begins."""
SYNC = b"S\0\0\0\4"
"""Ends each statement with values, also one that the server has been sent before and is called by a name."""
COMMIT = b"COMMIT\0"
CUTS: dict[str, Callable[[Link], object]] = {"cut": Link.end, "answer lost": Link.lose_answer}


@pytest.fixture
def network(postgres: Server) -> Iterator[Network]:
    with Network(postgres.port) as network:
        yield network


@pytest.fixture
def url(postgres: Server) -> str:
    """Of an empty database, without the network between."""
    return postgres.new_database()


@pytest.fixture
def shared(url: str, network: Network, tmp_path: Path) -> Iterator[Index]:
    """An empty index in it, opened through the network."""
    Index.open(url, create=True, settings=toy_settings(tmp_path)).close()
    with Index.open(network.through(url)) as index:
        yield index


@pytest.fixture
def pictures(media: Path) -> list[Path]:
    return [picture(media / f"{number:02}.png", (20 * number, 90, 200 - 10 * number)) for number in range(12)]


def told(error: pytest.ExceptionInfo[Any], index: Index) -> str:
    """What a user is told, without the name of the index; it is one line, and says the way out."""
    said = str(error.value)
    assert said.startswith(f"{index.name}: ")
    assert "\n" not in said
    assert "is the server there? run the same command again" in said
    return said.removeprefix(f"{index.name}: ")


def quiet(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether no library has logged anything beside, which would be a traceback on a terminal."""
    return not [record for record in caplog.records if not record.name.startswith("modag_search")]


@pytest.mark.parametrize(
    ("pattern", "act", "kept"),
    [
        (SYNC, Link.end, 4),
        (SYNC, Link.lose_answer, 4),
        (COMMIT, Link.end, 4),
        (COMMIT, Link.lose_answer, 6),
    ],
    ids=["in the middle", "in the middle, answer lost", "at the commit", "at the commit, answer lost"],
)
def test_an_index_run_that_is_cut_off_goes_on_by_the_same_command(
    shared: Index,
    url: str,
    network: Network,
    pictures: list[Path],
    media: Path,
    pattern: bytes,
    act: Callable[[Link], object],
    kept: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("modag_search.ingest.run._STORED_AT_ONCE", 2)
    put, n_put = shared.catalog.put, 0

    def cut_at_the_third(*arguments: Any, **options: Any) -> Any:
        nonlocal n_put
        n_put += 1
        if n_put != 3:
            return put(*arguments, **options)
        with network.when(pattern, act, after=BEGUN):
            return put(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shared.catalog, "put", cut_at_the_third)
        with pytest.raises(CatalogServerError) as caught:
            shared.add([media])
    assert told(caught, shared).startswith("the connection was lost")
    with Index.open(url) as there:
        assert sum(there.catalog.count().items.values()) == kept
    report = shared.add([media])
    assert (report.added, report.unchanged) == (len(pictures) - kept, kept)
    assert sorted(item.path for item in shared.catalog.items.all()) == [str(path) for path in pictures]
    assert shared.verify() == []
    assert quiet(caplog)


@pytest.mark.parametrize("act", CUTS.values(), ids=CUTS.keys())
def test_a_label_that_is_given_again_is_there_once(
    shared: Index, url: str, network: Network, pictures: list[Path], media: Path, act: Callable[[Link], object]
) -> None:
    shared.add([media])
    with (
        network.when(COMMIT, act, after=b"INSERT INTO annotation"),
        pytest.raises(CatalogServerError) as caught,
    ):
        shared.label(pictures[0], "red")
    told(caught, shared)
    with Index.open(url) as there:
        was_there = there.catalog.labels.names() == {"red"}
    assert was_there == (act is Link.lose_answer)
    shared.label(pictures[0], "red")
    [item] = [item for item in shared.catalog.items.all() if item.path == str(pictures[0])]
    assert list(item.labels) == ["red"]
    assert shared.verify() == []


@pytest.mark.parametrize("pattern", [b"SELECT", b"ROLLBACK"], ids=["at a question", "once all is read"])
def test_a_search_that_is_cut_off_is_one_line_and_the_next_is_answered(
    shared: Index, network: Network, pictures: list[Path], media: Path, pattern: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    shared.add([media])
    before = [hit.path for hit in shared.search(pictures[0])]
    with network.when(pattern, Link.end) as cut:
        try:
            assert [hit.path for hit in shared.search(pictures[0])] == before
        except CatalogServerError as error:
            assert "the connection was lost" in str(error)  # noqa: PT017
    assert cut.seen.is_set()
    assert [hit.path for hit in shared.search(pictures[0])] == before
    network.cut()
    assert [hit.path for hit in shared.search(pictures[0])] == before, "connections that nobody uses are no loss"
    assert quiet(caplog)


def test_a_database_that_freezes_is_given_up(
    shared: Index, network: Network, pictures: list[Path], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.add([media])
    monkeypatch.setattr(postgres_module, "SILENCE_S", 0.3)

    def freeze(_: Link) -> None:
        network.silence()
        network.take_no_more()

    for ask in (lambda: shared.search(pictures[0]), lambda: shared.label(pictures[0], "red")):
        with network.when(b"SELECT", freeze), pytest.raises(CatalogServerError) as caught:
            ask()
        told(caught, shared)
        network.mend()
    assert shared.label(pictures[0], "red") == 1
    assert shared.verify() == []


def test_who_loses_the_lock_alone_writes_no_more(
    url: str, network: Network, shared: Index, pictures: list[Path], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the connection that holds the lock is cut, and another writer begins meanwhile."""
    monkeypatch.setattr("modag_search.ingest.run._STORED_AT_ONCE", 2)
    locks: list[Link] = []
    with Index.open(url) as second:
        reports = []

        def lose_it() -> None:
            with pytest.raises(IndexLockedError), Index.open(url, wait_s=0.0) as impatient:
                impatient.add([media])
            locks[0].end()
            reports.append(second.add([media]))

        with network.when(b"pg_try_advisory_lock", locks.append), pytest.raises(CatalogServerError) as caught:
            shared.add([media], progress=Once(4, lose_it))
        assert told(caught, shared).startswith("the connection was lost")
        [report] = reports
        assert report.added + report.unchanged == len(pictures)
        assert len(list(second.catalog.items.all())) == len(pictures)
        assert second.verify() == []
    assert shared.add([media]).unchanged == len(pictures)


def test_who_loses_the_lock_last_leaves_stores_alone(
    network: Network, shared: Index, pictures: list[Path], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks: list[Link] = []
    stores = type(shared._rooms.workings.basis.stores)

    def reunited(_: object) -> list[object]:
        locks[0].end()
        return []

    with monkeypatch.context() as patch, network.when(b"pg_try_advisory_lock", locks.append):
        patch.setattr(stores, "save", lambda _: pytest.fail("another one may save"))
        patch.setattr(shared.catalog, "reunite", reunited)
        with pytest.raises(CatalogServerError):
            shared.add([media])
    assert shared.add([media]).unchanged == len(pictures)


@pytest.mark.filterwarnings("ignore:.*psycopg.ServerCursor:ResourceWarning")  # psycopg's own, of what was cut
@pytest.mark.parametrize("way", ["there", "back"])
def test_a_copy_that_is_cut_off_goes_on(
    filled: Index, url: str, network: Network, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 2)
    source, target = str(filled.folder), network.through(url)
    if way == "back":
        Index.copy(source, url)
        source, target = target, str(tmp_path / "back")
    before = filled.catalog.moment

    batches = []

    def cut(n: int, _: int) -> None:
        batches.append(n)
        if len(batches) == 5:
            network.cut()

    with pytest.raises(CatalogServerError) as caught:
        Index.copy(source, target, on_rows=cut)
    assert "the connection was lost" in str(caught.value)
    del caught
    gc.collect()  # what the error held warns while that is ignored
    report = Index.copy(source, target)
    assert 0 < report.copied < report.rows, "it has not begun anew"
    with Index.open(target) as copy:
        assert copy.catalog.moment == before
        assert copy.verify() == []


def test_a_copy_that_has_lost_its_lock_leaves_alone_what_another_began(
    filled: Index, url: str, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the connection that holds the lock of a restore is cut."""
    monkeypatch.setattr(copying, "_AT_ONCE", 2)
    backup = tmp_path / "backup.modag"
    filled.back_up(backup)
    locks: list[Link] = []
    fill = Catalog.fill_from

    def lose_it(catalog: Catalog, source: Catalog, **options: Any) -> int:
        locks[0].end()
        return fill(catalog, source, **options)

    monkeypatch.setattr(Catalog, "fill_from", lose_it)
    with network.when(b"pg_try_advisory_lock", locks.append), pytest.raises(CatalogServerError):
        Index.restore(backup, network.through(url))
    with Catalog.open(postgres.beside(url)) as begun:
        assert begun.documents.get("source.json") is not None


@pytest.mark.parametrize("act", CUTS.values(), ids=CUTS.keys())
def test_a_copy_whose_last_step_is_cut_off_knows_whether_it_was_done(
    filled: Index, url: str, network: Network, act: Callable[[Link], object]
) -> None:
    target = network.through(url)
    with network.when(COMMIT, act, after=b"RENAME TO"):
        try:
            report = Index.copy(filled.folder, target)
        except CatalogServerError:
            assert act is Link.end
            report = Index.copy(filled.folder, target)
    assert report.items == 6
    with Index.open(url) as copy:
        assert copy.verify() == []


def test_a_server_of_ours_answers_again_once_the_network_is_back(
    shared: Index, network: Network, media: Path, pictures: list[Path]
) -> None:
    shared.add([media])
    question = {"query": "id:1"}
    with serving(shared) as client:
        assert client.post("/search", json=question).status_code == 200
        network.refuse()
        for answer in (
            client.post("/search", json=question),
            client.post("/labels/give", json={"ids": [1], "label": "red"}),
        ):
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:modag:problem:catalog-server"
            assert "is the server there?" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0
        network.mend()
        assert client.post("/search", json=question).status_code == 200
        assert client.post("/labels/give", json={"ids": [1], "label": "red"}).status_code == 200
