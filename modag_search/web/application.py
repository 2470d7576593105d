"""The application: endpoints, errors, guard."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import Depends, FastAPI

from modag_search import __version__
from modag_search.web import page
from modag_search.web.access import Access, Guard
from modag_search.web.apart import Apart
from modag_search.web.api import ROUTERS, probes
from modag_search.web.api.parameters import refuse_unknown_parameters
from modag_search.web.bodies import BodyLimit
from modag_search.web.limits import Limits
from modag_search.web.metrics import Metrics
from modag_search.web.observation import Observed, routes_by_endpoint
from modag_search.web.problems import Faults, answer_with_problems
from modag_search.web.remarks import listen
from modag_search.web.service import Service, refuse_to_write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modag_search.index import Index

API = "/api/v1"
_THREADS_BESIDE = 16
"""For requests that take no turn."""


def create_app(index: Index, *, access: Access | None = None, limits: Limits | None = None) -> FastAPI:
    """Make an application that answers over an index: the page at ``/``, REST below ``/api/v1``, probes beside it.

    Parameters
    ----------
    index : Index
        Shared by all requests; it is not closed with the application.
    access : Access, optional
        Who may ask; default programs and browsers of this machine.
    limits : Limits, optional

    Returns
    -------
    FastAPI
        An ASGI application.
    """
    access = access or Access()
    limits = limits or Limits()
    service = Service(index, access=access, limits=limits)
    metrics = Metrics(service)
    listen()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Who waits for a turn holds a thread; what needs no turn must not wait for one, too.
        to_thread.current_default_thread_limiter().total_tokens = limits.at_once + limits.waiting + _THREADS_BESIDE
        try:
            yield
            await to_thread.run_sync(service.close)
        except asyncio.CancelledError:
            if not service.is_stopping:  # else it was told to stop at once, and who told it cleans up
                raise

    app = FastAPI(
        title="modag-search",
        version=__version__,
        summary="Ask with a sound, get pictures; ask with a picture, get sounds; name a few, and the rest get names.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(refuse_to_write)],
    )
    app.state.service = service
    app.state.metrics = metrics
    for router in ROUTERS:
        app.include_router(router, prefix=API, dependencies=[Depends(refuse_unknown_parameters)])
    app.include_router(probes.router)
    page.add_to(app)
    answer_with_problems(app)
    app.add_middleware(Apart, isolation=service.isolation)
    app.add_middleware(BodyLimit, limits=limits)
    app.add_middleware(Faults)
    app.add_middleware(Guard, access=access)
    app.add_middleware(Observed, service=service, metrics=metrics, routes=_routes(app))
    return app


def _routes(app: FastAPI) -> dict[Any, str]:
    """Name all that an application answers by its route."""
    found = routes_by_endpoint([*app.routes, *probes.router.routes])
    for router in ROUTERS:
        found |= routes_by_endpoint(router.routes, prefix=API)
    return found
