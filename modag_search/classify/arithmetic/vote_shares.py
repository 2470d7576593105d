"""How an answer divides among the votes behind it, and which of them weigh most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.arithmetic.pooling import EvidenceWeights
    from modag_search.values import Float32Array, Int64Array

_LISTED = 0.99
"""Share of the probability of an answer whose labels are likely."""
_LABELS_LISTED = 3
"""Labels that are likely in any case."""


def likely_labels(shares: FloatArray) -> BoolArray:
    """Choose, for each query, the labels that nearly all of the probability is on, and the first few in any case.

    Parameters
    ----------
    shares : np.ndarray [shape=(n, n_labels), float64]
        Of the labels in an answer; none is negative.

    Returns
    -------
    np.ndarray [shape=(n, n_labels), bool]
        False where the share is 0.

    Examples
    --------
    >>> likely_labels(np.array([[0.001, 0.5, 0.002, 0.0, 0.497]])).tolist()
    [[False, True, True, False, True]]
    """
    order = np.argsort(-shares, axis=1, kind="stable")
    ranked = np.take_along_axis(shares, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    counts = before < _LISTED * shares.sum(axis=1, keepdims=True)
    counts[:, :_LABELS_LISTED] = True
    likely = np.zeros(shares.shape, dtype=bool)
    np.put_along_axis(likely, order, counts & (ranked > 0), axis=1)
    return likely


def divided_among_evidence(weights: EvidenceWeights, there: BoolArray) -> FloatArray:
    """Divide answers among the means and kernels of both modalities, and what labels are called.

    Parameters
    ----------
    weights : EvidenceWeights
    there : np.ndarray [shape=(n, n_labels, 3), bool]
        Whether a label has votes of the query's own modality, and of the other, and a name that says something.

    Returns
    -------
    np.ndarray [shape=(n, n_labels, 4), float64]
        Of mean and kernel of the own modality, then of the other. They add up to 1 where there are votes and the name
        says nothing; what the name says is the rest.
    """
    own, other, named = there[..., :1], there[..., 1:2], there[..., 2:]
    of_own, of_other = np.array(weights.own_and_other[:2]), np.array(weights.own_and_other[2:])
    # Where the other modality has none, what the own says stands for the other's too.
    first = np.where(own, np.where(other, of_own, of_own + weights.imputation * of_other), 0.0)
    second = np.where(other, np.where(own, of_other, np.array(weights.cross_only[:2])), 0.0)
    shown = np.concatenate([first, second], axis=-1)
    of_name = np.where(own, weights.name, np.where(other, weights.cross_only[3], 0.0))
    # The mean speaks for a name that says nothing, where others say something.
    spoken_for = weights.name_imputation * of_name * (~named & named.any())
    shown[..., :1] += np.where(own, spoken_for, 0.0)
    shown[..., 2:3] += np.where(own, 0.0, spoken_for)
    total = shown.sum(axis=-1, keepdims=True) + np.where(named, of_name, 0.0)
    # Where nothing has a weight, all votes of the label are alike.
    n_kinds = np.maximum(there[..., :2].sum(axis=-1), 1)[..., None]
    evenly = there[..., [0, 0, 1, 1]] * np.array([1.0, 0.0, 1.0, 0.0]) / n_kinds
    divided: FloatArray = np.where(total > 0, shown / np.where(total > 0, total, 1.0), evenly)
    return divided


def kernel_shares(above: Float32Array, *, k: int, temperature: float) -> Float32Array:
    """Divide a label's kernel estimate among its votes; see `knn.label_kernels`.

    Parameters
    ----------
    above : np.ndarray [shape=(n, n_votes), float32]
        Similarities; -inf for votes that are not heard, but not for all of a row.
    k : int
    temperature : float

    Returns
    -------
    np.ndarray [shape=(n, n_votes), float32]
        Rows add up to 1; 0 for all but the `k` nearest, and those as near as the last of them.
    """
    shares: Float32Array = np.exp((above - above.max(axis=1, keepdims=True)) / np.float32(temperature))
    if above.shape[1] > k:
        shares[above < np.partition(above, -k, axis=1)[:, -k, None]] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def greatest_of_rows(weights: Float32Array, similarities: Float32Array, there: BoolArray, *, most: int) -> BoolArray:
    """Choose some votes of each row: by weight, then similarity, then the first.

    Parameters
    ----------
    weights : np.ndarray [shape=(n, n_votes), float32]
        None is negative.
    similarities : np.ndarray [shape=(n, n_votes), float32]
    there : np.ndarray [shape=(n, n_votes), bool]
        Others are not chosen; more than `most` of each row are there.
    most : int

    Returns
    -------
    np.ndarray [shape=(n, n_votes), bool]
    """
    # Weight and similarity are compared at once, as one number: bits of a float that is not negative are in the order
    # of its values, and so are those of any float once negative ones are turned round.
    bits = (similarities + np.float32(0)).view(np.uint32)
    ordered = bits ^ np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    keys = np.where(there, (weights.view(np.uint32).astype(np.uint64) << np.uint64(32)) | ordered, np.uint64(0))
    least = np.partition(keys, -most, axis=1)[:, -most, None]
    chosen: BoolArray = (keys >= least) & there
    # Copies are equal to the last bit: where more are than there is room for, the first have it.
    tied = np.flatnonzero(chosen.sum(axis=1) > most)
    equal = keys[tied] == least[tied]
    room = most - (chosen[tied] & ~equal).sum(axis=1, keepdims=True)
    chosen[tied] &= ~equal | (np.cumsum(equal, axis=1) <= room)
    return chosen


def not_outweighed(queries: Int64Array, weights: FloatArray, *, most: int) -> Int64Array:
    """Leave out, before all are sorted, votes that are too light to be among the greatest of their query.

    Parameters
    ----------
    queries : np.ndarray [shape=(n,), int64]
        Of each vote.
    weights : np.ndarray [shape=(n,), float64]
        None is negative.
    most : int

    Returns
    -------
    np.ndarray [shape=(n_left,), int64]
        Places of all but those that `most` others of the same query outweigh, in order of queries.
    """
    order = np.argsort(queries, kind="stable")
    _, firsts, numbers, counts = np.unique(queries[order], return_index=True, return_inverse=True, return_counts=True)
    if counts.max(initial=0) <= most:
        return order
    # A row for each query, with room for as many votes as any has: light ones are told by one partition of all rows.
    table = np.full((len(firsts), int(counts.max())), -1.0)
    table[numbers, np.arange(len(order)) - firsts[numbers]] = weights[order]
    least = np.partition(table, -most, axis=1)[:, -most]
    return order[weights[order] >= least[numbers]]
