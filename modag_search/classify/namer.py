"""Who names, at one moment of an index, and what it names: files, items, everything that has no label yet."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import TEMPERATURE, K
from modag_search.classify.arithmetic.pooling import EvidenceWeights
from modag_search.classify.classifiers import PLURAL, HeadClassifier, NeighbourClassifier, hearsay
from modag_search.classify.classify import classify_items, classify_queries, files_in
from modag_search.classify.copied_labels import CopyJudge, GivenLabels
from modag_search.classify.decision import Decision
from modag_search.classify.denials import Denials, Doubts, read_denials
from modag_search.classify.explanation import explain
from modag_search.classify.known_share import Sample, draw_sample
from modag_search.classify.labelled_set import LabelledSet, chosen_labels, read_labelled_set, require_labels
from modag_search.classify.leave_one_out import kept_or_learnt, labelled_set_fingerprint
from modag_search.classify.linear_evidence import linear_evidence
from modag_search.classify.linear_head import fit_head, load_head, updated_head
from modag_search.classify.neighbours import Neighbours
from modag_search.classify.queries import query_batches
from modag_search.classify.rivals import LabelGroups
from modag_search.classify.sorting import Sort, at_most, least_sure_first
from modag_search.classify.transfer import Proposals, TransferOptions, give, propose
from modag_search.errors import ModagError, ModelError, NothingFoundError, NotMediaError, UsageError
from modag_search.files import Mark, mark_of
from modag_search.labels.items import find_items
from modag_search.labels.vocabulary import Vocabulary, some_of, vocabulary_of
from modag_search.search.query import QueryMaker
from modag_search.search.snapshot import Part
from modag_search.spelling import on_disk
from modag_search.values import MODALITIES, LabelScore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.lda import Discriminant
    from modag_search.classify.classifiers import Classifier
    from modag_search.classify.classify import By
    from modag_search.classify.decision import Level
    from modag_search.classify.linear_head import Head
    from modag_search.classify.queries import QueryBatch
    from modag_search.search.snapshot import Snapshot, Snapshots
    from modag_search.space import Space
    from modag_search.values import Classification, Explanation, Modality, TransferReport

logger = logging.getLogger(__name__)

CALIBRATION_FILE = "calibration.safetensors"
HEAD_FILE = "head.safetensors"
_DOUBTFUL = 0.1
"""How far confidence may lie above what is right, where the two are measured in different ways."""

LABELLED_SET: Part[LabelledSet] = Part(
    "labelled set", lambda snapshot, former: read_labelled_set(snapshot.catalog, snapshot.vectors, former=former)
)
SAMPLE: Part[Sample] = Part("sample", lambda snapshot, _: draw_sample(snapshot))
DENIALS: Part[Denials] = Part("denials", lambda snapshot, _: read_denials(snapshot.catalog, snapshot.vectors))
GIVEN_LABELS: Part[GivenLabels] = Part(
    "given labels",
    lambda snapshot, _: GivenLabels(snapshot.catalog, snapshot.get(LABELLED_SET), snapshot.vectors),
)


@dataclass(frozen=True, slots=True, eq=False)
class _MadeHead:
    """A head as it can be asked, and the space and the file that it was made of."""

    key: tuple[str, Mark | None]
    discriminants: Mapping[Modality, Discriminant]
    head: Head


class Namer:
    """Names by the labelled items of an index.

    Parameters
    ----------
    folder : Path
        Of the index, where evidence weights and the head are kept.
    catalog : Catalog
    snapshots : Snapshots
    keep : callable
        Keeps a file of the index, by its name, content and the kind of error where it cannot.

    Attributes
    ----------
    neighbour_classifier : Part of NeighbourClassifier
        The labelled neighbours as they are asked by default, as a part of snapshots.
    """

    def __init__(self, folder: Path, catalog: Catalog, snapshots: Snapshots, *, keep: Callable[..., None]) -> None:
        self._folder = folder
        self._catalog = catalog
        self._snapshots = snapshots
        self._keep = keep
        self._head_lock = threading.Lock()
        self._kept_head: _MadeHead | None = None
        self._told_outdated: tuple[tuple[str, Mark | None], int] | None = None
        self.neighbour_classifier: Part[NeighbourClassifier] = Part(
            "neighbour classifier",
            lambda snapshot, former: self._neighbours(snapshot, k=K, temperature=TEMPERATURE, former=former),
        )

    # Who names.

    def _neighbours(
        self, snapshot: Snapshot, *, k: int, temperature: float, former: NeighbourClassifier | None = None
    ) -> NeighbourClassifier:
        """Return the labelled neighbours, with what leave-one-out has learnt of how far to trust them.

        What `former` has learnt, of the same catalog, space, k and temperature, holds for the same labelled set.
        """
        labelled = snapshot.get(LABELLED_SET)
        require_labels(labelled, snapshot.catalog)
        neighbours = Neighbours(
            labelled=labelled,
            unrelated_similarity=snapshot.space.unrelated_similarity,
            linear=linear_evidence(labelled),
            k=k,
            temperature=temperature,
        )
        if former is not None and _teach_the_same(former.neighbours.labelled, labelled):
            neighbours = replace(neighbours, linear=former.neighbours.linear)
            return _asking(snapshot, neighbours, former.evidence_weights)
        learnt = kept_or_learnt(
            self._folder / CALIBRATION_FILE, neighbours, catalog=snapshot.catalog, space=snapshot.space.fingerprint
        )
        linear = linear_evidence(labelled, kept=learnt.classifiers)
        return _asking(snapshot, replace(neighbours, linear=linear), learnt.evidence_weights)

    def _head(self, snapshot: Snapshot) -> HeadClassifier:
        made, labelled = self._made_head(snapshot), snapshot.get(LABELLED_SET)
        names = made.head.names
        # Labels of another generation may have changed in nothing that a head learns: tags, or what items are not.
        outdated = (made.key, snapshot.moment.label_generation)
        if (
            made.head.label_generation != snapshot.moment.label_generation
            and outdated != self._told_outdated
            and not made.head.is_taught(labelled)
        ):
            self._told_outdated = outdated  # once is enough for all that is asked at one moment
            logger.warning(
                "labels have changed since the head was fitted; `modag train head --update` takes the changes in"
            )
        hierarchy, groups = labelled.hierarchy, LabelGroups.of(labelled.rivalry, names)
        doubts = Doubts(
            snapshot.get(DENIALS),
            labelled,
            groups,
            names=names,
            hierarchy=hierarchy,
            unrelated_similarity=snapshot.space.unrelated_similarity,
        )
        return HeadClassifier(
            _without_tags(made.discriminants, names, snapshot.catalog.labels.tags()),
            names=names,
            hierarchy=hierarchy,
            groups=groups,
            doubts=doubts,
            neighbours=snapshot.get(self.neighbour_classifier) if labelled.n_votes else None,
            untaught=made.head.untaught,
        )

    def _made_head(self, snapshot: Snapshot) -> _MadeHead:
        """Return the head's linear functions, solved for once, and anew where the file or the space is another."""
        path, space = self._folder / HEAD_FILE, snapshot.space.fingerprint
        with self._head_lock:
            key = (space, mark_of(path))
            if self._kept_head is None or self._kept_head.key != key or key[1] is None:
                head = load_head(path, space=snapshot.space)
                self._kept_head = _MadeHead(key, head.discriminants(), head)
            return self._kept_head

    def _among(
        self, snapshot: Snapshot, vocabulary: Vocabulary, *, k: int, temperature: float, with_votes: bool
    ) -> NeighbourClassifier:
        """Choose among labels by what they are called, and by the votes that there are for them.

        How far votes are trusted is what all labelled items taught; what labels are called alone has no such teacher.
        """
        every = snapshot.get(LABELLED_SET)
        chosen = chosen_labels(every, vocabulary, snapshot.vectors, with_votes=with_votes)
        silent = [chosen.names[place] for place in np.setdiff1d(range(len(chosen.names)), chosen.speaking)]
        if len(silent) == len(chosen.names):
            raise NothingFoundError(f"{some_of(silent)}: not understood, and nothing in the index has such a label")
        if silent:
            logger.warning("not understood, and so never answered: %s", some_of(silent))
        neighbours = Neighbours(
            labelled=chosen,
            unrelated_similarity=snapshot.space.unrelated_similarity,
            linear=linear_evidence(chosen),
            k=k,
            temperature=temperature,
        )
        weights: Mapping[Modality, EvidenceWeights] = {modality: EvidenceWeights() for modality in MODALITIES}
        if chosen.n_votes:
            weights = self._usual(snapshot, k=k, temperature=temperature).evidence_weights
        return _asking(snapshot, neighbours, weights)

    def _classifier(
        self, snapshot: Snapshot, by: By, names: Vocabulary | str | Sequence[str] | None, *, k: int, temperature: float
    ) -> Classifier:
        if by == "head":
            return self._head(snapshot)
        return self._told_by(snapshot, names, k=k, temperature=temperature, with_votes=by != "names")

    def _told_by(
        self,
        snapshot: Snapshot,
        names: Vocabulary | str | Sequence[str] | None,
        *,
        k: int,
        temperature: float,
        with_votes: bool,
    ) -> NeighbourClassifier:
        """Return who names by examples and names, or `with_votes` false by names alone."""
        if names is None and with_votes:
            return self._usual(snapshot, k=k, temperature=temperature)
        vocabulary = names if isinstance(names, Vocabulary) else vocabulary_of(snapshot.catalog, names)
        return self._among(snapshot, vocabulary, k=k, temperature=temperature, with_votes=with_votes)

    def _usual(self, snapshot: Snapshot, *, k: int, temperature: float) -> NeighbourClassifier:
        if (k, temperature) == (K, TEMPERATURE):
            return snapshot.get(self.neighbour_classifier)
        return self._neighbours(snapshot, k=k, temperature=temperature)

    def _copy_judge(self, snapshot: Snapshot, classifier: Classifier, by: By) -> CopyJudge | None:
        """Return who settles what copies of labelled items are; what labels are called alone takes no labelled item."""
        return None if by == "names" else CopyJudge(self._catalog, snapshot.get(GIVEN_LABELS), classifier)

    # Naming.

    def classify_each(
        self,
        paths: Sequence[str] | None,
        *,
        by: By,
        names: Vocabulary | str | Sequence[str] | None,
        k: int,
        temperature: float,
        min_confidence: float,
        max_confidence: float,
        level: Level,
        unlabelled: bool,
        sort: Sort,
        workers: int | None,
        on_failure: Callable[[str, ModagError], None] | None,
    ) -> Iterator[Classification]:
        """Name files, or items, and give the answers as they come; see `Index.classify_each`."""
        _check(by=by, names=names, sort=sort)
        answers = self._answers(
            paths,
            by=by,
            names=names,
            k=k,
            temperature=temperature,
            min_confidence=min_confidence,
            level=level,
            unlabelled=unlabelled,
            workers=workers,
            on_failure=on_failure,
        )
        chosen = at_most(answers, max_confidence) if max_confidence < 1 else answers
        return chosen if sort is None else least_sure_first(chosen)

    def _answers(
        self,
        paths: Sequence[str] | None,
        *,
        by: By,
        names: Vocabulary | str | Sequence[str] | None,
        k: int,
        temperature: float,
        min_confidence: float,
        level: Level,
        unlabelled: bool,
        workers: int | None,
        on_failure: Callable[[str, ModagError], None] | None,
    ) -> Iterator[Classification]:
        """Give all answers as they come."""
        with self._snapshots.present() as snapshot:
            # What is no item is told now, and not when it comes to it.
            find_items(self._catalog, [path for path in paths or () if path.startswith("id:")])
            maker = QueryMaker(self._catalog, snapshot.encoder, snapshot.space)
            try:
                classifier = self._classifier(snapshot, by, names, k=k, temperature=temperature)
            except ModagError:
                _require_any_there(paths or (), maker)
                raise
            copies = self._copy_judge(snapshot, classifier, by)
        decision = Decision(classifier, level=level, min_confidence=min_confidence)
        if paths is None:
            return classify_items(
                self._catalog, snapshot.vectors, classifier, decision, copies=copies, k=k, unlabelled=unlabelled
            )
        queries = maker.make_all(files_in(paths, on_failure), workers=workers, on_failure=on_failure)
        return classify_queries(self._catalog, queries, classifier, decision, copies=copies, k=k)

    def explain(
        self,
        path: str,
        *,
        names: Vocabulary | str | Sequence[str] | None,
        k: int,
        temperature: float,
        level: Level,
    ) -> Explanation:
        """Say why something is called as it is; see `Index.explain`."""
        path = on_disk(path)
        if os.path.isdir(path):
            raise NotMediaError(os.path.abspath(path), "is a folder; name one of the files in it")
        with self._snapshots.present() as snapshot:
            classifier = self._told_by(snapshot, names, k=k, temperature=temperature, with_votes=True)
            copies = CopyJudge(self._catalog, snapshot.get(GIVEN_LABELS), classifier)
            maker = QueryMaker(self._catalog, snapshot.encoder, snapshot.space)
        (batch,) = query_batches(maker.make_all([path]))
        decision = Decision(classifier, level=level, min_confidence=0.0)
        why = explain(self._catalog, classifier, decision, batch, copies=copies, level=level)
        return why if names is not None else replace(why, by_head=self._said_by_head(snapshot, batch, level=level))

    def _said_by_head(self, snapshot: Snapshot, batch: QueryBatch, *, level: Level) -> LabelScore | None:
        """Ask the head as well; None where there is none that can be asked."""
        if mark_of(self._folder / HEAD_FILE) is None:
            return None
        try:
            head = self._head(snapshot)
        except ModagError as error:
            logger.warning("%s", error)
            return None
        decision = Decision(head, level=level, min_confidence=0.0)
        ((label, confidence),) = decision.best(decision.scores(head.answer(batch).probabilities))
        return None if label is None else LabelScore(label, confidence)

    def transfer(self, naming: TransferOptions, *, dry_run: bool) -> TransferReport:
        """Give every unlabelled item the label that the labelled ones are sure of; see `Index.transfer`."""
        return give(self._catalog, self.propose(naming), arguments=naming.as_arguments(), dry_run=dry_run)

    def propose(self, naming: TransferOptions, *, with_unsure: bool = False) -> Proposals:
        """Say what every unlabelled item would be called, and also what is not sure enough, if that is asked for."""
        _check(by=naming.by, names=naming.names)
        with self._snapshots.present() as snapshot:
            classifier = self._classifier(snapshot, naming.by, naming.names, k=naming.k, temperature=naming.temperature)
            copies = self._copy_judge(snapshot, classifier, naming.by)
        _warn_of_contradicted(classifier)
        return propose(
            self._catalog,
            snapshot.vectors,
            classifier,
            Decision(classifier, level=naming.level, min_confidence=naming.min_confidence),
            copies=copies,
            max_confidence=naming.max_confidence,
            with_unsure=with_unsure,
        )

    def train_head(self, *, update: bool, seed: int) -> Head:
        """Fit the head to the labels, or bring it up to date; see `Index.train_head`."""
        self._catalog.require_writable()  # before the work
        with self._snapshots.present() as snapshot:
            labelled = snapshot.get(LABELLED_SET)
        path, space, head = self._folder / HEAD_FILE, snapshot.space.fingerprint, None
        if update:
            former = load_head(path, space=snapshot.space)
            head = updated_head(former, labelled, snapshot.vectors)
            if head is None:
                logger.warning("what the head learnt from has changed or gone; it is fitted anew")
            elif head.untaught != former.untaught:
                # How sure it is of a modality was learnt from examples of it, or without any.
                logger.warning("sounds or pictures have their first label, or lost their last; the head is fitted anew")
                head = None
        head = head or fit_head(labelled, space=space, seed=seed)
        self._keep(HEAD_FILE, head.to_bytes(), error=ModelError)
        self._warn_of_hearsay(head)
        _warn_of_doubtful_confidence(head, snapshot.space, self._folder)
        return head

    def _warn_of_hearsay(self, head: Head) -> None:
        """Warn where the index holds what the head learnt no example of."""
        held = self._catalog.count().segments if head.untaught else {}
        for modality in sorted(head.untaught):
            if held.get((modality, "ok")):
                logger.warning("%s", hearsay(modality))


