"""What features alone say of labels, by a linear function that was fitted to the labelled items of one modality."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.ahead import one_thread_a_product
from modag_search.classify.arithmetic.least_squares import LeastSquares, LinearClassifier
from modag_search.classify.labelled_set import SortedVotes
from modag_search.classify.labelled_units import LabelledUnits
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.classify.labelled_set import LabelledSet, LabelledVectors
    from modag_search.values import Float32Array, Int64Array, Modality


class LinearEvidence:
    """Tells labels by features of one modality.

    Parameters
    ----------
    part : LabelledVectors
        Of the modality.
    n_labels : int
    classifier : LinearClassifier, optional
        That was fitted to the same labelled vectors before; otherwise it is fitted when it is first asked.
    """

    def __init__(self, part: LabelledVectors, *, n_labels: int, classifier: LinearClassifier | None = None) -> None:
        self._part = part
        self._n_labels = n_labels
        self._kept = classifier

    @cached_property
    def classifier(self) -> LinearClassifier:
        """The linear function of each label."""
        if not len(self._part):
            weight = np.zeros((self._n_labels, self._part.features.shape[1]), dtype=np.float32)
            return LinearClassifier(weight, np.full(self._n_labels, -np.inf, dtype=np.float32))
        return self._kept or self._fitted.classifier

    @cached_property
    def units(self) -> LabelledUnits:
        """The examples that it is fitted to."""
        return LabelledUnits.of(self._part, n_labels=self._n_labels)

    def scores(self, features: Float32Array) -> Float32Array:
        """Score labels ``[shape=(n, n_labels)]`` for features of unit length; -inf for labels without examples."""
        return self.classifier.scores(features)

    def left_out(self, units: Int64Array) -> Float32Array:
        """Score labels ``[shape=(len(units), n_labels)]`` for examples as if neither they nor copies were any."""
        return self._fitted.left_out(units)

    def unseen(self, units: Int64Array) -> Float32Array:
        """Score labels ``[shape=(len(units), n_labels)]`` for examples as if nothing had any label of theirs."""
        return self._fitted.unseen(units)

    def of_own(self, own: Int64Array, *, copies: bool) -> tuple[Int64Array, Float32Array]:
        """Score queries that are examples themselves, as if they were none.

        Parameters
        ----------
        own : np.ndarray [shape=(n,), int64]
            What each query is: an item's id, or with `copies` a number as in `LabelledVectors.contents`.
        copies : bool

        Returns
        -------
        queries : np.ndarray [shape=(m,), int64]
            Places of those among `own` that are examples, ascending.
        scores : np.ndarray [shape=(m, n_labels), float32]
        """
        votes_of_own = self._part.votes_by_content if copies else self._part.votes_by_item
        queries = np.unique(votes_of_own.cast_by(own)[0])
        if not len(queries):
            return queries, np.zeros((0, self._n_labels), dtype=np.float32)
        by_own = SortedVotes.of(self.units.contents if copies else self.units.items)
        rows, units = by_own.cast_by(own[queries])
        firsts = np.flatnonzero(np.diff(rows, prepend=-1))
        scores = np.add.reduceat(self.left_out(units), firsts, axis=0) / np.bincount(rows)[:, None]
        return queries, scores.astype(np.float32)

    @cached_property
    def _fitted(self) -> LeastSquares:
        everything = np.arange(len(self.units))
        _, groups = np.unique(self.units.contents, return_inverse=True)
        # On one thread, so that what is learnt is the same to the last bit wherever it is.
        with one_thread_a_product():
            return LeastSquares(self.units.mean_features(self._part), self.units.holds(everything), groups.reshape(-1))


def linear_evidence(
    labelled: LabelledSet, *, kept: Mapping[Modality, LinearClassifier] | None = None
) -> dict[Modality, LinearEvidence]:
    """Let features of each modality speak, by classifiers that are `kept` from before or fitted when they are asked."""
    return {
        modality: LinearEvidence(
            labelled.by_modality[modality],
            n_labels=len(labelled.names),
            classifier=None if kept is None else kept[modality],
        )
        for modality in MODALITIES
    }
