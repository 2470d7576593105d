"""Folders that go by several names: links lead to them, or they are mounted in two places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search.spelling import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        roots = (root for run in catalog.runs.all() if run.verb == "index" for root in run.arguments.get("paths", ()))
        for root in dict.fromkeys(map(unescaped, roots)):
            if os.path.isdir(root) and self._holds(root):
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

    def _known_name(self, folder: str) -> str:
        if folder not in self._known:
            self._known[folder] = self._look_up(folder)
        return self._known[folder]

    def _look_up(self, folder: str) -> str:
        names = list(self._names_of(folder))
        if not names or folder in names or self._holds(folder):
            return folder
        return names[0]

    def _names_of(self, folder: str) -> Iterator[str]:
        """Iterate over the names of a folder below those that are known, the nearest first."""
        place, rest = os.path.realpath(folder), ""
        while True:
            for name in self._names.get(_key(place), ()):
                yield os.path.join(name, rest) if rest else name
            parent, last = os.path.split(place)
            if not last:
                return
            place, rest = parent, os.path.join(last, rest) if rest else last

    def _note(self, folder: str) -> None:
        names = self._names.setdefault(_key(folder), [])
        if folder not in names:
            names.append(folder)

    def _holds(self, path: str) -> bool:
        return next(self._catalog.items.paths_under(path), None) is not None


def _key(folder: str) -> _Key:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
