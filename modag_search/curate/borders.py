"""Items whose names are just about as likely as asked for: where to draw a border is decided by looking at them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.classifiers import answer_all
from modag_search.classify.decision import likelihood_of
from modag_search.classify.queries import unread_batches
from modag_search.values import MODALITIES, Modality, Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import ClassifierOutput, NeighbourClassifier
    from modag_search.classify.queries import QueryBatch
    from modag_search.features.vectors import SegmentVectors


def nearest_to(
    near: float,
    catalog: Catalog,
    vectors: SegmentVectors,
    classifier: NeighbourClassifier,
    *,
    label: str | None,
    n: int,
    modality: Modality | None,
) -> list[Suggestion]:
    """List the unlabelled items whose confidence is nearest to a value; see `Index.suggest`.

    All of them are looked at, however many; no more than `n` are kept.

    Parameters
    ----------
    near : float
    catalog : Catalog
    vectors : SegmentVectors
    classifier : NeighbourClassifier
    label : str, optional
        Whose likelihood is looked at; by default that of each item's likeliest label.
    n : int
    modality : {"image", "sound"}, optional

    Returns
    -------
    list of Suggestion
        The nearest first; those as near by path.

    Raises
    ------
    NothingFoundError
        If `label` cannot be an answer.
    """
    likely = None if label is None else likelihood_of(classifier, label)
    items = [
        (item_id, path)
        for item_id, path, kind in catalog.items.found(unlabelled=True)
        if modality is None or kind in (modality, "video")
    ]
    answered = answer_all(classifier, unread_batches(catalog, vectors, items))

    def found() -> Iterator[Suggestion]:
        for batch, answers in answered:
            leading = np.where(classifier.groups.leading, answers.probabilities, 0.0)
            best = leading.argmax(axis=1)
            confidences = leading.max(axis=1) if likely is None else likely(answers.probabilities)
            labels = [classifier.names[place] if label is None else label for place in best.tolist()]
            yield from _of_batch(batch, answers, labels, confidences.tolist(), modality=modality)

    return heapq.nsmallest(n, found(), key=lambda one: (round(abs(one.confidence - near), 6), one.path))


def _of_batch(
    batch: QueryBatch,
    answers: ClassifierOutput,
    labels: list[str],
    confidences: list[float],
    *,
    modality: Modality | None,
) -> Iterator[Suggestion]:
    """Make suggestions of those of a batch that something can be said of."""
    first_of = _modalities(batch)
    is_told = (answers.probabilities.max(axis=1) > 0).tolist()
    rows = zip(batch.items.tolist(), batch.paths, labels, confidences, is_told, first_of, strict=True)
    for item, path, label, confidence, is_possible, first in rows:
        if is_possible:
            yield Suggestion(
                id=item, path=path, modality=modality or first, label=label, confidence=confidence, covers=None
            )


def _modalities(batch: QueryBatch) -> list[Modality]:
    """Return the first modality, in `MODALITIES`, that each query of a batch has segments of."""
    first = np.full(len(batch), len(MODALITIES))
    for place, modality in enumerate(MODALITIES):
        if modality in batch.segments:
            queries = batch.segments[modality].queries
            first[queries] = np.minimum(first[queries], place)
    return [MODALITIES[place] for place in first.tolist()]
