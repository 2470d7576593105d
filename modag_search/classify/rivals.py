"""Labels by number, and which of them exclude each other: how what is said of each becomes a probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.rivalry import ALONE, Rivalry
from modag_search.values import Int64Array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray

Judge = Callable[[Int64Array], "FloatArray"]
"""Given some labels, returns how likely each is."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelGroups:
    """Which labels exclude each other.

    Attributes
    ----------
    numbers : np.ndarray [shape=(n_labels,), int64]
        Of the group of each label; labels of one group exclude each other, but for `rivalry.ALONE`.
    leading : np.ndarray [shape=(n_labels,), bool]
        Labels that one answer is chosen from.
    rivalry : Rivalry
    """

    numbers: Int64Array
    leading: BoolArray
    rivalry: Rivalry

    @classmethod
    def of(cls, rivalry: Rivalry, names: Sequence[str]) -> LabelGroups:
        """Look up the groups of labels, and number them."""
        numbers = np.array(rivalry.groups_of(names), dtype=np.int64)
        return cls(numbers, np.array(rivalry.leading(names), dtype=bool), rivalry)

    @property
    def are_rivals(self) -> bool:
        """Whether the labels that one answer is chosen from exclude each other."""
        return self.rivalry.rest_exclude and self.rivalry.rest_leads

    def together(self, probabilities: FloatArray, labels: BoolArray) -> FloatArray:
        """Tell how likely any of some labels is ``[shape=(n,)]``.

        Those that exclude each other are as likely as all of them together; others as the likeliest of them.
        """
        alone = probabilities[:, labels & (self.numbers == ALONE)].max(axis=1, initial=0.0)
        for _, group in self:
            alone = np.maximum(alone, probabilities[:, group[labels[group]]].sum(axis=1))
        likely: FloatArray = np.minimum(alone, 1.0)
        return likely

    def __iter__(self) -> Iterator[tuple[int, Int64Array]]:
        """Iterate over groups of labels that exclude each other: its number, and its labels, ascending."""
        for number in np.unique(self.numbers[self.numbers != ALONE]).tolist():
            yield number, np.flatnonzero(self.numbers == number)

    def probabilities(self, *, among: Judge, alone: Callable[[], FloatArray]) -> FloatArray:
        """Judge labels that answers are chosen from among their rivals, and the others each for itself.

        Parameters
        ----------
        among : callable
            Given labels, returns how likely each is of these ``[shape=(n, n_given)]``.
        alone : callable
            Returns how likely each label is for itself ``[shape=(n, n_labels)]``.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float64]
            Those of labels that exclude each other add up to 1, or to less.
        """
        every = np.arange(len(self.numbers))
        if len(every) and (self.numbers == 0).all() and self.are_rivals:
            return among(every)
        judged = alone()
        for number, labels in self:
            if number == 0 and self.are_rivals:
                judged[:, labels] = among(labels)
            else:
                judged[:, labels] /= np.maximum(judged[:, labels].sum(axis=1, keepdims=True), 1.0)
        return judged

    def highest_of_rivals(self, probabilities: FloatArray) -> tuple[FloatArray, Int64Array]:
        """Find, for each label, the likeliest of its rivals, itself among them.

        Labels that exclude no other are compared with all.

        Returns
        -------
        highest : np.ndarray [shape=(n, n_labels), float64]
        labels : np.ndarray [shape=(n, n_labels), int64]
            Which that is.
        """
        highest, labels = np.zeros_like(probabilities), np.zeros(probabilities.shape, dtype=np.int64)
        for number in np.unique(self.numbers).tolist():
            own = np.flatnonzero(self.numbers == number)
            rivals = np.arange(len(self.numbers)) if number == ALONE else own
            best = rivals[probabilities[:, rivals].argmax(axis=1)]
            highest[:, own] = probabilities[np.arange(len(best)), best][:, None]
            labels[:, own] = best[:, None]
        return highest, labels
