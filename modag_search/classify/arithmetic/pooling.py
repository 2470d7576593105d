"""What labelled items of either modality say of each label, pooled into one answer with a confidence.

For each label a query has four pieces of evidence: the mean similarity and the kernel estimate (see `knn`) of the
label's voters of its own modality, and those of the other. All are centred: the similarity of unlike things of the two
modalities is taken off (see `space.Space.unrelated_similarity`), since sounds are nearer to sounds than to pictures
whatever they show. A weighted sum makes a log-odds of each label. The four weights, for queries of each modality, are
learnt by leave-one-out over the labelled items: they say how much each modality can be trusted, and the sum of them how
sure an answer is. With few labels they stay near `PRIOR`. Where a label has no voters of the other modality, what its
own would say of it on average stands for them; that, too, is learnt, from the labels that have both.

A label is cross-only where it has no voters of the query's own modality: what is said for it is hearsay, and there may
be many such labels. They have weights of their own, and an offset, learnt by leaving out all voters of the own modality
of an item's label, as if `CROSS_ONLY_SHARE` of all queries were of cross-only labels.

What a label is called says something, too, in a space that understands words: a fifth piece of evidence, how similar
the query is to the words. A label without any voter is judged by its name alone, with weights of its own, learnt by
leaving out all voters of a random half of the labels, as if `NAME_ONLY_SHARE` of all queries met such labels. Labels
that have no voter at all teach nothing: nobody knows which queries are theirs, and they would seem to be always wrong.
Where names mean nothing, they tell right labels from wrong ones no better than chance, and their weight goes to 0 as
examples come.

A sixth piece is what a linear function of features says (see `least_squares`): features of one modality tell apart what
a shared space may have brought together. It stands beside the voters of the query's own modality.

Where labels exclude each other, none of them may hold: "none" is one more choice, with a score of its own. It is learnt
from the same queries as if nobody had given any label of theirs, as if `NONE_SHARE` of all queries were such.

References
----------
McFadden, "Conditional logit analysis of qualitative choice behavior", 1974: a choice among any number of labels with
weights that all labels share. Genest, Zidek, "Combining probability distributions", Statistical Science 1(1), 1986: the
logarithmic opinion pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.values import EvidenceKind, Float32Array

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LINEAR_PRIOR = 8.0
"""Weight, before anything is learnt, of what the linear function of a label says."""
NONE_PRIOR = 2.5
"""Score, before anything is learnt, of no label at all."""
NONE_BY_HEARSAY = 0.0
"""Likewise where no label has voters of the query's own modality, so that nothing can be learnt."""
NONE_SHARE = 0.07
"""Share of queries that are taken to have none of the labels while weights are learnt."""
PRIOR = (4.0, 5.0, 1.0, 1.0)
"""Weights before anything is learnt: mean and kernel of the query's own modality, mean and kernel of the other."""
CROSS_ONLY_PRIOR = (3.0, 4.0, -1.0, 3.0)
"""Likewise for cross-only labels: mean and kernel of the other modality, what is added, and the name."""
CROSS_ONLY_UNLEARNT = (4.5, 6.0, -1.5, 4.5)
"""Likewise where nothing can be learnt, as no item of the query's modality has a label: all labels are cross-only, and
rivals of each other alone."""
CROSS_ONLY_SHARE = 0.2
"""Share of queries that are taken to be of cross-only labels while weights are learnt."""
NAME_PRIOR = 1.5
"""Likewise for the name of a label that has voters of the query's own modality."""
NAME_ONLY_PRIOR = (12.0, -2.0)
"""Likewise for labels without voters: their name, and what is added."""
NAME_ONLY_SHARE = 0.05
"""Share of queries that are taken to meet labels without voters while weights are learnt."""
IMPUTATION_PRIOR = 0.6
"""What voters of the other modality say of a label, for one that voters of the query's own say."""
NAME_IMPUTATION_PRIOR = 0.6
"""What the name says of a label, for one that the mean of its voters says."""
_IMPUTATION_STRENGTH = 0.5
EVIDENCE_KINDS: tuple[EvidenceKind, ...] = ("own", "other", "name", "features", "added")
MULTILABEL_PRIOR = (1.0, -2.5)
"""Slope and offset, before anything is learnt, of the log-odds of a label that excludes no other."""
_SHARPNESSES = tuple(np.exp(np.linspace(np.log(0.5), np.log(2.0), 29)).tolist())
_LEAST_WEIGHTS = np.array([0.0] * 6 + [-np.inf] + [0.0] * 3 + [-np.inf, 0.0, -np.inf])
"""Evidence for a label never speaks against it; what is added for some labels may."""
_PRECISION = 0.15
"""Of the Gaussian prior over weights."""
_LEAST_SLOPE = 1e-3
_MOST_STEPS = 50
_FLAT = 1e-6
"""Gradient at which a minimum is reached."""


