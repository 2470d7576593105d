"""Finding media files in folders, without opening any."""

from __future__ import annotations

import os
import stat
from collections import deque
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.media.kinds import kind_of
from modag_search.spelling import on_disk
from modag_search.values import ScannedFile, ScanProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def check_roots(paths: Sequence[str]) -> list[str]:
    """Return files and folders as absolute, normalised paths, each once, in the order given.

    Raises
    ------
    UsageError
        One of them does not exist, or may not be looked at.
    """
    return [root for root, _ in _stat_roots(paths)]


def scan(
    paths: Sequence[str], *, exclude: Sequence[str] = (), follow_symlinks: bool = False
) -> Iterator[ScannedFile | ScanProblem]:
    """Find media files by their extension.

    Folders are walked in the order of their names. Hidden files and folders are passed over, and so are
    symbolic links unless asked for; what `paths` names itself is always taken. Names that are not UTF-8
    survive, as Python's surrogate escapes.

    Everything under a folder that comes as a ScanProblem is unknown, not gone: a caller that forgets
    vanished files must spare it.

    Parameters
    ----------
    paths : sequence of str
        Files and folders. Where they overlap, each file still comes once.
    exclude : sequence of str
        Glob patterns; what they match inside the folders, by name or by path relative to the folder given,
        is passed over.
    follow_symlinks : bool
        Take files behind links, and walk folders behind links after all others, unless they have been walked
        already.

    Returns
    -------
    Iterator of ScannedFile or ScanProblem
        A problem tells of a folder that cannot be entered, a link to nothing, a file that vanished
        meanwhile, and of a file named in `paths` that is not media.

    Raises
    ------
    UsageError
        By the call itself, before anything is yielded: a path does not exist, or a folder holds no media
        at all, as where a drive is not mounted. So a caller may take what it does not find in any of the
        folders as gone.
    """
    sources = [
        _Walk(root, exclude=exclude, follow_symlinks=follow_symlinks)
        if stat.S_ISDIR(status.st_mode)
        else _NamedFile(root, status)
        for root, status in _stat_roots(paths)
    ]
    for source in sources:
        if isinstance(source, _Walk):
            source.check_not_empty()
    return _each_once(sources)


def _stat_roots(paths: Sequence[str]) -> list[tuple[str, os.stat_result]]:
    roots = dict.fromkeys(os.path.abspath(on_disk(path)) for path in paths)
    return [(root, _stat_root(root)) for root in roots]


def _stat_root(root: str) -> os.stat_result:
    try:
        return os.stat(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{root}: does not exist; is the drive mounted?") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{root}: {_words(error)}") from error


def _each_once(sources: Sequence[_Walk | _NamedFile]) -> Iterator[ScannedFile | ScanProblem]:
    seen: set[str] = set()
    for source in sources:
        for entry in source:
            if len(sources) == 1:
                yield entry
            elif entry.path not in seen:
                seen.add(entry.path)
                yield entry


class _NamedFile:
    """A file that the user named, whatever it is."""

    def __init__(self, path: str, status: os.stat_result) -> None:
        self._path = path
        self._status = status

    def __iter__(self) -> Iterator[ScannedFile | ScanProblem]:
        if not stat.S_ISREG(self._status.st_mode):
            yield ScanProblem(self._path, "is not a regular file")
        elif kind_of(self._path) is None:
            yield ScanProblem(self._path, "is not a kind of file that is read, by its extension")
        else:
            yield ScannedFile(self._path, self._status.st_size, self._status.st_mtime_ns)


class _Walk:
    """All media files in a folder; walks it anew each time that it is iterated over."""

    def __init__(self, root: str, *, exclude: Sequence[str], follow_symlinks: bool) -> None:
        self._root = root
        self._exclude = [pattern.rstrip("/") for pattern in exclude]
        self._follow_symlinks = follow_symlinks

    def check_not_empty(self) -> None:
        """Walk to the first media file; raise UsageError where there is none."""
        if not any(isinstance(entry, ScannedFile) for entry in self._walk()):
            raise self._empty()

    def __iter__(self) -> Iterator[ScannedFile | ScanProblem]:
        is_empty = True
        for entry in self._walk():
            is_empty = is_empty and isinstance(entry, ScanProblem)
            yield entry
        if is_empty:
            raise self._empty()  # since the check: a drive may drop out at any time

    def _empty(self) -> UsageError:
        return UsageError(f"{self._root}: holds no media; is the drive mounted?")

    def _walk(self) -> Iterator[ScannedFile | ScanProblem]:
        # Folders behind links come last: one that can be reached by its own path too is walked there,
        # whatever the names are.
        walked: set[tuple[int, int]] = set()
        starts = deque([self._root])
        while starts:
            yield from self._walk_without_links(starts.popleft(), walked, starts)

    def _walk_without_links(
        self, start: str, walked: set[tuple[int, int]], linked: deque[str]
    ) -> Iterator[ScannedFile | ScanProblem]:
        """Walk a folder, and append those behind links to `linked`."""
        # A stack instead of recursion: folders may be nested deeper than Python's calls.
        pending: list[str | os.DirEntry[str]] = [start]
        while pending:
            entry = pending.pop()
            path = entry if isinstance(entry, str) else entry.path
            try:
                if isinstance(entry, str) or entry.is_dir(follow_symlinks=False):
                    if self._is_new(path, walked, is_behind_link=start != self._root):
                        pending += self._entries(path)
                elif self._follow_symlinks and entry.is_dir():
                    linked.append(path)
                elif (file := self._file(entry)) is not None:
                    yield file
            except OSError as error:
                yield ScanProblem(path, _words(error))

    def _is_new(self, folder: str, walked: set[tuple[int, int]], *, is_behind_link: bool) -> bool:
        """Whether to walk a folder: behind a link only where it has not been walked already."""
        status = os.stat(folder)
        identity = status.st_dev, status.st_ino
        is_new = not is_behind_link or identity not in walked
        walked.add(identity)
        return is_new

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """List a folder backwards, for a stack."""
        with os.scandir(folder) as entries:
            kept = [entry for entry in entries if not self._is_passed_over(entry)]
        return sorted(kept, key=lambda entry: entry.name, reverse=True)

    def _is_passed_over(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith("."):
            return True
        relative = os.path.relpath(entry.path, self._root)
        return any(fnmatchcase(entry.name, pattern) or fnmatchcase(relative, pattern) for pattern in self._exclude)

    def _file(self, entry: os.DirEntry[str]) -> ScannedFile | None:
        if entry.is_symlink() and not self._follow_symlinks:
            return None
        if kind_of(entry.name) is None and not entry.is_symlink():
            return None
        status = os.stat(entry.path)
        if kind_of(entry.name) is None or not stat.S_ISREG(status.st_mode):
            return None
        return ScannedFile(entry.path, status.st_size, status.st_mtime_ns)


def _words(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "is gone, or a link to nothing"
        case PermissionError():
            return "may not be read: the system denies access"
        case OSError(strerror=str() as words):
            return f"cannot be read: {words}"
        case _:
            return f"cannot be read: {error}"
