"""Files and folders that are written wholly or not at all, and over nothing of the user's."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.errors import StoreError, UsageError
from modag_search.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LOOKED_AT = 65_536


def write_file(path: Path, lines: Iterable[bytes], *, mark: bytes) -> int:
    """Write a file, and return how many lines it has.

    Parameters
    ----------
    path : Path
    lines : iterable of bytes
    mark : bytes
        What stands near the beginning of files that may be written over.

    Returns
    -------
    int

    Raises
    ------
    UsageError
        If another file, of the user's, would be lost, or the file cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    try:
        if path.exists():
            with path.open("rb") as file:
                beginning = file.read(_LOOKED_AT)
            if beginning and mark not in beginning:
                raise UsageError(f"{path}: is a file of another kind, and would be lost; name another")
        parts: list[bytes | memoryview] = list(lines)
        write_atomically(path, parts)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    except StoreError as error:
        raise UsageError(str(error)) from error
    return len(parts)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder of all that is written into another one meanwhile, or nothing if that fails.

    Parameters
    ----------
    path : Path
        New or empty.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    UsageError
        If it is there and not empty, or cannot be written.
    """
    # A link to a folder goes on being one.
    path = Path(os.path.realpath(path))
    partial = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        if path.exists() and not (path.is_dir() and not os.listdir(path)):
            raise UsageError(f"{path}: is there already; name a folder that is new or empty")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
