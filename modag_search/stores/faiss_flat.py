"""Exact search with FAISS: every vector is compared."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.errors import DamagedStoreError
from modag_search.files import read_checked, write_checked
from modag_search.stores.base import NOTHING, StoreStamp, VectorStore

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.stores.base import BoolArray
    from modag_search.values import Float32Array, Int64Array


class FaissFlatStore(VectorStore):
    """``IDMap2,Flat`` over inner products, in one checksummed file."""

    name = "faiss-flat"

    def __init__(self, path: Path, *, dimension: int, fresh: bool = False) -> None:
        super().__init__(path, dimension=dimension, fresh=fresh)
        self._index = self._empty() if fresh or not path.exists() else self._loaded()

    def _empty(self) -> Any:
        import faiss

        return faiss.index_factory(self.dimension, "IDMap2,Flat", faiss.METRIC_INNER_PRODUCT)

    def _loaded(self) -> Any:
        import faiss

        header, payload = read_checked(self.path)
        try:
            self.stamp = StoreStamp(**header["stamp"])
            index = faiss.deserialize_index(np.frombuffer(payload, dtype=np.uint8))
            promised = header["count"], header["dimension"]
        except (KeyError, TypeError, RuntimeError) as error:
            raise DamagedStoreError(f"{self.path}: cannot be read: {error}") from error
        if (index.ntotal, index.d) != promised:
            raise DamagedStoreError(
                f"{self.path}: holds {index.ntotal} vectors of {index.d}, must hold {promised[0]} of {promised[1]}"
            )
        if index.d != self.dimension:  # whole, but of another space
            self.stamp = None
            return self._empty()
        return index

    def add(self, ids: Int64Array, vectors: Float32Array) -> None:
        """Add vectors; see `VectorStore.add`. FAISS alone would keep both vectors of an id."""
        ids, vectors = self.checked(ids, vectors)
        present = ids[np.isin(ids, self.ids())]
        if len(present):
            self.remove(present)
        if len(ids):
            self._index.add_with_ids(vectors, ids)

    def remove(self, ids: Int64Array) -> int:
        """Remove vectors; see `VectorStore.remove`."""
        import faiss

        if len(ids) == 0 or len(self) == 0:
            return 0
        return int(self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids, dtype=np.int64))))

    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours; see `VectorStore.search`."""
        import faiss

        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if len(self) == 0 or (among is not None and len(among) == 0):
            return (
                np.full((len(vectors), k), -np.inf, dtype=np.float32),
                np.full((len(vectors), k), NOTHING, dtype=np.int64),
            )
        parameters = None
        if among is not None:
            chosen = faiss.IDSelectorBatch(np.ascontiguousarray(among, dtype=np.int64))
            parameters = faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]
        similarities, ids = self._index.search(vectors, k, params=parameters)
        similarities[ids == NOTHING] = -np.inf
        return similarities, ids

    def save(self, stamp: StoreStamp) -> None:
        """Write the index; see `VectorStore.save`."""
        import faiss

        payload = faiss.serialize_index(self._index).data
        header = {
            "stamp": asdict(stamp),
            "count": len(self),
            "dimension": self.dimension,
        }
        write_checked(self.path, header, payload)
        self.stamp = stamp

    def holds(self, ids: Int64Array) -> BoolArray:
        """Tell which ids are here; see `VectorStore.holds`."""
        return np.isin(ids, self.ids())

    def ids(self) -> Int64Array:
        """Return the ids of all vectors, in no particular order."""
        import faiss

        ids: Int64Array = faiss.vector_to_array(self._index.id_map)
        return ids

    def __len__(self) -> int:
        """Count the vectors."""
        return int(self._index.ntotal)
