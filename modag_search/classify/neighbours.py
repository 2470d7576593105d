"""What the labelled segments say of queries, and which of them had a part in an answer; a block of queries at a time.

A block is as many queries as can be compared with all votes at once: a number of cells, one for each segment of a query
and each vote, bounds memory whatever is asked. An item with more segments than that is a block of its own, and is
compared piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import TEMPERATURE, K, label_evidence
from modag_search.classify.queries import QuerySegments, mean_of_queries
from modag_search.classify.vote_samples import MANY_VOTES, Asking, VoteSamples
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modag_search.classify.arithmetic.logistic import BoolArray
    from modag_search.classify.labelled_set import LabelledSet, SortedVotes
    from modag_search.classify.linear_evidence import LinearEvidence
    from modag_search.space import QueryModality

Likely = Callable[["Modality", Float32Array], "BoolArray"]
"""Tells by evidence for queries of a modality which labels may hold ``[shape=(n, n_labels)]``."""

UnrelatedSimilarity = Callable[["QueryModality", "QueryModality"], tuple[float, float]]
"""Mean and deviation of the similarity of unlike things of two modalities; see `space.Space.unrelated_similarity`."""

_CELLS_AT_ONCE = 16_000_000
_CELLS_OF_A_LABEL = 16
"""A segment asked costs as much memory by a label as by this many votes, on the way from evidence to probabilities."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryEvidence:
    """What is said of queries by their segments of one modality.

    Attributes
    ----------
    queries : np.ndarray [shape=(n,), int64]
        Places of the queries that have such segments, ascending.
    evidence : np.ndarray [shape=(n, n_labels, 6), float32]
        For `pooling.EvidenceWeights`, averaged over the segments of each.
    """

    queries: Int64Array
    evidence: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Segments of one modality, compared with all votes.

    Attributes
    ----------
    modality : {"image", "sound"}
        Of the segments.
    queries : np.ndarray [shape=(n,), int64]
        Place in the block of the query of each, ascending.
    above : Mapping of modality to np.ndarray [shape=(n, n_votes), float32]
        How far their similarity to each vote is above that of unlike things, by the modality that votes; -inf for votes
        that a query must not hear.
    above_names : np.ndarray [shape=(n, n_labels), float32]
        Likewise of their similarity to what each label is called; -inf where that is not understood.
    linear : np.ndarray [shape=(n, n_labels), float32]
        What the linear function of each label says of their features; -inf for labels without examples of the modality.
    """

    modality: Modality
    queries: Int64Array
    above: Mapping[Modality, Float32Array]
    above_names: Float32Array
    linear: Float32Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """The labelled segments, and how queries are compared with them.

    Attributes
    ----------
    labelled : LabelledSet
    unrelated_similarity : callable
    linear : Mapping of modality to LinearEvidence
        What features say of the same labels.
    k : int
        How many of the nearest segments of each label and modality weigh by nearness; beside them, all of a label speak
        by their mean.
    temperature : float
        Of their weights, ``exp(similarity / temperature)``.
    """

    labelled: LabelledSet
    unrelated_similarity: UnrelatedSimilarity
    linear: Mapping[Modality, LinearEvidence]
    k: int = K
    temperature: float = TEMPERATURE

    @property
    def has_many_votes(self) -> bool:
        """Whether it takes long to compare with all votes."""
        return self.labelled.n_votes >= MANY_VOTES

    @cached_property
    def samples(self) -> Mapping[Modality, VoteSamples]:
        """The votes of each modality, to be asked of some labels in full and of the others roughly."""
        return {
            modality: VoteSamples(part, n_labels=len(self.labelled.names), k=self.k, temperature=self.temperature)
            for modality, part in self.labelled.by_modality.items()
        }

    def blocks(
        self,
        segments: Mapping[Modality, QuerySegments],
        own: Int64Array,
        *,
        copies: bool = False,
        in_full: bool = True,
    ) -> Iterator[Block]:
        """Divide queries into blocks.

        Parameters
        ----------
        segments : Mapping of modality to QuerySegments
        own : np.ndarray [shape=(n_queries,), int64]
            Item of each query, which it must not hear; with `copies`, a number as in `LabelledVectors.contents`, so
            that it hears no copies either.
        copies : bool
        in_full : bool
            False where `Block.likely_evidence` is asked for, which compares with few votes at once.

        Yields
        ------
        Block
            Each query stands in one, in order.
        """
        counts = sum(np.bincount(part.queries, minlength=len(own)) for part in segments.values())
        ends = np.cumsum(np.broadcast_to(counts, len(own)))
        rows = self._rows_at_once(self.labelled.n_votes if in_full else sum(map(len, self.samples.values())))
        first = 0
        while first < len(own):
            before = int(ends[first - 1]) if first else 0
            fitting = int(np.searchsorted(ends, before + rows, side="right"))
            stop = max(first + 1, fitting)
            of_block = {modality: part.within(first, stop) for modality, part in segments.items()}
            yield Block(self, of_block, own[first:stop], first=first, rows=rows, copies=copies)
            first = stop

    def _rows_at_once(self, n_votes: int) -> int:
        width = max(n_votes, _CELLS_OF_A_LABEL * len(self.labelled.names), 1)
        return max(1, _CELLS_AT_ONCE // width)

    def above_unlike(
        self, modality: Modality, similarities: Float32Array, own: Int64Array, *, copies: bool
    ) -> tuple[dict[Modality, Float32Array], Float32Array]:
        """Make of similarities ``[shape=(n, n_vectors)]``, which are written over, what a `Piece` holds."""
        above, start = {}, 0
        for voting in MODALITIES:
            part = self.labelled.by_modality[voting]
            of_part = similarities[:, start : start + len(part)]
            of_part -= np.float32(self.unrelated_similarity(modality, voting)[0])
            above[voting] = part.in_order_of_votes(of_part)
            above[voting][self.votes_of_own(voting, copies=copies).cast_by(own)] = -np.inf
            start += len(part)
        return above, self.above_unlike_names(modality, similarities[:, start:])

    def above_unlike_names(self, modality: Modality, similarities: Float32Array) -> Float32Array:
        """Make of similarities to what labels are called ``[shape=(n, n_texts)]`` what a `Piece` holds."""
        labelled = self.labelled
        above = np.full((len(similarities), len(labelled.names)), -np.inf, dtype=np.float32)
        if len(labelled.understood):
            unlike = np.float32(self.unrelated_similarity(modality, "text")[0])
            above[:, labelled.understood] = similarities - unlike
        return above

    def votes_of_own(self, voting: Modality, *, copies: bool) -> SortedVotes:
        """Return the votes of a modality by who casts them: items, or with `copies` contents."""
        part = self.labelled.by_modality[voting]
        return part.votes_by_content if copies else part.votes_by_item


class Block:
    """Queries that are compared with all votes at once.

    Parameters
    ----------
    neighbours : Neighbours
    segments : Mapping of modality to QuerySegments
    own : np.ndarray [shape=(n,), int64]
        What each query must not hear.
    first : int
        Place of the block's first query among all.
    rows : int
        How many segments are compared at once, at the most: one query alone may have more.
    copies : bool

    Attributes
    ----------
    segments : Mapping of modality to QuerySegments
    own : np.ndarray [shape=(n,), int64]
    fits : bool
        Whether all segments are compared at once.
    """

    def __init__(
        self,
        neighbours: Neighbours,
        segments: Mapping[Modality, QuerySegments],
        own: Int64Array,
        *,
        first: int,
        rows: int,
        copies: bool,
    ) -> None:
        self.neighbours = neighbours
        self.first = first
        self.segments = segments
        self.own = own
        self._rows = rows
        self._copies = copies
        self.fits = sum(len(part.queries) for part in segments.values()) <= rows

    def __len__(self) -> int:
        return len(self.own)

    @cached_property
    def most_segments(self) -> int:
        """How many segments of one modality a query has that are compared at once, at the most."""
        counts = [int(np.bincount(part.queries).max()) for part in self.segments.values() if len(part.queries)]
        return min(max(counts, default=1), self._rows)

    def pieces(self) -> Iterator[Piece]:
        """Compare the block's segments, those of one modality after the other's; what fits is compared only once."""
        return iter(self._kept) if self.fits else self._compared()

    @cached_property
    def _kept(self) -> list[Piece]:
        # One product for both modalities, and for all that can be had at once: between products, the threads that help
        # with them wait by turning in circles, and take processors from what is done with the results.
        vectors = [part.vectors for part in self.segments.values()]
        similarities = np.concatenate(vectors) @ self.neighbours.labelled.vectors.T
        ends = np.cumsum([len(rows) for rows in vectors]).tolist()
        return [
            self._piece(modality, part, similarities[end - len(part.queries) : end])
            for (modality, part), end in zip(self.segments.items(), ends, strict=True)
        ]

    def _compared(self) -> Iterator[Piece]:
        for modality, part in self.segments.items():
            for start in range(0, len(part.queries), self._rows):
                rows = slice(start, start + self._rows)
                some = QuerySegments(part.vectors[rows], part.features[rows], part.queries[rows])
                yield self._piece(modality, some, some.vectors @ self.neighbours.labelled.vectors.T)

    def _piece(self, modality: Modality, part: QuerySegments, similarities: Float32Array) -> Piece:
        own = self.own[part.queries]
        above, above_names = self.neighbours.above_unlike(modality, similarities, own, copies=self._copies)
        linear = self.neighbours.linear[modality].scores(part.features)
        return Piece(modality, part.queries, above, above_names, linear)

    def evidence(self) -> dict[Modality, QueryEvidence]:
        """Gather what the votes of each modality say of each label, by the modality that asks; see `pooling`."""
        sums = {
            modality: np.zeros((len(self), len(self.neighbours.labelled.names), 6), dtype=np.float32)
            for modality in self.segments
        }
        for piece in self.pieces():
            queries, firsts = np.unique(piece.queries, return_index=True)
            if len(queries):
                sums[piece.modality][queries] += np.add.reduceat(self._said(piece), firsts, axis=0)
        evidence = {}
        for modality, part in self.segments.items():
            queries, counts = np.unique(part.queries, return_counts=True)
            divisors: Float32Array = counts.astype(np.float32)[:, None, None]
            evidence[modality] = self._less_own(modality, queries, sums[modality][queries] / divisors)
        return evidence

    def likely_evidence(self, likely: Likely) -> dict[Modality, QueryEvidence]:
        """Gather evidence as `evidence` does, where there are many votes: roughly, of labels that hardly may hold.

        Parameters
        ----------
        likely : callable
            Tells which may hold by what a sample of the votes says.

        Returns
        -------
        dict of modality to QueryEvidence
        """
        if not self.fits:
            return self.evidence()
        return {modality: self._likely_evidence(modality, part, likely) for modality, part in self.segments.items()}

    def _likely_evidence(self, modality: Modality, part: QuerySegments, likely: Likely) -> QueryEvidence:
        neighbours = self.neighbours
        queries, places = np.unique(part.queries, return_inverse=True)
        asking = {
            voting: Asking(
                part.vectors, self.own[part.queries], np.float32(neighbours.unrelated_similarity(modality, voting)[0])
            )
            for voting in own_first(modality)
        }
        of_votes = {voting: neighbours.votes_of_own(voting, copies=self._copies) for voting in asking}
        columns = []
        for voting, segments in asking.items():
            samples = neighbours.samples[voting]
            means = samples.means(segments, of_votes[voting])
            rough = samples.rough_kernels(segments, of_votes[voting])
            # Where all of a sample is the query's own, the others are known by their mean.
            columns += [means, np.where(np.isfinite(rough), rough, means)]
        of_texts = neighbours.labelled.vectors[len(neighbours.labelled.vectors) - len(neighbours.labelled.understood) :]
        columns.append(neighbours.above_unlike_names(modality, part.vectors @ of_texts.T))
        columns.append(neighbours.linear[modality].scores(part.features))
        said = mean_of_queries(np.stack(columns, axis=-1), part.queries)
        evidence = self._less_own(modality, queries, said)
        wanted = likely(modality, evidence.evidence)
        for side, (voting, segments) in enumerate(asking.items()):
            in_full = neighbours.samples[voting].kernels(segments, of_votes[voting], wanted[places])
            for label, rows, kernels in in_full:
                asked = part.queries[rows]
                evidence.evidence[np.unique(places[rows]), label, 2 * side + 1] = mean_of_queries(kernels, asked)
        return evidence

    def _less_own(self, modality: Modality, queries: Int64Array, said: Float32Array) -> QueryEvidence:
        """Let queries that are examples hear of features what they would say without them."""
        examples, scores = self.neighbours.linear[modality].of_own(self.own[queries], copies=self._copies)
        said[examples, :, 5] = scores
        # A label whose only example of the modality is the query itself says nothing of it.
        said[..., 5] = np.where(np.isfinite(said[..., 0]), said[..., 5], np.float32(-np.inf))
        return QueryEvidence(queries, said)

    def _said(self, piece: Piece) -> Float32Array:
        """Gather what each segment hears of each label ``[shape=(n, n_labels, 6)]``, as `pooling` arranges evidence."""
        neighbours, labelled = self.neighbours, self.neighbours.labelled
        parts = [
            label_evidence(
                piece.above[voting],
                labelled.by_modality[voting].labels,
                n_labels=len(labelled.names),
                k=neighbours.k,
                temperature=neighbours.temperature,
            )
            for voting in own_first(piece.modality)
        ]
        return np.concatenate([*parts, piece.above_names[..., None], piece.linear[..., None]], axis=-1)


def own_first(modality: Modality) -> list[Modality]:
    """Return both modalities, that of the query first."""
    return sorted(MODALITIES, key=lambda one: one != modality)
