"""Labels that hold for what has them, and for copies of it, whatever neighbours say.

Neighbours are asked without an item's own labels, and may name it, or a copy of it, otherwise. What a person said of a
content holds for every copy of it.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.labelled_wholes import LabelledWholes
from modag_search.classify.originals import Originals
from modag_search.rivalry import ALONE
from modag_search.values import CopyOf

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import FloatArray
    from modag_search.classify.classifiers import Classifier
    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.classify.queries import QueryBatch


class GivenLabels:
    """What people and files said of items as wholes, by content, at one moment of an index.

    Parameters
    ----------
    catalog : Catalog
    labelled : LabelledSet
        Of the same moment.

    Attributes
    ----------
    items_of : Mapping of str to list of int
        Ids of the items of which anything was said, by content.
    """

    def __init__(self, catalog: Catalog, labelled: LabelledSet) -> None:
        self._catalog = catalog
        self._labelled = labelled
        self._said: Mapping[int, Mapping[str, bool]] = catalog.labels.given_to_wholes()
        self.items_of: dict[str, list[int]] = {}
        for item, content in catalog.items.content_hashes(self._said).items():
            self.items_of.setdefault(content, []).append(item)

    @cached_property
    def wholes(self) -> LabelledWholes:
        """The items with labels that hold, to be compared by features."""
        chosen = [item for item, labels in self._said.items() if any(labels.values())]
        return LabelledWholes(self._catalog, self._labelled, chosen)

    def of(self, items: Iterable[int]) -> set[str]:
        """Return the labels that were given to any of some items, and denied of none."""
        said = [label for item in items for label in self._said.get(item, {}).items()]
        return {name for name, holds in said if holds} - {name for name, holds in said if not holds}


class CopyJudge:
    """Settles how likely labels are for copies of labelled items, in one call to name many.

    Parameters
    ----------
    catalog : Catalog
    given : GivenLabels
    classifier : Classifier
        Whose answers are settled.
    """

    def __init__(self, catalog: Catalog, given: GivenLabels, classifier: Classifier) -> None:
        self._catalog = catalog
        self._given = given
        self._originals = Originals(catalog, given.items_of, lambda: given.wholes)
        self._hierarchy = classifier.hierarchy
        self._groups = classifier.groups
        self._number = {name: number for number, name in enumerate(classifier.names)}

    def settled(self, batch: QueryBatch, probabilities: FloatArray) -> tuple[FloatArray, dict[int, CopyOf]]:
        """Give queries that are labelled, or are copies of what is, the labels that were given.

        An item's own labels come before those of its copies. Of labels that exclude each other, and that copies have,
        none decides.

        Parameters
        ----------
        batch : QueryBatch
        probabilities : np.ndarray [shape=(n, n_labels), float64]

        Returns
        -------
        probabilities : np.ndarray [shape=(n, n_labels), float64]
        copies : dict of int to CopyOf
            What decided which of the labels it is that answers are chosen from, by place of the query.
        """
        if not self._given.items_of:
            return probabilities, {}
        originals = self._originals.by_content(batch)
        originals |= self._originals.by_features(batch, [n for n in range(len(batch)) if n not in originals])
        paths = self._catalog.items.paths({item for original in originals.values() for item in original.items})
        settled, copies = probabilities.copy(), {}
        for place, original in originals.items():
            own = [item for item in original.items if item == batch.items[place] and place not in batch.facts]
            numbers = self._numbers(self._given.of(own)) or self._numbers(self._given.of(original.items))
            told = next((item for item in original.items if self._given.of([item])), None)
            if numbers and told in paths:
                excluded = np.isin(self._groups.numbers, self._groups.numbers[numbers]) & (
                    self._groups.numbers != ALONE
                )
                settled[place, excluded] = 0.0
                settled[place, numbers] = 1.0
                if self._groups.leading[numbers].any():
                    copies[place] = CopyOf(id=told, path=paths[told], confirmed_by=original.confirmed_by)
        return settled, copies

    def _numbers(self, labels: Iterable[str]) -> list[int]:
        """Return the numbers of labels, or of the lowest that they are kinds of; none of those that exclude others."""
        named = set()
        for label in labels:
            above = sorted(self._hierarchy.ancestors(label), key=lambda one: (-self._hierarchy.level(one), one))
            named |= set([name for name in (label, *above) if name in self._number][:1])
        numbers = [self._number[name] for name in sorted(self._hierarchy.most_specific(named))]
        of_groups = Counter(self._groups.numbers[numbers].tolist())
        return [
            number for number in numbers if (group := self._groups.numbers[number]) == ALONE or of_groups[group] == 1
        ]
