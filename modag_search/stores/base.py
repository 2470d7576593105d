"""What a vector store is: nearest neighbours of unit vectors, by id; a reader that never changes, and its builder."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from modag_search.errors import UsageError
from modag_search.stores.selection import are_marked, marked

if TYPE_CHECKING:
    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array

    BoolArray = npt.NDArray[np.bool_]

NOTHING = -1
"""Stands in place of an id where there are fewer neighbours than asked for."""

_FEW_OF = 16
"""Of so many times more, a few are chosen before they are brought in order."""

_QUERIES_AT_ONCE = 16
_BLOCK_ROWS = 4096
_BLOCK_COLUMNS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStamp:
    """What a store reflects.

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

    def __post_init__(self) -> None:
        texts = (self.space, self.pipeline, self.token)
        if not (isinstance(self.generation, int) and all(isinstance(text, str) for text in texts)):
            raise TypeError("a stamp is of texts and a number")


class StoreReader(ABC):
    """Unit vectors by id, searched by inner product; it never changes, so any number of threads may share it.

    Attributes
    ----------
    dimension : int
        Length of the vectors.
    """

    dimension: int

    @abstractmethod
    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None, without: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find the `k` nearest neighbours of each vector.

        Parameters
        ----------
        vectors : np.ndarray [shape=(n, dimension), float32]
        k : int
        among : np.ndarray [shape=(m,), int64], optional
            Only these ids count.
        without : np.ndarray [shape=(m,), int64], optional
            These ids do not count.

        Returns
        -------
        similarities : np.ndarray [shape=(n, k), float32]
            Inner products, falling.
        ids : np.ndarray [shape=(n, k), int64]
            `NOTHING` and a similarity of -inf stand where fewer than `k` vectors count.
        """

    @abstractmethod
    def ids(self) -> Int64Array:
        """Return the ids of all vectors ``[shape=(len(self),), int64]``, always in the same order."""

    def __len__(self) -> int:
        """Count the vectors."""
        return len(self.ids())

    def holds(self, ids: Int64Array) -> npt.NDArray[np.bool_]:
        """Tell which of some ids are here.

        Parameters
        ----------
        ids : np.ndarray [shape=(m,), int64]

        Returns
        -------
        np.ndarray [shape=(m,), bool]
        """
        marks = self._marks
        return np.isin(ids, self.ids()) if marks is None else are_marked(ids, marks)

    def look_at_all(self) -> None:  # noqa: B027  most kinds have looked at all there is
        """Compare with its checksum what has not been yet, of a kind that opens a file before it is compared whole.

        Raises
        ------
        DamagedStoreError
            If a bit of it differs.
        """

    def differing(self, ids: Int64Array, vectors: Float32Array, *, tolerance: float) -> Int64Array:
        """List those of some ids whose vector here is another one.

        This searches for each; a kind that can look vectors up overrides `_vectors_of`.

        Parameters
        ----------
        ids : np.ndarray [shape=(n,), int64]
        vectors : np.ndarray [shape=(n, dimension), float32]
            What should be under these ids.
        tolerance : float
            How far one may be from the other.

        Returns
        -------
        np.ndarray [shape=(m,), int64]
            Ids that are not here are no difference.
        """
        there = self.holds(ids)
        ids, vectors = ids[there], vectors[there]
        stored = self._vectors_of(ids)
        if stored is None:
            each = (self._differs(i, vector, tolerance) for i, vector in zip(ids.tolist(), vectors, strict=True))
            apart = np.fromiter(each, dtype=bool, count=len(ids))
        else:
            apart = are_apart(stored, vectors, tolerance=tolerance)
        others: Int64Array = ids[apart]
        return others

    def _differs(self, segment_id: int, vector: Float32Array, tolerance: float) -> bool:
        """Compare a vector with the one under an id by their product, which differs by less than they do."""
        length = float(vector @ vector)
        similarities, found = self.search(vector[None], k=1, among=np.array([segment_id], dtype=np.int64))
        if found[0, 0] == NOTHING:
            return length > 0  # a vector without length may be found by nothing
        return not abs(similarities[0, 0] - length) <= tolerance

    def _vectors_of(self, ids: Int64Array) -> Float32Array | None:  # noqa: ARG002
        """Return the vectors under some ids, all of which are here; None where they cannot be looked up."""
        return None

    def _places_of(self, ids: Int64Array) -> Int64Array:
        """Return where some ids, all of which are here, stand in `ids`."""
        places: Int64Array = self._order[np.searchsorted(self.ids(), ids, sorter=self._order)]
        return places

    @functools.cached_property
    def _order(self) -> Int64Array:
        return np.argsort(self.ids())

    @functools.cached_property
    def _marks(self) -> npt.NDArray[np.bool_] | None:
        return marked(self.ids())

    def nearest_to_any(self, vectors: Float32Array) -> Float32Array:
        """Return how near each vector that is here comes to any of some others.

        This asks `search` for all there is, a few queries at once; a kind that can compare directly overrides it.

        Parameters
        ----------
        vectors : np.ndarray [shape=(n, dimension), float32]

        Returns
        -------
        np.ndarray [shape=(len(self),), float32]
            The greatest inner product, in the order of `ids`; -inf without `vectors`.
        """
        ids = self.ids()
        order = np.argsort(ids)
        nearest = np.full(len(ids), -np.inf, dtype=np.float32)
        for start in range(0, len(vectors), _QUERIES_AT_ONCE):
            similarities, found = self.search(vectors[start : start + _QUERIES_AT_ONCE], k=len(ids))
            for row, of_row in zip(similarities, found, strict=True):
                there = of_row != NOTHING
                places = order[np.searchsorted(ids, of_row[there], sorter=order)]
                nearest[places] = np.maximum(nearest[places], row[there])
        return nearest


class VectorStore(ABC):
    """A kind of store: collects vectors, builds a reader of them, and turns readers into bytes and back.

    A plugin subclasses this and registers the class in the entry-point group ``modag_search.stores``. Where the bytes
    are kept, their checksum, and what has changed since they were written, is not its concern: see `stores.saved`.

    Parameters
    ----------
    dimension : int
        Length of the vectors.

    Attributes
    ----------
    name : str
        The entry point's name.
    precision : float
        How far a similarity may be from the inner product.
    can_merge : bool
        Whether `merged` gives anything.
    """

    name: ClassVar[str]
    precision: ClassVar[float] = 1e-6
    can_merge: ClassVar[bool] = False

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def train(self, vectors: Float32Array) -> None:  # noqa: B027  most kinds need none
        """Learn from the first vectors ``[shape=(n, dimension), float32]``, some thousands, before any is added."""

    @abstractmethod
    def add(self, ids: Int64Array, vectors: Float32Array) -> None:
        """Take vectors ``[shape=(n, dimension), float32]``; no id comes twice."""

    @abstractmethod
    def build(self) -> StoreReader:
        """Return a reader of what was added; to be called once, and last."""

    @classmethod
    @abstractmethod
    def to_bytes(cls, reader: StoreReader) -> bytes | memoryview:
        """Turn a reader of this kind into bytes."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, content: bytes, *, dimension: int) -> StoreReader:
        """Make a reader of what `to_bytes` gave.

        Raises
        ------
        ValueError
            If it cannot be read.
        """

    @classmethod
    def merged(
        cls,
        reader: StoreReader,  # noqa: ARG003
        *,
        gone: Int64Array,  # noqa: ARG003
        ids: Int64Array,  # noqa: ARG003
        vectors: Float32Array,  # noqa: ARG003
    ) -> StoreReader | None:
        """Build a reader of what another one holds and of what has changed since, quicker than of all vectors.

        Parameters
        ----------
        reader : StoreReader
            Of this kind.
        gone : np.ndarray [shape=(m,), int64]
            Ids of its vectors that are left out, ascending.
        ids : np.ndarray [shape=(n,), int64]
            Of vectors that come to it; none is in the reader and stays.
        vectors : np.ndarray [shape=(n, dimension), float32]

        Returns
        -------
        StoreReader or None
            None where it would not be quicker, or not as good as one of all vectors.
        """
        return None

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


