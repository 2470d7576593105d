"""The index as a whole: what it holds, and lists of items."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from modag_search import __version__
from modag_search.web.api.answers import Folders, Info, Items
from modag_search.web.api.hits import item_rows
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.service import Shared

router = APIRouter(tags=["collection"], responses=PROBLEMS)


@router.get("/info", response_model=Info)
def info(service: Shared) -> Response:
    """What the index holds, and what may be done with it."""
    index = service.index
    counts = index.catalog.count()
    return reply(
        {
            "name": os.path.basename(index.name),
            "version": __version__,
            "generation": index.catalog.generation,
            "items": dict(counts.items),
            "failed_items": counts.failed_items,
            "outdated_items": index.outdated(),
            "segments": {f"{modality} {status}": n for (modality, status), n in counts.segments.items()},
            "labels": counts.labels,
            "annotations": counts.annotations,
            "failures": counts.failures,
            "space": index.space.name,
            "joins": index.space.joins,
            "reads_words": index.space.reads_words,
            "is_read_only": service.is_read_only,
            "upload_bytes": service.limits.upload_bytes,
        }
    )


@router.get("/items", response_model=Items)
def items(
    service: Shared,
    n: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**62, description="The last id of the page before.")] = 0,
    kind: Literal["image", "sound", "video"] | None = None,
    unlabelled: bool = False,
    origin: Annotated[
        Literal["hand", "import", "transfer"] | None, Query(description="Only what has a label that came so.")
    ] = None,
    ids: Annotated[
        list[Annotated[int, Field(ge=1, le=2**62)]] | None,
        Query(max_length=1000, description="These alone, as far as they are there."),
    ] = None,
) -> Response:
    """Items in order of their ids, a page at a time; or those that are named."""
    catalog = service.index.catalog
    with catalog.view():
        if ids is not None:
            found = catalog.items.get_many(ids)
            return reply({"items": item_rows(service.index, [found[item_id] for item_id in sorted(found)])})
        all_of_them = catalog.items.all(kind=kind, unlabelled=unlabelled, origin=origin, after=after)
        records = list(itertools.islice(all_of_them, n))
        return reply({"items": item_rows(service.index, records)})


@router.get("/folders", response_model=Folders)
def folders(service: Shared) -> Response:
    """Folders that hold items, with how many each holds by itself."""
    found = Counter(os.path.dirname(path) for _, path, _ in service.index.catalog.items.found())
    return reply({"folders": [{"path": path, "items": n} for path, n in sorted(found.items())]})
