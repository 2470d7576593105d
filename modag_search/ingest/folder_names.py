"""Folders that go by several names: links lead to them, or they are mounted in two places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search.spelling import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.catalog import Catalog

_Key = tuple[int, int]
"""Device and inode."""


class FolderNames:
    """Tells by which name an index knows a folder, so that no file is taken in under two.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._names: dict[_Key, list[str]] = {}
        self._known: dict[str, str] = {}
        for root in map(unescaped, catalog.runs.indexed()):
            if os.path.isdir(root) and catalog.items.has_under(root):
                self._note(root)

    def take(self, path: str) -> str:
        """Return the path by which the index knows, or is to know, a folder, or a file in it, and take note of it.

        Parameters
        ----------
        path : str
            Absolute; there is something.

        Returns
        -------
        str
            The path itself, where the index holds it, or knows no other name of its folder.
        """
        if os.path.isdir(path):
            name = self._known_name(path)
            self._note(name)
            return name
        folder, name = os.path.split(path)
        known = self._known_name(folder)
        return path if known == folder else os.path.join(known, name)

    def twice_below(self, roots: Sequence[str]) -> dict[str, str]:
        """Find folders that the index holds under one name, and that lie below some roots under another.

        Parameters
        ----------
        roots : sequence of str
            Absolute paths of files and folders that are there.

        Returns
        -------
        dict of str to str
            The names below the roots, by those that the index knows.
        """
        found: dict[str, str] = {}
        folders = {_key(root): root for root in roots if os.path.isdir(root)}
        below = tuple(os.path.join(root, "") for root in folders.values())
        for name in (name for names in self._names.values() for name in names):
            if not os.path.join(name, "").startswith(below):
                ways = (os.path.join(folders[key], rest) for key, rest in _ways_to(name) if key in folders)
                found.update((name, os.path.normpath(way)) for way in ways)
        return found

    def _known_name(self, folder: str) -> str:
        if folder not in self._known:
            self._known[folder] = self._look_up(folder)
        return self._known[folder]

    def _look_up(self, folder: str) -> str:
        names = list(self._names_of(folder))
        if not names or folder in names or self._catalog.items.has_under(folder):
            return folder
        return names[0]

    def _names_of(self, folder: str) -> Iterator[str]:
        """Iterate over the names of a folder below those that are known, the nearest first."""
        for key, rest in _ways_to(folder):
            for name in self._names.get(key, ()):
                yield os.path.normpath(os.path.join(name, rest))

    def _note(self, folder: str) -> None:
        names = self._names.setdefault(_key(folder), [])
        if folder not in names:
            names.append(folder)


def _ways_to(folder: str) -> Iterator[tuple[_Key, str]]:
    """Iterate over a folder and those above it, with the way from there, the nearest first."""
    place, rest = os.path.realpath(folder), ""
    while True:
        yield _key(place), rest
        parent, last = os.path.split(place)
        if not last:
            return
        place, rest = parent, os.path.join(last, rest)


def _key(folder: str) -> _Key:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
