"""Connections to PostgreSQL on which an answer does not come: whether it is being made is asked, and decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.cut_network import Link, Network
from tests.postgres import PASSWORD, WITH_PASSWORD, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

psycopg = pytest.importorskip("psycopg")
postgres_module = pytest.importorskip("modag_search.postgres")

LOOK = b"pg_stat_activity"


@pytest.fixture
def network(postgres: Server) -> Iterator[Network]:
    with Network(postgres.port) as network:
        yield network


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "SILENCE_S", 0.2)


def connected(address: str, **options: int) -> Any:
    return postgres_module.WatchedConnection.connect(address, **{**postgres_module.WATCHED, **options}, autocommit=True)


@pytest.fixture
def connection(network: Network, postgres: Server) -> Iterator[Any]:
    with connected(network.through(postgres.url("postgres"))) as connection:
        yield connection


def test_a_statement_may_take_as_long_as_it_takes(network: Network, connection: Any, postgres: Server) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT pg_advisory_lock(17)")
        with network.when(LOOK, nth=4, act=lambda _: holder.execute("SELECT pg_advisory_unlock(17)")) as looked:
            assert pool.submit(lambda: connection.execute("SELECT pg_advisory_lock(17)")).result()
        assert looked.seen.is_set()
        assert connection.execute("SELECT 1").fetchone() == (1,), "it goes on being used"


@pytest.mark.parametrize("statement", ["SELECT 'asked'", "COPY (SELECT 'asked') TO STDOUT"])
def test_a_question_that_never_gets_there_is_given_up(network: Network, connection: Any, statement: str) -> None:
    with network.when(b"asked", Link.silence), pytest.raises(psycopg.OperationalError, match="no answer came for"):
        connection.execute(statement)
    assert connection.broken


def test_an_answer_that_never_gets_here_is_given_up(network: Network, connection: Any) -> None:
    """It is larger than what the kernels hold, so that the server waits, too."""
    with network.when(b"asked", Link.withhold_answers), pytest.raises(psycopg.OperationalError, match="no answer came"):
        connection.execute("SELECT repeat('asked', 10000000)")


def test_rows_that_are_copied_to_a_server_that_takes_none_are_given_up(network: Network, connection: Any) -> None:
    connection.execute("CREATE TEMPORARY TABLE taken (one text)")

    def copy() -> None:
        with connection.cursor() as cursor, cursor.copy("COPY taken FROM STDIN") as copying:
            for _ in range(64):
                copying.write(b"row\n" * 2**20)

    with network.when(b"row", Link.silence), pytest.raises(psycopg.OperationalError, match="no answer came for"):
        copy()


def test_a_server_that_takes_no_more_connections_is_gone(network: Network, connection: Any) -> None:
    def freeze(link: Link) -> None:
        link.silence()
        network.take_no_more()

    with network.when(b"asked", freeze), pytest.raises(psycopg.OperationalError, match="none is being made"):
        connection.execute("SELECT 'asked'")


def test_a_server_that_lets_nobody_in_any_more_is_gone(network: Network, postgres: Server) -> None:
    with (
        connected(network.through(postgres.url("postgres")), connect_timeout=2) as connection,
        network.when(b"asked", lambda _: network.silence()),
        pytest.raises(psycopg.OperationalError, match="no answer came for"),
    ):
        connection.execute("SELECT 'asked'")


def test_a_server_that_freezes_while_it_is_asked_about_is_gone(network: Network, connection: Any) -> None:
    with (
        network.when(b"asked", Link.silence),
        network.when(LOOK, Link.silence),
        pytest.raises(psycopg.OperationalError, match="no answer came for"),
    ):
        connection.execute("SELECT 'asked'")


def test_a_process_of_the_server_that_is_gone_gives_no_answer(
    network: Network, connection: Any, postgres: Server
) -> None:
    with (
        network.when(b"asked", Link.silence),
        network.when(LOOK, lambda _: end(postgres, connection)),
        pytest.raises(psycopg.OperationalError, match="no answer came for"),
    ):
        connection.execute("SELECT 'asked'")


def end(postgres: Server, connection: Any) -> None:
    postgres.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid}, 10000)")


def test_it_looks_as_who_asked(network: Network, postgres: Server) -> None:
    postgres.execute(f"DROP ROLE IF EXISTS {WITH_PASSWORD}", f"CREATE ROLE {WITH_PASSWORD} LOGIN PASSWORD '{PASSWORD}'")
    address = network.through(postgres.url("postgres", user=WITH_PASSWORD, password=PASSWORD))
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as holder, connected(address) as connection:
        holder.execute("SELECT pg_advisory_lock(18)")
        with network.when(LOOK, nth=3, act=lambda _: holder.execute("SELECT pg_advisory_unlock(18)")):
            connection.execute("SELECT pg_advisory_lock(18)")


def test_a_server_that_refuses_to_be_asked_is_there(network: Network, postgres: Server) -> None:
    """It says so itself; what a statement waits for is waited for."""
    postgres.execute("DROP ROLE IF EXISTS limited", "CREATE ROLE limited LOGIN CONNECTION LIMIT 1")
    address = network.through(postgres.url("postgres", user="limited"))
    with (
        psycopg.connect(postgres.url("postgres"), autocommit=True) as holder,
        connected(address) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("SELECT pg_advisory_lock(19)")
        unlock = "SELECT pg_advisory_unlock(19)"
        with network.when(b"user\0limited\0", nth=4, act=lambda _: holder.execute(unlock)) as looked:
            assert pool.submit(lambda: connection.execute("SELECT pg_advisory_lock(19)")).result()
        assert looked.seen.is_set()


def test_it_looks_at_the_server_that_was_asked(
    network: Network, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may stand for several."""
    address = network.through(postgres.url("postgres")).replace("127.0.0.1", "localhost")
    looked_at = []
    connect = postgres_module._Look.connect

    def noted(address: str, **options: Any) -> Any:
        looked_at.append(psycopg.conninfo.conninfo_to_dict(address))
        return connect(address, **options)

    monkeypatch.setattr(postgres_module._Look, "connect", noted)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as holder, connected(address) as connection:
        holder.execute("SELECT pg_advisory_lock(20)")
        with network.when(LOOK, lambda _: holder.execute("SELECT pg_advisory_unlock(20)")):
            connection.execute("SELECT pg_advisory_lock(20)")
    assert {(one["host"], one.get("hostaddr")) for one in looked_at} == {("localhost", "127.0.0.1")}