def _warn_of_contradicted(classifier: Classifier) -> None:
    """Say that labels which look wrong hold others back, and where they are listed."""
    count = classifier.contradicted if isinstance(classifier, NeighbourClassifier) else 0
    if count:
        logger.warning(
            "%s by all others, so that fewer may be named and less surely; `modag audit` lists what looks wrong",
            "1 label is contradicted" if count == 1 else f"{count} labels are contradicted",
        )


def _warn_of_doubtful_confidence(head: Head, space: Space, folder: Path) -> None:
    """Warn where the head learnt how sure to be from labels that the space fits, being trained on them.

    How many are right of what was left out of such a training stands on the card of the space.
    """
    if space.card.get("index") != folder.name:
        return
    for modality, found in space.card.get("naming", {}).items():
        confidence = head.settings[modality].confidence
        if confidence is not None and confidence > found["space"] + _DOUBTFUL:
            logger.warning(
                "the head will be too sure of %s, %.2f on average: the space fits the labels that it was trained on; "
                "of what was left out of a training, %.2f were named right; %s labelled since then teach it better",
                PLURAL[modality],
                confidence,
                found["space"],
                PLURAL[modality],
            )


def _without_tags(
    discriminants: Mapping[Modality, Discriminant], names: tuple[str, ...], tags: set[str]
) -> dict[Modality, Discriminant]:
    """Take the functions of labels that have become tags since they were fitted: these are no answers."""
    is_tag = np.isin(np.array(names, dtype=object), list(tags))
    return {modality: replace(one, bias=np.where(is_tag, -np.inf, one.bias)) for modality, one in discriminants.items()}


