"""Triangular bands, each of which overlaps its neighbours by half: powers of Fourier bins to powers of mel bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from modag_search.values import Int64Array


class MelBank:
    """Sums over neighbouring bins.

    A bin lies on the rising side of one band and on the falling side of the one below it, so that all bands take two
    products a bin. Sums in one order, where a matrix product would leave it to a library and its threads.

    Parameters
    ----------
    places : sequence of float
        Where each bin lies, rising: at 0 the first band begins, at 1 it is at its highest and the second begins, and
        so on. Bins below 0 and from ``bands + 1`` on are in no band.
    bands : int

    Attributes
    ----------
    bins : slice
        Those that have weight in a band.
    """

    def __init__(self, places: Sequence[float] | npt.NDArray[np.float64], *, bands: int) -> None:
        place = np.asarray(places, dtype=np.float64)
        first, end = int(np.count_nonzero(place < 0)), int(np.count_nonzero(place < bands + 1))
        self.bins = slice(first, end)
        self._n_bands = bands
        place = place[first:end]
        band = np.floor(place).astype(np.int64)
        self._rising = (place - band).astype(np.float32)[:, None]
        self._falling = np.float32(1.0) - self._rising
        # Low bands are narrower than a bin and may hold none.
        self._bands, self._starts = np.unique(band, return_index=True)

    def __call__(self, bins: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Sum the power of `bins` ``[shape=(n_bins, m)]`` to bands ``[shape=(bands, m)]``, of the same precision."""
        sums = np.zeros((self._n_bands + 1, bins.shape[1]), dtype=bins.dtype)
        sums[self._bands] = _segment_sums(bins * self._rising, self._starts)
        # What falls below the lowest band belongs to none.
        falling = _segment_sums(bins * self._falling, self._starts)
        has_lower = self._bands > 0
        sums[self._bands[has_lower] - 1] += falling[has_lower]
        return sums[:-1]


def _segment_sums(values: npt.NDArray[np.floating], starts: Int64Array) -> npt.NDArray[np.floating]:
    """Sum rows from each start to the next."""
    return np.add.reduceat(values, starts, axis=0)
