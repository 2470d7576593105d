"""How good a ranking is, and how good a random one would be. Each metric validates, computes, and returns numbers.

Rankings are given as relevance: a row a query, a column a rank, True where a right answer stands. `metrics.recall_at`
goes with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.values import Float32Array

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def ranked_relevance(similarities: Float32Array, relevant: BoolArray) -> BoolArray:
    """Put candidates in order of similarity, and tell at which ranks the right ones stand.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_candidates), float32]
        Higher is nearer; -inf where a candidate is no answer to a query: it stands last and is not right.
    relevant : np.ndarray [shape=(n_queries, n_candidates), bool]
        Which candidates are right.

    Returns
    -------
    np.ndarray [shape=(n_queries, n_candidates), bool]
        Equally similar candidates keep their order.

    Examples
    --------
    >>> ranked_relevance(np.array([[0.1, 0.9, 0.5]], dtype=np.float32), np.array([[True, False, True]])).tolist()
    [[False, True, True]]
    """
    if similarities.shape != relevant.shape or similarities.ndim != 2:
        raise UsageError(f"need two matrices of one shape, not {similarities.shape} and {relevant.shape}")
    order = np.argsort(-similarities, axis=1, kind="stable")
    ranked: BoolArray = np.take_along_axis(relevant & np.isfinite(similarities), order, axis=1)
    return ranked


def first_ranks(relevance: BoolArray) -> IntArray:
    """Return the rank of each query's first right answer, from 1.

    Parameters
    ----------
    relevance : np.ndarray [shape=(n_queries, n_candidates), bool]

    Returns
    -------
    np.ndarray [shape=(n_queries,), int64]

    Raises
    ------
    UsageError
        If there is no query, or one without a right answer.
    """
    _check_relevance(relevance)
    ranks: IntArray = relevance.argmax(axis=1).astype(np.int64) + 1
    return ranks


def median_rank(ranks: IntArray) -> float:
    """Return the rank by which half of the queries have their first right answer.

    Parameters
    ----------
    ranks : np.ndarray [shape=(n_queries,), int64]
        Rank of the first right answer, from 1.

    Returns
    -------
    float
        1 at best; between two queries, their mean.

    Examples
    --------
    >>> median_rank(np.array([1, 3, 12]))
    3.0
    """
    _check_ranks(ranks)
    return float(np.median(ranks))


def mean_reciprocal_rank(ranks: IntArray) -> float:
    """Average 1 / rank of the first right answer.

    Parameters
    ----------
    ranks : np.ndarray [shape=(n_queries,), int64]
        Rank of the first right answer, from 1.

    Returns
    -------
    float
        In (0, 1].

    References
    ----------
    Voorhees, "The TREC-8 question answering track report", TREC 1999.

    Examples
    --------
    >>> mean_reciprocal_rank(np.array([1, 4]))
    0.625
    """
    _check_ranks(ranks)
    return float(np.mean(1 / ranks))


def average_precisions(relevance: BoolArray) -> FloatArray:
    """Average, for each query, the precision at the ranks of its right answers.

    Parameters
    ----------
    relevance : np.ndarray [shape=(n_queries, n_candidates), bool]

    Returns
    -------
    np.ndarray [shape=(n_queries,), float64]
        In (0, 1].

    References
    ----------
    Manning, Raghavan, Schütze, "Introduction to information retrieval", 2008, section 8.4.

    Examples
    --------
    >>> average_precisions(np.array([[True, False, True]])).round(3).tolist()
    [0.833]
    """
    _check_relevance(relevance)
    precision = np.cumsum(relevance, axis=1) / np.arange(1, relevance.shape[1] + 1)
    averages: FloatArray = (precision * relevance).sum(axis=1) / relevance.sum(axis=1)
    return averages


def mean_average_precision(relevance: BoolArray) -> float:
    """Average `average_precisions` over queries: mAP, in (0, 1]."""
    return float(np.mean(average_precisions(relevance)))


def discounted_gains(relevance: BoolArray, k: int) -> FloatArray:
    """Return each query's normalised discounted cumulative gain of the first `k` answers; a right one gains 1.

    Parameters
    ----------
    relevance : np.ndarray [shape=(n_queries, n_candidates), bool]
    k : int

    Returns
    -------
    np.ndarray [shape=(n_queries,), float64]
        In [0, 1].

    References
    ----------
    Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002; the discount is
    log2(1 + rank).

    Examples
    --------
    >>> discounted_gains(np.array([[True, False, True]]), 10).round(3).tolist()
    [0.92]
    """
    _check_relevance(relevance)
    discounts = _discounts(min(_checked_k(k), relevance.shape[1]))
    best = np.cumsum(discounts)[np.minimum(relevance.sum(axis=1), len(discounts)) - 1]
    gains: FloatArray = (relevance[:, : len(discounts)] @ discounts) / best
    return gains


def ndcg_at(relevance: BoolArray, k: int) -> float:
    """Average `discounted_gains` over queries: nDCG@k, in [0, 1]."""
    return float(np.mean(discounted_gains(relevance, k)))


# What a random ranking would score. `candidates` and `relevant` count, for each query, the answers that it may get and
# the right ones among them.


def chance_of_recall_at(candidates: IntArray, relevant: IntArray, k: int) -> float:
    """Return what `metrics.recall_at` gives on average where every order of the candidates is as likely.

    Parameters
    ----------
    candidates, relevant : np.ndarray [shape=(n_queries,), int64]
    k : int

    Returns
    -------
    float
        One less the chance that none of `k` drawn without replacement is right (hypergeometric).

    Examples
    --------
    >>> chance_of_recall_at(np.array([10]), np.array([1]), 5)
    0.5
    """
    _checked_k(k)
    total = 0.0
    for n, r, share in _tallied(candidates, relevant):
        total += share * (1 - float(_misses(n, r)[min(k, n - r + 1)]))
    return total


def chance_of_median_rank(candidates: IntArray, relevant: IntArray) -> float:
    """Return the rank by which, in random orders, the first right answer has come for half of the queries.

    Parameters
    ----------
    candidates, relevant : np.ndarray [shape=(n_queries,), int64]

    Returns
    -------
    float

    Examples
    --------
    >>> chance_of_median_rank(np.array([9]), np.array([1]))
    5.0
    """
    missed = np.zeros(int(candidates.max(initial=1)) + 1)
    for n, r, share in _tallied(candidates, relevant):
        misses = _misses(n, r)
        missed[: len(misses)] += share * misses
    # The chances are sums of rounded products, so that an exact half can come out a little more.
    return float(np.argmax(missed <= 0.5 + 1e-9))


def chance_of_reciprocal_rank(candidates: IntArray, relevant: IntArray) -> float:
    """Return what `mean_reciprocal_rank` gives on average in random orders.

    Parameters
    ----------
    candidates, relevant : np.ndarray [shape=(n_queries,), int64]

    Returns
    -------
    float

    Examples
    --------
    >>> chance_of_reciprocal_rank(np.array([2]), np.array([1]))
    0.75
    """
    total = 0.0
    for n, r, share in _tallied(candidates, relevant):
        first_at = -np.diff(_misses(n, r))
        total += share * float((first_at / np.arange(1, len(first_at) + 1)).sum())
    return total


def chance_of_average_precision(candidates: IntArray, relevant: IntArray) -> float:
    """Return what `mean_average_precision` gives on average in random orders.

    Parameters
    ----------
    candidates, relevant : np.ndarray [shape=(n_queries,), int64]

    Returns
    -------
    float

    References
    ----------
    Bestgen, "Exact expected average precision of the random baseline for system evaluation", Prague Bulletin of
    Mathematical Linguistics 103, 2015.

    Examples
    --------
    >>> chance_of_average_precision(np.array([2]), np.array([1]))
    0.75
    """
    total = 0.0
    for n, r, share in _tallied(candidates, relevant):
        harmonic = float((1 / np.arange(1, n + 1)).sum())
        total += share * (harmonic + (r - 1) / max(n - 1, 1) * (n - harmonic)) / n
    return total


def chance_of_ndcg_at(candidates: IntArray, relevant: IntArray, k: int) -> float:
    """Return what `ndcg_at` gives on average in random orders, where each rank is right with the same chance.

    Parameters
    ----------
    candidates, relevant : np.ndarray [shape=(n_queries,), int64]
    k : int

    Returns
    -------
    float

    Examples
    --------
    >>> chance_of_ndcg_at(np.array([4]), np.array([1]), 1)
    0.25
    """
    total = 0.0
    for n, r, share in _tallied(candidates, relevant):
        discounts = _discounts(min(_checked_k(k), n))
        total += share * r / n * float(discounts.sum() / discounts[:r].sum())
    return total


def _tallied(candidates: IntArray, relevant: IntArray) -> Iterator[tuple[int, int, float]]:
    """Count queries by candidates and right ones among them: many queries share both."""
    if candidates.shape != relevant.shape or candidates.ndim != 1 or len(candidates) == 0:
        raise UsageError(f"need two equally long, non-empty lists, not {candidates.shape} and {relevant.shape}")
    if relevant.min() < 1 or (relevant > candidates).any():
        raise UsageError("each query needs one right candidate at least, and no more than candidates")
    pairs, counts = np.unique(np.stack([candidates, relevant], axis=1), axis=0, return_counts=True)
    for (n, r), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        yield n, r, count / len(candidates)


def _misses(n: int, r: int) -> FloatArray:
    """Chance that none of the first 0, 1, ..., n - r + 1 of `n` candidates in random order is one of `r` right ones."""
    drawn = np.arange(n - r + 1)
    return np.concatenate([[1.0], np.cumprod((n - r - drawn) / (n - drawn))])


def _discounts(k: int) -> FloatArray:
    discounts: FloatArray = 1 / np.log2(np.arange(2, k + 2))
    return discounts


def _check_ranks(ranks: IntArray) -> None:
    if len(ranks) == 0 or ranks.min() < 1:
        raise UsageError("ranks begin at 1, and there must be one at least")


def _check_relevance(relevance: BoolArray) -> None:
    if relevance.ndim != 2 or len(relevance) == 0 or not relevance.any(axis=1).all():
        raise UsageError("need one query at least, and a right answer to each")


def _checked_k(k: int) -> int:
    if k < 1:
        raise UsageError(f"k must be 1 at least, not {k}")
    return k
