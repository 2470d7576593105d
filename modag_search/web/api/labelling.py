"""Labels: to list, give, take back, undo."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from modag_search.values import ItemRecord
from modag_search.web.api.answers import Labels, LabelsGiven, LabelsTaken, Runs, Undone
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.api.terms import Ids, Label, Seconds
from modag_search.web.problems import ProblemError
from modag_search.web.remarks import heard
from modag_search.web.service import Service, Shared

router = APIRouter(tags=["labels"], responses=PROBLEMS)


class Giving(BaseModel):
    """What items are, or are not."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids
    label: Label
    denied: bool = Field(default=False, description="They are not that, nor a kind of it.")
    is_tag: bool = Field(default=False, description="The label is a tag, which is no class.")
    start_s: Seconds = Field(default=None, ge=0, description="Of the part that it holds for.")
    end_s: Seconds = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if self.denied and self.is_tag:
            raise ValueError("what items are not, no tag says")
        return self


class Taking(BaseModel):
    """What items are not said to be any more."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids
    label: Label
    denied: bool = Field(default=False, description="Take back that they are not that, instead.")


@router.get("/labels", response_model=Labels)
def list_labels(service: Shared) -> Response:
    """Labels, with the number of pictures, sounds and videos that have each."""
    book = service.index.labels
    with service.index.catalog.view():
        rows = [dataclasses.asdict(summary) for summary in book.summaries()]
        return reply({"labels": rows, "mode": book.mode})


@router.post("/labels/give", response_model=LabelsGiven)
def give(asked: Giving, service: Shared) -> Response:
    """Give items a label, or say that they are not that: all or none of them. The run can be undone."""
    book = service.index.labels
    records = _records(service, asked.ids)
    names, denied = ([], [asked.label]) if asked.denied else ([asked.label], [])
    with heard() as said:
        given = book.give(
            records, names, denied=denied, are_tags=asked.is_tag, start_s=asked.start_s, end_s=asked.end_s
        )
    return reply(
        {
            "run": given.run if given.added else None,
            "changed": given.added,
            "label": book.resolve(asked.label.strip()),
            "remarks": said,
        }
    )


@router.post("/labels/take", response_model=LabelsTaken)
def take(asked: Taking, service: Shared) -> Response:
    """Take a label back from items, or that they are not that. What was transferred may come with the next transfer.

    To undo the run gives it back as it was.
    """
    records = _records(service, asked.ids)
    taken = service.index.labels.take(records, asked.label, denied=asked.denied)
    return reply({"run": taken.run if taken.removed else None, "taken": taken.removed})


@router.get("/runs", response_model=Runs)
def runs(service: Shared) -> Response:
    """Runs that gave labels which are still there or kept, or took some back, the latest first."""
    return reply(
        {
            "runs": [
                {
                    "id": run.id,
                    "verb": run.verb,
                    "started_at": run.started_at,
                    "changes": count,
                    "arguments": {key: value for key, value in run.arguments.items() if value not in (None, [])},
                }
                for run, count in reversed(service.index.labels.runs())
            ]
        }
    )


@router.post("/runs/{run}/undo", response_model=Undone)
def undo(run: Annotated[int, Path(ge=1, le=2**62)], service: Shared) -> Response:
    """Take back all labels that a run gave, and give back what it took or what gave way to it; the rest stays."""
    with heard() as said:
        undone = service.index.labels.undo(run)
    return reply({"undone": undone.changed, "remarks": said})


def _records(service: Service, ids: list[int]) -> list[ItemRecord]:
    found = service.index.catalog.items.get_many(ids)
    if absent := [item_id for item_id in ids if item_id not in found]:
        raise ProblemError(404, f"there is no item {absent[0]}", kind="no-such-item")
    return list(found.values())
