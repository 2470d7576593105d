"""What requests share: one index, files that were sent, turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import Request

from modag_search import media
from modag_search.web.access import SAFE_METHODS
from modag_search.web.jobs import Jobs
from modag_search.web.kept import Kept
from modag_search.web.problems import ProblemError
from modag_search.web.readiness import Readiness
from modag_search.web.turns import Turns
from modag_search.web.uploads import Uploads

if TYPE_CHECKING:
    from modag_search.index import Index
    from modag_search.web.access import Access
    from modag_search.web.limits import Limits


class Service:
    """What requests share.

    Attributes
    ----------
    index : Index
    access : Access
    limits : Limits
    uploads : Uploads
    turns : Turns
        Taken by whatever decodes, encodes or searches.
    map_turns : Turns
        Taken by who asks for a map, which one thread makes while the others wait.
    previews : Kept
        What was made of files lately.
    isolation : Isolation
        Of all that is decoded for requests, and for jobs.
    jobs : Jobs
    readiness : Readiness
    is_stopping : bool
        Whether the server was told to stop: it answers what comes, and is not ready.
    is_leaving : bool
        Whether it takes no connection any more, and waits for those that it has: what would not end is to end.
    """

    def __init__(self, index: Index, *, access: Access, limits: Limits) -> None:
        self.index = index
        self.access = access
        self.limits = limits
        self.uploads = Uploads(limits)
        self.turns = Turns(limits)
        self.map_turns = Turns(replace(limits, at_once=1, waiting=limits.at_once))
        self.previews = Kept(most_bytes=limits.previews_bytes)
        self.isolation = media.Isolation()
        self.jobs = Jobs(index, self.isolation)
        self.readiness = Readiness(index)
        self.is_stopping = False
        self.is_leaving = False

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may, or can, be changed."""
        return self.access.is_read_only or self.index.is_read_only

    def require_writable(self) -> None:
        """Refuse to change anything where nothing may, or can, be changed.

        Raises
        ------
        ProblemError
        ReadOnlyIndexError
        """
        if self.access.is_read_only:
            raise ProblemError(403, "this server was started with --read-only", kind="read-only")
        self.index.catalog.require_writable()

    def close(self, *, waits: bool = True) -> None:
        """Stop what goes on, and wait for jobs to end; let go of files that were sent. The index is not closed."""
        self.jobs.close(waits=waits)
        self.uploads.close()
        self.isolation.interrupt()


async def service_of(request: Request) -> Service:
    """Return what the application of a request was made with; async, for that takes no thread."""
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(service_of)]
"""What endpoints take to have it."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_ONLY_ASK: set[Callable[..., Any]] = set()


def only_asks(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that changes nothing in the index, though it is sent something.

    Whatever is not marked is refused where nothing may be changed, unless it is a GET.
    """
    _ONLY_ASK.add(endpoint)
    return endpoint


async def refuse_to_write(request: Request) -> None:
    """Turn away what would change something where nothing may be changed; async as `service_of`.

    Raises
    ------
    ProblemError, ReadOnlyIndexError
    """
    if request.method not in SAFE_METHODS and request.scope["endpoint"] not in _ONLY_ASK:
        (await service_of(request)).require_writable()
