"""Labels that the other labelled items contradict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.leave_one_out import left_out
from modag_search.values import MODALITIES, LabelIssue, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.leave_one_out import LeftOut


def label_issues(catalog: Catalog, classifier: NeighbourClassifier, *, max_probability: float) -> list[LabelIssue]:
    """List labels that their neighbours contradict, the least likely first; see `Index.audit`.

    Parameters
    ----------
    catalog : Catalog
    classifier : NeighbourClassifier
    max_probability : float
        How likely a label may be, by all others, to be listed.

    Returns
    -------
    list of LabelIssue
    """
    found = [
        issue
        for modality in MODALITIES
        for items in left_out(classifier.neighbours, modality)
        for issue in _issues(catalog, classifier, modality, items, max_probability=max_probability)
    ]
    return sorted(found, key=lambda one: (one.probability - one.confidence, one.path))


def _issues(
    catalog: Catalog, classifier: NeighbourClassifier, modality: Modality, items: LeftOut, *, max_probability: float
) -> Iterator[LabelIssue]:
    weights = classifier.evidence_weights[modality]
    probabilities = weights.probabilities(items.evidence, exclusive=classifier.is_exclusive)
    highest = probabilities.max(axis=1, keepdims=True)
    # A label that nobody else has is not unlikely: the others cannot know it.
    is_heard = np.isfinite(items.evidence[..., :4]).any(axis=-1)
    doubtful = items.given & is_heard & (probabilities <= max_probability) & (probabilities < highest)
    places = np.argwhere(doubtful)
    path_of = catalog.items.paths(np.unique(items.items[places[:, 0]]).tolist()) if len(places) else {}
    for place, label in places.tolist():
        item = int(items.items[place])
        has, best = classifier.names[label], classifier.names[int(probabilities[place].argmax())]
        if item in path_of and not classifier.hierarchy.are_related(has, best):
            yield LabelIssue(
                id=item,
                path=path_of[item],
                modality=modality,
                label=has,
                probability=float(probabilities[place, label]),
                suggested=best,
                confidence=float(highest[place, 0]),
            )
