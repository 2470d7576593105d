"""What is passed over below a folder: patterns as in .gitignore, and folders that systems keep for themselves.

Each file and folder is held against the patterns by itself, from the root down, as Git does: what lies in a folder that
is passed over is never looked at, and cannot be taken in by a later pattern.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from modag_search.errors import UsageError
from modag_search.spelling import composed, pattern_below, signed_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN: Final = ".*"
SYSTEM_FOLDERS: Final = (
    "@eaDir/",  # Synology: thumbnails and indexes
    "@tmp/",
    "#recycle/",
    "#snapshot/",
    "@Recycle/",  # QNAP
    "@Recently-Snapshot/",
    "$RECYCLE.BIN/",  # Windows
    "$Recycle.Bin/",
    "RECYCLER/",
    "System Volume Information/",
    "__MACOSX/",  # archives made on a Mac
    "Network Trash Folder/",
    "Temporary Items/",
    "lost+found/",  # Linux
)
NO_MEDIA: Final = ".nomedia"
"""A file by which Android keeps a folder, and all that is in it, out of galleries."""

BUILT_IN: Final = (HIDDEN, *SYSTEM_FOLDERS, NO_MEDIA)
"""What is passed over without having been asked for; `HIDDEN` covers .@__thumb, .Trashes, ._* and the like."""

_SYSTEM_NAMES: Final = {pattern.rstrip("/"): pattern for pattern in SYSTEM_FOLDERS}
_BRACKET: Final = re.compile(r"([!^]?)(\]?(?:\\.|\[:\w+:\]|[^\]\\])*)\]", re.DOTALL)
_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t-\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class PathPattern:
    """A pattern as in .gitignore, but that ``#`` begins no comment: patterns come one by one, not as lines of a file.

    Unicode forms make no difference.

    Parameters
    ----------
    text : str

    Attributes
    ----------
    text : str
        In the form NFC.
    is_negated : bool
        Whether it takes in again what an earlier pattern covers.

    Raises
    ------
    UsageError
        If it is empty, or opens a bracket that it does not close.

    Examples
    --------
    >>> PathPattern("/drafts/**/*.wav").matches("drafts/old/1.wav", is_folder=False)
    True
    >>> PathPattern("cache/").matches("cache", is_folder=False)
    False
    """

    def __init__(self, text: str) -> None:
        self.text = text = composed(text)
        self.is_negated = text.startswith("!")
        body = text.removeprefix("!")
        self._of_folders = body.endswith("/")
        body = body.removesuffix("/")
        if not body.strip("/"):
            raise UsageError(f"{text!r}: is no pattern of paths; name files and folders as in .gitignore")
        # A pattern without a slash, but for one at the end, is of names; others begin at the root.
        self._of_names = "/" not in body
        self._expression = _expression(body.removeprefix("/"), text)

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a path from the root, without a slash before or behind it, is what the pattern describes."""
        if self._of_folders and not is_folder:
            return False
        asked = path.rpartition("/")[2] if self._of_names else path
        return self._expression.fullmatch(asked if asked.isascii() else composed(asked)) is not None


