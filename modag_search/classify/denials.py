"""What people said that items are not: they never get that name again, and their like get it less easily.

A denial is evidence against one label at one place: against that label for what is nearer to what was denied than to
the label's examples. The nearest of both vote, with weights as of `knn.vote_weights`, each similarity above that of
unlike things:

    share = exp(denied / t) / (exp(example / t) + exp(denied / t))

What of this is above `LEAST_SHARE` the odds of the label lose; what is denied outright loses all. What a label loses,
its rivals get in proportion; one that has none loses it to not being it. Where a label has no example of the modality
of what was denied, there is nothing to compare that with: only what is nearly the same loses anything then. What that
does is measured: docs/benchmarks/denials.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import TEMPERATURE
from modag_search.classify.arithmetic.logistic import sigmoid
from modag_search.classify.queries import mean_of_queries
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.classify.neighbours import UnrelatedSimilarity
    from modag_search.classify.queries import QuerySegments
    from modag_search.classify.rivals import LabelGroups
    from modag_search.features.vectors import SegmentVectors
    from modag_search.hierarchy import Hierarchy

LEAST_SHARE = 0.25
"""What is farther from what was denied than from an example, loses nothing."""
NEARLY_SAME = 0.9
"""How far a similarity must come from that of unlike things to that of the same, 1, where there is no example."""
_SAME = 1 - 1e-4
"""Similarity of the same segment, read again."""
_MOST_OF_LIKE = 1 - 1e-6
"""What is not the same never loses all, so that what was denied of a thing itself can be told from that."""
_ROUNDING = 1e-6
_CELLS_AT_ONCE = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Voters:
    """Segments of one modality with a label each, those of one label together; see `_grouped`.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    items : np.ndarray [shape=(n,), int64]
    labels : np.ndarray [shape=(n,), int64]
        Ascending.
    """

    vectors: Float32Array
    items: Int64Array
    labels: Int64Array

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Denials:
    """What was said not to hold, at one moment of the catalog; immutable.

    Attributes
    ----------
    labels : tuple of str
    items : Mapping of int to frozenset of str
        Labels that are denied of all of an item, by id; also of those of the same content.
    by_modality : Mapping of modality to _Voters
        Segments, by the places of their labels in `labels`.
    """

    labels: tuple[str, ...]
    items: Mapping[int, frozenset[str]]
    by_modality: Mapping[Modality, _Voters]


def read_denials(catalog: Catalog, vectors: SegmentVectors) -> Denials:
    """Read what was denied, with the vectors of the segments that it was denied of, all of one moment."""
    with catalog.view():
        segments, items, names = catalog.labels.denied_segments()
        if not names:
            return Denials((), {}, {})
        labels = tuple(sorted(set(names)))
        number = {name: place for place, name in enumerate(labels)}
        numbers = np.array([number[name] for name in names], dtype=np.int64)
        by_modality = {}
        for modality in MODALITIES:
            ids, found = vectors.of(modality, segments.tolist())
            own = np.isin(segments, ids)
            places = np.searchsorted(ids, segments[own])
            by_modality[modality] = _grouped(found[places], items[own], numbers[own])
        return Denials(labels, _denied_items(catalog, items, names), by_modality)


def _denied_items(catalog: Catalog, items: Int64Array, names: list[str]) -> dict[int, frozenset[str]]:
    """Find what is denied of all segments of an item, and give it to all items of that content."""
    counts: dict[tuple[int, str], int] = {}
    for pair in zip(items.tolist(), names, strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    n_segments = catalog.segments.count_by_item({item for item, _ in counts})
    hashes = catalog.items.content_hashes({item for item, _ in counts})
    of_content: dict[str, set[str]] = {}
    for (item, name), count in counts.items():
        if count == n_segments.get(item) and item in hashes:
            of_content.setdefault(hashes[item], set()).add(name)
    return {
        record.id: frozenset(of_content[digest])
        for digest, records in catalog.items.with_hashes(of_content).items()
        for record in records
    }


class Doubts:
    """Denials as they bear on the labels of a classifier.

    Parameters
    ----------
    denials : Denials
    labelled : LabelledSet
        With the examples that they are compared with.
    groups : LabelGroups
        Of the classifier's labels.
    names : tuple of str
        These.
    hierarchy : Hierarchy
        What is denied a label is denied its kinds.
    unrelated_similarity : callable
        See `space.Space.unrelated_similarity`.
    """

    def __init__(
        self,
        denials: Denials,
        labelled: LabelledSet,
        groups: LabelGroups,
        *,
        names: tuple[str, ...],
        hierarchy: Hierarchy,
        unrelated_similarity: UnrelatedSimilarity,
    ) -> None:
        self._denials = denials
        self._groups = groups
        self._unrelated_similarity = unrelated_similarity
        self._n_labels = len(names)
        self._kinds = places_of_kinds(denials.labels, names, hierarchy)
        places = [self._kinds[name] for name in denials.labels]
        self._denied = {modality: _spread(part, places) for modality, part in denials.by_modality.items()}
        affected = {place for kinds in places for place in kinds}
        self._bear = bool(affected)
        self._examples = _examples(labelled, {name: place for place, name in enumerate(names) if place in affected})

    def applied(
        self, probabilities: FloatArray, segments: Mapping[Modality, QuerySegments], items: Int64Array
    ) -> FloatArray:
        """Lower what was denied of queries, or of their like.

        Parameters
        ----------
        probabilities : np.ndarray [shape=(n, n_labels), float64]
        segments : Mapping of modality to QuerySegments
        items : np.ndarray [shape=(n,), int64]
            Id of each query's item, which is not compared with itself.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float64]
        """
        return lowered(probabilities, self.lost(segments, items), self._groups) if self._bear else probabilities

    def forbidden(self, items: Int64Array) -> BoolArray:
        """Tell what items are said not to be as wholes ``[shape=(n, n_labels)]``."""
        forbidden = np.zeros((len(items), self._n_labels), dtype=bool)
        for row, item in enumerate(items.tolist()):
            for name in self._denials.items.get(item, ()):
                forbidden[row, self._kinds[name]] = True
        return forbidden

    def outright(self, segments: Mapping[Modality, QuerySegments], items: Int64Array) -> BoolArray:
        """Tell what queries, or what they are the same as, are said not to be ``[shape=(n, n_labels)]``."""
        return self.lost(segments, items) >= 1.0

    def without_forbidden(self, probabilities: FloatArray, items: Int64Array) -> FloatArray:
        """Lower what was denied of items themselves, and nothing else."""
        return lowered(probabilities, self.forbidden(items).astype(np.float64), self._groups)

    def lost(self, segments: Mapping[Modality, QuerySegments], items: Int64Array) -> FloatArray:
        """Return what the odds of each label lose ``[shape=(n, n_labels)]``, in [0, 1].

        It is averaged over segments, then over modalities. Parameters are as of `applied`.
        """
        total, counts = np.zeros((len(items), self._n_labels)), np.zeros((len(items), 1))
        for modality, part in segments.items():
            if self._bear and len(part.queries):
                queries = np.unique(part.queries)
                by_segment = self._shares_of_segments(modality, part.vectors, items[part.queries])
                total[queries] += mean_of_queries(by_segment, part.queries)
                counts[queries] += 1
        return np.where(self.forbidden(items), 1.0, total / np.maximum(counts, 1))

    def _shares_of_segments(self, modality: Modality, vectors: Float32Array, items: Int64Array) -> Float32Array:
        shares = np.zeros((len(vectors), self._n_labels), dtype=np.float32)
        width = sum(len(part) for part in (*self._denied.values(), *self._examples.values()))
        step = max(1, _CELLS_AT_ONCE // max(width, self._n_labels, 1))
        for start in range(0, len(vectors), step):
            rows = slice(start, start + step)
            shares[rows] = self._compared(modality, vectors[rows], items[rows])
        return shares

    def _compared(self, modality: Modality, vectors: Float32Array, items: Int64Array) -> Float32Array:
        shares = np.zeros((len(vectors), self._n_labels), dtype=np.float32)
        examples = np.full(shares.shape, -np.inf, dtype=np.float32)
        for voting, part in self._examples.items():
            unlike = np.float32(self._unrelated_similarity(modality, voting)[0])
            np.maximum(examples, self._nearest(vectors, part, without=items) - unlike, out=examples)
        for voting, part in self._denied.items():
            unlike = np.float32(self._unrelated_similarity(modality, voting)[0])
            denied = self._nearest(vectors, part)
            incomparable = ~np.isin(np.arange(self._n_labels), self._examples[voting].labels)
            least = np.where(incomparable, np.float32(NEARLY_SAME) * (1 - unlike), np.float32(-np.inf))
            there = np.isfinite(denied)
            nearer = np.where(there, denied - unlike, 0) - np.maximum(examples, least)
            share = np.minimum(sigmoid(nearer.astype(np.float64) / TEMPERATURE), _MOST_OF_LIKE)
            share[denied > _SAME] = 1.0
            lost = np.maximum(share - LEAST_SHARE, 0.0) / (1.0 - LEAST_SHARE)
            np.maximum(shares, np.where(there, lost, 0.0), out=shares, casting="unsafe")
        return shares

    def _nearest(self, vectors: Float32Array, part: _Voters, *, without: Int64Array | None = None) -> Float32Array:
        """Similarity of the nearest segment of each label, but for those of some items; -inf without any."""
        nearest = np.full((len(vectors), self._n_labels), -np.inf, dtype=np.float32)
        if len(part):
            similarities = vectors @ part.vectors.T
            if without is not None:
                similarities[without[:, None] == part.items] = -np.inf
            labels, firsts = np.unique(part.labels, return_index=True)
            nearest[:, labels] = np.maximum.reduceat(similarities, firsts, axis=1)
        return nearest


def lowered(probabilities: FloatArray, shares: FloatArray, groups: LabelGroups) -> FloatArray:
    """Multiply the odds of labels by what is left of them; rivals get what they lose, in proportion.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n, n_labels), float64]
    shares : np.ndarray [shape=(n, n_labels), float64]
        What the odds of each label lose, in [0, 1].
    groups : LabelGroups
        Labels of one group add up to 1, or to less: the rest is that it may be none of them.

    Returns
    -------
    np.ndarray [shape=(n, n_labels), float64]
        Where nothing else is possible than what is lost, they add up to less than before.

    Examples
    --------
    >>> from modag_search.classify.rivals import LabelGroups
    >>> from modag_search.rivalry import Rivalry
    >>> likely, lost = np.array([[0.6, 0.3, 0.1]]), np.array([[1.0, 0.0, 0.0]])
    >>> lowered(likely, lost, LabelGroups.of(Rivalry(), "abc")).round(3).tolist()
    [[0.0, 0.75, 0.25]]
    >>> lowered(likely, lost / 2, LabelGroups.of(Rivalry(rest_exclude=False), "abc")).round(3).tolist()
    [[0.429, 0.3, 0.1]]
    """
    left = probabilities * (1.0 - shares)
    before, after = probabilities.copy(), left.copy()
    for _, labels in groups:
        before[:, labels] = probabilities[:, labels].sum(axis=1, keepdims=True)
        after[:, labels] = left[:, labels].sum(axis=1, keepdims=True)
    none = 1.0 - before
    total = after + np.where(none > _ROUNDING, none, 0.0)
    return np.divide(left, total, out=np.zeros_like(left), where=total > 0)


def places_of_kinds(denied: Collection[str], names: Sequence[str], hierarchy: Hierarchy) -> dict[str, list[int]]:
    """List, for each label that was denied, the places of it and its kinds.

    Parameters
    ----------
    denied : collection of str
    names : sequence of str
    hierarchy : Hierarchy

    Returns
    -------
    dict of str to list of int
        Places among `names`.
    """
    kinds: dict[str, list[int]] = {name: [] for name in denied}
    if kinds:
        for place, label in enumerate(names):
            for name in kinds.keys() & {label, *hierarchy.ancestors(label)}:
                kinds[name].append(place)
    return kinds


def _examples(labelled: LabelledSet, place_of: Mapping[str, int]) -> dict[Modality, _Voters]:
    """Look up the votes for some labels."""
    numbers = np.array([place_of.get(name, -1) for name in labelled.names], dtype=np.int64)
    examples = {}
    for modality, part in labelled.by_modality.items():
        votes = np.flatnonzero(numbers[part.labels] >= 0)
        rows = part.rows[votes]
        examples[modality] = _grouped(part.vectors[rows], part.items[rows], numbers[part.labels[votes]])
    return examples


def _grouped(vectors: Float32Array, items: Int64Array, labels: Int64Array) -> _Voters:
    order = np.argsort(labels, kind="stable")
    return _Voters(vectors[order], items[order], labels[order])


def _spread(part: _Voters, places: Sequence[list[int]]) -> _Voters:
    """Let segments have other labels: for each of theirs none, one or several."""
    counts = np.array([len(of_label) for of_label in places], dtype=np.int64)[part.labels]
    rows = np.repeat(np.arange(len(part)), counts)
    labels = [place for label in part.labels[counts > 0].tolist() for place in places[label]]
    return _grouped(part.vectors[rows], part.items[rows], np.array(labels, dtype=np.int64))
