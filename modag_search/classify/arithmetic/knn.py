"""Naming by nearest neighbours: weights, plain votes, and what the neighbours of each label say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import Float32Array, Int64Array

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
    >>> vote_weights(np.array([0.9, 0.9 - 0.07, -np.inf], dtype=np.float32)).round(3).tolist()
    [1.0, 0.3680000066757202, 0.0]
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
    >>> label_means(similarities, np.array([0, 1, 1]), n_labels=3).round(3).tolist()
    [[0.699999988079071, 0.699999988079071, -inf]]
    """
    means = np.full((len(similarities), n_labels), -np.inf, dtype=np.float32)
    for label, columns in _columns_by_label(labels):
        own = similarities[:, columns]
        heard = np.isfinite(own)
        counts = heard.sum(axis=1)
        sums = np.where(heard, own, np.float32(0)).sum(axis=1)
        means[counts > 0, label] = sums[counts > 0] / counts[counts > 0]
    return means


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
    >>> label_kernels(similarities, np.array([0, 1, 1]), n_labels=2).round(3).tolist()
    [[0.699999988079071, 0.6510000228881836]]
    """
    kernels = np.full((len(similarities), n_labels), -np.inf, dtype=np.float32)
    for label, columns in _columns_by_label(labels):
        own = similarities[:, columns]
        counts = np.isfinite(own).sum(axis=1)
        if own.shape[1] > k:
            own = -np.partition(-own, k - 1, axis=1)[:, :k]
        nearest = own.max(axis=1)
        there = counts > 0
        sums = np.exp((own[there] - nearest[there, None]) / np.float32(temperature)).sum(axis=1)
        kernels[there, label] = nearest[there] + np.float32(temperature) * np.log(sums / counts[there])
    return kernels


def _columns_by_label(labels: Int64Array) -> list[tuple[int, Int64Array]]:
    """List the labels that have votes, each with the places of its votes."""
    if len(labels) == 0:
        return []
    order = np.argsort(labels, kind="stable")
    names, firsts = np.unique(labels[order], return_index=True)
    return list(zip(names.tolist(), np.split(order, firsts[1:]), strict=True))
