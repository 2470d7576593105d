"""An index as it is at one moment: made once, shared by threads, never changed.

What a question needs (vectors to search, labelled segments, weights) takes time to read and to learn, and holds until
the catalog changes. So it is made when it is first asked for, kept with the moment that it belongs to, and made of what
the moment before had where that is quicker. Questions that are under way keep their moment while the next one is made.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from modag_search.errors import DamagedStoreError, StoreChangedError, StoreServerError
from modag_search.features.vectors import SegmentVectors
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modag_search.catalog import Catalog, CatalogMoment
    from modag_search.features.encoding import MediaEncoder
    from modag_search.search.store_sync import StoreSync
    from modag_search.space import Space
    from modag_search.stores import StampedReader

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[T]):
    """What a snapshot may hold.

    Attributes
    ----------
    name : str
    make : callable
        Given the snapshot, and the part of the one before it or None, returns the part. It may get other parts, but
        two parts must not need each other, near or far: two threads would wait for each other.
    """

    name: str
    make: Callable[[Snapshot, T | None], T]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """What decides vectors; with another one, nothing of a former snapshot holds.

    Attributes
    ----------
    encoder : MediaEncoder
    space : Space
    stores : StoreSync
    """

    encoder: MediaEncoder
    space: Space
    stores: StoreSync


class Snapshot:
    """An index at one moment.

    Parameters
    ----------
    catalog : Catalog
        In a view of it at that moment, whenever a part is made.
    basis : Basis
    moment : CatalogMoment
    former : Mapping of Part to object
        Parts of the snapshot before, or before that.
    """

    def __init__(
        self, catalog: Catalog, *, basis: Basis, moment: CatalogMoment, former: Mapping[Part[Any], Any]
    ) -> None:
        self.catalog = catalog
        self.basis = basis
        self.moment = moment
        self._former = dict(former)
        self._made: dict[Part[Any], Any] = {}
        # A lock for each part, so that who asks for one does not wait while another is made. A part that needs itself
        # recurses without end, which is seen, rather than waits. The lock of these locks is held for moments only.
        self._making: dict[Part[Any], threading.RLock] = {}
        self._lock = threading.Lock()

    @property
    def encoder(self) -> MediaEncoder:
        """Makes features of media."""
        return self.basis.encoder

    @property
    def space(self) -> Space:
        """Makes vectors of features."""
        return self.basis.space

    @property
    def vectors(self) -> SegmentVectors:
        """Reads vectors of segments."""
        return SegmentVectors(self.catalog, self.space, self.encoder)

    def get(self, part: Part[T]) -> T:
        """Return a part, made now if it has not been asked for before."""
        made = self._made.get(part)
        if made is not None:
            return made  # type: ignore[no-any-return]
        with self._lock:
            making = self._making.setdefault(part, threading.RLock())
        with making:
            if part not in self._made:
                made = part.make(self, self._former.get(part))
                with self._lock:
                    self._made[part] = made
                    self._former.pop(part, None)
            return self._made[part]  # type: ignore[no-any-return]

    def parts(self) -> dict[Part[Any], Any]:
        """Return the newest of each part that there is, for the snapshot after this one; waits for none to be made."""
        with self._lock:
            return {**self._former, **self._made}


def _store_part(modality: Modality) -> Part[StampedReader]:
    return Part(f"{modality} store", lambda snapshot, former: snapshot.basis.stores.present(modality, former))


STORES: Mapping[Modality, Part[StampedReader]] = {modality: _store_part(modality) for modality in MODALITIES}


class Snapshots:
    """Holds the present snapshot of an index, and makes the next one when the catalog has moved.

    Parameters
    ----------
    catalog : Catalog
    basis : callable
        Returns the present basis: the same object while nothing has changed.
    """

    def __init__(self, catalog: Catalog, basis: Callable[[], Basis]) -> None:
        self._catalog = catalog
        self._basis = basis
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._within = threading.local()

    @contextmanager
    def present(self) -> Iterator[Snapshot]:
        """Give the snapshot of now; within the block, this thread's reads of the catalog are of the same moment.

        Within another such block of the same thread, its snapshot. A generator must not yield inside the block: what
        its caller does meanwhile would be of that moment, too.
        """
        outer: Snapshot | None = getattr(self._within, "snapshot", None)
        if outer is not None:
            yield outer
            return
        with ExitStack() as stack:
            # Under one lock, so that no moment is looked at after a later one: snapshots only ever move on.
            with self._lock:
                basis = self._basis()
                stack.enter_context(self._catalog.view())
                snapshot = self._moved_on(basis)
            self._within.snapshot = snapshot
            stack.callback(setattr, self._within, "snapshot", None)
            try:
                yield snapshot
            except (DamagedStoreError, StoreChangedError, StoreServerError):
                with self._lock:
                    self._latest = None  # who asks again begins with what the server has now, or does without it
                raise

    def _moved_on(self, basis: Basis) -> Snapshot:
        """Return the snapshot of the view; that of the moment before gives what holds still."""
        latest, moment = self._latest, self._catalog.moment
        if latest is None or latest.basis is not basis:
            latest = Snapshot(self._catalog, basis=basis, moment=moment, former={})
        elif latest.moment != moment:
            latest = Snapshot(self._catalog, basis=basis, moment=moment, former=latest.parts())
        self._latest = latest
        return latest
