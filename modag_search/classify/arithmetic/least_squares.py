"""A linear classifier of features that knows what it would say of each example had it never seen it.

A shared space keeps what sounds and pictures have in common; what tells things of one modality apart may be in the
features alone. So labels are told by a linear function of features, too: a ridge regression onto the labels, one
against the rest, in which labels weigh alike however many examples they have. Its solution comes from one
decomposition, and from that, in closed form, the solution for each strength of the ridge and for each example left out,
whole groups of them as well: an item with its copies, or all that has a label.

References
----------
Rifkin, Lippert, "Notes on regularized least squares", MIT-CSAIL-TR-2007-025, 2007: the closed forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.logistic import softmax

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.values import Float32Array, Int64Array

_STRENGTHS = np.geomspace(1e-4, 1.0, 13)
_STRENGTH = 0.02
"""Where no example can be left out, to choose by."""
_SHARPNESSES = (2.0, 4.0, 8.0, 16.0, 32.0)
_ASKED = 1000
"""As many examples are left out to choose the strength, at the most."""
_SETS_UNSEEN = 32
_EXAMPLES_UNSEEN = 1500
"""As many sets of labels, and of as many examples each, are left out as a whole, at the most."""
_NEGLIGIBLE = 1e-7
_SINGULAR = 1e-6
"""What keeps the solution of a system defined that leaves all examples out."""
_LEAST_FREEDOM = 1e-5
"""An example says of itself what its residual is divided by: the less, the more the solution bends to it."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearClassifier:
    """A linear function a label.

    Attributes
    ----------
    weight : np.ndarray [shape=(n_labels, d), float32]
    bias : np.ndarray [shape=(n_labels,), float32]
        -inf for labels without examples.
    """

    weight: Float32Array
    bias: Float32Array

    def scores(self, features: Float32Array) -> Float32Array:
        """Score labels ``[shape=(n, n_labels)]`` for features ``[shape=(n, d)]``, 0 for what tells nothing of them."""
        scores: Float32Array = features @ self.weight.T
        scores += self.bias
        return scores