@dataclass(frozen=True, slots=True)
class EvidenceWeights:
    """How evidence for queries of one modality becomes a probability.

    Attributes
    ----------
    own_and_other : (float, float, float, float)
        Of the kinds of evidence, in units of log-odds for a similarity of 1; none is negative.
    cross_only : (float, float, float, float)
        For labels without voters of the query's own modality: of mean and kernel of the other, what is added, and of
        the name; only what is added may be negative.
    name : float
        Of the name of a label that has voters of the query's own modality; not negative.
    name_only : (float, float)
        Of the name of a label without voters, and what is added for these labels; only the last may be negative.
    linear : float
        Of what the linear function says of a label that has voters of the query's own modality; not negative.
    none : float
        Score of no label at all.
    imputation : float
        What evidence of the query's own modality is multiplied by where it stands for the other's.
    name_imputation : float
        What the mean of a label's voters is multiplied by where it stands for a name that says nothing.
    multilabel : (float, float)
        Slope and offset that make the log-odds of a label which excludes no other of the weighted sum.
    learnt_from : int
        Labelled items that the weights were learnt from; 0 for the prior.
    """

    own_and_other: tuple[float, float, float, float] = PRIOR
    cross_only: tuple[float, float, float, float] = CROSS_ONLY_UNLEARNT
    name: float = NAME_PRIOR
    name_only: tuple[float, float] = NAME_ONLY_PRIOR
    linear: float = LINEAR_PRIOR
    none: float = NONE_PRIOR
    imputation: float = IMPUTATION_PRIOR
    name_imputation: float = NAME_IMPUTATION_PRIOR
    multilabel: tuple[float, float] = MULTILABEL_PRIOR
    learnt_from: int = 0

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> EvidenceWeights:
        """Read what `dataclasses.asdict` made of weights, and JSON of that.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is something else.
        """
        first, second, third, fourth = map(float, stored["own_and_other"])
        mean, kernel, added, name_of_cross = map(float, stored["cross_only"])
        slope, offset = map(float, stored["name_only"])
        of_score, constant = map(float, stored["multilabel"])
        single = ("name", "linear", "none", "imputation", "name_imputation")
        return cls(
            own_and_other=(first, second, third, fourth),
            cross_only=(mean, kernel, added, name_of_cross),
            name_only=(slope, offset),
            multilabel=(of_score, constant),
            learnt_from=int(stored["learnt_from"]),
            **{name: float(stored[name]) for name in single},
        )

    def scores(self, evidence: Float32Array) -> FloatArray:
        """Weigh evidence ``[shape=(n, n_labels, 6)]`` to scores ``[shape=(n, n_labels)]``; -inf without any."""
        return _scores(_features(evidence, self.imputation, self.name_imputation), _as_array(self))[:, :-1]

    def contributions(self, evidence: Float32Array) -> FloatArray:
        """Divide scores among those who speak.

        What stands for evidence that is not there counts to those whose words it is: to the voters of the own modality
        where a label has none of the other, and to the voters where its name says nothing.

        Parameters
        ----------
        evidence : np.ndarray [shape=(n, n_labels, 6), float32]
            As for `probabilities`.

        Returns
        -------
        np.ndarray [shape=(n, n_labels, 5), float64]
            By `EVIDENCE_KINDS`; they add up to `scores`. 0 where nothing is said of a label.
        """
        features = _features(evidence, self.imputation, self.name_imputation)[:, :-1]
        weighed = np.where(np.isfinite(features), features, 0) * _as_array(self)
        has_own, has_other, has_name = np.moveaxis(np.isfinite(evidence[..., [0, 2, 4]]), -1, 0)
        beside, spoken = weighed[..., 2:4].sum(axis=-1), weighed[..., 7:10].sum(axis=-1)
        own = weighed[..., :2].sum(axis=-1) + np.where(has_other, 0, beside) + np.where(has_own & ~has_name, spoken, 0)
        other = weighed[..., 4:6].sum(axis=-1) + np.where(has_other, beside, 0)
        other += np.where(~has_own & ~has_name, spoken, 0)
        # Column 6 is what is added for cross-only labels, 10 for those without voters, 11 what features say.
        parts = [own, other, np.where(has_name, spoken, 0), weighed[..., 11], weighed[..., [6, 10]].sum(axis=-1)]
        divided: FloatArray = np.stack(parts, axis=-1)
        return divided

    def scores_of_none(self, evidence: Float32Array, *, by_name_alone: bool = False) -> FloatArray:
        """Score no label at all ``[shape=(n,)]``, where labels exclude each other; parameters as of `probabilities`."""
        slope, offset = self.multilabel
        if by_name_alone:
            return np.full(len(evidence), -offset / max(slope, _LEAST_SLOPE))
        by_own = np.isfinite(evidence[..., 0]).any(axis=1)
        return np.where(by_own, self.none, NONE_BY_HEARSAY)

    def probabilities(self, evidence: Float32Array, *, exclusive: bool, by_name_alone: bool = False) -> FloatArray:
        """Return how likely each label holds.

        Parameters
        ----------
        evidence : np.ndarray [shape=(n, n_labels, 6), float32]
            Means and kernels of the voters of the query's own modality, then of the other, then what the name says, and
            what the linear function says; -inf without voters, and for a name that says nothing.
        exclusive : bool
            True where one label holds and no other, or none: what rows lack to 1 is how likely that is. Otherwise each
            label is judged for itself.
        by_name_alone : bool
            True where no label has any voter. None of them is then as likely as a label that would be judged even, for
            itself.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float64]
            0 for labels without evidence.
        """
        scores = self.scores(evidence)
        slope, offset = self.multilabel
        if exclusive:
            none = self.scores_of_none(evidence, by_name_alone=by_name_alone)[:, None]
            beside = np.where(np.isfinite(scores).any(axis=1, keepdims=True), none, -np.inf)
            shares: FloatArray = softmax(np.concatenate([scores, beside], axis=1))[:, :-1]
            return shares
        there = np.isfinite(scores)
        return np.where(there, sigmoid(slope * np.where(there, scores, 0.0) + offset), 0.0)


