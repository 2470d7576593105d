"""Whether a file is gone, or only out of reach: a drive that is not mounted looks much like a deleted folder."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.spelling import root_without_place

if TYPE_CHECKING:
    from modag_search.values import ItemRecord

_MOUNT_POINTS_IN = (Path("/"), Path("/media"), Path("/mnt"), Path("/run/media"), Path("/Volumes"))


def is_gone(item: ItemRecord) -> bool:
    """Tell whether the file of an item has been removed, as far as can be told for certain.

    It is not where the system denies a look, where what is left of its path is a folder in which drives are mounted, or
    where that folder is empty and has been since before the file was last seen: a mount point without its drive; nor
    where the file lies below a named root that has no place on this machine.
    """
    return was_removed(item.path, seen_at=item.updated_at)


def was_removed(path: str, *, seen_at: str) -> bool:
    """Tell whether a file that was last seen at a time, ISO 8601, has been removed, as `is_gone` does of an item."""
    if root_without_place(path):
        return False
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return _was_emptied(_nearest_folder(Path(path)), seen_at=datetime.fromisoformat(seen_at))
    except OSError:
        return False
    return os.path.isdir(path)  # what is a folder now is that file no more


def _nearest_folder(path: Path) -> Path:
    return next((folder for folder in path.parents if folder.is_dir()), Path(path.anchor))


def _was_emptied(folder: Path, *, seen_at: datetime) -> bool:
    if folder in _MOUNT_POINTS_IN or folder.parent in _MOUNT_POINTS_IN[1:]:
        return False
    try:
        with os.scandir(folder) as entries:
            if any(True for _ in entries):
                return True
        return folder.stat().st_mtime > seen_at.timestamp() - 1
    except OSError:
        return False
