"""Who had a part in an answer: labelled segments, with what each said and how much it weighed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.knn import like_sized, padded
from modag_search.classify.neighbours import own_first
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modag_search.classify.arithmetic.pooling import BoolArray, EvidenceWeights, FloatArray
    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.classify.neighbours import Block, QueryEvidence

_LISTED = 0.99
"""Share of the probability of an answer whose voters are listed."""
_LABELS_LISTED = 3
"""Labels whose voters are listed in any case."""
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
    likely = _likely(shares)
    candidates: list[_Candidates] = []
    for modality, part in evidence.items():
        own_and_other = np.isfinite(part.evidence[..., [0, 2]])
        divided = np.zeros((*likely.shape, 4))
        divided[part.queries] = _divided(weights[modality], own_and_other)
        heard = np.zeros((*likely.shape, 2), dtype=bool)
        heard[part.queries] = own_and_other & likely[part.queries, :, None]
        heard &= _may_count(block, modality, divided * shares[..., None], most=most)
        for side, voting in enumerate(own_first(modality)):
            for support in _supports(block, modality, voting, heard[..., side]):
                pairs = support.queries, support.labels
                of_side = divided[..., 2 * side : 2 * side + 2][pairs]
                candidates.append(_weighed(block, support, of_side, shares[pairs], most=most))
    return _greatest_of_queries(block.neighbours.labelled, candidates, most=most)


@dataclass(frozen=True, slots=True, eq=False)
class _Support:
    """What the votes of one modality for a label say of a query; a row for each pair of a query and a label.

    Attributes
    ----------
    asking, voting : {"image", "sound"}
    queries, labels : np.ndarray [shape=(n,), int64]
    votes : np.ndarray [shape=(n, width), int64]
        Places among the votes of the modality; rows of labels that have fewer than others are padded.
    kernels : np.ndarray [shape=(n, width), float32]
        Share of each vote in the label's kernel estimate, averaged over the query's segments.
    nearest : np.ndarray [shape=(n, width), float32]
        How far the nearest of the query's segments is above unlike things; -inf for what is padding, and for votes that
        the query must not hear.
    """

    asking: Modality
    voting: Modality
    queries: Int64Array
    labels: Int64Array
    votes: Int64Array
    kernels: Float32Array
    nearest: Float32Array


def _supports(block: Block, asking: Modality, voting: Modality, heard: BoolArray) -> Iterator[_Support]:
    """Gather what one modality says of the block's segments of another, some pairs of query and label at a time.

    Parameters
    ----------
    block : Block
    asking, voting : {"image", "sound"}
    heard : np.ndarray [shape=(n, n_labels), bool]
        The pairs: each label must have a vote that the query hears.

    Yields
    ------
    _Support
    """
    of_votes = block.neighbours.labelled.by_modality[voting].labels
    firsts, stops = (np.searchsorted(of_votes, np.arange(heard.shape[1]), side=side) for side in ("left", "right"))
    queries, labels = np.nonzero(heard)
    sizes = (stops - firsts)[labels]
    for alike in like_sized(sizes):
        step = max(1, _CELLS_AT_ONCE // (int(sizes[alike].max()) * block.most_segments))
        for start in range(0, len(alike), step):
            pairs = alike[start : start + step]
            votes, there = padded(firsts[labels[pairs]], sizes[pairs])
            kernels, nearest = _compared(block, (asking, voting), queries[pairs], votes, there=there)
            yield _Support(asking, voting, queries[pairs], labels[pairs], votes, kernels, nearest)


def _compared(
    block: Block, modalities: tuple[Modality, Modality], queries: Int64Array, votes: Int64Array, *, there: BoolArray
) -> tuple[Float32Array, Float32Array]:
    """Return `kernels` and `nearest` of a `_Support`, over all segments of each query."""
    asking, voting = modalities
    k, temperature = block.neighbours.k, block.neighbours.temperature
    kernels, nearest = np.zeros(votes.shape, dtype=np.float32), np.full(votes.shape, -np.inf, dtype=np.float32)
    n_segments = np.zeros(len(queries), dtype=np.float32)
    for piece in block.pieces():
        if piece.modality != asking:
            continue
        firsts = np.searchsorted(piece.queries, queries, side="left")
        counts = np.searchsorted(piece.queries, queries, side="right") - firsts
        # A row for each segment of a pair's query; those of a pair begin at `begins`.
        begins = np.cumsum(counts) - counts
        pairs = np.repeat(np.arange(len(queries)), counts)
        segments = np.arange(len(pairs)) + np.repeat(firsts - begins, counts)
        above = piece.above[voting][segments[:, None], votes[pairs]]
        if not there.all():
            above[~there[pairs]] = -np.inf
        shares = _kernel_shares(above, k=k, temperature=temperature)
        if len(pairs) > len(queries):
            shares, above = np.add.reduceat(shares, begins, axis=0), np.maximum.reduceat(above, begins, axis=0)
        kernels += shares
        np.maximum(nearest, above, out=nearest)
        n_segments += counts
    return kernels / n_segments[:, None], nearest


def _kernel_shares(above: Float32Array, *, k: int, temperature: float) -> Float32Array:
    """Divide the kernel estimate of each row among its votes ``[shape=(n, width)]``: all but the `k` nearest get 0."""
    shares: Float32Array = np.exp((above - above.max(axis=1, keepdims=True)) / np.float32(temperature))
    if above.shape[1] > k:
        shares[above < np.partition(above, -k, axis=1)[:, -k, None]] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Votes that may be among the greatest of a query, a row each.

    Attributes
    ----------
    source : int
        Number of the modality that votes.
    queries, votes : np.ndarray [shape=(n,), int64]
    similarities : np.ndarray [shape=(n,), float32]
    weights : np.ndarray [shape=(n,), float64]
    """

    source: int
    queries: Int64Array
    votes: Int64Array
    similarities: Float32Array
    weights: FloatArray


