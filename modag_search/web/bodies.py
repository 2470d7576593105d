"""How long what comes with a request may be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from modag_search.web.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from modag_search.web.limits import Limits

UPLOADS = "/uploads"


class BodyLimit:
    """Turns away what is longer than may be: at once where a request says so, else as soon as it is.

    Parameters
    ----------
    app : ASGIApp
    limits : Limits
    """

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what is short enough, as far as it is known yet."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._limits.upload_bytes if scope["path"].endswith(UPLOADS) else self._limits.question_bytes
        words = f"what was sent has more than {_size(most)}"
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > most:
            await problem(413, words, kind="too-large")(scope, receive, send)
            return
        received, is_whole = 0, False
        latest = asyncio.get_running_loop().time() + self._limits.question_s

        async def receive_no_more() -> Message:
            nonlocal received, is_whole
            if is_whole or scope["path"].endswith(UPLOADS):  # files have a time of their own
                return await receive()
            try:
                async with asyncio.timeout_at(latest):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the request did not come in time") from None
            is_whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, words)
            return message

        await self._app(scope, receive_no_more, send)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1024**2:.0f} MiB" if n_bytes >= 1024**2 else f"{n_bytes} bytes"
