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

Where labels exclude each other, none of them may hold: most of a collection may be of classes that nobody labelled.
The choice is in two steps, a nested logit: whether any label holds, by all scores together, the logarithm of the sum of
their exponentials; and which one, by scores beside each other. The first step is learnt after the second, from the same
queries as they are, and as if nobody had given any label of theirs: these are strangers. Both sorts count alike. An
item that alone has its label cannot be asked as one whose label others have; what its score would be is guessed
(`UNHEARD`), and so is all where there is one label alone. How many strangers there are is not learnt from labels, but
from the collection (see `known_share`).

Some labels were given by mistake. What a label costs while weights are learnt is bounded therefore (`MISTAKEN`), so
that one that all others contradict does not silence them; and its item tells nothing of strangers.

References
----------
McFadden, "Conditional logit analysis of qualitative choice behavior", 1974: a choice among any number of labels with
weights that all labels share. McFadden, "Modelling the choice of residential location", 1978: nested logit, inclusive
values, and their estimation one after the other. Genest, Zidek, "Combining probability distributions", Statistical
Science 1(1), 1986: the logarithmic opinion pool. Copas, "Binary regression models for contaminated data", Journal of
the Royal Statistical Society B 50(2), 1988: labels that were given by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.classify.arithmetic.logistic import (
    MISTAKEN,
    BoolArray,
    FloatArray,
    despite_mistakes,
    learn_sigmoid,
    minimise,
    sigmoid,
    softmax,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from modag_search.values import EvidenceKind, Float32Array

LINEAR_PRIOR = 8.0
"""Weight, before anything is learnt, of what the linear function of a label says."""
NONE_PRIOR = 2.5
"""Score of no label at all, before anything is learnt, while it is learnt how to choose one."""
NONE_SHARE = 0.07
"""Share of queries that are taken to have none of the labels meanwhile."""
ANY_LABEL_PRIOR = (0.6, -3.3)
"""Slope and offset, before anything is learnt, of the log-odds that any label holds, given all scores together."""
ANY_LABEL_ALONE = (1.2, -4.8)
"""Likewise where there is one label to speak, so that no other tells what strangers are like."""
ANY_LABEL_BY_HEARSAY = (1.0, 0.0)
"""Likewise where no label has voters of the query's own modality, so that nothing can be learnt."""
UNHEARD = 7.0
"""Score of the right label, for queries that alone have it."""
EVEN_SHARE = 0.5
"""Share of queries for which a label holds, where nothing tells."""
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
_ANY_LABEL_PRECISION = (100.0, 1.0)
"""Of the prior over `any_label`: with few queries, a slope is found that is far too steep for others."""
_SHARPNESS_PRECISION = 10.0
"""Where one label has two examples and all others one, these two would halve what all say, were one of them wrong."""
_LITTLE_TRUST = 0.8
"""What has a label that is less likely right counts as contradicted: all others say that label at 0.04 at the most."""
_LEAST_SLOPE = 1e-3


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
    any_label : (float, float)
        Slope, not negative, and offset that make the log-odds that any label holds of all scores together.
    imputation : float
        What evidence of the query's own modality is multiplied by where it stands for the other's.
    name_imputation : float
        What the mean of a label's voters is multiplied by where it stands for a name that says nothing.
    multilabel : (float, float)
        Slope and offset that make the log-odds of a label which excludes no other of the weighted sum.
    learnt_from : int
        Labelled items that the weights were learnt from; 0 for the prior.
    contradicted : int
        Of how many of these all others say something else than their label.
    """

    own_and_other: tuple[float, float, float, float] = PRIOR
    cross_only: tuple[float, float, float, float] = CROSS_ONLY_UNLEARNT
    name: float = NAME_PRIOR
    name_only: tuple[float, float] = NAME_ONLY_PRIOR
    linear: float = LINEAR_PRIOR
    any_label: tuple[float, float] = ANY_LABEL_PRIOR
    imputation: float = IMPUTATION_PRIOR
    name_imputation: float = NAME_IMPUTATION_PRIOR
    multilabel: tuple[float, float] = MULTILABEL_PRIOR
    learnt_from: int = 0
    contradicted: int = 0

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
        of_all, constant_of_all = map(float, stored["any_label"])
        of_score, constant = map(float, stored["multilabel"])
        single = ("name", "linear", "imputation", "name_imputation")
        return cls(
            own_and_other=(first, second, third, fourth),
            cross_only=(mean, kernel, added, name_of_cross),
            name_only=(slope, offset),
            any_label=(of_all, constant_of_all),
            multilabel=(of_score, constant),
            learnt_from=int(stored["learnt_from"]),
            contradicted=int(stored["contradicted"]),
            **{name: float(stored[name]) for name in single},
        )

    def scores(self, evidence: Float32Array) -> FloatArray:
        """Weigh evidence ``[shape=(n, n_labels, 6)]`` to scores ``[shape=(n, n_labels)]``; -inf without any."""
        return _scores(_features(evidence, self.imputation, self.name_imputation), _as_array(self))

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
        features = _features(evidence, self.imputation, self.name_imputation)
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

    def odds_of_any(self, evidence: Float32Array, *, by_name_alone: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return slope and offset, ``[shape=(n,)]`` each, of the log-odds that any label holds.

        They are of the logarithm of the sum of the exponentials of scores, and hold where a label is as likely to hold
        as not. Parameters are as of `probabilities`.
        """
        if by_name_alone:
            slope, offset = self.multilabel
            return np.ones(len(evidence)), np.full(len(evidence), offset / max(slope, _LEAST_SLOPE))
        has_own = np.isfinite(evidence[..., 0])
        is_alone = (has_own | np.isfinite(evidence[..., 2]) | np.isfinite(evidence[..., 4])).sum(axis=1) == 1
        by_hearsay = ~has_own.any(axis=1)
        kinds = np.where(by_hearsay, 2, np.where(is_alone, 1, 0))
        slopes, offsets = np.array([self.any_label, ANY_LABEL_ALONE, ANY_LABEL_BY_HEARSAY])[kinds].T
        return slopes, offsets

    def log_odds_of_any(
        self, evidence: Float32Array, *, by_name_alone: bool = False, share: float = EVEN_SHARE
    ) -> FloatArray:
        """Tell how much likelier it is that any label holds than none, as a natural logarithm ``[shape=(n,)]``.

        Parameters are as of `probabilities`, for labels that exclude each other; -inf where nothing is said of any.
        """
        slopes, offsets = self.odds_of_any(evidence, by_name_alone=by_name_alone)
        together = _together(self.scores(evidence))
        return np.where(np.isfinite(together), slopes * together + offsets + log_odds_of(share), -np.inf)

    def probabilities(
        self, evidence: Float32Array, *, exclusive: bool, by_name_alone: bool = False, share: float = EVEN_SHARE
    ) -> FloatArray:
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
        share : float
            Of queries for which a label holds, where they exclude each other; in (0, 1).

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float64]
            0 for labels without evidence.
        """
        scores = self.scores(evidence)
        if exclusive:
            any_holds = sigmoid(self.log_odds_of_any(evidence, by_name_alone=by_name_alone, share=share))
            shares: FloatArray = softmax(scores) * any_holds[:, None]
            return shares
        slope, offset = self.multilabel
        there = np.isfinite(scores)
        return np.where(there, sigmoid(slope * np.where(there, scores, 0.0) + offset), 0.0)


def log_odds_of(share: float) -> float:
    """Return the natural logarithm of the odds of a share in (0, 1)."""
    return float(np.log(share) - np.log1p(-share))


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
        Which labels hold, with evidence. None does for queries that alone have theirs: these tell nothing of how to
        choose a label, but what strangers are like.
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
        Where there are no queries, `prior`, or the defaults. Where there are no two labels to choose between, so are
        they but for `any_label`.
    """
    all_holding = holds if also is None else also
    linear = evidence[..., 5] if unseen is None else unseen
    told = np.flatnonzero(holds.any(axis=1))
    weights = _learn_choice(evidence[told], holds[told], all_holding[told], linear[told], prior)
    trust = _trust(weights.scores(evidence), holds, all_holding)
    any_label = _learn_any_label(weights, evidence, holds, all_holding, linear, trust=trust)
    return replace(weights, any_label=any_label, contradicted=int((trust < _LITTLE_TRUST).sum()))


