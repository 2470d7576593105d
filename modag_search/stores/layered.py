"""What has changed since a store was built: vectors that came, laid over it, and ids that went."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from modag_search.stores.base import StoreReader, are_apart, greatest_products, nearest, nothing_found
from modag_search.stores.selection import KeptByArray, are_among

if TYPE_CHECKING:
    import numpy.typing as npt

    from modag_search.stores.base import VectorStore
    from modag_search.values import Float32Array, Int64Array

_LEAST_HEAVY = 4096
_HEAVY_SHARE = 8
_DUE_SHARE = 4


class LayeredReader(StoreReader):
    """A built reader, a flat layer of vectors that came later, and the ids of the former that are gone.

    Nothing of it changes: `followed` gives another one that shares what is built. No id is in both layers.

    Parameters
    ----------
    base : StoreReader
    ids : np.ndarray [shape=(n,), int64], optional
        Of the vectors that came later, ascending.
    vectors : np.ndarray [shape=(n, d), float32], optional
    gone : np.ndarray [shape=(m,), int64], optional
        Ids of `base` that do not count any more, ascending.
    """

    def __init__(
        self,
        base: StoreReader,
        *,
        ids: Int64Array | None = None,
        vectors: Float32Array | None = None,
        gone: Int64Array | None = None,
    ) -> None:
        self.base = base
        self.dimension = base.dimension
        self.delta_ids = np.zeros(0, dtype=np.int64) if ids is None else ids
        self.delta_vectors = np.zeros((0, base.dimension), dtype=np.float32) if vectors is None else vectors
        self.gone = np.zeros(0, dtype=np.int64) if gone is None else gone
        self.gone.setflags(write=False)
        self._delta_among: KeptByArray[npt.NDArray[np.bool_]] = KeptByArray()

    @property
    def is_heavy(self) -> bool:
        """Whether so much has changed that building anew is worth its while."""
        return len(self.delta_ids) + len(self.gone) > self.most_changes

    @property
    def is_due(self) -> bool:
        """Whether enough has changed to take it into what is built, when there is time."""
        return len(self.delta_ids) + len(self.gone) > self.most_changes // _DUE_SHARE

    @property
    def most_changes(self) -> int:
        """So many are not heavy yet."""
        return max(_LEAST_HEAVY, len(self.base) // _HEAVY_SHARE)

    def followed(self, *, removed: Int64Array, ids: Int64Array, vectors: Float32Array) -> LayeredReader:
        """Return what becomes of this by a change.

        Parameters
        ----------
        removed : np.ndarray [shape=(m,), int64]
            Ids that are gone; those that are not here are passed over.
        ids : np.ndarray [shape=(n,), int64]
        vectors : np.ndarray [shape=(n, d), float32]
            An id that is here already gets the new vector.

        Returns
        -------
        LayeredReader
        """
        leaving = np.union1d(removed, ids)
        stays = ~np.isin(self.delta_ids, leaving)
        later_ids = np.concatenate([self.delta_ids[stays], ids])
        later = np.concatenate([self.delta_vectors[stays], vectors.astype(np.float32, copy=False)])
        order = np.argsort(later_ids)
        gone = np.union1d(self.gone, leaving[self.base.holds(leaving)])
        return LayeredReader(self.base, ids=later_ids[order], vectors=later[order], gone=gone)

    def merged(self, kind: type[VectorStore]) -> StoreReader | None:
        """Build a base of all layers; None where `kind` builds it better of all vectors anew."""
        return kind.merged(self.base, gone=self.gone, ids=self.delta_ids, vectors=self.delta_vectors)

    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None, without: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours in both layers; see `StoreReader.search`."""
        # The same array again, where it can be: what is made of it is kept.
        hidden = self.gone if without is None or len(without) == 0 else np.union1d(self.gone, without)
        similarities, ids = self.base.search(vectors, k=k, among=among, without=hidden if len(hidden) else None)
        if len(self.delta_ids) == 0:
            return similarities, ids
        later, later_ids = self._search_delta(vectors, k=k, among=among, without=without)
        # Of equally near ones those of the base come first, as they were added first.
        return nearest(np.hstack([similarities, later]), np.hstack([ids, later_ids]), k=k)

    def _search_delta(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None, without: Int64Array | None
    ) -> tuple[Float32Array, Int64Array]:
        counts = np.ones(len(self.delta_ids), dtype=bool)
        if among is not None:
            counts &= self._delta_among.get(among, lambda ids: are_among(self.delta_ids, ids))
        if without is not None:
            counts &= ~np.isin(self.delta_ids, without)
        # Where all count, they are not copied: that takes as long as to compare them.
        ids, stored = self.delta_ids, self.delta_vectors
        if not counts.all():
            ids, stored = ids[counts], stored[counts]
        similarities, found = nothing_found(len(vectors), min(k, len(ids)))
        step = max(1, 4_000_000 // max(len(ids), 1))
        for start in range(0, len(vectors) if len(ids) else 0, step):
            rows = slice(start, start + step)
            similarities[rows], found[rows] = nearest(vectors[rows] @ stored.T, ids, k=k)
        return similarities, found

    def ids(self) -> Int64Array:
        """Return the ids of all vectors, those of the base first; see `StoreReader.ids`."""
        return self._ids

    @functools.cached_property
    def _ids(self) -> Int64Array:
        remaining = self.base.ids() if len(self.gone) == 0 else self.base.ids()[self._remain]
        ids = remaining if len(self.delta_ids) == 0 else np.concatenate([remaining, self.delta_ids])
        ids.setflags(write=False)
        return ids

    @functools.cached_property
    def _remain(self) -> npt.NDArray[np.bool_]:
        """Which vectors of the base count still."""
        return ~are_among(self.base.ids(), self.gone)

    def __len__(self) -> int:
        """Count the vectors."""
        return len(self.base) - len(self.gone) + len(self.delta_ids)

    def holds(self, ids: Int64Array) -> npt.NDArray[np.bool_]:
        """Tell which of some ids are here; see `StoreReader.holds`."""
        return (self.base.holds(ids) & ~np.isin(ids, self.gone)) | np.isin(ids, self.delta_ids)

    def look_at_all(self) -> None:
        """Compare what is built; see `StoreReader.look_at_all`."""
        self.base.look_at_all()

    def differing(self, ids: Int64Array, vectors: Float32Array, *, tolerance: float) -> Int64Array:
        """Compare with each layer; see `StoreReader.differing`."""
        later, built = np.isin(ids, self.delta_ids), ~np.isin(ids, self.gone)
        own = self.delta_vectors[np.searchsorted(self.delta_ids, ids[later])]
        of_later = ids[later][are_apart(own, vectors[later], tolerance=tolerance)]
        of_built = self.base.differing(ids[built & ~later], vectors[built & ~later], tolerance=tolerance)
        return np.union1d(of_later, of_built)

    def nearest_to_any(self, vectors: Float32Array) -> Float32Array:
        """Compare with both layers; see `StoreReader.nearest_to_any`."""
        of_base = self.base.nearest_to_any(vectors)
        if len(self.gone):
            of_base = of_base[self._remain]
        return np.concatenate([of_base, greatest_products(self.delta_vectors, vectors)])
