"""The labelled segments of an index, and what they say of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import TEMPERATURE, K, label_kernels, label_means
from modag_search.classify.labelled_set import contents, given_labels
from modag_search.errors import NothingFoundError
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import EvidenceWeights, FloatArray
    from modag_search.features.vectors import SegmentVectors

UnrelatedSimilarity = Callable[[Modality, Modality], tuple[float, float]]
"""Mean and deviation of the similarity of unlike things of two modalities; see `space.Space.unrelated_similarity`."""

_CELLS_AT_ONCE = 8_000_000
_LISTED = 0.99
"""Share of the probability of an answer whose voters are listed."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledVectors:
    """The labelled segments of one modality.

    Attributes
    ----------
    segments : np.ndarray [shape=(n,), int64]
        Ids, ascending.
    items : np.ndarray [shape=(n,), int64]
        Id of the item of each.
    contents : np.ndarray [shape=(n,), int64]
        The same number for segments of items of the same content.
    vectors : np.ndarray [shape=(n, d), float32]
    voters, labels : np.ndarray [shape=(n_votes,), int64]
        Place of the segment, and number of the label, of each vote: a segment with two labels has two.
    """

    segments: Int64Array
    items: Int64Array
    contents: Int64Array
    vectors: Float32Array
    voters: Int64Array
    labels: Int64Array

    def __len__(self) -> int:
        return len(self.segments)


@dataclass(frozen=True, slots=True, eq=False)
class Vote:
    """A labelled segment's part in an answer.

    Attributes
    ----------
    segment, item : int
    label : str
    similarity : float
        Cosine of the query's nearest segment.
    weight : float
        Share of all that was said for any label, in [0, 1].
    """

    segment: int
    item: int
    label: str
    similarity: float
    weight: float


class Voters:
    """All labelled segments, by modality; transferred labels have no vote, as they would only repeat the others.

    An item that has a label and one that it is a kind of votes for the former alone.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    background : callable
    k : int
        How many of the nearest segments of each label and modality weigh by nearness; beside them, all of a label speak
        by their mean.
    temperature : float
        Of their weights, ``exp(similarity / temperature)``.

    Attributes
    ----------
    names : tuple of str
        The labels; others know them by their place here.
    benches : Mapping of modality to LabelledVectors
    hierarchy : Hierarchy
    is_exclusive : bool
        Whether labels exclude each other.

    Raises
    ------
    NothingFoundError
        If nothing is labelled that could vote.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: SegmentVectors,
        *,
        background: UnrelatedSimilarity,
        k: int = K,
        temperature: float = TEMPERATURE,
    ) -> None:
        self.k = k
        self.temperature = temperature
        self.hierarchy = catalog.hierarchy.get()
        self._background = background
        labels_of, item_of = given_labels(catalog, self.hierarchy)
        if not labels_of:
            raise NothingFoundError(_nothing_labelled(catalog))
        content_of = contents(catalog, set(item_of.values()))
        self.names = tuple(sorted({label for labels in labels_of.values() for label in labels}))
        number = {name: place for place, name in enumerate(self.names)}
        numbers_of = {segment: [number[label] for label in labels] for segment, labels in labels_of.items()}
        self.benches = {
            modality: _bench(*vectors.of(modality, numbers_of), numbers_of, item_of, content_of)
            for modality in MODALITIES
        }
        if not any(len(bench) for bench in self.benches.values()):
            raise NothingFoundError(
                "what has a label was made by another encoder, or another version of one; `modag rebuild` renews it"
            )
        self.is_exclusive = catalog.hierarchy.exclude_each_other

    def evidence(
        self, modality: Modality, vectors: Float32Array, *, items: Int64Array | None = None, copies: bool = False
    ) -> Float32Array:
        """Gather what the voters of each modality say of each label; see `pooling`.

        Parameters
        ----------
        modality : {"image", "sound"}
            Of the queries.
        vectors : np.ndarray [shape=(n, d), float32]
        items : np.ndarray [shape=(n,), int64], optional
            Item of each query: it does not vote on itself; with `copies`, a number as in
            `LabelledVectors.contents`, and neither do its copies.
        copies : bool

        Returns
        -------
        np.ndarray [shape=(n, n_labels, 4), float32]
            For `pooling.EvidenceWeights`.
        """
        own_first = sorted(MODALITIES, key=lambda one: one != modality)
        width = max(1, *(len(bench.labels) for bench in self.benches.values()))
        step = max(1, _CELLS_AT_ONCE // width)
        parts = [np.zeros((0, len(self.names), 4), dtype=np.float32)]
        for start in range(0, len(vectors), step):
            rows = slice(start, start + step)
            asking = None if items is None else items[rows]
            said = [self._said(modality, one, vectors[rows], asking, copies=copies) for one in own_first]
            parts.append(np.concatenate(said, axis=-1))
        return np.concatenate(parts)

    def _said(
        self, asking: Modality, voting: Modality, vectors: Float32Array, items: Int64Array | None, *, copies: bool
    ) -> Float32Array:
        """Mean and kernel of one modality's voters, above what unlike things are at."""
        bench = self.benches[voting]
        above = self._above(asking, voting, vectors)
        if items is not None:
            above[items[:, None] == (bench.contents if copies else bench.items)] = -np.inf
        votes, n_labels = above[:, bench.voters], len(self.names)
        means = label_means(votes, bench.labels, n_labels=n_labels)
        kernels = label_kernels(votes, bench.labels, n_labels=n_labels, k=self.k, temperature=self.temperature)
        return np.stack([means, kernels], axis=-1)

    def _above(self, asking: Modality, voting: Modality, vectors: Float32Array) -> Float32Array:
        similarities: Float32Array = vectors @ self.benches[voting].vectors.T
        return similarities - np.float32(self._background(asking, voting)[0])

    def votes(
        self,
        modality: Modality,
        vectors: Float32Array,
        probabilities: FloatArray,
        evidence_weights: EvidenceWeights,
        *,
        without: frozenset[int],
        most: int,
    ) -> list[Vote]:
        """List the parts that labelled segments have in an answer, the greatest first.

        Parameters
        ----------
        modality : {"image", "sound"}
            Of the query.
        vectors : np.ndarray [shape=(n, d), float32]
            The query's segments.
        probabilities : np.ndarray [shape=(n_labels,), float64]
            Of the answer; labels that are hardly possible are passed over.
        evidence_weights : EvidenceWeights
            That made the answer.
        without : frozenset of int
            Items that have no vote.
        most : int
            How many, at the most.

        Returns
        -------
        list of Vote
        """
        above = {m: self._above(modality, m, vectors) for m in MODALITIES}
        heard = {m: ~np.isin(self.benches[m].items, list(without)) for m in MODALITIES}
        weights, similarities, places = [np.zeros(0)], [np.zeros(0)], [np.zeros((0, 3), dtype=np.int64)]
        for label in _likely(probabilities).tolist():
            columns = {m: b.voters[(b.labels == label) & heard[m][b.voters]] for m, b in self.benches.items()}
            shares = _shares(modality, evidence_weights, {m: len(c) for m, c in columns.items()})
            for voting, (mean_share, kernel_share) in shares.items():
                own = above[voting][:, columns[voting]]
                part = mean_share / own.shape[1] + kernel_share * self._kernel_shares(own)
                weights.append(part * probabilities[label])
                similarities.append(own.max(axis=0) + self._background(modality, voting)[0])
                source = np.full(own.shape[1], MODALITIES.index(voting))
                places.append(np.stack([source, columns[voting], np.full(own.shape[1], label)], axis=1))
        weight, similarity, place = (np.concatenate(part) for part in (weights, similarities, places))
        greatest = np.lexsort((place[:, 1], -similarity, -weight))[:most]
        return [
            Vote(
                segment=int(self.benches[MODALITIES[source]].segments[voter]),
                item=int(self.benches[MODALITIES[source]].items[voter]),
                label=self.names[label],
                similarity=float(similarity[row]),
                weight=float(weight[row]),
            )
            for row, (source, voter, label) in zip(greatest.tolist(), place[greatest].tolist(), strict=True)
        ]

    def _kernel_shares(self, above: Float32Array) -> Float32Array:
        """Share of each voter in its label's kernel estimate, averaged over the query's segments."""
        k = min(self.k, above.shape[1])
        threshold = -np.partition(-above, k - 1, axis=1)[:, k - 1 : k]
        weights = np.exp((above - above.max(axis=1, keepdims=True)) / np.float32(self.temperature))
        weights[above < threshold] = 0
        shares: Float32Array = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
        return shares


