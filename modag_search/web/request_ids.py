"""What a request is called in answers and in the log, so that one is found by the other."""

from __future__ import annotations

import logging
import re
import secrets
from contextvars import ContextVar
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Scope

HEADER = "x-request-id"
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered, also in threads that work for it."""

_HARMLESS = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)


def request_id_of(scope: Scope) -> str:
    """Return what the one who asks, most often a proxy, calls a request, or a name of our own where that may harm."""
    given = Headers(scope=scope).get(HEADER, "")
    return given if _HARMLESS.fullmatch(given) else secrets.token_hex(16)


class WithRequestId(logging.Filter):
    """Gives each record of a log the `request_id` of the request that it comes of, or None; for handlers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.request_id = REQUEST_ID.get()
        return True
