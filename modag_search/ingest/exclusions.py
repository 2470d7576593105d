"""The patterns of what is never taken into an index, kept with it."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.media import BUILT_IN, PathPattern
from modag_search.spelling import composed, unescaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog import Catalog

logger = logging.getLogger(__name__)

_ANY_FILES = ("a.wav", "0 1.JPG", "\u00fc.mp4")
_ANY_FOLDERS = ("a", "0 1", "\u00fc")
"""What matches all of these is no choice among names."""


class ExclusionBook:
    """Patterns as in .gitignore; of those that match, the last one decides.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @property
    def built_in(self) -> tuple[str, ...]:
        """What is passed over without having been asked for, before the patterns of the index: hidden and system files.

        ``.nomedia`` stands for the folders that hold such a file.
        """
        return BUILT_IN

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns that are kept with the index, in the order in which they were added."""
        return tuple(self._catalog.exclusions.all())

    def add(self, patterns: str | Sequence[str]) -> int:
        r"""Keep patterns behind those that are there, of which the last that matches decides; return how many are new.

        One that is kept already goes behind the others.

        Parameters
        ----------
        patterns : str or sequence of str
            ``*.tmp.wav``; ``drafts/``, folders of that name; ``/mixes/old``, below a folder that `Index.add` is given;
            ``/home/me/Samples/mixes/old``, an absolute path below it; ``!keep.wav`` takes in what others cover.
            Bytes that are not UTF-8 stand as ``\xfc``, or as `os.fsdecode` gives them.

        Returns
        -------
        int

        Raises
        ------
        UsageError
            If one cannot be meant, or can never match; nothing has been done then.
        """
        checked = checked_patterns(patterns)
        for pattern in checked:
            _warn_of_breadth(PathPattern(pattern))
        return self._catalog.exclusions.add(checked)

    def remove(self, patterns: str | Sequence[str]) -> int:
        """Keep patterns no longer, and return how many there were.

        Raises
        ------
        UsageError
            If one of them is not kept with the index; nothing has been done then.
        """
        kept = self.patterns
        for pattern in (listed := _listed(patterns)):
            if pattern not in kept:
                raise UsageError(f"{pattern}: {_why_absent(pattern)}")
        return self._catalog.exclusions.remove(listed)


def checked_patterns(patterns: str | Sequence[str]) -> tuple[str, ...]:
    """Return patterns, or one, in the Unicode form NFC.

    Raises
    ------
    UsageError
        If one cannot be meant, or can never match.
    """
    return tuple(_checked(pattern) for pattern in _listed(patterns))


def _checked(text: str) -> str:
    body = text.removeprefix("!")
    if body.strip("/") and not body.replace("/", "").strip():
        raise UsageError(f"{text!r}: is white space, and no pattern of paths; name files and folders as in .gitignore")
    try:
        pattern = PathPattern(text)
    except re.error as error:
        raise UsageError(f"{text!r}: {error}; in brackets stand characters, and ranges from the lower one") from error
    parts = body.removeprefix("/").removesuffix("/").split("/")
    if {".", ".."}.intersection(parts):
        way_out = f"by its whole path that is {os.path.abspath(body)}"
        raise UsageError(f"{text!r}: matches nothing, since no path below a folder holds . or ..; {way_out}")
    if "" in parts:
        raise UsageError(f"{text!r}: matches nothing, since no name is empty; between folders stands one slash")
    return pattern.text


def _warn_of_breadth(pattern: PathPattern) -> None:
    if pattern.is_negated:
        return
    after = "patterns that are added after it take in again what they name"
    if all(pattern.matches(name, is_folder=False) for name in _ANY_FILES):
        logger.warning("%s covers everything; %s, as '!*/' and '!*.wav' do", pattern.text, after)
    elif all(pattern.matches(name, is_folder=True) for name in _ANY_FOLDERS):
        logger.warning("%s covers every folder; %s, as '!originals/' does", pattern.text, after)


def _listed(patterns: str | Sequence[str]) -> list[str]:
    given = [patterns] if isinstance(patterns, str) else patterns
    return [composed(unescaped(pattern)) for pattern in given]


def _why_absent(pattern: str) -> str:
    if pattern in BUILT_IN:
        return f"is passed over without having been asked for; `modag exclude add '!{pattern}'` takes it in"
    return "is no pattern of this index; `modag exclude list` lists them"
