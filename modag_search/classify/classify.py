"""Naming with an index: what a file is called, what everything else is called, and the head that tells."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Literal

from modag_search import media
from modag_search.classify.arithmetic.knn import TEMPERATURE, K
from modag_search.classify.decision import (
    Classifier,
    Decision,
    HeadClassifier,
    NeighbourClassifier,
    classify_queries,
    query_segments,
)
from modag_search.classify.leave_one_out import kept_evidence_weights
from modag_search.classify.linear_head import Head, fit_head, updated_head
from modag_search.classify.neighbours import Voters
from modag_search.classify.transfer import Transfer, as_annotations, stored_queries
from modag_search.errors import ModelError, UnreadableMediaError, UsageError
from modag_search.labels.book import annotate
from modag_search.values import Classification, Neighbour, ScanProblem, Transferred, TransferReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import FloatArray
    from modag_search.classify.decision import Level
    from modag_search.classify.neighbours import Vote
    from modag_search.errors import ModagError
    from modag_search.features.vectors import SegmentVectors
    from modag_search.search.items import Query
    from modag_search.search.query import QueryMaker
    from modag_search.space import Space
    from modag_search.values import ItemRecord

logger = logging.getLogger(__name__)

By = Literal["knn", "head"]
"""Who names: the labelled neighbours, or the linear head that was fitted to them."""

_POOLS_FILE = "calibration.json"
_HEAD_FILE = "head.safetensors"
_ANSWERS_AT_ONCE = 256


class Naming:
    """Names files and items by the labels of an index.

    Parameters
    ----------
    folder : Path
        Of the index, where the calibration and the head are kept.
    catalog : Catalog
    space : Space
    vectors : SegmentVectors
    queries : QueryMaker
    """

    def __init__(
        self, folder: Path, *, catalog: Catalog, space: Space, vectors: SegmentVectors, queries: QueryMaker
    ) -> None:
        self._folder = folder
        self._catalog = catalog
        self._space = space
        self._vectors = vectors
        self._queries = queries

    # Who names.

    def judge(self, by: By, *, k: int = K, temperature: float = TEMPERATURE) -> NeighbourClassifier | HeadClassifier:
        """Return who names.

        Raises
        ------
        UsageError
            If `by`, `k` or `temperature` cannot be meant.
        NothingFoundError
            If nothing is labelled.
        ModelError
            If there is no head, or it is one for another space.
        """
        if by not in ("knn", "head"):
            raise UsageError(f"by must be 'knn' or 'head', not {by!r}")
        if k < 1:
            raise UsageError(f"k must be 1 at least, not {k}")
        if not temperature > 0:
            raise UsageError(f"temperature must be above 0, not {temperature}")
        return self._head_classifier() if by == "head" else self.neighbour_classifier(k=k, temperature=temperature)

    def neighbour_classifier(self, *, k: int = K, temperature: float = TEMPERATURE) -> NeighbourClassifier:
        """Return the labelled neighbours, with what leave-one-out has learnt of how far to trust them."""
        generation, token = self._catalog.latest_generation
        state = {
            "label_generation": self._catalog.label_generation,
            "generation": [generation, token],
            "space": self._space.fingerprint,
        }
        voters = Voters(
            self._catalog, self._vectors, background=self._space.unrelated_similarity, k=k, temperature=temperature
        )
        return NeighbourClassifier(voters, kept_evidence_weights(self._folder / _POOLS_FILE, voters, state=state))

    def _head_classifier(self) -> HeadClassifier:
        head = Head.load(self._folder / _HEAD_FILE)
        if head.space != self._space.fingerprint:
            raise ModelError(
                f"{self._folder / _HEAD_FILE}: was fitted in another space; `modag train head` makes it anew"
            )
        if head.label_generation != self._catalog.label_generation:
            logger.warning(
                "labels have changed since the head was fitted; `modag train head --update` takes the changes in"
            )
        return HeadClassifier(
            head.discriminants(),
            names=head.names,
            hierarchy=self._catalog.hierarchy.get(),
            is_exclusive=self._catalog.hierarchy.exclude_each_other,
        )

    def train_head(self, *, update: bool = False, seed: int = 0) -> Head:
        """Fit the head to the labels, or bring it up to date; see `Index.train_head`."""
        head = None
        if update:
            head = updated_head(self._kept_head(), self._catalog, self._vectors)
            if head is None:
                logger.warning("items that the head learnt from have changed or gone; it is fitted anew")
        head = head or fit_head(self._catalog, self._vectors, space=self._space.fingerprint, seed=seed)
        head.save(self._folder / _HEAD_FILE)
        return head

    def _kept_head(self) -> Head:
        path = self._folder / _HEAD_FILE
        head = Head.load(path)
        if head.space != self._space.fingerprint:
            raise ModelError(f"{path}: was fitted in another space; `modag train head` makes it anew")
        return head

    # Naming files and items.

    def classify(
        self,
        paths: Sequence[str],
        judge: Classifier,
        *,
        level: Level,
        min_confidence: float,
        k: int,
        workers: int | None,
        on_failure: Callable[[ModagError], None] | None,
    ) -> Iterator[Classification]:
        """Name files, those in folders too, and ``id:N``; see `Index.classify`."""
        answers = Decision(judge, level=level, min_confidence=min_confidence)
        files = list(_in_folders(paths, on_failure))
        for batch in _batches(self._queries.make_all(files, workers=workers, on_failure=on_failure)):
            probabilities = classify_queries(judge, query_segments([query for _, query in batch]), n=len(batch))
            yield from self._classified(batch, probabilities, judge, answers, k=k)

    def classify_items(
        self, judge: Classifier, *, level: Level, min_confidence: float, k: int, unlabelled: bool
    ) -> Iterator[Classification]:
        """Name items by their stored features; see `Index.classify`."""
        answers = Decision(judge, level=level, min_confidence=min_confidence)
        items = [item for item in self._catalog.items.all(unlabelled=unlabelled) if item.status == "ok"]
        for part in stored_queries(self._catalog, self._vectors, sorted(items, key=lambda item: item.path)):
            batch = [(item.path, query) for item, query in part]
            probabilities = classify_queries(judge, query_segments([query for _, query in batch]), n=len(batch))
            yield from self._classified(batch, probabilities, judge, answers, k=k)

    def _classified(
        self,
        batch: Sequence[tuple[str, Query]],
        probabilities: FloatArray,
        judge: Classifier,
        answers: Decision,
        *,
        k: int,
    ) -> Iterator[Classification]:
        scores = answers.scores(probabilities)
        votes: list[list[Vote]] = [[] for _ in batch]
        if isinstance(judge, NeighbourClassifier):
            votes = [_votes(judge, query, row, most=k) for (_, query), row in zip(batch, probabilities, strict=True)]
        neighbours = self._neighbours(votes)
        for (path, _), row, near in zip(batch, scores, neighbours, strict=True):
            label, confidence = answers.best(row)
            yield Classification(
                path=path, label=label, confidence=confidence, scores=answers.listed(row), neighbours=near
            )

    def _neighbours(self, votes: Sequence[Sequence[Vote]]) -> list[tuple[Neighbour, ...]]:
        """Look up who voted; what another process has removed since the labels were read is left out."""
        every = [vote for of_one in votes for vote in of_one]
        segments = self._catalog.segments.get_many({vote.segment for vote in every})
        items = self._catalog.items.get_many({vote.item for vote in every})
        return [
            tuple(
                Neighbour(
                    id=vote.item,
                    path=items[vote.item].path,
                    modality=segments[vote.segment].modality,
                    label=vote.label,
                    similarity=vote.similarity,
                    weight=vote.weight,
                    start_s=segments[vote.segment].start_s,
                    end_s=segments[vote.segment].end_s,
                )
                for vote in of_one
                if vote.segment in segments and vote.item in items
            )
            for of_one in votes
        ]

    # Spreading labels.

    def transfer(
        self, judge: Classifier, *, level: Level, min_confidence: float, dry_run: bool, by: By
    ) -> TransferReport:
        """Give unlabelled items labels; see `Index.transfer`."""
        work = Transfer(self._catalog, self._vectors, judge, level=level, min_confidence=min_confidence)
        found, unknown = work.annotations()
        given: tuple[Transferred, ...] = tuple(one for _, one in found)
        if dry_run or not found:
            return TransferReport(run=None, given=given, unknown=unknown)
        return TransferReport(run=self._write(found, by, level, min_confidence), given=given, unknown=unknown)

    def _write(
        self, found: Sequence[tuple[ItemRecord, Transferred]], by: By, level: Level, min_confidence: float
    ) -> int:
        arguments = {"by": by, "level": level, "min_confidence": min_confidence}
        run = self._catalog.runs.start("transfer", arguments=arguments)
        added = annotate(self._catalog, as_annotations(found, run=run), run=run)
        if added < len(found):
            logger.warning("%d of these items have been labelled meanwhile, and were left alone", len(found) - added)
        return run


def _votes(judge: NeighbourClassifier, query: Query, probabilities: FloatArray, *, most: int) -> list[Vote]:
    """List who voted, for the sound and the pictures of a query alike."""
    votes: list[Vote] = []
    for modality, vectors in query.vectors.items():
        shares = probabilities / (len(query.vectors) * max(1.0, float(probabilities.sum())))
        weights = judge.evidence_weights[modality]
        votes += judge.voters.votes(modality, vectors, shares, weights, without=query.without, most=most)
    return sorted(votes, key=lambda vote: (-vote.weight, -vote.similarity, vote.segment))[:most]


def _in_folders(paths: Iterable[str], on_failure: Callable[[ModagError], None] | None) -> Iterator[str]:
    """Replace folders by the media files in them."""
    for path in paths:
        if path.startswith("id:") or os.path.isfile(path):
            yield path
            continue
        if not os.path.isdir(path):
            absent = UnreadableMediaError(os.path.abspath(path), "does not exist")
            if on_failure is None:
                raise absent
            on_failure(absent)
            continue
        for found in media.scan([path]):
            if isinstance(found, ScanProblem):
                error = UnreadableMediaError(found.path, found.reason)
                if on_failure is None:
                    raise error
                on_failure(error)
            else:
                yield found.path


def _batches(queries: Iterator[tuple[str, Query]]) -> Iterator[list[tuple[str, Query]]]:
    batch: list[tuple[str, Query]] = []
    for entry in queries:
        batch.append(entry)
        if len(batch) == _ANSWERS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
