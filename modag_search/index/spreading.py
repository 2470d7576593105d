"""What labels do for the rest of an index: the part of `Index` that names and looks over."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modag_search.classify.classify import Naming
from modag_search.curate.curation import Curation
from modag_search.curate.duplicates import DuplicateGroup, Duplicates
from modag_search.errors import NothingFoundError, UsageError
from modag_search.index.opening import no_space_joins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.classify import By
    from modag_search.classify.decision import Level
    from modag_search.classify.linear_head import Head
    from modag_search.errors import ModagError
    from modag_search.features.encoding import MediaEncoder
    from modag_search.features.vectors import SegmentVectors
    from modag_search.search.query import QueryMaker
    from modag_search.settings import IndexSettings
    from modag_search.space import Space
    from modag_search.values import Classification, LabelIssue, Modality, PairIssue, Suggestion, TransferReport

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One path or several."""


class Spreading:
    """Names by labels, and looks over a collection; `Index` is one, and gives it what it stands on."""

    folder: Path

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

        @property
        def _segment_vectors(self) -> SegmentVectors: ...

        @property
        def _queries(self) -> QueryMaker: ...

    def _require_joined(self) -> None:
        """Refuse to spread labels where some of what would be named cannot be compared with some that have labels."""
        if self.space.joins:
            return
        stored = {modality for (modality, status), n in self.catalog.count().segments.items() if n and status == "ok"}
        if len(stored) > 1:
            raise no_space_joins(self.settings, self.folder, "labels of the one say nothing of the other")

    @property
    def _naming(self) -> Naming:
        self._require_joined()
        return Naming(
            self.folder,
            catalog=self.catalog,
            space=self.space,
            vectors=self._segment_vectors,
            queries=self._queries,
        )

    @property
    def _curation(self) -> Curation:
        self._require_joined()
        return Curation(self.catalog, self._segment_vectors, background=self.space.unrelated_similarity)

    # Naming.

    def classify(
        self,
        paths: Paths | None = None,
        *,
        by: By = "knn",
        k: int = 20,
        temperature: float = 0.07,
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
        _check_naming(level=level, min_confidence=min_confidence)
        judge = self._naming.judge(by, k=k, temperature=temperature)
        if paths is None:
            return list(
                self._naming.classify_items(
                    judge, level=level, min_confidence=min_confidence, k=k, unlabelled=unlabelled
                )
            )
        named = self._naming.classify(
            one_or_more(paths),
            judge,
            level=level,
            min_confidence=min_confidence,
            k=k,
            workers=workers,
            on_failure=on_failure,
        )
        return list(named)

    def transfer(
        self,
        *,
        min_confidence: float = 0.8,
        by: By = "knn",
        k: int = 20,
        temperature: float = 0.07,
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
        _check_naming(level=level, min_confidence=min_confidence)
        judge = self._naming.judge(by, k=k, temperature=temperature)
        return self._naming.transfer(judge, level=level, min_confidence=min_confidence, dry_run=dry_run, by=by)

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
        return self._naming.train_head(update=update, seed=seed)

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
        judge = (
            self._naming.neighbour_classifier() if len(self.catalog.labels.labelled_segments(given=True)[0]) else None
        )
        found = self._curation.suggest(judge, n=n, modality=modality, seed=seed)
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
        return self._curation.label_issues(self._naming.neighbour_classifier(), max_probability=max_probability)

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
        return self._curation.pair_issues(min_rank=min_rank, seed=seed)

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


def _check_naming(*, level: Level, min_confidence: float) -> None:
    if not (level is None or level == "deepest" or (isinstance(level, int) and level >= 0)):
        raise UsageError(f"level must be a number from 0, or 'deepest', not {level!r}")
    if not 0 <= min_confidence <= 1:
        raise UsageError(f"min_confidence must lie from 0 to 1, not {min_confidence}")


def one_or_more(paths: Paths) -> list[str]:
    """Take a single path for a list of one."""
    if isinstance(paths, (str, os.PathLike)):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]