class Exclusion:
    """What is passed over below one folder.

    Parameters
    ----------
    root : str
        The folder, absolute and normalised. One that is named is never passed over itself.
    patterns : sequence of str
        The last one that matches decides. One that begins with the path of the root means what is there, and not what
        is there below the root.

    Raises
    ------
    UsageError
        If a pattern cannot be meant.
    """

    def __init__(self, root: str, patterns: Sequence[str]) -> None:
        self._prefix = os.path.join(root, "")
        self._patterns = [(_below(self._prefix, PathPattern(text)), text) for text in reversed(patterns)]
        self._folders: dict[str, str | None] = {root: None}

    def covering(self, path: str, *, is_folder: bool) -> str | None:
        """Return the pattern that covers a file or folder itself, whatever covers the folders that it lies in.

        Parameters
        ----------
        path : str
            Below the root.
        is_folder : bool

        Returns
        -------
        str or None
            None where it is taken in.
        """
        return self._covering(path, is_folder=is_folder, hidden=HIDDEN)

    @property
    def goes_by_names(self) -> bool:
        """Whether files are taken in wherever they lie, but for hidden ones."""
        return not self._patterns

    def _covering(self, path: str, *, is_folder: bool, hidden: str | None) -> str | None:
        relative = path[len(self._prefix) :]
        for pattern, text in self._patterns:
            if pattern.matches(relative, is_folder=is_folder):
                return None if pattern.is_negated else text
        name = relative.rpartition("/")[2]
        if name.startswith("."):
            return hidden
        return _SYSTEM_NAMES.get(name) if is_folder else None

    def is_kept_out(self, folder: str) -> bool:
        """Tell whether a folder that holds a file .nomedia is passed over for it: unless a pattern takes that in."""
        return self.covering(os.path.join(folder, NO_MEDIA), is_folder=False) is not None

    def covering_item(self, path: str) -> str | None:
        """Return the pattern that covers a file which the index holds, or a folder on the way to it.

        What is hidden can only have been taken in because it was named itself, and is not covered.

        Parameters
        ----------
        path : str
            Below the root, or that of the root.

        Returns
        -------
        str or None
        """
        if not path.startswith(self._prefix):  # the root itself, where a file was once
            return None
        covering = self._covering_folder(os.path.dirname(path))
        return covering or self._covering(path, is_folder=False, hidden=None)

    def _covering_folder(self, folder: str) -> str | None:
        """Look at the folders from the root to one, each once."""
        unseen = []
        while folder not in self._folders:
            unseen.append(folder)
            folder = os.path.dirname(folder)
        covering = self._folders[folder]
        for inner in reversed(unseen):
            if covering is None:
                covering = self._covering(inner, is_folder=True, hidden=None)
            if covering is None and os.path.lexists(os.path.join(inner, NO_MEDIA)) and self.is_kept_out(inner):
                covering = NO_MEDIA
            self._folders[inner] = covering
        return covering


def _below(prefix: str, pattern: PathPattern) -> PathPattern:
    """Take a pattern that begins with the path of the root for one that begins at the root."""
    sign, body = signed_apart(pattern.text)
    rest = pattern_below(body, prefix.rstrip("/")) if prefix != "/" else None
    return PathPattern(f"{sign}{rest}") if rest not in (None, "/") else pattern


def _expression(body: str, text: str) -> re.Pattern[str]:
    """Translate a pattern; ``**`` alone between slashes stands for any number of folders."""
    *folders, last = body.split("/")
    words = ["(?:.+/)?" if folder == "**" else f"{_name(folder, text)}/" for folder in folders]
    words.append(".+" if last == "**" else _name(last, text))
    return re.compile("".join(words), re.DOTALL)


def _name(glob: str, text: str) -> str:
    """Translate what stands between slashes."""
    words, place = [], 0
    while place < len(glob):
        character = glob[place]
        place += 1
        if character == "*":
            words.append("[^/]*")
        elif character == "?":
            words.append("[^/]")
        elif character == "\\" and place < len(glob):
            words.append(re.escape(glob[place]))
            place += 1
        elif character == "[":
            bracket = _BRACKET.match(glob, place)
            if bracket is None:
                raise UsageError(f"{text!r}: opens a bracket and does not close it; \\[ is the character itself")
            words.append(_bracket(*bracket.groups()))
            place = bracket.end()
        else:
            words.append(re.escape(character))
    return re.sub(r"(?:\[\^/\]\*)+", "[^/]*", "".join(words))


def _bracket(sign: str, content: str) -> str:
    words = (
        _CLASSES.get(part[2:-2], "") if part.startswith("[:") else re.sub(r"([\[\]^&~|])", r"\\\1", part)
        for part in re.split(r"(\[:\w+:\])", content)
    )
    inside = "".join(words)
    return f"(?!/)[{'^' if sign else ''}{inside}]" if inside else "(?!)"
