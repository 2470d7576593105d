"""Results as rows of JSON values, in one place for the command line, the server and pages: same keys, same meaning."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.values import (
        Classification,
        CopyOf,
        DuplicateGroup,
        Explanation,
        Failure,
        FileDescription,
        Hit,
        IndexReport,
        ItemMap,
        LabelIssue,
        Notice,
        PairIssue,
        Place,
        Suggestion,
        Transferred,
    )

Row = dict[str, Any]

HIT = (
    *("id", "path", "modality", "similarity", "start_s", "end_s", "labels"),
    *("relevance", "duration_s", "exists", "copies"),
)
ANSWER = ("path", "label", "confidence")
SUGGESTION = ("path", "modality", "label", "confidence", "covers", "id", "wanted")
DUPLICATE = (
    *("group", "path", "similarity", "exact", "size_bytes", "duration_s", "width_px", "height_px", "id"),
    *("labels", "confirmed_by", "kept_because", "part_start_s", "part_end_s"),
)
MAP = ("id", "path", "kind", "x", "y")
FAILURE = ("path", "reason", "error", "failed_at", "kind", "id")
"""Keys of rows, in the order of columns."""

_ISSUE = ("id", "path", "modality", "label", "probability", "suggested", "confidence", "reason")
_PAIR = ("sound", "image", "similarity", "rank")
_OF_ITEM = ("id", "kind", "duration_s", "width_px", "height_px", "size_bytes", "content_hash", "updated_at")
COUNTS = ("added", "updated", "unchanged", "moved", "removed", "failed")
_LISTED = (
    "missing",
    "out_of_reach",
    "gone_failures",
    "covered",
    "passed_over",
    "unread",
    "other_files",
    "noticed",
    "rehashed",
    "altered",
)


def as_json(value: Any, *, indented: bool = False) -> bytes:
    """Write a value as JSON, in UTF-8, on one line or on many.

    By orjson: a large index has gigabytes of answers, and the standard library takes ten times as long.
    """
    import orjson  # here, since what prints no JSON need not wait for it

    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_INDENT_2 if indented else 0))
    except orjson.JSONEncodeError:  # a name that is not UTF-8, which JSON can hold as an escape alone
        return json.dumps(value, indent=2 if indented else None, separators=None if indented else (",", ":")).encode()


def as_row(value: Any, *, fields: Sequence[str]) -> Row:
    """Pick fields of an object that hold JSON values, in order."""
    return {field: getattr(value, field) for field in fields}


def hit_row(hit: Hit) -> Row:
    """Return an answer of a search, with its places."""
    return as_row(hit, fields=HIT) | {"places": [place_row(one) for one in hit.places]}


def place_row(place: Place) -> Row:
    """Return a place of an answer."""
    return as_row(place, fields=("modality", "similarity", "start_s", "end_s"))


def answer_row(answer: Classification | Transferred) -> Row:
    """Return what something is called, in short."""
    return as_row(answer, fields=ANSWER)


def classification_row(answer: Classification) -> Row:
    """Return all of an answer.

    Written out, since there may be a million answers, and `dataclasses.asdict` copies whatever it finds.
    """
    return {
        "path": answer.path,
        "label": answer.label,
        "confidence": answer.confidence,
        "scores": [{"label": one.label, "score": one.score} for one in answer.scores],
        "neighbours": [
            {
                "id": one.id,
                "path": one.path,
                "modality": one.modality,
                "label": one.label,
                "similarity": one.similarity,
                "weight": one.weight,
                "start_s": one.start_s,
                "end_s": one.end_s,
            }
            for one in answer.neighbours
        ],
        "copy_of": copy_row(answer.copy_of),
    }


def transferred_row(given: Transferred) -> Row:
    """Return a label that a transfer gave, or would give."""
    return answer_row(given) | {"copy_of": copy_row(given.copy_of)}


def copy_row(copy_of: CopyOf | None) -> Row | None:
    """Return what something is a copy of."""
    return None if copy_of is None else {"id": copy_of.id, "path": copy_of.path, "confirmed_by": copy_of.confirmed_by}


def explanation_document(why: Explanation) -> Row:
    """Return why something is called as it is."""
    by_head = None if why.by_head is None else why.by_head._asdict()
    return dataclasses.asdict(why) | {"by_head": by_head}


def description_document(described: FileDescription) -> Row:
    """Return all that an index knows of one file."""
    item = described.item
    return {
        "path": described.path,
        "state": described.state,
        "reason": described.reason,
        "exists": described.exists,
        "is_unchanged": described.is_unchanged,
        "is_given_up": described.is_given_up,
        **{name: getattr(item, name, None) for name in _OF_ITEM},
        "is_outdated": described.is_outdated,
        "encoders": list(described.encoders),
        "notices": [{"kind": one.kind, "text": one.text} for one in described.notices],
        "labels": [dataclasses.asdict(one) for one in described.labels],
        "denied": [dataclasses.asdict(one) for one in described.denied],
        "copies": list(described.copies),
        "segments": [dataclasses.asdict(one) for one in described.segments],
    }


def suggestion_row(suggestion: Suggestion) -> Row:
    """Return an item that is worth a label."""
    return as_row(suggestion, fields=SUGGESTION)


def issue_row(issue: LabelIssue) -> Row:
    """Return a label that may be wrong."""
    return as_row(issue, fields=_ISSUE) | {"copy_of": copy_row(issue.copy_of)}


def pair_row(pair: PairIssue) -> Row:
    """Return a sound and a picture that do not fit each other; of the two, the sound is what `path` names."""
    return as_row(pair, fields=_PAIR) | {"path": pair.sound}


def duplicate_rows(groups: Iterable[DuplicateGroup], *, alike: bool = False) -> list[Row]:
    """Return the items of groups of duplicates, numbered by group from 1; of what is merely `alike`, none is kept."""
    return [
        {
            "group": number,
            **as_row(item, fields=("path", "similarity")),
            "exact": item.is_exact,
            **as_row(item, fields=("size_bytes", "duration_s", "width_px", "height_px", "id", "labels")),
            "confirmed_by": item.confirmed_by,
            "kept_because": None if place or alike else group.kept_because,
            **as_row(item, fields=("part_start_s", "part_end_s")),
        }
        for number, group in enumerate(groups, start=1)
        for place, item in enumerate(group.items)
    ]


def map_rows(found: ItemMap) -> list[Row]:
    """Return the items of a map with their places, in order of their ids."""
    places = found.positions.round(5).astype(float).round(5).tolist()
    columns = zip(found.ids.tolist(), found.paths, found.kinds, places, strict=True)
    return [{"id": item, "path": path, "kind": kind, "x": x, "y": y} for item, path, kind, (x, y) in columns]


def failure_row(failure: Failure, *, item_id: int | None) -> Row:
    """Return a file that could not be indexed, with the item that it was before, if it was one."""
    return as_row(failure, fields=FAILURE[:4]) | {"kind": "failed", "id": item_id}


def notice_row(notice: Notice) -> Row:
    """Return what is to be known of a file that did not fail, in the form of one that did."""
    return {
        "path": notice.path,
        "reason": notice.text,
        "error": None,
        "failed_at": None,
        "kind": notice.kind,
        "id": notice.id,
    }


def report_document(report: IndexReport) -> Row:
    """Return what a run of indexing did."""
    told = dataclasses.asdict(dataclasses.replace(report, failures=()))
    return as_row(report, fields=(*COUNTS, "seconds", *_LISTED)) | {
        key: told[key] for key in ("replaced", "passages", "known_as", "twice")
    }
