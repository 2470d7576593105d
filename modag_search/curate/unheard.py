"""Labels that have examples of one modality only, and what of the other would be the best one to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modag_search.classify.neighbours import own_first
from modag_search.classify.queries import mean_of_queries
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.labelled_set import LabelledVectors
    from modag_search.classify.queries import QueryBatch


class Example(NamedTuple):
    """What might be the first example of a label in a modality.

    Attributes
    ----------
    label : str
    modality : {"image", "sound"}
    item : int
    heard : int
        How many items of the other modality have the label.
    """

    label: str
    modality: Modality
    item: int
    heard: int


class UnheardLabels:
    """Looks for the first example of labels that items of the other modality alone have.

    All that is known of such a label is hearsay. One example of the modality's own tells whether that is right; so each
    asks for what is most like its examples of the other modality, whatever that would be called now.

    Parameters
    ----------
    classifier : NeighbourClassifier
    """

    def __init__(self, classifier: NeighbourClassifier) -> None:
        self._names = classifier.names
        neighbours = classifier.neighbours
        self._wanted: dict[Modality, _Wanted] = {}
        for modality in MODALITIES:
            own, other = (neighbours.labelled.by_modality[one] for one in own_first(modality))
            labels = np.setdiff1d(other.labels, own.labels)
            unlike = neighbours.unrelated_similarity(modality, own_first(modality)[1])[0]
            self._wanted[modality] = _Wanted.of(other, labels, unlike=unlike)

    def take(self, batch: QueryBatch) -> None:
        """Look at a batch of unlabelled items."""
        for modality, segments in batch.segments.items():
            items = batch.items[np.unique(segments.queries)]
            self._wanted[modality].take(mean_of_queries(segments.vectors, segments.queries), items)

    def examples(self) -> list[Example]:
        """List the likeliest example of each, those first that are heard most of."""
        found = [
            Example(self._names[label], modality, item, heard)
            for modality, wanted in self._wanted.items()
            for label, item, heard in zip(
                wanted.labels.tolist(), wanted.items.tolist(), wanted.heard.tolist(), strict=True
            )
            if item != _NOTHING
        ]
        return sorted(found, key=lambda one: (-one.heard, one.label, one.modality))


_NOTHING = -1


@dataclass(slots=True, eq=False)
class _Wanted:
    """What labels that lack examples of a modality are like, and the item of it that is most like each.

    Attributes
    ----------
    labels, heard : np.ndarray [shape=(n,), int64]
        Numbers of labels, and of items of the other modality that have each.
    prototypes : np.ndarray [shape=(n, d), float32]
        Mean vectors of these.
    similarities : np.ndarray [shape=(n,), float32]
        Of the best item so far; at the beginning, what unlike things are at.
    items : np.ndarray [shape=(n,), int64]
        Its id, or `_NOTHING`.
    """

    labels: Int64Array
    heard: Int64Array
    prototypes: Float32Array
    similarities: Float32Array
    items: Int64Array

    @classmethod
    def of(cls, other: LabelledVectors, labels: Int64Array, *, unlike: float) -> _Wanted:
        """Begin with the examples of the other modality that labels have."""
        # Votes stand in order of labels, so that those of each are a slice.
        firsts, stops = (np.searchsorted(other.labels, labels, side=side) for side in ("left", "right"))
        votes = [other.rows[first:stop] for first, stop in zip(firsts.tolist(), stops.tolist(), strict=True)]
        width = other.vectors.shape[1]
        return cls(
            labels=labels,
            heard=np.array([len(np.unique(other.items[rows])) for rows in votes], dtype=np.int64),
            prototypes=np.array([other.vectors[rows].mean(axis=0) for rows in votes]).reshape(-1, width),
            similarities=np.full(len(labels), unlike, dtype=np.float32),
            items=np.full(len(labels), _NOTHING, dtype=np.int64),
        )

    def take(self, vectors: Float32Array, items: Int64Array) -> None:
        """Look at some items, by their mean vectors."""
        if not len(self.labels) or not len(items):
            return
        alike = self.prototypes @ vectors.T
        best = alike.argmax(axis=1)
        highest = alike[np.arange(len(best)), best]
        better = highest > self.similarities
        self.similarities = np.where(better, highest, self.similarities)
        self.items = np.where(better, items[best], self.items)
