"""AVIF and HEIC pictures that were cut off: no decoder takes a part of one, but what is missing can be told."""

from __future__ import annotations

from typing import BinaryIO, Final

from modag_search.errors import CorruptMediaError
from modag_search.media.kinds import SIGNATURE_BYTES, appearance_of

_KINDS: Final = ("an AVIF picture", "a HEIC picture")
_DATA: Final = b"mdat"


def refuse_cut_heif(file: BinaryIO, path: str) -> None:
    """Say of an AVIF or HEIC picture that did not decode how much of it is there, if it was cut off.

    Raises
    ------
    CorruptMediaError
        It is one, and was cut off.
    """
    file.seek(0)
    kind = appearance_of(file.read(SIGNATURE_BYTES))
    if kind not in _KINDS:
        return
    file.seek(0)
    data = file.read()
    name, end = _broken_box(data)
    if not name:
        return
    if name != _DATA:
        raise CorruptMediaError(path, f"is cut off within the header of {kind}")
    promise = f"{len(data):,} of the {end:,} bytes that its header promises"
    raise CorruptMediaError(path, f"is cut off: holds {promise}, and {kind} decodes wholly or not at all")


def _broken_box(data: bytes) -> tuple[bytes, int]:
    """Return the name of the box that the data break off in, and where it would end; no name where there is none."""
    place = 0
    while place < len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if length == 1:
            length = int.from_bytes(data[place + 8 : place + 16], "big")
        if length < 8:  # the last box may tell none
            break
        place += length
        if place > len(data):
            return name, place
    return b"", place
