"""Labels that the other labelled items contradict, and those under which files were replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modag_search.catalog.passages import called
from modag_search.classify.classifiers import answer_all
from modag_search.classify.leave_one_out import left_out
from modag_search.classify.queries import unread_batches
from modag_search.values import MODALITIES, LabelIssue, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog, FormerLabel
    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.leave_one_out import LeftOut
    from modag_search.features.vectors import SegmentVectors
    from modag_search.values import Int64Array


Contradiction = tuple[float, str, float]
"""How likely a label is by all others, what they say, and how likely that is."""


def replaced_issues(
    former: Sequence[FormerLabel], contradictions: Mapping[tuple[int, str], Contradiction]
) -> list[LabelIssue]:
    """List labels that were given to former contents of files.

    Parameters
    ----------
    former : sequence of FormerLabel
    contradictions : Mapping of (int, str) to Contradiction
        By item and label, what others say of what the files hold now, where they contradict it.

    Returns
    -------
    list of LabelIssue
    """
    found = []
    for one in former:
        said = None if one.is_not else contradictions.get((one.item_id, one.label))
        probability, suggested, confidence = said or (None, None, None)
        issue = LabelIssue(
            id=one.item_id,
            path=one.path,
            modality="sound" if one.kind == "sound" else "image",
            label=called(one.label, is_not=one.is_not),
            probability=probability,
            suggested=suggested,
            confidence=confidence,
            reason="replaced",
        )
        found.append(issue)
    return found


def contradictions(
    catalog: Catalog,
    vectors: SegmentVectors,
    classifier: NeighbourClassifier,
    former: Sequence[FormerLabel],
    *,
    max_probability: float,
) -> dict[tuple[int, str], Contradiction]:
    """Find which labels, that files were given before they were replaced, the labelled items contradict.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    classifier : NeighbourClassifier
    former : sequence of FormerLabel
    max_probability : float
        How likely a label may be at the most.

    Returns
    -------
    dict of (int, str) to Contradiction
        By item and label.
    """
    number = {name: place for place, name in enumerate(classifier.names)}
    labels: dict[int, dict[str, int]] = {}
    for one in former:
        if not one.is_not and one.label in number:
            labels.setdefault(one.item_id, {})[one.label] = number[one.label]
    found = {}
    paths = catalog.items.paths(labels)
    for batch, answers in answer_all(classifier, unread_batches(catalog, vectors, sorted(paths.items()))):
        highest, likeliest = classifier.groups.highest_of_rivals(answers.probabilities)
        for row, item in enumerate(batch.items.tolist()):
            for label, place in labels[item].items():
                probability, confidence = float(answers.probabilities[row, place]), float(highest[row, place])
                best = classifier.names[int(likeliest[row, place])]
                is_doubtful = probability <= max_probability and probability < confidence
                if is_doubtful and not classifier.hierarchy.are_related(label, best):
                    found[item, label] = (probability, best, confidence)
    return found


_ARE_KNOWN = 0.95
"""For what share of the items that somebody gave a label any label holds."""
_FAR_BELOW = 0.5
"""Of how many items have a label that stands beside others: one of these that is less likely is doubtful."""


Lonely = tuple[str, Modality]
"""A label, and the modality of the one item that has it."""


def label_issues(
    catalog: Catalog, classifier: NeighbourClassifier, *, max_probability: float
) -> tuple[list[LabelIssue], list[Lonely]]:
    """List labels that their neighbours contradict, the least likely first; see `Index.audit`.

    Parameters
    ----------
    catalog : Catalog
    classifier : NeighbourClassifier
    max_probability : float
        How likely a label may be, by all others, to be listed.

    Returns
    -------
    issues : list of LabelIssue
    unchecked : list of (str, str)
        Labels of single items, with their modality, that nothing can confirm or contradict; in order of label.
    """
    found: list[tuple[float, str, LabelIssue]] = []
    unchecked: set[Lonely] = set()
    alone: set[tuple[int, str, Modality]] = set()
    for modality in MODALITIES:
        limits, are_few = _limits(classifier, modality, max_probability), _are_few(classifier, modality)
        for items in left_out(classifier.neighbours, modality, likely=classifier.may_hold):
            judged = _judged(classifier, modality, items, limits, are_few)
            found += _issues(catalog, classifier, modality, items, judged)
            labels = np.flatnonzero((items.given & ~judged.checked).any(axis=0))
            unchecked |= {(classifier.names[label], modality) for label in labels.tolist()}
            alone |= {
                (int(items.items[row]), classifier.names[label], modality)
                for row, label in np.argwhere(items.given & ~items.heard).tolist()
            }
    issues = [issue for _, _, issue in sorted(found, key=lambda doubt: doubt[:2])]
    likely = {(issue.id, issue.label): issue.probability for issue in issues if issue.probability is not None}
    misled = [
        issue
        for issue in issues
        if (issue.id, issue.label, issue.modality) in alone
        and _probability_of_nearest(classifier, issue, likely) < likely.get((issue.id, issue.label), 0.0)
    ]
    unchecked |= {(issue.label, issue.modality) for issue in misled}
    return [issue for issue in issues if issue not in misled], sorted(unchecked)


def _probability_of_nearest(
    classifier: NeighbourClassifier, issue: LabelIssue, likely: Mapping[tuple[int, str], float]
) -> float:
    """Tell how likely the label that is suggested is right for the nearest item that has it; 1 if it is not doubtful.

    Where that item looks more wrong, it contradicts nothing: of two blues, one of which is labelled red, the other is
    none.
    """
    if issue.suggested is None:
        return 1.0
    part = classifier.neighbours.labelled.by_modality[issue.modality]
    rows = part.rows[part.labels == classifier.names.index(issue.suggested)]
    rows = rows[part.items[rows] != issue.id]
    own = part.vectors[part.items == issue.id]
    if not len(rows) or not len(own):
        return 1.0
    nearest = int(part.items[rows[(own @ part.vectors[rows].T).max(axis=0).argmax()]])
    return likely.get((nearest, issue.suggested), 1.0)


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


def _are_few(classifier: NeighbourClassifier, modality: Modality) -> BoolArray:
    """Tell which labels one content of a modality has, or none ``[shape=(n_labels,)]``."""
    part = classifier.neighbours.labelled.by_modality[modality]
    pairs = np.unique(np.stack([part.labels, part.contents[part.rows]], axis=1), axis=0)
    few: BoolArray = np.bincount(pairs[:, 0], minlength=len(classifier.names)) <= 1
    return few


class _Judged(NamedTuple):
    """What all others say of the labels of items, each ``[shape=(n, n_labels)]``.

    `likeliest` is the number of the likeliest rival, and `highest` how likely that is.
    """

    probabilities: FloatArray
    highest: FloatArray
    likeliest: Int64Array
    doubtful: BoolArray
    checked: BoolArray


def _judged(
    classifier: NeighbourClassifier, modality: Modality, items: LeftOut, limits: FloatArray, are_few: BoolArray
) -> _Judged:
    """Judge labels by what all others say; `are_few` as of `_are_few`.

    A label that nobody else has is not unlikely: the others cannot know it. Where nothing else of the modality has it,
    things of the other modality speak for it, and less loudly than a single neighbour does for its own label. How loud
    they are is learnt from items whose labels others share; where most labels have one item, it is learnt from none.
    Of 36 right labels of single photographs, with four sounds each, 22 looked wrong so, each beside a label of one
    photograph, and of 39 where half the rivals had more, 1.
    """
    probabilities = classifier.probabilities(modality, items.evidence, share=_ARE_KNOWN)
    if classifier.doubts:
        probabilities = classifier.doubts.without_forbidden(probabilities, items.items)
    highest, likeliest = classifier.groups.highest_of_rivals(probabilities)
    is_known = np.isfinite(items.evidence[..., :4]).any(axis=-1)
    is_unlikely = (probabilities <= limits) & (probabilities < highest)
    checked = is_known & (items.heard | ~are_few[likeliest] | ~is_unlikely)
    return _Judged(probabilities, highest, likeliest, items.given & checked & is_unlikely, checked)


def _issues(
    catalog: Catalog, classifier: NeighbourClassifier, modality: Modality, items: LeftOut, judged: _Judged
) -> Iterator[tuple[float, str, LabelIssue]]:
    """Find doubtful labels, each with how far it is behind the best, and its path: what they are sorted by."""
    probabilities, highest, likeliest = judged.probabilities, judged.highest, judged.likeliest
    places = np.argwhere(judged.doubtful)
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
