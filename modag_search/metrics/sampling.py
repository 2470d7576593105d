"""What a few answers tell of many: samples spread over an order, and shares with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import UsageError
from modag_search.metrics.accuracy import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.metrics.accuracy import IntArray

_DEVIATIONS = 1.959964
"""Of a normal distribution, within which 95 % lie."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of what is asked about, of which some was drawn at random and answered.

    Attributes
    ----------
    size : int
    answered : int
        From 1 to `size`.
    right : int
        Of these.
    """

    size: int
    answered: int
    right: int


def spread_sample(size: int, n: int, *, seed: int) -> IntArray:
    """Draw places of an ordered list that are spread over it evenly.

    Every place is as likely to be drawn; what lies between two draws is the same share of the list.

    Parameters
    ----------
    size : int
        Length of the list.
    n : int
        How many are drawn, `size` at the most.
    seed : int

    Returns
    -------
    np.ndarray [shape=(n,), int64]
        Ascending.

    References
    ----------
    Madow, Madow, "On the theory of systematic sampling", Annals of Mathematical Statistics 15(1), 1944.

    Examples
    --------
    >>> spread_sample(100, 4, seed=0).tolist()
    [15, 40, 65, 90]
    """
    if not 0 <= n <= size:
        raise UsageError(f"of {size} no more can be drawn, not {n}")
    start = np.random.default_rng(seed).random()
    places: IntArray = np.minimum(((np.arange(n) + start) * size / max(n, 1)).astype(np.int64), size - 1)
    return places


def stratified_share(strata: Sequence[Stratum]) -> Interval:
    """Estimate the share of right ones among all, of answers drawn at random within strata, with its 95 % interval.

    Strata weigh as they are large. The interval is Wilson's, for as many answers as would tell as much had they been
    drawn from all alike (Kish); what is answered wholly leaves nothing to be estimated.

    Parameters
    ----------
    strata : sequence of Stratum
        One at least.

    Returns
    -------
    Interval

    Raises
    ------
    UsageError
        If there is no stratum, or one has fewer answers than 1 or more than things.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22, 1927. Kish, "Survey sampling", 1965. Cochran, "Sampling techniques", 1977, chapter 5.

    Examples
    --------
    >>> share = stratified_share([Stratum(900, 10, 10), Stratum(100, 10, 5)])
    >>> round(share.estimate, 2), round(share.low, 2), round(share.high, 2)
    (0.95, 0.69, 0.99)
    """
    if not strata or not all(1 <= one.answered <= one.size for one in strata):
        raise UsageError(f"need strata with one answer at least, and no more than things, not {strata}")
    total = sum(one.size for one in strata)
    share, variance = 0.0, 0.0
    for one in strata:
        weight, unseen = one.size / total, 1 - one.answered / one.size
        share += weight * one.right / one.answered
        variance += weight**2 * unseen / one.answered
    return wilson_interval(min(share, 1.0), 1 / variance if variance else math.inf)


def wilson_interval(share: float, n: float) -> Interval:
    """Return a share with its 95 % interval.

    Parameters
    ----------
    share : float
        In [0, 1].
    n : float
        Answers that it was found from; infinitely many leave no doubt.

    Returns
    -------
    Interval

    References
    ----------
    Wilson 1927, as `stratified_share` cites.

    Examples
    --------
    >>> interval = wilson_interval(1.0, 10)
    >>> round(interval.low, 3), interval.high
    (0.722, 1.0)
    """
    of_few = _DEVIATIONS**2 / n
    centre = (share + of_few / 2) / (1 + of_few)
    spread = _DEVIATIONS * math.sqrt(share * (1 - share) / n + of_few / (4 * n)) / (1 + of_few)
    return Interval(share, max(min(centre - spread, share), 0.0), min(max(centre + spread, share), 1.0))
