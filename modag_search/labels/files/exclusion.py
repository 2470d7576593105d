"""Labels of a file that exclude each other, or that exclude what items have already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.catalog import Annotation
from modag_search.catalog.conflicts import exclude
from modag_search.errors import LabelConflictError, UsageError
from modag_search.labels.files.entries import LabelEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    hierarchy = catalog.hierarchy.get()
    said = _said_already(item_ids, catalog)
    for entry in entries:
        before = said.setdefault(entry.path, [])
        for old in before:
            if exclude(old, entry, hierarchy):
                raise UsageError(_words(old, entry))
        before.append(entry)


def _said_already(item_ids: Mapping[str, int], catalog: Catalog) -> dict[str, list[_Said]]:
    """Return the labels that items have by path; transferred ones give way, and so exclude none."""
    paths = {item_id: path for path, item_id in item_ids.items()}
    said: dict[str, list[_Said]] = {}
    for annotation in catalog.labels.annotations():
        if annotation.item_id in paths and annotation.origin != "transfer":
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
