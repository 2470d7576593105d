"""The page: one document, and the files that it is made of."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI

_STATIC = str(files("modag_search.web").joinpath("static"))


def add_to(app: FastAPI) -> None:
    """Have an application serve the page at ``/``, and its files below ``/static``."""

    async def page() -> FileResponse:
        return FileResponse(f"{_STATIC}/index.html", headers={"cache-control": "no-cache"})

    app.add_api_route("/", page, methods=["GET"], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
