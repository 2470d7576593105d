"""Names: what things are called, why, and giving that to what has no name yet."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from modag_search.errors import ModagError
from modag_search.rows import Row, classification_row, explanation_document, transferred_row
from modag_search.values import Classification, Explanation
from modag_search.web.api.answers import Classified, TransferAnswer, Why
from modag_search.web.api.hits import versions_at
from modag_search.web.api.replies import PROBLEMS, reply
from modag_search.web.api.terms import Ids, Label, UploadId
from modag_search.web.problems import kind_of, type_of
from modag_search.web.remarks import heard
from modag_search.web.service import Service, Shared, only_asks
from modag_search.web.uploads import Upload
from modag_search.wording import answer_in_words, evidence_in_words, rules_in_words

router = APIRouter(tags=["names"], responses=PROBLEMS)

MOST_ANSWERS = 10_000

Share = Annotated[float, Field(ge=0, le=1)]
By = Literal["knn", "head", "names"]
Level = Annotated[int, Field(ge=0, le=1000)] | Literal["deepest"]
Names = Annotated[list[Label], Field(min_length=1, max_length=10_000)]


class Naming(BaseModel):
    """Who names, and among which labels; see `Index.classify`."""

    model_config = ConfigDict(extra="forbid")

    by: By = "knn"
    names: Names | None = Field(default=None, description="Labels to choose among; by default those of the index.")
    level: Level | None = None


class Classifying(Naming):
    """What to name: items, files that were sent, or all of the index."""

    ids: Ids | None = None
    uploads: Annotated[list[UploadId], Field(min_length=1, max_length=100)] | None = None
    unlabelled: bool = Field(default=False, description="Items without a label, in the place of all.")
    n: int = Field(default=100, ge=1, le=MOST_ANSWERS, description="How many answers, at the most.")
    min_confidence: Share = Field(default=0.0, description="Below it, the label is null: unknown.")
    max_confidence: Share = Field(default=1.0, description="Surer answers are left out.")
    known: bool = Field(default=False, description="Unknown answers are left out, and do not count among n.")
    sort: Literal["confidence"] | None = Field(default=None, description="The least sure first.")

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if self.unlabelled and (self.ids or self.uploads):
            raise ValueError("either ids and uploads, or unlabelled items: not both")
        return self


class Explaining(BaseModel):
    """What to explain: an item, or a file that was sent."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[int, Field(ge=1, le=2**62)] | None = None
    upload: UploadId | None = None
    names: Names | None = None
    level: Level | None = None

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if (self.id is None) == (self.upload is None):
            raise ValueError("name an item by id, or a file by upload: one of the two")
        return self


class Transferring(Naming):
    """Which labels to give to unlabelled items."""

    min_confidence: Share = 0.8
    max_confidence: Share = 1.0
    dry_run: bool = Field(default=True, description="Write nothing; tell what would be given.")


@router.post("/classify", response_model=Classified)
@only_asks
def classify(asked: Classifying, service: Shared) -> Response:
    """Name items, files that were sent, or all items of the index, by those that have labels."""
    failures: list[tuple[str, ModagError]] = []
    with service.uploads.lent(asked.uploads or ()) as sent, service.turns.taken(), heard() as said:
        uploads = {upload.path: upload for upload in sent}
        paths = [*(f"id:{item_id}" for item_id in asked.ids or ()), *uploads]
        answers = service.index.classify_each(
            paths or None,
            **asked.model_dump(exclude={"ids", "uploads", "n", "known"}),
            on_failure=lambda path, error: failures.append((path, error)),
        )
        chosen = (one for one in answers if one.label is not None) if asked.known else answers
        some = list(itertools.islice(chosen, asked.n))
    failed = _failed(service, failures, uploads)
    remarks = service.uploads.in_all(said)
    return reply({"answers": _answers(service, some, uploads), "failed": failed, "remarks": remarks})


@router.post("/explain", response_model=Why)
@only_asks
def explain(asked: Explaining, service: Shared) -> Response:
    """Why something is called as it is: what speaks for its name rather than the next one, and what is nearest."""
    with service.uploads.lent([asked.upload] if asked.upload else ()) as sent, service.turns.taken(), heard() as said:
        upload = next(iter(sent), None)
        path = f"id:{asked.id}" if upload is None else upload.path
        why = service.index.explain(path, names=asked.names, level=asked.level)
    if upload is not None:
        why = dataclasses.replace(why, path=upload.name)
    more = {"words": _in_words(why), "remarks": service.uploads.in_all(said)}
    return reply(explanation_document(why) | more)


@router.post("/transfer", response_model=TransferAnswer)
@only_asks
def transfer(asked: Transferring, service: Shared) -> Response:
    """Give every unlabelled item the label that the labelled ones are sure of; or only tell what would be given."""
    if not asked.dry_run:
        service.require_writable()
    with service.turns.taken(), heard() as said:
        report = service.index.transfer(**asked.model_dump())
    files = versions_at(service.index, (one.path for one in report.given))
    rows = [files[one.path] | transferred_row(one) for one in report.given if one.path in files]
    return reply({"run": report.run, "given": rows, "unknown": report.unknown, "surer": report.surer, "remarks": said})


def _in_words(why: Explanation) -> Row:
    return {
        "answer": answer_in_words(why, named=os.path.basename),
        "rules": rules_in_words(why, named=os.path.basename),
        "heard": [
            [{"log_odds": odds, "because": because} for odds, because in evidence_in_words(why, said)]
            for said in why.heard
        ],
    }


def _failed(service: Service, failures: Sequence[tuple[str, ModagError]], uploads: Mapping[str, Upload]) -> list[Row]:
    """Return what has no answer, as item or as the file that was sent, and why."""
    files = versions_at(service.index, (path for path, _ in failures if path not in uploads))
    rows = []
    for path, error in failures:
        upload = uploads.get(path)
        row: Row = {"path": path if upload is None else upload.name}
        row |= {"id": files[path]["id"] if path in files else None, "upload": upload and upload.id}
        rows.append(row | {"type": type_of(kind_of(error)), "detail": service.uploads.in_words(str(error))})
    return rows


def _answers(service: Service, answers: list[Classification], uploads: Mapping[str, Upload]) -> list[Row]:
    """Return answers with the item or the file that was sent which each is about."""
    files = versions_at(service.index, (one.path for one in answers if one.path not in uploads))
    rows = []
    for one in answers:
        row = classification_row(one)
        if (upload := uploads.get(one.path)) is not None:
            row |= {"path": upload.name, "id": None, "upload": upload.id, "kind": upload.kind, "version": None}
        elif one.path in files:
            row |= files[one.path] | {"upload": None}
        else:  # another process has just taken it out
            continue
        rows.append(row)
    return rows