def _asking(
    snapshot: Snapshot, neighbours: Neighbours, weights: Mapping[Modality, EvidenceWeights]
) -> NeighbourClassifier:
    return NeighbourClassifier(neighbours, weights, snapshot.get(DENIALS), sample=snapshot.get(SAMPLE))


def _teach_the_same(first: LabelledSet, second: LabelledSet) -> bool:
    return labelled_set_fingerprint(first) == labelled_set_fingerprint(second)


def _require_any_there(paths: Sequence[str], maker: QueryMaker) -> None:
    """Say that a file is not there before anything is said of what it would be called by, where none of them is."""
    if paths and not any(path.startswith("id:") or os.path.lexists(on_disk(path)) for path in paths):
        next(maker.make_all(files_in(paths[:1], None)), None)


def _check(
    *,
    by: By,
    names: Vocabulary | str | Sequence[str] | None,
    sort: Sort = None,
) -> None:
    if by not in ("knn", "head", "names"):
        raise UsageError(f"by must be 'knn', 'head' or 'names', not {by!r}")
    if by == "head" and names is not None:
        raise UsageError("a head answers with the labels that it was fitted to; leave names out, or the head")
    if sort not in (None, "confidence"):
        raise UsageError(f"sort must be 'confidence' or None, not {sort!r}")