def are_apart(first: Float32Array, second: Float32Array, *, tolerance: float) -> BoolArray:
    """Tell which rows of two arrays are farther apart than that, or hold what is no number."""
    apart: BoolArray = ~(np.linalg.norm(first - second, axis=1) <= tolerance)
    return apart


def greatest_products(stored: Float32Array, vectors: Float32Array) -> Float32Array:
    """Compare each stored vector with all of some others.

    Parameters
    ----------
    stored : np.ndarray [shape=(m, d), float32]
    vectors : np.ndarray [shape=(n, d), float32]

    Returns
    -------
    np.ndarray [shape=(m,), float32]
        The greatest inner product of each; -inf without `vectors`.
    """
    greatest = np.full(len(stored), -np.inf, dtype=np.float32)
    # In blocks, since both may be many: a label's vectors can be as many as those that are stored.
    for start in range(0, len(stored), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        for first in range(0, len(vectors), _BLOCK_COLUMNS):
            nearest = (stored[part] @ vectors[first : first + _BLOCK_COLUMNS].T).max(axis=1)
            np.maximum(greatest[part], nearest, out=greatest[part])
    return greatest


def chosen(among: Int64Array | None, without: Int64Array | None) -> tuple[Int64Array | None, Int64Array | None]:
    """Say by one of the two which ids count, where both are given."""
    if among is not None and without is not None:
        return np.setdiff1d(among, without), None
    return among, without


def nearest(similarities: Float32Array, ids: Int64Array, *, k: int) -> tuple[Float32Array, Int64Array]:
    """Choose the nearest of each query; of equally near ones those that stand first.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n), float32]
    ids : np.ndarray [shape=(n_queries, n) or (n,), int64]
    k : int

    Returns
    -------
    similarities : np.ndarray [shape=(n_queries, min(k, n)), float32]
    ids : np.ndarray [shape=(n_queries, min(k, n)), int64]
    """
    if len(similarities) and 0 < k < similarities.shape[1] // _FEW_OF:
        order = np.stack([_places_of_greatest(row, k) for row in similarities])
    else:
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    chosen_ids = ids[order] if ids.ndim == 1 else np.take_along_axis(ids, order, axis=1)
    return np.take_along_axis(similarities, order, axis=1), chosen_ids


def _places_of_greatest(values: Float32Array, k: int) -> Int64Array:
    """Return the places of the `k` greatest values, in order, without bringing all in order."""
    places = np.flatnonzero(values >= np.partition(values, -k)[-k])  # of equal ones all, first
    order: Int64Array = places[np.argsort(-values[places], kind="stable")[:k]]
    return order


def filled_up(similarities: Float32Array, ids: Int64Array, *, k: int) -> tuple[Float32Array, Int64Array]:
    """Make what FAISS found ``[shape=(n, at most k)]`` what `StoreReader.search` gives ``[shape=(n, k)]``."""
    similarities[ids == NOTHING] = -np.inf
    if ids.shape[1] == k:
        return similarities, ids
    missing = ((0, 0), (0, k - ids.shape[1]))
    return np.pad(similarities, missing, constant_values=-np.inf), np.pad(ids, missing, constant_values=NOTHING)


def nothing_found(n: int, k: int) -> tuple[Float32Array, Int64Array]:
    """Return what `StoreReader.search` gives for `n` queries where nothing counts."""
    return np.full((n, k), -np.inf, dtype=np.float32), np.full((n, k), NOTHING, dtype=np.int64)
