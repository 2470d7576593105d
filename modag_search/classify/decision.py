"""From how likely labels are to an answer: on which level of the hierarchy, and whether it is sure enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from modag_search.classify.rivals import LabelGroups
from modag_search.errors import NothingFoundError, UsageError
from modag_search.rivalry import ALONE
from modag_search.spelling import did_you_mean
from modag_search.values import LabelScore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.classifiers import Classifier

Level = int | Literal["deepest"] | None
"""On which level of the hierarchy to answer: a number, from 0 at the top; ``deepest``, the lowest that is sure enough;
None, as labels were given."""

_SURE_ENOUGH = 0.5
"""How likely a kind must be, for an answer to go down to it, where nothing else is asked for."""


class Decision:
    """Makes answers of how likely labels are.

    Parameters
    ----------
    classifier : Classifier
        That tells how likely they are.
    level : int, "deepest" or None
    min_confidence : float
        Below it, the answer is unknown.

    Attributes
    ----------
    names : tuple of str
        What may be answered on the level.
    """

    def __init__(self, classifier: Classifier, *, level: Level, min_confidence: float) -> None:
        self._min_confidence = min_confidence
        self._least_on_the_way = min_confidence or _SURE_ENOUGH
        self._hierarchy = classifier.hierarchy
        self._deepest = level == "deepest"
        self.names, self._stands_for = _on_level(classifier, level)
        self._groups = _groups_on_level(classifier.groups, self._stands_for)
        self._of_labels = classifier.groups
        self._by_name = np.array(sorted(range(len(self.names)), key=self.names.__getitem__), dtype=np.int64)
        self._levels = np.array([self._hierarchy.level(name) for name in self.names])
        self._kinds_of: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            for parent in self._hierarchy.parents.get(name, ()):
                self._kinds_of.setdefault(parent, []).append(place)

    def scores(self, probabilities: FloatArray) -> FloatArray:
        """Carry probabilities to the level.

        Where its kinds exclude each other, a label is as likely as they are together; otherwise as the likeliest.

        Parameters
        ----------
        probabilities : np.ndarray [shape=(n, n_labels), float64]

        Returns
        -------
        np.ndarray [shape=(n, n_names), float64]
        """
        if self._stands_for is None:
            return np.minimum(probabilities, 1.0)
        scores: FloatArray = np.stack(
            [self._of_labels.together(probabilities, own) for own in self._stands_for], axis=1
        )
        return scores

    def best(self, scores: FloatArray) -> list[tuple[str | None, float]]:
        """Choose the label of each query, and say how likely it is.

        Labels that stand beside those that answers are chosen from are no choice: `favourite` is no answer to what a
        photograph shows.

        Parameters
        ----------
        scores : np.ndarray [shape=(n, n_names), float64]

        Returns
        -------
        list of (str or None, float), length n
            None where the likeliest label is too unlikely; with a confidence of 0 where nothing could be said.
        """
        return [
            (label if confidence >= self._min_confidence else None, confidence)
            for label, confidence in self.likeliest(scores)
        ]

    def likeliest(self, scores: FloatArray) -> list[tuple[str | None, float]]:
        """Return the label of each query as `best` does, however unlikely it is."""
        return self._likeliest_among(self._groups.leading, scores)

    def sure(self, scores: FloatArray) -> list[list[tuple[str, float]]]:
        """Choose the labels that each query is to get, with how likely they are.

        Of labels that exclude each other that is the best, if it is sure enough; of others all that are, but for those
        that others among them are kinds of.

        Parameters
        ----------
        scores : np.ndarray [shape=(n, n_names), float64]

        Returns
        -------
        list of list of (str, float), length n
        """
        alone = self._groups.numbers == ALONE
        sure = [self._all_sure(row) for row in np.where(alone, scores, 0.0)]
        for _, places in self._groups:
            of_group = np.isin(np.arange(len(self.names)), places)
            for labels, (label, confidence) in zip(sure, self._likeliest_among(of_group, scores), strict=True):
                if label is not None and confidence >= self._min_confidence:
                    labels.append((label, confidence))
        return [self._most_specific(labels) for labels in sure]

    def _likeliest_among(self, chosen: BoolArray, scores: FloatArray) -> list[tuple[str | None, float]]:
        """Choose as `likeliest` does among some of the names."""
        allowed = np.where(chosen, scores, 0.0)
        # Rounded, so that equally likely labels go by their names, and not by the last bit of a sum.
        places = [self._deepest_of(row) for row in allowed] if self._deepest else np.round(allowed, 6).argmax(axis=1)
        confidences = allowed[np.arange(len(allowed)), places].tolist()
        return [
            (self.names[place], confidence) if confidence > 0 else (None, 0.0)
            for place, confidence in zip(places, confidences, strict=True)
        ]

    def _most_specific(self, labels: list[tuple[str, float]]) -> list[tuple[str, float]]:
        if len(labels) < 2:
            return labels
        kept = self._hierarchy.most_specific(label for label, _ in labels)
        return sorted((label, confidence) for label, confidence in labels if label in kept)

    def _all_sure(self, scores: FloatArray) -> list[tuple[str, float]]:
        enough = np.flatnonzero((scores >= self._min_confidence) & (scores > 0)).tolist()
        return [(self.names[place], float(scores[place])) for place in enough]

    def _deepest_of(self, scores: FloatArray) -> int:
        """Go down from the likeliest label at the top to the likeliest kind of it, as long as that is sure enough."""
        rounded = np.round(scores, 6)
        place = int(np.where(self._levels == 0, rounded, -1.0).argmax())
        while True:
            kinds = self._kinds_of.get(self.names[place], ())
            sure = [kind for kind in kinds if scores[kind] >= self._least_on_the_way]
            if not sure:
                return place
            place = max(sure, key=lambda kind: float(rounded[kind]))

    def listed(self, scores: FloatArray) -> Iterator[tuple[LabelScore, ...]]:
        """List, for each query, the labels that are possible at all.

        Parameters
        ----------
        scores : np.ndarray [shape=(n, n_names), float64]

        Yields
        ------
        tuple of LabelScore
            The likeliest first; of equally likely ones, by name.
        """
        by_name = scores[:, self._by_name]
        order = np.argsort(-by_name, axis=1, kind="stable")
        ranked = np.take_along_axis(by_name, order, axis=1)
        labels = np.array(self.names, dtype=object)[self._by_name[order]]
        n_possible = np.count_nonzero(ranked > 0, axis=1)
        for names, likely, n in zip(labels.tolist(), ranked.tolist(), n_possible.tolist(), strict=True):
            yield tuple(map(LabelScore, names[:n], likely[:n]))


def likelihood_of(classifier: Classifier, label: str) -> Callable[[FloatArray], FloatArray]:
    """Return what tells how likely a label, or any that is a kind of it, holds.

    Parameters
    ----------
    classifier : Classifier
    label : str

    Returns
    -------
    callable
        Of probabilities ``[shape=(n, n_labels), float64]`` it makes ``[shape=(n,), float64]``: of a label and its kinds
        together where labels exclude each other, otherwise of the likeliest of them.

    Raises
    ------
    NothingFoundError
        If none of them can be an answer.
    """
    own = classifier.hierarchy.with_descendants(label)
    chosen = np.array([name in own for name in classifier.names], dtype=bool)
    if not chosen.any():
        raise NothingFoundError(
            f"{label}: no item was given this label; `modag label PATH... --as NAME` gives one, `modag label add NAME` "
            f"lets the name count alone{did_you_mean(label, classifier.names)}"
        )
    return lambda probabilities: classifier.groups.together(probabilities, chosen)


def _on_level(classifier: Classifier, level: Level) -> tuple[tuple[str, ...], BoolArray | None]:
    """Return what may be answered on a level, and which labels each stands for, ``[shape=(n_names, n_labels)]``.

    None for the latter where each label stands for itself.

    Raises
    ------
    UsageError
        If no label is so low.
    """
    hierarchy = classifier.hierarchy
    if isinstance(level, int) and not hierarchy:
        raise UsageError(
            f"level {level}: no label of this index is a kind of another; `modag label hierarchy` makes some so"
        )
    if isinstance(level, int) and level > hierarchy.depth:
        raise UsageError(f"level {level}: labels of this index are on levels 0 to {hierarchy.depth}")
    if level is None or not hierarchy:
        return classifier.names, None
    called = [
        {name, *hierarchy.ancestors(name)} if level == "deepest" else hierarchy.at_level(name, level)
        for name in classifier.names
    ]
    names = tuple(sorted(set().union(*called)))
    return names, np.array([[name in labels for labels in called] for name in names], dtype=bool)


def _groups_on_level(groups: LabelGroups, stands_for: BoolArray | None) -> LabelGroups:
    """Return which names on a level exclude each other: those whose labels do."""
    if stands_for is None:
        return groups
    numbers = [groups.numbers[own] for own in stands_for]
    of_names = np.array([min((own[own != ALONE]).tolist(), default=ALONE) for own in numbers], dtype=np.int64)
    leading = np.array([groups.leading[own].any() for own in stands_for], dtype=bool)
    return LabelGroups(of_names, leading, groups.rivalry)
