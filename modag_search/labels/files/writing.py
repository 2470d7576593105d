"""Files and folders that are written wholly or not at all, and over nothing of the user's."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.files import check_replaceable, replacing, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    check_replaceable(path, mark=mark)
    return write_atomically(path, lines, error=UsageError)


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
    with replacing(path, error=UsageError) as partial:
        if path.exists() and not (path.is_dir() and not os.listdir(path)):
            raise UsageError(f"{path}: is there already; name a folder that is new or empty")
        partial.mkdir()
        yield partial
