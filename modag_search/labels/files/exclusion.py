"""Labels of a file that exclude each other, or that exclude what items have already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.catalog import Annotation
from modag_search.catalog.conflicts import stand_together
from modag_search.errors import LabelConflictError, UsageError
from modag_search.labels.files.entries import LabelEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modag_search.catalog import Catalog

_Said = LabelEntry | Annotation
"""What the file says, or the index already."""


def check_exclusive(entries: Sequence[LabelEntry], item_ids: Mapping[str, int], catalog: Catalog) -> None:
    """Refuse labels that exclude each other on one part of one file.

    Parameters
    ----------
    entries : sequence of LabelEntry
    item_ids : Mapping of str to int
        By path, those of the entries at least.
    catalog : Catalog
        Where labels exclude each other unless one is a kind of the other.

    Raises
    ------
    UsageError
        For the first entry that neither the entries before it nor the labels given already allow.
    """
    hierarchy, tags = catalog.hierarchy.get(), catalog.labels.tags()
    said = _said_already(item_ids, catalog, tags)
    for entry in entries:
        if entry.is_not and entry.is_answer:  # the last word of a person takes the place of the one before
            place = entry.label, entry.start_s, entry.end_s
            there = said.get(entry.path, [])
            said[entry.path] = [old for old in there if (old.label, old.start_s, old.end_s) != place]
    for entry in entries:
        if entry.is_not or entry.is_tag or entry.label in tags:
            continue
        before = said.setdefault(entry.path, [])
        for old in before:
            if stand_together(old, entry, hierarchy):
                raise UsageError(_words(old, entry))
        before.append(entry)


def check_judgements(entries: Iterable[LabelEntry], catalog: Catalog) -> None:
    """Refuse a label that is to hold at a place and not to, a tag that is denied, and a class that is to be a tag.

    Raises
    ------
    UsageError
        For the first entry that contradicts one before it, or what its label is.
    """
    tags = catalog.labels.tags()
    classes = catalog.labels.names() - tags
    said: dict[tuple[str, str, float | None, float | None], LabelEntry] = {}
    for entry in entries:
        if entry.is_tag and entry.label in classes:
            raise UsageError(f"{entry.where}: {entry.label!r} is no tag here; `modag label kind` makes it one")
        if entry.is_not and (entry.is_tag or entry.label in tags):
            raise UsageError(
                f"{entry.where}: {entry.label!r} is a tag, which nothing guesses: there is nothing to deny"
            )
        before = said.setdefault((entry.path, entry.label, entry.start_s, entry.end_s), entry)
        if before.is_not != entry.is_not:
            place = f", as line {before.line} says otherwise" if before.line else ""
            raise UsageError(f"{entry.where}: {entry.path}: {entry.label!r} cannot both hold and not hold{place}")


def _said_already(item_ids: Mapping[str, int], catalog: Catalog, tags: set[str]) -> dict[str, list[_Said]]:
    """Return the classes that items have by path; transferred ones give way, and so exclude none.

    Nor does what was given to a former content of an item.
    """
    paths = {item_id: path for path, item_id in item_ids.items()}
    said: dict[str, list[_Said]] = {}
    for annotation in catalog.labels.annotations(of_former=False):
        is_class = not annotation.is_not and annotation.label not in tags
        if is_class and annotation.item_id in paths and annotation.origin != "transfer":
            said.setdefault(paths[annotation.item_id], []).append(annotation)
    return said


def _words(old: _Said, entry: LabelEntry) -> str:
    if not isinstance(old, LabelEntry):
        return f"{entry.where}: {LabelConflictError(entry.path, (old.label, entry.label))}"
    place = f" of line {old.line}" if old.line else ""
    return (
        f"{entry.where}: {entry.path}: cannot be both the {old.label!r}{place} and {entry.label!r}, since labels "
        f"exclude each other in this index; `modag label mode multi` allows both"
    )
