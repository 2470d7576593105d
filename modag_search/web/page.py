"""The page: one document, and the files that it is made of."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.types import Scope

_STATIC = str(files("modag_search.web").joinpath("static"))


class _PageFiles(StaticFiles):
    """What the page is made of: browsers keep it, and ask whether it is still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "no-cache"
        return answer


def add_to(app: FastAPI) -> None:
    """Have an application serve the page at ``/``, and its files below ``/static``."""

    async def page() -> FileResponse:
        return FileResponse(f"{_STATIC}/index.html", headers={"cache-control": "no-cache"})

    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/static", _PageFiles(directory=_STATIC), name="static")
