"""What a label may be called, and what it may be given to."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING, Any

from modag_search.errors import UsageError
from modag_search.spelling import composed

if TYPE_CHECKING:
    from modag_search.values import ItemRecord

_SEPARATORS = (";", "|", "\n", ",")
LONGEST_NAME = 255
"""Characters of a label; what a folder may be called, too, on most disks."""
_SHOWN = 40
_SLACK_S = 0.5
"""Programs differ in how long they say that a file is: MP3 pads, others round."""


def checked_name(label: str, *, where: str = "") -> str:
    """Return a label without the white space around it, in composed form (Unicode NFC).

    Parameters
    ----------
    label : str
    where : str
        Where it stands, in words for errors.

    Returns
    -------
    str

    Raises
    ------
    UsageError
        If nothing is left of it, it is longer than `LONGEST_NAME`, or has a character that is no text.
    """
    name = composed(one_name(label)).strip()
    begun = f"{where}: " if where else ""
    if not name:
        raise UsageError(f"{begun}a label must have a name")
    # SQLite's functions end a text at NUL; halves of surrogate pairs have no UTF-8.
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name):
        raise UsageError(f"{begun}{_shown(name)}: a label must be text in UTF-8")
    # Line and paragraph separators end lines too, and would part a name in two wherever it is listed.
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in name):
        raise UsageError(f"{begun}{_shown(name)}: a label is one line, without control characters")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"{begun}{_shown(name)}: has {len(name)} characters, and a label at most {LONGEST_NAME}")
    return name


def one_name(label: Any) -> str:
    """Return what a caller gave for a label, if it may be one; UsageError if it is no text, as a list of labels is."""
    if not isinstance(label, str):
        raise UsageError(f"{label!r}: the name of a label is text")
    return label


def _shown(name: str) -> str:
    return repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}..."


def looks_like_several(text: str) -> tuple[str, list[str]] | None:
    """Divide text that looks like several labels: what stands between them, and each; None for what looks like one."""
    for sign in _SEPARATORS:
        parts = [part.strip() for part in text.split(sign) if part.strip()]
        if len(parts) > 1:
            return sign, parts
    return None


def check_part(start_s: float | None, end_s: float | None, *, where: str) -> None:
    """Refuse what is no part of anything.

    Parameters
    ----------
    start_s, end_s : float or None
        In seconds; None for the beginning, and for the end.
    where : str
        What it is a part of, or where it stands, in words for errors.

    Raises
    ------
    UsageError
    """
    for seconds in (start_s, end_s):
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise UsageError(f"{where}: {seconds} is no time; times are in seconds from the beginning, which is 0")
    if (start_s or 0.0) >= (math.inf if end_s is None else end_s):
        raise UsageError(f"{where}: {start_s or 0.0} s to {end_s} s is empty; the start must lie before the end")


def check_part_of(item: ItemRecord, start_s: float | None, end_s: float | None, *, where: str = "") -> None:
    """Refuse a part that an item does not have; see `check_part`."""
    if start_s is None and end_s is None:
        return
    it = f"{where}: {item.path}" if where else item.path
    if item.kind == "image":
        raise UsageError(f"{it}: a picture has no duration, so no part of it can have a label")
    check_part(start_s, end_s, where=it)
    begin_s, duration_s = start_s or 0.0, item.duration_s
    if duration_s is not None and (begin_s >= duration_s or (end_s or 0.0) > duration_s + _SLACK_S):
        until = "its end" if end_s is None else f"{end_s:g} s"
        raise UsageError(f"{it}: lasts {duration_s:g} s, and has no part from {begin_s:g} s to {until}")
