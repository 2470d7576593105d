"""Looking over a collection: what to label next, what may be wrong, what is there twice, what could not be read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from starlette.responses import Response

from modag_search.index import Index
from modag_search.rows import (
    Row,
    duplicate_rows,
    failure_row,
    issue_row,
    notice_row,
    pair_row,
    suggestion_row,
)
from modag_search.values import LabelIssue, Modality, Suggestion
from modag_search.web.api.answers import Duplicates, Failures, Issues, Pairs, Suggestions
from modag_search.web.api.hits import versions, versions_at
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.remarks import heard
from modag_search.web.service import Shared

router = APIRouter(tags=["curation"], responses=PROBLEMS)

Share = Annotated[float, Query(ge=0, le=1)]
Value = TypeVar("Value", Suggestion, LabelIssue)


@router.get("/suggest", response_model=Suggestions)
def suggest(
    service: Shared,
    n: Annotated[int, Query(ge=1, le=1000)] = 20,
    modality: Modality | None = None,
    near: Annotated[float | None, Query(ge=0, le=1)] = None,
    label: Annotated[str | None, Query(max_length=255)] = None,
    seed: Annotated[int, Query(ge=0, le=2**32 - 1)] = 0,
) -> Response:
    """What to label next, so that few labels name much; with `near`, what lies nearest to that confidence."""
    with service.turns.taken():
        found = service.index.suggest(n=n, modality=modality, seed=seed, near=near, label=label)
    return reply({"suggestions": _with_versions(service.index, found, suggestion_row)})


@router.get("/audit", response_model=Issues)
def audit(service: Shared, max_probability: Share = 0.1) -> Response:
    """Labels that others contradict, or that a file's former content was given."""
    with service.turns.taken(), heard() as said:
        found = service.index.audit(max_probability=max_probability)
    return reply({"issues": _with_versions(service.index, found, issue_row), "remarks": said})


@router.get("/audit/pairs", response_model=Pairs)
def audit_pairs(service: Shared, min_rank: Share = 0.5) -> Response:
    """Sounds and pictures that stand together and do not fit each other."""
    with service.turns.taken():
        found = service.index.audit_pairs(min_rank=min_rank)
    files = versions_at(service.index, {path for pair in found for path in (pair.sound, pair.image)})
    return reply(
        {
            "pairs": [
                pair_row(pair) | {"sound_item": files[pair.sound], "image_item": files[pair.image]}
                for pair in found
                if pair.sound in files and pair.image in files
            ]
        }
    )


@router.get("/duplicates", response_model=Duplicates)
def duplicates(
    service: Shared,
    modality: Modality | None = None,
    min_similarity: Annotated[float | None, Query(ge=0, le=1)] = None,
    alike: bool = False,
) -> Response:
    """The same sound or picture at another size, rate or quality; what is merely alike instead with `alike`."""
    with service.turns.taken():
        groups = service.index.duplicates(modality=modality, min_similarity=min_similarity, alike=alike)
    rows = duplicate_rows(groups, alike=alike)
    files = versions(service.index, {row["id"] for row in rows})
    there = [row | files[row["id"]] for row in rows if row["id"] in files]
    by_group = (list(some) for _, some in groupby(there, key=lambda row: row["group"]))
    return reply({"groups": [{"items": some} for some in by_group if len(some) > 1]})


@router.get("/failures", response_model=Failures)
def failures(
    service: Shared,
    everything: Annotated[
        bool, Query(alias="all", description="Also what nothing finds, and what was not read whole.")
    ] = False,
) -> Response:
    """Files that could not be indexed, with the reason of each."""
    index = service.index
    with index.catalog.view():
        failed = index.failures()
        items = index.catalog.items.at_many(failure.path for failure in failed)
        rows = [failure_row(one, item_id=items[one.path].id if one.path in items else None) for one in failed]
        if everything:
            rows += map(notice_row, index.notices())
    return reply({"failures": rows})


def _with_versions(index: Index, found: list[Value], row: Callable[[Value], Row]) -> list[Row]:
    files = versions(index, [one.id for one in found])
    return [row(one) | files[one.id] for one in found if one.id in files]
