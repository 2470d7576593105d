"""Names for the files and folders that labels are written to."""

from __future__ import annotations

import os

_LONGEST_BYTES = 200
"""File systems take 255; the rest is for numbers and endings."""

_LONGEST_ENDING = 10


def folder_name(label: str) -> str:
    """Make a label the name of a folder.

    Examples
    --------
    >>> folder_name("trumpet"), folder_name("R/B"), folder_name(".net")
    ('trumpet', 'R_B', '_.net')
    """
    name = label.replace("/", "_").replace("\0", "_")
    return f"_{name}" if name.startswith(".") else name


class UniqueNames:
    """Names of the files in a folder, no two of which are the same.

    Examples
    --------
    >>> names = UniqueNames()
    >>> names.take("a.png"), names.take("a.png"), names.take("a.png", number=12)
    ('a.png', 'a-2.png', 'a-12.png')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str, *, number: int = 2) -> str:
        """Return a name that is not taken, and take it.

        Parameters
        ----------
        name : str
        number : int
            What is added to a name that is taken.

        Returns
        -------
        str
        """
        stem, ending = os.path.splitext(name)
        if len(ending) > _LONGEST_ENDING:
            stem, ending = name, ""
        stem = _shortened(stem)
        free = stem + ending
        while free in self._taken:
            free = f"{stem}-{number}{ending}"
            number += 1
        self._taken.add(free)
        return free


def _shortened(stem: str) -> str:
    encoded = os.fsencode(stem)
    return stem if len(encoded) <= _LONGEST_BYTES else encoded[:_LONGEST_BYTES].decode(errors="ignore")