class LeastSquares:
    """A linear classifier fitted to examples.

    Parameters
    ----------
    features : np.ndarray [shape=(n, d), float32]
        Of one example at least.
    holds : np.ndarray [shape=(n, n_labels), bool]
        The labels of each, one at least.
    groups : np.ndarray [shape=(n,), int64]
        The same number for what is left out together.

    Attributes
    ----------
    classifier : LinearClassifier
    """

    def __init__(self, features: Float32Array, holds: BoolArray, groups: Int64Array) -> None:
        self._holds = holds
        self._groups = groups
        self._roots = np.sqrt(_balanced_weights(holds, groups))[:, None].astype(np.float32)
        centre = (self._roots**2 * features).sum(axis=0)
        # What holds for all tells nothing apart: each label is measured from how often it holds.
        self._targets = (holds - (self._roots**2 * holds).sum(axis=0)).astype(np.float32)
        centred = self._roots * (features - centre)
        self._wanted = self._roots * self._targets
        self._variances, self._axes, directions = _decomposed(centred)
        self._along_axes = self._axes.T @ self._wanted
        self._strength = self._chosen_strength()
        solved = (np.sqrt(self._variances) / (self._variances + self._ridge(self._strength)))[:, None]
        weight = (directions @ (solved * self._along_axes)).T.astype(np.float32)
        bias = np.where(holds.any(axis=0), -weight @ centre, -np.inf).astype(np.float32)
        self.classifier = LinearClassifier(np.ascontiguousarray(weight), bias)

    def left_out(self, rows: Int64Array) -> Float32Array:
        """Score labels ``[shape=(len(rows), n_labels)]`` for examples as if neither they nor their group were any."""
        return self._left_out(rows, self._strength)

    def unseen(self, rows: Int64Array) -> Float32Array:
        """Score labels ``[shape=(len(rows), n_labels)]`` for examples as if nothing had any label of theirs.

        What is said for these labels themselves means nothing then. Where that would cost much, the example alone is
        left out.
        """
        scores = self._left_out(rows, self._strength)
        sets, number = np.unique(np.packbits(self._holds[rows], axis=1), axis=0, return_inverse=True)
        drawn = np.random.default_rng(0).permutation(len(sets))[:_SETS_UNSEEN]
        for one in drawn.tolist():
            asked = np.flatnonzero(number.reshape(-1) == one)
            members = np.flatnonzero((self._holds & self._holds[rows[asked[0]]]).any(axis=1))
            if len(members) <= _EXAMPLES_UNSEEN:
                without = self._without(members, self._strength)
                scores[asked] = without[np.searchsorted(members, rows[asked])]
        return scores

    def _ridge(self, strength: float) -> float:
        return strength * max(float(self._variances.sum()), 1e-12)

    def _left_out(self, rows: Int64Array, strength: float) -> Float32Array:
        groups = self._groups[rows]
        sizes = np.bincount(self._groups)
        scores = np.empty((len(rows), self._holds.shape[1]), dtype=np.float32)
        alone = np.flatnonzero(sizes[groups] == 1)
        residuals, kept = self._residuals(rows[alone], strength), self._kept(strength)
        freedom = 1 - (self._axes[rows[alone]] ** 2 @ kept)[:, None] - self._roots[rows[alone]] ** 2
        raised = residuals / np.maximum(freedom, _LEAST_FREEDOM) / self._roots[rows[alone]]
        scores[alone] = self._targets[rows[alone]] - raised
        together = np.flatnonzero(sizes[groups] > 1)
        order = together[np.argsort(groups[together], kind="stable")]
        for asked, members in self._of_groups(order, groups):
            scores[asked] = self._without(members, strength)[np.searchsorted(members, rows[asked])]
        return scores

    def _of_groups(self, order: Int64Array, groups: Int64Array) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Return the places of those asked, and all examples, of each group."""
        by_group = np.argsort(self._groups, kind="stable")
        sorted_groups = self._groups[by_group]
        for asked in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
            if len(asked):
                first, stop = np.searchsorted(sorted_groups, groups[asked[0]] + np.arange(2))
                yield asked, np.sort(by_group[first:stop])

    def _without(self, members: Int64Array, strength: float) -> Float32Array:
        """Score examples by what a fit to all others would be: the block form of the formula for one left out."""
        # In double precision: where few examples are left, little freedom is, and rounding would count.
        axes, roots = self._axes[members].astype(np.float64), self._roots[members].astype(np.float64)
        hat = (axes * self._kept(strength)) @ axes.T + roots @ roots.T
        freedom = (1 + _SINGULAR) * np.eye(len(members)) - hat
        raised = np.linalg.solve(freedom, self._residuals(members, strength))
        scores: Float32Array = (self._targets[members] - raised / roots).astype(np.float32)
        return scores

    def _residuals(self, rows: Int64Array, strength: float) -> Float32Array:
        fitted = self._axes[rows] @ (self._kept(strength)[:, None] * self._along_axes)
        residuals: Float32Array = self._wanted[rows] - fitted
        return residuals

    def _kept(self, strength: float) -> Float32Array:
        """Part of each direction that the ridge leaves of the solution ``[shape=(rank,)]``."""
        kept: Float32Array = (self._variances / (self._variances + self._ridge(strength))).astype(np.float32)
        return kept

    def _chosen_strength(self) -> float:
        """Choose by the log-loss of examples left out, at the sharpness that is best for each strength."""
        keys = np.column_stack([self._groups[:, None].view(np.uint8), np.packbits(self._holds, axis=1)])
        _, distinct = np.unique(keys, axis=0, return_index=True)
        has_others = self._holds @ (self._holds[distinct].sum(axis=0) > 1)
        rows = np.sort(np.random.default_rng(0).permutation(distinct[has_others[distinct]])[:_ASKED])
        if not len(rows) or self._holds.shape[1] < 2:
            return _STRENGTH
        losses = [_log_loss(self._left_out(rows, strength), self._holds[rows]) for strength in _STRENGTHS.tolist()]
        return float(_STRENGTHS[int(np.argmin(losses))])


def _balanced_weights(holds: BoolArray, groups: Int64Array) -> FloatArray:
    """Weigh examples ``[shape=(n,)]`` so that labels weigh alike, and so do the groups that have a label."""
    rows, labels = np.nonzero(holds)
    pairs, number, sizes = np.unique(np.stack([labels, groups[rows]]), axis=1, return_inverse=True, return_counts=True)
    n_groups = np.bincount(pairs[0], minlength=holds.shape[1])
    shares = 1.0 / (n_groups[labels] * sizes[number.reshape(-1)])
    weights: FloatArray = np.bincount(rows, weights=shares / shares.sum(), minlength=len(holds)).astype(np.float64)
    return weights


def _decomposed(rows: Float32Array) -> tuple[FloatArray, Float32Array, Float32Array]:
    """Decompose rows ``[shape=(n, d)]`` into singular vectors, by the smaller of the two products with themselves.

    Returns
    -------
    variances : np.ndarray [shape=(rank,), float64]
        Squares of the singular values.
    left : np.ndarray [shape=(n, rank), float32]
    right : np.ndarray [shape=(d, rank), float32]
    """
    is_wide = len(rows) <= rows.shape[1]
    product = rows @ rows.T if is_wide else rows.T @ rows
    variances, vectors = np.linalg.eigh(product.astype(np.float64))
    chosen = variances > _NEGLIGIBLE * max(float(variances[-1]), 1e-12)
    variances, vectors = variances[chosen], vectors[:, chosen].astype(np.float32)
    others = ((rows.T if is_wide else rows) @ vectors) / np.sqrt(variances).astype(np.float32)
    return (variances, vectors, others) if is_wide else (variances, others, vectors)


def _log_loss(scores: Float32Array, holds: BoolArray) -> float:
    """Mean log-loss of each label that holds among those that do not, at the best of some sharpnesses."""
    queries, right = np.nonzero(holds)
    rivals = ~holds[queries]
    rivals[np.arange(len(right)), right] = True
    offered = np.where(rivals, scores[queries].astype(np.float64), -np.inf)
    rows = np.arange(len(right))
    return min(
        float(-np.log(np.maximum(softmax(sharpness * offered)[rows, right], 1e-300)).mean())
        for sharpness in _SHARPNESSES
    )