def learn_evidence_weights(
    evidence: Float32Array,
    holds: BoolArray,
    *,
    also: BoolArray | None = None,
    unseen: Float32Array | None = None,
    prior: EvidenceWeights | None = None,
) -> EvidenceWeights:
    """Learn weights from queries whose labels are known, and that did not vote on themselves.

    Parameters
    ----------
    evidence : np.ndarray [shape=(n, n_labels, 6), float32]
        As for `EvidenceWeights.probabilities`.
    holds : np.ndarray [shape=(n, n_labels), bool]
        Which labels hold; one at least for each query, with evidence.
    also : np.ndarray [shape=(n, n_labels), bool], optional
        Which hold too, without being asked for: they are nobody's rivals. `holds` lies within.
    unseen : np.ndarray [shape=(n, n_labels), float32], optional
        What linear functions would say of each query if nobody had given the labels that hold; default as `evidence`.
    prior : EvidenceWeights, optional
        Where it starts, and stays near with few queries; default `CROSS_ONLY_PRIOR` beside the defaults of
        `EvidenceWeights`.

    Returns
    -------
    EvidenceWeights
        Where there are no queries, or no two labels to choose between, `prior`, or the defaults.
    """
    start = prior or EvidenceWeights(cross_only=CROSS_ONLY_PRIOR)
    if len(evidence) == 0 or evidence.shape[1] < 2:
        return prior or EvidenceWeights()
    all_holding = holds if also is None else also
    # What holds and is not asked for is as if nobody had spoken of it.
    evidence = np.where((all_holding & ~holds)[..., None], np.float32(-np.inf), evidence)
    teaching = np.isfinite(evidence[..., :4]).any(axis=(0, 2))
    if np.count_nonzero(teaching) < 2:
        return prior or EvidenceWeights()
    evidence, holds = evidence[:, teaching], holds[:, teaching]
    all_holding = all_holding[:, teaching]
    imputation = _learn_imputation(evidence[..., :2], evidence[..., 2:4], start.imputation)
    name_imputation = _learn_imputation(_mean_of_voters(evidence), evidence[..., 4:5], start.name_imputation)

    def arranged(evidence: Float32Array) -> Float32Array:
        return _features(evidence, imputation, name_imputation)

    features = arranged(evidence)
    with_none = np.pad(holds, ((0, 0), (0, 1)))
    none = np.zeros_like(with_none)
    none[:, -1] = True
    linear = evidence[..., 5] if unseen is None else unseen[:, teaching]
    weights = _learn_weights(
        [
            (features, with_none, 1 - CROSS_ONLY_SHARE - NAME_ONLY_SHARE - NONE_SHARE),
            (arranged(_orphaned(evidence, holds, linear)), with_none, CROSS_ONLY_SHARE),
            (arranged(_half_without_voters(evidence)), with_none, NAME_ONLY_SHARE),
            (arranged(_without_own_labels(evidence, all_holding, linear)), none, NONE_SHARE),
        ],
        _as_array(start),
    )
    weights *= _learn_sharpness(_scores(features, weights), with_none)
    first, second, third, fourth, mean, kernel, offset, name_of_cross, name, *others = weights.tolist()
    name_alone, offset_alone, linear_weight, none_score = others
    return EvidenceWeights(
        own_and_other=(first, second, third, fourth),
        cross_only=(mean, kernel, offset, name_of_cross),
        name=name,
        name_only=(name_alone, offset_alone),
        linear=linear_weight,
        none=none_score,
        imputation=imputation,
        name_imputation=name_imputation,
        multilabel=_learn_multilabel(_scores(features, weights)[:, :-1], holds, start.multilabel),
        learnt_from=len(evidence),
    )


