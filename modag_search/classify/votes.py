"""Who had a part in an answer: labelled segments, with what each said and how much it weighed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import like_sized, padded
from modag_search.classify.arithmetic.vote_shares import (
    divided_among_evidence,
    greatest_of_rows,
    kernel_shares,
    likely_labels,
    not_outweighed,
)
from modag_search.classify.neighbours import own_first
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modag_search.classify.arithmetic.logistic import BoolArray, FloatArray
    from modag_search.classify.arithmetic.pooling import EvidenceWeights
    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.classify.neighbours import Block, Piece, QueryEvidence

_CELLS_AT_ONCE = 2_000_000
_ROUNDING = 0.999
"""Weights that are as near to each other as this may be in either order."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Parts that labelled segments had in answers, of one query after the other, the greatest first.

    Attributes
    ----------
    queries : np.ndarray [shape=(n,), int64]
        Ascending.
    sources : np.ndarray [shape=(n,), int64]
        Number of the modality of each segment, in `MODALITIES`.
    segments, items : np.ndarray [shape=(n,), int64]
        Ids.
    spans_s : np.ndarray [shape=(n, 2), float64]
        Where segments begin and end in their files, in seconds; NaN for pictures.
    labels : np.ndarray [shape=(n,), int64]
        What each voted for.
    similarities : np.ndarray [shape=(n,), float32]
        Cosine of the query's nearest segment.
    weights : np.ndarray [shape=(n,), float64]
        Shares of all that was said for any label, in [0, 1].
    """

    queries: Int64Array
    sources: Int64Array
    segments: Int64Array
    items: Int64Array
    spans_s: FloatArray
    labels: Int64Array
    similarities: Float32Array
    weights: FloatArray

    @classmethod
    def none(cls) -> Votes:
        """Return no votes."""
        whole = np.zeros(0, dtype=np.int64)
        return cls(whole, whole, whole, whole, np.zeros((0, 2)), whole, np.zeros(0, dtype=np.float32), np.zeros(0))

    @classmethod
    def joined(cls, parts: Iterable[Votes]) -> Votes:
        """Put votes after each other."""
        every = (cls.none(), *parts)
        return cls(*(np.concatenate([getattr(part, name) for part in every]) for name in cls.__slots__))

    def of_queries_from(self, first: int) -> Votes:
        """Return the same votes, their queries counted from another place."""
        return replace(self, queries=self.queries + first)


def list_votes(
    block: Block,
    evidence: Mapping[Modality, QueryEvidence],
    probabilities: FloatArray,
    weights: Mapping[Modality, EvidenceWeights],
    *,
    most: int,
) -> Votes:
    """List the parts that labelled segments have in the answers to a block of queries.

    Labels that are hardly possible are passed over.

    Parameters
    ----------
    block : Block
    evidence : Mapping of modality to QueryEvidence
        Of the block.
    probabilities : np.ndarray [shape=(n, n_labels), float64]
        Of the answers.
    weights : Mapping of modality to EvidenceWeights
        That made the answers.
    most : int
        How many a query, at the most: by weight, then similarity, then the id of the segment.

    Returns
    -------
    Votes
        Queries are counted from the block's first.
    """
    n_modalities = np.zeros(len(block))
    for part in evidence.values():
        n_modalities[part.queries] += 1
    # Both modalities of a video have equal parts, and where several labels hold, weights add up to one all the same.
    shares = probabilities / (np.maximum(n_modalities, 1) * np.maximum(probabilities.sum(axis=1), 1.0))[:, None]
    likely = likely_labels(shares)
    candidates: list[_Candidates] = []
    for modality, part in evidence.items():
        there = np.isfinite(part.evidence[..., [0, 2, 4]])
        divided = np.zeros((*likely.shape, 4))
        divided[part.queries] = divided_among_evidence(weights[modality], there)
        heard = np.zeros((*likely.shape, 2), dtype=bool)
        heard[part.queries] = there[..., :2] & likely[part.queries, :, None]
        floor, may_count = _floor(block, modality, divided * shares[..., None], most=most)
        for pairs in _compared(block, modality, heard & may_count):
            side = 2 * own_first(modality).index(pairs.voting)
            said = _Said(
                divided[pairs.queries, pairs.labels, side : side + 2],
                shares[pairs.queries, pairs.labels],
                floor[pairs.queries],
            )
            candidates.append(_weighed(block, pairs, said, most=most))
    return _greatest_of_queries(block.neighbours.labelled, candidates, most=most)


class _Pairs:
    """Pairs of a query and a label, and what the votes of one modality for the label say of the query.

    Parameters
    ----------
    asking, voting : {"image", "sound"}
    queries, labels : np.ndarray [shape=(n,), int64]
    votes : np.ndarray [shape=(n, width), int64]
        Places among the votes of the modality that votes.
    there : np.ndarray [shape=(n, width), bool]
        False for padding: labels have different numbers of votes.

    Attributes
    ----------
    nearest : np.ndarray [shape=(n, width), float32]
        How far the nearest of the query's segments is above unlike things; -inf for what is padding, and for votes that
        the query must not hear.
    """

    def __init__(
        self,
        asking: Modality,
        voting: Modality,
        *,
        queries: Int64Array,
        labels: Int64Array,
        votes: Int64Array,
        there: BoolArray,
    ) -> None:
        self.asking = asking
        self.voting = voting
        self.queries = queries
        self.labels = labels
        self.votes = votes
        self.nearest = np.full(votes.shape, -np.inf, dtype=np.float32)
        self._padding = None if there.all() else ~there
        self._shares = np.zeros(votes.shape, dtype=np.float32)
        self._n_segments = np.zeros(len(queries), dtype=np.float32)

    def take(self, piece: Piece, *, k: int, temperature: float) -> None:
        """Take in segments of the queries; those of one query may come in several pieces."""
        firsts = np.searchsorted(piece.queries, self.queries, side="left")
        counts = np.searchsorted(piece.queries, self.queries, side="right") - firsts
        # A row for each segment of each pair's query; those of a pair begin at `begins`.
        begins = np.cumsum(counts) - counts
        pairs = np.repeat(np.arange(len(counts)), counts)
        segments = np.arange(len(pairs)) + np.repeat(firsts - begins, counts)
        above = piece.above[self.voting][segments[:, None], self.votes[pairs]]
        if self._padding is not None:
            above[self._padding[pairs]] = -np.inf
        shares = kernel_shares(above, k=k, temperature=temperature)
        if len(pairs) > len(counts):
            shares, above = np.add.reduceat(shares, begins, axis=0), np.maximum.reduceat(above, begins, axis=0)
        self._shares += shares
        np.maximum(self.nearest, above, out=self.nearest)
        self._n_segments += counts

    @property
    def kernels(self) -> Float32Array:
        """Share of each vote in its label's kernel estimate, averaged over the query's segments, as `nearest`."""
        return self._shares / self._n_segments[:, None]


def _compared(block: Block, asking: Modality, heard: BoolArray) -> Iterator[_Pairs]:
    """Compare the block's queries of one modality with the votes for some labels.

    Parameters
    ----------
    block : Block
    asking : {"image", "sound"}
    heard : np.ndarray [shape=(n, n_labels, 2), bool]
        For which labels, of the query's own modality and of the other: it hears a vote for each.

    Yields
    ------
    _Pairs
    """
    parts = _parts(block, asking, heard)
    # Where all similarities are at hand, some pairs after the others; where a query alone has more segments, all of its
    # pairs at once, so that its similarities are made anew only once.
    for together in ([part] for part in parts) if block.fits else [list(parts)]:
        for piece in block.pieces():
            for pairs in together:
                if piece.modality == asking:
                    pairs.take(piece, k=block.neighbours.k, temperature=block.neighbours.temperature)
        yield from together


def _parts(block: Block, asking: Modality, heard: BoolArray) -> Iterator[_Pairs]:
    """List the pairs, those of labels with about as many votes together, and of bounded size."""
    for side, voting in enumerate(own_first(asking)):
        of_votes = block.neighbours.labelled.by_modality[voting].labels
        starts, stops = (np.searchsorted(of_votes, np.arange(heard.shape[1]), side=edge) for edge in ("left", "right"))
        queries, labels = np.nonzero(heard[..., side])
        sizes = (stops - starts)[labels]
        for alike in like_sized(sizes):
            step = max(1, _CELLS_AT_ONCE // (int(sizes[alike].max()) * block.most_segments))
            for start in range(0, len(alike), step):
                part = alike[start : start + step]
                votes, there = padded(starts[labels[part]], sizes[part])
                yield _Pairs(asking, voting, queries=queries[part], labels=labels[part], votes=votes, there=there)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Votes that may be among the greatest of a query, a row each.

    Attributes
    ----------
    queries : np.ndarray [shape=(n,), int64]
    sources, votes : np.ndarray [shape=(n,), int64]
        Number of the modality that votes, in `MODALITIES`, and place among its votes.
    similarities : np.ndarray [shape=(n,), float32]
    weights : np.ndarray [shape=(n,), float64]
    """

    queries: Int64Array
    sources: Int64Array
    votes: Int64Array
    similarities: Float32Array
    weights: FloatArray

    @classmethod
    def joined(cls, parts: Iterable[_Candidates]) -> _Candidates:
        """Put the rows of several after each other; there must be one at least."""
        columns = zip(*([getattr(part, name) for name in cls.__slots__] for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def only(self, rows: Int64Array) -> _Candidates:
        """Return some of the rows."""
        return _Candidates(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What is known of pairs of a query and a label before their votes are weighed.

    Attributes
    ----------
    divided : np.ndarray [shape=(n, 2), float64]
        Parts that mean and kernel of the modality have of what is said for the label.
    shares : np.ndarray [shape=(n,), float64]
        Part that the label has of what is said for all.
    floor : np.ndarray [shape=(n,), float64]
        Lighter votes cannot be among the query's greatest.
    """

    divided: FloatArray
    shares: FloatArray
    floor: FloatArray


def _weighed(block: Block, pairs: _Pairs, said: _Said, *, most: int) -> _Candidates:
    """Weigh the votes for each pair of a query and a label; of each, `most` are kept at the most."""
    heard = np.isfinite(pairs.nearest)
    each = (said.divided[:, 0] / heard.sum(axis=1)).astype(np.float32)
    weights = each[:, None] + said.divided[:, 1].astype(np.float32)[:, None] * pairs.kernels
    similarities = pairs.nearest + np.float32(block.neighbours.unrelated_similarity(pairs.asking, pairs.voting)[0])
    counts = heard & (weights * said.shares[:, None] >= said.floor[:, None])
    many = np.flatnonzero(counts.sum(axis=1) > most)
    if len(many):
        counts[many] = greatest_of_rows(weights[many], similarities[many], counts[many], most=most)
    rows, columns = np.nonzero(counts)
    return _Candidates(
        queries=pairs.queries[rows],
        sources=np.full(len(rows), MODALITIES.index(pairs.voting)),
        votes=pairs.votes[rows, columns],
        similarities=similarities[rows, columns],
        weights=weights[rows, columns] * said.shares[rows],
    )


def _greatest_of_queries(labelled: LabelledSet, candidates: list[_Candidates], *, most: int) -> Votes:
    """Choose the greatest votes of each query, in order."""
    if not candidates:
        return Votes.none()
    joined = _Candidates.joined(candidates)
    near = joined.only(not_outweighed(joined.queries, joined.weights, most=most))
    segments, items, labels = (np.empty_like(near.votes) for _ in range(3))
    spans_s = np.empty((len(near.votes), 2))
    for source, modality in enumerate(MODALITIES):
        part, own = labelled.by_modality[modality], near.sources == source
        rows = part.rows[near.votes[own]]
        segments[own], items[own], spans_s[own] = part.segments[rows], part.items[rows], part.spans_s[rows]
        labels[own] = part.labels[near.votes[own]]
    order = np.lexsort((labels, segments, -near.similarities, -near.weights, near.queries))
    queries = near.queries[order]
    order = order[np.arange(len(order)) - np.searchsorted(queries, queries, side="left") < most]
    return Votes(
        queries=near.queries[order],
        sources=near.sources[order],
        segments=segments[order],
        items=items[order],
        spans_s=spans_s[order],
        labels=labels[order],
        similarities=near.similarities[order],
        weights=near.weights[order],
    )


def _floor(block: Block, asking: Modality, parts: FloatArray, *, most: int) -> tuple[FloatArray, BoolArray]:
    """Find what votes must weigh to be among the greatest, and which labels have none that does.

    Each vote of a label weighs the mean's part, divided among all of them, at least, and the whole kernel's part more
    at most. Where a label has `most` votes, what weighs less than each of these does not count; of the labels of an
    answer, most are passed over by that.

    Parameters
    ----------
    block : Block
    asking : {"image", "sound"}
    parts : np.ndarray [shape=(n, n_labels, 4), float64]
        Of mean and kernel of the own modality, then of the other, in all that is said.
    most : int

    Returns
    -------
    floor : np.ndarray [shape=(n,), float64]
    may_count : np.ndarray [shape=(n, n_labels, 2), bool]
    """
    labelled = block.neighbours.labelled
    n_labels = len(labelled.names)
    sizes = np.stack(
        [np.bincount(labelled.by_modality[voting].labels, minlength=n_labels) for voting in own_first(asking)], axis=1
    )
    least = parts[..., [0, 2]] / np.maximum(sizes, 1)
    floor = _ROUNDING * np.where(sizes >= most, least, 0.0).max(axis=(1, 2), initial=0.0)
    # Of what has labels itself, some votes are not heard, and those that are weigh more.
    for part in labelled.by_modality.values():
        floor[part.votes_by_item.cast_by(block.own)[0]] = 0.0
    return floor, least + parts[..., [1, 3]] >= floor[:, None, None]
