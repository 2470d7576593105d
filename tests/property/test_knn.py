"""Votes of neighbours, against a plain sum and as laws."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from modag_search.knn import TEMPERATURE, vote, vote_all, vote_weights

COSINES = st.floats(-1, 1, width=32)
VOTES = st.lists(st.tuples(COSINES, st.sampled_from(["harp", "lute", "oboe"])), min_size=1, max_size=30)


def split(votes: list[tuple[float, str]]) -> tuple[np.ndarray, list[str]]:
    return np.array([similarity for similarity, _ in votes], dtype=np.float32), [label for _, label in votes]


@given(VOTES)
def test_shares_add_up_to_one_and_fall(votes: list[tuple[float, str]]) -> None:
    scores = [entry.score for entry in vote(*split(votes))]
    assert sum(scores) == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0
    assert {entry.label for entry in vote(*split(votes))} == {label for _, label in votes}


@given(VOTES)
def test_a_share_is_a_sum_of_exponentials(votes: list[tuple[float, str]]) -> None:
    sums: dict[str, float] = {}
    for similarity, label in votes:
        sums[label] = sums.get(label, 0.0) + math.exp(similarity / TEMPERATURE)
    for entry in vote(*split(votes)):
        assert entry.score == pytest.approx(sums[entry.label] / sum(sums.values()), rel=1e-3, abs=1e-6)


@given(VOTES, st.randoms(use_true_random=False))
def test_the_order_of_neighbours_does_not_count(votes: list[tuple[float, str]], random: object) -> None:
    shuffled = votes.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ours = {entry.label: entry.score for entry in vote(*split(votes))}
    theirs = {entry.label: entry.score for entry in vote(*split(shuffled))}
    assert ours == pytest.approx(theirs)


def test_ties_are_broken_by_name() -> None:
    scores = vote(np.array([0.5, 0.5], dtype=np.float32), ["lute", "harp"])
    assert [(entry.label, entry.score) for entry in scores] == [("harp", 0.5), ("lute", 0.5)]


def test_neighbours_that_are_not_there_weigh_nothing() -> None:
    weights = vote_weights(np.array([[0.3, -np.inf], [-np.inf, -np.inf]], dtype=np.float32))
    assert weights.tolist() == [[1, 0], [0, 0]]


@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 12)), elements=COSINES, unique=True),
    st.integers(1, 15),
    st.integers(0, 2**31),
)
def test_many_at_once_vote_as_one_by_one(similarities: np.ndarray, k: int, seed: int) -> None:
    n_voters: int = similarities.shape[1]
    classes = np.random.default_rng(seed).integers(0, 4, n_voters)
    shares = vote_all(similarities, classes, n_classes=4, k=k)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    for row, share in zip(similarities, shares, strict=True):
        nearest = np.argsort(-row)[:k]
        expected = vote(row[nearest], [str(classes[i]) for i in nearest])
        for entry in expected:
            assert share[int(entry.label)] == pytest.approx(entry.score, abs=1e-5)
