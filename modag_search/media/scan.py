"""Finding media files in folders, without opening any."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections import deque
from contextlib import contextmanager
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Final

from modag_search.errors import NoMediaError, UsageError
from modag_search.media.exclusion import BUILT_IN, NO_MEDIA, Exclusion
from modag_search.media.kinds import READ_EXTENSIONS, kind_of, unread_extension_of
from modag_search.media.passed_over import LINK, SPECIAL, Tally
from modag_search.spelling import on_disk, whole_path
from modag_search.values import Excluded, ScannedFile, ScanProblem, Unread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


Found = ScannedFile | ScanProblem | Excluded | Unread
Row = tuple[str, int, int]
"""What a ScannedFile says, without its names: of a hundred thousand, most often all are unchanged and pass by."""

_Entry = list[Row] | ScanProblem | Excluded | Unread
_ROWS_AT_ONCE: Final = 2048
_name = attrgetter("name")
_is_folder = methodcaller("is_dir", follow_symlinks=False)

_GONE: Final = "is gone, or a link to nothing"
_SAYS_NOTHING: Final = {*BUILT_IN, LINK, SPECIAL}
"""What is passed over unasked: a folder of nothing else may be one in which drives are mounted."""


def check_roots(paths: Sequence[str]) -> list[str]:
    """Return files and folders as absolute, normalised paths, each once, in the order given.

    Raises
    ------
    NoMediaError
        One of them does not exist.
    UsageError
        One of them may not be looked at.
    """
    return [root for root, _ in _stat_roots(paths)]


def scan(paths: Sequence[str], *, exclude: Sequence[str] = (), follow_symlinks: bool = False) -> Iterator[Found]:
    """Find media files by their extension.

    Folders are walked in the order of their names. Hidden files and folders are passed over, and so are folders that
    systems keep for themselves (`media.exclusion`), and symbolic links unless asked for; what `paths` names itself is
    always taken. Names that are not UTF-8 survive, as Python's surrogate escapes.

    Everything under a folder that comes as a ScanProblem is unknown, not gone: a caller that forgets
    vanished files must spare it.

    Parameters
    ----------
    paths : sequence of str
        Files and folders. Where they overlap, each file still comes once.
    exclude : sequence of str
        Patterns as in .gitignore of what is passed over below each of the folders, or taken in nonetheless.
    follow_symlinks : bool
        Take files behind links, and walk folders behind links after all others, unless they have been walked
        already.

    Returns
    -------
    Iterator of ScannedFile, ScanProblem, Excluded or Unread
        A problem tells of a folder that cannot be entered, a link to nothing, a file that vanished
        meanwhile, and of a file named in `paths` that is not media. Of what is passed over, each folder comes, and each
        file that could be media; and Unread for each file that is not read.

    Raises
    ------
    NoMediaError
        By the call itself, before anything is yielded: a path does not exist, or a folder holds nothing that is read,
        as where a drive is not mounted; what it holds instead is said. So a caller may take what it does not find in
        any of the folders as gone.
    UsageError
        Likewise: a path may not be looked at, or what of a folder may be holds no media; or a pattern cannot be meant.
    """
    return _one_by_one(scan_rows(paths, exclude=exclude, follow_symlinks=follow_symlinks))


def scan_rows(
    paths: Sequence[str], *, exclude: Sequence[str] = (), follow_symlinks: bool = False
) -> Iterator[list[Row] | ScanProblem | Excluded | Unread]:
    """Find what `scan` does; files come in lists of plain tuples: path, size in bytes, time in ns."""
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


def scan_passed_over(paths: Sequence[str], *, exclude: Sequence[str] = ()) -> list[Excluded | Unread]:
    """Find what `scan` passes over, without following links; folders without media are as good as others.

    Parameters
    ----------
    paths : sequence of str
    exclude : sequence of str

    Returns
    -------
    list of Excluded or Unread

    Raises
    ------
    NoMediaError, UsageError
        If a path does not exist or may not be looked at, or a pattern cannot be meant.
    """
    walks = [
        _Walk(root, exclude=exclude, follow_symlinks=False)
        for root, status in _stat_roots(paths)
        if stat.S_ISDIR(status.st_mode)
    ]
    entries = (entry for walk in walks for entry in walk.all_entries())
    return list({entry.path: entry for entry in entries if isinstance(entry, (Excluded, Unread))}.values())


def obstacle(root: str, path: str, *, exclude: Sequence[str], follow_symlinks: bool) -> Excluded | Unread | None:
    """Tell why a scan does not take in one file.

    Parameters
    ----------
    root : str
        What is scanned, absolute: a folder that the file lies in, or the file itself.
    path : str
        The file, absolute.
    exclude : sequence of str
    follow_symlinks : bool

    Returns
    -------
    Excluded, Unread or None
        With the path of the file, or of a folder on the way to it; None where it is taken in.
    """
    exclusion = Exclusion(root, exclude)
    place = root
    for name in os.path.relpath(path, root).split(os.sep) if path != root else []:
        place = os.path.join(place, name)
        is_link, is_folder = os.path.islink(place) and not follow_symlinks, os.path.isdir(place)
        if (covering := exclusion.covering(place, is_folder=is_folder and not is_link)) is not None:
            return Excluded(place, covering)
        if is_link:
            return Excluded(place, LINK)
        if is_folder and os.path.lexists(os.path.join(place, NO_MEDIA)) and exclusion.is_kept_out(place):
            return Excluded(place, NO_MEDIA)
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        return Excluded(path, SPECIAL)
    if os.path.isdir(path) or kind_of(path) is not None:
        return None
    return Unread(path, unread_extension_of(path))


def _stat_roots(paths: Sequence[str]) -> list[tuple[str, os.stat_result]]:
    roots = dict.fromkeys(whole_path(on_disk(path)) for path in paths)
    return [(root, _stat_root(root)) for root in roots]


def _stat_root(root: str) -> os.stat_result:
    try:
        return os.stat(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoMediaError(root, "does not exist; is the drive mounted?") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{root}: {_words(error)}") from error


def _one_by_one(found: Iterator[_Entry]) -> Iterator[Found]:
    for entry in found:
        if isinstance(entry, list):
            yield from map(ScannedFile._make, entry)
        else:
            yield entry


def _each_once(sources: Sequence[_Walk | _NamedFile]) -> Iterator[_Entry]:
    seen: set[str] = set()
    passed_over = {source.root for source in sources}
    if len(sources) == 1:
        yield from sources[0]
        return
    for source in sources:
        for entry in source:
            if isinstance(entry, list):
                rows = [row for row in entry if row[0] not in seen]
                seen.update(path for path, *_ in rows)
                yield rows
                continue
            # Apart: what is passed over below one folder may be taken in below another.
            known = passed_over if isinstance(entry, (Excluded, Unread)) else seen
            if entry.path not in seen and entry.path not in known:
                known.add(entry.path)
                yield entry


class _NamedFile:
    """A file that the user named, whatever it is."""

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.root = path
        self._status = status

    def __iter__(self) -> Iterator[_Entry]:
        if not stat.S_ISREG(self._status.st_mode):
            yield ScanProblem(self.root, "is not a regular file")
        elif kind_of(self.root) is None:
            yield ScanProblem(self.root, "is not a kind of file that is read, by its extension")
        else:
            yield [(self.root, self._status.st_size, self._status.st_mtime_ns)]


class _Walk:
    """All media files in a folder; walks it anew each time that it is iterated over."""

    def __init__(self, root: str, *, exclude: Sequence[str], follow_symlinks: bool) -> None:
        self.root = root
        self._exclusion = Exclusion(root, exclude)
        self._follow_symlinks = follow_symlinks

    def check_not_empty(self) -> None:
        """Walk to the first media file; raise NoMediaError where there is none."""
        for entry in self:
            if not isinstance(entry, ScanProblem):
                return

    def __iter__(self) -> Iterator[_Entry]:
        """Walk; raise NoMediaError at the end of a folder without media: a drive may drop out at any time.

        Where some of it may not be looked at, UsageError says so instead: there may be media.

        What patterns cover shows that the drive is there. What is passed over without having been asked for does not:
        a folder in which drives are mounted may hold some.
        """
        passed_over: list[Excluded | Unread] = []
        closed: list[ScanProblem] = []
        entries = self.all_entries()
        for entry in entries:
            if isinstance(entry, Unread) or (isinstance(entry, Excluded) and entry.pattern in _SAYS_NOTHING):
                passed_over.append(entry)
            elif isinstance(entry, ScanProblem):
                if entry.reason != _GONE:
                    closed.append(entry)
                yield entry
            else:
                yield from passed_over
                yield entry
                yield from entries
                return
        raise self._closed(closed) if closed else self._empty(passed_over)

    def _closed(self, problems: Sequence[ScanProblem]) -> UsageError:
        first, n_others = problems[0], len(problems) - 1
        if first.path == self.root:
            return UsageError(f"{self.root}: {first.reason}")
        others = "" if not n_others else ", nor 1 other" if n_others == 1 else f", nor {n_others} others"
        return UsageError(f"{self.root}: holds no media that can be looked at: {first.path} {first.reason}{others}")

    def _empty(self, passed_over: Sequence[Excluded | Unread]) -> NoMediaError:
        tally = Tally(passed_over)
        if not tally.total:
            problem = "holds no media; is the drive mounted?"
        elif any(_shows_drive(entry) for entry in passed_over):
            problem = f"holds nothing that is read, but {tally.in_words()}"
            if tally.passed_over[LINK]:
                problem += "; --follow-symlinks takes in what lies behind links"
            if tally.unread:
                problem += "; what is converted, as to JPEG, FLAC or MP4, is taken in"
        else:
            problem = f"holds no media but what is passed over: {tally.in_words()}; is the drive mounted?"
        return NoMediaError(self.root, problem)

    def all_entries(self) -> Iterator[_Entry]:
        """Walk, whatever the folder holds."""
        # Folders behind links come last: one that can be reached by its own path too is walked there,
        # whatever the names are.
        walked: set[tuple[int, int]] = set()
        starts = deque([self.root])
        while starts:
            yield from self._walk_without_links(starts.popleft(), walked, starts)

    def _walk_without_links(self, start: str, walked: set[tuple[int, int]], linked: deque[str]) -> Iterator[_Entry]:
        """Walk a folder, and append those behind links to `linked`."""
        # A stack instead of recursion: folders may be nested deeper than Python's calls.
        pending: list[str | os.DirEntry[str]] = [start]
        while pending:
            entry = pending.pop()
            path = entry if isinstance(entry, str) else entry.path
            try:
                if not (isinstance(entry, str) or self._is_walked(entry)):
                    yield from self._no_folder(entry, linked)
                elif self._is_new(path, walked, is_behind_link=start != self.root):
                    entries = self._entries(path)
                    if self._is_kept_out(path, entries):
                        yield Excluded(path, NO_MEDIA)
                    elif any(map(_is_folder, entries)):
                        pending += reversed(entries)
                    else:
                        yield from self._no_folders(path, entries, linked)
            except OSError as error:
                yield ScanProblem(path, _words(error))

    def _is_walked(self, entry: os.DirEntry[str]) -> bool:
        return entry.is_dir(follow_symlinks=False) and self._covering(entry) is None

    def _no_folders(self, folder: str, entries: Sequence[os.DirEntry[str]], linked: deque[str]) -> Iterator[_Entry]:
        """Look at all in a folder without folders; from there, a file costs half of what it does by its whole path."""
        goes_by_names = self._exclusion.goes_by_names
        rows: list[Row] = []
        at_once = 1  # the first by itself: who wants to know whether there is any need not wait for more
        with _opened(folder) as place:
            for entry in entries:
                name = entry.name
                # As `kind_of` tells, but sooner: only dots at the beginning of a name begin no extension.
                has_read_extension = name[0] != "." and name[name.rfind(".") :].lower() in READ_EXTENSIONS
                if goes_by_names and has_read_extension and entry.is_file(follow_symlinks=False):
                    try:
                        status = os.lstat(name, dir_fd=place)
                    except OSError as error:
                        yield ScanProblem(entry.path, _words(error))
                    else:
                        rows.append((entry.path, status.st_size, status.st_mtime_ns))
                        if len(rows) == at_once:
                            yield rows
                            rows, at_once = [], _ROWS_AT_ONCE
                else:
                    if rows:
                        yield rows
                        rows = []
                    yield from self._no_folder(entry, linked)
        if rows:
            yield rows

    def _no_folder(self, entry: os.DirEntry[str], linked: deque[str]) -> Iterator[_Entry]:
        """Look at what is no folder, or is passed over; a folder behind a link is appended to `linked`."""
        path = entry.path
        try:
            if (covering := self._covering(entry)) is not None:
                could_be_media = kind_of(path) is not None or unread_extension_of(path)
                if not entry.is_symlink() or could_be_media or os.path.isdir(path):
                    yield Excluded(path, covering)
                else:
                    yield Unread(path, "")
            elif entry.is_dir():
                linked.append(path)
            else:
                yield self._file(entry)
        except OSError as error:
            yield ScanProblem(path, _words(error))

    def _is_new(self, folder: str, walked: set[tuple[int, int]], *, is_behind_link: bool) -> bool:
        """Whether to walk a folder: behind a link only where it has not been walked already."""
        status = os.stat(folder)
        identity = status.st_dev, status.st_ino
        is_new = not is_behind_link or identity not in walked
        walked.add(identity)
        return is_new

    @staticmethod
    def _entries(folder: str) -> list[os.DirEntry[str]]:
        """List a folder in order of names."""
        with os.scandir(folder) as entries:
            return sorted(entries, key=_name)

    def _covering(self, entry: os.DirEntry[str]) -> str | None:
        """Return what covers an entry that could be taken in, None where it is or could not be."""
        is_folder = entry.is_dir(follow_symlinks=self._follow_symlinks)
        is_link = entry.is_symlink() and not self._follow_symlinks
        if not (is_folder or is_link or kind_of(entry.name) or unread_extension_of(entry.name)):
            return None
        covering = self._exclusion.covering(entry.path, is_folder=is_folder)
        return LINK if covering is None and is_link else covering

    def _is_kept_out(self, folder: str, entries: Sequence[os.DirEntry[str]]) -> bool:
        place = bisect_left(entries, NO_MEDIA, key=_name)
        is_marked = place < len(entries) and entries[place].name == NO_MEDIA
        return is_marked and folder != self.root and self._exclusion.is_kept_out(folder)

    @staticmethod
    def _file(entry: os.DirEntry[str]) -> list[Row] | Excluded | Unread:
        is_read = kind_of(entry.name) is not None
        if not is_read and entry.is_file(follow_symlinks=False):  # which most often costs no look at the disk
            return Unread(entry.path, unread_extension_of(entry.name))
        status = os.stat(entry.path)
        if not stat.S_ISREG(status.st_mode):
            return Excluded(entry.path, SPECIAL)
        if not is_read:
            return Unread(entry.path, unread_extension_of(entry.name))
        return [(entry.path, status.st_size, status.st_mtime_ns)]


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    place = os.open(folder, os.O_RDONLY)
    try:
        yield place
    finally:
        os.close(place)


def _shows_drive(entry: Excluded | Unread) -> bool:
    """Tell whether something passed over shows that a folder is no mount point without its drive."""
    if isinstance(entry, Excluded):
        return entry.pattern == LINK
    return bool(entry.extension) or not os.path.basename(entry.path).startswith(".")


def _words(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return _GONE
        case PermissionError():
            return "may not be read: the system denies access"
        case OSError(strerror=str() as words):
            return f"cannot be read: {words}"
        case _:
            return f"cannot be read: {error}"
