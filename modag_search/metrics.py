"""Scores and how far to trust them. Each metric validates, computes, and returns a float."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modag_search.errors import UsageError

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
