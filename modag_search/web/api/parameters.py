"""Parameters of addresses: one that is misspelt is refused, as in what is sent; a filter would let all through."""

from __future__ import annotations

from starlette.requests import Request

from modag_search.web.problems import ProblemError


async def refuse_unknown_parameters(request: Request) -> None:
    """Turn away what has a parameter that its endpoint does not take; async, for that takes no thread.

    Raises
    ------
    ProblemError
        422.
    """
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ProblemError(422, f"{name}: is no parameter of this address; {takes}", kind="invalid-request")
