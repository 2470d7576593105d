"""Who names: the labelled neighbours, or a linear head; both answer with how likely each label is."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from modag_search.classify.ahead import computed_ahead
from modag_search.classify.arithmetic.logistic import sigmoid
from modag_search.classify.arithmetic.pooling import EVEN_SHARE
from modag_search.classify.denials import Doubts
from modag_search.classify.known_share import share_of_known, weighed
from modag_search.classify.queries import mean_of_queries
from modag_search.classify.rivals import LabelGroups
from modag_search.classify.vote_samples import HARDLY_POSSIBLE
from modag_search.classify.votes import Votes, list_votes
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from modag_search.classify.arithmetic.lda import Discriminant
    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.arithmetic.pooling import EvidenceWeights
    from modag_search.classify.denials import Denials
    from modag_search.classify.known_share import Sample
    from modag_search.classify.neighbours import Block, Neighbours, QueryEvidence
    from modag_search.classify.queries import QueryBatch, UnreadBatch
    from modag_search.hierarchy import Hierarchy
    from modag_search.values import Float32Array, Int64Array, Modality


logger = logging.getLogger(__name__)

PLURAL: Mapping[Modality, str] = {"image": "pictures", "sound": "sounds"}
"""What messages call media of a modality."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierOutput:
    """What a classifier says of a batch of queries.

    Attributes
    ----------
    probabilities : np.ndarray [shape=(n, n_labels), float64]
        How likely each label is; zeros where nothing could be said.
    votes : Votes
        Who had a part in the answers, where that was asked for and is known.
    """

    probabilities: FloatArray
    votes: Votes


class Classifier(Protocol):
    """Tells how likely each label is; may be asked from several threads."""

    names: tuple[str, ...]
    hierarchy: Hierarchy
    groups: LabelGroups

    def answer(self, batch: QueryBatch, *, most_votes: int = 0) -> ClassifierOutput:
        """Name queries; the sound and the pictures of a video count alike.

        Parameters
        ----------
        batch : QueryBatch
        most_votes : int
            How many of those who had a part in each answer are listed, at the most.

        Returns
        -------
        ClassifierOutput
        """


