"""The named roots of an index: folders that machines may have in different places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.spelling import on_disk, printable, whole_path

if TYPE_CHECKING:
    from modag_search.catalog import Catalog
    from modag_search.values import NamedRoot


class RootBook:
    """Roots, and where this machine has them.

    The index keeps paths below a root relative to it, and shows them as this machine has them; below one that has no
    folder here as ``@NAME/rest``. What ``MODAG_ROOTS`` says (``NAME=FOLDER``, several with a colon between them) counts
    before what the index knows of a machine, which it knows by its host name.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def list(self) -> tuple[NamedRoot, ...]:
        """Return all roots, in order of name."""
        return tuple(self._catalog.roots.all())

    def add(self, name: str, folder: str | os.PathLike[str]) -> int:
        """Let all paths below a folder be relative to a new root, which lies there on this machine.

        Parameters
        ----------
        name : str
            Of letters and digits, with - and _ among them.
        folder : str or os.PathLike

        Returns
        -------
        int
            How many items there are below it.

        Raises
        ------
        UsageError
            If there is no such folder, it lies in another root or around one, or the name cannot be meant or is taken.
        """
        return self._catalog.roots.add(name, _folder(folder))

    def place(self, name: str, folder: str | os.PathLike[str]) -> None:
        """Say where this machine has a root.

        Raises
        ------
        UsageError
            If there is no such root or folder, it lies in another root or around one, or the index holds files in it
            by their absolute paths.
        """
        self._catalog.roots.place(name, _folder(folder))

    def remove(self, name: str) -> int:
        """Let paths below a root be absolute again, as this machine has them; return how many items there are.

        Raises
        ------
        UsageError
            If there is no such root, or it has no folder on this machine.
        """
        return self._catalog.roots.remove(name)


def _folder(name: str | os.PathLike[str]) -> str:
    path = whole_path(on_disk(os.fspath(name)))
    if not os.path.isdir(path):
        raise UsageError(f"{printable(path)}: there is no such folder; is its drive mounted?")
    return path
