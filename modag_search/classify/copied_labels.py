"""Labels that hold for what has them, and for copies of it, whatever neighbours say.

Neighbours are asked without an item's own labels, and may name it, or a copy of it, otherwise. What a person said of a
content holds for every copy of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.denials import lowered, places_of_kinds
from modag_search.classify.labelled_wholes import LabelledWholes, stored_segments
from modag_search.classify.originals import Original, Originals
from modag_search.classify.queries import unread_batches
from modag_search.rivalry import ALONE
from modag_search.values import CopyOf

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.classifiers import Classifier
    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.classify.queries import QueryBatch
    from modag_search.features.vectors import SegmentVectors


class GivenLabels:
    """What people and files said of items as wholes, by content, at one moment of an index.

    Parameters
    ----------
    catalog : Catalog
    labelled : LabelledSet
        Of the same moment.
    vectors : SegmentVectors
        That it was made with.

    Attributes
    ----------
    items_of : Mapping of str to list of int
        Ids of the items of which anything was said, by content.
    content_of : Mapping of int to str
        Contents, by the ids of these items.
    """

    def __init__(self, catalog: Catalog, labelled: LabelledSet, vectors: SegmentVectors) -> None:
        self._catalog = catalog
        self._labelled = labelled
        self._vectors = vectors
        self._said: Mapping[int, Mapping[str, bool]] = catalog.labels.given_to_wholes()
        self.items_of: dict[str, list[int]] = {}
        self.content_of: Mapping[int, str] = catalog.items.content_hashes(self._said)
        for item, content in self.content_of.items():
            self.items_of.setdefault(content, []).append(item)

    @cached_property
    def wholes(self) -> LabelledWholes:
        """The items of which anything was said, to be compared by features."""
        named = {item for item, labels in self._said.items() if any(labels.values())}
        others = stored_segments(self._catalog, self._vectors, self._said.keys() - named)
        return LabelledWholes(self._catalog, self._labelled, named, others=others)

    def of(self, items: Iterable[int]) -> set[str]:
        """Return the labels that were given to any of some items, and denied of none."""
        said = [label for item in items for label in self._said.get(item, {}).items()]
        return {name for name, holds in said if holds} - {name for name, holds in said if not holds}

    def denied(self, items: Iterable[int]) -> set[str]:
        """Return the labels that were denied of any of some items."""
        return {name for item in items for name, holds in self._said.get(item, {}).items() if not holds}

    def copies_among(
        self, others: Sequence[tuple[int, str]], *, of: Collection[int], by_features: bool
    ) -> dict[int, Original]:
        """Find which items are copies of some, as copies of labelled ones are found; whatever is said of them.

        Parameters
        ----------
        others : sequence of (int, str)
            Ids and paths of the items that may be copies.
        of : collection of int
            Ids of those that they may be copies of.
        by_features : bool
            False for copies with the same content alone.

        Returns
        -------
        dict of int to Original
            By id; without what is a copy of none.
        """
        content_of = self._catalog.items.content_hashes(of)
        items_of: dict[str, list[int]] = {}
        for item, content in content_of.items():
            items_of.setdefault(content, []).append(item)
        parts = stored_segments(self._catalog, self._vectors, content_of)
        wholes = LabelledWholes(self._catalog, self._labelled, set(), others=parts)
        originals = Originals(self._catalog, items_of, content_of, lambda: wholes)
        found: dict[int, Original] = {}
        for unread in unread_batches(self._catalog, self._vectors, others) if content_of else ():
            batch = unread.read()
            copied = originals.by_content(batch)
            if by_features:
                copied |= originals.by_features(batch, [place for place in range(len(batch)) if place not in copied])
            found |= {int(batch.items[place]): original for place, original in copied.items()}
        return found

    @cached_property
    def all_denied(self) -> frozenset[str]:
        """The labels that were denied of any item."""
        return frozenset(self.denied(self._said))


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
        self._originals = Originals(catalog, given.items_of, given.content_of, lambda: given.wholes)
        self._hierarchy = classifier.hierarchy
        self._groups = classifier.groups
        self._number = {name: number for number, name in enumerate(classifier.names)}
        self._kinds = places_of_kinds(given.all_denied, classifier.names, self._hierarchy)

    def settled(self, batch: QueryBatch, probabilities: FloatArray) -> tuple[FloatArray, dict[int, CopyOf]]:
        """Give queries that are labelled, or are copies of what is, the labels that were given, and none denied.

        What was said of an item itself comes before what was said of its copies. Of labels that exclude each other, and
        that copies have, none decides.

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
        originals = self._originals_of(batch)
        paths = self._catalog.items.paths({item for original in originals.values() for item in original.items})
        settled, copies = probabilities.copy(), {}
        for place, original in originals.items():
            own = [item for item in original.items if item == batch.items[place] and place not in batch.facts]
            numbers, denied = self._said(original.items, own)
            if denied.any():
                settled[[place]] = lowered(settled[[place]], denied[None].astype(np.float64), self._groups)
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

    def _originals_of(self, batch: QueryBatch) -> dict[int, Original]:
        """Find what queries are copies of: by features where nothing holds of their content."""
        originals = self._originals.by_content(batch)
        is_named = {place for place, original in originals.items() if self._given.of(original.items)}
        alike = self._originals.by_features(batch, [n for n in range(len(batch)) if n not in is_named])
        for place, original in alike.items():
            same = originals[place].items if place in originals else ()
            originals[place] = replace(original, items=(*same, *original.items))
        return originals

    def _said(self, items: Sequence[int], own: Sequence[int]) -> tuple[list[int], BoolArray]:
        """Return the numbers of the labels of some items, and what is denied of them ``[shape=(n_labels,)]``.

        What is said of the query's own item goes before.
        """
        of_own = self._numbers(self._given.of(own))
        denied = np.zeros(len(self._number), dtype=bool)
        denied[[number for label in self._given.denied(items) for number in self._kinds[label]]] = True
        denied[of_own] = False
        return of_own or [number for number in self._numbers(self._given.of(items)) if not denied[number]], denied

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