class NeighbourClassifier:
    """Asks the labelled segments, and weighs what they say; an item has no vote on itself.

    Parameters
    ----------
    neighbours : Neighbours
    evidence_weights : Mapping of modality to EvidenceWeights
        For queries of each modality.
    denials : Denials, optional
    sample : Mapping of modality to QueryBatch, optional
        Items that stand for all of the index: they tell how many are of no labelled class.

    Attributes
    ----------
    known_shares : Mapping of modality to float
        For what share of the items of each modality any label holds that answers are chosen from; in (0, 1).
    shares : Mapping of modality to float
        The same as they count in answers; see `known_share.weighed`.
    """

    def __init__(
        self,
        neighbours: Neighbours,
        evidence_weights: Mapping[Modality, EvidenceWeights],
        denials: Denials | None = None,
        *,
        sample: Sample | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.evidence_weights = evidence_weights
        self.known_shares: Mapping[Modality, float] = dict.fromkeys(MODALITIES, EVEN_SHARE)
        self.shares = self.known_shares
        self.names = neighbours.labelled.names
        self.hierarchy = neighbours.labelled.hierarchy
        self.groups = LabelGroups.of(neighbours.labelled.rivalry, self.names)
        self.doubts = denials and Doubts(
            denials,
            neighbours.labelled,
            self.groups,
            names=self.names,
            hierarchy=self.hierarchy,
            unrelated_similarity=neighbours.unrelated_similarity,
        )
        if sample and not self.goes_by_names_alone:
            self.known_shares = {modality: self._known_share(modality, batch) for modality, batch in sample.items()}
            self.shares = {modality: self._as_it_counts(modality) for modality in MODALITIES}

    def without_denials(self) -> NeighbourClassifier:
        """Return one that judges alike, but for what items are said not to be."""
        judging = NeighbourClassifier(self.neighbours, self.evidence_weights)
        judging.known_shares, judging.shares = self.known_shares, self.shares
        return judging

    def answer(self, batch: QueryBatch, *, most_votes: int = 0) -> ClassifierOutput:
        """Name queries; see `Classifier.answer`."""
        in_full = bool(most_votes) or not self.neighbours.has_many_votes
        blocks = self.neighbours.blocks(batch.segments, batch.items, in_full=in_full)
        answers = [self._answer(block, most_votes, in_full=in_full) for block in blocks]
        none = np.zeros((0, len(self.names)))
        return ClassifierOutput(
            np.concatenate([none, *(answer.probabilities for answer in answers)]),
            Votes.joined(answer.votes for answer in answers),
        )

    @property
    def contradicted(self) -> int:
        """How many labelled items all others contradict, as far as was learnt."""
        return sum(weights.contradicted for weights in self.evidence_weights.values())

    @property
    def has_rivals(self) -> bool:
        """Whether answers are weighed against each other, and against none of them, which one label alone has too."""
        return self.groups.are_rivals

    @property
    def goes_by_names_alone(self) -> bool:
        """Whether no label has an example: labels are what somebody thought of then, and media may be none of these."""
        return self.neighbours.labelled.n_votes == 0

    def probabilities(self, modality: Modality, evidence: Float32Array, *, share: float | None = None) -> FloatArray:
        """Tell how likely labels are by evidence for queries of one modality; see `EvidenceWeights.probabilities`.

        For what `share` of the queries any label holds is by default what `shares` says.
        """
        weights = self.evidence_weights[modality]
        likely = self.groups.probabilities(
            among=lambda labels: weights.probabilities(
                evidence[:, labels],
                exclusive=self.has_rivals,
                by_name_alone=self.goes_by_names_alone,
                share=share or self.shares[modality],
            ),
            alone=lambda: weights.probabilities(evidence, exclusive=False),
        )
        if self.has_rivals or self.goes_by_names_alone:
            return likely
        # How likely each is for itself was learnt from what has labels: that is, if any label holds.
        return likely * self.any_holds(modality, evidence, share=share)[:, None]

    def any_holds(
        self,
        modality: Modality,
        evidence: Float32Array,
        *,
        share: float | None = None,
        among: Collection[str] | None = None,
    ) -> FloatArray:
        """Tell how likely any label holds that answers are chosen from ``[shape=(n,)]``, or any of some of these.

        Other parameters are as of `probabilities`.
        """
        chosen = self.groups.leading
        if among is not None:
            chosen = chosen & np.isin(np.array(self.names, dtype=object), list(among))
        return sigmoid(
            self.evidence_weights[modality].log_odds_of_any(
                evidence[:, chosen], by_name_alone=self.goes_by_names_alone, share=share or self.shares[modality]
            )
        )

    def may_hold(self, modality: Modality, evidence: Float32Array) -> BoolArray:
        """Tell by rough evidence for queries of one modality which labels must be asked in full."""
        return self.probabilities(modality, evidence) >= HARDLY_POSSIBLE

    def _known_share(self, modality: Modality, batch: QueryBatch) -> float:
        """Estimate for what share of the items of a modality any label holds."""
        in_full, weights = not self.neighbours.has_many_votes, self.evidence_weights[modality]
        blocks = self.neighbours.blocks(batch.segments, batch.items, in_full=in_full)
        said = (self._evidence(block, in_full=in_full) for block in blocks)
        odds = [weights.log_odds_of_any(one[modality].evidence[:, self.groups.leading]) for one in said]
        return share_of_known(np.concatenate([np.zeros(0), *odds]))

    def _as_it_counts(self, modality: Modality) -> float:
        """Weigh the share of what is known by how many examples the labels have that answers are chosen from."""
        part = self.neighbours.labelled.by_modality[modality]
        pairs = np.unique(np.stack([part.labels, part.contents[part.rows]]), axis=1)
        counts = np.bincount(pairs[0], minlength=len(self.names))[self.groups.leading]
        # By hearsay alone, a label has no example.
        labels = int(np.count_nonzero(counts))
        return weighed(self.known_shares[modality], examples=counts.sum() / max(labels, 1), labels=labels)

    def known(self, batch: QueryBatch, among: Collection[str]) -> dict[Modality, FloatArray]:
        """Tell how likely any of some labels holds, by what is said of each query's segments of a modality.

        Returns
        -------
        dict of modality to np.ndarray [shape=(n,), float64]
            Of the modalities that any query has segments of; n of these queries, in order. Nothing where none of these
            labels is known.
        """
        if not set(self.names).intersection(among):
            return {}
        in_full = not self.neighbours.has_many_votes
        found: dict[Modality, list[FloatArray]] = {modality: [np.zeros(0)] for modality in batch.segments}
        for block in self.neighbours.blocks(batch.segments, batch.items, in_full=in_full):
            for modality, part in self._evidence(block, in_full=in_full).items():
                found[modality].append(self.any_holds(modality, part.evidence, among=among))
        return {modality: np.concatenate(parts) for modality, parts in found.items()}

    def _evidence(self, block: Block, *, in_full: bool) -> dict[Modality, QueryEvidence]:
        return block.evidence() if in_full else block.likely_evidence(self.may_hold)

    def _answer(self, block: Block, most_votes: int, *, in_full: bool) -> ClassifierOutput:
        evidence = self._evidence(block, in_full=in_full)
        said = [(part.queries, self.probabilities(modality, part.evidence)) for modality, part in evidence.items()]
        probabilities = _mean_of_modalities(said, n=len(block), n_labels=len(self.names))
        if self.doubts:
            probabilities = self.doubts.applied(probabilities, block.segments, block.own)
        if not most_votes:
            return ClassifierOutput(probabilities, Votes.none())
        votes = list_votes(block, evidence, probabilities, self.evidence_weights, most=most_votes)
        return ClassifierOutput(probabilities, votes.of_queries_from(block.first))


class HeadClassifier:
    """Asks a linear head, by the mean vector of each query's segments of a modality.

    A head tells its labels from each other. Whether any of them holds, labelled neighbours tell.

    Parameters
    ----------
    discriminants : Mapping of modality to Discriminant
    names : tuple of str
    hierarchy : Hierarchy
    groups : LabelGroups
    doubts : Doubts
    neighbours : NeighbourClassifier or None
        None where no item is labelled any more: then all are taken to be known.
    untaught : collection of modality
        Those that the head had no example of; it warns once where it is asked about one.
    """

    def __init__(
        self,
        discriminants: Mapping[Modality, Discriminant],
        *,
        names: tuple[str, ...],
        hierarchy: Hierarchy,
        groups: LabelGroups,
        doubts: Doubts,
        neighbours: NeighbourClassifier | None = None,
        untaught: Collection[Modality] = (),
    ) -> None:
        self.discriminants = discriminants
        self._neighbours = neighbours
        self._untaught = set(untaught)
        self.names = names
        self.hierarchy = hierarchy
        self.groups = groups
        self._doubts = doubts

    def answer(self, batch: QueryBatch, *, most_votes: int = 0) -> ClassifierOutput:  # noqa: ARG002
        """Name queries; see `Classifier.answer`. A head has no votes."""
        said = []
        known = self._neighbours.known(batch, self.names) if self._neighbours else {}
        for modality, part in batch.segments.items():
            if modality in self._untaught:
                self._untaught.discard(modality)
                logger.warning("%s", hearsay(modality))
            means = mean_of_queries(part.vectors, part.queries)
            likely = self._probabilities(self.discriminants[modality], means)
            if modality in known:
                # Labels that stand beside those that answers are chosen from may hold where none of these does.
                likely[:, self.groups.leading] *= known[modality][:, None]
            said.append((np.unique(part.queries), likely))
        probabilities = _mean_of_modalities(said, n=len(batch), n_labels=len(self.names))
        return ClassifierOutput(self._doubts.applied(probabilities, batch.segments, batch.items), Votes.none())

    def _probabilities(self, discriminant: Discriminant, vectors: Float32Array) -> FloatArray:
        return self.groups.probabilities(
            among=lambda labels: discriminant.only(labels).probabilities(vectors, exclusive=True),
            alone=lambda: discriminant.probabilities(vectors, exclusive=False),
        )


def hearsay(modality: Modality) -> str:
    """Say what a head's answers are worth for a modality of which it learnt no example, and the way out."""
    own, other = PLURAL[modality], PLURAL["sound" if modality == "image" else "image"]
    return (
        f"the head learnt from no labelled {own}: it names them by their likeness to {other}, and nothing tells how "
        f"often that is right; label some {own}, and `modag train head` again"
    )


def answer_all(
    classifier: Classifier, batches: Iterable[UnreadBatch], *, most_votes: int = 0
) -> Iterator[tuple[QueryBatch, ClassifierOutput]]:
    """Read and name batches of queries, some at once in threads, and give the answers in order.

    Parameters
    ----------
    classifier : Classifier
    batches : iterable of UnreadBatch
        Read by the threads, or in the view of who takes the answers, where they would see another moment.
    most_votes : int
        As for `Classifier.answer`.

    Yields
    ------
    (QueryBatch, ClassifierOutput)
    """

    def answer(batch: QueryBatch) -> tuple[QueryBatch, ClassifierOutput]:
        return batch, classifier.answer(batch, most_votes=most_votes)

    def answer_ahead(unread: UnreadBatch) -> tuple[UnreadBatch, tuple[QueryBatch, ClassifierOutput] | None]:
        batch = unread.read_ahead()
        return unread, None if batch is None else answer(batch)

    for unread, answered in computed_ahead(answer_ahead, batches):
        yield answered or answer(unread.read())


def _mean_of_modalities(said: Iterable[tuple[Int64Array, FloatArray]], *, n: int, n_labels: int) -> FloatArray:
    """Average what is said of queries by their segments of one modality and of the other, where they have both."""
    total, counts = np.zeros((n, n_labels)), np.zeros((n, 1))
    for queries, probabilities in said:
        total[queries] += probabilities
        counts[queries] += 1
    return total / np.maximum(counts, 1)
