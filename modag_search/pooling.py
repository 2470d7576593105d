"""What the neighbours of either modality say of each label, pooled into one answer with a confidence.

For each label a query has four pieces of evidence: the mean similarity and the kernel estimate (see `knn`) of the
label's voters of its own modality, and those of the other. All are centred: the similarity of unlike things of the two
modalities is taken off (see `space.Space.background_of`), since sounds are nearer to sounds than to pictures whatever
they show. A weighted sum makes a log-odds of each label. The four weights, for queries of each modality, are learnt by
leave-one-out over the labelled items: they say how much each modality can be trusted, and the sum of them how sure an
answer is. With few labels they stay near `PRIOR`. Where a label has voters of one modality alone, what the other's
would say on average stands for it; that, too, is learnt, from the labels that have both.

References
----------
McFadden, "Conditional logit analysis of qualitative choice behavior", 1974: a choice among any number of labels with
weights that all labels share. Genest, Zidek, "Combining probability distributions", Statistical Science 1(1), 1986: the
logarithmic opinion pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from modag_search.values import Float32Array

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PRIOR = (4.0, 5.0, 1.0, 1.0)
"""Weights before anything is learnt: mean and kernel of the query's own modality, mean and kernel of the other."""
ACROSS = 0.7
"""What the prior weights are multiplied by where no label has voters of the query's own modality."""
STAND_IN_PRIOR = (0.6, 1.0)
"""What voters of the other modality say of a label, for one that voters of the query's own say, and the reverse."""
_STAND_IN_STRENGTH = 0.5
INDEPENDENT_PRIOR = (1.0, -2.5)
"""Slope and offset, before anything is learnt, of the log-odds of a label that excludes no other."""
_PRECISION = 0.01
"""Of the Gaussian prior over weights; chosen by leaving train sources out (TRIALS.md)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """How evidence for queries of one modality becomes a probability.

    Attributes
    ----------
    weights : (float, float, float, float)
        Of the kinds of evidence, in units of log-odds for a similarity of 1; none is negative.
    stand_in : (float, float)
        What the evidence of one modality is multiplied by where it stands for the other's: the own for the other's, and
        the other's for the own.
    independent : (float, float)
        Slope and offset that make the log-odds of a label which excludes no other of the weighted sum.
    learnt_from : int
        Labelled items that the weights were learnt from; 0 for the prior.
    """

    weights: tuple[float, float, float, float] = PRIOR
    stand_in: tuple[float, float] = STAND_IN_PRIOR
    independent: tuple[float, float] = INDEPENDENT_PRIOR
    learnt_from: int = 0

    def scores(self, evidence: Float32Array) -> FloatArray:
        """Weigh evidence ``[shape=(n, n_labels, 4)]`` to scores ``[shape=(n, n_labels)]``; -inf without any."""
        return _scores(_filled(evidence, self.stand_in), np.array(self.weights))

    def probabilities(self, evidence: Float32Array, *, exclusive: bool) -> FloatArray:
        """Return how likely each label holds.

        Parameters
        ----------
        evidence : np.ndarray [shape=(n, n_labels, 4), float32]
            Means and kernels of the voters of the query's own modality, then of the other; -inf without voters.
        exclusive : bool
            True where one label holds and no other: rows add up to 1. Otherwise each label is judged for itself.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float64]
            0 for labels without evidence.
        """
        scores = self.scores(evidence)
        if exclusive:
            return softmax(scores)
        slope, offset = self.independent
        return sigmoid(slope * scores + offset)


def across_only(pool: Pool) -> Pool:
    """Return the prior for labels that have voters of the other modality alone."""
    first, second, third, fourth = (ACROSS * weight for weight in pool.weights)
    return replace(pool, weights=(first, second, third, fourth))


def learn_pool(evidence: Float32Array, holds: BoolArray, *, prior: Pool | None = None) -> Pool:
    """Learn a pool from queries whose labels are known, and that did not vote on themselves.

    Parameters
    ----------
    evidence : np.ndarray [shape=(n, n_labels, 4), float32]
        As for `Pool.probabilities`.
    holds : np.ndarray [shape=(n, n_labels), bool]
        Which labels hold; one at least for each query, with evidence.
    prior : Pool, optional
        Where it starts, and stays near with few queries; default ``Pool()``.

    Returns
    -------
    Pool
        `prior` where there are no queries, or no two labels to choose between.
    """
    start = prior or Pool()
    if len(evidence) == 0 or evidence.shape[1] < 2:
        return start
    stand_in = _learn_stand_in(evidence, start.stand_in)
    filled = _filled(evidence, stand_in)
    weights = _learn_weights(filled, holds, np.array(start.weights))
    independent = _learn_independent(_scores(filled, weights), holds, start.independent)
    first, second, third, fourth = weights.tolist()
    return Pool((first, second, third, fourth), stand_in, independent, learnt_from=len(evidence))


def softmax(scores: FloatArray) -> FloatArray:
    """Make probabilities of scores ``[shape=(n, n_labels)]``; a row without any finite score gives zeros."""
    highest = scores.max(axis=1, keepdims=True, initial=-np.inf)
    likelihoods = np.exp(scores - np.where(np.isfinite(highest), highest, 0.0))
    shares: FloatArray = likelihoods / np.maximum(likelihoods.sum(axis=1, keepdims=True), 1e-300)
    return shares


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """Make probabilities of log-odds, without overflow."""
    odds: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return odds


def learn_sigmoid(scores: FloatArray, holds: BoolArray, prior: tuple[float, float]) -> tuple[float, float]:
    """Learn slope (not negative) and offset of the log-odds that a statement holds, given its score.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,), float64]
        Finite.
    holds : np.ndarray [shape=(n,), bool]
    prior : (float, float)
        Where they start, and stay near with few statements.

    Returns
    -------
    (float, float)

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    from scipy.optimize import minimize

    start = np.array(prior)
    signs = np.where(holds, 1.0, -1.0)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        margins = signs * (parameters[0] * scores + parameters[1])
        pulls = -signs * sigmoid(-margins)
        distance = parameters - start
        gradient = np.array([(pulls * scores).sum(), pulls.sum()]) + 2 * _PRECISION * distance
        return float(np.logaddexp(0, -margins).sum() + _PRECISION * (distance**2).sum()), gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)])
    slope, offset = found.x.tolist()
    return slope, offset


