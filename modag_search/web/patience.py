"""How long, and how many, connections are put up with that ask nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

MOST_CONNECTIONS = 256
"""At a time: fewer than files that a process may have open, so that there are always some left."""
HEADER_S = 10.0
"""How long a request may take until its head is there, in seconds."""


class ImpatientProtocol(H11Protocol):
    """HTTP for who comes to the point: others are cut off, and so are those beyond `MOST_CONNECTIONS`."""

    header_s: ClassVar[float] = HEADER_S
    most_connections: ClassVar[int] = MOST_CONNECTIONS
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
        else:
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
