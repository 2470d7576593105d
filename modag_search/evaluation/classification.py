"""How well labelled items name others: by the evidence of neighbours, by the nearest alone, and by a linear head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import label_evidence, vote_all
from modag_search.classify.arithmetic.lda import Examples, SufficientStatistics, choose_settings, discriminant
from modag_search.classify.arithmetic.least_squares import LeastSquares
from modag_search.classify.arithmetic.pooling import EvidenceWeights, learn_evidence_weights
from modag_search.evaluation.items import count_right, similarities_in_parts
from modag_search.evaluation.results import ClassAccuracy, Classification, Naming, Score, rounded
from modag_search.features.ahead import one_thread_a_product
from modag_search.metrics.accuracy import bootstrap_macro_accuracy
from modag_search.values import MODALITIES, Float32Array, Int64Array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.evaluation.items import Items
    from modag_search.space import QueryModality

UnrelatedSimilarity = Callable[["QueryModality", "QueryModality"], tuple[float, float]]

_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """What labels are called.

    Attributes
    ----------
    labels : np.ndarray [shape=(n,), int64]
        Those whose names are understood, ascending.
    vectors : np.ndarray [shape=(n, d), float32]
        Of their names.
    """

    labels: Int64Array
    vectors: Float32Array


def score_classification(
    queries: Items,
    voters: Items,
    *,
    names: Sequence[str],
    spoken: Spoken,
    k: int,
    unrelated: UnrelatedSimilarity,
    draws: int,
    seed: int,
) -> Classification | None:
    """Name queries by voters, and compare with the queries' own labels.

    Parameters
    ----------
    queries : Items
        Of one modality.
    voters : Items
        Of one or both.
    names : sequence of str
        Labels, by number.
    spoken : Spoken
        What these are called.
    k : int
        How many neighbours vote.
    unrelated : callable
        See `space.Space.unrelated_similarity`.
    draws, seed : int
        Of the intervals; the seed also deals the folds.

    Returns
    -------
    Classification or None
        None where queries and voters share fewer than two classes: there is nothing to tell apart.
    """
    _, right = count_right(queries, voters)
    asking = queries.only(right > 0)
    classes = np.unique(asking.classes)
    if len(classes) < 2:
        return None
    voting = voters.only(np.isin(voters.classes, classes))
    shared = tuple(names[number] for number in classes.tolist())
    expected = np.searchsorted(classes, asking.classes)
    named = {
        "pooled": classes[_weigh(asking, voting, classes, spoken, k=k, unrelated=unrelated)],
        "knn": classes[_vote(asking, voting, classes, k=k)],
        "head": classes[_name_by_head(asking, voting, classes, seed=seed)],
    }
    namings = {
        way: _naming(expected, np.searchsorted(classes, guessed), shared, asking.groups, draws=draws, seed=seed)
        for way, guessed in named.items()
    }
    sources = np.unique(voting.sources).tolist()
    return Classification(
        voters="both" if len(sources) > 1 else MODALITIES[sources[0]],
        queries=MODALITIES[int(queries.sources[0])],
        classes=shared,
        n_voters=len(voting),
        n_queries=len(asking),
        n_left_out=len(queries) - len(asking),
        **namings,
    )


def _vote(queries: Items, voters: Items, classes: Int64Array, *, k: int) -> Int64Array:
    """Return the place in `classes` of the label that the nearest voters give to each query."""
    voter_class = np.searchsorted(classes, voters.classes)
    guesses = [
        vote_all(similarities, voter_class, n_classes=len(classes), k=k).argmax(axis=1)
        for _, similarities in similarities_in_parts(queries, voters)
    ]
    return np.concatenate(guesses)


def _weigh(
    queries: Items, voters: Items, classes: Int64Array, spoken: Spoken, *, k: int, unrelated: UnrelatedSimilarity
) -> Int64Array:
    """Return the place in `classes` of the label that `Index.classify` gives to each query by default."""
    own = voters.only(voters.sources == queries.sources[0])
    # Beside items of the other modality, features are followed by zeros.
    features = own.features[:, : queries.features.shape[1]]
    evidence = _evidence(queries, voters, classes, spoken, k=k, unrelated=unrelated)
    weights = EvidenceWeights()
    if len(own):
        left_out = _evidence(own, voters, classes, spoken, k=k, unrelated=unrelated)
        holds = classes == own.classes[:, None]
        linear = LeastSquares(features, holds, np.unique(own.groups, return_inverse=True)[1])
        left_out[..., 5] = np.where(
            np.isfinite(left_out[..., 0]), linear.left_out(np.arange(len(own))), np.float32(-np.inf)
        )
        told = np.isfinite(left_out[..., 0]) & holds
        there = np.flatnonzero(told.any(axis=1))
        if len(there):
            weights = learn_evidence_weights(left_out[there], told[there], unseen=linear.unseen(there))
        said = _linear_of_others(queries, own, linear)
        evidence[..., 5] = np.where(np.isfinite(evidence[..., 0]), said, np.float32(-np.inf))
    guessed: Int64Array = weights.scores(evidence).argmax(axis=1)
    return guessed


def _linear_of_others(queries: Items, own: Items, linear: LeastSquares) -> Float32Array:
    """Score classes by features, for queries that are voters themselves as if they and their copies were none."""
    scores = linear.classifier.scores(queries.features)
    order = np.argsort(own.groups, kind="stable")
    places = np.searchsorted(own.groups[order], queries.groups).clip(max=len(own) - 1)
    themselves = own.groups[order][places] == queries.groups
    scores[themselves] = linear.left_out(order[places[themselves]])
    return scores


def _evidence(
    queries: Items, voters: Items, classes: Int64Array, spoken: Spoken, *, k: int, unrelated: UnrelatedSimilarity
) -> Float32Array:
    """Gather what the voters of each modality, and names, say of each class, features nothing yet; see `pooling`."""
    own = int(queries.sources[0])
    said = []
    for source in (own, 1 - own):
        voting = voters.only(voters.sources == source)
        labels, unlike = np.searchsorted(classes, voting.classes), unrelated(MODALITIES[own], MODALITIES[source])[0]
        parts = [
            label_evidence(similarities - np.float32(unlike), labels, n_labels=len(classes), k=k)
            for _, similarities in similarities_in_parts(queries, voting)
        ]
        said.append(np.concatenate(parts))
    by_name = np.full((len(queries), len(classes), 1), -np.inf, dtype=np.float32)
    named = np.isin(spoken.labels, classes)
    if named.any():
        above = queries.vectors @ spoken.vectors[named].T - np.float32(unrelated(MODALITIES[own], "text")[0])
        by_name[:, np.searchsorted(classes, spoken.labels[named]), 0] = above
    return np.concatenate([*said, by_name, np.full_like(by_name, -np.inf)], axis=-1)


def _name_by_head(queries: Items, voters: Items, classes: Int64Array, *, seed: int) -> Int64Array:
    """Return the place in `classes` of the class that a linear head gives to each query that it did not learn from.

    Queries that are the same as a voter are dealt to folds, and the head of a fold learns from what is not in it.
    """
    modality = MODALITIES[int(queries.sources[0])]
    labels, each = np.searchsorted(classes, voters.classes), np.arange(len(voters))
    examples = Examples(voters.vectors, labels, voters.sources, voters.groups, each)
    with one_thread_a_product():
        settings = choose_settings(examples, n_labels=len(classes), seed=seed)[modality]
    guesses = np.zeros(len(queries), dtype=np.int64)
    folds = _folds(queries, voters, seed=seed)
    fold_of_query = np.array([folds.get(group, -1) for group in queries.groups.tolist()])
    fold_of_voter = np.array([folds.get(group, -1) for group in voters.groups.tolist()])
    for fold in np.unique(fold_of_query).tolist():
        taught = examples if fold == -1 else examples.only(fold_of_voter != fold)
        asked = fold_of_query == fold
        head = discriminant(SufficientStatistics.of(taught, n_labels=len(classes)), modality, settings)
        guesses[asked] = head.scores(queries.vectors[asked]).argmax(axis=1)
    return guesses


def _folds(queries: Items, voters: Items, *, seed: int) -> dict[int, int]:
    """Deal the groups that both ask and vote to folds, those of one class one after the other."""
    voting = set(voters.groups.tolist())
    class_of = dict(zip(queries.groups.tolist(), queries.classes.tolist(), strict=True))
    shuffled = np.random.default_rng(seed).permutation(sorted(class_of)).tolist()
    dealt = sorted((group for group in shuffled if group in voting), key=class_of.__getitem__)
    return {group: place % _FOLDS for place, group in enumerate(dealt)}


def _naming(
    expected: Int64Array, guessed: Int64Array, names: Sequence[str], groups: Int64Array, *, draws: int, seed: int
) -> Naming:
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (expected, guessed), 1)
    interval = bootstrap_macro_accuracy(expected, guessed, groups=groups, draws=draws, seed=seed)
    return Naming(
        accuracy=Score.of(interval, chance=1 / len(names)),
        by_class=tuple(
            ClassAccuracy(label=name, n_queries=int(row.sum()), accuracy=rounded(row[number] / row.sum()))
            for number, (name, row) in enumerate(zip(names, confusion, strict=True))
        ),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )
