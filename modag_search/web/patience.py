"""How long, and how many, connections are put up with that ask nothing."""

from __future__ import annotations

import logging
import resource
from typing import TYPE_CHECKING, Any, ClassVar, cast

from starlette.datastructures import MutableHeaders
from uvicorn.protocols.http.h11_impl import H11Protocol

from modag_search.web.access import PROBES, path_of
from modag_search.web.problems import problem

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
"""At a time, where as many files may be open as each may need."""
_FILES_EACH = 4
"""Itself, and what SQLite opens for who reads: the catalog, its log, and what readers know of each other by."""
_FILES_BESIDE = 32
"""Of the program, its stores, its decoders and its temporary files."""
FOR_PROBES = 4
"""Connections that are taken beyond those, for one request each, which is answered if it is a probe: a server that has
much to do is not to be taken for one that has died."""
_BUSY = problem(503, "too many connections are open; ask again in a moment", kind="busy")
_TURNED_AWAY = b"".join(
    (
        b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n",
        *(b"%s: %s\r\n" % header for header in _BUSY.raw_headers),
        b"\r\n",
        _BUSY.body,
    )
)
"""`_BUSY`, for a connection of which nothing is read."""
HEADER_S = 10.0
"""How long a request may take until its head is there, in seconds."""


def most_connections() -> int:
    """Let as many files be open as the system allows, and return how many connections that is enough for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_BESIDE + _FILES_EACH * MOST_CONNECTIONS
    if resource.RLIM_INFINITY != soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(_FILES_EACH, min(MOST_CONNECTIONS, (soft - _FILES_BESIDE) // _FILES_EACH))


def close_after(start: Message) -> None:
    """Have a connection end with the answer that begins so: who asks again connects again."""
    MutableHeaders(scope=start)["connection"] = "close"


class _ProbesAlone:
    """Answers one request, if it is a probe; whatever else is told to come again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                close_after(message)
            await send(message)

        answer = self._app if path_of(scope) in PROBES else _BUSY
        await answer(scope, receive, send_last)


class ImpatientProtocol(H11Protocol):
    """HTTP for who comes to the point: others are cut off; those beyond `most_connections` are told to come again."""

    header_s: ClassVar[float] = HEADER_S
    most_connections: ClassVar[int] = MOST_CONNECTIONS
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, if there is room."""
        super().connection_made(transport)
        beyond = len(self.connections) - self.most_connections
        if beyond > FOR_PROBES:
            transport.write(_TURNED_AWAY)
            transport.close()
            return
        if beyond > 0:
            self.app = cast("Any", _ProbesAlone(cast("Any", self.app)))
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        """Read on; once a request is there whole, it may take its time."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
        else:
            self._expect_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._forget()
        super().connection_lost(exc)

    def _expect_a_head(self) -> None:
        if self._limit is None:
            self._limit = self.loop.call_later(self.header_s, self.transport.abort)

    def _forget(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
