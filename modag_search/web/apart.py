"""What requests have decoded, other processes decode: whoever sent what is asked with or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from modag_search.media import Isolation


class Apart:
    """Enters an isolation with each request, also where no lifespan is run: in an application inside of another.

    Parameters
    ----------
    app : ASGIApp
    isolation : Isolation
    """

    def __init__(self, app: ASGIApp, *, isolation: Isolation) -> None:
        self._app = app
        self._isolation = isolation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; threads that work for a request have its context."""
        with self._isolation.entered():
            await self._app(scope, receive, send)
