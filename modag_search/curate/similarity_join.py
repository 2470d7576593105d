"""Pairs of unit vectors whose cosine may reach a floor: all of them, though few are compared in full length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.copies.bounds import MARGIN, bounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array, Uint8Array

_COLUMNS_AT_ONCE: Final = 8192
_FITTED: Final = 4096
_JUDGED: Final = 1024
_WIDTHS: Final = (15, 31, 47, 63, 95, 127, 191, 255, 383, 511)  # and one value more: sizes that BLAS likes

_COST_OF_PAIR: Final = 25
"""How much longer a value of two rows that were picked takes than one of a block that BLAS multiplies; measured on
1280 values with two cores."""


_MANY: Final = 1 / 256
"""Of a table of which so large a share is true a bit for each cell is held, and of others the places: what is held, and
what it takes to put these in order, stays small beside the vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Which later rows may be near to some rows.

    Where many may be, they are told only when a row's turn comes: all pairs at once would fill memory, and of rows that
    are gathered meanwhile nobody asks.

    Attributes
    ----------
    rows : np.ndarray [shape=(m,), int64]
        Those that were asked about, ascending.
    others : np.ndarray [shape=(n_pairs,), int32]
        Where few may be near: those of the first of the rows, then those of the next, and so on.
    ends : np.ndarray [shape=(m,), int64]
        Where those of each row end.
    tables : sequence of (np.ndarray [shape=(k,), int32], np.ndarray [shape=(m, k / 8), uint8])
        Where many may be near: columns, and bits that tell which are.
    """

    rows: Int64Array
    others: npt.NDArray[np.int32]
    ends: Int64Array
    tables: Sequence[tuple[npt.NDArray[np.int32], Uint8Array]]

    def of(self, row: int) -> Int64Array:
        """Return the later rows that may be near to one ``[shape=(k,), int64]``, ascending."""
        place = int(np.searchsorted(self.rows, row))
        of_few = self.others[self.ends[place - 1] if place else 0 : self.ends[place]]
        if not self.tables:
            return of_few.astype(np.int64)
        of_many = [some[np.flatnonzero(np.unpackbits(near[place], count=len(some)))] for some, near in self.tables]
        return np.sort(np.concatenate([of_few, *of_many])).astype(np.int64)


class SimilarityJoin:
    """Finds for rows of a matrix the later ones that may be near to them.

    Most pairs are told by bounds of their cosines alone; see `copies.bounds`. These are made of principal directions,
    which leave least over; how many is chosen by what they leave to be compared in full length, on a sample.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
        Of unit length, or zero.
    floors : np.ndarray [shape=(n,)]
        Two rows are near from the cosine on that is the lower of theirs.
    keys : np.ndarray [shape=(n,)]
    ranges : np.ndarray [shape=(n, 2)]
        Rows are near only if the key of each lies in the range of the other; this is a help, not a promise: of
        what lies apart some may come, and nothing else is left out.
    required : np.ndarray [shape=(n,)], optional
        And no two are near whose cosine is below what either requires.

    Attributes
    ----------
    width : int
        How many coordinates bounds are made of; d where they are the cosines.

    Examples
    --------
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]], dtype=np.float32)
    >>> join = SimilarityJoin(vectors, floors=np.full(3, 0.7), keys=np.zeros(3), ranges=np.zeros((3, 2)))
    >>> candidates = join.candidates(np.arange(3))
    >>> [candidates.of(row).tolist() for row in range(3)]
    [[2], [], []]
    >>> join.cosines(0, np.array([2])).round(3).tolist()
    [0.8]
    """

    def __init__(
        self,
        vectors: Float32Array,
        *,
        floors: np.ndarray,
        keys: np.ndarray,
        ranges: np.ndarray,
        required: np.ndarray | None = None,
    ) -> None:
        self._vectors = vectors
        self._keys = keys
        self._ranges = ranges
        self._floors: Float32Array = (floors - MARGIN).astype(np.float32)
        none = np.full(len(vectors), -1.0)
        self._required: Float32Array = ((none if required is None else required) - MARGIN).astype(np.float32)
        directions = _directions(vectors, np.maximum(self._floors, self._required))
        self.width = vectors.shape[1] if directions is None else directions.shape[1]
        self._reduced = vectors if directions is None else bounding(vectors, directions)

    def candidates(self, rows: Int64Array) -> Candidates:
        """Find the later rows that may be near to some.

        Parameters
        ----------
        rows : np.ndarray [shape=(m,), int64]
            Ascending; some hundred.

        Returns
        -------
        Candidates
            No larger than a bit for each pair of one of the rows and a later row.
        """
        places, others, tables = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)], []
        columns = self._columns(rows).astype(np.int32)
        for start in range(0, len(columns), _COLUMNS_AT_ONCE):
            some = columns[start : start + _COLUMNS_AT_ONCE]
            near = self._are_near(rows, some)
            if np.count_nonzero(near) > _MANY * near.size:
                tables.append((some, np.packbits(near, axis=1)))
                continue
            # Of a table with few that are true, places in one row of all are found in a tenth of the time.
            place, column = np.divmod(np.flatnonzero(near), len(some))
            places.append(place.astype(np.int32))
            others.append(some[column])
        place = np.concatenate(places)
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place, minlength=len(rows)))
        return Candidates(rows, np.concatenate(others)[order], ends, tables)

    def _are_near(self, rows: Int64Array, columns: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Tell of rows, and columns that are later, which bounds let be near."""
        bounds = self._reduced[rows] @ _taken(self._reduced, columns).T
        near: npt.NDArray[np.bool_] = bounds >= self._limits_of(rows, columns)
        if columns[0] <= rows[-1]:
            near &= columns > rows[:, None]
        return near

    def _limits_of(self, rows: Int64Array, columns: npt.NDArray[np.int32]) -> Float32Array:
        """Return from which bound on pairs may be near; one for all where that is so."""
        floors, required = (self._floors[rows], self._floors[columns]), (self._required[rows], self._required[columns])
        if all(limits.min() == limits.max() for limits in (*floors, *required)):
            same = max(min(floors[0][0], floors[1][0]), required[0][0], required[1][0])
            return np.full((1, 1), same, dtype=np.float32)
        lower: Float32Array = np.minimum(floors[0][:, None], floors[1])
        return np.maximum(lower, np.maximum(required[0][:, None], required[1]), out=lower)

    def cosines(self, row: int, others: Int64Array) -> np.ndarray:
        """Return the cosines of a row and others, each the same whatever the others are.

        Parameters
        ----------
        row : int
        others : np.ndarray [shape=(k,), int64]

        Returns
        -------
        np.ndarray [shape=(k,), float64]
            As precise as float32, but to be held against limits that are not rounded.
        """
        cosines = np.empty(len(others))
        for start in range(0, len(others), _COLUMNS_AT_ONCE):
            some = slice(start, start + _COLUMNS_AT_ONCE)
            cosines[some] = np.einsum("ij,j->i", self._vectors[others[some]], self._vectors[row])
        return cosines

    def _columns(self, rows: Int64Array) -> Int64Array:
        """Return what lies behind the first of the rows and in the range of any of them."""
        later = np.arange(rows[0] + 1 if len(rows) else len(self._keys), len(self._keys))
        keys = np.sort(self._keys[rows])
        lowest, highest = self._ranges[later].T
        # A key of the rows lies in a range where more of them lie up to its end than before its start.
        is_in_range = np.searchsorted(keys, highest, side="right") > np.searchsorted(keys, lowest, side="left")
        columns: Int64Array = later[is_in_range]
        return columns


