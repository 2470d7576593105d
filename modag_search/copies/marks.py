"""Marks of sounds: small numbers that a moment of a recording has in every copy of it, wherever that is cut.

A mark says of 32 pairs of neighbouring bands whether the difference of their energies grows from one frame to the next.
Copies at any usual rate, level and quality have enough of them in common, at one and the same lag, to be found among
all other sounds; what is so found is to be confirmed by waveforms.

References
----------
Haitsma, Kalker, "A highly robust audio fingerprinting system", ISMIR 2002.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.copies.waveforms import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

HOP: Final = 128
"""Samples from frame to frame."""

_FRAME: Final = 2048
_BITS: Final = 32
_LOWEST_HZ: Final = 100
_HIGHEST_HZ: Final = 3200
_EDGES: Final = np.rint(np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BITS + 2) * _FRAME / SAMPLE_RATE_HZ).astype(np.int64)
_WINDOW: Final = np.hanning(_FRAME).astype(np.float32)
_FRAMES_AT_ONCE: Final = 512

_SHARE_LOUD: Final = 1e-5  # of the energy of the loudest frame; what is below is noise of encoders
_N_WEAK: Final = 3  # bits that copies may well have otherwise: all ways to set them are tried

_MIN_VOTES: Final = 2
_MOST_PLACES: Final = 64  # a mark of more places tells nothing; tones that do not change have but a few marks
_MOST_MARKS: Final = 1 << 25  # of larger collections some are passed over, the same in all sounds


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """The marks of a sound, where it is loud enough.

    Attributes
    ----------
    values : np.ndarray [shape=(n,), uint32]
    weak : np.ndarray [shape=(n, 3), uint32]
        Each the bit of a value that is the least, the second and the third least sure.
    frames : np.ndarray [shape=(n,), int64]
        Ascending; each `HOP` samples behind the one before.
    """

    values: np.ndarray
    weak: np.ndarray
    frames: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray) -> Marks:
        """Mark samples ``[shape=(n,)]`` at `waveforms.SAMPLE_RATE_HZ`."""
        energies = _band_energies(samples)
        growth = np.diff(np.diff(energies, axis=1), axis=0)
        bits = np.uint32(1) << np.arange(_BITS, dtype=np.uint32)
        loudness = energies[1:].sum(axis=1)
        loud = np.flatnonzero(loudness > _SHARE_LOUD * loudness.max(initial=0.0))
        growth = growth[loud]
        weakest = np.argpartition(np.abs(growth), _N_WEAK, axis=1)[:, :_N_WEAK]
        return cls(((growth > 0) * bits).sum(axis=1, dtype=np.uint32), bits[weakest], loud)


class MarkIndex:
    """Finds where sounds lie in others.

    Parameters
    ----------
    marks : sequence of Marks
        Of sounds, the longest first.
    """

    def __init__(self, marks: Sequence[Marks]) -> None:
        self._marks = marks
        n_marks = sum(len(one.values) for one in marks)
        self._kept_of = 1 << max(n_marks // _MOST_MARKS, 0).bit_length()
        kept = [_are_kept(one.values, self._kept_of) for one in marks]
        values = _joined([one.values[some] for one, some in zip(marks, kept, strict=True)], np.uint32)
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        rows = [np.full(int(some.sum()), row, np.int32) for row, some in enumerate(kept)]
        self._rows = _joined(rows, np.int32)[order]
        frames = [one.frames[some].astype(np.int32) for one, some in zip(marks, kept, strict=True)]
        self._frames = _joined(frames, np.int32)[order]

    def places(self, row: int) -> list[tuple[int, int]]:
        """Find the longer sounds that a sound may lie in, and where.

        Parameters
        ----------
        row : int

        Returns
        -------
        list of (int, int)
            Rows before that one, ascending, and the lag that most marks tell, in samples, within two of `HOP`: by so
            much the sound begins later than the longer one, or earlier where that is negative.
        """
        if not len(self._marks[row].values):
            return []
        values, frames = self._asked(self._marks[row])
        firsts = np.searchsorted(self._values, values, side="left")
        counts = np.searchsorted(self._values, values, side="right") - firsts
        counts[counts > _MOST_PLACES] = 0
        behind = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        hits = np.repeat(firsts, counts) + behind
        is_longer = self._rows[hits] < row
        lags = (self._frames[hits] - np.repeat(frames, counts))[is_longer]
        return _most_voted(self._rows[hits][is_longer].astype(np.int64), lags)

    def _asked(self, marks: Marks) -> tuple[np.ndarray, np.ndarray]:
        """Return the marks that copies of a sound may have, and their frames."""
        values = marks.values[:, None]
        for bit in range(_N_WEAK):
            values = np.concatenate([values, values ^ marks.weak[:, bit : bit + 1]], axis=1)
        frames = np.repeat(marks.frames, values.shape[1])
        kept = _are_kept(values.ravel(), self._kept_of)
        return values.ravel()[kept], frames[kept]


def _most_voted(rows: np.ndarray, lags: np.ndarray) -> list[tuple[int, int]]:
    """Return for each row the lag that it comes with most often, or with one beside it."""
    keys, votes = np.unique((rows << 32) + (lags + (1 << 31)), return_counts=True)
    is_beside = np.diff(keys, append=-1) == 1
    together = votes + np.where(is_beside, np.roll(votes, -1), 0)
    best: dict[int, tuple[int, int]] = {}
    for key, n in zip(keys[together >= _MIN_VOTES].tolist(), together[together >= _MIN_VOTES].tolist(), strict=True):
        row, lag = key >> 32, (key & 0xFFFFFFFF) - (1 << 31)
        if n > best.get(row, (0, 0))[0]:
            best[row] = (n, lag)
    return [(row, HOP * lag) for row, (_, lag) in sorted(best.items())]


def _band_energies(samples: np.ndarray) -> np.ndarray:
    """Return the energies of frames in bands ``[shape=(n, 33), float32]``."""
    if len(samples) < _FRAME:
        return np.zeros((1, _BITS + 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::HOP]
    parts = []
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        spectra = np.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * _WINDOW, axis=1)[:, : _EDGES[-1]]
        parts.append(np.add.reduceat(spectra.real**2 + spectra.imag**2, _EDGES[:-1], axis=1))
    return np.concatenate(parts)


def _are_kept(values: np.ndarray, kept_of: int) -> np.ndarray:
    """Choose one of so many marks, by what they are, so that copies keep the same."""
    mixed = (values * np.uint32(2_654_435_761)) >> np.uint32(16)
    return np.asarray((mixed & np.uint32(kept_of - 1)) == 0)


def _joined(parts: Sequence[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts])
