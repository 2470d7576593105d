"""Which kind of store an index has: one that was named, or the one that suits how many vectors there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search import registry

if TYPE_CHECKING:
    from modag_search.stores.base import VectorStore

AUTO = "auto"
"""Stands for a kind by size."""
MOST_COMPARED = 25_000
"""So many vectors of a modality are compared all, in some milliseconds; more are arranged in lists."""
_SMALL, _LARGE = "faiss-flat", "faiss-ivf"


class StoreKinds:
    """Which kind of store an index has.

    Parameters
    ----------
    name : str
        Of an installed kind, or ``auto``.

    Raises
    ------
    UnknownPluginError, PluginError
        On creation, if there is none of that name, or it cannot be loaded.
    """

    def __init__(self, name: str) -> None:
        names = (_SMALL, _LARGE) if name == AUTO else (name,)
        self.known: tuple[type[VectorStore], ...] = tuple(map(registry.store_class, names))

    def for_size(self, n: int) -> type[VectorStore]:
        """Return the kind for `n` vectors."""
        return self.known[0] if n <= MOST_COMPARED else self.known[-1]
