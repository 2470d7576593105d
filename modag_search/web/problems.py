"""Errors as documents that programs read: problem+json, RFC 9457."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from modag_search import errors
from modag_search.rows import as_json
from modag_search.web.request_ids import REQUEST_ID

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[errors.ModagError], int], ...] = (
    (errors.LabelConflictError, 409),
    (errors.AbsentMediaError, 422),
    (errors.NotMediaError, 415),
    (errors.NoSuchItemError, 404),
    (errors.NoSuchLabelError, 404),
    (errors.NoSuchRunError, 404),
    (errors.UsageError, 400),
    (errors.NothingFoundError, 404),
    (errors.UnsupportedMediaError, 415),
    (errors.OversizedMediaError, 413),
    (errors.MediaError, 422),
    (errors.IndexLockedError, 503),
    (errors.CatalogServerError, 503),
    (errors.StoreServerError, 503),
    (errors.StoreChangedError, 503),
    (errors.ReadOnlyIndexError, 403),
    (errors.WeightsMissingError, 500),
    (errors.WeightsDamagedError, 500),
    (errors.ModelError, 409),
    (errors.MissingExtraError, 501),
)
"""The first that fits; what does not is no fault of the one who asks."""

_OF_QUESTIONS = errors.AbsentMediaError, errors.NotMediaError
"""These go by the word of their kind of media: programs need not tell what is asked with from what is taken in."""


class ProblemError(Exception):
    """What keeps a request from being answered.

    Parameters
    ----------
    status : int
        Of HTTP.
    detail : str
        In words that a user can act on.
    kind : str
        A word for programs.
    """

    def __init__(self, status: int, detail: str, *, kind: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind


def problem(
    status: int, detail: str, *, kind: str, more: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Make an answer that says what is the matter.

    Parameters
    ----------
    status : int
    detail : str
    kind : str
        What programs tell problems apart by: ``type`` is ``urn:modag:problem:`` and this.
    more : dict, optional
        Further members.
    headers : dict, optional

    Returns
    -------
    Response
    """
    document = {
        "type": type_of(kind),
        "title": kind.replace("-", " "),
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    if request_id := REQUEST_ID.get():
        document["request_id"] = request_id
    if status == 503:  # who is to come again is told when, in seconds
        headers = {"retry-after": "1"} | (headers or {})
    return Response(as_json(document), status, media_type=MEDIA_TYPE, headers=headers)


def type_of(kind: str) -> str:
    """Return what stands in a problem for a kind of it."""
    return f"urn:modag:problem:{kind}"


def answer_with_problems(app: FastAPI) -> None:
    """Have an application answer every error as a problem."""
    app.add_exception_handler(ProblemError, _of_problem)
    app.add_exception_handler(errors.ModagError, _of_error)
    app.add_exception_handler(RequestValidationError, _of_invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientDisconnect, _of_one_who_left)


async def _of_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem(error.status, error.detail, kind=error.kind)


def kind_of(error: Exception) -> str:
    """Return the word that programs tell an error of this package by."""
    named = type(error).__mro__[1] if isinstance(error, _OF_QUESTIONS) else type(error)
    words = named.__name__.removesuffix("Error")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in words).strip("-")


async def _of_error(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        logger.error("%s", error)
    return problem(status, request.app.state.service.uploads.in_words(str(error)), kind=kind_of(error))


async def _of_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"at": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if not is_json and any(one["loc"] == ("body",) for one in error.errors()):
        detail += "; what is sent must be JSON, and say so: Content-Type: application/json"
    return problem(422, detail, kind="invalid-request", more={"errors": faults})


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}.get(error.status_code, "http")
    return problem(error.status_code, error.detail, kind=kind, headers=dict(error.headers or {}))


async def _of_one_who_left(_: Request, __: Exception) -> Response:
    return problem(400, "the connection was closed before all had come", kind="broken-off")


class Faults:
    """Answers what went wrong by no fault of the one who asks, inside of what gives every answer its headers.

    Parameters
    ----------
    app : ASGIApp
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer where nothing else did."""
        is_answered = False

        async def send_on(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            if scope["type"] != "http" or is_answered:
                raise
            logger.exception("a request failed")
            await problem(500, "the server failed; its log says where", kind="fault")(scope, receive, send)
