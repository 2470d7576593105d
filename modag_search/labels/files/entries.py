"""What a file of labels says: a label on a media file or on a part of it."""

from __future__ import annotations

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
    is_not : bool
        Whether it says that the label does not hold.
    is_tag : bool
        Whether the label is a tag.
    line : int
        Where it stands; 0 where the source has no lines.
    source : str
        The file, or the folder of folders.
    """

    path: str
    label: str
    start_s: float | None = None
    end_s: float | None = None
    is_not: bool = False
    is_tag: bool = False
    line: int = field(default=0, compare=False)
    source: str = field(compare=False)

    @property
    def where(self) -> str:
        """Where it stands, in words for errors."""
        return f"{self.source}: line {self.line}" if self.line else self.source


def checked_path(name: str, *, folder: str | os.PathLike[str], where: str) -> str:
    """Return a path from a folder on as an absolute one; a UsageError says `where` there is one that none can be."""
    path = os.path.normpath(os.path.join(folder, name))
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: {name!r} cannot be the name of a file") from error
    return path
