"""Folders whose names are labels: the layout of torchvision's ImageFolder, ``ROOT/LABEL/**/FILE``."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Literal

from modag_search.errors import UsageError
from modag_search.labels.checks import checked_name
from modag_search.labels.files.entries import LabelEntry, LabelFile
from modag_search.labels.files.names import UniqueNames, folder_name
from modag_search.spelling import no_place_of, root_without_place, seen_from, whole_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.values import ItemRecord


NO_FOLDER = "in no folder that could name it"

FolderLevel = int | Literal["innermost"] | None
"""Which folder names an item: 0 those in the root, 1 those in these, ...; None finds out."""

_SPLITS = {"train", "training", "valid", "validation", "val", "dev", "test", "testing", "eval", "evaluation"}
"""Folders that divide a collection, and say nothing of what is in them."""


def read_folders(catalog: Catalog, root: str | os.PathLike[str], *, level: FolderLevel = None) -> LabelFile:
    """Take the names of folders for the labels of the items below them, and of those that links below them lead to.

    Parameters
    ----------
    catalog : Catalog
    root : str or os.PathLike
        The folder that holds them.
    level : int or "innermost", optional
        Which folder on the way from the root to a file is the label. By default the one in the root; where all of
        these divide a collection (train, valid, test), the one in these.

    Returns
    -------
    LabelFile
        Entries in order of path; items that lie in no such folder are passed over.

    Raises
    ------
    UsageError
        If no item of the index lies below such a folder.
    """
    folder = whole_path(root)
    file = LabelFile(source=folder, kind="folders")
    inside = ((path, path) for _, path in catalog.items.paths_under(folder))
    found = [
        (path, os.path.relpath(place, folder).split("/")[:-1]) for place, path in (*inside, *_linked(catalog, folder))
    ]
    chosen = _level_of_labels([way for _, way in found], file) if level is None else level
    for path, way in found:
        place = len(way) - 1 if chosen == "innermost" else chosen
        if 0 <= place < len(way):
            where = os.path.join(folder, *way[: place + 1])
            file.entries.append(LabelEntry(path=path, label=checked_name(way[place], where=where), source=folder))
        else:
            file.pass_over(path, NO_FOLDER)
    if not file.entries and file.passed_over:
        raise UsageError(f"{folder}: its {len(file.passed_over)} indexed files lie in no folder that could name them")
    if not file.entries:
        raise UsageError(f"{folder}: holds no file that is in the index; `modag index` takes files in")
    return file


def _level_of_labels(ways: Iterable[list[str]], file: LabelFile) -> int:
    """Find out whether the folders in a root are labels, or divide a collection into parts."""
    ways = [way for way in ways if way]
    parts = {way[0] for way in ways}
    below = {way[1] for way in ways if len(way) > 1}
    # A train may be what is in the pictures: then it stands beside other things, or holds no folders.
    if not below or not {name.lower() for name in parts} <= _SPLITS or len(parts) + len(below) == 2:
        return 0
    file.remark(f"{', '.join(sorted(parts))} divide it; labels are the folders in them (--level 0: they themselves)")
    return 1


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
) -> tuple[int, tuple[tuple[str, str], ...]]:
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
    written : int
        How many links or copies there are.
    renamed : tuple of (str, str)
        Labels whose folders have other names, and these.

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
                target = seen_from(os.path.join(final, inside), item.path) if relative else item.path
                os.symlink(target, folder / inside / name)
            written += 1
    return written, tuple((label, inside) for label, (inside, _) in sorted(names.items()) if inside != label)


def _copy(path: str, target: Path) -> None:
    try:
        shutil.copy2(path, target)
    except OSError as error:
        root = root_without_place(path)
        reason = no_place_of(root) if root else f"{error.strerror}; without copies, links will do"
        raise UsageError(f"{path}: cannot be copied: {reason}") from error
