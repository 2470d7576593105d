"""Labels that the other labelled items contradict, and those under which files were replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.leave_one_out import left_out
from modag_search.values import MODALITIES, LabelIssue, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import FloatArray
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.leave_one_out import LeftOut
    from modag_search.values import ReplacedFile


def replaced_issues(replaced: Sequence[ReplacedFile], doubted: Sequence[LabelIssue]) -> list[LabelIssue]:
    """List labels that were given to former contents of files, before all others that are doubted.

    Parameters
    ----------
    replaced : sequence of ReplacedFile
    doubted : sequence of LabelIssue
        What neighbours contradict.

    Returns
    -------
    list of LabelIssue
        With what neighbours say of them, where they contradict them, too.
    """
    by_label = {(issue.id, issue.label): issue for issue in reversed(doubted)}
    pairs = {(file.id, label): file for file in replaced for label in file.labels}
    found = []
    for (item_id, label), file in pairs.items():
        issue = by_label.get((item_id, label)) or LabelIssue(
            id=item_id,
            path=file.path,
            modality="sound" if file.kind == "sound" else "image",
            label=label,
            probability=None,
            suggested=None,
            confidence=None,
        )
        found.append(replace(issue, reason="replaced"))
    return [*found, *(issue for issue in doubted if (issue.id, issue.label) not in pairs)]


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
        doubt
        for modality in MODALITIES
        for limits in [_limits(classifier, modality, max_probability)]
        for items in left_out(classifier.neighbours, modality)
        for doubt in _issues(catalog, classifier, modality, items, limits)
    ]
    return [issue for _, _, issue in sorted(found, key=lambda doubt: doubt[:2])]


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
) -> Iterator[tuple[float, str, LabelIssue]]:
    """Find doubtful labels, each with how far it is behind the best, and its path: what they are sorted by."""
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
            probability, confidence = float(probabilities[place, label]), float(highest[place, label])
            issue = LabelIssue(
                id=item,
                path=path_of[item],
                modality=modality,
                label=has,
                probability=probability,
                suggested=best,
                confidence=confidence,
            )
            yield probability - confidence, issue.path, issue
