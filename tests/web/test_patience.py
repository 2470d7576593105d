"""Connections that ask nothing, and too many of them."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from modag_search.web import create_app, serving
from modag_search.web.patience import ImpatientProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

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
            assert received(second) == b""
        first.sendall(WHOLE)
        assert received(first)
