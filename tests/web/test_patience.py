"""Connections that ask nothing, and too many of them."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn

from modag_search.web import create_app, patience, serving
from modag_search.web.patience import ImpatientProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search import Index

WAIT_S = 30
HALF = b"GET /api/v1/info HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = HALF + b"\r\n"


@contextmanager
def listening(index: Index) -> Iterator[tuple[str, int]]:
    """Serve an index from a thread, as `serve` does; gives the address."""
    with serving.listening("127.0.0.1", 0) as listener:
        config = uvicorn.Config(create_app(index), http=ImpatientProtocol, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


def received(connection: socket.socket) -> bytes:
    """Return what comes next; nothing where the connection has been closed."""
    connection.settimeout(WAIT_S)
    try:
        return connection.recv(1 << 16)
    except ConnectionResetError:
        return b""


def test_who_does_not_come_to_the_point_is_cut_off(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "header_s", 0.05)
    with listening(filled) as address, socket.create_connection(address) as silent:
        silent.sendall(HALF)
        assert received(silent) == b""
        with socket.create_connection(address) as other:
            other.sendall(WHOLE)
            assert received(other).startswith(b"HTTP/1.1 200")
            other.sendall(HALF)
            while received(other):
                pass


def test_only_so_many_connections_are_taken(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "most_connections", 1)
    with listening(filled) as address, socket.create_connection(address) as first:
        first.sendall(WHOLE)
        assert received(first).startswith(b"HTTP/1.1 200")
        with socket.create_connection(address) as second:
            second.sendall(WHOLE)
            assert_told_to_come_again(second)
        first.sendall(WHOLE)
        assert received(first)


def test_a_probe_is_answered_where_there_is_no_room(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "most_connections", 1)
    with listening(filled) as address, socket.create_connection(address) as first, contextlib.ExitStack() as silent:
        first.sendall(WHOLE)
        assert received(first).startswith(b"HTTP/1.1 200")
        for path in (b"/health", b"/ready"):
            with socket.create_connection(address) as probe:
                probe.sendall(b"GET %s HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n" % path)
                assert received_last(probe).startswith(b"HTTP/1.1 200")
        with socket.create_connection(address) as no_probe:
            no_probe.sendall(WHOLE)
            assert_told_to_come_again(no_probe)
        for _ in range(patience.FOR_PROBES):
            silent.enter_context(socket.create_connection(address))
        with socket.create_connection(address) as last:
            assert_told_to_come_again(last)


def assert_told_to_come_again(connection: socket.socket) -> None:
    head, _, body = received_last(connection).partition(b"\r\n\r\n")
    status, *headers = head.lower().split(b"\r\n")
    assert status.startswith(b"http/1.1 503 ")
    assert {b"retry-after: 1", b"connection: close", b"content-length: %d" % len(body)} <= set(headers)
    assert json.loads(body)["type"] == "urn:modag:problem:busy"


def received_last(connection: socket.socket) -> bytes:
    """Return what comes until the connection is closed."""
    return b"".join(iter(lambda: received(connection), b""))


@pytest.mark.parametrize(("soft", "hard", "left", "most"), [(64, 64, 64, 8), (64, 4096, 1056, 256), (20, 20, 20, 4)])
def test_connections_leave_files_for_answers(
    soft: int, hard: int, left: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"files": (soft, hard)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["files"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: limits.update(files=to))
    assert patience.most_connections() == most
    assert limits["files"] == (left, hard)
