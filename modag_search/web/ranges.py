"""Parts of files, as players ask for them: RFC 9110, section 14."""

from __future__ import annotations

import re

_PART = r"(?:\d{1,18}-\d{0,18}|-\d{1,18})"
_RANGES = re.compile(rf"bytes=\s*{_PART}(?:\s*,\s*{_PART})*\s*", re.ASCII | re.IGNORECASE)


def is_within(asked: str, *, size_bytes: int) -> bool:
    """Tell whether a ``Range`` can be meant, and lies in a file of a size.

    Examples
    --------
    >>> is_within("bytes=0-9, -5", size_bytes=100), is_within("bytes=100-", size_bytes=100)
    (True, False)
    """
    if not _RANGES.fullmatch(asked):
        return False
    parts = [part.strip().partition("-") for part in asked.partition("=")[2].split(",")]
    return all(_is_part(start, end, size_bytes) for start, _, end in parts)


def _is_part(start: str, end: str, size_bytes: int) -> bool:
    if not start:  # the last so many
        return size_bytes > 0 and int(end) > 0
    return int(start) < size_bytes and (not end or int(start) <= int(end))
