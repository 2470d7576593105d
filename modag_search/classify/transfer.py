"""Labels that spread: to every unlabelled item that the labelled ones are sure enough about."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modag_search.catalog import Annotation
from modag_search.classify.classifiers import answer_all
from modag_search.classify.queries import stored_batches
from modag_search.labels.book import annotate
from modag_search.values import Transferred, TransferReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import Classifier
    from modag_search.classify.decision import Decision
    from modag_search.features.vectors import SegmentVectors

logger = logging.getLogger(__name__)

_Given = tuple[int, Transferred]
"""Id of an item, and the label that it gets."""


def transfer_labels(
    catalog: Catalog,
    vectors: SegmentVectors,
    classifier: Classifier,
    decision: Decision,
    *,
    arguments: Mapping[str, Any],
    max_confidence: float,
    dry_run: bool,
) -> TransferReport:
    """Give unlabelled items labels; see `Index.transfer`.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    classifier : Classifier
    decision : Decision
    arguments : Mapping
        JSON values that the run is recorded with.
    max_confidence : float
    dry_run : bool

    Returns
    -------
    TransferReport
    """
    sure, unknown = _find(catalog, vectors, classifier, decision)
    found = [entry for entry in sure if entry[1].confidence <= max_confidence]
    run = None if dry_run or not found else _write(catalog, found, arguments)
    given = tuple(one for _, one in found)
    return TransferReport(run=run, given=given, unknown=unknown, surer=len(sure) - len(found))


def _find(
    catalog: Catalog, vectors: SegmentVectors, classifier: Classifier, decision: Decision
) -> tuple[list[_Given], int]:
    """Return what each unlabelled item would be called, and how many nothing was sure enough about."""
    items = [(item_id, path) for item_id, path, _ in catalog.items.found(unlabelled=True)]
    found: list[_Given] = []
    named = 0
    for batch, answers in answer_all(classifier, stored_batches(catalog, vectors, items)):
        sure = decision.sure(decision.scores(answers.probabilities))
        for item_id, path, labels in zip(batch.items.tolist(), batch.paths, sure, strict=True):
            named += bool(labels)
            found += [
                (item_id, Transferred(path=path, label=label, confidence=confidence)) for label, confidence in labels
            ]
    found.sort(key=lambda entry: (entry[1].path, -entry[1].confidence))
    return found, len(items) - named


def _write(catalog: Catalog, found: Sequence[_Given], arguments: Mapping[str, Any]) -> int:
    run = catalog.runs.start("transfer", arguments=arguments)
    annotations = (
        Annotation(item_id=item_id, label=one.label, origin="transfer", confidence=one.confidence, run_id=run)
        for item_id, one in found
    )
    added = annotate(catalog, annotations, run=run)
    if added < len(found):
        logger.warning("%d of these items have been labelled meanwhile, and were left alone", len(found) - added)
    return run
