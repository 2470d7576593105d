"""Servers that die, are full, too old or cut off, and writers that are killed: one line, and no wrong answer."""

from __future__ import annotations

import os
import random
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.catalog import Catalog
from modag_search.errors import StoreServerError
from modag_search.search.store_sync import StoreSync
from modag_search.stores import layered, pgvector, servers, shared
from tests import vector_servers
from tests.catalog_builders import FINGERPRINTS, new_catalog, put, sound
from tests.cut_network import Link, Network
from tests.unit.test_shared_stores import put_sounds, told
from tests.unit.test_store_sync import space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modag_search.stores import StampedReader
    from modag_search.stores.engine import VectorEngine
    from tests.postgres import Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks writers")


@pytest.fixture(scope="module")
def server() -> Server:
    return vector_servers.postgres_server()


@pytest.fixture
def url(server: Server) -> str:
    return server.new_database()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        put_sounds(catalog, "abc")
        yield catalog


def stores(catalog: Catalog, url: str) -> StoreSync:
    folder = Path(catalog.path).with_name("stores")
    return StoreSync(folder, catalog=catalog, space=space(), fingerprints=FINGERPRINTS, store=url)


def require_exact(catalog: Catalog, store: StampedReader) -> None:
    """Compare a store with the catalog, within a view: ids, vectors, and what is nearest to each."""
    parts = list(catalog.segments.features(FINGERPRINTS["sound"]))
    ids = np.concatenate([np.zeros(0, dtype=np.int64), *(part[0] for part in parts)])
    assert sorted(store.reader.ids().tolist()) == sorted(ids.tolist())
    assert len(store.reader) == len(ids)
    if not len(ids):
        return
    vectors = space().project("sound", np.concatenate([part[1] for part in parts]))
    similarities, found = store.reader.search(vectors[:3], k=5)
    products = vectors[:3] @ vectors.T
    expected = -np.sort(-products, axis=1)[:, :5]
    m = expected.shape[1]
    assert similarities[:, :m] == pytest.approx(expected, abs=1e-5)
    assert (found[:, m:] == -1).all()
    assert len(store.reader.differing(ids, vectors, tolerance=1e-5)) == 0


def write_without_end(path: Path, url: str, seed: int) -> None:
    """Change the catalog and save, a little or much, until killed."""
    drawn = random.Random(seed)
    with Catalog.open(path) as catalog:
        writing = stores(catalog, url)
        while True:
            names = drawn.sample(range(60), drawn.randint(1, 8))
            put(catalog, *(sound(f"/m/{n}.wav", f"{n} {drawn.random()}", statuses=("ok",)) for n in names))
            if drawn.random() < 0.3:
                catalog.remove(list({one.id for one in catalog.items.all()})[:4])
            if drawn.random() < 0.1:
                writing.rebuild()
            else:
                writing.save()


@contextmanager
def writer(path: Path, url: str, seed: int, *, may_fail: bool = False) -> Iterator[None]:
    """A process that writes, and is killed when the block ends; it may fail before where its server does."""
    child = os.fork()
    if child == 0:
        try:
            write_without_end(path, url, seed)
        finally:
            os._exit(1)
    try:
        yield
        os.kill(child, signal.SIGKILL)
    finally:
        _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or may_fail, "it went on until it was killed"


def outlive(path: Path, url: str, *, writers: int) -> None:
    """Read while one writer after the other is killed, at whatever moment; compare each answer with the catalog."""
    drawn = random.Random(0)
    with new_catalog(path) as catalog:
        put_sounds(catalog, "abc")
        stores(catalog, url).save()
    has_server_answered = False
    for seed in range(writers):
        with writer(path, url, seed), Catalog.open(path) as catalog:
            former: StampedReader | None = None
            for _ in range(drawn.randint(3, 25)):
                with catalog.view():
                    former = stores(catalog, url).present("sound", former if drawn.random() < 0.5 else None)
                    require_exact(catalog, former)
                    has_server_answered |= isinstance(former.reader.base, shared.SharedReader)
        with Catalog.open(path) as catalog:
            with catalog.view():
                require_exact(catalog, stores(catalog, url).present("sound"))
            assert stores(catalog, url).problems() == []
    assert has_server_answered
    with Catalog.open(path) as catalog:
        stores(catalog, url).save()
        store = stores(catalog, url).present("sound")
        assert len(store.reader.delta_ids) == len(store.reader.gone) == 0
        require_exact(catalog, store)


def named_by_records(engine: VectorEngine) -> set[str]:
    """The tables that are read, or may be read still."""
    records = filter(None, map(shared.Record.of_text, engine.records().values()))
    return {name for record in records for name in (record.table, *dict(record.former))}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads of proxies have nothing to do with it
