"""Naming by nearest neighbours: weights, plain votes, and what the neighbours of each label say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from modag_search.values import Float32Array, Int64Array, Uint8Array

TEMPERATURE = 0.07
K = 20


def vote_weights(similarities: Float32Array, *, temperature: float = TEMPERATURE) -> Float32Array:
    """Weigh neighbours by ``exp(similarity / temperature)``.

    Parameters
    ----------
    similarities : np.ndarray [shape=(..., k), float32]
        Cosines; -inf stands for a neighbour that is not there and weighs nothing.
    temperature : float
        The lower, the more the nearest count.

    Returns
    -------
    np.ndarray [shape=(..., k), float32]
        Scaled so that the nearest weighs 1.

    References
    ----------
    Wu, Xiong, Yu, Lin, "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018,
    section 3.4, which also sets the temperature to 0.07.

    Examples
    --------
    >>> [round(weight, 3) for weight in vote_weights(np.array([0.9, 0.9 - 0.07, -np.inf], dtype=np.float32)).tolist()]
    [1.0, 0.368, 0.0]
    """
    nearest = similarities.max(axis=-1, keepdims=True)
    nearest = np.where(np.isfinite(nearest), nearest, np.float32(0))
    weights: Float32Array = np.exp((similarities - nearest) / np.float32(temperature))
    return weights


def vote_all(
    similarities: Float32Array, classes: np.ndarray, *, n_classes: int, k: int, temperature: float = TEMPERATURE
) -> Float32Array:
    """Let the `k` nearest of all voters vote, each for its class.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_voters), float32]
    classes : np.ndarray [shape=(n_voters,), int64]
        Class of each voter, from 0 to ``n_classes - 1``.
    n_classes, k : int
    temperature : float

    Returns
    -------
    np.ndarray [shape=(n_queries, n_classes), float32]
        Shares of the vote of the `k` nearest voters.
    """
    k = min(k, similarities.shape[1])
    nearest = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
    weights = vote_weights(np.take_along_axis(similarities, nearest, axis=1), temperature=temperature)
    scores = np.zeros((len(similarities), n_classes), dtype=np.float32)
    np.add.at(scores, (np.arange(len(scores))[:, None], classes[nearest]), weights)
    shares: Float32Array = scores / scores.sum(axis=1, keepdims=True)
    return shares


def label_means(similarities: Float32Array, labels: Int64Array, *, n_labels: int) -> Float32Array:
    """Average similarities over the voters of each label.

    Up to its length, that is the similarity to the label's mean vector. A label says one thing, however many voters it
    has: among the nearest of all voters, a label of 200 outvotes one of 6 by numbers alone.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_votes), float32]
        -inf stands for a voter that a query must not hear.
    labels : np.ndarray [shape=(n_votes,), int64]
        Of each vote, from 0 to ``n_labels - 1``.
    n_labels : int

    Returns
    -------
    np.ndarray [shape=(n_queries, n_labels), float32]
        -inf where a query hears nobody of a label.

    References
    ----------
    Snell, Swersky, Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017.

    Examples
    --------
    >>> similarities = np.array([[0.7, 0.6, 0.8]], dtype=np.float32)
    >>> [round(mean, 3) for mean in label_means(similarities, np.array([0, 1, 1]), n_labels=3)[0].tolist()]
    [0.7, 0.7, -inf]
    """
    return _spread_out(_means, _by_label(similarities, labels), n_labels=n_labels)


def label_kernels(
    similarities: Float32Array, labels: Int64Array, *, n_labels: int, k: int = K, temperature: float = TEMPERATURE
) -> Float32Array:
    """Sum the weights of the `k` nearest voters of each label, over the number of its voters.

    That is a kernel estimate of how dense the label's voters are around a query, so that frequent labels weigh no more
    than rare ones; what lies beyond the `k` nearest is taken for nothing. It is given in units of similarity,
    ``temperature * log(sum / number)``: what all voters of a label would have to be at to give the same.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_votes), float32]
        -inf stands for a voter that a query must not hear.
    labels : np.ndarray [shape=(n_votes,), int64]
        Of each vote, from 0 to ``n_labels - 1``.
    n_labels, k : int
    temperature : float

    Returns
    -------
    np.ndarray [shape=(n_queries, n_labels), float32]
        -inf where a query hears nobody of a label.

    References
    ----------
    Rosenblatt, "Remarks on some nonparametric estimates of a density function", Annals of Mathematical Statistics
    27(3), 1956; the weights are those of `vote_weights`.

    Examples
    --------
    >>> similarities = np.array([[0.7, 0.7, 0.0]], dtype=np.float32)
    >>> [round(kernel, 3) for kernel in label_kernels(similarities, np.array([0, 1, 1]), n_labels=2)[0].tolist()]
    [0.7, 0.651]
    """
    votes = _by_label(similarities, labels)
    return _spread_out(_kernels, votes, n_labels=n_labels, k=k, temperature=temperature)


def label_evidence(
    similarities: Float32Array, labels: Int64Array, *, n_labels: int, k: int = K, temperature: float = TEMPERATURE
) -> Float32Array:
    """Return `label_means` and `label_kernels` of the same votes.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_votes), float32]
    labels : np.ndarray [shape=(n_votes,), int64]
        Quickest where they ascend.
    n_labels, k : int
    temperature : float

    Returns
    -------
    np.ndarray [shape=(n_queries, n_labels, 2), float32]
    """
    votes = _by_label(similarities, labels)
    means = _spread_out(_means, votes, n_labels=n_labels)
    kernels = _spread_out(_kernels, votes, n_labels=n_labels, k=k, temperature=temperature)
    return np.stack([means, kernels], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Votes:
    """Similarities with the votes of one label after those of another.

    Attributes
    ----------
    similarities : np.ndarray [shape=(n_queries, n_votes), float32]
    heard : np.ndarray [shape=(n_queries, n_votes), bool]
    labels : np.ndarray [shape=(n_present,), int64]
        Those that have votes, ascending.
    firsts, sizes : np.ndarray [shape=(n_present,), int64]
        Column of each label's first vote, and how many votes it has.
    counts : np.ndarray [shape=(n_queries, n_present), float32]
        How many of these each query hears.
    """

    similarities: Float32Array
    heard: npt.NDArray[np.bool_]
    labels: Int64Array
    firsts: Int64Array
    sizes: Int64Array
    counts: Float32Array


def _by_label(similarities: Float32Array, labels: Int64Array) -> _Votes:
    """Bring votes into order of their labels; nothing is copied where they are already."""
    if (labels[1:] < labels[:-1]).any():
        order = np.argsort(labels, kind="stable")
        similarities, labels = similarities[:, order], labels[order]
    present, firsts = np.unique(labels, return_index=True)
    sizes = np.diff(np.append(firsts, len(labels)))
    heard = np.isfinite(similarities)
    counts = _by_span(np.add, heard.view(np.uint8), firsts)
    return _Votes(similarities, heard, present, firsts, sizes, counts)


def _by_span(operation: np.ufunc, values: Float32Array | Uint8Array, firsts: Int64Array) -> Float32Array:
    """Reduce each span of columns: one pass over memory for all labels, since their votes lie next to each other."""
    if len(firsts) == 0:
        return np.zeros((len(values), 0), dtype=np.float32)
    reduced: Float32Array = operation.reduceat(values, firsts, axis=1, dtype=np.float32)
    return reduced


def _spread_out(
    statistic: Callable[..., Float32Array], votes: _Votes, *, n_labels: int, **options: float
) -> Float32Array:
    """Put a statistic of the labels that have votes among all labels, -inf for the others."""
    of_all = np.full((len(votes.similarities), n_labels), -np.inf, dtype=np.float32)
    of_all[:, votes.labels] = np.where(votes.counts > 0, statistic(votes, **options), np.float32(-np.inf))
    return of_all


def _means(votes: _Votes) -> Float32Array:
    """Mean similarity of each label that has votes; anything where none is heard."""
    known = votes.similarities if votes.heard.all() else np.where(votes.heard, votes.similarities, np.float32(0))
    heard_once: Float32Array = np.maximum(votes.counts, np.float32(1))
    return _by_span(np.add, known, votes.firsts) / heard_once


def _kernels(votes: _Votes, *, k: int, temperature: float) -> Float32Array:
    """Kernel estimate of each label that has votes; anything where none is heard."""
    highest = np.zeros(votes.counts.shape, dtype=np.float32)
    sums = np.ones(votes.counts.shape, dtype=np.float32)
    for labels in like_sized(votes.sizes):
        columns, there = padded(votes.firsts[labels], votes.sizes[labels])
        nearest = np.take(votes.similarities, columns, axis=1)  # [shape=(n_queries, n_labels, width)]
        nearest[:, ~there] = -np.inf
        if (beyond := nearest.shape[-1] - k) > 0:
            # Only the sum of the k nearest is wanted, so that they need not be sorted.
            nearest.partition(beyond, axis=-1)
            nearest = nearest[..., beyond:]
        most = nearest.max(axis=-1)
        highest[:, labels] = most
        # Below the highest, exponents are 0 at the most and cannot overflow.
        most[~np.isfinite(most)] = 0
        sums[:, labels] = np.exp((nearest - most[..., None]) / np.float32(temperature)).sum(axis=-1)
    densities = np.where(votes.counts > 0, sums / np.maximum(votes.counts, np.float32(1)), np.float32(1))
    logarithms: Float32Array = np.log(densities)
    return highest + np.float32(temperature) * logarithms


def like_sized(sizes: Int64Array) -> list[Int64Array]:
    """Put together what can be handled as one array without much padding: sizes that differ by a factor below 2.

    Parameters
    ----------
    sizes : np.ndarray [shape=(n,), int64]
        From 1.

    Returns
    -------
    list of np.ndarray [shape=(n_alike,), int64]
        Places in `sizes`; each stands in one.

    Examples
    --------
    >>> [places.tolist() for places in like_sized(np.array([1, 100, 70, 2, 127]))]
    [[0], [3], [1, 2, 4]]
    """
    _, exponents = np.frexp(sizes)
    return [np.flatnonzero(exponents == exponent) for exponent in np.unique(exponents)]


def padded(firsts: Int64Array, sizes: Int64Array) -> tuple[Int64Array, npt.NDArray[np.bool_]]:
    """Return the places of spans as rows of one table, and which of its cells belong to them.

    Parameters
    ----------
    firsts, sizes : np.ndarray [shape=(n,), int64]
        First place and length of each span.

    Returns
    -------
    places : np.ndarray [shape=(n, width), int64]
        Behind the end of a span, its last place again.
    there : np.ndarray [shape=(n, width), bool]
    """
    within = np.arange(sizes.max(initial=0))
    there = within < sizes[:, None]
    return firsts[:, None] + np.where(there, within, sizes[:, None] - 1), there
