"""How much of a sound without a container is frames: bytes of no frame among frames are damage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from modag_search.media.raw_streams import FRAME_LENGTHS, after_id3, id3_length, raw_stream_in
from modag_search.media.views import read_at, size_of

if TYPE_CHECKING:
    from modag_search.media.raw_streams import RawStream

_HEAD_BYTES: Final = 7
_TAG_HEAD_BYTES: Final = 32
_READ_BYTES: Final = 1 << 16

_MOST_GUESSES: Final = 100_000
"""What holds more places that look like frames and are none is not read on."""

_SYNC: Final[dict[RawStream, re.Pattern[bytes]]] = {
    "mp3": re.compile(rb"\xff[\xe2-\xff][\x10-\xef]"),
    "aac": re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"),
    "ac3": re.compile(rb"\x0b\x77"),
    "eac3": re.compile(rb"\x0b\x77"),
}


class Framing(NamedTuple):
    """What is known of the frames of a sound.

    Attributes
    ----------
    n_frames : int
    share : float
        How much of what lies between its start and its last frame is frames, in [0, 1]; tags, as joined files have
        them in the middle, do not count.
    """

    n_frames: int = 0
    share: float = 1.0


def framing_of(file: BinaryIO) -> Framing:
    """Follow the frames of a sound without a container; 0 frames of what is none."""
    name = raw_stream_in(file)
    if name is None:
        return Framing()
    size, place = size_of(file), after_id3(file)
    n_frames = framed = lost = unsure = n_guesses = 0
    while place < size and n_guesses < _MOST_GUESSES:
        length = _length_at(file, place, name)
        if length and (unsure == 0 or _length_at(file, place + length, name)):  # of a guess, another is to follow
            n_frames, framed, lost, unsure = n_frames + 1, framed + length, lost + unsure, 0
        elif not (length := _tag_length(read_at(file, _TAG_HEAD_BYTES, place))):
            length = _to_next(file, place, name)
            unsure += length
            n_guesses += 1
        place += length
    return Framing(n_frames, framed / max(framed + lost, 1))


def _length_at(file: BinaryIO, place: int, name: RawStream) -> int:
    head = read_at(file, _HEAD_BYTES, place)
    return FRAME_LENGTHS[name](head) if len(head) == _HEAD_BYTES else 0


def _tag_length(head: bytes) -> int:
    if head.startswith(b"TAG"):
        return 128
    if head.startswith(b"APETAGEX") and len(head) == _TAG_HEAD_BYTES:
        return _TAG_HEAD_BYTES + int.from_bytes(head[12:16], "little")
    return id3_length(head)


def _to_next(file: BinaryIO, place: int, name: RawStream) -> int:
    """Return how far it is from a place to what looks like a frame or a tag, or to the end of what was read."""
    data = read_at(file, _READ_BYTES, place)
    found = _SYNC[name].search(data, 1)
    return found.start() if found else max(len(data) - 2, 1)
