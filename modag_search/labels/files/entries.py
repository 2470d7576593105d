"""What a file of labels says: a label on a media file or on a part of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field

from modag_search.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEntry:
    """A label on a media file; entries that say the same are equal, wherever they stand.

    Attributes
    ----------
    path : str
        Absolute.
    label : str
    start_s, end_s : float or None
        The part that it holds for, in seconds; None on both sides for all of it, on one side from the beginning or to
        the end.
    line : int
        Where it stands; 0 where the source has no lines.
    source : str
        The file, or the folder of folders.
    """

    path: str
    label: str
    start_s: float | None = None
    end_s: float | None = None
    line: int = field(default=0, compare=False)
    source: str = field(compare=False)

    @property
    def where(self) -> str:
        """Where it stands, in words for errors."""
        return f"{self.source}: line {self.line}" if self.line else self.source


def checked_label(name: str, *, where: str) -> str:
    """Return a label without the white space around it.

    Raises
    ------
    UsageError
        If nothing is left of it, or it has a character that the catalog cannot keep.
    """
    label = name.strip()
    if not label:
        raise UsageError(f"{where}: a label must have a name")
    # SQLite's functions end a text at NUL; halves of surrogate pairs have no UTF-8.
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in label):
        raise UsageError(f"{where}: the label {label!a} has a character that no name can have; leave it out")
    return label


def checked_path(name: str, *, folder: str | os.PathLike[str], where: str) -> str:
    """Return a path from a folder on as an absolute one; a UsageError says `where` there is one that none can be."""
    path = os.path.normpath(os.path.join(folder, name))
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: {name!r} cannot be the name of a file") from error
    return path


def checked_part(start_s: float | None, end_s: float | None, *, where: str) -> tuple[float | None, float | None]:
    """Return a part as it is.

    Parameters
    ----------
    start_s, end_s : float or None
        In seconds.
    where : str
        Of the part, in words for errors.

    Returns
    -------
    (float or None, float or None)

    Raises
    ------
    UsageError
        If there is no such part of anything.
    """
    for seconds in (start_s, end_s):
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise UsageError(f"{where}: {seconds} is no time; times are in seconds from the beginning, which is 0")
    if (start_s or 0.0) >= (math.inf if end_s is None else end_s):
        raise UsageError(f"{where}: {start_s or 0.0} s to {end_s} s is empty; the start must lie before the end")
    return start_s, end_s
