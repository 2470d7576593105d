"""The map: items in two dimensions, and what they are coloured by, in columns, since there may be very many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from modag_search.index import Index
from modag_search.search import layout
from modag_search.values import ItemMap, MapMethod
from modag_search.web.api.answers import MapColumns
from modag_search.web.api.replies import PROBLEMS, has_already, reply
from modag_search.web.service import Shared

router = APIRouter(tags=["map"], responses=PROBLEMS)

KINDS = ("image", "sound", "video")
ORIGINS = ("hand", "import", "transfer")
_DECIMALS = 5


@router.get("/map", response_model=MapColumns, responses={501: PROBLEMS["4XX"]})
def item_map(
    request: Request,
    service: Shared,
    method: Annotated[MapMethod, Query(description="umap keeps neighbours together; making it takes a while.")] = "pca",
) -> Response:
    """All items that have a place, in columns of one length; see `Index.map`.

    ``kind``, ``label`` and ``origin`` are places in ``kinds``, ``labels`` and ``origins``; -1 stands for none. Of
    several labels, what a person gave goes before what a file did, and before the surest that was transferred; tags are
    none.
    """
    index = service.index
    moment = index.catalog.moment
    tag = f'"{"-".join(map(str, moment))}-{index.space.fingerprint[:16]}-{method}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if has_already(request, tag):
        return Response(status_code=304, headers=headers)
    with service.map_turns.taken(), index.catalog.view():
        found = index.map(method)
        return reply(_document(index, found), headers=headers)


def _document(index: Index, found: ItemMap) -> dict[str, Any]:
    numbers = {kind: number for number, kind in enumerate(KINDS)}
    return {
        "method": found.method,
        "methods": ["pca", *["umap"] * layout.is_there()],
        "explained": found.explained,
        "unplaced": found.unplaced,
        "ids": found.ids,
        "x": found.positions[:, 0].astype(float).round(_DECIMALS),
        "y": found.positions[:, 1].astype(float).round(_DECIMALS),
        "kinds": KINDS,
        "kind": [numbers[kind] for kind in found.kinds],
        **_labels(index, found.ids.tolist()),
    }


def _labels(index: Index, items: Sequence[int]) -> dict[str, Any]:
    """Return the label of each item that a map is coloured by, who gave it, and how sure that is."""
    chosen: dict[int, tuple[tuple[int, float], str]] = {}
    for item, name, origin, confidence in index.catalog.labels.said():
        # The first of the highest rank stays: they come oldest first.
        rank = -ORIGINS.index(origin), confidence or 0.0
        if item not in chosen or rank > chosen[item][0]:
            chosen[item] = rank, name
    labels = sorted({name for _, name in chosen.values()})
    numbers = {name: number for number, name in enumerate(labels)}
    given = [chosen.get(item) for item in items]
    return {
        "labels": labels,
        "label": [-1 if one is None else numbers[one[1]] for one in given],
        "origins": ORIGINS,
        "origin": [-1 if one is None else -one[0][0] for one in given],
        "confidence": [one[0][1] if one and one[0][0] == -2 else None for one in given],
    }
