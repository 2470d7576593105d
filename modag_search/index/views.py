"""The vector stores of an index, kept in step with its catalog."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modag_search import registry
from modag_search.errors import DamagedStoreError, StoreError
from modag_search.stores import StoreStamp, VectorStore
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.space import Space

logger = logging.getLogger(__name__)


class Views:
    """One store a modality; each is opened when first needed, and brought up to date each time.

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
    """

    def __init__(
        self, folder: Path, *, catalog: Catalog, space: Space, fingerprints: Mapping[Modality, str], store: str
    ) -> None:
        self._folder = folder
        self._catalog = catalog
        self._space = space
        self._space_fingerprint = space.fingerprint
        self._fingerprints = fingerprints
        self._class = registry.store_class(store)
        self._open: dict[Modality, VectorStore] = {}

    def store(self, modality: Modality) -> VectorStore:
        """Return the store of a modality; it reflects the catalog as it is now."""
        if modality not in self._open:
            self._open[modality] = self._opened(modality)
        store = self._open[modality]
        self._catch_up(modality, store)
        return store

    def rebuild(self) -> int:
        """Make all stores anew from the features in the catalog, and return how many vectors they hold."""
        for modality in MODALITIES:
            self._open[modality] = self._new(modality)
        return sum(len(self.store(modality)) for modality in MODALITIES)

    def synchronise(self) -> None:
        """Bring every store up to date, on disk too."""
        for modality in MODALITIES:
            self.store(modality)

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
                continue
            expected = len(self._catalog.segments.ids(self._fingerprints[modality]))
            if store.stamp == self._stamp(modality) and len(store) != expected:
                found.append(f"{path}: holds {len(store)} vectors, the catalog has {expected}; run `modag rebuild`")
        return found

    def _path(self, modality: Modality) -> Path:
        return self._folder / f"{modality}.{self._class.name}"

    def _stamp(self, modality: Modality) -> StoreStamp:
        return StoreStamp(
            space=self._space_fingerprint,
            pipeline=self._fingerprints[modality],
            generation=self._catalog.generation,
        )

    def _new(self, modality: Modality) -> VectorStore:
        self._path(modality).unlink(missing_ok=True)
        return self._class(self._path(modality), dimension=self._space.dimension)

    def _opened(self, modality: Modality) -> VectorStore:
        try:
            store = self._class(self._path(modality), dimension=self._space.dimension)
        except DamagedStoreError as error:
            logger.warning("%s; making it anew from the catalog", error)
            return self._new(modality)
        now, then = self._stamp(modality), store.stamp
        if then and ((then.space, then.pipeline) != (now.space, now.pipeline) or then.generation > now.generation):
            return self._new(modality)
        return store

    def _catch_up(self, modality: Modality, store: VectorStore) -> None:
        """Apply to a store what has changed in the catalog since it was stamped."""
        now = self._stamp(modality)
        if store.stamp == now:
            return
        since = store.stamp.generation if store.stamp else 0
        if since:
            store.remove(self._catalog.segments.removed_since(since))
        fingerprint = self._fingerprints[modality]
        for ids, features in self._catalog.segments.features(fingerprint, after_generation=since):
            store.add(ids, self._space.project(modality, features))
        try:
            store.save(now)
        except StoreError as error:
            logger.warning("%s; the next command does the same work again", error)
            store.stamp = now
