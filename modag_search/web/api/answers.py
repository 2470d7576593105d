"""What answers hold, as the OpenAPI document tells it; the answers themselves are rows, which are written as they are.

What is a value of the package is described by that: these are the rest.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from modag_search.catalog import LabelMode
from modag_search.values import (
    CopyOf,
    ItemLabel,
    LabelSummary,
    MapMethod,
    MediaKind,
    Modality,
    ModalityEvidence,
    Neighbour,
    NoticeKind,
    Place,
    SegmentRecord,
)

Origin = Literal["hand", "import", "transfer"]
Remarks = Annotated[list[str], Field(description="What the command line would have warned of.")]


class Versioned(BaseModel):
    """What previews of an item are asked for by."""

    id: int
    kind: MediaKind
    version: str = Field(description="Of the content: with it, previews may be kept for ever.")


class LabelGiven(BaseModel):
    """What an item is said to be, or not to be, and who says so."""

    label: str
    origin: Origin
    confidence: float | None
    is_tag: bool
    is_not: bool
    start_s: float | None
    end_s: float | None


class HitRow(Versioned):
    """An answer of a search; see `Hit`."""

    path: str
    modality: Modality
    similarity: float
    start_s: float | None
    end_s: float | None
    labels: list[str]
    relevance: float
    duration_s: float | None
    exists: bool
    copies: list[str]
    places: list[Place]
    given: list[LabelGiven]


class Found(BaseModel):
    """Answers of a search, the nearest first."""

    hits: list[HitRow]
    is_close: bool = Field(description="Whether the best of the answers is close to what was asked.")
    best_relevance: float
    seconds: float
    remarks: Remarks


class Neighbours(BaseModel):
    """What is nearest to an item."""

    hits: list[HitRow]


class UploadRow(BaseModel):
    """A file that was sent."""

    id: str = Field(description="Asked with as upload:ID.")
    name: str
    size_bytes: int
    kind: MediaKind | None


class ItemRow(Versioned):
    """An item."""

    path: str
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    labels: list[str]
    updated_at: str
    given: list[LabelGiven]


class Items(BaseModel):
    """A page of items."""

    items: list[ItemRow]


class Remark(BaseModel):
    """What there is to know of a file."""

    kind: NoticeKind
    text: str


class Description(BaseModel):
    """All that the index knows of an item; see `FileDescription`."""

    path: str
    state: Literal["indexed", "failed", "not indexed"]
    reason: str | None
    exists: bool
    is_unchanged: bool | None
    is_given_up: bool
    id: int
    kind: MediaKind
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    size_bytes: int
    content_hash: str
    updated_at: str
    is_outdated: bool
    encoders: list[str]
    notices: list[Remark]
    labels: list[ItemLabel]
    denied: list[ItemLabel]
    copies: list[str]
    segments: list[SegmentRecord]
    version: str


class Waveform(BaseModel):
    """How loud a sound is, column by column."""

    peaks: list[int] = Field(description="0 to 255, the loudest.")
    duration_s: float


class Info(BaseModel):
    """What the index holds, and what may be done with it."""

    name: str
    version: str
    generation: int
    items: dict[MediaKind, int]
    failed_items: int
    outdated_items: int
    segments: dict[str, int]
    labels: int
    annotations: int
    failures: int
    space: str
    joins: bool
    reads_words: bool
    is_read_only: bool
    upload_bytes: int


class Folder(BaseModel):
    """A folder that holds items."""

    path: str
    items: int


class Folders(BaseModel):
    """Folders, in order of path."""

    folders: list[Folder]


class MapColumns(BaseModel):
    """The items that have a place on a map, in columns of one length."""

    method: MapMethod
    methods: list[MapMethod] = Field(description="Those that can be asked for.")
    explained: float | None = Field(description="Share of the variance that both axes hold; by pca alone.")
    unplaced: int = Field(description="How many more items there are, that nothing finds.")
    ids: list[int]
    x: list[float] = Field(description="To the right, in [-1, 1].")
    y: list[float] = Field(description="Upwards, in [-1, 1].")
    kinds: list[MediaKind]
    kind: list[int] = Field(description="Places in kinds.")
    labels: list[str]
    label: list[int] = Field(description="Places in labels; -1 for none.")
    origins: list[Origin]
    origin: list[int] = Field(description="Places in origins; -1 for none.")
    confidence: list[float | None] = Field(description="Of labels that were transferred.")


class Labels(BaseModel):
    """Labels of the index, and whether they exclude each other."""

    labels: list[LabelSummary]
    mode: LabelMode


class LabelsGiven(BaseModel):
    """What was given."""

    run: int | None = Field(description="By which it is undone; null where nothing was new.")
    changed: int
    label: str
    remarks: Remarks


class LabelsTaken(BaseModel):
    """What was taken back."""

    run: int | None = Field(description="By which it is undone; null where nothing was taken.")
    taken: int


class Undone(BaseModel):
    """What was undone."""

    undone: int = Field(description="How many labels went, and how many came back.")
    remarks: Remarks


class Run(BaseModel):
    """A run that gave labels which are still there, or took some back (`unlabel`)."""

    id: int
    verb: str
    started_at: str
    changes: int
    arguments: dict[str, Any]


class Runs(BaseModel):
    """Runs that can be undone, the latest first."""

    runs: list[Run]


class Score(BaseModel):
    """How likely a label is."""

    label: str
    score: float


class ClassificationRow(BaseModel):
    """What something is called; see `Classification`."""

    path: str
    label: str | None
    confidence: float
    scores: list[Score]
    neighbours: list[Neighbour]
    copy_of: CopyOf | None
    id: int | None = Field(description="Null for a file that was sent.")
    upload: str | None
    kind: MediaKind | None
    version: str | None


class Unanswered(BaseModel):
    """An item, or a file that was sent, that has no answer."""

    path: str
    id: int | None
    upload: str | None
    type: str = Field(description="As that of a problem.")
    detail: str


class Classified(BaseModel):
    """What things are called."""

    answers: list[ClassificationRow]
    failed: list[Unanswered] = Field(description="What has no answer, and why.")
    remarks: Remarks


class Reason(BaseModel):
    """What one kind of evidence says, and last what all say together."""

    log_odds: float
    because: str


class WhyInWords(BaseModel):
    """Why something is called as it is, as `modag explain` says it."""

    answer: str
    rules: list[str]
    heard: list[list[Reason]] = Field(description="For each of what was heard.")


class Why(BaseModel):
    """Why something is called as it is; see `Explanation`."""

    path: str
    label: str
    confidence: float
    decided_by: Literal["evidence", "hierarchy", "copy"]
    kinds: list[tuple[str, float]]
    first: str
    second: str | None
    second_confidence: float
    none: float | None
    given: list[ItemLabel]
    denied: list[str]
    heard: list[ModalityEvidence]
    copy_of: CopyOf | None
    by_head: Score | None
    remarks: Remarks
    words: WhyInWords


class TransferredRow(Versioned):
    """A label that a transfer gives."""

    path: str
    label: str
    confidence: float
    copy_of: CopyOf | None


class TransferAnswer(BaseModel):
    """What a transfer gave, or would give."""

    run: int | None = Field(description="By which it is undone; null where nothing was written.")
    given: list[TransferredRow]
    unknown: int
    surer: int
    remarks: Remarks


class SuggestionRow(Versioned):
    """An item that is worth a label; see `Suggestion`."""

    path: str
    modality: Modality
    label: str | None
    confidence: float
    covers: int | None
    wanted: str | None


class Suggestions(BaseModel):
    """What to label next, the most worthwhile first."""

    suggestions: list[SuggestionRow]


class IssueRow(Versioned):
    """A label that may be wrong; see `LabelIssue`."""

    path: str
    modality: Modality
    label: str
    probability: float | None
    suggested: str | None
    confidence: float | None
    reason: Literal["neighbours", "copies", "replaced"]
    copy_of: CopyOf | None


class Issues(BaseModel):
    """Labels that may be wrong, the most doubtful first."""

    issues: list[IssueRow]
    remarks: Remarks


class PairRow(BaseModel):
    """A sound and a picture that do not fit each other; see `PairIssue`."""

    sound: str
    image: str
    similarity: float
    rank: float
    path: str
    sound_item: Versioned
    image_item: Versioned


class Pairs(BaseModel):
    """Pairs that do not fit, the worst first."""

    pairs: list[PairRow]


class DuplicateRow(Versioned):
    """One of the same; see `Duplicate`."""

    group: int
    path: str
    similarity: float
    exact: bool
    size_bytes: int
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    labels: list[str]
    confirmed_by: Literal["content", "pixels", "waveform", "features"] | None
    kept_because: str | None
    part_start_s: float | None
    part_end_s: float | None


class DuplicatesOfOne(BaseModel):
    """The same, at several places; the one to keep comes first."""

    items: list[DuplicateRow]


class Duplicates(BaseModel):
    """Groups of the same."""

    groups: list[DuplicatesOfOne]


class FailureRow(BaseModel):
    """A file that could not be indexed, or one that there is something to know of."""

    path: str
    reason: str
    error: str | None
    failed_at: str | None
    kind: Literal["failed"] | NoticeKind
    id: int | None


class Failures(BaseModel):
    """Files that could not be indexed."""

    failures: list[FailureRow]


class Roots(BaseModel):
    """Folders that were indexed."""

    roots: list[str]


class JobRow(BaseModel):
    """Work that goes on while other requests are answered."""

    id: int
    verb: Literal["index"]
    paths: list[str]
    state: Literal["running", "stopping", "done", "failed", "stopped"]
    done: int = Field(description="Files that are finished.")
    found: int = Field(description="Files that are there.")
    started_at: str
    finished_at: str | None
    report: dict[str, Any] | None = Field(description="What was done, as `modag index --format json` tells it.")
    remarks: list[str] = Field(
        description="What the command line would say of it: what is gone, what was replaced, what became of labels."
    )
    problem: str | None = Field(description="Why it failed.")


class JobRows(BaseModel):
    """Work that is done or was done since the server started, the latest first."""

    jobs: list[JobRow]
