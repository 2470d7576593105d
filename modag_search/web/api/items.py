"""Items: facts, and what is seen and heard of them; named by id alone, so that no path is ever asked for."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import FileResponse, Response

from modag_search import previews
from modag_search.rows import description_document
from modag_search.values import ItemRecord
from modag_search.web.api.answers import Description, Neighbours, Waveform
from modag_search.web.api.hits import hit_rows, version_of
from modag_search.web.api.replies import PROBLEMS, has_already, reply
from modag_search.web.opened import OpenFileResponse, opened, require_unchanged
from modag_search.web.problems import ProblemError, problem
from modag_search.web.ranges import is_within
from modag_search.web.service import Service, Shared

router = APIRouter(prefix="/items/{item_id}", tags=["items"], responses=PROBLEMS)

ItemId = Annotated[int, Path(ge=1, le=2**62)]
Seconds = Annotated[float | None, Query(ge=0, le=10_000_000, allow_inf_nan=False)]
Version = Annotated[str | None, Query(max_length=64, description="Of the content: it may then be kept for ever.")]

_MEDIA: dict[int | str, dict[str, Any]] = {
    status: {
        "description": what,
        "content": {kind: {} for kind in ("image/*", "audio/*", "video/*", "application/octet-stream")},
    }
    for status, what in ((200, "The file."), (206, "The range of it that was asked for."))
}
_SIDES_PX = (160, 320, 640, 1600)
_FOR_EVER = "private, max-age=31536000, immutable"


@router.get("", response_model=Description)
def describe(item_id: ItemId, service: Shared) -> Response:
    """All that the index knows of an item: facts, segments, labels and who gave them."""
    record = _record(service, item_id)
    described = service.index.describe(f"id:{item_id}")
    return reply(description_document(described) | {"version": version_of(record)})


@router.get("/neighbours", response_model=Neighbours)
def neighbours(item_id: ItemId, service: Shared, n: Annotated[int, Query(ge=1, le=1000)] = 12) -> Response:
    """What lies nearest to an item in the space, of either modality."""
    _record(service, item_id)
    with service.turns.taken():
        hits = service.index.search(f"id:{item_id}", n=n)
    return reply({"hits": hit_rows(service.index, hits)})


@router.get("/thumbnail", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def thumbnail(
    request: Request,
    item_id: ItemId,
    service: Shared,
    at_s: Seconds = None,
    side_px: Annotated[int, Query(ge=16, le=4096)] = 320,
    version: Version = None,
) -> Response:
    """A small picture, JPEG: of a picture, or of a video's frame; its longer side is a little more than asked for."""
    record = _record(service, item_id)
    if record.kind == "sound":
        raise ProblemError(404, f"item {item_id} is a sound: it has a waveform and a spectrogram", kind="no-picture")
    side = next((side for side in _SIDES_PX if side >= side_px), _SIDES_PX[-1])
    return _preview(
        request,
        service,
        record,
        version=version,
        media_type="image/jpeg",
        key=f"thumbnail-{side}-{at_s}",
        make=lambda path: previews.thumbnail(path, kind=record.kind, at_s=at_s, longer_side_px=side),
    )


@router.get("/spectrogram", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def spectrogram(request: Request, item_id: ItemId, service: Shared, version: Version = None) -> Response:
    """A spectrogram of the whole sound, PNG: low frequencies below, logarithmic, 80 dB from dark to light."""
    record = _sounding(service, item_id)
    return _preview(
        request,
        service,
        record,
        version=version,
        media_type="image/png",
        key="spectrogram",
        make=lambda path: previews.spectrogram(path, duration_s=record.duration_s),
    )


@router.get("/waveform", response_model=Waveform)
def waveform(request: Request, item_id: ItemId, service: Shared, version: Version = None) -> Response:
    """How loud a sound is from column to column, 0 to 255, of the loudest, and how long it lasts."""
    record = _sounding(service, item_id)
    return _preview(
        request,
        service,
        record,
        version=version,
        media_type="application/json",
        key="waveform",
        make=_waveform,
    )


@router.head("/media", include_in_schema=False)
@router.get("/media", response_class=FileResponse, responses=_MEDIA)
def media_file(request: Request, item_id: ItemId, service: Shared) -> Response:
    """The file itself, or a range of it, as it was indexed."""
    record = _record(service, item_id)
    headers = {
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-cache",
        "etag": f'"{version_of(record)}"',
    }
    if has_already(request, headers["etag"]):
        require_unchanged(record)
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range")
    if asked is not None and not is_within(asked, size_bytes=record.size_bytes):
        return problem(
            416,
            f"{record.path}: has {record.size_bytes} bytes, and no part {asked!r}",
            kind="no-such-range",
            headers={"content-range": f"bytes */{record.size_bytes}"},
        )
    guessed = mimetypes.guess_type(record.path)[0] or ""
    media_type = guessed if guessed.startswith(("audio/", "image/", "video/")) else "application/octet-stream"
    return OpenFileResponse(opened(record), media_type=media_type, headers=headers)


@router.get("/excerpt", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
def excerpt(
    request: Request,
    item_id: ItemId,
    service: Shared,
    start_s: Annotated[float, Query(ge=0, le=10_000_000)] = 0.0,
    end_s: Seconds = None,
    version: Version = None,
) -> Response:
    """Part of a sound, or of a video's, as WAVE, two minutes at the most: for formats that a browser does not play."""
    record = _sounding(service, item_id)
    return _preview(
        request,
        service,
        record,
        version=version,
        media_type="audio/wav",
        key=f"excerpt-{start_s}-{end_s}",
        make=lambda path: previews.excerpt(path, start_s=start_s, end_s=end_s),
    )


def _record(service: Service, item_id: int) -> ItemRecord:
    record = service.index.catalog.items.get(item_id)
    if record is None:
        raise ProblemError(404, f"there is no item {item_id}", kind="no-such-item")
    return record


def _sounding(service: Service, item_id: int) -> ItemRecord:
    record = _record(service, item_id)
    if record.kind == "image":
        raise ProblemError(404, f"item {item_id} is a picture, which has no sound", kind="no-sound")
    return record


def _preview(
    request: Request,
    service: Service,
    record: ItemRecord,
    *,
    version: str | None,
    media_type: str,
    key: str,
    make: Callable[[str], bytes],
) -> Response:
    """Answer with what is made of a file; nothing, where the browser has it already."""
    tag = f'"{version_of(record)}-{key}"'
    headers = {"etag": tag, "cache-control": _FOR_EVER if version == version_of(record) else "private, no-cache"}
    if has_already(request, tag):
        return Response(status_code=304, headers=headers)
    require_unchanged(record)
    # Kept by content, so that what scrolls past again is not decoded again.
    made = service.previews.get(tag)
    if made is None:
        try:
            with service.turns.taken():
                made = make(record.path)
        finally:
            require_unchanged(record)  # what was decoded, or was not, is of this content, though others wrote meanwhile
        service.previews.put(tag, made)
    return Response(made, media_type=media_type, headers=headers)


def _waveform(path: str) -> bytes:
    drawn = previews.waveform(path)
    peaks = (drawn.peaks * 255).round().astype(int).tolist()
    return reply({"peaks": peaks, "duration_s": drawn.duration_s}).body  # type: ignore[return-value]
