"""Files of several recordings joined end to end, as the dump of a radio station is one of Ogg streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.media.views import View, read_at, size_of
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_READ_BYTES: Final = 1 << 20
_LONGEST_MATCH: Final = 22
_LONGEST_PAGE_HEAD: Final = 27 + 255
_LONGEST_PAGE: Final = _LONGEST_PAGE_HEAD + 255 * 255

_OGG_BEGINNING: Final = re.compile(rb"OggS\x00[\x02\x06].{12}\x00{4}", re.DOTALL)
"""The first page of a stream, whatever it holds: flag 2, number 0 (RFC 3533)."""

_FLAC_BEGINNING: Final = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")


def recordings_in(file: BinaryIO) -> list[BinaryIO]:
    """Find the recordings of a file of Ogg, FLAC or WAVE.

    Parameters
    ----------
    file : BinaryIO
        Of any format.

    Returns
    -------
    list of BinaryIO
        Each reads like a file of its own. The file alone where it is one recording, or of another format.
    """
    size = size_of(file)
    magic = read_at(file, 4, 0)
    if magic == b"RIFF":
        starts = list(_waves(file))
    else:
        pattern = {b"OggS": _OGG_BEGINNING, b"fLaC": _FLAC_BEGINNING}.get(magic)
        starts = [] if pattern is None else list(_beginnings(file, pattern))
    if len(starts) < 2:
        return [file]
    ends = [*starts[1:], size]
    return [View(file, start=start, stop=stop).as_file() for start, stop in zip(starts, ends, strict=True)]


def is_multiplexed(recording: BinaryIO) -> bool:
    """Tell whether several streams of a recording in Ogg are played together, such as two tracks."""
    page = read_at(recording, _LONGEST_PAGE_HEAD, 0)
    if _OGG_BEGINNING.match(page) is None:
        return False
    return _OGG_BEGINNING.match(read_at(recording, _LONGEST_MATCH, _page_length(page))) is not None


def remarks_on_joining(n_recordings: int, *, n_lost: int) -> tuple[Remark, ...]:
    """Say that a file is several recordings, and how many of them cannot be read; nothing of one alone."""
    if n_recordings == 1:
        return ()
    joined = f"is {n_recordings} recordings joined end to end"
    if n_lost:
        return (Remark("partly read", f"{joined}, {n_lost} of which cannot be read"),)
    return (Remark("chosen", f"{joined}, read one after the other"),)


def remarks_on_breaking_off(recordings: Sequence[BinaryIO]) -> tuple[Remark, ...]:
    """Say which recordings of a file of Ogg lack their end; nothing where all have one, and of other formats."""
    n_broken = sum(map(_breaks_off, recordings))
    if not n_broken:
        return ()
    place = f" in {n_broken} of its {len(recordings)} recordings" if len(recordings) > 1 else ""
    return (Remark("unfinished", f"breaks off without an end{place}, which tells not how much is missing"),)


def _breaks_off(file: BinaryIO) -> bool:
    """Tell whether a recording lacks its end: its last page is not marked as the last, or is not whole."""
    if read_at(file, 4, 0) != b"OggS":
        return False
    size = size_of(file)
    tail = read_at(file, 2 * _LONGEST_PAGE, max(size - 2 * _LONGEST_PAGE, 0))
    page = tail[max(tail.rfind(b"OggS\x00"), 0) :]
    if len(page) < 27 or not page.startswith(b"OggS"):
        return True
    return not (page[5] & 4 and len(page) >= _page_length(page))


def _waves(file: BinaryIO) -> Iterator[int]:
    place = 0
    while len(head := read_at(file, 12, place)) == 12 and (head[:4], head[8:]) == (b"RIFF", b"WAVE"):
        yield place
        length = int.from_bytes(head[4:8], "little")
        place += 8 + length + length % 2


def _beginnings(file: BinaryIO, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Yield where recordings begin; streams of one that are played together begin with pages side by side."""
    end_of_page = -1
    for place in _matches(file, pattern):
        if place != end_of_page:
            yield place
        end_of_page = place + _page_length(read_at(file, _LONGEST_PAGE_HEAD, place))


def _page_length(page: bytes) -> int:
    """Return how long a page of Ogg is, by the lengths of its segments."""
    return 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) >= 27 else len(page)


def _matches(file: BinaryIO, pattern: re.Pattern[bytes]) -> Iterator[int]:
    place = 0
    while data := read_at(file, _READ_BYTES + _LONGEST_MATCH, place):
        yield from (place + match.start() for match in pattern.finditer(data) if match.start() < _READ_BYTES)
        place += _READ_BYTES
