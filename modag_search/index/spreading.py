"""What labels do for the rest of an index: the part of `Index` that names and looks over."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modag_search.classify.arithmetic.knn import TEMPERATURE, K
from modag_search.classify.classifiers import HeadClassifier, NeighbourClassifier
from modag_search.classify.classify import classify_items, classify_queries, files_in
from modag_search.classify.decision import Decision
from modag_search.classify.labelled_set import LabelledSet, read_labelled_set, require_labels
from modag_search.classify.leave_one_out import kept_evidence_weights
from modag_search.classify.linear_head import fit_head, load_head, updated_head
from modag_search.classify.neighbours import Neighbours
from modag_search.classify.transfer import transfer_labels
from modag_search.curate.audit import label_issues
from modag_search.curate.duplicates import DuplicateGroup, Duplicates
from modag_search.curate.pairs import pair_issues
from modag_search.curate.suggest import suggest
from modag_search.errors import NothingFoundError, UsageError
from modag_search.index.opening import no_space_joins
from modag_search.search.query import QueryMaker
from modag_search.search.snapshot import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import Classifier
    from modag_search.classify.classify import By
    from modag_search.classify.decision import Level
    from modag_search.classify.linear_head import Head
    from modag_search.errors import ModagError
    from modag_search.features.encoding import MediaEncoder
    from modag_search.search.snapshot import Snapshot, Snapshots
    from modag_search.settings import IndexSettings
    from modag_search.space import Space
    from modag_search.values import Classification, LabelIssue, Modality, PairIssue, Suggestion, TransferReport

logger = logging.getLogger(__name__)

_EVIDENCE_WEIGHTS_FILE = "calibration.json"
_HEAD_FILE = "head.safetensors"

LABELLED_SET: Part[LabelledSet] = Part(
    "labelled set", lambda snapshot, former: read_labelled_set(snapshot.catalog, snapshot.vectors, former=former)
)

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One path or several."""


