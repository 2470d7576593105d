"""Labels that spread: to every unlabelled item that the labelled ones are sure enough about."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.catalog import Annotation
from modag_search.classify.classifiers import answer_all
from modag_search.classify.queries import unread_batches
from modag_search.labels.book import annotate
from modag_search.labels.vocabulary import Vocabulary, one_or_more_names
from modag_search.values import Transferred, TransferReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import Classifier
    from modag_search.classify.classify import By
    from modag_search.classify.copied_labels import CopyJudge
    from modag_search.classify.decision import Decision, Level
    from modag_search.features.vectors import SegmentVectors

logger = logging.getLogger(__name__)

Named = tuple[int, Transferred]
"""Id of an item, and the label that it would get."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TransferOptions:
    """What decides what items would be called; see `Index.transfer`."""

    min_confidence: float
    max_confidence: float
    by: By
    names: Vocabulary | str | Sequence[str] | None
    k: int
    temperature: float
    level: Level

    def as_arguments(self) -> dict[str, Any]:
        """Return what a run is recorded with, as JSON values."""
        names = self.names
        return {
            "by": self.by,
            "names": names.name if isinstance(names, Vocabulary) else names and one_or_more_names(names),
            "level": self.level,
            "min_confidence": self.min_confidence,
            "max_confidence": self.max_confidence if self.max_confidence < 1 else None,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """What unlabelled items would be called.

    Attributes
    ----------
    given : tuple of Named
        What is sure enough to be given, in order of path.
    unsure : tuple of Named
        What the other items would be called that could be called anything; where that was asked for.
    unknown : int
        How many items no label is sure enough for.
    surer : int
        How many labels were left out, as they are surer than was asked for.
    """

    given: tuple[Named, ...]
    unsure: tuple[Named, ...]
    unknown: int
    surer: int


def propose(
    catalog: Catalog,
    vectors: SegmentVectors,
    classifier: Classifier,
    decision: Decision,
    *,
    copies: CopyJudge | None,
    max_confidence: float,
    with_unsure: bool,
) -> Proposals:
    """Say what every unlabelled item would be called.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    classifier : Classifier
    decision : Decision
    copies : CopyJudge or None
        Settles what copies of labelled items are.
    max_confidence : float
    with_unsure : bool
        Whether to list what is not sure enough.

    Returns
    -------
    Proposals
    """
    items = [(item_id, path) for item_id, path, _ in catalog.items.found(unlabelled=True)]
    sure: list[Named] = []
    unsure: list[Named] = []
    named = 0
    for batch, answers in answer_all(classifier, unread_batches(catalog, vectors, items)):
        probabilities, copied = copies.settled(batch, answers.probabilities) if copies else (answers.probabilities, {})
        scores = decision.scores(probabilities)
        likeliest = decision.likeliest(scores) if with_unsure else [(None, 0.0)] * len(batch)
        for place, (item_id, path, labels, (label, likely)) in enumerate(
            zip(batch.items.tolist(), batch.paths, decision.sure(scores), likeliest, strict=True)
        ):
            named += bool(labels)
            sure += [
                (item_id, Transferred(path=path, label=one, confidence=how, copy_of=copied.get(place)))
                for one, how in labels
            ]
            if not labels and label is not None:
                unsure.append((item_id, Transferred(path=path, label=label, confidence=likely)))
    given = [entry for entry in sure if entry[1].confidence <= max_confidence]
    given.sort(key=lambda entry: (entry[1].path, -entry[1].confidence))
    return Proposals(tuple(given), tuple(unsure), unknown=len(items) - named, surer=len(sure) - len(given))


def give(catalog: Catalog, proposals: Proposals, *, arguments: Mapping[str, Any], dry_run: bool) -> TransferReport:
    """Give items the labels that are sure enough; see `Index.transfer`.

    Parameters
    ----------
    catalog : Catalog
    proposals : Proposals
    arguments : Mapping
        JSON values that the run is recorded with.
    dry_run : bool

    Returns
    -------
    TransferReport
    """
    run = None if dry_run or not proposals.given else _write(catalog, proposals.given, arguments)
    given = tuple(one for _, one in proposals.given)
    return TransferReport(run=run, given=given, unknown=proposals.unknown, surer=proposals.surer)


def _write(catalog: Catalog, found: Sequence[Named], arguments: Mapping[str, Any]) -> int:
    run = catalog.runs.start("transfer", arguments=arguments)
    annotations = (
        Annotation(item_id=item_id, label=one.label, origin="transfer", confidence=one.confidence, run_id=run)
        for item_id, one in found
    )
    added = annotate(catalog, annotations, run=run)
    if added < len(found):
        logger.warning("%d of these items have been labelled meanwhile, and were left alone", len(found) - added)
    return run