def _filled(evidence: Float32Array, stand_in: tuple[float, float]) -> Float32Array:
    """Let the evidence of one modality stand for the other's where that is not there."""
    own, other = evidence[..., :2], evidence[..., 2:]
    for_other, for_own = (np.float32(factor) for factor in stand_in)
    there = np.isfinite(own), np.isfinite(other)
    scaled_own, scaled_other = (np.where(is_there, part, 0) for is_there, part in zip(there, (own, other), strict=True))
    filled_own = np.where(there[0], own, np.where(there[1], scaled_other * for_own, -np.inf))
    filled_other = np.where(there[1], other, np.where(there[0], scaled_own * for_other, -np.inf))
    filled: Float32Array = np.concatenate([filled_own, filled_other], axis=-1)
    return filled


def _learn_stand_in(evidence: Float32Array, start: tuple[float, float]) -> tuple[float, float]:
    """Fit the evidence of each modality to the other's, through the origin, over labels that have both."""
    both = np.isfinite(evidence).all(axis=-1)
    own, other = (evidence[both][:, part].astype(np.float64) for part in (slice(0, 2), slice(2, 4)))
    together = float((own * other).sum())

    def factor(given: FloatArray, prior: float) -> float:
        found = (together + _STAND_IN_STRENGTH * prior) / (float((given**2).sum()) + _STAND_IN_STRENGTH)
        return min(max(found, 0.0), 2.0)

    return factor(own, start[0]), factor(other, start[1])


def _scores(evidence: Float32Array, weights: FloatArray) -> FloatArray:
    there = np.isfinite(evidence[..., 0])
    scores: FloatArray = np.where(there, np.where(there[..., None], evidence, 0) @ weights, -np.inf)
    return scores


def _learn_weights(evidence: Float32Array, holds: BoolArray, start: FloatArray) -> FloatArray:
    """Minimise the log-loss of choosing each label that holds among those that do not."""
    from scipy.optimize import minimize

    queries, right = np.nonzero(holds)
    there = np.isfinite(evidence[queries, :, 0])
    finite = np.where(there[..., None], evidence[queries], 0).astype(np.float64)
    # Of a query's labels, each is a choice of its own: the others are no rivals.
    rivals = there & ~holds[queries]
    rivals[np.arange(len(right)), right] = True
    chosen = finite[np.arange(len(right)), right]

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        shares = softmax(np.where(rivals, finite @ weights, -np.inf))
        distance = weights - start
        surprise = -np.log(np.maximum(shares[np.arange(len(right)), right], 1e-300)).sum()
        pull = np.einsum("nc,nck->k", shares, finite) - chosen.sum(axis=0)
        return float(surprise + _PRECISION * (distance**2).sum()), pull + 2 * _PRECISION * distance

    found: FloatArray = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * 4).x
    return found


def _learn_independent(scores: FloatArray, holds: BoolArray, start: tuple[float, float]) -> tuple[float, float]:
    there = np.isfinite(scores)
    return learn_sigmoid(scores[there], holds[there], start)
