"""Scores and how far to trust them. Each metric validates, computes, and returns a float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its 95 % interval."""

    estimate: float
    low: float
    high: float


def macro_accuracy(expected: IntArray, guessed: IntArray) -> float:
    """Average over classes the share of each class's examples that are named right.

    Parameters
    ----------
    expected, guessed : np.ndarray [shape=(n,), int64]
        Class numbers. Classes that `expected` does not hold do not count.

    Returns
    -------
    float
        In [0, 1]; guessing one class always scores 1 / number of classes.

    Raises
    ------
    UsageError
        If the arrays differ in shape or are empty.

    Examples
    --------
    >>> macro_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]))
    0.5
    """
    if expected.shape != guessed.shape or expected.ndim != 1 or len(expected) == 0:
        raise UsageError(f"need two equally long, non-empty lists of classes, not {expected.shape} and {guessed.shape}")
    right = expected == guessed
    return float(np.mean([right[expected == c].mean() for c in np.unique(expected)]))


def bootstrap_macro_accuracy(
    expected: IntArray, guessed: IntArray, *, groups: IntArray | None = None, draws: int = 1000, seed: int = 0
) -> Interval:
    """Estimate macro accuracy with its 95 % interval by drawing examples anew within each class.

    Parameters
    ----------
    expected, guessed : np.ndarray [shape=(n,), int64]
    groups : np.ndarray [shape=(n,), int64], optional
        Examples of one group (excerpts of one recording) are drawn together.
    draws, seed : int

    Returns
    -------
    Interval
        Percentile bootstrap (Efron, 1979).
    """
    estimate = macro_accuracy(expected, guessed)
    random = np.random.default_rng(seed)
    group_of = np.arange(len(expected)) if groups is None else groups
    right = (expected == guessed).astype(float)
    accuracies = np.zeros(draws)
    classes = np.unique(expected)
    for c in classes:
        inside = expected == c
        _, member = np.unique(group_of[inside], return_inverse=True)
        hits = np.bincount(member, weights=right[inside])
        sizes = np.bincount(member)
        chosen = random.integers(len(hits), size=(draws, len(hits)))
        accuracies += hits[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    low, high = np.percentile(accuracies / len(classes), [2.5, 97.5])
    return Interval(estimate, float(low), float(high))


def chance_of_a_loss(
    expected: IntArray, before: IntArray, after: IntArray, *, draws: int = 2000, seed: int = 0
) -> float:
    """Tell how likely macro accuracy falls as far by chance alone.

    By chance, of an example's two guesses either is as likely to stand before: where only one of them is right, a coin
    decides which way it counts. No assumption about examples or classes is needed, and small classes are no trouble.

    Parameters
    ----------
    expected, before, after : np.ndarray [shape=(n,), int64]
        Class numbers: what examples are, and two guesses of each.
    draws, seed : int

    Returns
    -------
    float
        Share of the draws that lose as much, in (0, 1]: 1 where nothing was lost.

    Raises
    ------
    UsageError
        If the arrays differ in shape or are empty.

    References
    ----------
    Fisher, "The design of experiments", 1935, section 21: the paired randomisation test, one-sided. With classes of one
    size it is McNemar's.

    Examples
    --------
    >>> expected, all_right = np.zeros(4, dtype=int), np.zeros(4, dtype=int)
    >>> round(chance_of_a_loss(expected, all_right, np.ones(4, dtype=int)), 2)  # as likely as four heads: 1 / 16
    0.06
    """
    lost = macro_accuracy(expected, before) - macro_accuracy(expected, after)
    if lost <= 0:
        return 1.0
    _, class_of, counts = np.unique(expected, return_inverse=True, return_counts=True)
    differences = ((before == expected).astype(float) - (after == expected)) / counts[class_of] / len(counts)
    decided = np.abs(differences[differences != 0])
    coins = np.random.default_rng(seed).random((draws, len(decided))) < 0.5
    drawn = np.where(coins, decided, -decided).sum(axis=1)
    return float((1 + np.count_nonzero(drawn >= lost - 1e-9)) / (1 + draws))


def bootstrap(
    values: npt.NDArray[Any], metric: Callable[[npt.NDArray[Any]], float], *, draws: int = 1000, seed: int = 0
) -> Interval:
    """Estimate a metric of examples with its 95 % interval by drawing examples anew.

    Parameters
    ----------
    values : np.ndarray [shape=(n, ...)]
        A row an example.
    metric : callable
        Of an array like `values`, with as many rows.
    draws, seed : int

    Returns
    -------
    Interval
        Percentile bootstrap (Efron, 1979).

    Raises
    ------
    UsageError
        If there is no example.

    Examples
    --------
    >>> bootstrap(np.array([1.0, 1.0]), lambda drawn: float(drawn.mean()))
    Interval(estimate=1.0, low=1.0, high=1.0)
    """
    if len(values) == 0:
        raise UsageError("need one example at least")
    random = np.random.default_rng(seed)
    drawn = [metric(values[random.integers(len(values), size=len(values))]) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(metric(values), float(low), float(high))


def recall_at(ranks: IntArray, k: int) -> float:
    """Share of queries whose first right answer stands among the first `k`.

    Parameters
    ----------
    ranks : np.ndarray [shape=(n,), int64]
        Rank of the first right answer, from 1.
    k : int

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> recall_at(np.array([1, 3, 12]), 5)
    0.6666666666666666
    """
    if len(ranks) == 0 or ranks.min() < 1:
        raise UsageError("ranks begin at 1, and there must be one at least")
    return float(np.mean(ranks <= k))


def expected_calibration_error(confidences: npt.NDArray[Any], right: npt.NDArray[np.bool_], *, bins: int = 10) -> float:
    """Average how far confidence and share of right answers lie apart, over bins of equal width.

    Parameters
    ----------
    confidences : np.ndarray [shape=(n,)]
        In [0, 1].
    right : np.ndarray [shape=(n,), bool]
        Which answers are.
    bins : int

    Returns
    -------
    float
        In [0, 1]; 0 where among answers with confidence p the share p is right. A bin weighs as many as it holds, so
        that of few answers even a perfect confidence scores above 0.

    Raises
    ------
    UsageError
        If the arrays differ in shape or are empty.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> expected_calibration_error(np.array([0.9, 0.9, 0.2]), np.array([True, True, False]))
    0.13333333333333333
    """
    _check_answers(confidences, right)
    bin_of = np.minimum((confidences * bins).astype(int), bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    confident = np.bincount(bin_of, weights=confidences, minlength=bins)
    correct = np.bincount(bin_of, weights=right, minlength=bins)
    return float(np.abs(confident - correct).sum() / counts.sum())


def accuracy_at_coverage(confidences: npt.NDArray[Any], right: npt.NDArray[np.bool_], *, coverage: float) -> float:
    """Share of right answers among the most confident ones.

    Parameters
    ----------
    confidences : np.ndarray [shape=(n,)]
    right : np.ndarray [shape=(n,), bool]
    coverage : float
        Share of the answers that are kept, in (0, 1].

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    UsageError
        If the arrays differ in shape or are empty, or coverage lies outside.

    References
    ----------
    El-Yaniv, Wiener, "On the foundations of noise-free selective classification", JMLR 11, 2010.

    Examples
    --------
    >>> accuracy_at_coverage(np.array([0.9, 0.5, 0.7]), np.array([True, False, True]), coverage=0.67)
    1.0
    """
    _check_answers(confidences, right)
    if not 0 < coverage <= 1:
        raise UsageError(f"coverage must lie above 0 and not above 1, not {coverage}")
    kept = max(1, round(coverage * len(right)))
    return float(right[np.argsort(-confidences, kind="stable")[:kept]].mean())


def _check_answers(confidences: npt.NDArray[Any], right: npt.NDArray[np.bool_]) -> None:
    if confidences.shape != right.shape or confidences.ndim != 1 or len(right) == 0:
        raise UsageError(f"need two equally long, non-empty lists, not {confidences.shape} and {right.shape}")