def softmax(scores: FloatArray) -> FloatArray:
    """Make probabilities of scores ``[shape=(n, n_labels)]``; a row without any finite score gives zeros."""
    highest = scores.max(axis=1, keepdims=True, initial=-np.inf)
    # Below the highest, exponents are 0 at the most and cannot overflow.
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
    signs = np.where(holds, 1.0, -1.0)
    inputs = np.stack([scores, np.ones_like(scores)], axis=1)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        margins = signs * (inputs @ parameters)
        # How likely the opposite of each truth is: the gradient of the log-loss log(1 + exp(-margin)), but for signs.
        errors = sigmoid(-margins)
        curvature = (inputs * (errors * (1 - errors))[:, None]).T @ inputs
        return float(np.logaddexp(0, -margins).sum()), -(signs * errors) @ inputs, curvature

    slope, offset = _minimise(loss, np.array(prior), least=np.array([0.0, -np.inf])).tolist()
    return slope, offset


def _orphaned(evidence: Float32Array, holds: BoolArray, linear: Float32Array) -> Float32Array:
    """Leave out what voters of the query's own modality say of its labels, where others say something.

    The linear functions of other labels are those that never saw examples of these: otherwise they would know what is
    none of theirs.
    """
    orphaned = evidence.copy()
    heard_of = holds & np.isfinite(evidence[..., 2])
    rows = heard_of.any(axis=1)
    orphaned[rows, :, 5] = np.where(np.isfinite(evidence[rows][..., 5]), linear[rows], np.float32(-np.inf))
    orphaned[heard_of, :2] = -np.inf
    orphaned[heard_of, 5] = -np.inf
    return orphaned


def _half_without_voters(evidence: Float32Array) -> Float32Array:
    """Leave out what voters say of a random half of the labels of each query, where the name says something.

    Right and wrong ones alike: were it the right ones alone, whatever is said of labels without voters would seem true.
    """
    halved = evidence.copy()
    drawn = np.random.default_rng(0).random(evidence.shape[:2]) < 0.5
    silent = drawn & np.isfinite(evidence[..., 4])
    halved[silent, :4] = -np.inf
    halved[silent, 5] = -np.inf
    return halved


