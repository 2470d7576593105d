"""Files and folders that are either wholly old or wholly new, and files that know when they have been altered."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from modag_search.errors import DamagedStoreError, ModagError, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_MAGIC = b"modag-store/1\n"
_LOOKED_AT = 65_536
_LEAST_ROOM = 65_536
"""Bytes."""
_LONGEST_HEADER = 2**20
MOST_BYTES = 2**32
"""Of a file that is read whole: a space or a head of the largest index has a part of it."""
_MOST_LEVELS = 64
"""Of lists and objects within each other: ours have six."""
_TOO_DEEP = "its JSON is nested too deeply"
_JOURNAL = "-journal"
"""Ends the name of what SQLite keeps beside a file that it writes."""
_lent: set[str] = set()
"""Names that threads of this process write at. Process ids come again: in containers most writers have the same one."""


Mark = tuple[int, int, int]
"""Tells a file from another one of the same name: its inode, size, and time of change in ns."""


def mark_of(path: Path) -> Mark | None:
    """Look at a file without reading it; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def open_regular(path: str | os.PathLike[str], *, most_bytes: int | None = None) -> BinaryIO:
    """Open a file for reading; what is in its place (a pipe, a device, a folder) is neither waited for nor read.

    Parameters
    ----------
    path : str or os.PathLike
    most_bytes : int, optional
        How long it may be.

    Returns
    -------
    BinaryIO

    Raises
    ------
    OSError
        If it cannot be opened, is no regular file, or is longer; it names the path.
    """

    def opened(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            _require_regular(path, os.fstat(descriptor), most_bytes=most_bytes)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    return open(path, "rb", opener=opened)  # which knows its name, for errors


def _require_regular(path: str | os.PathLike[str], status: os.stat_result, *, most_bytes: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
    if most_bytes is not None and status.st_size > most_bytes:
        raise OSError(errno.EFBIG, f"has {status.st_size} bytes, and may have {most_bytes}", os.fspath(path))


def read_regular(path: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a file of bounded length; see `open_regular`."""
    with open_regular(path, most_bytes=most_bytes) as file:
        return file.read()


def json_of(text: str | bytes | bytearray) -> Any:
    """Parse JSON of a file; a ValueError says that it is none, or nested deeper than anything of ours is."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    layer = [document] if isinstance(document, (dict, list)) else []
    for _ in range(_MOST_LEVELS):
        parts = (part.values() if isinstance(part, dict) else part for part in layer)
        layer = [part for some in parts for part in some if isinstance(part, (dict, list))]
    if layer:
        raise ValueError(_TOO_DEEP)
    return document


def check_own(path: Path, *, error: type[ModagError]) -> None:
    """Refuse to change a file or a folder in place where that would change one elsewhere: who sent it may mean that.

    Links within its folder are followed; the folder itself may lie behind one.

    Parameters
    ----------
    path : Path
    error : type of ModagError

    Raises
    ------
    ModagError
        If it is a link that leads out of its folder, has another name (a hard link) as well, or is neither a file nor
        a folder.
    """
    try:
        status = path.stat()
        inside = os.path.realpath(path).startswith(os.path.join(os.path.realpath(path.parent), ""))
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise error(f"{path}: is a link to nothing; remove it") from None
        return
    except OSError as cause:
        raise error(f"{path}: cannot be used: {cause.strerror}") from cause
    if not inside:
        raise error(f"{path}: is a link to {os.path.realpath(path)}, which would be changed; put a copy in its place")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise error(f"{path}: is neither a file nor a folder; remove it")
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        raise error(f"{path}: is another file, too (a hard link), which would be changed; put a copy in its place")


@contextmanager
def replacing(path: Path, *, error: type[ModagError]) -> Iterator[Path]:
    """Lend a path beside another, and put the file or folder made there in the other's place once the block is done.

    It is seen on the disk before, and the rename after; a folder must be new, or replace an empty one. Threads and
    processes may write one path at once, and the last one's stays. What others left beside it, killed while they did,
    is removed.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    error : type of ModagError
        What an OSError becomes; it names the path.

    Yields
    ------
    Path
        There is nothing at it yet; what is left there when the block fails is removed.
    """
    partial = _lend(path)
    try:
        make_folder(path.parent)
        yield partial
        see_on_disk(partial)
        os.replace(partial, path)
        see_on_disk(path.parent)
        for leftover in _leftovers(path):
            _remove(leftover)
    except OSError as cause:
        elsewhere = cause.filename not in (None, str(path), str(partial))
        reason = f"{cause.strerror or cause}{f' ({cause.filename})' if elsewhere else ''}"
        raise error(f"{path}: cannot be written: {reason}") from cause
    finally:
        _remove(partial)
        _lent.discard(partial.name)


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """Lend a new folder on the disk of a path; where its user is killed, the next who replaces the path removes it."""
    folder = _lend(path)
    try:
        folder.mkdir()
        yield folder
    finally:
        _remove(folder)
        _lent.discard(folder.name)


@contextmanager
def writing(path: Path, *, error: type[ModagError]) -> Iterator[BinaryIO]:
    """Lend a file that takes the place of another once the block is done; see `replacing`."""
    with replacing(path, error=error) as partial, partial.open("x+b") as file:
        yield file


def write_atomically(path: Path, parts: Iterable[bytes | memoryview], *, error: type[ModagError]) -> int:
    """Replace `path` by the concatenation of `parts`, and return how many there were; see `replacing`."""
    count = 0
    with writing(path, error=error) as file:
        for part in parts:
            file.write(part)
            count += 1
    return count


def check_replaceable(path: Path, *, mark: bytes | None, option: str = "") -> None:
    """Refuse to write over a file of the user's.

    Parameters
    ----------
    path : Path
    mark : bytes or None
        What stands near the beginning of files that may be written over; None where any may.
    option : str
        That names the file, in words for errors.

    Raises
    ------
    UsageError
        If a folder or another file is there, or it cannot be read.
    """
    by_option = f" by {option}" if option else ""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file{by_option}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is a pipe or a device, and no file; name one{by_option}")
    if mark is None:
        return
    try:
        with open_regular(path) as file:
            beginning = file.read(_LOOKED_AT)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    if beginning and mark not in beginning:
        raise UsageError(f"{path}: is a file of another kind, and would be lost; name another{by_option}")


def hindrance_to_writing(path: str | os.PathLike[str]) -> str | None:
    """Say why a file cannot be written, or nothing made beside it, in words for people; None where both can be."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.lexists(path):
        return None if _allows_writing(folder) else "its folder does not allow writing"
    with suppress(OSError, AttributeError):  # AttributeError: only Unix has statvfs
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            return "its disk is mounted read-only"
    if not _allows_writing(folder):
        return "its folder does not allow writing"
    return None if _allows_writing(path) else f"{os.path.basename(path)} does not allow writing"


def is_full(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is no room left on the disk of a file for what SQLite needs beside it."""
    with suppress(OSError, AttributeError):  # AttributeError: only Unix has statvfs
        disk = os.statvfs(path)
        return disk.f_bavail * disk.f_frsize < _LEAST_ROOM or 0 == disk.f_favail < disk.f_files
    return False


def _allows_writing(path: str | os.PathLike[str]) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def make_folder(folder: Path) -> None:
    """Make a folder, and those it lies in, where they are missing; their names survive a power cut.

    Raises
    ------
    OSError
        If one cannot be made, or another file is there.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        see_on_disk(one.parent)


def see_on_disk(path: str | os.PathLike[str]) -> None:
    """Make what a file holds, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lend(path: Path) -> Path:
    """Return a name beside a path that nobody else has."""
    partial = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(8)}")
    _lent.add(partial.name)
    return partial


def _leftovers(path: Path) -> list[Path]:
    """List what writers of a path left beside it and will not come back to: they were killed."""
    # Without a process: as names once were. SQLite may have kept a journal.
    of_path = re.compile(rf"\.{re.escape(path.name)}-(?:(\d+)-)?[0-9a-f]{{16}}(?:{_JOURNAL})?", re.ASCII)
    named = ((name, of_path.fullmatch(name)) for name in os.listdir(path.parent))
    return [path.with_name(name) for name, match in named if match and not _is_being_written(name, match[1])]


def _is_being_written(name: str, process: str | None) -> bool:
    if process is None:
        return False
    return name.removesuffix(_JOURNAL) in _lent if int(process) == os.getpid() else is_running(int(process))


def is_running(process: int) -> bool:
    """Tell whether there is a process of an id on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):  # OverflowError: no process has such an id
        return False
    except PermissionError:
        return True  # another user's
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def write_checked(path: Path, header: Mapping[str, Any], payload: memoryview) -> None:
    """Write a header and a payload, after the checksum of both, atomically; a StoreError says that it cannot be."""
    line = json.dumps(header, sort_keys=True).encode() + b"\n"
    write_atomically(path, [_MAGIC, _checksum(line, payload), line, payload], error=StoreError)


def read_checked(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read what `write_checked` wrote.

    Raises
    ------
    DamagedStoreError
        If a bit of it differs.
    """
    checksum, line, payload = _parts(path)
    if checksum != _checksum(line, payload):
        raise DamagedStoreError(f"{path}: its checksum is off; `modag rebuild` makes it anew")
    return _header(path, line), payload


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of what `write_checked` wrote, and nothing else: a bit of it may differ.

    Raises
    ------
    DamagedStoreError
        If there is none.
    """
    return _header(path, _parts(path, most_bytes=0)[1])


def _parts(path: Path, *, most_bytes: int = -1) -> tuple[bytes, bytes, bytes]:
    """Read the checksum, the header, and so much of the payload, or all of it."""
    try:
        with open_regular(path) as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise DamagedStoreError(f"{path}: is not a store of modag-search")
            return file.readline(_LONGEST_HEADER), file.readline(_LONGEST_HEADER), file.read(most_bytes)
    except OSError as error:
        raise DamagedStoreError(f"{path}: cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise DamagedStoreError(f"{path}: is larger than the memory that is free") from error


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json_of(line)
    except ValueError as error:
        raise DamagedStoreError(f"{path}: cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise DamagedStoreError(f"{path}: cannot be read: its header is no object")
    return header


def _checksum(line: bytes, payload: bytes | memoryview) -> bytes:
    """Hash header and payload to a line of hex digits."""
    digest = hashlib.blake2b(line, digest_size=16)
    digest.update(payload)
    return digest.hexdigest().encode() + b"\n"