def _taken(matrix: Float32Array, rows: npt.NDArray[np.int32]) -> Float32Array:
    """Return some rows, ascending; as a view where they follow on each other."""
    first, last = int(rows[0]), int(rows[-1])
    return matrix[first : last + 1] if last - first + 1 == len(rows) else matrix[rows]


def _directions(vectors: Float32Array, limits: Float32Array) -> Float32Array | None:
    """Choose the directions whose coordinates make bounds.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    limits : np.ndarray [shape=(n,), float32]

    Returns
    -------
    np.ndarray [shape=(d, m), float32] or None
        Orthonormal; None where cosines take no longer than bounds and what these leave over.
    """
    n, d = vectors.shape
    if n < _FITTED + _JUDGED:
        return None
    sample = np.random.default_rng(0).permutation(n)[: _FITTED + _JUDGED]
    # Others are judged than were fitted: of these, directions would hold more than of the rest.
    fitted, judged = vectors[sample[:_FITTED]], vectors[sample[_FITTED:]]
    limits = np.minimum.outer(limits[sample[_FITTED:]], limits[sample[_FITTED:]])
    _, eigenvectors = np.linalg.eigh((fitted.T @ fitted).astype(np.float64))
    directions = np.ascontiguousarray(eigenvectors[:, ::-1], dtype=np.float32)  # those that hold most first
    costs = {m: m + 1 + _COST_OF_PAIR * d * _share_near(judged, directions[:, :m], limits) for m in _WIDTHS if m < d}
    costs[d] = d + _COST_OF_PAIR * d * _share_near(judged, directions, limits)
    width = min(costs, key=costs.__getitem__)
    return None if width == d else directions[:, :width]


def _share_near(vectors: Float32Array, directions: Float32Array, limits: Float32Array) -> float:
    """Return the share of the pairs of vectors that a bound does not exclude."""
    reduced = bounding(vectors, directions)
    near = (reduced @ reduced.T >= limits)[np.triu_indices(len(vectors), 1)]
    return float(near.mean())
