"""Copies of files, or links to them, in a folder: nothing that is there is written over, and each is wholly there."""

from __future__ import annotations

import errno
import filecmp
import os
import secrets
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.files import see_on_disk
from modag_search.labels.files.names import name_key, numbered, plain_name
from modag_search.media import Exclusion
from modag_search.spelling import no_place_of, root_without_place, whole_path
from modag_search.values import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.catalog import Catalog

_NO_SUCH_NAME = (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)
"""What file systems say to a name that they cannot hold."""


def deliver(paths: Iterable[str | os.PathLike[str]], folder: str | os.PathLike[str], *, link: bool = False) -> Delivery:
    """Put copies of files into a folder, or links to them.

    They keep their names. Where two have one, by letters alone or in another case, the later gets a number. None comes
    twice, and what an earlier call put there stays.

    Parameters
    ----------
    paths : iterable of str or os.PathLike
    folder : str or os.PathLike
        Made where it is missing.
    link : bool
        Symbolic links, to absolute paths.

    Returns
    -------
    Delivery
        Files that are gone, or cannot be read or written, are among `failures`.

    Raises
    ------
    UsageError
        If the folder cannot be made or read.
    """
    shelf = _Shelf(whole_path(folder), link=link)
    failures: list[tuple[str, str]] = []
    for path in dict.fromkeys(map(_absolute, paths)):
        try:
            reason = _unfit(path)
            if reason is None:
                shelf.put(path)
        except (OSError, ValueError) as error:
            reason = f"cannot be {'linked' if link else 'copied'}: {getattr(error, 'strerror', None) or error}"
        if reason is not None:
            failures.append((path, reason))
    return Delivery(folder=shelf.folder, written=shelf.written, already=shelf.already, failures=tuple(failures))


def indexed_root(catalog: Catalog, folder: str | os.PathLike[str]) -> str | None:
    """Return a folder that was indexed and would take in what is put into another; None where none would."""
    folder = whole_path(folder)
    if Exclusion("/", catalog.exclusions.all()).covering_item(os.path.join(folder, "a.wav")) is not None:
        return None
    roots = [root for run in catalog.runs.all() if run.verb == "index" for root in run.arguments.get("paths", ())]
    held = (root for root in reversed(roots) if os.path.isabs(root) and f"{folder}/".startswith(f"{root.rstrip('/')}/"))
    return next(held, None)


def _absolute(path: str | os.PathLike[str]) -> str:
    """Return an absolute path; what an index holds below a root without a place here has none."""
    name = os.fspath(path)
    return name if root_without_place(name) and not os.path.lexists(name) else os.path.abspath(name)


def _unfit(path: str) -> str | None:
    if root := root_without_place(path):
        return no_place_of(root)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "does not exist (any more)"
    if stat.S_ISREG(mode):
        return None
    return "is a folder" if stat.S_ISDIR(mode) else "is not a regular file"


class _Shelf:
    """A folder that files are put into.

    Attributes
    ----------
    folder : str
    written, already : int
        Files that were put there, and that were there already.
    """

    def __init__(self, folder: str, *, link: bool) -> None:
        try:
            os.makedirs(folder, exist_ok=True)
            # Two names that differ in case alone are one on the disks of Macs and of Windows.
            self._before = {name_key(name): name for name in os.listdir(folder)}
        except OSError as error:
            raise UsageError(f"{folder}: cannot be a folder for files: {error.strerror}") from error
        self._taken: set[str] = set()
        self._link = link
        self.folder = folder
        self.written = 0
        self.already = 0

    def put(self, path: str) -> None:
        """Put a file here, under its own name or the next that is free."""
        name = os.path.basename(path)
        try:
            self._put(path, name)
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME or plain_name(name) == name:
                raise
            self._put(path, plain_name(name))

    def _put(self, path: str, wanted: str) -> None:
        partial = os.path.join(self.folder, f".modag-{secrets.token_hex(8)}")
        try:
            for name in numbered(wanted):
                key = name_key(name)
                if key in self._taken:
                    continue
                there = self._before.get(key)
                if there is not None and not self._is_of(path, os.path.join(self.folder, there)):
                    continue
                if there is not None:
                    self.already += 1
                elif not self._written(path, os.path.join(self.folder, name), partial):
                    continue
                self._taken.add(key)
                return
        finally:
            with suppress(OSError):
                os.unlink(partial)

    def _is_of(self, path: str, there: str) -> bool:
        """Tell whether what is there is what would be put there."""
        if os.path.islink(there) or self._link:
            return os.path.realpath(there) == os.path.realpath(path)
        return os.path.isfile(there) and filecmp.cmp(path, there, shallow=False)

    def _written(self, path: str, target: str, partial: str) -> bool:
        """Write a link or a copy, unless something of that name has come meanwhile."""
        try:
            if self._link:
                os.symlink(path, target)
            else:
                self._copy(path, target, partial)
        except FileExistsError:
            return False
        self.written += 1
        return True

    def _copy(self, path: str, target: str, partial: str) -> None:
        if not os.path.exists(partial):
            shutil.copy2(path, partial)
            see_on_disk(partial)
        try:
            os.link(partial, target)  # a rename would write over what is there
        except OSError as error:
            if isinstance(error, FileExistsError) or error.errno in _NO_SUCH_NAME:
                raise
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
            os.rename(partial, target)  # the disk knows no second names, as those of cameras do not
