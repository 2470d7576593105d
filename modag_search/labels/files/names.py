"""Names for the files and folders that labels are written to."""

from __future__ import annotations

import itertools
import os
import re
from typing import TYPE_CHECKING

from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_BYTES = 200
"""File systems take 255; the rest is for numbers and endings."""

_LONGEST_PLAIN_BYTES = 100
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


def plain_name(name: str) -> str:
    r"""Write a name so that any file system can hold it.

    Examples
    --------
    >>> plain_name("what?.wav"), plain_name("na\udcefve.wav"), plain_name("a.wav")
    ('what_.wav', 'na_ve.wav', 'a.wav')
    """
    stem, ending = _divided(re.sub(r'[\x00-\x1f\ud800-\udfff"*/:<>?\\|]', "_", name))
    return _shortened(stem, most=_LONGEST_PLAIN_BYTES) + ending


def name_key(name: str) -> str:
    """Return what two names have in common that are one in some file systems: case and Unicode form do not count."""
    return composed(name).casefold()


def numbered(name: str, *, number: int = 2) -> Iterator[str]:
    """Iterate without end over a name and others like it, shortened where it is long.

    Parameters
    ----------
    name : str
    number : int
        What the second one has.

    Yields
    ------
    str

    Examples
    --------
    >>> list(itertools.islice(numbered("a.png"), 3))
    ['a.png', 'a-2.png', 'a-3.png']
    """
    stem, ending = _divided(name)
    stem = _shortened(stem, most=_LONGEST_BYTES)
    yield stem + ending
    for following in itertools.count(number):
        yield f"{stem}-{following}{ending}"


class UniqueNames:
    """Names of the files in a folder, no two of which are the same, nor differ in case alone.

    Examples
    --------
    >>> names = UniqueNames()
    >>> names.take("a.png"), names.take("A.png"), names.take("a.png", number=12)
    ('a.png', 'A-2.png', 'a-12.png')
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
        free = next(one for one in numbered(name, number=number) if name_key(one) not in self._taken)
        self._taken.add(name_key(free))
        return free


def _divided(name: str) -> tuple[str, str]:
    stem, ending = os.path.splitext(name)
    return (name, "") if len(ending) > _LONGEST_ENDING else (stem, ending)


def _shortened(stem: str, *, most: int) -> str:
    encoded = os.fsencode(stem)
    return stem if len(encoded) <= most else encoded[:most].decode(errors="ignore")
