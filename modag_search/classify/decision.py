"""Naming queries: by labelled neighbours, or by a linear head; both answer with how likely each label is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from modag_search.classify.leave_one_out import mean_of_groups
from modag_search.values import MODALITIES, Float32Array, Int64Array, LabelScore, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.classify.arithmetic.lda import Discriminant
    from modag_search.classify.arithmetic.pooling import EvidenceWeights, FloatArray
    from modag_search.classify.neighbours import Voters
    from modag_search.hierarchy import Hierarchy
    from modag_search.search.items import Query

Level = int | Literal["deepest"] | None
"""On which level of the hierarchy to answer: a number, from 0 at the top; ``deepest``, the lowest that is sure enough;
None, as labels were given."""

_SURE_ENOUGH = 0.5
"""How likely a kind must be, for an answer to go down to it, where nothing else is asked for."""
OUTSIDE = -1
"""Stands for the item of a query that is not in the index."""


@dataclass(frozen=True, slots=True, eq=False)
class QuerySegments:
    """Segments of one modality, of one query after the other.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    queries : np.ndarray [shape=(n,), int64]
        Place of the query of each segment, ascending.
    items : np.ndarray [shape=(n,), int64]
        Id of the query's item, or `OUTSIDE`.
    """

    vectors: Float32Array
    queries: Int64Array
    items: Int64Array


class Classifier(Protocol):
    """Tells how likely each label is."""

    names: tuple[str, ...]
    hierarchy: Hierarchy
    is_exclusive: bool

    def probabilities(self, modality: Modality, asked: QuerySegments) -> FloatArray:
        """Classifier the queries of one modality.

        Returns
        -------
        np.ndarray [shape=(n_queries, n_labels), float64]
            A row for each query that has segments, in order.
        """


class NeighbourClassifier:
    """Asks the labelled segments, and pools what they say.

    Parameters
    ----------
    voters : Voters
    evidence_weights : Mapping of modality to EvidenceWeights
    """

    def __init__(self, voters: Voters, evidence_weights: Mapping[Modality, EvidenceWeights]) -> None:
        self.voters = voters
        self.evidence_weights = evidence_weights
        self.names = voters.names
        self.hierarchy = voters.hierarchy
        self.is_exclusive = voters.is_exclusive

    def probabilities(self, modality: Modality, asked: QuerySegments) -> FloatArray:
        """Classifier the queries of one modality; an item has no vote on itself."""
        said = self.voters.evidence(modality, asked.vectors, items=asked.items)
        evidence = _mean_of_queries(said, asked.queries)
        # One label alone has no rival: it is judged for itself.
        exclusive = self.is_exclusive and len(self.names) > 1
        return self.evidence_weights[modality].probabilities(evidence, exclusive=exclusive)


class HeadClassifier:
    """Asks a linear head.

    Parameters
    ----------
    heads : Mapping of modality to Discriminant
    names : tuple of str
    hierarchy : Hierarchy
    is_exclusive : bool
    """

    def __init__(
        self,
        heads: Mapping[Modality, Discriminant],
        *,
        names: tuple[str, ...],
        hierarchy: Hierarchy,
        is_exclusive: bool,
    ) -> None:
        self.heads = heads
        self.names = names
        self.hierarchy = hierarchy
        self.is_exclusive = is_exclusive

    def probabilities(self, modality: Modality, asked: QuerySegments) -> FloatArray:
        """Classifier the queries of one modality by the mean vector of each."""
        means = _mean_of_queries(asked.vectors, asked.queries)
        return self.heads[modality].probabilities(means, exclusive=self.is_exclusive)


def classify_queries(judge: Classifier, asked: Mapping[Modality, QuerySegments], *, n: int) -> FloatArray:
    """Classifier `n` queries; the sound and the pictures of a video count alike.

    Parameters
    ----------
    judge : Classifier
    asked : Mapping of modality to QuerySegments
    n : int

    Returns
    -------
    np.ndarray [shape=(n, n_labels), float64]
        Zeros for a query without segments.
    """
    total = np.zeros((n, len(judge.names)))
    heard = np.zeros(n)
    for modality, part in asked.items():
        if len(part.queries):
            present = np.unique(part.queries)
            total[present] += judge.probabilities(modality, part)
            heard[present] += 1
    return total / np.maximum(heard, 1)[:, None]


def query_segments(queries: Sequence[Query]) -> dict[Modality, QuerySegments]:
    """Put the segments of queries after each other."""
    asked = {}
    for modality in MODALITIES:
        there = [(place, query) for place, query in enumerate(queries) if modality in query.vectors]
        if there:
            counts = [len(query.vectors[modality]) for _, query in there]
            asked[modality] = QuerySegments(
                np.concatenate([query.vectors[modality] for _, query in there]),
                np.repeat(np.array([place for place, _ in there], dtype=np.int64), counts),
                np.repeat(
                    np.array([min(query.without, default=OUTSIDE) for _, query in there], dtype=np.int64), counts
                ),
            )
    return asked


class Decision:
    """Makes answers of how likely labels are.

    Parameters
    ----------
    judge : Classifier
    level : int, "deepest" or None
    min_confidence : float
        Below it, the answer is unknown.
    """

    def __init__(self, judge: Classifier, *, level: Level, min_confidence: float) -> None:
        self._min_confidence = min_confidence
        self._least_on_the_way = min_confidence or _SURE_ENOUGH
        self._hierarchy = judge.hierarchy
        self._deepest = level == "deepest"
        self.names, self._member = _groups(judge, level)
        self._exclusive = judge.is_exclusive
        self._levels = np.array([judge.hierarchy.level(name) for name in self.names])

    def scores(self, probabilities: FloatArray) -> FloatArray:
        """Carry probabilities ``[shape=(n, n_labels)]`` to the level, ``[shape=(n, n_names)]``.

        Where labels exclude each other, one is as likely as its kinds together; otherwise as the likeliest of them.
        """
        if self._exclusive:
            summed: FloatArray = np.minimum(probabilities @ self._member.T, 1.0)
            return summed
        highest: FloatArray = np.stack([probabilities[:, member].max(axis=1) for member in self._member], axis=1)
        return highest

    def best(self, scores: FloatArray) -> tuple[str | None, float]:
        """Choose the label of one query, and say how likely it is; None for the label where that is too little."""
        place = self._deepest_of(scores) if self._deepest else int(np.round(scores, 6).argmax())
        confidence = float(scores[place])
        if not confidence > 0:
            return None, 0.0
        return (self.names[place] if confidence >= self._min_confidence else None), confidence

    def _deepest_of(self, scores: FloatArray) -> int:
        """Go down from the likeliest label at the top to the likeliest kind of it, as long as that is sure enough."""
        rounded = np.round(scores, 6)
        place = int(np.where(self._levels == 0, rounded, -1.0).argmax())
        while True:
            kinds = [
                n for n, name in enumerate(self.names) if self.names[place] in self._hierarchy.parents.get(name, ())
            ]
            sure = [n for n in kinds if scores[n] >= self._least_on_the_way]
            if not sure:
                return place
            place = max(sure, key=lambda n: float(rounded[n]))

    def listed(self, scores: FloatArray) -> tuple[LabelScore, ...]:
        """List the labels of one query that are possible at all, the likeliest first."""
        ranked = sorted(zip((-scores).tolist(), self.names, strict=True))
        return tuple(LabelScore(label=name, score=-negative) for negative, name in ranked if negative < 0)


def _groups(judge: Classifier, level: Level) -> tuple[tuple[str, ...], np.ndarray]:
    """Return what may be answered on a level, and which labels each stands for, ``[shape=(n_names, n_labels)]``."""
    hierarchy = judge.hierarchy
    if level is None or not hierarchy:
        return judge.names, np.eye(len(judge.names), dtype=bool)
    called = [
        {name, *hierarchy.ancestors(name)} if level == "deepest" else hierarchy.at_level(name, level)
        for name in judge.names
    ]
    names = tuple(sorted(set().union(*called)))
    return names, np.array([[name in labels for labels in called] for name in names], dtype=bool)


def _mean_of_queries(values: Float32Array, queries: Int64Array) -> Float32Array:
    present, groups = np.unique(queries, return_inverse=True)
    return mean_of_groups(values, groups, n_groups=len(present))