def _learn_choice(
    evidence: Float32Array,
    holds: BoolArray,
    all_holding: BoolArray,
    unseen: Float32Array,
    prior: EvidenceWeights | None,
) -> EvidenceWeights:
    """Learn how to choose a label.

    No label at all is a rival meanwhile, so that what is said of a label counts as far as it tells more than that it is
    the likeliest of few.
    """
    if len(evidence) == 0 or evidence.shape[1] < 2:
        return prior or EvidenceWeights()
    start = prior or EvidenceWeights(cross_only=CROSS_ONLY_PRIOR)
    # What holds and is not asked for is as if nobody had spoken of it.
    evidence = np.where((all_holding & ~holds)[..., None], np.float32(-np.inf), evidence)
    teaching = np.isfinite(evidence[..., :4]).any(axis=(0, 2))
    if np.count_nonzero(teaching) < 2:
        return prior or EvidenceWeights()
    evidence, holds, all_holding = evidence[:, teaching], holds[:, teaching], all_holding[:, teaching]
    linear = unseen[:, teaching]
    imputation = _learn_imputation(evidence[..., :2], evidence[..., 2:4], start.imputation)
    name_imputation = _learn_imputation(_mean_of_voters(evidence), evidence[..., 4:5], start.name_imputation)

    def arranged(evidence: Float32Array) -> Float32Array:
        return _beside_none(_features(evidence, imputation, name_imputation))

    features = arranged(evidence)
    with_none = np.pad(holds, ((0, 0), (0, 1)))
    none = np.zeros_like(with_none)
    none[:, -1] = True
    found = _learn_weights(
        [
            (features, with_none, 1 - CROSS_ONLY_SHARE - NAME_ONLY_SHARE - NONE_SHARE),
            (arranged(_orphaned(evidence, holds, linear)), with_none, CROSS_ONLY_SHARE),
            (arranged(_half_without_voters(evidence)), with_none, NAME_ONLY_SHARE),
            (arranged(_without_own_labels(evidence, all_holding, linear)), none, NONE_SHARE),
        ],
        np.append(_as_array(start), NONE_PRIOR),
    )
    found *= _learn_sharpness(_scores(features, found), with_none)
    features, weights = features[:, :-1, :-1], found[:-1]
    first, second, third, fourth, mean, kernel, offset, name_of_cross, name, *others = weights.tolist()
    name_alone, offset_alone, linear_weight = others
    return EvidenceWeights(
        own_and_other=(first, second, third, fourth),
        cross_only=(mean, kernel, offset, name_of_cross),
        name=name,
        name_only=(name_alone, offset_alone),
        linear=linear_weight,
        any_label=start.any_label,
        imputation=imputation,
        name_imputation=name_imputation,
        multilabel=_learn_multilabel(_scores(features, weights), holds, start.multilabel),
        learnt_from=len(evidence),
    )


