"""Opening files, and turning what libraries throw into errors that a user can act on."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.errors import (
    CorruptMediaError,
    EmptyMediaError,
    ModagError,
    UnreadableMediaError,
)
from modag_search.media.kinds import SIGNATURE_BYTES, appearance_of
from modag_search.media.raw_streams import after_id3, raw_stream_in
from modag_search.media.views import read_at
from modag_search.spelling import no_place_of, root_without_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from modag_search.media.raw_streams import RawStream


_STREAM_NAMES: Final[dict[RawStream, str]] = {
    "mp3": "an MP3 sound",
    "aac": "an AAC sound",
    "ac3": "an AC-3 sound",
    "eac3": "an AC-3 sound",
}


_MOST_BOXES: Final = 100_000
"""Of one recorded for days there are as many, behind its index."""


@contextmanager
def open_regular(path: str) -> Iterator[FileIO]:
    """Open a regular file for reading; never waits on a pipe or a device.

    Raises
    ------
    UnreadableMediaError
        The file is gone, is not a regular file, or the system denies access.
    """
    if root := root_without_place(path):
        raise UnreadableMediaError(path, no_place_of(root))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UnreadableMediaError(path, "is not a regular file")
        # Unbuffered: libsndfile reads from the descriptor, whose position a buffer would hide.
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    with file:
        yield file


@contextmanager
def open_not_empty(path: str) -> Iterator[FileIO]:
    """Open a regular file that holds at least a byte; raises EmptyMediaError for others."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise EmptyMediaError(path, "is empty (0 bytes)")
        yield file


def unreadable(path: str, error: Exception) -> UnreadableMediaError:
    """Word an error of the operating system."""
    match error:
        case FileNotFoundError():
            reason = "does not exist (any more)"
        case PermissionError():
            reason = "may not be read: the system denies access"
        case OSError(strerror=str() as words):
            reason = f"cannot be read: {words}"
        case _:
            reason = f"cannot be read: {error}"
    return UnreadableMediaError(path, reason)


@contextmanager
def media_errors(path: str) -> Iterator[None]:
    """Turn whatever a decoder throws at damaged input into a MediaError that names the file."""
    try:
        yield
    except ModagError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise UnreadableMediaError(path, "needs more memory than this machine has free") from error
        # Libraries raise OSError without a number for damaged input; the system always sets one.
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from error
        # Decoders answer hostile bytes with any exception there is: struct.error, SyntaxError, KeyError ...
        raise CorruptMediaError(path, damage(error)) from error


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell a shortage of memory from damage, which Pillow words alike."""
    is_of_pillow = isinstance(error, OSError) and error.errno is None and str(error).startswith("out of memory")
    return is_of_pillow or isinstance(error, MemoryError)


def damage(error: Exception) -> str:
    """Word an error of a decoder."""
    words = str(error).strip().removeprefix("Error : ").rstrip(".") or type(error).__name__
    return f"is damaged: {words}"


def appearance_in(file: BinaryIO, *, at_least: int = 0) -> str | None:
    """Say what an open file looks like by its first bytes, behind an ID3 tag if it has one; as `appearance_of`."""
    stream = raw_stream_in(file)
    if stream is not None:
        return _STREAM_NAMES[stream]
    starts = (after_id3(file), 0)
    looks = (appearance_of(read_at(file, SIGNATURE_BYTES, start), at_least=at_least) for start in starts)
    return next(filter(None, looks), None)


def misnamed(file: BinaryIO, wanted: str) -> str:
    """Say that a file is not what its name says, and what it looks like where its first bytes tell.

    Parameters
    ----------
    file : BinaryIO
    wanted : str
        What the name promises, such as ``"a sound"``.

    Returns
    -------
    str
        The end of a sentence that begins with the file: "is not …", "looks like …".
    """
    appearance = appearance_in(file)
    if appearance is None:
        return f"is not {wanted} that can be read, or is damaged from its start"
    if appearance.startswith(("an MPEG-4", "a QuickTime")) and not _has_index(file):
        return "is an MPEG-4 file without its index, as where it was cut off or its recorder never finished it"
    if appearance.rsplit(maxsplit=1)[-1] == wanted.rsplit(maxsplit=1)[-1]:
        return f"looks like {appearance}, but is damaged beyond reading"
    return f"is not {wanted}; it looks like {appearance}"


def _has_index(file: BinaryIO) -> bool:
    """Tell whether an MPEG-4 file has the box that says where in it what stands."""
    place = 0
    for _ in range(_MOST_BOXES):
        head = read_at(file, 16, place)
        if len(head) < 8:
            return False
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if name == b"moov":
            return True
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:
            return False
        place += length
    return False