def _without_own_labels(evidence: Float32Array, holds: BoolArray, linear: Float32Array) -> Float32Array:
    """Leave out all that is said of the labels that hold, as if nobody had given them."""
    others = evidence.copy()
    others[..., 5] = linear
    others[holds] = -np.inf
    return others


def _mean_of_voters(evidence: Float32Array) -> Float32Array:
    """Mean of a label's voters of the query's own modality, else of the other ``[shape=(n, n_labels, 1)]``."""
    return np.where(np.isfinite(evidence[..., :1]), evidence[..., :1], evidence[..., 2:3])


def _as_array(weights: EvidenceWeights) -> FloatArray:
    """Arrange weights as `_features` arranges what they are for."""
    alone = [*weights.name_only, weights.linear, weights.none]
    return np.array([*weights.own_and_other, *weights.cross_only, weights.name, *alone])


def _features(evidence: Float32Array, imputation: float, name_imputation: float) -> Float32Array:
    """Arrange evidence as what weights are for, ``[shape=(n, n_labels + 1, 13)]``; no label at all comes last.

    For labels with voters of the query's own modality the first four, the ninth and the twelfth; for cross-only labels
    the fifth to the eighth; for labels without voters the tenth and eleventh; for no label the last. The others are 0;
    -inf where nothing is said at all.
    """
    own, other, name, linear = evidence[..., :2], evidence[..., 2:4], evidence[..., 4:5], evidence[..., 5:]
    has_own, has_other, has_name = (np.isfinite(part[..., :1]) for part in (own, other, name))
    known_own = np.where(has_own, own, 0)
    known_other = np.where(has_other, np.where(np.isfinite(other), other, 0), np.float32(imputation) * known_own)
    has_voters = has_own | has_other
    cross_only, name_only = ~has_own & has_other, ~has_voters & has_name
    # Where no name says anything, all are without; else a label whose name is not understood has no less to show.
    stands_in = np.float32(name_imputation if has_name.any() else 0.0)
    known_name = np.where(has_name, name, stands_in * np.where(has_voters, _mean_of_voters(evidence), 0))
    # One row of weights serves all three sorts of labels, as each leaves the columns of the others at 0.
    parts = [
        known_own,
        np.where(has_own, known_other, 0),
        np.where(cross_only, known_other, 0),
        cross_only,
        np.where(cross_only, known_name, 0),
        np.where(has_own, known_name, 0),
        np.where(name_only, known_name, 0),
        name_only,
        np.where(has_own & np.isfinite(linear), linear, 0),
        np.zeros_like(has_own),
    ]
    features = np.concatenate(parts, axis=-1, dtype=np.float32)
    features = np.where(has_voters | has_name, features, np.float32(-np.inf))
    none = np.zeros((len(features), 1, features.shape[-1]), dtype=np.float32)
    none[..., -1] = 1.0
    return np.concatenate([features, none], axis=1)


def _learn_imputation(known: Float32Array, wanted: Float32Array, start: float) -> float:
    """Fit one kind of evidence to another, through the origin, over labels that have both."""
    both = np.isfinite(known).all(axis=-1) & np.isfinite(wanted).all(axis=-1)
    of_known, of_wanted = known[both].astype(np.float64), wanted[both].astype(np.float64)
    found = float((of_known * of_wanted).sum()) + _IMPUTATION_STRENGTH * start
    return min(max(found / (float((of_known**2).sum()) + _IMPUTATION_STRENGTH), 0.0), 2.0)


def _scores(evidence: Float32Array, weights: FloatArray) -> FloatArray:
    there = np.isfinite(evidence[..., 0])
    # A weight of 0 times -inf would be NaN: what is not there is weighed as 0, and left out afterwards.
    scores: FloatArray = np.where(there, np.where(there[..., None], evidence, 0) @ weights, -np.inf)
    return scores


