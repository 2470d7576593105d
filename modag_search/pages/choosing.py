"""Which items a gallery shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.book import LabelBook
from modag_search.pages.entries import Entry, first_shown, said_of
from modag_search.spelling import on_disk, whole_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Annotation, Catalog
    from modag_search.values import Classification, Explanation, MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What items of a gallery must be; all of it at once.

    Attributes
    ----------
    label : str or None
        What they have, or a kind of it.
    under : tuple of str
        Folders: below one of them.
    kind : {"image", "sound", "video"} or None
    unlabelled : bool
    run : int or None
        What gave them a label.

    Raises
    ------
    UsageError
        On creation, where nothing can meet it.
    """

    label: str | None = None
    under: tuple[str, ...] = ()
    kind: MediaKind | None = None
    unlabelled: bool = False
    run: int | None = None

    def __post_init__(self) -> None:
        if self.unlabelled and (self.label is not None or self.run is not None):
            raise UsageError("what has no label has none by a name or by a run; leave out what is unlabelled, or these")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """An item of a gallery, with the label that is looked over.

    Attributes
    ----------
    id : int
    path : str
    proposed : str or None
    confidence : float or None
    start_s, end_s : float or None
        The part that it holds for.
    """

    id: int
    path: str
    proposed: str | None = None
    confidence: float | None = None
    start_s: float | None = None
    end_s: float | None = None


def picked(catalog: Catalog, choice: Choice) -> list[Picked]:
    """Return the items that are chosen, in order of path; with the label by which they are.

    Parameters
    ----------
    catalog : Catalog
    choice : Choice

    Returns
    -------
    list of Picked
        An item that a run gave several labels stands there for each.

    Raises
    ------
    UsageError
        If there is no such run, or it gave no label that is still there.
    """
    paths = _paths(catalog, choice)
    if choice.label is None and choice.run is None:
        found = [Picked(id=item_id, path=path) for item_id, path in paths.items()]
    else:
        found = [
            Picked(
                id=one.item_id,
                path=paths[one.item_id],
                proposed=one.label,
                confidence=one.confidence,
                start_s=one.start_s,
                end_s=one.end_s,
            )
            for one in _annotations(catalog, choice)
            if one.item_id in paths
        ]
    return sorted(found, key=lambda one: (one.path, one.start_s or 0.0, one.proposed or ""))


def picked_answers(
    catalog: Catalog, answers: Iterable[Classification], choice: Choice, *, n: int
) -> tuple[list[Picked], int]:
    """Return the first answers that are chosen, and how many more there are.

    Parameters
    ----------
    catalog : Catalog
    answers : iterable of Classification
        Of items. A label that is chosen is the one that they name.
    choice : Choice
    n : int

    Returns
    -------
    chosen : list of Picked
    left_out : int
    """
    ids = {path: item_id for item_id, path in _paths(catalog, choice).items()}
    names = None if choice.label is None else LabelBook(catalog).with_descendants(choice.label)
    chosen: list[Picked] = []
    left_out = 0
    for answer in answers:
        if answer.path not in ids or (names is not None and answer.label not in names):
            continue
        if len(chosen) == n:
            left_out += 1
            continue
        one = Picked(
            id=ids[answer.path], path=answer.path, proposed=answer.label, confidence=round(answer.confidence, 6)
        )
        chosen.append(one)
    return chosen, left_out


def entries_of(catalog: Catalog, chosen: Sequence[Picked], why: Mapping[str, Explanation]) -> list[Entry]:
    """Return items as they are shown: where their label holds, or where the first is that can be seen or heard.

    Parameters
    ----------
    catalog : Catalog
    chosen : sequence of Picked
    why : mapping of str to Explanation
        By path, where it is known.

    Returns
    -------
    list of Entry
    """
    ids = [one.id for one in chosen]
    records = catalog.items.get_many(ids)
    first = first_shown(catalog.segments.of_items([one for one in ids if one in records]))
    entries = []
    for one in chosen:
        if one.id not in records:
            continue
        has_part = one.start_s is not None or one.end_s is not None
        place = None if has_part else first.get(one.id)
        entries.append(
            Entry(
                path=one.path,
                kind=records[one.id].kind,
                start_s=(one.start_s or 0.0) if has_part else None if place is None else place.start_s,
                end_s=one.end_s,
                duration_s=records[one.id].duration_s,
                said=said_of(catalog, one.id),
                proposed=one.proposed,
                confidence=one.confidence,
                part_start_s=one.start_s,
                part_end_s=one.end_s,
                why=why.get(one.path),
            )
        )
    return entries


def _paths(catalog: Catalog, choice: Choice) -> dict[int, str]:
    """Return paths by id of what is in the folders, of the kind, and has no label, as far as that is asked for."""
    found = {
        item_id: path
        for item_id, path, kind in catalog.items.found(unlabelled=choice.unlabelled)
        if choice.kind in {None, kind}
    }
    if not choice.under:
        return found
    below = {
        item_id for folder in choice.under for item_id, _ in catalog.items.paths_under(whole_path(on_disk(folder)))
    }
    return {item_id: path for item_id, path in found.items() if item_id in below}


def _annotations(catalog: Catalog, choice: Choice) -> Iterator[Annotation]:
    names = None if choice.label is None else LabelBook(catalog).with_descendants(choice.label)
    if choice.run is not None:
        LabelBook(catalog).require_run(choice.run)
    seen = set()
    for one in catalog.labels.annotations(of_former=False):
        if one.is_not or (names is not None and one.label not in names):
            continue
        if choice.run is not None and one.run_id != choice.run:
            continue
        key = (one.item_id, one.label, one.start_s, one.end_s)
        if key not in seen:  # who gave it twice, by hand and from a file, is asked once
            seen.add(key)
            yield one
