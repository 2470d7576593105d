"""An index whose vectors are on Milvus: the same answers, and one line where it fails; in one file, for one server."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from modag_search.catalog import Catalog
from modag_search.errors import StoreServerError
from modag_search.stores import layered, milvus, servers, shared
from modag_search.stores.engine import NEVER, VectorEngine
from tests import milvus_server, vector_servers
from tests.catalog_builders import new_catalog
from tests.cli.test_stores_on_servers import answers
from tests.cut_network import Link, Network
from tests.recovery.test_stores_on_servers import named_by_records, outlive, require_exact, stores, writer
from tests.unit.test_shared_stores import put_sounds, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.cli.command_line import CommandLine
    from tests.milvus_server import Server


@pytest.fixture(scope="module")
def server() -> Server:
    return vector_servers.milvus()


@pytest.fixture
def modag(filled: CommandLine) -> CommandLine:
    filled.environment["MILVUS_PASSWORD"] = milvus_server.PASSWORD
    return filled


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        put_sounds(catalog, "abc")
        yield catalog


def test_an_index_moves_to_milvus_and_back_and_answers_the_same(
    modag: CommandLine, media: Path, server: Server
) -> None:
    engine = servers.engine_at(server.address)
    there = engine.tables(), set(engine.records())
    before = answers(modag, media)
    moved = modag("rebuild", "--store", server.address)
    assert moved.status == 0, moved.stderr
    assert moved.data["store"] == server.address
    assert answers(modag, media) == before
    assert modag("info").data["stores"] == {"image": "milvus", "sound": "milvus"}
    assert modag("verify").status == 0

    modag("forget", media / "a.png")
    assert str(media / "a.png") not in [row["path"] for row in modag("search", media / "a.wav").data]
    modag("forget", "--undo")
    modag("index", media)
    assert answers(modag, media) == before
    assert milvus_server.PASSWORD not in (modag.folder / "index" / "settings.json").read_text()

    assert modag("rebuild", "--store", "auto").status == 0
    assert answers(modag, media) == before
    assert (engine.tables(), set(engine.records())) == there


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("milvus://me:hidden@127.0.0.1", 2, "no password may stand in it"),
        ("milvus://127.0.0.1:1", 1, "is out of reach; see whether the address is right"),
        ("milvus://root@127.0.0.1:PORT/nowhere", 1, "has no such database"),
        ("milvus://root@localhost:PORT", 1, "MILVUS_USER and MILVUS_PASSWORD"),
        ("milvus://localhost:PORT", 1, "MILVUS_USER and MILVUS_PASSWORD"),
    ],
)
def test_a_server_that_will_not_do_changes_nothing(
    modag: CommandLine, media: Path, server: Server, address: str, status: int, words: str
) -> None:
    if "localhost" in address:
        modag.environment["MILVUS_PASSWORD"] = "hidden"
    settings = modag.folder / "index" / "settings.json"
    before = settings.read_bytes()
    address = address.replace("PORT", str(server.port))
    outcome = modag("rebuild", "--store", address)
    assert outcome.status == status
    assert words in outcome.error
    assert address.partition("@")[2] in outcome.error
    assert "hidden" not in outcome.error
    assert settings.read_bytes() == before
    assert modag("search", media / "a.png").status == 0


def test_a_reader_needs_no_right_to_write(modag: CommandLine, media: Path, server: Server) -> None:
    assert modag("rebuild", "--store", server.address).status == 0
    before = answers(modag, media)
    let_in_a_reader(server, password="reads only")
    settings = modag.folder / "index" / "settings.json"
    content = json.loads(settings.read_text())
    content["store"] = server.address.replace("root@", "reader@")
    del content["checksum"]
    settings.write_text(json.dumps(content))
    modag.environment["MILVUS_PASSWORD"] = "reads only"
    assert answers(modag, media) == before
    assert modag("verify").status == 0
    denied = modag("rebuild")
    assert denied.status == 1
    assert "who administers it can grant it" in denied.error


def let_in_a_reader(server: Server, *, password: str) -> None:
    """Give a user what the documentation says, and wait until the server goes by it."""
    address = server.address.replace(f"milvus://{milvus_server.USER}@", "http://")
    root = MilvusClient(address, token=f"{milvus_server.USER}:{milvus_server.PASSWORD}")
    root.create_user("reader", password)
    root.create_role("readers")
    root.grant_role("reader", "readers")
    for privilege in ("DescribeCollection", "ShowCollections"):
        root.grant_privilege("readers", "Global", privilege, "*")
    for privilege in ("Search", "IndexDetail", "Query"):
        root.grant_privilege("readers", "Collection", privilege, "*")
    (table, *_) = servers.engine_at(server.address).tables()
    reader = MilvusClient(address, token=f"reader:{password}")
    for _ in range(200):
        try:
            reader.query(table, filter="segment == 0", output_fields=["segment"])
        except grpc.RpcError:
            time.sleep(0.05)
        else:
            break
    for client in (root, reader):
        client.close()


def test_an_old_server_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus, "_OLDEST", (99, 0))
    with pytest.raises(StoreServerError, match=r"is Milvus v?2\.\d\S*, and stores need 99\.0 or later; update it"):
        servers.require_store(server.address)


def test_a_server_that_never_answers_is_given_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus, "_CONNECTING_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = milvus.Milvus(f"milvus://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StoreServerError, match="is out of reach"):
            engine.prepare()
        monkeypatch.setattr(milvus, "_CONNECTING_S", 3600.0)
        with pytest.raises(StoreServerError, match="is out of reach"):
            engine.records()


def test_while_the_server_is_away_answers_come_of_the_catalog_and_what_is_written_waits(
    modag: CommandLine, media: Path, server: Server
) -> None:
    assert modag("rebuild", "--store", server.address).status == 0
    before = answers(modag, media)
    server.kill()
    try:
        outcome = modag("search", media / "a.png")
        assert outcome.status == 0
        assert outcome.data
        assert all("vectors are made of the catalog meanwhile" in line for line in outcome.stderr.splitlines())
        assert server.address in outcome.stderr
        forgotten = modag("forget", media / "b.wav")
        assert forgotten.status == 0
        assert "the next command does the same work again" in forgotten.stderr
        assert modag("verify").status == 1
        assert modag("rebuild").status == 1
    finally:
        server.start()
    modag("forget", "--undo")
    assert modag("verify").status == 0
    assert answers(modag, media) == before


def test_a_server_that_is_killed_before_a_change_is_whole_has_none_of_it(
    catalog: Catalog, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stores(catalog, server.address).save()
    reading = stores(catalog, server.address).present("sound")
    assert told(reading, "abc") == "abc"
    change = milvus.Milvus.change

    def killed(self: milvus.Milvus, *arguments: object, **others: object) -> None:
        change(self, *arguments, **others)  # type: ignore[arg-type]
        server.kill()

    monkeypatch.setattr(milvus.Milvus, "change", killed)
    put_sounds(catalog, "d")
    try:
        stores(catalog, server.address).save()
        assert [server.address in message for message in caplog.messages] == [True]
        with pytest.raises(StoreServerError) as raised:
            told(reading, "a")
        assert "\n" not in str(raised.value)
    finally:
        server.start()
    monkeypatch.undo()
    assert told(reading, "abc") == "abc", "a reader goes on when its server is back"
    store = stores(catalog, server.address).present("sound")
    assert len(store.reader.base) == 3
    assert told(store, "abcd") == "abcd"
    stores(catalog, server.address).save()
    assert len(stores(catalog, server.address).present("sound").reader.base) == 4
    assert stores(catalog, server.address).problems() == []


def test_a_record_is_there_once_it_is_put_though_the_server_is_killed(server: Server) -> None:
    engine = servers.engine_at(server.address)
    key = secrets.token_hex(8)
    engine.put_record(key, "first", former=None)
    engine.put_record(key, "second", former="first")
    engine.put_record(key, "third", former="second")
    server.kill()
    server.start()
    assert engine.record(key) == "third"
    engine.drop_record(key)


def in_the_middle_of_filling(server: Server, patch: pytest.MonkeyPatch) -> None:
    fill = milvus.Milvus.fill

    def killed(self: milvus.Milvus, table: str, batches: Iterable[tuple[Any, Any]], *, born: int) -> int:
        def until_killed() -> Iterator[tuple[Any, Any]]:
            for number, (ids, vectors) in enumerate(batches):
                yield ids, vectors
                if number == 0:
                    server.kill()
                    yield ids + 10**6, vectors

        return fill(self, table, until_killed(), born=born)

    patch.setattr(milvus.Milvus, "fill", killed)


def in_the_middle_of_arranging(server: Server, patch: pytest.MonkeyPatch) -> None:
    wait = milvus.Milvus._wait_for_index

    def killed(self: milvus.Milvus, table: str) -> None:
        server.kill()
        wait(self, table)

    patch.setattr(milvus.Milvus, "_wait_for_index", killed)


def once_all_is_there_but_the_record(server: Server, patch: pytest.MonkeyPatch) -> None:
    put = milvus.Milvus.put_record

    def killed(self: milvus.Milvus, key: str, text: str, *, former: str | None) -> None:
        if '"pending": null' in text:
            server.kill()
        put(self, key, text, former=former)

    patch.setattr(milvus.Milvus, "put_record", killed)


def tables_of_sounds(engine: VectorEngine) -> dict[str, str]:
    """Name the present tables by their records."""
    records = {key: shared.Record.of_text(text) for key, text in engine.records().items()}
    return {key: one.table for key, one in records.items() if one is not None and one.modality == "sound"}


@pytest.mark.parametrize(
    "break_off", [in_the_middle_of_filling, in_the_middle_of_arranging, once_all_is_there_but_the_record]
)
def test_a_server_that_is_killed_while_a_store_is_made_anew_has_what_it_had(
    catalog: Catalog,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    break_off: Callable[[Server, pytest.MonkeyPatch], None],
) -> None:
    for room in (milvus, shared):
        monkeypatch.setattr(room, "MOST_COMPARED", 50)
    put_sounds(catalog, "".join(chr(0x4E00 + number) for number in range(200)))
    stores(catalog, server.address).save()
    engine = servers.engine_at(server.address)
    before = tables_of_sounds(engine)
    with monkeypatch.context() as patch:
        break_off(server, patch)
        try:
            with pytest.raises(StoreServerError) as raised:
                stores(catalog, server.address).rebuild()
        finally:
            server.start()
    assert "\n" not in str(raised.value)
    assert server.address in str(raised.value)
    assert tables_of_sounds(engine) == before
    with catalog.view():
        store = stores(catalog, server.address).present("sound")
        assert isinstance(store.reader.base, shared.SharedReader)
        require_exact(catalog, store)
    assert stores(catalog, server.address).problems() == []
    put_sounds(catalog, "d")
    stores(catalog, server.address).save()
    assert len(stores(catalog, server.address).present("sound").reader.base) == 204
    stores(catalog, server.address).rebuild()
    assert stores(catalog, server.address).problems() == []
    own = [
        f"modag_{key}_"
        for key, text in engine.records().items()
        if (one := shared.Record.of_text(text)) and one.latest and catalog.has_generation(*one.latest)
    ]
    assert len(own) == 2
    assert {name for name in engine.tables() if name.startswith(tuple(own))} <= named_by_records(engine)


def test_rows_that_a_server_has_twice_are_found_by_counting_and_mended_by_the_next(
    catalog: Catalog, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """As Milvus 2.3.5 has them now and then when it was killed: of what was put in again, the former row is back."""
    stores(catalog, server.address).save()
    catalog.remove([1])
    stores(catalog, server.address).save()
    base = stores(catalog, server.address).present("sound").reader.base
    assert isinstance(base, shared.SharedReader)
    assert isinstance(base.engine, milvus.Milvus)
    client = base.engine._client()
    (row,) = client.query(base.table, filter="segment == 1", output_fields=["*"], strict_float32=True)
    client.insert(base.table, [{**row, "gone": NEVER, "vector": np.asarray(row["vector"], dtype=np.float32)}])
    base.engine.close()
    base.engine._forget(base.table)
    with catalog.view():
        require_exact(catalog, stores(catalog, server.address).present("sound"))
    (message,) = caplog.messages
    assert "holds 3 vectors, must hold 2; `modag rebuild` makes them anew; making it anew from the catalog" in message
    (problem,) = stores(catalog, server.address).problems()
    assert "holds 3 vectors, must hold 2" in problem
    stores(catalog, server.address).save()
    store = stores(catalog, server.address).present("sound")
    assert isinstance(store.reader.base, shared.SharedReader)
    assert told(store, "abc") == "bc"
    assert stores(catalog, server.address).problems() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks writers")
def test_whatever_moment_the_server_is_killed_at_readers_are_right_and_the_next_writer_goes_on(
    tmp_path: Path, server: Server
) -> None:
    drawn = random.Random(0)
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        put_sounds(catalog, "abc")
        stores(catalog, server.address).save()
    for seed in range(3):
        with writer(tmp_path / "catalog.sqlite", server.address, seed, may_fail=True):
            time.sleep(drawn.uniform(0.5, 3.0))  # whenever: it is killed in the middle of something
            server.kill()
        server.start()
        with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
            with catalog.view():
                require_exact(catalog, stores(catalog, server.address).present("sound"))
            stores(catalog, server.address).save()
            assert stores(catalog, server.address).problems() == []
            with catalog.view():
                store = stores(catalog, server.address).present("sound")
                assert isinstance(store.reader.base, shared.SharedReader)
                require_exact(catalog, store)


def test_a_table_that_was_released_is_told(catalog: Catalog, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus, "_STARTING_S", 0.2)
    stores(catalog, server.address).save()
    reading = stores(catalog, server.address).present("sound")
    assert told(reading, "abc") == "abc"
    base = reading.reader.base
    assert isinstance(base, shared.SharedReader)
    assert isinstance(base.engine, milvus.Milvus)
    base.engine._client().release_collection(base.table)
    with pytest.raises(StoreServerError, match="a table has been released there; load it, or run `modag rebuild`"):
        told(reading, "a")
    base.engine._client().load_collection(base.table)
    assert told(reading, "abc") == "abc"


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    with Network(server.port) as network:
        yield network


def test_a_network_that_is_cut_costs_readers_nothing(catalog: Catalog, server: Server, network: Network) -> None:
    through = network.through(server.address)
    stores(catalog, through).save()
    reading = stores(catalog, through).present("sound")
    for act in (Link.end, Link.lose_answer):
        with network.when(b"born <= ", act) as cut:
            assert told(reading, "abc") == "abc"
        assert cut.seen.is_set()


def test_a_server_that_freezes_is_given_up(
    catalog: Catalog, server: Server, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores(catalog, server.address).save()
    soon = {name: 1000 for name, value in milvus._HEARD.items() if value == 10_000}
    monkeypatch.setattr(milvus, "_HEARD", milvus._HEARD | soon)
    monkeypatch.setattr(milvus, "_CONNECTING_S", 1.0)
    reading = stores(catalog, network.through(server.address)).present("sound")
    with network.when(b"born <= ", lambda _: network.silence()), pytest.raises(StoreServerError) as raised:
        told(reading, "a")
    assert "is out of reach; `modag rebuild --store auto`" in str(raised.value)
    network.mend()
    assert told(reading, "abc") == "abc"


@pytest.mark.parametrize("act", [Link.end, Link.lose_answer], ids=["before", "answer lost"])
def test_rows_whose_insertion_is_cut_off_are_there_once(
    catalog: Catalog,
    server: Server,
    network: Network,
    caplog: pytest.LogCaptureFixture,
    act: Callable[[Link], object],
) -> None:
    through = network.through(server.address)
    stores(catalog, through).save()
    put_sounds(catalog, "d")
    inserted = b":%d" % catalog.generation  # keys of rows end so
    with network.when(inserted, act) as cut:
        stores(catalog, through).save()
    assert cut.seen.is_set()
    assert [through in message for message in caplog.messages] == [True]
    assert told(stores(catalog, server.address).present("sound"), "abcd") == "abcd"
    stores(catalog, through).save()
    store = stores(catalog, server.address).present("sound")
    assert isinstance(store.reader.base, shared.SharedReader)
    assert len(store.reader.base) == 4
    with catalog.view():
        require_exact(catalog, store)
    with network.when(inserted, act), pytest.raises(StoreServerError, match="is out of reach"):
        stores(catalog, through).rebuild()
    stores(catalog, through).rebuild()
    assert stores(catalog, server.address).problems() == []


def test_a_server_that_is_in_no_hurry_is_waited_for(
    catalog: Catalog, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, refusals = MilvusClient.insert, [MilvusException(8, "rate limit exceeded")] * 3

    def refused(self: MilvusClient, *arguments: object, **others: object) -> object:
        if refusals:
            raise refusals.pop()
        return insert(self, *arguments, **others)

    monkeypatch.setattr(milvus, "_POLL_S", 0.0)
    monkeypatch.setattr(MilvusClient, "insert", refused)
    stores(catalog, server.address).save()
    assert told(stores(catalog, server.address).present("sound"), "abc") == "abc"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks writers")
def test_whatever_moment_a_writer_is_killed_at_readers_are_right_and_the_next_goes_on(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layered, "_LEAST_HEAVY", 12)  # now and then all is made anew
    outlive(tmp_path / "catalog.sqlite", server.address, writers=4)


@pytest.mark.parametrize("rest", ["[::1/db", "host:port/db", "host:99999", "", ":19530/db"])
def test_an_address_that_is_none_is_a_wrong_argument(modag: CommandLine, rest: str) -> None:
    outcome = modag("rebuild", "--store", f"milvus://{rest}")
    assert outcome.status == 2
    assert outcome.error.startswith(f"error: milvus://{rest}: ")
    assert "an address is milvus://[USER@]HOST[:PORT][/DATABASE]" in outcome.error
