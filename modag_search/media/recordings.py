"""Files of several recordings joined end to end, as the dump of a radio station is one of Ogg streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.media.beginnings import OGG_BEGINNING, beginnings_in, page_length
from modag_search.media.views import View, read_at, size_of
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_MATCH: Final = 22
_LONGEST_PAGE_HEAD: Final = 27 + 255
_LONGEST_PAGE: Final = _LONGEST_PAGE_HEAD + 255 * 255


def recordings_in(file: BinaryIO) -> list[BinaryIO]:
    """Find the recordings of a file.

    Parameters
    ----------
    file : BinaryIO
        Of any format.

    Returns
    -------
    list of BinaryIO
        Each reads like a file of its own. The file alone where it is one recording.
    """
    starts = beginnings_in(file)
    if len(starts) < 2:
        return [file]
    ends = [*starts[1:], size_of(file)]
    return [View(file, start=start, stop=stop).as_file() for start, stop in zip(starts, ends, strict=True)]


def is_multiplexed(recording: BinaryIO) -> bool:
    """Tell whether several streams of a recording in Ogg are played together, such as two tracks."""
    page = read_at(recording, _LONGEST_PAGE_HEAD, 0)
    if OGG_BEGINNING.match(page) is None:
        return False
    return OGG_BEGINNING.match(read_at(recording, _LONGEST_MATCH, page_length(page))) is not None


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
    return not (page[5] & 4 and len(page) >= page_length(page))
