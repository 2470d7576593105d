"""Answers as JSON, written by what writes the command line's."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modag_search.rows import as_json

_PROBLEM: dict[str, Any] = {
    "description": "What is the matter, as RFC 9457 has it.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "request_id": {"type": "string", "description": "What the log of the server calls it."},
                    "errors": {
                        "type": "array",
                        "description": "Of a request that cannot be read: each place in it, and what is wrong there.",
                        "items": {
                            "type": "object",
                            "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
                        },
                    },
                },
            }
        }
    },
}
PROBLEMS: dict[int | str, dict[str, Any]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}
"""What any endpoint may answer beside what was asked for."""


def reply(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a value as JSON."""
    return Response(as_json(value), status, media_type="application/json", headers=headers)


def has_already(request: Request, tag: str) -> bool:
    """Tell whether who asks has what is tagged so."""
    had = request.headers.get("if-none-match", "")
    return tag in {one.strip().removeprefix("W/") for one in had.split(",")}
