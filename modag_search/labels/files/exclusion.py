"""Labels of a file that exclude each other, or that exclude what items have already."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.errors import LabelConflictError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.labels.files.entries import LabelEntry


@dataclass(frozen=True, slots=True)
class _Said:
    """A label on a part, and the entry that says so; None for what the index says already."""

    label: str
    start_s: float | None
    end_s: float | None
    entry: LabelEntry | None = None

    def overlaps(self, other: _Said) -> bool:
        return self._begins_before_end_of(other) and other._begins_before_end_of(self)

    def _begins_before_end_of(self, other: _Said) -> bool:
        return (self.start_s or 0.0) < (math.inf if other.end_s is None else other.end_s)


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
    hierarchy = catalog.hierarchy.get()
    said = _said_already(item_ids, catalog)
    for entry in entries:
        new = _Said(entry.label, entry.start_s, entry.end_s, entry)
        before = said.setdefault(entry.path, [])
        for old in before:
            if new.overlaps(old) and not hierarchy.are_related(old.label, new.label):
                raise UsageError(_words(old, entry))
        before.append(new)


def _said_already(item_ids: Mapping[str, int], catalog: Catalog) -> dict[str, list[_Said]]:
    """Return the labels that items have by path; transferred ones give way, and so exclude none."""
    paths = {item_id: path for path, item_id in item_ids.items()}
    said: dict[str, list[_Said]] = {}
    for annotation in catalog.labels.annotations():
        if annotation.item_id in paths and annotation.origin != "transfer":
            old = _Said(annotation.label, annotation.start_s, annotation.end_s)
            said.setdefault(paths[annotation.item_id], []).append(old)
    return said


def _words(old: _Said, entry: LabelEntry) -> str:
    if old.entry is None:
        return f"{entry.where}: {LabelConflictError(entry.path, (old.label, entry.label))}"
    place = f" of line {old.entry.line}" if old.entry.line else ""
    return (
        f"{entry.where}: {entry.path}: cannot be both the {old.label!r}{place} and {entry.label!r}, since labels "
        f"exclude each other in this index; `modag label mode multi` allows both"
    )
