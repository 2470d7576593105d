"""Labels that spread: to every unlabelled item that the labelled ones are sure enough about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.catalog import Annotation
from modag_search.classify.decision import Decision, classify_queries, query_segments
from modag_search.search.items import Query
from modag_search.values import MODALITIES, Float32Array, Modality, Transferred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import FloatArray
    from modag_search.classify.decision import Classifier, Level
    from modag_search.features.vectors import SegmentVectors
    from modag_search.values import ItemRecord

ITEMS_AT_ONCE = 2000


def stored_queries(
    catalog: Catalog, vectors: SegmentVectors, items: Sequence[ItemRecord]
) -> Iterator[list[tuple[ItemRecord, Query]]]:
    """Iterate over items in parts, as queries of their stored features; those without any are left out."""
    for start in range(0, len(items), ITEMS_AT_ONCE):
        part = items[start : start + ITEMS_AT_ONCE]
        segments = [s for s in catalog.segments.of_items(item.id for item in part) if s.status == "ok"]
        found: dict[int, dict[Modality, Float32Array]] = {}
        for modality in MODALITIES:
            owner = {segment.id: segment.item_id for segment in segments if segment.modality == modality}
            ids, rows = vectors.of(modality, owner)
            item_ids = np.array([owner[segment] for segment in ids.tolist()], dtype=np.int64)
            order = np.argsort(item_ids, kind="stable")
            present, firsts = np.unique(item_ids[order], return_index=True)
            for item_id, own in zip(present.tolist(), np.split(order, firsts[1:]), strict=bool(len(present))):
                found.setdefault(item_id, {})[modality] = rows[own]
        yield [(item, Query(vectors=found[item.id], without=frozenset({item.id}))) for item in part if item.id in found]


class Transfer:
    """Names unlabelled items by what a judge says.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    judge : Classifier
    level : int, "deepest" or None
    min_confidence : float
    """

    def __init__(
        self, catalog: Catalog, vectors: SegmentVectors, judge: Classifier, *, level: Level, min_confidence: float
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._judge = judge
        self._answers = Decision(judge, level=level, min_confidence=min_confidence)
        self._min_confidence = min_confidence

    def annotations(self) -> tuple[list[tuple[ItemRecord, Transferred]], int]:
        """Return what each unlabelled item would be called, and how many nothing was sure enough about.

        Where labels exclude each other an item gets one; otherwise each that is sure enough.
        """
        items = [item for item in self._catalog.items.all(unlabelled=True) if item.status == "ok"]
        given: list[tuple[ItemRecord, Transferred]] = []
        for part in stored_queries(self._catalog, self._vectors, items):
            asked = query_segments([query for _, query in part])
            scores = self._answers.scores(classify_queries(self._judge, asked, n=len(part)))
            for (item, _), row in zip(part, scores, strict=True):
                given += [
                    (item, Transferred(path=item.path, label=name, confidence=sure)) for name, sure in self._sure(row)
                ]
        unknown = len(items) - len({item.id for item, _ in given})
        return sorted(given, key=lambda entry: (entry[1].path, -entry[1].confidence)), unknown

    def _sure(self, scores: FloatArray) -> list[tuple[str, float]]:
        if self._judge.is_exclusive:
            label, confidence = self._answers.best(scores)
            return [] if label is None else [(label, confidence)]
        sure = {
            name: float(score)
            for name, score in zip(self._answers.names, scores, strict=True)
            if score >= self._min_confidence and score > 0
        }
        return [(name, sure[name]) for name in sorted(self._judge.hierarchy.most_specific(sure))]


def as_annotations(given: Sequence[tuple[ItemRecord, Transferred]], *, run: int) -> Iterator[Annotation]:
    """Write down what was transferred."""
    for item, one in given:
        yield Annotation(item_id=item.id, label=one.label, origin="transfer", confidence=one.confidence, run_id=run)
