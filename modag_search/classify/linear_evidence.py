"""What features alone say of labels, by a linear function that was fitted to the labelled items of one modality."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modag_search.classify.arithmetic.least_squares import LeastSquares, LinearClassifier
from modag_search.classify.labelled_set import SortedVotes
from modag_search.classify.labelled_units import LabelledUnits
from modag_search.features.ahead import one_thread_a_product
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modag_search.classify.arithmetic.logistic import BoolArray
    from modag_search.classify.labelled_set import LabelledSet, LabelledVectors
    from modag_search.values import Float32Array, Int64Array, Modality


class LinearEvidence:
    """Tells labels by features of one modality.

    Parameters
    ----------
    part : LabelledVectors
        Of the modality.
    leading : np.ndarray [shape=(n_labels,), bool]
        Labels that answers are chosen from; nothing is said of the others, nor learnt from what has these alone.
    classifier : LinearClassifier, optional
        That was fitted to the same labelled vectors before; otherwise it is fitted when it is first asked.
    """

    def __init__(
        self, part: LabelledVectors, *, leading: BoolArray, classifier: LinearClassifier | None = None
    ) -> None:
        self._part = part
        self._leading = leading
        self._n_labels = len(leading)
        self._kept = classifier
        self._fitting = threading.Lock()
        self._fit: _Fit | None = None

    @cached_property
    def classifier(self) -> LinearClassifier:
        """The linear function of each label."""
        if self._kept:
            return self._kept
        weight = np.zeros((self._n_labels, self._part.features.shape[1]), dtype=np.float32)
        bias = np.full(self._n_labels, -np.inf, dtype=np.float32)
        if len(self._taught):
            fitted = self._fitted.to_contents.classifier
            weight[self._leading], bias[self._leading] = fitted.weight, fitted.bias
        return LinearClassifier(weight, bias)

    @cached_property
    def units(self) -> LabelledUnits:
        """The examples that it is fitted to."""
        return LabelledUnits.of(self._part, n_labels=self._n_labels)

    def scores(self, features: Float32Array) -> Float32Array:
        """Score labels ``[shape=(n, n_labels)]`` for features of unit length; -inf for labels without examples."""
        return self.classifier.scores(features)

    def left_out(self, units: Int64Array) -> Float32Array:
        """Score labels ``[shape=(len(units), n_labels)]`` for examples as if neither they nor copies were any."""
        return self._without(units, lambda fitted, rows: fitted.left_out(rows))

    def unseen(self, units: Int64Array) -> Float32Array:
        """Score labels ``[shape=(len(units), n_labels)]`` for examples as if nothing had any label of theirs."""
        return self._without(units, lambda fitted, rows: fitted.unseen(rows))

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

    def _without(self, units: Int64Array, score: Callable[[LeastSquares, Int64Array], Float32Array]) -> Float32Array:
        """Score examples as if something were none; what taught nothing is asked as anything else is."""
        scores = np.full((len(units), self._n_labels), -np.inf, dtype=np.float32)
        is_taught = np.isin(units, self._taught)
        if is_taught.any():
            rows = self._fitted.rows[np.searchsorted(self._taught, units[is_taught])]
            scores[np.ix_(is_taught, self._leading)] = score(self._fitted.to_contents, rows)
        if not is_taught.all():
            scores[~is_taught] = self.scores(self.units.mean_features(self._part)[units[~is_taught]])
        return scores

    @cached_property
    def _taught(self) -> Int64Array:
        """The examples that have a leading label, ascending."""
        return np.flatnonzero(self.units.holds(np.arange(len(self.units)))[:, self._leading].any(axis=1))

    @property
    def _fitted(self) -> _Fit:
        """The fit, made by the thread that asks first: it takes time and memory."""
        with self._fitting:
            if self._fit is None:
                self._fit = self._fit_to_contents()
            return self._fit

    def _fit_to_contents(self) -> _Fit:
        """Fit to one of the copies of each content that have the same labels: the others say nothing else."""
        units, taught = self.units, self._taught
        contents = np.ascontiguousarray(units.contents[taught])[:, None].view(np.uint8)
        keys = np.concatenate([contents.reshape(len(taught), -1), units.packed[taught]], axis=1)
        _, firsts, rows = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        examples = taught[firsts]
        _, groups = np.unique(units.contents[examples], return_inverse=True)
        holds = units.holds(examples)[:, self._leading]
        # On one thread, so that what is learnt is the same to the last bit wherever it is.
        with one_thread_a_product():
            fitted = LeastSquares(units.mean_features(self._part)[examples], holds, groups.reshape(-1))
        return _Fit(fitted, rows.reshape(-1))


class _Fit(NamedTuple):
    """A fit to contents, and the row of each labelled item in it, ``[shape=(n_taught,)]``."""

    to_contents: LeastSquares
    rows: Int64Array


def linear_evidence(
    labelled: LabelledSet, *, kept: Mapping[Modality, LinearClassifier] | None = None
) -> dict[Modality, LinearEvidence]:
    """Let features of each modality speak, by classifiers that are `kept` from before or fitted when they are asked."""
    return {
        modality: LinearEvidence(
            labelled.by_modality[modality],
            leading=np.array(labelled.rivalry.leading(labelled.names), dtype=bool),
            classifier=None if kept is None else kept[modality],
        )
        for modality in MODALITIES
    }
