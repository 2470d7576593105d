"""What a vector store is: nearest neighbours of unit vectors, by id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array

    BoolArray = npt.NDArray[np.bool_]

NOTHING = -1
"""Stands in place of an id where there are fewer neighbours than asked for."""


_IDS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStamp:
    """What a saved store reflects.

    Attributes
    ----------
    space : str
        Fingerprint of the space that made the vectors.
    pipeline : str
        Fingerprint of the pipeline that made the features.
    generation : int
        Of the catalog.
    token : str
        Of that generation; tells it from one of the same number in a copy of the catalog.
    """

    space: str
    pipeline: str
    generation: int
    token: str


class VectorStore(ABC):
    """Unit vectors by id, searched by inner product.

    A plugin subclasses this and registers the class in the entry-point group ``modag_search.stores``. A store is a
    view of the catalog: what it holds may be thrown away at any time.

    Parameters
    ----------
    path : Path
        Where `save` writes; what an earlier `save` wrote there is loaded. Where that has vectors of another length,
        made by another space, the store is empty and has no stamp.
    dimension : int
        Length of the vectors.
    fresh : bool
        True for an empty store; what is at `path` is neither read nor, until `save`, touched.

    Attributes
    ----------
    name : str
        The entry point's name.
    stamp : StoreStamp or None
        Of the loaded state; None for a new store.

    Raises
    ------
    DamagedStoreError
        If what is at `path` is not what `save` wrote.
    """

    name: ClassVar[str]

    def __init__(self, path: Path, *, dimension: int, fresh: bool = False) -> None:  # noqa: ARG002
        self.path = path
        self.dimension = dimension
        self.stamp: StoreStamp | None = None

    @abstractmethod
    def add(self, ids: Int64Array, vectors: Float32Array) -> None:
        """Add vectors ``[shape=(n, dimension), float32]``; an id that is already here gets the new vector."""

    @abstractmethod
    def remove(self, ids: Int64Array) -> int:
        """Remove the vectors of `ids`, as far as they are here, and return how many were."""

    @abstractmethod
    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find the `k` nearest neighbours of each vector.

        Parameters
        ----------
        vectors : np.ndarray [shape=(n, dimension), float32]
        k : int
        among : np.ndarray [shape=(m,), int64], optional
            Only these ids count.

        Returns
        -------
        similarities : np.ndarray [shape=(n, k), float32]
            Inner products, falling.
        ids : np.ndarray [shape=(n, k), int64]
            `NOTHING` and a similarity of -inf stand where fewer than `k` vectors are here.
        """

    @abstractmethod
    def save(self, stamp: StoreStamp) -> None:
        """Write all to `path`, so that a crash leaves the former or the new state; one process at a time may."""

    @abstractmethod
    def __len__(self) -> int:
        """Count the vectors."""

    def holds(self, ids: Int64Array) -> BoolArray:
        """Tell which of some ids are here.

        This asks `search` for them, which must be exact for it; a store that knows better overrides it.

        Returns
        -------
        np.ndarray [shape=(n,), bool]
        """
        anywhere = np.full((1, self.dimension), self.dimension**-0.5, dtype=np.float32)
        found = [
            self.search(anywhere, k=len(batch), among=batch)[1][0]
            for batch in (ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE))
        ]
        return np.isin(ids, np.concatenate(found)) if found else np.zeros(0, dtype=bool)

    def checked(self, ids: Int64Array, vectors: Float32Array) -> tuple[Int64Array, Float32Array]:
        """Return `ids` and `vectors` as contiguous arrays of the right type, or raise UsageError."""
        ids = np.ascontiguousarray(ids, dtype=np.int64)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.shape != (len(ids), self.dimension):
            raise UsageError(f"vectors must have shape ({len(ids)}, {self.dimension}), not {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise UsageError("vectors must be finite numbers")
        if len(np.unique(ids)) != len(ids) or (ids < 0).any():
            raise UsageError("ids must be distinct and not negative")
        return ids, vectors