def _weighed(block: Block, support: _Support, divided: FloatArray, shares: FloatArray, *, most: int) -> _Candidates:
    """Weigh the votes for each pair of a query and a label.

    Parameters
    ----------
    block : Block
    support : _Support
    divided : np.ndarray [shape=(n, 2), float64]
        Parts that mean and kernel of the modality have of what is said for the label.
    shares : np.ndarray [shape=(n,), float64]
        Part that the label has of what is said for all.
    most : int
        How many of each pair are kept, at the most.

    Returns
    -------
    _Candidates
    """
    heard = np.isfinite(support.nearest)
    each = (divided[:, 0] / heard.sum(axis=1)).astype(np.float32)
    weights = each[:, None] + divided[:, 1].astype(np.float32)[:, None] * support.kernels
    unlike = block.neighbours.unrelated_similarity(support.asking, support.voting)[0]
    similarities = support.nearest + np.float32(unlike)
    pairs, columns = np.nonzero(_greatest(weights, similarities, heard, most=most))
    return _Candidates(
        source=MODALITIES.index(support.voting),
        queries=support.queries[pairs],
        votes=support.votes[pairs, columns],
        similarities=similarities[pairs, columns],
        weights=weights[pairs, columns] * shares[pairs],
    )


def _greatest(weights: Float32Array, similarities: Float32Array, heard: BoolArray, *, most: int) -> BoolArray:
    """Choose the `most` votes of each row that are heard: by weight, then similarity, then the first.

    Weight and similarity are compared at once, as one number: bits of a float that is not negative are in the order of
    its values, and so are those of any float once negative ones are turned round.
    """
    if weights.shape[1] <= most:
        return heard
    bits = (similarities + np.float32(0)).view(np.uint32)
    ordered = bits ^ np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    keys = np.where(heard, (weights.view(np.uint32).astype(np.uint64) << np.uint64(32)) | ordered, np.uint64(0))
    least = np.partition(keys, -most, axis=1)[:, -most, None]
    chosen: BoolArray = (keys >= least) & heard
    # Copies are equal to the last bit: where more are than there is room for, the first have it.
    tied = np.flatnonzero(chosen.sum(axis=1) > most)
    equal = keys[tied] == least[tied]
    room = most - (chosen[tied] & ~equal).sum(axis=1, keepdims=True)
    chosen[tied] &= ~equal | (np.cumsum(equal, axis=1) <= room)
    return chosen


