"""Work that takes long: begun, watched, stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from modag_search.index.description import indexed_folders
from modag_search.rows import as_json
from modag_search.values import IndexedFolder
from modag_search.web.api.answers import JobRow, JobRows, Roots
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.jobs import Job
from modag_search.web.problems import ProblemError
from modag_search.web.service import Service, Shared

router = APIRouter(tags=["jobs"], responses=PROBLEMS)

JobId = Annotated[int, Path(ge=1, le=2**62)]
_LOOKED_AT_EVERY_S = 0.2
_EVENTS = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


class Beginning(BaseModel):
    """What to do: take in what is new in folders that were indexed before, in the way that they were then."""

    model_config = ConfigDict(extra="forbid")

    verb: Literal["index"]
    paths: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Some of those that GET /roots lists; by default those of them that are there."
    )
    prune: bool = Field(default=False, description="Take out items whose files are gone, or passed over.")
    retry_failed: bool = Field(default=False, description="Try files again that failed and have not changed since.")


@router.get("/roots", response_model=Roots)
def roots(service: Shared) -> Response:
    """Folders that were indexed, and that the index holds anything of."""
    return reply({"roots": [folder.path for folder in indexed_folders(service.index.catalog)]})


@router.post("/jobs", status_code=202, response_model=JobRow)
def begin(asked: Beginning, service: Shared) -> Response:
    """Begin to take in files; the index answers meanwhile. What is unchanged is skipped."""
    folders = _folders(service, asked.paths)
    job = service.jobs.start(folders, prune=asked.prune, retry_failed=asked.retry_failed)
    return reply(job.row(), status=202, headers={"location": f"/api/v1/jobs/{job.id}"})


@router.get("/jobs", response_model=JobRows)
def jobs(service: Shared) -> Response:
    """What goes on, and what has come to an end since the server started; the latest first."""
    return reply({"jobs": [job.row() for job in service.jobs.all()]})


@router.get("/jobs/{job_id}", response_model=JobRow)
def look_at(job_id: JobId, service: Shared) -> Response:
    """How far a job is, or what it did."""
    return reply(service.jobs.get(job_id).row())


@router.delete("/jobs/{job_id}", response_model=JobRow)
def stop(job_id: JobId, service: Shared) -> Response:
    """Have a job end with the file that it is at; what is finished stays, and the next one goes on from there."""
    job = service.jobs.get(job_id)
    service.jobs.stop(job)
    return reply(job.row())


@router.get("/jobs/{job_id}/events", response_class=Response, responses=_EVENTS)  # type: ignore[arg-type]
async def watch(job_id: JobId, service: Shared) -> StreamingResponse:
    """How far a job is, as events whose data are what GET /jobs/ID answers, until it has come to its end."""
    return StreamingResponse(_events(service, service.jobs.get(job_id)), media_type="text/event-stream")


async def _events(service: Service, job: Job) -> AsyncIterator[bytes]:
    """Tell of each change, as often as can be seen; who listens does not keep a server from stopping."""
    told = b""
    while True:
        is_over = job.is_over  # before what is told, so that the end is
        if (now := as_json(job.row())) != told:
            told = now
            yield b"data: " + now + b"\n\n"
        if is_over or service.is_leaving:
            return
        await asyncio.sleep(_LOOKED_AT_EVERY_S)


def _folders(service: Service, paths: list[str] | None) -> list[IndexedFolder]:
    """Return the folders that are meant; no others are ever looked at."""
    known = {folder.path: folder for folder in indexed_folders(service.index.catalog)}
    if paths is None:
        there = [folder for path, folder in known.items() if os.path.isdir(path)]
        if not there:
            raise ProblemError(409, "no folder was indexed that is there; `modag index` takes one in", kind="no-roots")
        return there
    meant = [path if path in known else os.path.normpath(path) for path in paths]
    for path, folder in zip(paths, meant, strict=True):
        if folder not in known:
            raise ProblemError(
                403, f"{path}: is none of the folders that were indexed; `modag index` takes it in", kind="no-such-root"
            )
    return [known[path] for path in dict.fromkeys(meant)]
