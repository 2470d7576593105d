"""Exact search with FAISS: every vector is compared."""

from __future__ import annotations

import functools
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.stores.base import StoreReader, VectorStore, chosen, filled_up, greatest_products, nothing_found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.values import Float32Array, Int64Array

_READ_AT_ONCE = 1 << 20
"""Bytes."""
_FEW = 8
"""FAISS divides queries among threads: for few of them, threads cost more than they save."""


class FaissFlatReader(StoreReader):
    """An ``IDMap2,Flat`` over inner products that nothing is added to any more.

    Parameters
    ----------
    index : faiss.IndexIDMap2
    """

    def __init__(self, index: Any) -> None:
        self._index = index
        self.dimension = int(index.d)

    @property
    def index(self) -> Any:
        """FAISS's object; not to be changed, since threads may be searching it."""
        return self._index

    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None, without: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours; see `StoreReader.search`."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        among, without = chosen(among, without)
        if len(self) == 0 or len(vectors) == 0 or (among is not None and len(among) == 0):
            return nothing_found(len(vectors), k)
        # FAISS keeps room for k neighbours of each query, however few there are.
        asked = min(k, len(self))
        with threads_for(len(vectors)):
            similarities, ids = self._index.search(vectors, asked, params=_selection(among, without))
        return filled_up(similarities, ids, k=k)

    def ids(self) -> Int64Array:
        """Return the ids of all vectors; see `StoreReader.ids`."""
        return self._ids

    @functools.cached_property
    def _ids(self) -> Int64Array:
        import faiss

        ids: Int64Array = faiss.vector_to_array(self._index.id_map)
        ids.setflags(write=False)
        return ids

    def __len__(self) -> int:
        """Count the vectors."""
        return int(self._index.ntotal)

    def nearest_to_any(self, vectors: Float32Array) -> Float32Array:
        """Compare directly, some vectors at once; see `StoreReader.nearest_to_any`."""
        return greatest_products(self._vectors(), vectors)

    def require_numbers(self) -> None:
        """Raise ValueError unless all vectors are finite: FAISS finds nothing near what is not, without a word."""
        vectors = self._vectors().ravel() if len(self) else np.zeros(0, dtype=np.float32)
        if not np.isfinite(vectors @ vectors):  # one product, since this is done whenever an index is opened
            raise ValueError("holds vectors of values that are not finite")

    def _vectors_of(self, ids: Int64Array) -> Float32Array:
        return self._vectors()[self._places_of(ids)]

    def _vectors(self) -> Float32Array:
        """Return FAISS's own memory ``[shape=(len(self), dimension), float32]``, without copying it."""
        import faiss

        flat: Any = faiss.downcast_index(self._index.index)
        view: Float32Array = faiss.rev_swig_ptr(flat.get_xb(), len(self) * self.dimension)
        return view.reshape(len(self), self.dimension)


@contextmanager
def threads_for(n_queries: int) -> Iterator[None]:
    """Let FAISS use one thread for few queries; OpenMP's setting is the calling thread's own."""
    import faiss

    most = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if n_queries < _FEW else most)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(most)


class FaissFlatStore(VectorStore):
    """``IDMap2,Flat`` over inner products."""

    name = "faiss-flat"

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        import faiss

        self._index = faiss.index_factory(dimension, "IDMap2,Flat", faiss.METRIC_INNER_PRODUCT)

    def add(self, ids: Int64Array, vectors: Float32Array) -> None:
        """Take vectors; see `VectorStore.add`."""
        ids, vectors = self.checked(ids, vectors)
        if len(ids):
            self._index.add_with_ids(vectors, ids)

    def build(self) -> FaissFlatReader:
        """Return a reader; see `VectorStore.build`."""
        return FaissFlatReader(self._index)

    @classmethod
    def to_bytes(cls, reader: StoreReader) -> memoryview:
        """Serialise as FAISS does; see `VectorStore.to_bytes`."""
        import faiss

        assert isinstance(reader, FaissFlatReader)
        content: memoryview = faiss.serialize_index(reader.index).data
        return content

    @classmethod
    def from_bytes(cls, content: bytes, *, dimension: int) -> FaissFlatReader:
        """Read what FAISS serialised; see `VectorStore.from_bytes`."""
        import faiss

        try:
            # Through a callback: `deserialize_index` would copy the content as a whole, beside it and the index.
            reading = faiss.PyCallbackIOReader(io.BytesIO(content).read, _READ_AT_ONCE)  # type: ignore[attr-defined]
            index = faiss.read_index(reading)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if index.d != dimension:
            raise ValueError(f"holds vectors of {index.d}, not {dimension}, numbers")
        reader = FaissFlatReader(index)
        reader.require_numbers()
        return reader


def _selection(among: Int64Array | None, without: Int64Array | None) -> Any:
    """Say in FAISS's words which ids count; the arrays are copied by it."""
    import faiss

    if among is None and (without is None or len(without) == 0):
        return None
    named = faiss.IDSelectorBatch(np.ascontiguousarray(without if among is None else among, dtype=np.int64))
    selected = faiss.IDSelectorNot(named) if among is None else named
    return faiss.SearchParameters(sel=selected)  # type: ignore[call-arg]
