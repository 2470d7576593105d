"""Where the recordings of a file begin that holds several, one put behind the other.

Most formats tell how long a recording is, or each of its pieces: behind the last the next recording begins. Where they
do not tell, or not rightly, as where a recording was cut off, the first bytes of the next are searched for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from modag_search.media.transport_streams import changes_of_streams
from modag_search.media.views import read_at, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_READ_BYTES: Final = 1 << 20
_LONGEST_MATCH: Final = 80
_LONGEST_PAGE_HEAD: Final = 27 + 255
_MOST_PIECES: Final = 100_000

OGG_BEGINNING: Final = re.compile(rb"OggS\x00[\x02\x06].{12}\x00{4}", re.DOTALL)
"""The first page of a stream, whatever it holds: flag 2, number 0 (RFC 3533)."""

_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_EBML_VOID: Final = b"\xec"


def beginnings_in(file: BinaryIO) -> list[int]:
    """Find where the recordings of a file begin.

    Parameters
    ----------
    file : BinaryIO
        Of any format.

    Returns
    -------
    list of int
        Places in the file, of which the first is 0: that alone where it is one recording, or of a format whose decoder
        reads on by itself, as those of MP3 and MPEG do.
    """
    head = read_at(file, _LONGEST_MATCH, 0)
    if OGG_BEGINNING.match(head):
        return list(_links(file))
    changes = changes_of_streams(file)
    if changes is not None:
        return changes
    form = next((form for form in _FORMATS if form.beginning.match(head)), None)
    places: list[int] = []
    following: int | None = 0
    while following is not None:
        places.append(following)
        following = None if form is None else _next_beginning(file, form, following)
    return places


def page_length(page: bytes) -> int:
    """Return how long a page of Ogg is, by the lengths of its segments."""
    return 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) >= 27 else len(page)


def _links(file: BinaryIO) -> Iterator[int]:
    """Yield where those of an Ogg begin; streams of one that are played together begin with pages side by side."""
    end_of_page = -1
    for place in _matches(file, OGG_BEGINNING, start=0):
        if place != end_of_page:
            yield place
        end_of_page = place + page_length(read_at(file, _LONGEST_PAGE_HEAD, place))


def _next_beginning(file: BinaryIO, form: _Format, start: int) -> int | None:
    size, place = size_of(file), start
    for _ in range(_MOST_PIECES):
        length = form.length_at(file, place)
        if length == 0 or place + length > size:
            break
        place += length
        if place == size:
            return None
        if form.beginning.match(read_at(file, _LONGEST_MATCH, place)):
            return place
    # Of one that was cut off, what seems to be its last piece holds the beginning of the next.
    return next(_matches(file, form.beginning, start=start + 1), None)


def _matches(file: BinaryIO, pattern: re.Pattern[bytes], *, start: int) -> Iterator[int]:
    place = start
    while data := read_at(file, _READ_BYTES + _LONGEST_MATCH, place):
        yield from (place + match.start() for match in pattern.finditer(data) if match.start() < _READ_BYTES)
        place += _READ_BYTES


def _untold(_file: BinaryIO, _place: int) -> int:
    return 0


def _riff(file: BinaryIO, place: int) -> int:
    """Return the length of a RIFF file, or of a further part of an AVI (``AVIX``); 0 where none stands there."""
    head = read_at(file, 28, place)
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM") or len(head) < 28:
        return 0
    if head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        return 8 + int.from_bytes(head[20:28], "little")
    return 8 + int.from_bytes(head[4:8], "big" if head[:4] in (b"RIFX", b"FORM") else "little")


def _wave_64(file: BinaryIO, place: int) -> int:
    head = read_at(file, 24, place)
    return int.from_bytes(head[16:], "little") if head.startswith(b"riff") else 0


def _au(file: BinaryIO, place: int) -> int:
    head = read_at(file, 12, place)
    start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:], "big")
    return start + length if head.startswith(b".snd") and length != 0xFFFFFFFF else 0


def _chunk_of_caf(file: BinaryIO, place: int) -> int:
    head = read_at(file, 12, place)
    if head.startswith(b"caff"):
        return 8
    return 12 + int.from_bytes(head[4:], "big") if len(head) == 12 and head[:4].isascii() else 0


def _box(file: BinaryIO, place: int) -> int:
    """Return the length of a box of MPEG-4; 0 for what is none, or tells none."""
    head = read_at(file, 16, place)
    length = int.from_bytes(head[:4], "big")
    if length == 1:
        length = int.from_bytes(head[8:], "big")
    return length if length >= 8 and head[4:8].isascii() else 0


def _object_of_asf(file: BinaryIO, place: int) -> int:
    head = read_at(file, 24, place)
    return int.from_bytes(head[16:], "little") if len(head) == 24 else 0


def _element(file: BinaryIO, place: int) -> int:
    """Return the length of one of the elements that a Matroska file consists of; 0 where it is not known."""
    head = read_at(file, 12, place)
    magic = next((magic for magic in (_EBML, _SEGMENT, _EBML_VOID) if head.startswith(magic)), None)
    if magic is None or len(head) == len(magic) or head[len(magic)] == 0:
        return 0
    n_bytes = 9 - head[len(magic)].bit_length()  # by the zeros that it begins with
    length = int.from_bytes(head[len(magic) : len(magic) + n_bytes], "big") & (1 << 7 * n_bytes) - 1
    return 0 if length == (1 << 7 * n_bytes) - 1 else len(magic) + n_bytes + length


_INITIAL: Final = b"[" + b"".join(rb"\x%02x" % byte for byte in range(256) if byte & 8) + b"]"
"""In WavPack the flag of a block that comes first of those with the same samples of several channels."""


class _Format(NamedTuple):
    """What recordings begin with, and what tells the length of the piece of one at a place; 0 where none is told."""

    beginning: re.Pattern[bytes]
    length_at: Callable[[BinaryIO, int], int] = _untold


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_FORMATS: Final = (
    _Format(_begins(rb"(?:RIFF|RIFX|RF64|BW64).{4}WAVE"), _riff),
    _Format(_begins(rb"FORM.{4}AIF[FC]"), _riff),
    _Format(_begins(rb"RIFF.{4}AVI LIST"), _riff),
    _Format(_begins(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"), _wave_64),
    _Format(_begins(rb"\.snd\x00\x00.{6}\x00\x00\x00[\x01-\x1b]"), _au),
    _Format(_begins(rb"caff\x00\x01.{2}desc"), _chunk_of_caf),
    _Format(_begins(rb"fLaC[\x00\x80]\x00\x00\x22")),
    _Format(_begins(rb"\x00\x00[\x00\x01].ftyp[ -~]{4}"), _box),
    _Format(_begins(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"), _object_of_asf),
    _Format(_begins(rb"\x1a\x45\xdf\xa3.{1,60}?(?:matroska|webm)"), _element),
    _Format(_begins(rb"FLV\x01[\x00\x01\x04\x05]\x00\x00\x00\x09\x00{4}")),
    _Format(_begins(rb"#!AMR(?:-WB)?\n")),
    _Format(_begins(rb"TTA1[\x01\x02]\x00.\x00[\x08\x10\x18\x20]\x00")),
    _Format(_begins(rb"wvpk.{4}[\x02-\x10]\x04.{6}\x00{4}.{5}" + _INITIAL)),
    _Format(_begins(rb"MAC .\x0f\x00\x00\x34\x00\x00\x00")),
)
