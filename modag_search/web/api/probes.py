"""What those ask who run servers: does the process answer, is it ready, how does it fare."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from modag_search.web.access import HEALTH, METRICS, READY
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.metrics import MEDIA_TYPE, Metrics
from modag_search.web.problems import ProblemError
from modag_search.web.service import Shared

router = APIRouter(tags=["operation"], responses=PROBLEMS)


class Health(BaseModel):
    """That the process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """That questions are answered."""

    status: Literal["ready"]


@router.get(HEALTH, response_model=Health)
async def health() -> Response:
    """That the process answers; takes no token, and no name that the server is called."""
    return reply({"status": "ok"})


@router.get(READY, response_model=Ready, responses={503: PROBLEMS["4XX"]})
async def ready(service: Shared) -> Response:
    """That the index answers and the server is not about to stop, else 503; takes no token, and no name."""
    if service.is_stopping:
        raise ProblemError(503, "the server stops", kind="stopping")
    if not await service.readiness.is_ready():
        raise ProblemError(503, "the index cannot be read; the log of the server says why", kind="not-ready")
    return reply({"status": "ready"})


@router.get(
    METRICS, response_class=Response, responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}
)
def metrics(request: Request) -> Response:
    """How requests fare and how much the index holds, as Prometheus reads it; takes the token, where there is one."""
    measured: Metrics = request.app.state.metrics
    return Response(measured.exposed(), media_type=MEDIA_TYPE)


for path, endpoint in ((HEALTH, health), (READY, ready)):
    router.head(path, include_in_schema=False)(endpoint)
