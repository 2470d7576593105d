"""How many samples a FLAC really holds: its last frame tells which samples it has (RFC 9639)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from modag_search.media.views import read_at, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYNC: Final = re.compile(rb"\xff[\xf8\xf9]")
_LONGEST_HEAD: Final = 16
_TAIL_BYTES: Final = 1 << 20
"""No frame is longer, but for those that no encoder makes."""

_MOST_BLOCKS: Final = 1000

_BLOCKS: Final = {1: 192, **{2 + n: 576 << n for n in range(4)}, **{8 + n: 256 << n for n in range(8)}}
"""Samples of a frame by the code in its head; 6 and 7 stand for a number behind it."""


def samples_in(file: BinaryIO) -> int:
    """Return how many samples there are up to the end of the last frame of a FLAC; 0 where none is found.

    Parameters
    ----------
    file : BinaryIO
        One recording, without an Ogg around it.

    Returns
    -------
    int
    """
    start = max(size_of(file) - _TAIL_BYTES, 0)
    block = int.from_bytes(read_at(file, 2, 8), "big")
    frames = list(_frames(read_at(file, _TAIL_BYTES, start), block))
    ends = {0, *(frame.end for frame in frames)}
    last = max((frame.end for frame in frames if frame.start in ends), default=0)  # one alone may be an accident
    first = _frame(read_at(file, _LONGEST_HEAD, _behind_metadata(file)), block)
    return max(last - first.start, 0) if first else 0  # what is cut out of a stream counts on


def _behind_metadata(file: BinaryIO) -> int:
    """Return where the first frame begins."""
    place = 4
    for _ in range(_MOST_BLOCKS):
        head = read_at(file, 4, place)
        place += 4 + int.from_bytes(head[1:], "big")
        if head[:1] >= b"\x80" or len(head) < 4:
            break
    return place


class _Frame(NamedTuple):
    """Which sample a frame begins with, and which one follows it."""

    start: int
    end: int


def _frames(data: bytes, block: int) -> Iterator[_Frame]:
    for match in _SYNC.finditer(data):
        frame = _frame(data[match.start() : match.start() + _LONGEST_HEAD], block)
        if frame is not None:
            yield frame


def _frame(head: bytes, block: int) -> _Frame | None:
    """Read the head of a frame; None for what is none."""
    if len(head) < _LONGEST_HEAD or head[2] >> 4 == 0 or head[4] & 0xC0 == 0x80 or head[4] == 0xFF:
        return None
    n_digits = max(8 - (head[4] ^ 0xFF).bit_length(), 1)  # as UTF-8 counts them
    behind = 4 + n_digits
    n_block = {6: 1, 7: 2}.get(head[2] >> 4, 0)
    end = behind + n_block + {12: 1, 13: 2, 14: 2}.get(head[2] & 0xF, 0)
    if _checksum(head[:end]) != head[end]:
        return None
    number = head[4] & (0x7F if n_digits == 1 else 0xFF >> (n_digits + 1))
    for digit in head[5:behind]:
        number = number << 6 | digit & 0x3F
    length = int.from_bytes(head[behind : behind + n_block], "big") + 1 if n_block else _BLOCKS[head[2] >> 4]
    counts_samples = head[1] & 1
    start = number if counts_samples else number * block
    return _Frame(start, start + length)


def _checksum(data: bytes) -> int:
    check = 0
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = (check << 1 ^ (0x107 if check & 0x80 else 0)) & 0xFF
    return check
