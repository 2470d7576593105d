"""What an operator sees of requests: each has an id, and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.routing import Mount, Route

from modag_search.web.access import PROBES
from modag_search.web.patience import close_after
from modag_search.web.problems import problem
from modag_search.web.request_ids import HEADER, REQUEST_ID, request_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from modag_search.web.metrics import Metrics
    from modag_search.web.service import Service

logger = logging.getLogger(__name__)

UNMATCHED = "unmatched"
"""The route of requests that were turned away before they had one, or lead nowhere."""
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER = "other"


def routes_by_endpoint(routes: Iterable[BaseRoute], *, prefix: str = "") -> dict[Any, str]:
    """Name routes by what answers them: as they are written (``/items/{item_id}``), so that there are only so many."""
    found: dict[Any, str] = {}
    for route in routes:
        if isinstance(route, Mount):
            found[route.app] = f"{prefix}{route.path}"
        elif isinstance(route, Route):
            found[route.endpoint] = f"{prefix}{route.path}"
    return found


class Observed:
    """Calls each request by an id, and tells the log and the metrics what became of it; the outermost of all.

    The log holds neither paths nor queries, only routes: what was asked for stays between the two who talk.

    Parameters
    ----------
    app : ASGIApp
    service : Service
    metrics : Metrics
    routes : mapping of endpoint to str
        See `routes_by_endpoint`.
    """

    def __init__(self, app: ASGIApp, *, service: Service, metrics: Metrics, routes: Mapping[Any, str]) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and tell of it once it is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status: int | None = None
        n_bytes = 0
        request_id = request_id_of(scope)

        async def send_on(message: Message) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
                if self._service.is_stopping:  # another is to be asked next
                    close_after(message)
            n_bytes += len(message.get("body", b""))
            await send(message)

        token = REQUEST_ID.set(request_id)
        try:
            with self._metrics.under_way.track_inprogress():
                await self._app(scope, receive, send_on)
        except asyncio.CancelledError:
            if not self._service.is_stopping:
                raise
            if status is None:  # the time that requests have to end is over
                await problem(503, "the server stops; ask again", kind="stopping")(scope, receive, send_on)
        finally:
            self._tell(scope, status=status or 500, duration_s=time.perf_counter() - begun, n_bytes=n_bytes)
            REQUEST_ID.reset(token)

    def _tell(self, scope: Scope, *, status: int, duration_s: float, n_bytes: int) -> None:
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        route = self._routes.get(scope.get("endpoint"), UNMATCHED)
        self._metrics.observe(method=method, route=route, status=status, duration_s=duration_s)
        is_a_probe_that_is_well = route in PROBES and status == 200
        logger.log(
            logging.DEBUG if is_a_probe_that_is_well else logging.INFO,
            "%s %s %d, %.1f ms, %d bytes",
            *(method, route, status, 1000 * duration_s, n_bytes),
            extra={
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(1000 * duration_s, 3),
                "bytes": n_bytes,
            },
        )