def _learn_weights(parts: Sequence[tuple[Float32Array, BoolArray, float]], start: FloatArray) -> FloatArray:
    """Minimise the log-loss of choosing each label that holds among those that do not; each part has a weight.

    That is a conditional logit (McFadden 1974): what is offered has properties, whose weights all labels share.
    """
    choices = [(_choices(evidence, holds), weight) for evidence, holds, weight in parts]

    def loss(weights: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        total, gradient, curvature = 0.0, np.zeros_like(weights), np.zeros((weights.size, weights.size))
        for (offered, rivals, right), weight in choices:
            shares = softmax(np.where(rivals, offered @ weights, -np.inf))
            rows = np.arange(len(right))
            # Properties of what the weights would choose, on average [shape=(n, 13)]: less those of what was right, the
            # gradient.
            expected = np.einsum("nc,nck->nk", shares, offered)
            total -= weight * float(np.log(np.maximum(shares[rows, right], 1e-300)).sum())
            gradient += weight * (expected - offered[rows, right]).sum(axis=0)
            # The covariance of what is offered, under the shares, summed over choices.
            flat = offered.reshape(-1, weights.size)
            curvature += weight * ((flat * shares.reshape(-1, 1)).T @ flat - expected.T @ expected)
        return total, gradient, curvature

    return _minimise(loss, start, least=_LEAST_WEIGHTS)


def _minimise(
    loss: Callable[[FloatArray], tuple[float, FloatArray, FloatArray]], start: FloatArray, *, least: FloatArray
) -> FloatArray:
    """Minimise a convex loss and the Gaussian prior around `start`; no parameter falls below its least value.

    The loss returns its value, gradient and Hessian. Newton's method, projected: parameters that are at their least
    value and would fall below it are held; steps are halved until they help.

    References
    ----------
    Bertsekas, "Projected Newton methods for optimization problems with simple constraints", 1982.
    """

    def penalised(parameters: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, gradient, hessian = loss(parameters)
        distance = parameters - start
        value += _PRECISION * float((distance**2).sum())
        return value, gradient + 2 * _PRECISION * distance, hessian + 2 * _PRECISION * np.eye(start.size)

    parameters = np.maximum(start, least)
    value, gradient, hessian = penalised(parameters)
    for _ in range(_MOST_STEPS):
        free = (parameters > least) | (gradient < 0)
        if np.abs(gradient[free]).max(initial=0.0) < _FLAT:
            break
        step = np.zeros_like(parameters)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], -gradient[free])
        for shrunk in 0.5 ** np.arange(_MOST_STEPS):
            tried = np.maximum(parameters + shrunk * step, least)
            reached = penalised(tried)
            if reached[0] <= value + 1e-4 * float(gradient @ (tried - parameters)):
                break
        else:
            break  # as low as floating point can tell
        parameters, (value, gradient, hessian) = tried, reached
    return parameters


def _learn_sharpness(scores: FloatArray, holds: BoolArray) -> float:
    """Fit what scores are multiplied by, so that confidence is right for queries whose labels are not cross-only.

    The prior over weights, and the share of cross-only labels, make answers less sure than they might be.
    """
    # A row for each label that holds of each query [shape=(n_right, n_labels)], as in `_choices`.
    queries, right = np.nonzero(holds)
    rivals = np.isfinite(scores[queries]) & ~holds[queries]
    rivals[np.arange(len(right)), right] = True
    offered = np.where(rivals, scores[queries], -np.inf)

    def loss(sharpness: float) -> float:
        shares = softmax(sharpness * offered)[np.arange(len(right)), right]
        return float(-np.log(np.maximum(shares, 1e-300)).sum() + np.log(sharpness) ** 2)

    best: float = min(_SHARPNESSES, key=loss)
    return best


def _choices(evidence: Float32Array, holds: BoolArray) -> tuple[FloatArray, BoolArray, npt.NDArray[np.int64]]:
    """List the choices to be made: what is offered, which are rivals, and which is right.

    Of a query's labels, each is a choice of its own: the others are no rivals.
    """
    queries, right = np.nonzero(holds)
    there = np.isfinite(evidence[queries, :, 0])
    offered = np.where(there[..., None], evidence[queries], 0).astype(np.float64)
    rivals = there & ~holds[queries]
    rivals[np.arange(len(right)), right] = True
    return offered, rivals, right


def _learn_multilabel(scores: FloatArray, holds: BoolArray, start: tuple[float, float]) -> tuple[float, float]:
    there = np.isfinite(scores)
    return learn_sigmoid(scores[there], holds[there], start)
