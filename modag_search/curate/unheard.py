"""Labels that have examples of one modality only, and what of the other would be the best one to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from modag_search.classify.classifiers import ClassifierOutput, NeighbourClassifier
    from modag_search.classify.queries import QueryBatch


class Example(NamedTuple):
    """What might be the first example of a label in a modality.

    Attributes
    ----------
    label : str
    modality : {"image", "sound"}
    item : int
    stands_for : int
        How many items of the modality would be called so now, by hearsay.
    """

    label: str
    modality: Modality
    item: int
    stands_for: int


class UnheardLabels:
    """Takes note of what would be called by labels that no item of its own modality has.

    All that is known of a label is then what labelled items of the other modality, or its name, say. One example of the
    modality's own tells whether that is right.

    Parameters
    ----------
    classifier : NeighbourClassifier
    """

    def __init__(self, classifier: NeighbourClassifier) -> None:
        self._names = classifier.names
        self._leading = classifier.groups.leading
        labelled = classifier.neighbours.labelled
        self._is_unheard = {
            modality: ~np.isin(np.arange(len(self._names)), labelled.by_modality[modality].labels)
            for modality in MODALITIES
        }
        self._best: dict[tuple[int, Modality], tuple[float, int]] = {}
        self._counts: dict[tuple[int, Modality], int] = {}

    def take(self, batch: QueryBatch, answers: ClassifierOutput) -> None:
        """Look at the answers to a batch of unlabelled items."""
        best = np.where(self._leading, answers.probabilities, -1.0).argmax(axis=1)
        likely = answers.probabilities[np.arange(len(best)), best]
        for modality, segments in batch.segments.items():
            queries = np.unique(segments.queries)
            unheard = queries[self._is_unheard[modality][best[queries]] & (likely[queries] > 0)]
            for query in unheard.tolist():
                key = (int(best[query]), modality)
                self._counts[key] = self._counts.get(key, 0) + 1
                found = (float(likely[query]), -int(batch.items[query]))
                self._best[key] = max(found, self._best.get(key, found))

    def examples(self) -> list[Example]:
        """List the likeliest example of each, those first that would stand for most."""
        found = [
            Example(self._names[label], modality, -item, self._counts[label, modality])
            for (label, modality), (_, item) in self._best.items()
        ]
        return sorted(found, key=lambda one: (-one.stands_for, one.label, one.modality))
