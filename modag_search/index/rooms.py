"""What an index works by, each room imported and made when it is first asked for: no verb needs all of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from modag_search.catalog import Catalog
    from modag_search.classify.namer import Namer
    from modag_search.curate.curator import Curator
    from modag_search.index.places import Place
    from modag_search.index.soundness import Soundness
    from modag_search.index.upkeep import Upkeep
    from modag_search.index.workings import Workings
    from modag_search.search.finder import Finder
    from modag_search.search.item_map import Maps
    from modag_search.search.snapshot import Snapshots
    from modag_search.settings import IndexSettings

T = TypeVar("T")


class _Once(Generic[T]):
    """A property that is made when it is first asked for, and once, however many threads ask."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, rooms: Rooms | None, _: type[Rooms]) -> T:
        if rooms is None:
            return self  # type: ignore[return-value]  # the class is asked for it, as by what lists its members
        # What is kept under the name of the property is found before it from then on.
        kept = vars(rooms)
        with rooms.making:
            if self._name not in kept:
                kept[self._name] = self._make(rooms)
        made: T = kept[self._name]
        return made


class Rooms:
    """What an index works by.

    Parameters
    ----------
    place : Place
    catalog : Catalog
    settings : IndexSettings
        As the place has them.

    Attributes
    ----------
    making : threading.RLock
        Held while one of them is made.
    """

    def __init__(self, place: Place, catalog: Catalog, settings: IndexSettings) -> None:
        self._place = place
        self._catalog = catalog
        self._settings = settings
        self.making = threading.RLock()

    @_Once
    def workings(self) -> Workings:
        """Return the settings, with the encoders and the space that they name."""
        from modag_search.index.workings import Workings

        return Workings(self._place, self._catalog, self._settings)

    @_Once
    def snapshots(self) -> Snapshots:
        """Return what shows the index at one moment."""
        from modag_search.search.snapshot import Snapshots

        return Snapshots(self._catalog, lambda: self.workings.basis)

    @_Once
    def finder(self) -> Finder:
        """Return what finds items."""
        from modag_search.search.finder import Finder

        return Finder(self._place.folder, self._catalog, self.snapshots)

    @_Once
    def maps(self) -> Maps:
        """Return what lays items out."""
        from modag_search.search.item_map import Maps

        return Maps(self._place.folder, self._catalog, self.snapshots)

    @_Once
    def namer(self) -> Namer:
        """Return what names items by those that have labels."""
        from modag_search.classify.namer import Namer

        return Namer(self._place.folder, self._catalog, self.snapshots, keep=self._place.write)

    @_Once
    def curator(self) -> Curator:
        """Return what says what to look at next, or again."""
        from modag_search.curate.curator import Curator

        return Curator(self._catalog, self.snapshots, self.namer)

    @_Once
    def upkeep(self) -> Upkeep:
        """Return what takes files in and out."""
        from modag_search.index.upkeep import Upkeep

        return Upkeep(self._catalog, self.workings, self._place)

    @_Once
    def soundness(self) -> Soundness:
        """Return what finds damage, and mends it."""
        from modag_search.index.soundness import Soundness

        return Soundness(self._place, self._catalog, self.workings, self.namer)
