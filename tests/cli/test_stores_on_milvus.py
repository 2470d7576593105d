"""An index whose vectors are on Milvus: the same answers, and one line where it fails; in one file, for one server."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from pymilvus import MilvusClient

from modag_search.errors import StoreServerError
from modag_search.stores import layered, milvus, servers, shared
from tests import milvus_server, vector_servers
from tests.catalog_builders import new_catalog
from tests.cli.test_stores_on_servers import answers
from tests.recovery.test_stores_on_servers import outlive, stores
from tests.unit.test_shared_stores import put_sounds, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog
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
        assert stores(catalog, server.address).save() == 4
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
