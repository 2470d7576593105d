"""How many items of an index are something: those that have the label, and an estimate of the others.

The estimate goes by how likely the label is for each item, and by what people answered in checks about items that were
drawn at random. Labels that were given to teach are no such sample: they count, and say nothing of the rest.
"""

from __future__ import annotations

from functools import cached_property
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.classifiers import answer_all
from modag_search.classify.decision import likelihood_of
from modag_search.classify.queries import unread_batches
from modag_search.curate.checking import VERB, Check
from modag_search.errors import NothingFoundError
from modag_search.metrics.counts import CountEstimate
from modag_search.values import LabelEstimate, Question

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from modag_search.catalog import Annotation, Catalog
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.features.vectors import SegmentVectors
    from modag_search.values import Int64Array

_LIKELIEST_FROM = 0.5
"""What is as likely as that is likelier than any label that excludes it."""


class LabelCounter:
    """Counts the items that are something, at one moment of an index.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    classifier : NeighbourClassifier
    label : str

    Raises
    ------
    NothingFoundError
        If nothing has the label, and it was not added.
    """

    def __init__(
        self, catalog: Catalog, vectors: SegmentVectors, classifier: NeighbourClassifier, *, label: str
    ) -> None:
        self._catalog = catalog
        self._label = label
        self._rivalry = classifier.neighbours.labelled.rivalry
        self._names = catalog.hierarchy.get().with_descendants(label)
        self._above = catalog.hierarchy.get().ancestors(label)
        likelihood = likelihood_of(classifier, label)
        # What was answered with no is judged as the others are, and not by that answer.
        judging = classifier.without_denials()
        self._there = {item_id: path for item_id, path, _ in catalog.items.found()}
        asked = [
            (item_id, path)
            for item_id, path in self._there.items()
            if item_id in self._answers or item_id not in self._decided
        ]
        paths: list[str] = []
        parts, ids = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
        for batch, answers in answer_all(judging, unread_batches(catalog, vectors, asked)):
            parts.append(likelihood(answers.probabilities))
            ids.append(batch.items)
            paths += batch.paths
        self._likely = np.concatenate(parts)
        self._items: Int64Array = np.concatenate(ids)
        self._paths = paths
        self._n_unheard = len(asked) - len(paths)

    def estimate(self) -> LabelEstimate:
        """Say how many there are."""
        count = self._count_of_rest
        found = count.interval()
        labelled = len(self._labelled)
        return LabelEstimate(
            label=self._label,
            count=labelled + round(found.estimate),
            low=labelled + floor(found.low),
            high=labelled + ceil(found.high),
            labelled=labelled,
            undecided=int(self._is_open.sum()),
            unheard=self._n_unheard,
            answers=int((~self._is_open).sum()),
            to_halve=count.answers_to_halve() if found.high - found.low > 1 else None,
        )

    def check(self, n: int, *, seed: int) -> Check:
        """Draw questions whose answers tell most of how many there are.

        Raises
        ------
        NothingFoundError
            If there is no item to ask about.
        """
        random = np.random.default_rng(seed)
        open_ones = np.flatnonzero(self._is_open)
        bands = self._count_of_rest.of_things
        chosen = [
            random.choice(open_ones[bands == band], size=size, replace=False)
            for band, size in enumerate(self._count_of_rest.divided(n))
            if size
        ]
        if not chosen:
            raise NothingFoundError(f"{self._label}: of every item it is known whether it is that")
        questions = [
            Question(
                id=int(self._items[place]),
                path=self._paths[place],
                label=self._label,
                confidence=float(self._likely[place]),
            )
            for place in random.permutation(np.concatenate(chosen)).tolist()
        ]
        arguments = {"of": "count", "label": self._label, "questions": len(questions)}
        return Check(self._catalog, questions, arguments=arguments)

    @cached_property
    def _count_of_rest(self) -> CountEstimate:
        """Estimate the others, by how likely they are now and by how likely those are now that were answered.

        An item has no voice on itself, so that what was answered with yes, and has the label now, is judged as the
        others are: what labels have taught since changes both alike.
        """
        answers = np.array([self._answers[item] for item in self._items[~self._is_open].tolist()], dtype=bool)
        return CountEstimate.of(self._likely[self._is_open], self._likely[~self._is_open], answers)

    @cached_property
    def _is_open(self) -> np.ndarray:
        """Items of which nothing is known but how likely the label is ``[shape=(n,), bool]``."""
        return ~np.isin(self._items, list(self._answers))

    @cached_property
    def _given(self) -> dict[int, set[str]]:
        """Classes that people or files gave, by item."""
        given: dict[int, set[str]] = {}
        for annotation in self._said:
            if not annotation.is_not:
                given.setdefault(annotation.item_id, set()).add(annotation.label)
        return given

    @cached_property
    def _said(self) -> list[Annotation]:
        tags = self._catalog.labels.tags()
        said = self._catalog.labels.annotations(of_former=False)
        return [one for one in said if one.origin != "transfer" and one.label not in tags]

    @cached_property
    def _labelled(self) -> set[int]:
        return {item for item, labels in self._given.items() if labels & self._names}

    @cached_property
    def _decided(self) -> set[int]:
        """Items that have the label, or one that excludes it, or are said not to be it, as wholes.

        What the label is a kind of excludes it not.
        """
        others = {
            item
            for item, labels in self._given.items()
            if any(self._rivalry.exclude(one, self._label) for one in labels - self._above)
        }
        denied = {
            one.item_id
            for one in self._said
            if one.is_not and one.label in {self._label, *self._above} and (one.start_s, one.end_s) == (None, None)
        }
        return self._labelled | others | denied

    @cached_property
    def _answers(self) -> dict[int, bool]:
        """Answers of checks about the label, as long as what they said is there, and nothing else was said since."""
        said = {(one.run_id, one.item_id, not one.is_not) for one in self._said if one.label == self._label}
        found: dict[int, bool] = {}
        for run in self._catalog.runs.all():
            if run.verb == VERB and run.outcome is not None and self._tells(run.arguments):
                for one in run.outcome.get("answers", ()):
                    item, answer = one["item"], one["answer"]
                    is_there = item in self._there and (run.id, item, answer) in said
                    holds = is_there and (item in self._labelled) == answer
                    if one["label"] == self._label and holds and self._is_drawn_at_random(run.arguments, one):
                        found[item] = answer
        return found

    def _tells(self, asked: Mapping[str, Any]) -> bool:
        """Tell whether a check went by the likelihood that this goes by."""
        if asked["of"] == "count":
            return bool(asked["label"] == self._label)
        by_examples = asked["by"] == "knn" and asked["names"] is None and asked["level"] is None
        is_rival = self._rivalry.rest_leads and self._rivalry.groups_of([self._label]) == [0]
        return by_examples and is_rival and self._names == {self._label}

    def _is_drawn_at_random(self, asked: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
        """Tell whether all items as likely could have been drawn: transfers ask about the likeliest label alone."""
        return bool(asked["of"] == "count" or one["confidence"] >= _LIKELIEST_FROM)
