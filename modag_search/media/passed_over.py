"""What a scan passes over, counted and in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from modag_search.media.exclusion import HIDDEN, NO_MEDIA, SYSTEM_FOLDERS
from modag_search.values import Excluded, Unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LINK: Final = "symbolic link"
"""What `Excluded.pattern` says of links that are not followed."""

SPECIAL: Final = "special file"
"""What it says of pipes, sockets and devices."""

_EXTENSIONS_SHOWN: Final = 5
_CALLED: Final = {HIDDEN: "hidden (.*)"}
_REASONS: Final = {
    HIDDEN: "is hidden (.*)",
    NO_MEDIA: "holds a file .nomedia",
    LINK: "is a symbolic link, and only --follow-symlinks follows these",
    SPECIAL: "is a pipe, a socket or a device",
    **{pattern: f"is a folder that systems keep for themselves ({pattern})" for pattern in SYSTEM_FOLDERS},
}


class Tally:
    """Counts what is passed over.

    Parameters
    ----------
    entries : iterable of Excluded or Unread

    Attributes
    ----------
    passed_over : Counter of str
        Files and folders, by `Excluded.pattern`.
    unread : Counter of str
        Files of kinds that are not read, by extension.
    other_files : int
    """

    def __init__(self, entries: Iterable[Excluded | Unread] = ()) -> None:
        self.passed_over: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        self.other_files = 0
        for entry in entries:
            self.count(entry)

    @property
    def total(self) -> int:
        """How much was counted."""
        return self.passed_over.total() + self.unread.total() + self.other_files

    def count(self, entry: Excluded | Unread) -> None:
        """Count one more."""
        if isinstance(entry, Excluded):
            self.passed_over[entry.pattern] += 1
        elif entry.extension:
            self.unread[entry.extension] += 1
        else:
            self.other_files += 1

    def in_words(self) -> str:
        """Say what was counted; see `passed_over_in_words`."""
        return passed_over_in_words(self.passed_over, self.unread, self.other_files)


def passed_over_in_words(passed_over: Mapping[str, int], unread: Mapping[str, int], other_files: int) -> str:
    """Say how much was passed over, by what.

    Parameters
    ----------
    passed_over : Mapping of str to int
        By `Excluded.pattern`.
    unread : Mapping of str to int
        By extension; the commonest are named.
    other_files : int

    Returns
    -------
    str
        Empty where there was nothing.

    Examples
    --------
    >>> passed_over_in_words({".*": 2}, {".dng": 12, ".jxl": 3}, 1)
    '2 hidden (.*), 12 .dng, 3 .jxl (endings that are not read), 1 other file'
    """
    parts = [_times(by, count) for by, count in passed_over.items()]
    if unread:
        parts.append(
            f"{', '.join(_commonest(unread))} ({'an ending' if len(unread) == 1 else 'endings'} that "
            f"{'is' if len(unread) == 1 else 'are'} not read)"
        )
    if other_files:
        parts.append(_plural(other_files, "other file"))
    return ", ".join(parts)


def reason_of(entry: Excluded | Unread) -> str:
    """Say why something is passed over, as the end of a sentence that begins with it."""
    if isinstance(entry, Excluded):
        return _REASONS.get(entry.pattern, f"is covered by the pattern {entry.pattern}")
    if entry.extension:
        return f"is of a kind that is not read, by its ending {entry.extension}"
    return "is no picture, sound or video by its ending"


def _commonest(unread: Mapping[str, int]) -> Iterator[str]:
    ordered = sorted(unread.items(), key=lambda one: (-one[1], one[0]))
    yield from (f"{count} {extension}" for extension, count in ordered[:_EXTENSIONS_SHOWN])
    if rest := ordered[_EXTENSIONS_SHOWN:]:
        yield f"{sum(count for _, count in rest)} of {_plural(len(rest), 'other ending')}"


def _times(pattern: str, count: int) -> str:
    """Say how many files and folders a pattern covers."""
    return _plural(count, pattern) if pattern in (LINK, SPECIAL) else f"{count} {_CALLED.get(pattern, pattern)}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