def test_whatever_moment_a_writer_is_killed_at_readers_are_right_and_the_next_goes_on(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layered, "_LEAST_HEAVY", 12)  # now and then all is made anew
    outlive(tmp_path / "catalog.sqlite", url, writers=6)
    engine = servers.engine_at(url)
    assert engine.tables() == named_by_records(engine)


def test_a_server_that_is_killed_while_it_is_filled_is_filled_anew(
    catalog: Catalog, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores(catalog, url).save()
    fill = pgvector.PgVector.fill

    def killed(self: object, table: str, batches: Iterable[object], *, born: int) -> int:
        def until_killed() -> Iterator[object]:
            yield from batches
            server.kill()
            yield np.arange(10**6, 10**6 + 4096), np.ones((4096, space().dimension), dtype=np.float32)

        return fill(self, table, until_killed(), born=born)  # type: ignore[arg-type]

    monkeypatch.setattr(pgvector.PgVector, "fill", killed)
    try:
        with pytest.raises(StoreServerError) as raised:
            stores(catalog, url).rebuild()
    finally:
        server.start()
    assert "\n" not in str(raised.value)
    assert url in str(raised.value)
    monkeypatch.undo()
    with catalog.view():
        store = stores(catalog, url).present("sound")
        assert isinstance(store.reader.base, shared.SharedReader)
        require_exact(catalog, store)
    stores(catalog, url).rebuild()
    assert stores(catalog, url).problems() == []


def test_a_server_that_is_killed_before_a_change_is_whole_has_none_of_it(
    catalog: Catalog, server: Server, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stores(catalog, url).save()
    change = pgvector.PgVector.change

    def killed(self: object, *arguments: object, **others: object) -> None:
        change(self, *arguments, **others)  # type: ignore[arg-type]
        server.kill()

    monkeypatch.setattr(pgvector.PgVector, "change", killed)
    put_sounds(catalog, "d")
    try:
        stores(catalog, url).save()
        assert [url in message for message in caplog.messages] == [True]
    finally:
        server.start()
    monkeypatch.undo()
    store = stores(catalog, url).present("sound")
    assert len(store.reader.base) == 3
    assert told(store, "abcd") == "abcd"
    stores(catalog, url).save()
    assert len(stores(catalog, url).present("sound").reader.base) == 4


def test_a_reader_goes_on_when_its_server_is_back(catalog: Catalog, server: Server, url: str) -> None:
    stores(catalog, url).save()
    store = stores(catalog, url).present("sound")
    assert told(store, "abc") == "abc"
    server.kill()
    try:
        with pytest.raises(StoreServerError) as raised:
            told(store, "a")
        assert "\n" not in str(raised.value)
        assert "modag rebuild --store auto" in str(raised.value)
    finally:
        server.start()
    assert told(store, "abc") == "abc"


def test_a_full_disk_is_told_and_nothing_is_lost(
    catalog: Catalog, server: Server, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    stores(catalog, url).save()
    database = url.rpartition("/")[2]
    server.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER full_disk BEFORE UPDATE ON modag_record EXECUTE FUNCTION full_disk()",
        database=database,
    )
    put_sounds(catalog, "d")
    stores(catalog, url).save()
    (message,) = caplog.messages
    assert "its disk or memory is full: could not extend file" in message
    with pytest.raises(StoreServerError, match="its disk or memory is full"):
        stores(catalog, url).rebuild()
    assert told(stores(catalog, url).present("sound"), "abcd") == "abcd"
    server.execute("DROP TRIGGER full_disk ON modag_record", database=database)
    stores(catalog, url).save()
    assert stores(catalog, url).problems() == []


def test_a_server_without_pgvector_says_what_to_install(server: Server, url: str) -> None:
    database = url.rpartition("/")[2]
    server.execute(f"ALTER DATABASE {database} SET extension_control_path TO '/nowhere'")
    with pytest.raises(StoreServerError, match=r"lacks the extension pgvector; .*apt install postgresql-\d+-pgvector"):
        servers.require_store(url)


def test_who_may_not_make_the_extension_is_told_who_may(server: Server, url: str) -> None:
    server.execute("DROP ROLE IF EXISTS humble", "CREATE ROLE humble LOGIN")
    with pytest.raises(StoreServerError, match="its owner must say `CREATE EXTENSION vector` in it once"):
        servers.require_store(url.replace("modag@", "humble@"))


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("_OLDEST_SERVER", 990_000, r"is PostgreSQL \d+, and 14 or later is wanted"),
        ("_OLDEST_EXTENSION", (99, 0), r"has pgvector \d.*ALTER EXTENSION vector UPDATE"),
    ],
)
def test_an_old_server_is_refused(
    url: str, setting: str, value: object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector, setting, value)
    with pytest.raises(StoreServerError, match=words):
        servers.require_store(url)


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=2"
        with pytest.raises(StoreServerError, match="timeout"):
            servers.require_store(url)
        silent.close()
        with pytest.raises(StoreServerError, match="timeout expired a moment ago"):
            servers.require_store(url)


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    with Network(server.port) as network:
        yield network