def _greatest_of_queries(labelled: LabelledSet, candidates: list[_Candidates], *, most: int) -> Votes:
    """Choose the greatest votes of each query, in order."""
    if not candidates:
        return Votes.none()
    joined = _Candidates(-1, *(np.concatenate([getattr(part, name) for part in candidates]) for name in _COLUMNS))
    sources = np.repeat([part.source for part in candidates], [len(part.queries) for part in candidates])
    near = _none_too_small(joined.queries, joined.weights, most=most)
    queries, votes, sources = joined.queries[near], joined.votes[near], sources[near]
    similarities, weights = joined.similarities[near], joined.weights[near]
    segments, items, labels = np.empty_like(votes), np.empty_like(votes), np.empty_like(votes)
    spans_s = np.empty((len(votes), 2))
    for source, modality in enumerate(MODALITIES):
        part, own = labelled.by_modality[modality], sources == source
        rows = part.rows[votes[own]]
        segments[own], items[own], spans_s[own] = part.segments[rows], part.items[rows], part.spans_s[rows]
        labels[own] = part.labels[votes[own]]
    order = np.lexsort((labels, segments, -similarities, -weights, queries))
    ordered = queries[order]
    order = order[np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left") < most]
    return Votes(
        queries=queries[order],
        sources=sources[order],
        segments=segments[order],
        items=items[order],
        spans_s=spans_s[order],
        labels=labels[order],
        similarities=similarities[order],
        weights=weights[order],
    )


_COLUMNS = ("queries", "votes", "similarities", "weights")


def _none_too_small(queries: Int64Array, weights: FloatArray, *, most: int) -> Int64Array:
    """Leave out, before all are sorted, the votes that `most` others of the same query outweigh."""
    order = np.argsort(queries, kind="stable")
    _, firsts, numbers, counts = np.unique(queries[order], return_index=True, return_inverse=True, return_counts=True)
    table = np.full((len(firsts), max(int(counts.max(initial=0)), most)), -1.0)
    table[numbers, np.arange(len(order)) - firsts[numbers]] = weights[order]
    least = np.partition(table, -most, axis=1)[:, -most]
    return order[weights[order] >= least[numbers]]


def _likely(shares: FloatArray) -> BoolArray:
    """Choose, for each query, the labels that nearly all of the probability is on, and the first few in any case."""
    order = np.argsort(-shares, axis=1, kind="stable")
    ranked = np.take_along_axis(shares, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    counts = before < _LISTED * shares.sum(axis=1, keepdims=True)
    counts[:, :_LABELS_LISTED] = True
    likely = np.zeros(shares.shape, dtype=bool)
    np.put_along_axis(likely, order, counts & (ranked > 0), axis=1)
    return likely


def _may_count(block: Block, asking: Modality, parts: FloatArray, *, most: int) -> BoolArray:
    """Pass over labels none of whose votes can be among the greatest: of the labels of an answer, that is most.

    Each vote of a label weighs the mean's part, divided among all of them, at least, and the whole kernel's part more
    at most. Where a label has `most` votes, what weighs less than each of these does not count.

    Parameters
    ----------
    block : Block
    asking : {"image", "sound"}
    parts : np.ndarray [shape=(n, n_labels, 4), float64]
        Of mean and kernel of the own modality, then of the other, in all that is said.
    most : int

    Returns
    -------
    np.ndarray [shape=(n, n_labels, 2), bool]
    """
    labelled = block.neighbours.labelled
    n_labels = len(labelled.names)
    sizes = np.stack(
        [np.bincount(labelled.by_modality[voting].labels, minlength=n_labels) for voting in own_first(asking)], axis=1
    )
    least = parts[..., [0, 2]] / np.maximum(sizes, 1)
    floor = np.where(sizes >= most, least, 0.0).max(axis=(1, 2), initial=0.0)
    # Of what has labels itself, some votes are not heard, and those that are weigh more.
    for part in labelled.by_modality.values():
        floor[part.votes_by_item.cast_by(block.own)[0]] = 0.0
    may: BoolArray = least + parts[..., [1, 3]] >= _ROUNDING * floor[:, None, None]
    return may


def _divided(weights: EvidenceWeights, there: BoolArray) -> FloatArray:
    """Divide answers among the means and kernels of both modalities.

    Parameters
    ----------
    weights : EvidenceWeights
    there : np.ndarray [shape=(n, n_labels, 2), bool]
        Whether a label has votes of the query's own modality, and of the other.

    Returns
    -------
    np.ndarray [shape=(n, n_labels, 4), float64]
        Of mean and kernel of the own modality, then of the other; they add up to 1 where there are votes at all.
    """
    own, other = there[..., :1], there[..., 1:]
    of_own, of_other = np.array(weights.own_and_other[:2]), np.array(weights.own_and_other[2:])
    # Where the other modality has none, what the own says stands for the other's too.
    first = np.where(own, np.where(other, of_own, of_own + weights.imputation * of_other), 0.0)
    second = np.where(other, np.where(own, of_other, np.array(weights.cross_only[:2])), 0.0)
    shown = np.concatenate([first, second], axis=-1)
    total = shown.sum(axis=-1, keepdims=True)
    evenly = there[..., [0, 0, 1, 1]] * np.array([1.0, 0.0, 1.0, 0.0]) / np.maximum(there.sum(axis=-1), 1)[..., None]
    divided: FloatArray = np.where(total > 0, shown / np.where(total > 0, total, 1.0), evenly)
    return divided
