"""A linear head that learns from sums: linear discriminant analysis to which examples can be added and taken from.

What it knows of its examples is, for each modality, how many each label has, the sum of their vectors, and the sum of
the vectors' outer products. New examples are added, and old ones taken back, in one pass over them alone; the head that
follows is the one that a fit from the beginning would give. For queries of one modality, a label's mean is a weighted
mean of its means in that modality and in the other, each taken from the middle of its modality (the gap between them
says nothing about labels), and the covariance within labels is shared by all labels.

References
----------
Hayes, Kanan, "Lifelong machine learning with deep streaming linear discriminant analysis", CVPR workshops 2020.
Friedman, "Regularized discriminant analysis", Journal of the American Statistical Association 84, 1989: the shrinkage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from modag_search.classify.arithmetic.logistic import MISTAKEN, despite_mistakes, learn_sigmoid, sigmoid, softmax
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SHRINKAGES = (0.05, 0.2, 0.5, 0.8, 0.95)
OWN_SHARES = (0.5, 0.7, 0.85, 1.0)
OWN_COVARIANCES = (0.6, 1.0)
_TEMPERATURES = np.exp(np.linspace(np.log(0.01), np.log(2.0), 16))
_FINER = tuple(np.exp(np.linspace(np.log(0.7), np.log(1.4), 15)).tolist())
_LEAST_VARIANCE = 1e-6
_SCATTER = 0.004
"""Variance of each dimension within labels where no label has two examples to tell it by."""
_UNCHECKED_SHARPNESS = 12.5
"""Log-odds for a similarity of 1 where no examples could be held out to tell how sure to be."""
_HEARSAY_SHARPNESS = 10.0
"""Likewise by examples of the other modality alone. Chosen on train sources: what pictures say of sounds and sounds of
pictures is right about as often as it is sure, and what has none of the labels is hardly ever surer than 0.9."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Labelled vectors of both modalities.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    labels : np.ndarray [shape=(n,), int64]
        Number of the label; an item with several stands once for each.
    sources : np.ndarray [shape=(n,), int64]
        Number of the modality, in `MODALITIES`.
    groups : np.ndarray [shape=(n,), int64]
        The same number for what is the same item, or its copy: it is never held out from itself.
    queries : np.ndarray [shape=(n,), int64]
        The same number for what is the same vector, with another of its labels.
    """

    vectors: Float32Array
    labels: Int64Array
    sources: Int64Array
    groups: Int64Array
    queries: Int64Array

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, chosen: BoolArray | Int64Array) -> Examples:
        """Return some of the examples."""
        return Examples(
            self.vectors[chosen],
            self.labels[chosen],
            self.sources[chosen],
            self.groups[chosen],
            self.queries[chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class SufficientStatistics:
    """What a head knows of its examples; sums of sums are those of all examples together.

    Attributes
    ----------
    counts : np.ndarray [shape=(2, n_labels), float64]
        Examples of each modality, in the order of `MODALITIES`, and label.
    totals : np.ndarray [shape=(2, n_labels, d), float64]
        Sums of their vectors.
    products : np.ndarray [shape=(2, d, d), float64]
        Sums of the outer products of the vectors of each modality with themselves, of labels that shape.
    shaping : np.ndarray [shape=(n_labels,), bool]
        Labels that decide where the middle is and how labels vary: those that exclude each other. One that stands
        beside them (`favourite`) has a mean alone, so that it changes nothing of what is said of the others.
    """

    counts: FloatArray
    totals: FloatArray
    products: FloatArray
    shaping: BoolArray

    @classmethod
    def of(cls, examples: Examples, *, n_labels: int, shaping: BoolArray | None = None) -> SufficientStatistics:
        """Add up examples; by default all labels shape."""
        shaping = np.ones(n_labels, dtype=bool) if shaping is None else shaping
        d = examples.vectors.shape[1]
        counts, totals = np.zeros((2, n_labels)), np.zeros((2, n_labels, d))
        products = np.zeros((2, d, d))
        for source in range(len(MODALITIES)):
            own = examples.only(examples.sources == source)
            vectors = own.vectors.astype(np.float64)
            counts[source] = np.bincount(own.labels, minlength=n_labels)
            # In order of labels, the vectors of all labels are added up in one pass.
            order = np.argsort(own.labels, kind="stable")
            present, firsts = np.unique(own.labels[order], return_index=True)
            if len(present):
                totals[source, present] = np.add.reduceat(vectors[order], firsts, axis=0)
            shapes = vectors if shaping.all() else vectors[shaping[own.labels]]
            products[source] = shapes.T @ shapes
        return cls(counts, totals, products, shaping)

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        return SufficientStatistics(
            self.counts + other.counts, self.totals + other.totals, self.products + other.products, self.shaping
        )

    def __sub__(self, other: SufficientStatistics) -> SufficientStatistics:
        return SufficientStatistics(
            self.counts - other.counts, self.totals - other.totals, self.products - other.products, self.shaping
        )

    def with_labels(self, n_labels: int) -> SufficientStatistics:
        """Make room for more labels, behind those that are there."""
        more = n_labels - self.counts.shape[1]
        return SufficientStatistics(
            np.pad(self.counts, ((0, 0), (0, more))),
            np.pad(self.totals, ((0, 0), (0, more), (0, 0))),
            self.products,
            np.pad(self.shaping, (0, more), constant_values=True),
        )


@dataclass(frozen=True, slots=True)
class LdaSettings:
    """How a head for queries of one modality is made of sums; chosen by cross-validation.

    Attributes
    ----------
    shrinkage : float
        How far the covariance within labels is drawn towards that of a ball, in [0, 1].
    own_share : float
        Weight of a label's mean in the query's own modality; that of the other's is the rest.
    own_covariance : float
        Weight of the covariance in the query's own modality.
    temperature : float
        What scores are multiplied by before they make probabilities.
    multilabel : (float, float)
        Slope and offset of the log-odds of a label that excludes no other.
    log_loss : float or None
        Of labels held out, in nats, each at the most that of what has the likelihood `MISTAKEN`; None where there were
        none.
    confidence : float or None
        Of answers to examples held out, averaged over labels; likewise.
    """

    shrinkage: float = 0.9
    own_share: float = 0.85
    own_covariance: float = 0.5
    temperature: float = 0.1
    multilabel: tuple[float, float] = (1.0, -1.0)
    log_loss: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Discriminant:
    """A linear function a label, for vectors of one modality.

    Attributes
    ----------
    weight : np.ndarray [shape=(n_labels, d), float64]
    bias : np.ndarray [shape=(n_labels,), float64]
        -inf for labels without examples.
    centre : np.ndarray [shape=(d,), float64]
        Taken off vectors first.
    settings : LdaSettings
    """

    weight: FloatArray
    bias: FloatArray
    centre: FloatArray
    settings: LdaSettings

    def scores(self, vectors: Float32Array) -> FloatArray:
        """Score labels ``[shape=(n, n_labels)]`` for vectors ``[shape=(n, d)]``; -inf for labels without examples."""
        scores: FloatArray = (vectors - self.centre) @ self.weight.T + self.bias
        return scores

    def only(self, labels: Int64Array) -> Discriminant:
        """Return the functions of some labels."""
        return replace(self, weight=self.weight[labels], bias=self.bias[labels])

    def probabilities(self, vectors: Float32Array, *, exclusive: bool) -> FloatArray:
        """Return how likely each label holds for each vector.

        Parameters
        ----------
        vectors : np.ndarray [shape=(n, d), float32]
        exclusive : bool
            True where one label holds and no other: rows add up to 1. Otherwise each label is judged for itself.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float64]
        """
        tempered = self.settings.temperature * self.scores(vectors)
        if exclusive:
            return softmax(tempered)
        slope, offset = self.settings.multilabel
        there = np.isfinite(tempered)
        return np.where(there, sigmoid(slope * np.where(there, _above_mean(tempered), 0.0) + offset), 0.0)


def discriminant(sums: SufficientStatistics, modality: Modality, settings: LdaSettings) -> Discriminant:
    """Make the head for queries of one modality.

    Parameters
    ----------
    sums : SufficientStatistics
        Of one example at least.
    modality : {"image", "sound"}
    settings : LdaSettings

    Returns
    -------
    Discriminant
    """
    own = MODALITIES.index(modality)
    means, has = _means(sums)
    centres = _centres(means, has & sums.shaping)
    centred = _mixed(
        means[own] - centres[own], means[1 - own] - centres[1 - own], has[[own, 1 - own]], settings.own_share
    )
    covariance = _covariance(sums, own, own_covariance=settings.own_covariance)
    ball = _size(covariance) * np.eye(len(covariance))
    # Of normal densities with one covariance S, the log of that around m is m'S^-1 x - m'S^-1 m / 2, but for what is
    # the same for all; S is drawn towards a ball (Friedman 1989).
    weight = np.linalg.solve((1 - settings.shrinkage) * covariance + settings.shrinkage * ball, centred.T).T.astype(
        np.float64
    )
    bias = np.where(has.any(axis=0), -0.5 * (weight * centred).sum(axis=1), -np.inf)
    return Discriminant(weight, bias, centres[own], settings)


def choose_settings(
    examples: Examples,
    *,
    n_labels: int,
    shaping: BoolArray | None = None,
    folds: int = 10,
    most: int = 4000,
    seed: int = 0,
) -> dict[Modality, LdaSettings]:
    """Choose the settings of both heads by the log-loss of labels held out.

    Parameters
    ----------
    examples : Examples
    n_labels : int
    shaping : np.ndarray [shape=(n_labels,), bool], optional
        As of `SufficientStatistics`. The others learn nothing but how likely each is for itself.
    folds : int
        Each is held out once; what is one group is held out together.
    most : int
        How many examples of a modality are asked, at the most: the sums are over all.
    seed : int
        Deals the folds.

    Returns
    -------
    dict of modality to LdaSettings
        With temperature and log-odds calibrated on what was held out. A modality in which no two labels can be told
        from each other by examples held out goes by the nearest mean, as sure as likeness alone may be.
    """
    fold = _deal(examples, shaping=shaping, folds=folds, seed=seed)
    parts = [
        SufficientStatistics.of(examples.only(fold == number), n_labels=n_labels, shaping=shaping)
        for number in range(folds)
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole += part
    holds = _holding(examples, n_labels=n_labels)
    chosen: dict[Modality, LdaSettings] = {}
    for source, modality in enumerate(MODALITIES):
        own = np.flatnonzero(examples.sources == source)
        own = np.sort(np.random.default_rng(seed).permutation(own)[:most])
        asked = examples.only(own)
        if found := _choose(asked, fold[own], whole, parts, modality, holds=holds(asked.queries)):
            chosen[modality] = found
    return {modality: chosen.get(modality) or _unchecked(whole, modality) for modality in MODALITIES}


def _unchecked(sums: SufficientStatistics, modality: Modality) -> LdaSettings:
    """Make settings for a modality of which nothing tells how sure to be.

    How narrowly examples of the other modality scatter says nothing of it: whatever is far from all of them would seem
    sure of one. So similarity counts as it is, and that is 1 at the most.
    """
    own = MODALITIES.index(modality)
    settings = LdaSettings(shrinkage=1.0, own_share=0.5, own_covariance=0.5)
    sharpness = _UNCHECKED_SHARPNESS if sums.counts[own].any() else _HEARSAY_SHARPNESS
    n_labels = int((sums.counts.sum(axis=0) > 0.5).sum())
    return replace(
        settings,
        # What a discriminant divides by is taken back.
        temperature=sharpness * _size(_covariance(sums, own, own_covariance=settings.own_covariance)),
        multilabel=(1.0, -float(np.log(max(n_labels, 1))) - 1.0),
    )


def _choose(
    asked: Examples,
    fold: Int64Array,
    whole: SufficientStatistics,
    parts: list[SufficientStatistics],
    modality: Modality,
    *,
    holds: BoolArray,
) -> LdaSettings | None:
    """Choose the settings for one modality; `holds` says which labels hold for each of those asked."""
    source = MODALITIES.index(modality)
    # A label whose only example is held out cannot be told. [shape=(n_folds, n_labels)]
    remaining = np.stack([whole.counts[source] - part.counts[source] for part in parts])
    left = (remaining[fold, asked.labels] > 0.5) & whole.shaping[asked.labels]
    # Where one label alone has examples to hold out, they are told from labels that have none, which are no rivals.
    if len(np.unique(asked.labels[left])) < 2:
        return None
    labels, also = asked.labels[left], holds[left]
    best: tuple[float, LdaSettings, FloatArray] | None = None
    for settings, scores in _held_out_scores(asked, fold, whole, parts, modality):
        told = _among_rivals(scores[left], labels, also | ~whole.shaping)
        losses = [_log_loss(temperature * told, labels) for temperature in _TEMPERATURES]
        lowest = int(np.argmin(losses))
        if best is None or losses[lowest] < best[0] - 1e-4:
            tempered = float(_TEMPERATURES[lowest])
            best = (losses[lowest], replace(settings, temperature=tempered), tempered * scores)
    if best is None:
        return None
    _, choice, tempered_scores = best
    told = _among_rivals(tempered_scores[left], labels, also | ~whole.shaping)
    finer = min(_FINER, key=lambda factor: _log_loss(factor * told, labels))
    choice, tempered_scores = replace(choice, temperature=finer * choice.temperature), finer * tempered_scores
    # Of labels that stand beside others, every query tells something; of the others, those with such labels.
    asked_for, tells = (
        (left, whole.shaping) if whole.shaping.all() else (np.ones(len(asked), dtype=bool), ~whole.shaping)
    )
    there = np.isfinite(tempered_scores) & asked_for[:, None] & tells
    multilabel = learn_sigmoid(_above_mean(tempered_scores)[there], holds[there], choice.multilabel)
    sureness = softmax(np.where(whole.shaping, tempered_scores[left], -np.inf)).max(axis=1)
    _, label_of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return replace(
        choice,
        multilabel=multilabel,
        log_loss=round(_log_loss(finer * told, labels), 4),
        confidence=round(float((np.bincount(label_of, sureness) / counts).mean()), 4),
    )


def _holding(examples: Examples, *, n_labels: int) -> Callable[[Int64Array], BoolArray]:
    """Return what tells which labels hold for queries, ``[shape=(n, n_labels)]``."""
    order = np.argsort(examples.queries, kind="stable")
    sorted_queries, sorted_labels = examples.queries[order], examples.labels[order]

    def holds(queries: Int64Array) -> BoolArray:
        table = np.zeros((len(queries), n_labels), dtype=bool)
        # The labels of a query stand next to each other: each query's row is set at as many places as it has labels.
        firsts = np.searchsorted(sorted_queries, queries, side="left")
        counts = np.searchsorted(sorted_queries, queries, side="right") - firsts
        rows = np.repeat(np.arange(len(queries)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        table[rows, sorted_labels[np.repeat(firsts, counts) + within]] = True
        return table

    return holds


def _among_rivals(scores: FloatArray, labels: Int64Array, also: BoolArray) -> FloatArray:
    """Leave out what else holds: it is no rival of a label."""
    rivals = ~also
    rivals[np.arange(len(labels)), labels] = True
    return np.where(rivals, scores, -np.inf)


def _held_out_scores(
    asked: Examples,
    fold: Int64Array,
    whole: SufficientStatistics,
    parts: list[SufficientStatistics],
    modality: Modality,
) -> Iterator[tuple[LdaSettings, FloatArray]]:
    """Score what is asked, by heads that never saw its fold, with one choice of settings after the other."""
    own = MODALITIES.index(modality)
    for covariance in OWN_COVARIANCES:
        rotated = [
            _rotate(whole - parts[number], asked.vectors[fold == number], own, own_covariance=covariance)
            for number in np.unique(fold).tolist()
        ]
        of_fold = [fold == number for number in np.unique(fold).tolist()]
        for shrinkage, share in product(SHRINKAGES, OWN_SHARES):
            scores = np.full((len(asked), whole.counts.shape[1]), -np.inf)
            for chosen, part in zip(of_fold, rotated, strict=True):
                scores[chosen] = part.scores(shrinkage=shrinkage, own_share=share)
            yield LdaSettings(shrinkage, share, covariance), scores


@dataclass(frozen=True, slots=True, eq=False)
class _Rotated:
    """Queries and means along the axes of the covariance within labels, where shrinking it is a division.

    Attributes
    ----------
    queries : np.ndarray [shape=(n, d), float64]
        From the middle of their modality.
    own_means, other_means : np.ndarray [shape=(n_labels, d), float64]
        Likewise; zeros for labels without examples.
    has : np.ndarray [shape=(2, n_labels), bool]
        Of the query's own modality, and of the other.
    variances : np.ndarray [shape=(d,), float64]
    """

    queries: FloatArray
    own_means: FloatArray
    other_means: FloatArray
    has: BoolArray
    variances: FloatArray

    def scores(self, *, shrinkage: float, own_share: float) -> FloatArray:
        """Score the queries as `Discriminant.scores` does."""
        size = max(float(self.variances.mean()), _LEAST_VARIANCE)
        variances = (1 - shrinkage) * self.variances + shrinkage * size
        centred = _mixed(self.own_means, self.other_means, self.has, own_share)
        weight = centred / variances
        bias = np.where(self.has.any(axis=0), -0.5 * (weight * centred).sum(axis=1), -np.inf)
        scores: FloatArray = self.queries @ weight.T + bias
        return scores


def _rotate(sums: SufficientStatistics, vectors: Float32Array, own: int, *, own_covariance: float) -> _Rotated:
    means, has = _means(sums)
    centres = _centres(means, has & sums.shaping)
    # Shrinkage leaves the axes of the covariance as they are, so that one decomposition serves all that are tried.
    variances, axes = np.linalg.eigh(_covariance(sums, own, own_covariance=own_covariance))
    centred = [np.where(has[source][:, None], means[source] - centres[source], 0.0) for source in (own, 1 - own)]
    return _Rotated(
        queries=(vectors - centres[own]) @ axes,
        own_means=centred[0] @ axes,
        other_means=centred[1] @ axes,
        has=has[[own, 1 - own]],
        variances=np.maximum(variances, 0.0),
    )


def _deal(examples: Examples, *, shaping: BoolArray | None, folds: int, seed: int) -> Int64Array:
    """Deal groups to folds, those of one label one after the other: of their labels the first that shapes."""
    # Shuffled, then in order of labels, and dealt like cards: each fold gets its part of each label.
    groups, number = np.unique(examples.groups, return_inverse=True)
    stands_beside = np.zeros(len(examples), dtype=bool) if shaping is None else ~shaping[examples.labels]
    order = np.argsort(stands_beside, kind="stable")
    first = order[np.unique(examples.groups[order], return_index=True)[1]]
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    dealt = shuffled[np.argsort(examples.labels[first][shuffled], kind="stable")]
    fold_of_group = np.empty(len(groups), dtype=np.int64)
    fold_of_group[dealt] = np.arange(len(groups)) % folds
    fold: Int64Array = fold_of_group[number]
    return fold


def _means(sums: SufficientStatistics) -> tuple[FloatArray, BoolArray]:
    """Mean vectors by modality and label, and which there are."""
    has: BoolArray = sums.counts > 0.5
    means: FloatArray = np.where(has[..., None], sums.totals / np.maximum(sums.counts, 1.0)[..., None], 0.0)
    return means, has


def _centres(means: FloatArray, has: BoolArray) -> FloatArray:
    """Middle of each modality ``[shape=(2, d)]``: over the labels of both, so that they are middles of the same."""
    both = has.all(axis=0)
    centres = np.zeros((2, means.shape[2]))
    for source in range(2):
        among = both if both.any() else has[source]
        if among.any():
            centres[source] = means[source, among].mean(axis=0)
    for source in range(2):
        if not has[source].any():
            centres[source] = centres[1 - source]
    return centres


def _mixed(own: FloatArray, other: FloatArray, has: BoolArray, own_share: float) -> FloatArray:
    """Mean of each label around the middle, as queries of one modality see it."""
    mixed = own_share * own + (1 - own_share) * other
    both = has[0] & has[1]
    centred: FloatArray = np.where(both[:, None], mixed, np.where(has[0][:, None], own, other))
    return centred


def _covariance(sums: SufficientStatistics, own: int, *, own_covariance: float) -> FloatArray:
    """Covariance within labels."""
    means, has = _means(sums)
    # Labels that do not shape have no part in the sums of products either.
    means, has, counts = means[:, sums.shaping], has[:, sums.shaping], sums.counts[:, sums.shaping]
    d = means.shape[2]
    total, together = np.zeros((d, d)), 0.0
    for source, weight in ((own, own_covariance), (1 - own, 1 - own_covariance)):
        freedom = counts[source].sum() - has[source].sum()
        if freedom > 0.5 and weight > 0:
            # The scatter around labels' means m, of sums alone: xx' over all examples, less n mm' over labels.
            within = sums.products[source] - (means[source].T * counts[source]) @ means[source]
            total += weight * within / freedom
            together += weight
    return total / together if together else _SCATTER * np.eye(d)


def _size(covariance: FloatArray) -> float:
    """Variance of each dimension, on average."""
    return max(float(np.trace(covariance)) / len(covariance), _LEAST_VARIANCE)


def _above_mean(scores: FloatArray) -> FloatArray:
    """Tell how far each label's score rises above the mean of all."""
    there = np.isfinite(scores)
    sums = np.where(there, scores, 0.0).sum(axis=1, keepdims=True)
    above: FloatArray = scores - sums / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return above


def _log_loss(scores: FloatArray, labels: Int64Array) -> float:
    """Return the mean loss where labels may have been given by mistake: else one would make all answers less sure."""
    shares = softmax(scores)[np.arange(len(labels)), labels]
    return float(-despite_mistakes(np.log(np.maximum(shares, 1e-12)), MISTAKEN)[0].mean())