def test_a_network_that_is_cut_between_questions_costs_none(catalog: Catalog, network: Network, url: str) -> None:
    through = network.through(url)
    stores(catalog, through).save()
    store = stores(catalog, through).present("sound")
    assert told(store, "abc") == "abc"
    network.cut()
    assert told(store, "abc") == "abc", "it connects again"
    network.refuse()
    assert_one_line(through, lambda: told(store, "a"))
    network.mend()
    assert told(store, "abc") == "abc"
    assert told(stores(catalog, url).present("sound"), "abc") == "abc", "the store is known by the catalog alone"


def test_a_question_in_whose_midst_the_network_is_cut_is_asked_again(
    catalog: Catalog, network: Network, url: str
) -> None:
    through = network.through(url)
    stores(catalog, through).save()
    store = stores(catalog, through).present("sound")
    for act in (Link.end, Link.lose_answer):
        with network.when(b"vector_send", act) as cut:
            assert told(store, "abc") == "abc"
        assert cut.seen.is_set()


def test_a_server_that_freezes_in_the_midst_of_a_question_is_given_up(
    catalog: Catalog, network: Network, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modag_search.postgres.SILENCE_S", 0.3)
    through = network.through(url)
    stores(catalog, through).save()
    store = stores(catalog, through).present("sound")

    def freeze(_: Link) -> None:
        network.silence()
        network.take_no_more()

    with network.when(b"vector_send", freeze):
        assert_one_line(through, lambda: told(store, "a"))
    network.mend()
    assert told(store, "abc") == "abc"


def assert_one_line(address: str, ask: Callable[[], object]) -> None:
    with pytest.raises(StoreServerError) as raised:
        ask()
    assert str(raised.value).startswith(f"{address}: ")
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("`modag rebuild --store auto` keeps the stores in files again")


@pytest.mark.parametrize(
    ("after", "pattern", "act", "n"),
    [
        (b"UPDATE modag_record", b"PGCOPY", Link.end, 3),
        (b"PGCOPY", b"COMMIT", Link.end, 3),
        (b"PGCOPY", b"COMMIT", Link.lose_answer, 4),
    ],
    ids=["in the middle", "at the commit", "at the commit, answer lost"],
)
def test_a_change_that_is_cut_off_is_whole_or_not_there_and_the_next_goes_on(
    catalog: Catalog,
    network: Network,
    url: str,
    caplog: pytest.LogCaptureFixture,
    after: bytes,
    pattern: bytes,
    act: Callable[[Link], object],
    n: int,
) -> None:
    through = network.through(url)
    stores(catalog, through).save()
    put_sounds(catalog, "d")
    with network.when(pattern, act, after=after):
        stores(catalog, through).save()
    assert [through in message for message in caplog.messages] == [True]
    store = stores(catalog, url).present("sound")
    assert len(store.reader.base) == n
    assert told(store, "abcd") == "abcd"
    put_sounds(catalog, "e")
    stores(catalog, through).save()
    assert len(stores(catalog, url).present("sound").reader.base) == 5
    assert stores(catalog, url).problems() == []


@pytest.mark.parametrize(
    ("pattern", "act"),
    [
        (b"PGCOPY", Link.end),
        (b"CREATE UNIQUE INDEX", Link.lose_answer),
        (b"UPDATE modag_record", Link.end),
        (b"UPDATE modag_record", Link.lose_answer),
    ],
    ids=["while it is filled", "while it is arranged", "before it is named", "when it is named, answer lost"],
)
def test_a_rebuild_that_is_cut_off_leaves_what_there_was_and_the_next_goes_on(
    catalog: Catalog, network: Network, url: str, pattern: bytes, act: Callable[[Link], object]
) -> None:
    through = network.through(url)
    stores(catalog, through).save()
    with network.when(pattern, act, nth=2) as cut:  # that of pictures comes first, and has none
        assert_one_line(through, stores(catalog, through).rebuild)
    assert cut.seen.is_set()
    assert told(stores(catalog, url).present("sound"), "abc") == "abc"
    stores(catalog, through).rebuild()
    with catalog.view():
        require_exact(catalog, stores(catalog, url).present("sound"))
    assert stores(catalog, url).problems() == []