def _learn_any_label(
    weights: EvidenceWeights,
    evidence: Float32Array,
    holds: BoolArray,
    all_holding: BoolArray,
    unseen: Float32Array,
    *,
    trust: FloatArray,
) -> tuple[float, float]:
    """Learn slope and offset of the log-odds that any label holds; `trust` as of `_trust`."""
    of_strangers = _together(weights.scores(_without_own_labels(evidence, all_holding, unseen)))
    is_known = holds.any(axis=1)
    # What alone has its label is known by what is said of the others, and by what would be said of its own.
    of_known = np.where(is_known, _together(weights.scores(evidence)), np.logaddexp(of_strangers, UNHEARD))
    # Where no other label is left, nothing tells what strangers are like.
    there = np.isfinite(of_strangers)
    asked = np.isfinite(of_known) & (is_known | there), there
    # What has its label by mistake is no stranger without it: sides are counted by trust.
    n = sum(map(np.count_nonzero, asked))
    # Both sides count alike: how many of each there are says nothing of the collection.
    counts = [trust[side] * n / (2 * max(trust[side].sum(), 1e-12)) for side in asked]
    known = np.repeat([True, False], [np.count_nonzero(side) for side in asked])
    return learn_sigmoid(
        np.concatenate([of_known[asked[0]], of_strangers[asked[1]]]),
        known,
        weights.any_label,
        weights=np.concatenate(counts),
        precision=_ANY_LABEL_PRECISION,
        mistaken=MISTAKEN,
    )


