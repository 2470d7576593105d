"""Where recordings begin in an MPEG transport stream, by its table of streams (ISO/IEC 13818-1).

FFmpeg reads streams that were joined as one, as long as the table stays the same. Where it changes, it takes what
follows for more of the streams before, or passes it over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from modag_search.media.views import read_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKETS_AT_ONCE: Final = 8192
_MOST_LOSSES: Final = 1000
_SYNC: Final = 0x47
_PROGRAMS, _STREAMS = 0, 2
"""Which tables are meant, by the number that they begin with."""


class _Form(NamedTuple):
    """How far packets are apart, and how much comes before each; and what a row of them looks like."""

    stride: int
    before: int
    row: re.Pattern[bytes]


_FORMS: Final = (
    _Form(188, 0, re.compile(rb"(?:\x47.{187}){4}", re.DOTALL)),
    _Form(192, 4, re.compile(rb"(?:.{4}\x47.{187}){4}", re.DOTALL)),
)

_Streams = tuple[tuple[int, int], ...]
"""Kind and number of each stream."""


def changes_of_streams(file: BinaryIO) -> list[int] | None:
    """Find where a transport stream has other streams than before.

    Parameters
    ----------
    file : BinaryIO

    Returns
    -------
    list of int or None
        Places in the file, of which the first is 0; None for what is no transport stream.
    """
    head = read_at(file, 4 * _FORMS[-1].stride, 0)
    form = next((form for form in _FORMS if form.row.match(head)), None)
    if form is None:
        return None
    places, table_of_streams, place_of_programs = [0], -1, 0
    streams: _Streams = ()
    for place, number, table in _tables(file, form):
        if number == 0:
            place_of_programs = place
            table_of_streams = _table_of_streams(table)
        elif number == table_of_streams:
            found = _streams_in(table)
            if streams and found != streams:
                places.append(place_of_programs)
            streams = found
    return places


def _tables(file: BinaryIO, form: _Form) -> Iterator[tuple[int, int, bytes]]:
    """Yield each packet that a table begins in: its place, its number, and the table."""
    place = n_losses = 0
    while n_losses < _MOST_LOSSES and (data := read_at(file, _PACKETS_AT_ONCE * form.stride, place)):
        rows = np.frombuffer(data[: len(data) // form.stride * form.stride], np.uint8).reshape(-1, form.stride)
        rows = rows[:, form.before :]
        out_of_step = np.flatnonzero(rows[:, 0] != _SYNC)
        rows = rows[: out_of_step[0]] if len(out_of_step) else rows
        numbers = (rows[:, 1].astype(np.int64) & 0x1F) << 8 | rows[:, 2]
        begins = (rows[:, 1] & 0x40 > 0) & (rows[:, 3] & 0x30 == 0x10) & (rows[:, 4] == 0)
        for row in np.flatnonzero(begins & np.where(numbers == 0, rows[:, 5] == _PROGRAMS, rows[:, 5] == _STREAMS)):
            yield place + int(row) * form.stride, int(numbers[row]), rows[row, 5:].tobytes()
        place += len(rows) * form.stride
        if len(rows) < _PACKETS_AT_ONCE:  # as behind a packet that was cut off
            following = form.row.search(read_at(file, 1 << 20, place + 1))
            if following is None:
                return
            place += 1 + following.start()
            n_losses += 1


def _table_of_streams(table: bytes) -> int:
    """Return the number of the packets with the table of the streams of the first program; -1 where there is none."""
    for place in range(8, min(_end(table), len(table) - 3), 4):
        if table[place : place + 2] != b"\0\0":  # network information
            return (table[place + 2] & 0x1F) << 8 | table[place + 3]
    return -1


def _streams_in(table: bytes) -> _Streams:
    place, streams = 12 + ((table[10] & 0xF) << 8 | table[11]), []
    while place < min(_end(table), len(table) - 4):
        streams.append((table[place], (table[place + 1] & 0x1F) << 8 | table[place + 2]))
        place += 5 + ((table[place + 3] & 0xF) << 8 | table[place + 4])
    return tuple(streams)


def _end(table: bytes) -> int:
    """Return where the entries of a table end: its checksum follows."""
    return ((table[1] & 0xF) << 8 | table[2]) + 3 - 4
