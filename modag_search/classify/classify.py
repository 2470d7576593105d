"""Naming files and items: streams of queries in, a stream of answers with the neighbours behind them out."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Literal

import numpy as np

from modag_search import media
from modag_search.classify.classifiers import answer_all
from modag_search.classify.queries import query_batches, unread_batches
from modag_search.errors import UnreadableMediaError
from modag_search.spelling import on_disk
from modag_search.values import MODALITIES, Classification, Neighbour, ScannedFile, ScanProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import Classifier, ClassifierOutput
    from modag_search.classify.copied_labels import CopyJudge
    from modag_search.classify.decision import Decision
    from modag_search.classify.queries import QueryBatch
    from modag_search.classify.votes import Votes
    from modag_search.errors import ModagError
    from modag_search.features.vectors import SegmentVectors
    from modag_search.search.query import Query
    from modag_search.values import Int64Array

logger = logging.getLogger(__name__)

By = Literal["knn", "head", "names"]
"""Who names: the labelled neighbours, the linear head that was fitted to them, or what labels are called, alone."""


def classify_queries(
    catalog: Catalog,
    queries: Iterable[tuple[str, Query]],
    classifier: Classifier,
    decision: Decision,
    *,
    copies: CopyJudge | None,
    k: int,
) -> Iterator[Classification]:
    """Name queries as they come; see `Index.classify`.

    Parameters
    ----------
    catalog : Catalog
    queries : iterable of (str, Query)
        With the path that each is to be called by.
    classifier : Classifier
    decision : Decision
    copies : CopyJudge or None
        Settles what copies of labelled items are.
    k : int
        How many neighbours each answer lists, at the most.

    Returns
    -------
    iterator of Classification
    """
    # One batch after the other, as soon as it is there: what takes time is decoding, in threads of its own.
    answered = ((batch, classifier.answer(batch, most_votes=k)) for batch in query_batches(queries))
    return _classifications(catalog, answered, classifier.names, decision, copies)


def classify_items(
    catalog: Catalog,
    vectors: SegmentVectors,
    classifier: Classifier,
    decision: Decision,
    *,
    copies: CopyJudge | None,
    k: int,
    unlabelled: bool,
) -> Iterator[Classification]:
    """Name items by their stored features, in order of their paths; see `Index.classify`.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    classifier : Classifier
    decision : Decision
    copies : CopyJudge or None
        Settles what copies of labelled items are.
    k : int
        How many neighbours each answer lists, at the most.
    unlabelled : bool
        True for items without a label only.

    Returns
    -------
    iterator of Classification
    """
    items = sorted(((path, item_id) for item_id, path, _ in catalog.items.found(unlabelled=unlabelled)))
    stored = unread_batches(catalog, vectors, [(item_id, path) for path, item_id in items])
    answered = answer_all(classifier, stored, most_votes=k)
    return _classifications(catalog, answered, classifier.names, decision, copies)


def files_in(paths: Iterable[str], on_failure: Callable[[str, ModagError], None] | None) -> Iterator[str]:
    """Replace folders by the media files in them; what is not there is told of, or raised."""
    for path in map(on_disk, paths):
        if not path:
            absent = UnreadableMediaError("''", "does not exist")
            if on_failure is None:
                raise absent
            on_failure(path, absent)
            continue
        if not os.path.isdir(path):  # who reads it says what is amiss with it
            yield path
            continue
        passed_over = media.Tally()
        for found in media.scan([path]):
            if isinstance(found, ScanProblem):
                error = UnreadableMediaError(found.path, found.reason)
                if on_failure is None:
                    raise error
                on_failure(found.path, error)
            elif isinstance(found, ScannedFile):
                yield found.path
            else:
                passed_over.count(found)
        if words := media.passed_over_in_words(passed_over.passed_over, passed_over.unread, 0):
            logger.warning("%s: passed over: %s", path, words)


def _classifications(
    catalog: Catalog,
    answered: Iterable[tuple[QueryBatch, ClassifierOutput]],
    names: tuple[str, ...],
    decision: Decision,
    copies: CopyJudge | None,
) -> Iterator[Classification]:
    paths = _Paths(catalog)
    for batch, answers in answered:
        probabilities, copied = copies.settled(batch, answers.probabilities) if copies else (answers.probabilities, {})
        scores = decision.scores(probabilities)
        best, listed = decision.best(scores), decision.listed(scores)
        neighbours = _neighbours(answers.votes, names, paths, n=len(batch))
        for place, (path, (label, confidence), possible, near) in enumerate(
            zip(batch.paths, best, listed, neighbours, strict=True)
        ):
            yield Classification(
                path=path,
                label=label,
                confidence=confidence,
                scores=possible,
                neighbours=near,
                copy_of=copied.get(place),
            )


class _Paths:
    """Paths of items, each looked up once for all answers of a call.

    They are looked up when they are needed, and are no part of a labelled set: a file that moves makes no new
    generation of the catalog.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[int, str] = {}

    def of(self, items: Int64Array) -> Mapping[int, str]:
        """Return the paths of some items, among others; of those that are gone there is none."""
        if new := set(items.tolist()) - self._known.keys():
            self._known |= self._catalog.items.paths(new)
        return self._known


def _neighbours(votes: Votes, names: tuple[str, ...], paths: _Paths, *, n: int) -> Iterator[tuple[Neighbour, ...]]:
    """Say who voted, one query after the other; items that are gone since the labels were read are left out."""
    path_of = paths.of(votes.items)
    spans_s = votes.spans_s.astype(object)
    spans_s[np.isnan(votes.spans_s)] = None
    columns = (votes.items, votes.sources, votes.labels, votes.similarities, votes.weights, *spans_s.T)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    ends = np.searchsorted(votes.queries, np.arange(n), side="right").tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        yield tuple(
            Neighbour(
                id=item,
                path=path_of[item],
                modality=MODALITIES[source],
                label=names[label],
                similarity=similarity,
                weight=weight,
                start_s=start_s,
                end_s=end_s,
            )
            for item, source, label, similarity, weight, start_s, end_s in rows[start:end]
            if item in path_of
        )