def _bench(
    segments: Int64Array,
    vectors: Float32Array,
    labels_of: Mapping[int, Sequence[int]],
    item_of: Mapping[int, int],
    content_of: Mapping[int, int],
) -> LabelledVectors:
    items = np.array([item_of[segment] for segment in segments.tolist()], dtype=np.int64)
    pairs = [(place, label) for place, segment in enumerate(segments.tolist()) for label in labels_of[segment]]
    voters, labels = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    copies = np.array([content_of.get(item, -1) for item in items.tolist()], dtype=np.int64)
    return LabelledVectors(segments, items, copies, vectors, voters.copy(), labels.copy())


def _likely(probabilities: FloatArray) -> Int64Array:
    """Choose the labels that nearly all of the probability is on, and the first three in any case."""
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    counts = (before < _LISTED * probabilities.sum()) | (np.arange(len(order)) < 3)
    likely: Int64Array = order[counts & (probabilities[order] > 0)]
    return likely


def _shares(
    own: Modality, weights: EvidenceWeights, counts: Mapping[Modality, int]
) -> dict[Modality, tuple[float, float]]:
    """Divide an answer among the means and kernels of the modalities that have voters of a label."""
    of_own, of_other = weights.own_and_other[:2], weights.own_and_other[2:]
    there = [modality for modality in MODALITIES if counts[modality]]
    if own not in there:
        shown = {there[0]: weights.cross_only[:2]}
    elif len(there) == 1:
        # What the own modality says stands for the other's too.
        shown = {own: (of_own[0] + weights.imputation * of_other[0], of_own[1] + weights.imputation * of_other[1])}
    else:
        shown = {modality: of_own if modality == own else of_other for modality in there}
    total = sum(mean + kernel for mean, kernel in shown.values())
    if total == 0:
        return {modality: (1 / len(there), 0.0) for modality in there}
    return {modality: (mean / total, kernel / total) for modality, (mean, kernel) in shown.items()}


def _nothing_labelled(catalog: Catalog) -> str:
    if not catalog.count().items:
        return "the index is empty; `modag index PATH...` takes files in"
    return "no item has a label yet; `modag label PATH... --as NAME` gives one"
