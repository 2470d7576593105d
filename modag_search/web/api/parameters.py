"""Parameters of addresses: one that is misspelt is refused, as in what is sent; a filter would let all through."""

from __future__ import annotations

from starlette.requests import Request

from modag_search.web.access import path_of
from modag_search.web.problems import ProblemError


async def refuse_unknown_parameters(request: Request) -> None:
    """Turn away what has a parameter that the OpenAPI document of the server does not list; async, for it is quick.

    For endpoints whose addresses are always the same.

    Raises
    ------
    ProblemError
        422.
    """
    operations = request.app.openapi()["paths"].get(path_of(request.scope), {})
    listed = operations.get(request.method.lower(), {}).get("parameters", ())
    known = [one["name"] for one in listed if one["in"] == "query"]
    for name in request.query_params:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ProblemError(422, f"{name}: is no parameter of this address; {takes}", kind="invalid-request")
