"""Files that verbs write: refused at once where they could not be written, or where they would cost the user a file."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from modag_search.cli.output import say
from modag_search.errors import UsageError
from modag_search.files import check_replaceable

if TYPE_CHECKING:
    from pathlib import Path


def check_writable(path: Path, *, option: str, replaces: bytes | None = None) -> None:
    """Find out before the work what could otherwise only be found out after it.

    Parameters
    ----------
    path : Path
    option : str
        That names the file.
    replaces : bytes, optional
        What stands near the beginning of files that may be written over; any may, where it is None.

    Raises
    ------
    UsageError
        If the file cannot be written, or another file, of the user's, would be lost.
    """
    check_replaceable(path, mark=replaces, option=option)
    check_room(path)


def check_room(path: Path) -> None:
    """Find out whether a file or a folder could be put there; a UsageError says why not."""
    probe = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    made = folder_to_make(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    say_made(made)


def folder_to_make(path: Path) -> Path | None:
    """Return the folder that is made when a file or folder is written; None where it is there."""
    return None if path.parent.exists() else path.parent


def say_made(folder: Path | None) -> None:
    """Say on stderr that a folder was made for what is written: its name may be a slip."""
    if folder is not None:
        say(f"{folder}: this folder was not there, and was made")
