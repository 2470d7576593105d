"""Asking: uploads and searches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from modag_search.rows import as_row
from modag_search.values import CLOSE
from modag_search.web.api.answers import Found, UploadRow
from modag_search.web.api.hits import hit_rows
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.api.terms import Label, Seconds, Term, query_of, sent_among
from modag_search.web.remarks import heard
from modag_search.web.service import Service, Shared, only_asks

if TYPE_CHECKING:
    from modag_search.pages.results import Hits

MOST_HITS = 10_000

router = APIRouter(tags=["search"], responses=PROBLEMS)

_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class SearchRequest(BaseModel):
    """A question; what each part means stands at `Index.search`.

    Terms are ``id:N``, ``label:NAME``, ``upload:ID`` or words.
    """

    model_config = ConfigDict(extra="forbid")

    query: Term
    plus: list[Term] = Field(default_factory=list, max_length=20)
    minus: list[Term] = Field(default_factory=list, max_length=20)
    modality: Literal["image", "sound", "any"] = "any"
    n: int = Field(default=100, ge=1, le=MOST_HITS)
    min_similarity: float = Field(default=-1.0, ge=-1, le=1)
    min_relevance: float = Field(default=0.0, ge=0, le=1)
    label: Label | None = None
    under: list[Annotated[str, Field(max_length=4096)]] = Field(default_factory=list, max_length=20)
    kind: Literal["image", "sound", "video"] | None = None
    min_duration_s: Seconds = Field(default=None, ge=0)
    max_duration_s: Seconds = Field(default=None, ge=0)
    copies: bool = False
    places: Annotated[int, Field(ge=0, le=100)] | Literal["all"] = 0
    start_s: Seconds = Field(default=None, ge=0)
    end_s: Seconds = Field(default=None, gt=0)


@router.post("/uploads", status_code=201, response_model=UploadRow, openapi_extra=_BYTES)
@only_asks
async def upload(
    request: Request, service: Shared, name: Annotated[str, Query(min_length=1, max_length=255)]
) -> Response:
    """Send a file to ask with: its bytes are the body, its name tells what it is. It is kept until the server stops."""
    received = await service.uploads.receive(request.stream(), name=name)
    return reply(as_row(received, fields=("id", "name", "size_bytes", "kind")), status=201)


@router.post("/search", response_model=Found)
@only_asks
def search(question: SearchRequest, service: Shared) -> Response:
    """Find what goes with a sound, a picture, an item, a label or words, or with several that are combined."""
    began = time.perf_counter()
    with service.turns.taken(), heard() as said:
        hits = _found(question, service)
    rows = hit_rows(service.index, hits)
    if not hits and hits.why_none:
        said.append(hits.why_none)
    best = max((hit.relevance for hit in hits), default=0.0)
    return reply(
        {
            "hits": rows,
            "is_close": best >= CLOSE,
            "best_relevance": best,
            "remarks": service.uploads.in_all(said),
            "seconds": time.perf_counter() - began,
        }
    )


def _found(question: SearchRequest, service: Service) -> Hits:
    def of(terms: list[str]) -> list[str]:
        return [query_of(term, service.uploads) for term in terms]

    asked = question.model_dump(exclude={"query", "plus", "minus"})
    with service.uploads.lent(sent_among([question.query, *question.plus, *question.minus])):
        query, *plus = of([question.query, *question.plus])
        return service.index.search(query, plus=plus, minus=of(question.minus), **asked)
