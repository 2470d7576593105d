"""Looks over the collection of an index, at one moment of it; changes nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modag_search.classify.labelled_set import can_name
from modag_search.classify.namer import GIVEN_LABELS, LABELLED_SET
from modag_search.curate.audit import contradictions, label_issues, replaced_issues
from modag_search.curate.borders import nearest_to
from modag_search.curate.checking import TransferCheck
from modag_search.curate.conflicting_copies import conflicting_copies
from modag_search.curate.counting import LabelCounter
from modag_search.curate.duplicates import Duplicates
from modag_search.curate.pairs import pair_issues
from modag_search.curate.suggest import suggest
from modag_search.errors import NothingFoundError, UsageError
from modag_search.labels.book import LabelBook
from modag_search.labels.vocabulary import some_of
from modag_search.media import isolated
from modag_search.values import MODALITIES
from modag_search.wording import NOUNS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.namer import Namer
    from modag_search.classify.originals import Original
    from modag_search.classify.transfer import TransferOptions
    from modag_search.curate.checking import Check
    from modag_search.search.snapshot import Snapshot, Snapshots
    from modag_search.values import DuplicateGroup, LabelEstimate, LabelIssue, Modality, PairIssue, Suggestion


logger = logging.getLogger(__name__)


class Curator:
    """Says what to label next, which labels and pairs to look at again, and what stands twice.

    Parameters
    ----------
    catalog : Catalog
    snapshots : Snapshots
    namer : Namer
    """

    def __init__(self, catalog: Catalog, snapshots: Snapshots, namer: Namer) -> None:
        self._catalog = catalog
        self._snapshots = snapshots
        self._namer = namer

    def suggest(
        self, *, n: int, modality: Modality | None, seed: int, near: float | None, label: str | None
    ) -> list[Suggestion]:
        """List what is most worth a label; see `Index.suggest`."""
        if modality not in (*MODALITIES, None):
            raise UsageError(f"modality must be image or sound, not {modality!r}")
        if label is not None and near is None:
            raise UsageError("label goes with near: it says whose likelihood is to be near that")
        if near is not None:
            return self._nearest_to(near, label=label, n=n, modality=modality)
        with self._snapshots.present() as snapshot:
            self._require_items()
            has_labels = self._has_labels(snapshot)
            found = suggest(
                self._catalog,
                snapshot.vectors,
                snapshot.get(self._namer.neighbour_classifier) if has_labels else None,
                unrelated_similarity=snapshot.space.unrelated_similarity,
                n=n,
                modality=modality,
                seed=seed,
            )
        if not found:
            raise _none_left(modality)
        return found

    def _nearest_to(self, near: float, *, label: str | None, n: int, modality: Modality | None) -> list[Suggestion]:
        with self._snapshots.present() as snapshot:
            classifier = snapshot.get(self._namer.neighbour_classifier)
            asked = None if label is None else LabelBook(self._catalog).resolve_class(label)
            found = nearest_to(near, self._catalog, snapshot.vectors, classifier, label=asked, n=n, modality=modality)
        if not found:
            raise _none_left(modality)
        return found

    def check_transfer(self, options: TransferOptions, *, n: int, seed: int) -> TransferCheck:
        """Draw questions about what a transfer would give; see `Index.check_transfer`."""
        with self._snapshots.present() as snapshot:
            proposals = self._namer.propose(options, with_unsure=True)
            given = snapshot.get(GIVEN_LABELS)

        def copies(others: Sequence[tuple[int, str]], of: Collection[int]) -> Mapping[int, Original]:
            return given.copies_among(others, of=of, by_features=options.by != "names")

        return TransferCheck(self._catalog, proposals, options, n=n, seed=seed, copies=copies)

    def count(self, label: str) -> LabelEstimate:
        """Estimate how many items are something; see `Index.count`."""
        return self._counter(label).estimate()

    def check_count(self, label: str, *, n: int, seed: int) -> Check:
        """Draw questions that tell how many items are something; see `Index.check_count`."""
        return self._counter(label).check(n, seed=seed)

    def _counter(self, label: str) -> LabelCounter:
        with self._snapshots.present() as snapshot:
            classifier = snapshot.get(self._namer.neighbour_classifier)
            asked = LabelBook(self._catalog).resolve_class(label)
            return LabelCounter(self._catalog, snapshot.vectors, classifier, label=asked)

    def label_issues(self, *, max_probability: float, can_compare: bool) -> list[LabelIssue]:
        """List labels that others contradict, and those of replaced files; see `Index.audit`.

        Parameters
        ----------
        max_probability : float
        can_compare : bool
            False for the labels of replaced files alone.

        Returns
        -------
        list of LabelIssue
        """
        with self._snapshots.present() as snapshot:
            former = self._catalog.kept_labels.of_former_contents()
            if former and not (can_compare and self._has_labels(snapshot)):
                return replaced_issues(former, {})
            if not can_compare:
                return []
            classifier = snapshot.get(self._namer.neighbour_classifier)
            said = contradictions(self._catalog, snapshot.vectors, classifier, former, max_probability=max_probability)
            return [*replaced_issues(former, said), *self._contradicted(snapshot, classifier, max_probability)]

    def _contradicted(
        self, snapshot: Snapshot, classifier: NeighbourClassifier, max_probability: float
    ) -> list[LabelIssue]:
        """List labels that copies contradict, then those that neighbours do."""
        by_copies = conflicting_copies(
            self._catalog,
            snapshot.get(GIVEN_LABELS),
            classifier.groups.rivalry,
            classifier.hierarchy,
            max_probability=max_probability,
        )
        contradicted = {(issue.id, issue.label) for issue in by_copies}
        found, unchecked = label_issues(self._catalog, classifier, max_probability=max_probability)
        if unchecked:
            logger.warning(
                "%d %s could not be checked, since no other item of the same modality has %s: %s; `modag label PATH... "
                "--as NAME` gives another one",
                len(unchecked),
                "label" if len(unchecked) == 1 else "labels",
                "it" if len(unchecked) == 1 else "them",
                some_of([f"{label} ({NOUNS[modality][0]})" for label, modality in unchecked]),
            )
        return [*by_copies, *(issue for issue in found if (issue.id, issue.label) not in contradicted)]

    def pair_issues(self, *, min_rank: float, seed: int) -> list[PairIssue]:
        """List sounds and pictures that stand together and do not fit; see `Index.audit_pairs`."""
        with self._snapshots.present() as snapshot:
            self._require_items()
            return pair_issues(self._catalog, snapshot.vectors, min_rank=min_rank, seed=seed)

    def duplicates(
        self, *, modality: Modality | None, min_similarity: float | None, alike: bool
    ) -> list[DuplicateGroup]:
        """Find what stands twice, or what is merely alike; see `Index.duplicates`."""
        with self._snapshots.present() as snapshot:
            self._require_items()
            finder = Duplicates(self._catalog, snapshot.encoder.fingerprints)
            find = finder.alike if alike else finder.find
            with isolated():
                return find(modality=modality, min_similarity=min_similarity)

    def _has_labels(self, snapshot: Snapshot) -> bool:
        return can_name(snapshot.get(LABELLED_SET), self._catalog.labels.added())

    def _require_items(self) -> None:
        if next(self._catalog.items.all(), None) is None:
            raise NothingFoundError("the index is empty; `modag index PATH...` takes files in")


def _none_left(modality: Modality | None) -> NothingFoundError:
    what = "item" if modality is None else NOUNS[modality][0]
    return NothingFoundError(f"no {what} is left without a label")
