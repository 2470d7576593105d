"""Folders whose names are labels: the layout of torchvision's ImageFolder, ``ROOT/LABEL/**/FILE``."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.checks import checked_name
from modag_search.labels.files.entries import LabelEntry
from modag_search.labels.files.names import UniqueNames, folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.values import ItemRecord


def read_folders(catalog: Catalog, root: str | os.PathLike[str]) -> tuple[list[LabelEntry], int]:
    """Take the names of folders for the labels of the items below them, and of those that links below them lead to.

    Parameters
    ----------
    catalog : Catalog
    root : str or os.PathLike
        The folder that holds them.

    Returns
    -------
    entries : list of LabelEntry
        In order of path.
    without_class : int
        How many items lie in `root` itself, and get no label.

    Raises
    ------
    UsageError
        If no item of the index lies below a folder in `root`.
    """
    folder = os.path.abspath(root)
    entries, without_class = [], 0
    inside = ((path, path) for _, path in catalog.items.paths_under(folder))
    for place, path in (*inside, *_linked(catalog, folder)):
        label, _, name = os.path.relpath(place, folder).partition("/")
        if name:
            where = os.path.join(folder, label)
            entries.append(LabelEntry(path=path, label=checked_name(label, where=where), source=folder))
        else:
            without_class += 1
    if not entries and without_class:
        raise UsageError(f"{folder}: its {without_class} indexed files lie in no folder that could name them")
    if not entries:
        raise UsageError(f"{folder}: holds no file that is in the index; `modag index` takes files in")
    return entries, without_class


def _linked(catalog: Catalog, folder: str) -> Iterator[tuple[str, str]]:
    """Find links below a folder that lead to items outside: what `write_folders` makes."""
    links = [
        (os.path.join(parent, name), os.path.join(parent, os.readlink(os.path.join(parent, name))))
        for parent, _, names in os.walk(folder)
        for name in sorted(names)
        if os.path.islink(os.path.join(parent, name))
    ]
    targets = {link: os.path.normpath(target) for link, target in links}
    items = catalog.items.at_many(set(targets.values()))
    for link, target in sorted(targets.items()):
        if target in items and link not in items:
            yield link, target


def write_folders(
    labelled: Iterable[tuple[ItemRecord, Iterable[str]]], folder: Path, *, final: str, copy: bool, relative: bool
) -> int:
    """Put a link to each item, or a copy of it, into a folder for each of its labels.

    Parameters
    ----------
    labelled : iterable of (ItemRecord, iterable of str)
        Items and their labels.
    folder : Path
        Where to write.
    final : str
        Where `folder` will be, which is what relative links start from.
    copy : bool
        Copies for links.
    relative : bool
        Relative links for absolute ones.

    Returns
    -------
    int
        How many links or copies there are.

    Raises
    ------
    UsageError
        If a file cannot be copied.
    """
    folders = UniqueNames()
    names: dict[str, tuple[str, UniqueNames]] = {}
    written = 0
    for item, labels in labelled:
        for label in labels:
            if label not in names:
                names[label] = (folders.take(folder_name(label)), UniqueNames())
                (folder / names[label][0]).mkdir()
            inside, files = names[label]
            name = files.take(os.path.basename(item.path), number=item.id)
            if copy:
                _copy(item.path, folder / inside / name)
            else:
                target = os.path.relpath(item.path, os.path.join(final, inside)) if relative else item.path
                os.symlink(target, folder / inside / name)
            written += 1
    return written


def _copy(path: str, target: Path) -> None:
    try:
        shutil.copy2(path, target)
    except OSError as error:
        raise UsageError(f"{path}: cannot be copied: {error.strerror}; without copies, links will do") from error
