"""Rows of a matrix in cells, by their keys and by which of some centres is nearest; and which cells may hold what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from modag_search.copies.bounds import MARGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array

_ROWS_OF_CELL: Final = 512
_MOST_CELLS: Final = 2048
"""Of a slab: distances of all centres are held."""

_DRAWN_FOR_CENTRE: Final = 20
_ROWS_AT_ONCE: Final = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """Rows whose keys are about the same, in cells: each row is in that of the centre which is nearest to it.

    Attributes
    ----------
    lowest, highest : float
        From where to where the keys lie of what is near to any of the rows.
    cells : list of np.ndarray [shape=(n_rows,), int32]
        Rows of the matrix, ascending; none is empty.
    """

    lowest: float
    highest: float
    cells: list[npt.NDArray[np.int32]]
    _centres: Float32Array
    _squares: Float32Array
    _apart: Float32Array

    @classmethod
    def of(cls, matrix: Float32Array, rows: Int64Array, *, lowest: float, highest: float) -> Self:
        """Lay rows of a matrix out in cells.

        Parameters
        ----------
        matrix : np.ndarray [shape=(n, d), float32]
        rows : np.ndarray [shape=(n_rows,), int64]
            One at least.
        lowest, highest : float

        Returns
        -------
        Slab
        """
        rows = np.sort(rows)
        centres = _centres(matrix, rows)
        nearest = _nearest(matrix, rows, centres)
        held, sizes = np.unique(nearest, return_counts=True)
        in_order = rows[np.argsort(nearest, kind="stable")].astype(np.int32)
        centres = centres[held]
        return cls(
            lowest, highest, np.split(in_order, np.cumsum(sizes)[:-1]), centres, squares(centres), _apart(centres)
        )

    def may_hold(self, vectors: Float32Array, reach: Float32Array) -> npt.NDArray[np.bool_]:
        """Tell which cells may hold what is near to vectors.

        A cell's rows are no nearer to another centre than to its own. The difference of the squares of the distances
        to two centres is a linear function of the place, of slope 2 |c - c'|: who is nearest to another centre, and
        sees that difference exceed what it loses over the reach, has nothing near in the cell.

        Parameters
        ----------
        vectors : np.ndarray [shape=(m, d), float32]
        reach : np.ndarray [shape=(m or 1, n_cells or 1), float32]
            What is near lies no farther away.

        Returns
        -------
        np.ndarray [shape=(m, n_cells), bool]

        References
        ----------
        Uhlmann, "Satisfying general proximity/similarity queries with metric trees", Information Processing Letters
        1991: generalised hyperplanes.
        """
        excess = self._squares - 2 * (vectors @ self._centres.T)
        nearest = excess.argmin(axis=1)
        excess -= excess[np.arange(len(vectors)), nearest][:, None] + MARGIN
        may: npt.NDArray[np.bool_] = excess <= 2 * reach * self._apart[nearest]
        return may


def slabs(matrix: Float32Array, keys: np.ndarray, ranges: np.ndarray) -> Iterator[Slab]:
    """Cut the rows of a matrix into slabs, ascending by key, as wide as the range of the first of each or wider.

    Parameters
    ----------
    matrix : np.ndarray [shape=(n, d), float32]
    keys : np.ndarray [shape=(n,)]
    ranges : np.ndarray [shape=(n, 2)]
        From where to where the keys lie of what is near to each row.

    Yields
    ------
    Slab
        Every row is in one of them.
    """
    order = np.argsort(keys, kind="stable")
    ascending = keys[order]
    start = 0
    while start < len(order):
        stop = max(int(np.searchsorted(ascending, ranges[order[start], 1], side="right")), start + _ROWS_OF_CELL)
        rows = order[start:stop]
        yield Slab.of(matrix, rows, lowest=ranges[rows, 0].min(), highest=ranges[rows, 1].max())
        start = stop


def _centres(matrix: Float32Array, rows: Int64Array) -> Float32Array:
    """Draw centres from rows, and move each once to the middle of those of a sample that are nearest to it."""
    n_cells = min(max(len(rows) // _ROWS_OF_CELL, 1), _MOST_CELLS)
    drawn = np.random.default_rng(0).permutation(rows)[: _DRAWN_FOR_CENTRE * n_cells]
    centres: Float32Array = matrix[drawn[:n_cells]]
    nearest = _nearest(matrix, drawn, centres)
    order = np.argsort(nearest, kind="stable")
    held, starts, sizes = np.unique(nearest[order], return_index=True, return_counts=True)
    centres[held] = np.add.reduceat(matrix[drawn[order]], starts, axis=0) / sizes[:, None].astype(np.float32)
    return centres


def _nearest(matrix: Float32Array, rows: Int64Array, centres: Float32Array) -> Int64Array:
    """Return which centre is nearest to each row, by number ``[shape=(n_rows,), int64]``."""
    halves = squares(centres) / 2
    parts = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
    nearest: Int64Array = np.concatenate([(matrix[part] @ centres.T - halves).argmax(axis=1) for part in parts])
    return nearest


def _apart(centres: Float32Array) -> Float32Array:
    """Return the distances of centres to each other ``[shape=(n, n), float32]``.

    By numbers of 64 bits: the root of a difference of squares of 32 makes nothing of what is a thousandth apart.
    """
    wide = centres.astype(np.float64)
    lengths = np.einsum("ij,ij->i", wide, wide)
    result: Float32Array = np.sqrt(np.maximum(lengths[:, None] + lengths - 2 * (wide @ wide.T), 0)).astype(np.float32)
    return result


def squares(vectors: Float32Array) -> Float32Array:
    """Return the squares of the lengths of vectors ``[shape=(n,), float32]``."""
    result: Float32Array = np.einsum("ij,ij->i", vectors, vectors)
    return result
