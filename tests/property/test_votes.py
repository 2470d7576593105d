"""Who voted and how much it weighed, for many queries at once, against one query after the other in plain sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from modag_search.catalog import CatalogMoment
from modag_search.classify import neighbours as neighbours_module
from modag_search.classify.arithmetic.pooling import EvidenceWeights
from modag_search.classify.arithmetic.vote_shares import greatest_of_rows, likely_labels, not_outweighed
from modag_search.classify.classifiers import ClassifierOutput, NeighbourClassifier
from modag_search.classify.labelled_set import LabelledSet, LabelledVectors
from modag_search.classify.linear_evidence import linear_evidence
from modag_search.classify.neighbours import Neighbours
from modag_search.classify.queries import QueryBatch, QuerySegments
from modag_search.hierarchy import Hierarchy
from modag_search.rivalry import Rivalry
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.space import QueryModality

DIMENSION = 4
TEMPERATURE = 0.3
UNLIKE = {
    ("image", "image"): 0.3,
    ("image", "sound"): 0.1,
    ("sound", "image"): 0.1,
    ("sound", "sound"): 0.2,
    ("image", "text"): 0.15,
    ("sound", "text"): 0.05,
}
WEIGHTS: dict[Modality, EvidenceWeights] = {
    "image": EvidenceWeights(
        (4.0, 5.0, 1.0, 2.0),
        (3.0, 4.0, -1.0, 2.5),
        name=2.0,
        name_only=(9.0, -1.0),
        imputation=0.6,
        name_imputation=0.5,
        multilabel=(1.0, -2.0),
    ),
    "sound": EvidenceWeights(
        (2.0, 6.0, 0.0, 0.0),
        (0.0, 0.0, 0.5, 0.0),
        name=0.0,
        name_only=(5.0, 0.0),
        imputation=0.2,
        name_imputation=0.0,
        multilabel=(2.0, -1.0),
    ),
}


def unrelated(first: QueryModality, second: QueryModality) -> tuple[float, float]:
    return UNLIKE[first, second], 0.1


def units(random: np.random.Generator, n: int) -> np.ndarray:
    vectors = random.normal(0, 1, (n, DIMENSION)).astype(np.float32)
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def made_set(random: np.random.Generator, *, n_labels: int, is_exclusive: bool) -> LabelledSet:
    """Some labelled segments of both modalities; items 0 to 9 have up to a few each, and some segments two labels."""
    parts: dict[Modality, LabelledVectors] = {}
    for modality in MODALITIES:
        n = int(random.integers(0, 30))
        items = random.integers(0, 10, n)
        labels_of = [sorted(random.choice(n_labels, random.integers(1, 3), replace=False).tolist()) for _ in range(n)]
        order = sorted(range(n), key=lambda row: labels_of[row][0])
        votes = sorted((label, row) for row in range(n) for label in labels_of[order[row]])
        segments = np.arange(n) * 2 + MODALITIES.index(modality)
        votes.sort(key=lambda vote: (vote[0], segments[order[vote[1]]]))
        pairs = np.array(votes, dtype=np.int64).reshape(-1, 2)
        vectors = units(random, n)
        rows = np.array(order, dtype=np.int64)
        parts[modality] = LabelledVectors(
            segments[rows],
            items[rows],
            items[rows] % 7,
            np.full((n, 2), np.nan),
            vectors[rows],
            vectors[rows].astype(np.float16),
            pairs[:, 1],
            pairs[:, 0],
        )
    names = tuple(f"label {number}" for number in range(n_labels))
    understood = np.flatnonzero(random.random(n_labels) < random.choice([0.0, 0.6, 1.0]))
    return LabelledSet(
        names,
        names,
        Hierarchy(),
        Rivalry(rest_exclude=is_exclusive),
        np.concatenate([*(parts[modality].vectors for modality in MODALITIES), units(random, len(understood))]),
        parts,
        understood,
        CatalogMoment(0, "", 0),
    )


def made_segments(vectors: list[np.ndarray], queries: np.ndarray) -> QuerySegments:
    """Segments whose features are their vectors."""
    return QuerySegments(np.stack(vectors), np.stack(vectors), queries)


def made_batch(random: np.random.Generator, *, n: int) -> QueryBatch:
    """Some queries, of one modality or of both, with one segment or several; some are items with labels."""
    rows: dict[Modality, list[tuple[int, np.ndarray]]] = {modality: [] for modality in MODALITIES}
    for query in range(n):
        present = [m for m in MODALITIES if random.random() < 0.6] or ["sound"]
        for modality in present:
            rows[modality] += [(query, vector) for vector in units(random, int(random.integers(1, 6)))]
    segments = {
        modality: made_segments([v for _, v in own], np.array([q for q, _ in own], dtype=np.int64))
        for modality, own in rows.items()
        if own
    }
    return QueryBatch(tuple(map(str, range(n))), random.integers(-1, 12, n), segments)


@dataclass(frozen=True)
class Vote:
    weight: float
    similarity: float
    segment: int
    label: int


def expected_votes(
    classifier: NeighbourClassifier, batch: QueryBatch, probabilities: np.ndarray, query: int
) -> Iterator[Vote]:
    """All votes for one query, by the definition, each segment and each vote for itself."""
    own = {m: part.vectors[part.queries == query].astype(float) for m, part in batch.segments.items()}
    own = {m: vectors for m, vectors in own.items() if len(vectors)}
    likely = np.flatnonzero(likely_labels(probabilities[None])[0]).tolist()
    for asking, vectors in own.items():
        weights = classifier.evidence_weights[asking]
        for label in likely:
            share = probabilities[label] / (len(own) * max(1.0, probabilities.sum()))
            heard = {m: heard_votes(classifier, batch.items[query], m, label) for m in MODALITIES}
            understood = classifier.neighbours.labelled.understood
            named = None if len(understood) == 0 else label in understood
            for voting, (mean_part, kernel_part) in parts_of(weights, asking, heard, named=named).items():
                part = classifier.neighbours.labelled.by_modality[voting]
                similarities = vectors @ part.vectors[heard[voting]].astype(float).T
                kernels = np.mean([kernel_parts(row, classifier.neighbours.k) for row in similarities], axis=0)
                for place, row in enumerate(heard[voting]):
                    weight = share * (mean_part / len(kernels) + kernel_part * kernels[place])
                    yield Vote(weight, similarities[:, place].max(), int(part.segments[row]), label)


def heard_votes(classifier: NeighbourClassifier, item: int, modality: Modality, label: int) -> list[int]:
    part = classifier.neighbours.labelled.by_modality[modality]
    votes = zip(part.rows.tolist(), part.labels.tolist(), strict=True)
    return [row for row, voted in votes if voted == label and part.items[row] != item]


def parts_of(
    weights: EvidenceWeights, asking: Modality, heard: dict[Modality, list[int]], *, named: bool | None
) -> dict[Modality, tuple[float, float]]:
    there = [modality for modality in MODALITIES if heard[modality]]
    first, second, third, fourth = weights.own_and_other
    if not there:
        return {}
    if asking not in there:
        shown = {there[0]: weights.cross_only[:2]}
    elif len(there) == 1:
        shown = {asking: (first + weights.imputation * third, second + weights.imputation * fourth)}
    else:
        shown = {modality: (first, second) if modality == asking else (third, fourth) for modality in there}
    of_name = weights.name if asking in there else weights.cross_only[3]
    if named is False:
        first_of_all = asking if asking in there else there[0]
        mean, kernel = shown[first_of_all]
        shown[first_of_all] = (mean + of_name * weights.name_imputation, kernel)
    total = sum(sum(pair) for pair in shown.values()) + (of_name if named else 0.0)
    if total == 0:
        return {modality: (1 / len(there), 0.0) for modality in there}
    return {modality: (mean / total, kernel / total) for modality, (mean, kernel) in shown.items()}


def kernel_parts(similarities: np.ndarray, k: int) -> np.ndarray:
    ordered = sorted(similarities, reverse=True)
    least = ordered[min(k, len(ordered)) - 1]
    # Which of two that are nearly as near is the last to count, is a matter of rounding.
    assume(not any(0 < abs(similarity - least) < 1e-5 for similarity in similarities))
    parts = [math.exp(s / TEMPERATURE) if s >= least - 1e-6 else 0.0 for s in similarities]
    return np.array(parts) / sum(parts)


def answered(
    classifier: NeighbourClassifier, batch: QueryBatch, *, most: int
) -> tuple[ClassifierOutput, list[list[Vote]]]:
    answers = classifier.answer(batch, most_votes=most)
    votes = answers.votes
    rows = zip(votes.weights, votes.similarities, votes.segments, votes.labels, strict=True)
    by_query: list[list[Vote]] = [[] for _ in range(len(batch))]
    for query, (weight, similarity, segment, label) in zip(votes.queries.tolist(), rows, strict=True):
        by_query[query].append(Vote(float(weight), float(similarity), int(segment), int(label)))
    return answers, by_query


@given(st.integers(0, 2**31), st.integers(1, 25), st.integers(1, 8), st.integers(1, 7), st.booleans())
@settings(deadline=None)
def test_the_votes_of_many_queries_are_those_of_each(
    seed: int, most: int, k: int, n_labels: int, is_exclusive: bool
) -> None:
    random = np.random.default_rng(seed)
    labelled = made_set(random, n_labels=n_labels + 1, is_exclusive=is_exclusive)
    batch = made_batch(random, n=7)
    compared = Neighbours(
        labelled=labelled,
        unrelated_similarity=unrelated,
        linear=linear_evidence(labelled),
        k=k,
        temperature=TEMPERATURE,
    )
    classifier = NeighbourClassifier(compared, WEIGHTS)
    answers, votes = answered(classifier, batch, most=most)
    for query, listed in enumerate(votes):
        every = sorted(
            expected_votes(classifier, batch, answers.probabilities[query], query),
            key=lambda vote: (-vote.weight, -vote.similarity, vote.segment),
        )
        assert [vote.weight for vote in listed] == pytest.approx([vote.weight for vote in every[:most]], abs=1e-5)
        assert sum(vote.weight for vote in listed) <= 1 + 1e-5
        same = [(vote.segment, vote.label) for vote in every]
        for place, vote in enumerate(listed):
            there = [n for n, pair in enumerate(same) if pair == (vote.segment, vote.label)]
            near = min(
                there, key=lambda n: abs(every[n].weight - vote.weight) + abs(every[n].similarity - vote.similarity)
            )
            assert every[near].weight == pytest.approx(vote.weight, abs=1e-5)
            assert every[near].similarity == pytest.approx(vote.similarity, abs=1e-5)
            assert every[near].weight == pytest.approx(every[place].weight, abs=1e-5), "in order"


@given(st.integers(0, 2**31), st.integers(1, 60))
@settings(deadline=None)
def test_it_makes_no_difference_how_much_is_compared_at_once(seed: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    labelled = made_set(random, n_labels=5, is_exclusive=True)
    batch = made_batch(random, n=9)
    compared = [
        Neighbours(labelled=labelled, unrelated_similarity=unrelated, linear=linear_evidence(labelled), k=3)
        for _ in range(2)
    ]
    whole = answered(NeighbourClassifier(compared[0], WEIGHTS), batch, most=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours_module, "_CELLS_AT_ONCE", cells)
        in_pieces = answered(NeighbourClassifier(compared[1], WEIGHTS), batch, most=6)
    np.testing.assert_allclose(in_pieces[0].probabilities, whole[0].probabilities, atol=1e-3)
    for some, same in zip(in_pieces[1], whole[1], strict=True):
        assert [vote.weight for vote in some] == pytest.approx([vote.weight for vote in same], abs=1e-3)


@given(st.integers(0, 2**31), st.integers(1, 10))
def test_of_equal_votes_the_first_are_chosen(seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    weights = (random.integers(0, 3, (4, 16)) / 4).astype(np.float32)
    similarities = (random.integers(-2, 3, (4, 16)) / 4).astype(np.float32)
    there = random.random((4, 16)) < 0.9
    there[:, :11] = True
    chosen = greatest_of_rows(weights, similarities, there, most=most)
    for row in range(4):
        order = sorted(np.flatnonzero(there[row]), key=lambda n: (-weights[row, n], -similarities[row, n], n))
        assert sorted(order[:most]) == np.flatnonzero(chosen[row]).tolist()


@given(st.integers(0, 2**31), st.integers(1, 6))
def test_no_vote_that_counts_is_left_out(seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    queries, weights = random.integers(0, 4, 40), random.integers(0, 9, 40) / 8
    left = set(not_outweighed(queries, weights, most=most).tolist())
    for vote in range(40):
        heavier = ((queries == queries[vote]) & (weights > weights[vote])).sum()
        assert (vote in left) == (heavier < most)
    assert sorted(not_outweighed(queries, weights, most=10**9).tolist()) == list(range(40)), (
        "no room is made for as many"
    )


@given(st.integers(0, 2**31), st.integers(2, 7))
@settings(deadline=None)
def test_what_a_name_says_is_how_far_it_is_above_unlike_words(seed: int, n_labels: int) -> None:
    random = np.random.default_rng(seed)
    labelled = made_set(random, n_labels=n_labels, is_exclusive=True)
    batch = made_batch(random, n=5)
    compared = Neighbours(labelled=labelled, unrelated_similarity=unrelated, linear=linear_evidence(labelled), k=3)
    of_texts = labelled.vectors[len(labelled.vectors) - len(labelled.understood) :].astype(float)
    for block in compared.blocks(batch.segments, batch.items):
        for modality, part in block.evidence().items():
            own = batch.segments[modality]
            for row, query in enumerate(part.queries.tolist()):
                vectors = own.vectors[own.queries == block.first + query].astype(float)
                expected = np.full(n_labels, -np.inf)
                expected[labelled.understood] = (vectors @ of_texts.T).mean(axis=0) - UNLIKE[modality, "text"]
                np.testing.assert_allclose(part.evidence[row, :, 4], expected, atol=1e-5)