class Spreading:
    """Names by labels, and looks over a collection; `Index` is one, and gives it what it stands on."""

    folder: Path
    _snapshots: Snapshots

    if TYPE_CHECKING:

        @property
        def settings(self) -> IndexSettings:
            """What the index is made with."""

        @property
        def catalog(self) -> Catalog:
            """What the index knows."""

        @property
        def space(self) -> Space:
            """The space that the vectors are in."""

        @property
        def _encoder(self) -> MediaEncoder: ...

    def _require_joined(self) -> None:
        """Refuse to spread labels where some of what would be named cannot be compared with some that have labels."""
        if self.space.joins:
            return
        stored = {modality for (modality, status), n in self.catalog.count().segments.items() if n and status == "ok"}
        if len(stored) > 1:
            raise no_space_joins(self.settings, self.folder, "labels of the one say nothing of the other")

    # Who names.

    @functools.cached_property
    def _neighbour_classifier(self) -> Part[NeighbourClassifier]:
        """The labelled neighbours as they are asked by default."""
        return Part(
            "neighbour classifier", lambda snapshot, _: self._neighbours(snapshot, k=K, temperature=TEMPERATURE)
        )

    def _neighbours(self, snapshot: Snapshot, *, k: int, temperature: float) -> NeighbourClassifier:
        """Return the labelled neighbours, with what leave-one-out has learnt of how far to trust them."""
        labelled = snapshot.get(LABELLED_SET)
        require_labels(labelled, snapshot.catalog)
        neighbours = Neighbours(
            labelled=labelled,
            unrelated_similarity=snapshot.space.unrelated_similarity,
            k=k,
            temperature=temperature,
        )
        moment = labelled.moment
        state = {
            "label_generation": moment.label_generation,
            "generation": [moment.generation, moment.token],
            "space": snapshot.space.fingerprint,
        }
        weights = kept_evidence_weights(self.folder / _EVIDENCE_WEIGHTS_FILE, neighbours, state=state)
        return NeighbourClassifier(neighbours, weights)

    def _head(self, snapshot: Snapshot) -> HeadClassifier:
        head = load_head(self.folder / _HEAD_FILE, space=snapshot.space.fingerprint)
        if head.label_generation != snapshot.moment.label_generation:
            logger.warning(
                "labels have changed since the head was fitted; `modag train head --update` takes the changes in"
            )
        return HeadClassifier(
            head.discriminants(),
            names=head.names,
            hierarchy=snapshot.catalog.hierarchy.get(),
            is_exclusive=snapshot.catalog.hierarchy.exclude_each_other,
        )

    def _classifier(self, snapshot: Snapshot, by: By, *, k: int, temperature: float) -> Classifier:
        if by == "head":
            return self._head(snapshot)
        if (k, temperature) == (K, TEMPERATURE):
            return snapshot.get(self._neighbour_classifier)
        return self._neighbours(snapshot, k=k, temperature=temperature)

    # Naming.

    def classify(
        self,
        paths: Paths | None = None,
        *,
        by: By = "knn",
        k: int = K,
        temperature: float = TEMPERATURE,
        min_confidence: float = 0.0,
        level: Level = None,
        unlabelled: bool = False,
        workers: int | None = None,
        on_failure: Callable[[ModagError], None] | None = None,
    ) -> list[Classification]:
        """Name files by the labelled items of the index, of whatever modality.

        Confidence is how likely a label is right: it is learnt by leaving labelled items out, whenever labels change.
        It holds for media like those that have labels; for others it may be off.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them, optional
            Media files, folders of them, or ``id:N``; without it, all items of the index, by their stored features.
        by : {"knn", "head"}
            By the nearest labelled segments, or by the head that `train_head` fitted.
        k : int
            How many of the nearest labelled segments of each label and modality weigh by nearness,
            ``exp(similarity / temperature)``, beside the mean of all of the label; and how many neighbours each answer
            lists, of those that weighed most.
        temperature : float
        min_confidence : float
            Below it, the label is None: unknown.
        level : int or "deepest", optional
            Answer on a level of the hierarchy of labels, from 0 at the top; ``deepest`` with the lowest label that is
            sure enough. By default with labels as they were given.
        unlabelled : bool
            Without `paths`: only items without a label.
        workers : int, optional
            Threads that decode and encode; default one a processor.
        on_failure : callable, optional
            Called with the error of each file that cannot be read or is silent or black, and has no answer then;
            without it, the first such error is raised.

        Returns
        -------
        list of Classification
            In the order of `paths`; those of items in order of their paths.

        Raises
        ------
        UsageError
            If an argument cannot be meant.
        MediaError
            If a file cannot be read.
        NothingFoundError
            If the index holds no labels, or a file is silent or black.
        ModelError
            If there is no head, or it was fitted in another space.
        """
        return list(
            self.classify_each(
                paths,
                by=by,
                k=k,
                temperature=temperature,
                min_confidence=min_confidence,
                level=level,
                unlabelled=unlabelled,
                workers=workers,
                on_failure=on_failure,
            )
        )

    def classify_each(
        self,
        paths: Paths | None = None,
        *,
        by: By = "knn",
        k: int = K,
        temperature: float = TEMPERATURE,
        min_confidence: float = 0.0,
        level: Level = None,
        unlabelled: bool = False,
        workers: int | None = None,
        on_failure: Callable[[ModagError], None] | None = None,
    ) -> Iterator[Classification]:
        """Name files or items as `classify` does, and give the answers as they come: a large index never fits a list.

        All answers are by the labels of the moment of the call.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them, optional
        by : {"knn", "head"}
        k : int
        temperature : float
        min_confidence : float
        level : int or "deepest", optional
        unlabelled : bool
        workers : int, optional
        on_failure : callable, optional
            As in `classify`, all of them.

        Returns
        -------
        iterator of Classification
            In the order of `classify`.

        Raises
        ------
        UsageError, NothingFoundError, ModelError
            As `classify`, at once.
        MediaError
            Where it comes to a file that cannot be read.
        """
        _check_naming(by=by, k=k, temperature=temperature, level=level, min_confidence=min_confidence)
        self._require_joined()
        with self._snapshots.present() as snapshot:
            classifier = self._classifier(snapshot, by, k=k, temperature=temperature)
        decision = Decision(classifier, level=level, min_confidence=min_confidence)
        if paths is None:
            return classify_items(self.catalog, snapshot.vectors, classifier, decision, k=k, unlabelled=unlabelled)
        maker = QueryMaker(self.catalog, snapshot.encoder, snapshot.space)
        files = files_in(one_or_more(paths), on_failure)
        queries = maker.make_all(files, workers=workers, on_failure=on_failure)
        return classify_queries(self.catalog, queries, classifier, decision, k=k)

    def transfer(
        self,
        *,
        min_confidence: float = 0.8,
        by: By = "knn",
        k: int = K,
        temperature: float = TEMPERATURE,
        level: Level = None,
        dry_run: bool = False,
    ) -> TransferReport:
        """Give every unlabelled item the label that the labelled ones are sure enough of; nothing is decoded.

        What is transferred can be taken back by its run (`labels.undo`), and never votes itself.

        Parameters
        ----------
        min_confidence : float
            Among labels with this confidence, about as many are right.
        by : {"knn", "head"}
        k : int
        temperature : float
        level : int or "deepest", optional
            As in `classify`.
        dry_run : bool
            Write nothing; report what would be given.

        Returns
        -------
        TransferReport

        Raises
        ------
        UsageError, NothingFoundError, ModelError
            As `classify`.
        """
        _check_naming(by=by, k=k, temperature=temperature, level=level, min_confidence=min_confidence)
        self._require_joined()
        with self._snapshots.present() as snapshot:
            classifier = self._classifier(snapshot, by, k=k, temperature=temperature)
        return transfer_labels(
            self.catalog,
            snapshot.vectors,
            classifier,
            Decision(classifier, level=level, min_confidence=min_confidence),
            arguments={"by": by, "level": level, "min_confidence": min_confidence},
            dry_run=dry_run,
        )

    def train_head(self, *, update: bool = False, seed: int = 0) -> Head:
        """Fit a linear head to the vectors of the labelled items, for ``classify(by="head")``.

        Parameters
        ----------
        update : bool
            Take in what has changed since the head was fitted, and leave its settings as they are: the same head as a
            fit with these settings, from the changes alone.
        seed : int
            Deals the folds of the cross-validation that chooses the settings.

        Returns
        -------
        Head

        Raises
        ------
        NothingFoundError
            If fewer than two labels have items.
        ModelError
            With `update`, if there is no head.
        """
        self._require_joined()
        with self._snapshots.present() as snapshot:
            labelled = snapshot.get(LABELLED_SET)
        path, space, head = self.folder / _HEAD_FILE, snapshot.space.fingerprint, None
        if update:
            head = updated_head(load_head(path, space=space), labelled, snapshot.vectors)
            if head is None:
                logger.warning("items that the head learnt from have changed or gone; it is fitted anew")
        head = head or fit_head(labelled, space=space, seed=seed)
        head.save(path)
        return head

    # Looking over a collection.

    def suggest(self, *, n: int = 20, modality: Modality | None = None, seed: int = 0) -> list[Suggestion]:
        """List the items that are most worth a label, so that the fewest labels name the most.

        Parameters
        ----------
        n : int
        modality : {"image", "sound"}, optional
            Default both.
        seed : int
            Of the draw that large collections are looked at by.

        Returns
        -------
        list of Suggestion
            The most worthwhile first; each takes into account that those before it get a label.

        Raises
        ------
        NothingFoundError
            If no item is without a label.
        """
        if n < 1:
            raise UsageError(f"n must be 1 at least, not {n}")
        self._require_items()
        self._require_joined()
        with self._snapshots.present() as snapshot:
            has_labels = bool(snapshot.get(LABELLED_SET).names)
            classifier = snapshot.get(self._neighbour_classifier) if has_labels else None
        found = suggest(
            self.catalog,
            snapshot.vectors,
            classifier,
            unrelated_similarity=snapshot.space.unrelated_similarity,
            n=n,
            modality=modality,
            seed=seed,
        )
        if not found:
            raise NothingFoundError("no item is left without a label")
        return found

    def audit(self, *, max_probability: float = 0.1) -> list[LabelIssue]:
        """List labels that the other labelled items contradict.

        Parameters
        ----------
        max_probability : float
            How likely a label may be, by all others, to be listed.

        Returns
        -------
        list of LabelIssue
            The most doubtful first.

        Raises
        ------
        NothingFoundError
            If nothing is labelled.
        """
        self._require_joined()
        with self._snapshots.present() as snapshot:
            classifier = snapshot.get(self._neighbour_classifier)
        return label_issues(self.catalog, classifier, max_probability=max_probability)

    def audit_pairs(self, *, min_rank: float = 0.5, seed: int = 0) -> list[PairIssue]:
        """List sounds and pictures that stand together and do not fit each other.

        What stands together: the sound and the frames of a video, and a sound and a picture of one name in one folder.

        Parameters
        ----------
        min_rank : float
            Share of others that fit better, from which on a pair is listed; 0.5 is no better than chance.
        seed : int
            Of the draw that large collections are looked at by.

        Returns
        -------
        list of PairIssue
            The worst first.
        """
        self._require_items()
        self._require_joined()
        with self._snapshots.present() as snapshot:
            vectors = snapshot.vectors
        return pair_issues(self.catalog, vectors, min_rank=min_rank, seed=seed)

    def duplicates(
        self, *, modality: Modality | None = None, min_similarity: float | None = None
    ) -> list[DuplicateGroup]:
        """Find the same sound or picture at another size, rate or quality; nothing is changed.

        Sounds are confirmed by their waveforms, which takes reading the files that are alike; see `curate.duplicates`.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Default both.
        min_similarity : float, optional
            Of features, from which on items are duplicates; by default one for each modality, see
            `curate.duplicates.DEFAULT_MIN_SIMILARITY`.

        Returns
        -------
        list of DuplicateGroup
            In each the best copy first.
        """
        self._require_items()
        return Duplicates(self.catalog, self._encoder.fingerprints).find(
            modality=modality, min_similarity=min_similarity
        )

    def _require_items(self) -> None:
        if next(self.catalog.items.all(), None) is None:
            raise NothingFoundError("the index is empty; `modag index PATH...` takes files in")


def _check_naming(*, by: By, k: int, temperature: float, level: Level, min_confidence: float) -> None:
    if not (level is None or level == "deepest" or (isinstance(level, int) and level >= 0)):
        raise UsageError(f"level must be a number from 0, or 'deepest', not {level!r}")
    if not 0 <= min_confidence <= 1:
        raise UsageError(f"min_confidence must lie from 0 to 1, not {min_confidence}")
    if by not in ("knn", "head"):
        raise UsageError(f"by must be 'knn' or 'head', not {by!r}")
    if k < 1:
        raise UsageError(f"k must be 1 at least, not {k}")
    if not temperature > 0:
        raise UsageError(f"temperature must be above 0, not {temperature}")


def one_or_more(paths: Paths) -> list[str]:
    """Take a single path for a list of one."""
    if isinstance(paths, (str, os.PathLike)):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]