def _trust(scores: FloatArray, holds: BoolArray, all_holding: BoolArray) -> FloatArray:
    """Tell how likely a label of each query was given rightly ``[shape=(n,)]``; 1 where nothing tells."""
    queries, right = np.nonzero(holds & np.isfinite(scores))
    rivals = np.isfinite(scores[queries]) & ~all_holding[queries]
    rivals[np.arange(len(right)), right] = True
    shares = softmax(np.where(rivals, scores[queries], -np.inf))[np.arange(len(right)), right]
    trust = np.where(np.isin(np.arange(len(scores)), queries), 0.0, 1.0)
    np.maximum.at(trust, queries, despite_mistakes(_log(shares), MISTAKEN)[1])
    return trust


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
    alone = [*weights.name_only, weights.linear]
    return np.array([*weights.own_and_other, *weights.cross_only, weights.name, *alone])


def _features(evidence: Float32Array, imputation: float, name_imputation: float) -> Float32Array:
    """Arrange evidence as what weights are for, ``[shape=(n, n_labels, 12)]``.

    For labels with voters of the query's own modality the first four, the ninth and the twelfth; for cross-only labels
    the fifth to the eighth; for labels without voters the tenth and eleventh. The others are 0; -inf where nothing is
    said at all.
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
    ]
    features = np.concatenate(parts, axis=-1, dtype=np.float32)
    return np.where(has_voters | has_name, features, np.float32(-np.inf))


def _together(scores: FloatArray) -> FloatArray:
    """Return the logarithm of the sum of the exponentials of scores ``[shape=(n,)]``; -inf without any finite one."""
    total: FloatArray = np.logaddexp.reduce(scores, axis=1, initial=-np.inf)
    return total


def _beside_none(features: Float32Array) -> Float32Array:
    """Put no label at all beside the others ``[shape=(n, n_labels + 1, 13)]``: all it has is a weight of its own."""
    padded: Float32Array = np.pad(features, ((0, 0), (0, 1), (0, 1)))
    padded[..., -1] = np.where(np.isfinite(padded[..., 0]), padded[..., -1], np.float32(-np.inf))
    padded[:, -1, -1] = 1.0
    return padded


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
            log_likely, trust = despite_mistakes(_log(shares[rows, right]), MISTAKEN)
            # Properties of what the weights would choose, on average [shape=(n, 13)]: less those of what was right, the
            # gradient.
            expected = np.einsum("nc,nck->nk", shares, offered)
            total -= weight * float(log_likely.sum())
            gradient += weight * trust @ (expected - offered[rows, right])
            # The covariance of what is offered, under the shares, summed over choices. Trust is taken as it stands: the
            # steps are those of expectation and maximisation.
            flat = offered.reshape(-1, weights.size)
            by_trust = (shares * trust[:, None]).reshape(-1, 1)
            curvature += weight * ((flat * by_trust).T @ flat - (expected * trust[:, None]).T @ expected)
        return total, gradient, curvature

    return minimise(loss, start, least=_LEAST_WEIGHTS)


def _log(shares: FloatArray) -> FloatArray:
    """Return natural logarithms, of 0 that of next to nothing."""
    logarithms: FloatArray = np.log(np.maximum(shares, 1e-300))
    return logarithms


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
        return float(-despite_mistakes(_log(shares), MISTAKEN)[0].sum() + _SHARPNESS_PRECISION * np.log(sharpness) ** 2)

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
