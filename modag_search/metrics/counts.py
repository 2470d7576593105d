"""How many of many hold, from how likely each is and from answers to a few.

How likely things are said to be may be off, and differently for the likely and the unlikely. So they are divided into
bands by quantiles of how likely they are. Each thing counts there by how much its odds matter to the count, ``p (1 -
p)``: plain quantiles of a rare label would all be of what is hardly possible. Of each band the odds are taken to be
right but for a factor. Its logarithm is the sum of one that all bands share and one of its own, both normally
distributed around 0: before any answer, a factor of three either way is not unusual. Answers to things that were drawn
at random from a band tell what its factor is, and a little of the others'; with many, what was said before no longer
matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from modag_search.metrics.accuracy import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

N_BANDS = 7
SHARED_DOUBT, OWN_DOUBT = 0.8, 1.0
"""Deviations of the logarithms of the factors that all bands share, and that each has of its own."""
_SHARED = np.linspace(-3.6, 3.6, 49)
_SHIFTS = np.linspace(-7.0, 7.0, 281)
"""Logarithms of factors that are considered."""
_LEAST = 1e-7
_ALIKE = 64
"""Things of a band are looked at as so many groups of alike ones, at the most."""
_DRAWS = 10_000
_TRIED = (10, 20, 40, 80, 160, 320, 640, 1280)


@dataclass(frozen=True, eq=False)
class Band:
    """Things about as likely as each other.

    Attributes
    ----------
    likely : np.ndarray [shape=(n,), float64]
        How likely each thing is of which it is not known whether it holds.
    asked : np.ndarray [shape=(n_answers,), float64]
        How likely those were that were drawn at random and answered.
    answers : np.ndarray [shape=(n_answers,), bool]
        Whether these hold.
    """

    likely: FloatArray
    asked: FloatArray
    answers: BoolArray

    def __len__(self) -> int:
        return len(self.likely)

    @cached_property
    def alike(self) -> tuple[FloatArray, FloatArray]:
        """Log-odds of groups of alike things, and the size of each: there may be a million things."""
        return _grouped(_log_odds(self.likely))

    @cached_property
    def expected(self) -> FloatArray:
        """How many hold on average, for each factor that is considered ``[shape=(n_shifts,)]``."""
        log_odds, sizes = self.alike
        means: FloatArray = _sigmoid(log_odds[:, None] + _SHIFTS).T @ sizes
        return means

    @cached_property
    def by_shared(self) -> FloatArray:
        """How likely factor and answers are together, by the shared factor ``[shape=(n_shared, n_shifts)]``."""
        signed = np.where(self.answers, 1.0, -1.0)[:, None] * (_log_odds(self.asked)[:, None] + _SHIFTS)
        told = -np.logaddexp(0, -signed).sum(axis=0)
        own = -0.5 * ((_SHIFTS - _SHARED[:, None]) / OWN_DOUBT) ** 2
        likely: FloatArray = np.exp(own + (told - told.max()))
        return likely

    def told(self, shift: float) -> float:
        """Return what one answer tells of the factor, on average: ``p (1 - p)``."""
        log_odds, sizes = self.alike
        likely = _sigmoid(log_odds + shift)
        return float(likely * (1 - likely) @ sizes) / max(len(self), 1)


class CountEstimate:
    """How many things hold, in all bands.

    Parameters
    ----------
    bands : sequence of Band
    of_things : np.ndarray [shape=(n,), int64]
        Place of the band of each thing of which it is not known whether it holds.

    Examples
    --------
    >>> def rounded(interval):
    ...     return [round(number) for number in (interval.estimate, interval.low, interval.high)]
    >>> rounded(CountEstimate.of(np.full(200, 0.1)).interval())
    [20, 1, 119]
    >>> asked, answers = np.full(60, 0.1), np.arange(60) < 6
    >>> rounded(CountEstimate.of(np.full(200, 0.1), asked, answers).interval())
    [19, 7, 39]
    """

    def __init__(self, bands: Sequence[Band], *, of_things: IntArray) -> None:
        self.bands = bands
        self.of_things = of_things
        # How likely each shared factor is: by itself, and by the answers of every band.
        self._by_shared = [band.by_shared for band in bands]
        logarithms = -0.5 * (_SHARED / SHARED_DOUBT) ** 2
        logarithms += np.log([weights.sum(axis=1) for weights in self._by_shared]).sum(axis=0)
        likely = np.exp(logarithms - logarithms.max())
        self._shared = likely / likely.sum()

    @classmethod
    def of(cls, likely: FloatArray, asked: FloatArray | None = None, answers: BoolArray | None = None) -> CountEstimate:
        """Divide things into bands, those that were answered among them.

        Parameters
        ----------
        likely : np.ndarray [shape=(n,), float64]
            Of those of which it is not known whether they hold.
        asked : np.ndarray [shape=(n_answers,), float64], optional
        answers : np.ndarray [shape=(n_answers,), bool], optional

        Returns
        -------
        CountEstimate
        """
        asked = np.zeros(0) if asked is None else asked
        answers = np.zeros(0, dtype=bool) if answers is None else answers
        edges = _edges(np.concatenate([likely, asked]))
        things, answered = (np.searchsorted(edges, one, side="right") for one in (likely, asked))
        bands = [
            Band(likely[things == one], asked[answered == one], answers[answered == one]) for one in range(N_BANDS)
        ]
        return cls(bands, of_things=things)

    def interval(self, *, seed: int = 0) -> Interval:
        """Estimate how many hold, by the factors that are right on average, with the ends of a 95 % interval.

        These are what 95 % of many draws lie between: of factors, and of how many hold then. Without any answer, the
        estimate is what likelihoods add up to.
        """
        random = np.random.default_rng(seed)
        drawn = random.choice(len(_SHARED), size=_DRAWS, p=self._shared)
        total, estimate = np.zeros(_DRAWS), 0.0
        for band, weights in zip(self.bands, self._by_shared, strict=True):
            if len(band):
                ends = np.cumsum(weights, axis=1)
                ends /= ends[:, -1:]
                chosen = np.minimum((ends[drawn] < random.random(_DRAWS)[:, None]).sum(axis=1), len(_SHIFTS) - 1)
                total += random.binomial(len(band), np.clip(band.expected[chosen] / len(band), 0.0, 1.0))
                estimate += float(np.interp(self._moments(weights)[0], _SHIFTS, band.expected))
        low, high = np.percentile(total, [2.5, 97.5]).tolist()
        return Interval(estimate, min(low, estimate), max(high, estimate))

    def divided(self, n: int) -> list[int]:
        """Divide questions among bands: half alike, half by how uncertain the count of each is.

        Parameters
        ----------
        n : int
            How many, at the most.

        Returns
        -------
        list of int, length n_bands
            None more than a band has things.
        """
        sizes = np.array([len(band) for band in self.bands])
        deviations = np.sqrt(self._variances([0] * len(self.bands)))
        counts = np.zeros(len(self.bands), dtype=np.int64)
        for _ in range(min(n, int(sizes.sum()))):
            room = counts < sizes
            shares = 0.5 / room.sum() + 0.5 * deviations / max(deviations[room].sum(), 1e-12)
            # The next one goes where there are the fewest for the share that is due.
            counts[int(np.argmax(np.where(room, shares / (counts + 1), -1.0)))] += 1
        return [int(count) for count in counts]

    def answers_to_halve(self) -> int | None:
        """Say about how many more answers would halve the interval; None where no reasonable number would."""
        now = sum(self._variances([0] * len(self.bands)))
        n_things = sum(map(len, self.bands))
        for n in _TRIED:
            if 4 * sum(self._variances(self.divided(n))) <= now:
                return min(n, n_things)
        return None

    def _variances(self, more: Sequence[int]) -> list[float]:
        """Return about the variance of how many hold in each band, if so many more were answered."""
        variances = []
        for band, weights, n in zip(self.bands, self._by_shared, more, strict=True):
            mean, variance = self._moments(weights)
            told, n_left = band.told(mean), max(len(band) - n, 0)
            # The count changes with the factor as much as an answer tells of it, times the number of things.
            variances.append((n_left * told) ** 2 / (1 / variance + n * told) + n_left * told)
        return variances

    def _moments(self, weights: FloatArray) -> tuple[float, float]:
        """Return mean and variance of the logarithm of a band's factor."""
        likely = self._shared @ (weights / weights.sum(axis=1, keepdims=True))
        mean = float(likely @ _SHIFTS)
        return mean, float(likely @ (_SHIFTS - mean) ** 2)


