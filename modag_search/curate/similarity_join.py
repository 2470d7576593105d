"""Pairs of unit vectors whose cosine may reach a floor: all of them, though few are compared in full length."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.copies.bounds import MARGIN, bounding
from modag_search.curate.cells import Slab, slabs, squares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
    others : np.ndarray [shape=(n_pairs,), int64]
        Where few may be near: those of the first of the rows, ascending, then those of the next, and so on.
    cosines : np.ndarray [shape=(n_pairs,), float64]
        Of these.
    ends : np.ndarray [shape=(m,), int64]
        Where those of each row end.
    tables : sequence of (np.ndarray [shape=(k,), int32], np.ndarray [shape=(m, k / 8), uint8])
        Where many may be near: columns, and bits that tell which are.
    cosines_of : callable
        Returns the cosines of a row and others.
    """

    rows: Int64Array
    others: Int64Array
    cosines: np.ndarray
    ends: Int64Array
    tables: Sequence[tuple[npt.NDArray[np.int32], Uint8Array]]
    cosines_of: Callable[[int, Int64Array], np.ndarray]

    def of(self, place: int) -> tuple[Int64Array, np.ndarray]:
        """Return the later rows that may be near to one, and their cosines.

        Parameters
        ----------
        place : int
            Of the row in `rows`.

        Returns
        -------
        others : np.ndarray [shape=(k,), int64]
            Ascending.
        cosines : np.ndarray [shape=(k,), float64]
            As `SimilarityJoin.cosines` returns them.
        """
        few = slice(self.ends[place - 1] if place else 0, self.ends[place])
        if not self.tables:
            return self.others[few], self.cosines[few]
        of_many = np.concatenate(
            [some[np.flatnonzero(np.unpackbits(near[place], count=len(some)))] for some, near in self.tables]
        ).astype(np.int64)
        others = np.concatenate([self.others[few], of_many])
        cosines = np.concatenate([self.cosines[few], self.cosines_of(int(self.rows[place]), of_many)])
        order = np.argsort(others)
        return others[order], cosines[order]


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
    >>> others, cosines = join.candidates(np.arange(3)).of(0)
    >>> others.tolist(), cosines.round(3).tolist()
    ([2], [0.8])
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
        self._floors: Float32Array = (floors - MARGIN).astype(np.float32)
        none = np.full(len(vectors), -1.0)
        self._required: Float32Array = ((none if required is None else required) - MARGIN).astype(np.float32)
        directions = _directions(vectors, np.maximum(self._floors, self._required))
        self.width = vectors.shape[1] if directions is None else directions.shape[1]
        self._reduced = vectors if directions is None else bounding(vectors, directions)
        self._longest = float(np.sqrt(squares(self._reduced).max(initial=0)))
        self._slabs = list(slabs(self._reduced, keys, ranges))
        self._lowest = [[_lowest(limits, slab) for limits in (self._floors, self._required)] for slab in self._slabs]
        self._limit = _same(self._floors, self._floors, self._required, self._required)

    def candidates(self, rows: Int64Array) -> Candidates:
        """Find the later rows that may be near to some.

        Parameters
        ----------
        rows : np.ndarray [shape=(m,), int64]
            Ascending; some thousand.

        Returns
        -------
        Candidates
            No larger than a bit for each pair of one of the rows and a later row.
        """
        places, others, tables = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)], []
        for parts in self._runs(rows):
            columns = np.concatenate([part.columns for part in parts])
            if sum(np.count_nonzero(part.near) for part in parts) > _MANY * len(rows) * len(columns):
                tables.append((columns, _table(parts, len(rows))))
                continue
            for part in parts:
                # Of a table with few that are true, places in one row of all are found in a tenth of the time.
                place, column = np.divmod(np.flatnonzero(part.near), len(part.columns))
                places.append(part.places[place])
                others.append(part.columns[column])
        place, other = np.concatenate(places), np.concatenate(others).astype(np.int64)
        order = np.lexsort((other, place))
        other, ends = other[order], np.cumsum(np.bincount(place, minlength=len(rows)))
        # Here, beside who takes the candidates: to gather vectors of full length takes longer than what he does.
        cosines = np.empty(len(other))
        for row, start, end in zip(
            rows.tolist(), (ends - np.diff(ends, prepend=0)).tolist(), ends.tolist(), strict=True
        ):
            cosines[start:end] = self.cosines(row, other[start:end])
        return Candidates(rows, other, cosines, ends, tables, self.cosines)

    def _runs(self, rows: Int64Array) -> Iterator[list[_Compared]]:
        """Compare rows with what later ones may be near, and bring what came of cells together, so many columns."""
        run: list[_Compared] = []
        n_columns = 0
        for compared in self._compared(rows):
            run.append(compared)
            n_columns += len(compared.columns)
            if n_columns >= _COLUMNS_AT_ONCE:
                yield run
                run, n_columns = [], 0
        if run:
            yield run

    def _compared(self, rows: Int64Array) -> Iterator[_Compared]:
        """Compare rows with the later ones in each cell that may hold what is near to them."""
        keys = self._keys[rows]
        for slab, (floors, required) in zip(self._slabs, self._lowest, strict=True):
            places = np.flatnonzero((keys >= slab.lowest) & (keys <= slab.highest)).astype(np.int32)
            asked = rows[places]
            if self._limit is None:
                limits = _joint(self._floors[asked, None], floors, self._required[asked, None], required)
            else:
                limits = np.full((1, 1), self._limit, dtype=np.float32)
            # |x - y|^2 = |x|^2 + |y|^2 - 2 x . y, of bounds as of all else.
            reach = np.sqrt(np.maximum(2 * (self._longest**2 + MARGIN - limits), 0))
            may_hold = slab.may_hold(self._reduced[asked], reach).T
            for cell, may in zip(slab.cells, may_hold, strict=True):
                some = np.flatnonzero(may)
                # Not numpy's, which lets go of the interpreter, and waits for it again: there are very many of these.
                later = cell[bisect_right(cell, rows[0]) :] if len(some) else cell[:0]
                for start in range(0, len(later), _COLUMNS_AT_ONCE):
                    columns = later[start : start + _COLUMNS_AT_ONCE]
                    yield _Compared(places[some], columns, self._are_near(asked[some], columns))

    def _are_near(self, rows: Int64Array, columns: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Tell of rows and columns which of these are later, and which bounds let be near."""
        bounds = self._reduced[rows] @ self._reduced[columns].T
        near: npt.NDArray[np.bool_] = bounds >= (self._limits_of(rows, columns) if self._limit is None else self._limit)
        n_between = bisect_right(columns, rows[-1])
        near[:, :n_between] &= columns[:n_between] > rows[:, None]
        return near

    def _limits_of(self, rows: Int64Array, columns: npt.NDArray[np.int32]) -> Float32Array | float:
        """Return from which bound on pairs may be near; one for all where that is so."""
        floors, required = (self._floors[rows], self._floors[columns]), (self._required[rows], self._required[columns])
        same = _same(*floors, *required)
        return _joint(floors[0][:, None], floors[1], required[0][:, None], required[1]) if same is None else same

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


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Which of some columns ``[shape=(k,)]`` may be near ``[shape=(m, k)]`` to which of the rows asked about."""

    places: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    near: npt.NDArray[np.bool_]


def _table(parts: Sequence[_Compared], n_rows: int) -> Uint8Array:
    """Return of all rows asked about bits that tell which columns of some parts may be near."""
    near = np.zeros((n_rows, sum(len(part.columns) for part in parts)), dtype=bool)
    start = 0
    for part in parts:
        near[part.places, start : start + len(part.columns)] = part.near
        start += len(part.columns)
    return np.packbits(near, axis=1)


def _lowest(limits: Float32Array, slab: Slab) -> Float32Array:
    """Return the lowest limit in each cell ``[shape=(n_cells,), float32]``."""
    return np.array([limits[cell].min() for cell in slab.cells], dtype=np.float32)


def _joint(
    floors: Float32Array, floors_of_others: Float32Array, required: Float32Array, required_of_others: Float32Array
) -> Float32Array:
    """Return what the bound of two must reach: the lower floor, and what either requires."""
    lower: Float32Array = np.minimum(floors, floors_of_others)
    return np.maximum(lower, np.maximum(required, required_of_others), out=lower)


def _same(*limits: Float32Array) -> float | None:
    """Return what all pairs must reach, by the arguments of `_joint`; None where it is not one for all."""
    if any(some.size and some.min() != some.max() for some in limits) or not all(some.size for some in limits):
        return None
    floor, floor_of_others, required, required_of_others = (float(some[0]) for some in limits)
    return max(min(floor, floor_of_others), required, required_of_others)


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
