"""What requests share: one index, files that were sent, turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request

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
    """

    def __init__(self, index: Index, *, access: Access, limits: Limits) -> None:
        self.index = index
        self.access = access
        self.limits = limits
        self.uploads = Uploads(limits)
        self.turns = Turns(limits)

    def close(self) -> None:
        """Let go of files that were sent; the index is not closed."""
        self.uploads.close()


def service_of(request: Request) -> Service:
    """Return what the application of a request was made with."""
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(service_of)]
"""What endpoints take to have it."""
