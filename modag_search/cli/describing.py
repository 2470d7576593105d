"""All about single files: ``info PATH``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from modag_search.cli.hints import completed
from modag_search.cli.output import chosen_format, print_document, print_json, show, shown
from modag_search.rows import description_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.values import FileDescription, ItemLabel, SegmentRecord

_WORDS = frozenset({"file", "outdated", "reason"})
"""Facts that are words of ours, and propose commands."""


def print_descriptions(descriptions: Sequence[FileDescription], *, output_format: str | None) -> None:
    """Print what is known of files: as JSON a list, as a table a line a fact, without what is not so."""
    if chosen_format(output_format) == "json":
        print_json([description_document(one) for one in descriptions])
        return
    for number, one in enumerate(descriptions):
        if number:
            show()
        facts = {
            name: completed(value) if name in _WORDS else value
            for name, value in _facts(one)
            if value not in (None, "", [])
        }
        print_document(facts, output_format="table")


def _facts(described: FileDescription) -> Iterator[tuple[str, Any]]:
    # In the order in which people would ask.
    item = described.item
    yield "path", described.path
    yield "state", described.state
    yield "reason", described.reason
    yield "file", _presence(described)
    if item is not None:
        yield "former", _former(described)
        yield "id", item.id
        yield "kind", item.kind
        yield "duration_s", item.duration_s
        yield "pixels", f"{item.width_px} x {item.height_px}" if item.width_px else None
        yield "size_bytes", item.size_bytes
        yield "content_hash", item.content_hash
        yield "updated_at", item.updated_at
    yield "noticed", [one.text for one in described.notices]
    yield "labels", [_label(one) for one in described.labels] + [f"not {_label(one)}" for one in described.denied]
    yield "copies", shown(described.copies)
    yield "encoders", list(described.encoders)
    yield "outdated", "`modag rebuild` renews its features" if described.is_outdated else None
    yield "segments", list(_segments(described.segments))


def _presence(described: FileDescription) -> str | None:
    if described.item is None and described.state != "failed":
        return None  # the reason says it
    if not described.exists:
        return "is not there, or out of reach"
    if described.is_given_up:
        return "is as it was when it failed; until it changes, only `modag index --retry-failed` reads it"
    if described.state == "failed":
        return "failed when it was read last; the next `modag index` reads it again"
    if described.is_unchanged:
        return "has the size and time that it had when it was indexed"
    return "has changed since it was indexed; `modag index` takes it in anew"


def _former(described: FileDescription) -> str | None:
    """Say what the facts of an item are of, where that is not the file of now."""
    if described.is_unchanged is not False:
        return None
    return "what stands below is of the content that was indexed, not of the file as it is now"


def _label(label: ItemLabel) -> str:
    confidence = None if label.confidence is None else f"{label.confidence:.3f}"
    run = None if label.run is None else f"run {label.run}"
    former = "before the file was replaced" if label.is_of_former else None
    parts = (label.origin, confidence, label.source, _span(label.start_s, label.end_s), run, former)
    return f"{label.label} ({', '.join(part for part in parts if part)})"


def _segments(segments: Sequence[SegmentRecord]) -> Iterator[str]:
    """Count segments by what they are, and say where those are that nothing finds."""
    for (modality, status), count in Counter((one.modality, one.status) for one in segments).items():
        spans = [_span(one.start_s, one.end_s) for one in segments if (one.modality, one.status) == (modality, status)]
        places = [] if status == "ok" else [span for span in spans if span]
        yield f"{count} {modality} {status}{f' ({shown(places)})' if places else ''}"


def _span(start_s: float | None, end_s: float | None) -> str | None:
    if start_s is None and end_s is None:
        return None
    return f"{0.0 if start_s is None else start_s:.3f} s to {'the end' if end_s is None else f'{end_s:.3f} s'}"
