"""The patterns of what is never taken into an index, kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.media import BUILT_IN, PathPattern
from modag_search.spelling import composed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog import Catalog


class ExclusionBook:
    """Patterns as in .gitignore; of those that match, the last one decides.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @property
    def built_in(self) -> tuple[str, ...]:
        """What is passed over without having been asked for, before the patterns of the index: hidden and system files.

        ``.nomedia`` stands for the folders that hold such a file.
        """
        return BUILT_IN

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns that are kept with the index, in the order in which they were added."""
        return tuple(self._catalog.exclusions.all())

    def add(self, patterns: str | Sequence[str]) -> int:
        """Keep patterns, and return how many are new.

        Parameters
        ----------
        patterns : str or sequence of str
            ``*.tmp.wav``; ``drafts/``, folders of that name; ``/mixes/old``, below a folder that `Index.add` is given;
            ``/home/me/Samples/mixes/old``, an absolute path below it; ``!keep.wav`` takes in what others cover.

        Returns
        -------
        int

        Raises
        ------
        UsageError
            If one cannot be meant; nothing has been done then.
        """
        return self._catalog.exclusions.add([PathPattern(one).text for one in _listed(patterns)])

    def remove(self, patterns: str | Sequence[str]) -> int:
        """Keep patterns no longer, and return how many there were.

        Raises
        ------
        UsageError
            If one of them is not kept with the index; nothing has been done then.
        """
        kept = self.patterns
        for pattern in (listed := _listed(patterns)):
            if pattern not in kept:
                raise UsageError(f"{pattern}: {_why_absent(pattern)}")
        return self._catalog.exclusions.remove(listed)


def _listed(patterns: str | Sequence[str]) -> list[str]:
    return [composed(patterns)] if isinstance(patterns, str) else [*map(composed, patterns)]


def _why_absent(pattern: str) -> str:
    if pattern in BUILT_IN:
        return f"is passed over without having been asked for; `modag exclude add '!{pattern}'` takes it in"
    return "is no pattern of this index; `modag exclude list` lists them"
