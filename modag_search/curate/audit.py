"""Labels that the other labelled items contradict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.leave_one_out import left_out
from modag_search.values import MODALITIES, LabelIssue, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import FloatArray
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.leave_one_out import LeftOut

_FAR_BELOW = 0.5
"""Of how many items have a label that stands beside others: one of these that is less likely is doubtful."""


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
        for limits in [_limits(classifier, modality, max_probability)]
        for items in left_out(classifier.neighbours, modality)
        for issue in _issues(catalog, classifier, modality, items, limits)
    ]
    return sorted(found, key=lambda one: (one.probability - one.confidence, one.path))


def _limits(classifier: NeighbourClassifier, modality: Modality, max_probability: float) -> FloatArray:
    """Tell from what probability on each label is not doubtful ``[shape=(n_labels,)]``.

    What stands beside others may say nothing of what an item is: then `favourite` is as unlikely for each that has it
    as for all, which is no reason to doubt any.
    """
    part = classifier.neighbours.labelled.by_modality[modality]
    n_items = np.bincount(
        np.unique(np.stack([part.labels, part.items[part.rows]], axis=1), axis=0)[:, 0], minlength=len(classifier.names)
    )
    shares = n_items / max(len(np.unique(part.items)), 1)
    return np.where(classifier.groups.leading, max_probability, np.minimum(max_probability, _FAR_BELOW * shares))


def _issues(
    catalog: Catalog, classifier: NeighbourClassifier, modality: Modality, items: LeftOut, limits: FloatArray
) -> Iterator[LabelIssue]:
    probabilities = classifier.probabilities(modality, items.evidence)
    if classifier.doubts:
        probabilities = classifier.doubts.without_forbidden(probabilities, items.items)
    highest, likeliest = classifier.groups.highest_of_rivals(probabilities)
    # A label that nobody else has is not unlikely: the others cannot know it.
    is_heard = np.isfinite(items.evidence[..., :4]).any(axis=-1)
    doubtful = items.given & is_heard & (probabilities <= limits) & (probabilities < highest)
    places = np.argwhere(doubtful)
    path_of = catalog.items.paths(np.unique(items.items[places[:, 0]]).tolist()) if len(places) else {}
    for place, label in places.tolist():
        item = int(items.items[place])
        has, best = classifier.names[label], classifier.names[int(likeliest[place, label])]
        if item in path_of and not classifier.hierarchy.are_related(has, best):
            yield LabelIssue(
                id=item,
                path=path_of[item],
                modality=modality,
                label=has,
                probability=float(probabilities[place, label]),
                suggested=best,
                confidence=float(highest[place, label]),
            )
