"""The vector stores of an index, kept in step with its catalog."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import numpy as np

from modag_search import registry
from modag_search.errors import DamagedCatalogError, DamagedStoreError, StoreError
from modag_search.stores import NOTHING, StoreStamp, VectorStore
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from filelock import BaseFileLock

    from modag_search.catalog import Catalog
    from modag_search.space import Space
    from modag_search.values import Float32Array

logger = logging.getLogger(__name__)

_SAMPLE = 100
_SAME = 0.999
"""Cosine from which on two vectors of one feature are the same, computed by whatever machine."""


class StoreSync:
    """One store a modality; each is opened when first needed, and brought up to date each time.

    A store follows the catalog in memory, for whoever asks. Only who holds the index's lock writes it to the disk: a
    reader does so where the lock is free at that moment, and otherwise leaves it to the next.

    Parameters
    ----------
    folder : Path
        Where the stores are saved.
    catalog : Catalog
    space : Space
    fingerprints : Mapping of modality to str
        Of the pipelines whose features count.
    store : str
        Name of the kind of store.
    lock : BaseFileLock, optional
        The index's; without one, nobody else has the index open.
    """

    def __init__(
        self,
        folder: Path,
        *,
        catalog: Catalog,
        space: Space,
        fingerprints: Mapping[Modality, str],
        store: str,
        lock: BaseFileLock | None = None,
    ) -> None:
        self._folder = folder
        self._catalog = catalog
        self._space = space
        self._space_fingerprint = space.fingerprint
        self._fingerprints = fingerprints
        self._class = registry.store_class(store)
        self._lock = lock
        self._open: dict[Modality, VectorStore] = {}
        self._saved: dict[Modality, StoreStamp | None] = {}

    def store(self, modality: Modality) -> VectorStore:
        """Return the store of a modality; it reflects the catalog as it is now."""
        store = self._caught_up(modality)
        if self._saved[modality] != store.stamp:
            with self._free_lock() as is_held:
                if is_held:
                    self._save(modality)
        return store

    def synchronise(self) -> None:
        """Bring every store up to date, on disk too; for who holds the index's lock."""
        for modality in MODALITIES:
            self._save_where_changed(modality)

    def rebuild(self) -> int:
        """Make all stores anew, and return how many vectors they hold; for who holds the index's lock.

        They are made from the features in the catalog. Features that are damaged are discarded: the next run over
        their files makes them anew.
        """
        if discarded := self._catalog.discard_damaged():
            logger.warning("%d features were damaged; `modag index` on their folders makes them anew", discarded)
        for modality in MODALITIES:
            self._open[modality] = self._new(modality)
            self._saved[modality] = None
        self.synchronise()
        return sum(len(store) for store in self._open.values())

    def problems(self) -> list[str]:
        """Describe stores that cannot be read or that do not hold what the catalog says, without mending them."""
        found = []
        for modality in MODALITIES:
            path = self._path(modality)
            if not path.exists():
                continue
            try:
                store = self._class(path, dimension=self._space.dimension)
            except DamagedStoreError as error:
                found.append(str(error))
            else:
                found += [f"{path}: {problem}; run `modag rebuild`" for problem in self._differences(modality, store)]
        return found

    # Following the catalog.

    def _caught_up(self, modality: Modality) -> VectorStore:
        if modality not in self._open:
            self._open[modality] = self._loaded(modality)
            self._saved[modality] = self._open[modality].stamp
        now, then = self._stamp(modality), self._open[modality].stamp
        if now != then:
            if then is not None and not self._leads_to(now, then):
                self._open[modality] = self._new(modality)
            self._follow(modality, self._open[modality])
            self._open[modality].stamp = now
        return self._open[modality]

    def _loaded(self, modality: Modality) -> VectorStore:
        try:
            return self._class(self._path(modality), dimension=self._space.dimension)
        except DamagedStoreError as error:
            logger.warning("%s; making it anew from the catalog", error)
            return self._new(modality)

    def _new(self, modality: Modality) -> VectorStore:
        return self._class(self._path(modality), dimension=self._space.dimension, fresh=True)

    def _leads_to(self, now: StoreStamp, then: StoreStamp) -> bool:
        """Tell whether the catalog's changes since `then` are all that separates it from `now`."""
        of_same_maker = (then.space, then.pipeline) == (now.space, now.pipeline)
        return of_same_maker and self._catalog.has_generation(then.generation, then.token)

    def _follow(self, modality: Modality, store: VectorStore) -> None:
        """Apply to a store what has changed in the catalog since it was stamped; twice does no harm."""
        since = 0
        if store.stamp is not None:
            since = store.stamp.generation
            store.remove(self._catalog.segments.removed_since(since))
        fingerprint = self._fingerprints[modality]
        for ids, features in self._catalog.segments.features(fingerprint, after_generation=since):
            store.add(ids, self._space.project(modality, features))

    def _path(self, modality: Modality) -> Path:
        return self._folder / f"{modality}.{self._class.name}"

    def _stamp(self, modality: Modality) -> StoreStamp:
        generation, token = self._catalog.latest_generation
        return StoreStamp(
            space=self._space_fingerprint,
            pipeline=self._fingerprints[modality],
            generation=generation,
            token=token,
        )

    # Writing to the disk.

    def _save_where_changed(self, modality: Modality) -> None:
        if self._caught_up(modality).stamp != self._saved[modality]:
            self._save(modality)

    def _save(self, modality: Modality) -> None:
        store = self._open[modality]
        assert store.stamp is not None
        try:
            store.save(store.stamp)
        except StoreError as error:
            logger.warning("%s; the next command does the same work again", error)
        # Also after a failure: it is not tried again at every question, but when there is something new.
        self._saved[modality] = store.stamp

    @contextlib.contextmanager
    def _free_lock(self) -> Iterator[bool]:
        """Hold the index's lock, if no one else does and the folder allows it."""
        if self._lock is None:
            yield True
            return
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=0)
        except (Timeout, OSError):
            yield False
            return
        try:
            yield True
        finally:
            self._lock.release()

    # Checking.

    def _differences(self, modality: Modality, store: VectorStore) -> Iterator[str]:
        """Compare a store with the catalog; one that lags behind is no problem, since it catches up."""
        now = self._stamp(modality)
        expected = self._catalog.segments.ids(self._fingerprints[modality])
        if store.stamp != now or now != self._stamp(modality):
            return
        missing = len(expected) - int(np.count_nonzero(store.holds(expected)))
        extra = len(store) - (len(expected) - missing)
        if missing or extra:
            yield f"lacks {missing} vectors and holds {extra} that the catalog does not know"
        for segment_id in expected[:: max(1, len(expected) // _SAMPLE)].tolist():
            vector = self._vector(modality, segment_id)
            if vector is not None and not _holds_at(store, segment_id, vector):
                yield f"the vector of segment {segment_id} is not the one that the space makes of its feature"
                return

    def _vector(self, modality: Modality, segment_id: int) -> Float32Array | None:
        """Make the vector of a segment; None where its feature is damaged, which `Catalog.check` tells."""
        try:
            features = self._catalog.segments.features_of([segment_id])
        except DamagedCatalogError:
            return None
        return self._space.project(modality, features[segment_id][None]) if features else None


def _holds_at(store: VectorStore, segment_id: int, vector: Float32Array) -> bool:
    """Tell whether a store holds this vector, or none, under an id."""
    similarities, found = store.search(vector, k=1, among=np.array([segment_id], dtype=np.int64))
    # A feature of nothing but zeros can have a vector without length.
    return bool(found[0, 0] == NOTHING or similarities[0, 0] >= _SAME * (vector @ vector.T)[0, 0])
