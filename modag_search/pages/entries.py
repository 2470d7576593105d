"""What is shown of items on a page, before anything is decoded."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.labels.items import labels_of
from modag_search.wording import origin_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import Classification, Explanation, Hit, ItemLabel, MediaKind, SegmentRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an item is said to be.

    Attributes
    ----------
    label : str
    by : str
        Who says so, in words; empty where that is not known.
    is_not : bool
        Whether it is said not to be that.
    """

    label: str
    by: str = ""
    is_not: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An item on a page: which place of it is seen and heard, and what is said of it.

    Attributes
    ----------
    path : str
    kind : {"image", "sound", "video"} or None
        None where not even the name says what it is.
    start_s, end_s : float or None
        The place, in seconds; None for the beginning, and for pictures.
    duration_s : float or None
    similarity, relevance : float or None
        Of an answer.
    said : tuple of Said
    copies : tuple of str
    proposed : str or None
        What it would be called, or was called by the run that is looked over: what a review asks about.
    confidence : float or None
        How likely that is.
    part_start_s, part_end_s : float or None
        The part that `proposed` holds for; None on both sides for all of it.
    why : Explanation or None
    is_query : bool
        Whether it is what was asked with.
    """

    path: str
    kind: MediaKind | None
    start_s: float | None = None
    end_s: float | None = None
    duration_s: float | None = None
    similarity: float | None = None
    relevance: float | None = None
    said: tuple[Said, ...] = ()
    copies: tuple[str, ...] = ()
    proposed: str | None = None
    confidence: float | None = None
    part_start_s: float | None = None
    part_end_s: float | None = None
    why: Explanation | None = None
    is_query: bool = False


def entry_of_hit(hit: Hit) -> Entry:
    """Return an answer of a search as it is shown, as far as it says itself."""
    by_place: MediaKind = "video" if hit.modality == "image" and hit.start_s is not None else hit.modality
    return Entry(
        path=hit.path,
        kind=media.kind_of(hit.path) or by_place,
        start_s=hit.start_s,
        end_s=hit.end_s,
        duration_s=hit.duration_s,
        similarity=hit.similarity,
        relevance=hit.relevance,
        said=tuple(Said(label=label) for label in hit.labels),
        copies=hit.copies,
    )


def entry_of_answer(answer: Classification) -> Entry:
    """Return what something is called as it is shown, as far as the answer says itself."""
    return Entry(path=answer.path, kind=media.kind_of(answer.path), proposed=answer.label, confidence=answer.confidence)


def entries_of_hits(catalog: Catalog, hits: Sequence[Hit]) -> list[Entry]:
    """Return answers as they are shown, with who gave their labels."""
    found = catalog.items.get_many([hit.id for hit in hits])
    return [
        replace(entry_of_hit(hit), kind=found[hit.id].kind, said=said_of(catalog, hit.id))
        for hit in hits
        if hit.id in found  # what another process has just taken out is no answer
    ]


def said_of(catalog: Catalog, item_id: int) -> tuple[Said, ...]:
    """Return what an item is said to be and not to be, and by whom."""
    given = [(one, False) for one in labels_of(catalog, item_id)]
    denied = [(one, True) for one in labels_of(catalog, item_id, denied=True)]
    return tuple(
        Said(label=one.label, by=_by(one), is_not=is_not) for one, is_not in (*given, *denied) if not one.is_of_former
    )


def first_shown(segments: Iterable[SegmentRecord]) -> dict[int, SegmentRecord]:
    """Return by item the first segment that is neither silent nor black; of a video, its first such frame."""
    ok = [one for one in segments if one.status == "ok" and one.start_s is not None]
    first: dict[int, SegmentRecord] = {}
    for one in sorted(ok, key=lambda one: (one.modality != "image", one.start_s)):
        first.setdefault(one.item_id, one)
    return first


def _by(given: ItemLabel) -> str:
    in_part = "" if given.start_s is None and given.end_s is None else "in part, "
    # A page goes to others: what folders are called here is not theirs to know.
    source = None if given.source is None else os.path.basename(given.source)
    return in_part + origin_in_words(replace(given, source=source))
