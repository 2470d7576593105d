"""Which items the names in a file of labels mean: by their paths, or by how these end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.spelling import composed, unescaped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.labels.files.entries import LabelEntry

_WHOLE = 1000
"""More parts than any path has: the whole of it is the same."""


@dataclass(frozen=True, slots=True)
class Match:
    """What the name of a media file means.

    Attributes
    ----------
    path : str or None
        Of the item; None where there is none, or no telling which.
    n_parts : int
        How many parts of the name, from the end, that path has in common with it; `_WHOLE` where it is the path.
    candidates : tuple of str
        Paths, where several items could be meant.
    rivals : tuple of str
        Other names in the file that could mean the same item as well.
    """

    path: str | None
    n_parts: int = 0
    candidates: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()

    @property
    def is_by_name(self) -> bool:
        """Whether the item lies elsewhere than the name says."""
        return self.path is not None and self.n_parts < _WHOLE


@dataclass(frozen=True, slots=True)
class _Name:
    """A name of a media file, in composed form, with slashes between its parts."""

    path: str
    parts: tuple[str, ...]
    of_sound: bool

    def ends(self) -> Iterator[str]:
        """Iterate over what the name ends with, from all its parts to the last one."""
        return ("/".join(self.parts[place:]) for place in range(len(self.parts)))


def match_entries(catalog: Catalog, entries: Sequence[LabelEntry]) -> dict[str, Match]:
    """Find the items that entries speak of.

    A name is looked up as it is written, from the file's folder on, and else with bytes for the escapes that stand for
    them in files without such names. One that is not there is compared with the paths
    of all items from the end: in Unicode's form NFC, with slashes for backslashes, and without an ending where it has
    none. The item with which it has the most parts in common is meant, if there is one such; of several, one below the
    file's folder. An item that several names could mean is meant by the one with the most parts in common.

    Parameters
    ----------
    catalog : Catalog
    entries : sequence of LabelEntry

    Returns
    -------
    dict of str to Match
        By `LabelEntry.path`.
    """
    by_path = {entry.path: entry for entry in entries}
    there = dict.fromkeys(catalog.items.at_many(by_path))
    in_bytes = {path: unescaped(path) for path in by_path.keys() - there if "\\x" in path}
    meant = catalog.items.at_many(in_bytes.values())
    matches = {path: Match(path, _WHOLE) for path in there}
    matches |= {path: Match(its, _WHOLE) for path, its in in_bytes.items() if its in meant}
    lost = [entry for path, entry in by_path.items() if path not in matches]
    taken = {match.path for match in matches.values() if match.path is not None}
    return matches | _by_name(catalog, lost, taken=taken) if lost else matches


def _by_name(catalog: Catalog, entries: Sequence[LabelEntry], *, taken: Collection[str]) -> dict[str, Match]:
    names = {entry.path: _names_of(entry) for entry in entries}
    items = _items_ending(catalog, [name for several in names.values() for name in several])
    found: dict[str, tuple[_Name, Match]] = {}
    for entry in entries:
        matches = [(name, _best(name, items, below=os.path.dirname(entry.source))) for name in names[entry.path]]
        some = [(name, match) for name, match in matches if match.path or match.candidates]
        if matches:
            found[entry.path] = (some or matches)[0]
    return {entry.path: Match(None) for entry in entries} | _one_name_an_item(found, taken)


def _names_of(entry: LabelEntry) -> list[_Name]:
    folder = os.path.dirname(entry.source)
    names = []
    said = filter(None, (entry.written or entry.path, entry.also))
    for written in dict.fromkeys(form for one in said for form in (one, unescaped(one))):
        name = os.path.normpath(composed(written).replace("\\", "/"))
        parts = tuple(part for part in name.split("/") if part not in {"", ".", ".."})
        if parts:
            names.append(_Name(os.path.normpath(os.path.join(composed(folder), name)), parts, entry.of_sound))
    return names


def _items_ending(catalog: Catalog, names: Iterable[_Name]) -> dict[str, list[str]]:
    """Find the paths of items by what names end with, with the ending of the file and without; one walk over all."""
    wanted: dict[bool, set[str]] = {True: set(), False: set()}
    for name in names:
        wanted[media.kind_of(name.parts[-1]) is not None].update(name.ends())
    found: dict[str, list[str]] = {}
    for _, path in catalog.items.paths_under("/"):
        whole = composed(path)
        for form, ends in ((whole, wanted[True]), (os.path.splitext(whole)[0], wanted[False])):
            parts = form.split("/")[1:]
            for place in reversed(range(len(parts))):
                # What ends longer ends shorter, too: where no name ends so, none goes on from there.
                if (end := "/".join(parts[place:])) not in ends:
                    break
                found.setdefault(end, []).append(path)
    return found


def _best(name: _Name, items: Mapping[str, Sequence[str]], *, below: str) -> Match:
    """Choose the item that has the most parts in common with a name."""
    for n_less, end in enumerate(name.ends()):
        best = sorted(
            path for path in items.get(end, ()) if not name.of_sound or media.kind_of(path) in {"sound", "video"}
        )
        whole = [path for path in best if name.path in {composed(path), os.path.splitext(composed(path))[0]}]
        inside = [path for path in best if path.startswith(os.path.join(below, ""))]
        if len(whole) == 1:
            return Match(whole[0], _WHOLE)
        if len(best) == 1 or len(inside) == 1:
            return Match((best if len(best) == 1 else inside)[0], len(name.parts) - n_less)
        if best:
            return Match(None, len(name.parts) - n_less, tuple(best))
    return Match(None)


def _one_name_an_item(found: Mapping[str, tuple[_Name, Match]], taken: Collection[str]) -> dict[str, Match]:
    """Let no item be meant by a name that says another place for it, where another name fits it better or as well.

    ``cats/1.jpg`` is not the ``dogs/1.jpg`` of the same file of labels, though both end in ``1.jpg``.
    """
    claims: dict[str, list[tuple[_Name, Match]]] = {}
    for name, match in found.values():
        if match.path is not None:
            claims.setdefault(match.path, []).append((name, match))
    return {key: _settled(name, match, claims.get(match.path or "", ()), taken) for key, (name, match) in found.items()}


def _settled(name: _Name, match: Match, claims: Iterable[tuple[_Name, Match]], taken: Collection[str]) -> Match:
    if match.path is None or match.n_parts >= len(name.parts):
        return match  # no part of it says otherwise
    others = [(other, its) for other, its in claims if other.parts != name.parts]
    is_better = (its.n_parts > match.n_parts or its.n_parts >= len(other.parts) for other, its in others)
    if match.path in taken or any(is_better):
        return Match(None)
    rivals = tuple("/".join(other.parts) for other, _ in others)
    return Match(None, match.n_parts, (match.path,), rivals) if others else match