def _edges(likely: FloatArray) -> FloatArray:
    """Return where bands after the first begin: each has about the same sum of ``p (1 - p)``.

    Returns
    -------
    np.ndarray [shape=(n_bands - 1,), float64]
        Ascending; equal ones have nothing between them.
    """
    ordered = np.sort(likely)
    held = np.clip(ordered, _LEAST, 1 - _LEAST)
    shares = np.cumsum(held * (1 - held))
    if not len(shares):
        return np.zeros(N_BANDS - 1)
    edges: FloatArray = ordered[np.searchsorted(shares, shares[-1] * np.arange(1, N_BANDS) / N_BANDS)]
    return edges


def _grouped(log_odds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put alike values together, and count them."""
    if len(log_odds) <= _ALIKE:
        return log_odds, np.ones(len(log_odds))
    counts, edges = np.histogram(log_odds, bins=_ALIKE)
    sums, _ = np.histogram(log_odds, bins=edges, weights=log_odds)
    there = counts > 0
    return sums[there] / counts[there], counts[there].astype(np.float64)


def _log_odds(likely: FloatArray) -> FloatArray:
    held = np.clip(likely, _LEAST, 1 - _LEAST)
    log_odds: FloatArray = np.log(held) - np.log1p(-held)
    return log_odds


def _sigmoid(log_odds: FloatArray) -> FloatArray:
    likely: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return likely
