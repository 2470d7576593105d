"""Classification by the labels of nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.values import Float32Array, LabelScore

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMPERATURE = 0.07


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


def vote(
    similarities: Float32Array, labels: Sequence[str], *, temperature: float = TEMPERATURE
) -> tuple[LabelScore, ...]:
    """Let neighbours vote for their labels.

    Parameters
    ----------
    similarities : np.ndarray [shape=(k,), float32]
    labels : sequence of str
        Of length k; a neighbour with several labels stands once for each.
    temperature : float

    Returns
    -------
    tuple of LabelScore
        Best first; scores add up to 1. Ties are broken by name.

    Examples
    --------
    >>> [score.label for score in vote(np.array([0.9, 0.8], dtype=np.float32), ["harp", "lute"])]
    ['harp', 'lute']
    """
    weights = vote_weights(similarities, temperature=temperature)
    sums: dict[str, float] = {}
    for label, weight in zip(labels, weights.tolist(), strict=True):
        sums[label] = sums.get(label, 0.0) + weight
    total = sum(sums.values()) or 1.0
    ranked = sorted(sums.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(LabelScore(label=label, score=weight / total) for label, weight in ranked)


def vote_all(
    similarities: Float32Array, classes: np.ndarray, *, n_classes: int, k: int, temperature: float = TEMPERATURE
) -> Float32Array:
    """Classify many queries at once over the same voters.

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


def vote_balanced(
    similarities: Float32Array, classes: np.ndarray, *, n_classes: int, temperature: float = TEMPERATURE
) -> Float32Array:
    """Classify many queries by how similar all voters of a class are on average.

    Among the 20 nearest of all voters a class of 200 outvotes one of 6 by numbers alone; here each class says one
    thing, however many voters it has. Up to its length, that is the similarity to the class's mean vector.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_voters), float32]
    classes : np.ndarray [shape=(n_voters,), int64]
        Class of each voter, from 0 to ``n_classes - 1``; a class without voters gets no share.
    n_classes : int
    temperature : float

    Returns
    -------
    np.ndarray [shape=(n_queries, n_classes), float32]
        Shares of the vote.

    References
    ----------
    Snell, Swersky, Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017.

    Examples
    --------
    >>> similarities = np.array([[0.7, 0.69, 0.69, 0.69]], dtype=np.float32)
    >>> int(vote_balanced(similarities, np.array([0, 1, 1, 1]), n_classes=2).argmax())
    0
    """
    weights = vote_weights(class_means(similarities, classes, n_classes), temperature=temperature)
    shares: Float32Array = weights / weights.sum(axis=1, keepdims=True)
    return shares


def class_means(similarities: Float32Array, classes: np.ndarray, n_classes: int) -> Float32Array:
    """Average similarities over the voters of each class.

    Parameters
    ----------
    similarities : np.ndarray [shape=(n_queries, n_voters), float32]
        -inf stands for a voter that a query must not hear.
    classes : np.ndarray [shape=(n_voters,), int64]
    n_classes : int

    Returns
    -------
    np.ndarray [shape=(n_queries, n_classes), float32]
        -inf where a query hears nobody of a class.
    """
    means = np.full((len(similarities), n_classes), -np.inf, dtype=np.float32)
    for c in np.unique(classes):
        own = similarities[:, classes == c]
        heard = np.isfinite(own)
        counts = heard.sum(axis=1)
        sums = np.where(heard, own, np.float32(0)).sum(axis=1)
        means[counts > 0, c] = sums[counts > 0] / counts[counts > 0]
    return means
